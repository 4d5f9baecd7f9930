"""The main loop on a real forge: what must happen, and what people, CI and the world can do meanwhile."""

import time
from dataclasses import replace
from functools import partial

import pytest
from tests.flows.house import ORG, House, digest_of, lane_in

from penstock.cli.telling import told
from penstock.core.approval import ApprovalScope
from penstock.core.change import is_settled
from penstock.core.change.events import ArtifactsReady
from penstock.core.change.model import Change, IssueLink, State
from penstock.core.policy.rules import Holder, Tier
from penstock.core.proposal import ProposalRefused
from penstock.core.refs import RepoRef
from penstock.flows import orders
from penstock.flows.preparing import plan
from penstock.flows.views import text_of

LIB = {"pyproject.toml": '[project]\nname = "lib"\nversion = "1"\n'}
APP = {"pyproject.toml": '[project]\nname = "app"\nversion = "1"\ndependencies = ["lib"]\n'}


def test_providers_merge_first_and_every_write_was_decided_before(house: House):
    lib, app = house.repository("way-lib", LIB), house.repository("way-app", APP)
    with house.working():
        name = house.to_merge_approval(app, lib)
        assert not any(pull["merged_at"] for repo in (lib, app) for pull in house.pulls(repo))
        house.approve(name, ApprovalScope.MERGE)
        done = house.until(name, State.DONE, and_=is_settled)
    merges = [e.event.repo for e in house.home.store.reader.entries(name) if e.event.kind == "E_MERGED"]
    assert merges == [lib.node_id, app.node_id]
    assert all(len(house.pulls(repo)) == 1 for repo in (lib, app))
    assert done.refused == 0
    (labels,) = [[label["name"] for label in pull["labels"]] for pull in house.pulls(lib)]
    assert labels == [f"risk:{done.tier}"], "a person approved it"
    kinds = house.kinds(name)
    written = ("E_PATCHES_APPLIED", "E_PR_OPENED", "E_ROLLBACK_POINT_PLACED", "E_MERGED", "E_WITHDRAWN")
    assert [kinds.count(kind) for kind in written] == [2] * len(written)
    assert kinds.count("E_TAP_DECIDED") == 2 * len(written)
    assert all(house.branches(repo) == {"main"} for repo in (lib, app)), "what is merged is taken away"


def test_nothing_is_written_before_the_approval(house: House):
    repo = house.repository("patient")
    with house.working():
        name = house.start(repo)
        house.until(name, State.WAITING_USER_APPROVAL)
    assert house.branches(repo) == {"main"}
    assert house.pulls(repo) == []


DEPENDENTS = [("one needs it", APP["pyproject.toml"], 1), ("one cannot be read", "[project", None)]


@pytest.mark.parametrize(("what", "manifest", "dependents"), DEPENDENTS, ids=[r[0] for r in DEPENDENTS])
def test_who_depends_on_it_is_unknown_unless_every_repository_was_read(
    house: House, what, manifest, dependents
):
    lib = house.repository(f"blast-lib-{dependents}", LIB)
    app = house.repository(f"blast-app-{dependents}", {"pyproject.toml": manifest})
    house.script.parts = {lib.full_name}
    reader = Narrowed(house.home.reader, {lib.full_name, app.full_name})
    world = replace(house.home.world, reader=reader, recipes=house.script)
    asked = replace(house.change(house.start(lib)), recipe="scripted")
    texts = house.home.store.texts()
    by_name = plan(world, asked, texts)
    issue = IssueLink(repo=lib, number=1)
    by_issue = plan(world, replace(asked, targets=(), issue=issue), texts)
    assert isinstance(by_name, ArtifactsReady)
    assert isinstance(by_issue, ArtifactsReady)
    assert (by_name.dependents, by_issue.dependents) == (None, dependents)
    said = text_of(texts, next(a.text for a in by_issue.artifacts if a.name == "architecture"))
    assert ("is unknown" in said) is (dependents is None)


def test_an_excluded_repository_takes_no_part(house: House):
    """An issue of one repository changes those of the fleet, and no other."""
    lib = house.repository("fleet-lib")
    house.repository("fleet-out")
    fleet = replace(house.home.world.fleet, include=("fleet-*",), exclude=("*-out",))
    world = replace(house.home.world, fleet=fleet, recipes=house.script)
    asked = replace(house.change(house.start(lib)), recipe="scripted", targets=())
    planned = plan(world, replace(asked, issue=IssueLink(repo=lib, number=1)), house.home.store.texts())
    assert isinstance(planned, ArtifactsReady)
    assert [repo.repo.name for repo in planned.repos] == ["fleet-lib"]


class Narrowed:
    """A reader that sees only these repositories of the organization."""

    def __init__(self, reader, names: set[str]) -> None:
        self._reader, self._names = reader, names

    def __getattr__(self, name):
        return getattr(self._reader, name)

    def repositories(self, owner):
        return tuple(f for f in self._reader.repositories(owner) if f.full_name in self._names)


REJECTED = [
    ("CI files", ".github/workflows/ci.yml", "on: push\n", "protected_paths"),
    ("outside the scope", "setup.cfg", "[x]\n", "in_scope"),
    ("our own policy", "config/orchestrator.yml", "version: 1\n", "own_policy"),
    ("broken code", "src/a.py", "def (\n", "parses"),
    ("a secret", "src/a.py", "token = 'ghp_" + "b" * 36 + "'\n", "P-001"),
    ("hidden characters", "src/a.py", "x = 1  # \u202e\n", "no_surprises"),
]


@pytest.mark.parametrize(("what", "path", "text", "rule"), REJECTED, ids=[r[0] for r in REJECTED])
def test_what_strays_is_blocked_with_the_rule_that_says_so(house: House, what, path, text, rule):
    repo = house.repository("stray-" + what.replace(" ", "-").lower())

    def edit(folder):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)

    house.script.edit = edit
    with house.working():
        name = house.start(repo)
        change = house.until(name, State.BLOCKED_POLICY)
    gates = next(
        e.event for e in house.home.store.reader.entries(name) if e.event.kind == "E_GATES_EVALUATED"
    )
    assert rule in {violation.rule for violation in gates.violations}
    line = told(gates, change, "")
    assert line
    assert rule in line.plain.split(";")[0], "and so does `ledger show`"
    assert change.approvals == ()
    assert house.branches(repo) == {"main"}


def test_what_is_protected_is_changed_only_where_a_person_puts_it_in_scope(house: House):
    repo = house.repository("workflow")
    workflow = ".github/workflows/test.yml"

    def edit(folder):
        (folder / ".github/workflows").mkdir(parents=True)
        (folder / workflow).write_text(
            "on: push\npermissions: {}\njobs: {a: {runs-on: ubuntu-latest, steps: [{run: 'true'}]}}\n"
        )

    house.script.edit = edit
    with house.working():
        name = house.start(repo)
        blocked = house.until(name, State.BLOCKED_POLICY)
        desk = house.home.desk(interactive=True)
        for beyond in ("**", "src/**", "config/policies/**", ".infinity/policy.yml"):
            refused = orders.resume(desk, blocked, named=(beyond,))
            assert not refused.recorded, beyond
        assert house.change(name).state is State.BLOCKED_POLICY
        assert orders.resume(desk, blocked, named=(".github/workflows/other.yml",)).recorded
        still = house.until(name, State.BLOCKED_POLICY, and_=lambda now: now.n > blocked.n + 1)
        assert orders.resume(desk, still, named=(".github/workflows/*.yml",)).recorded
        waiting = house.until(name, State.WAITING_USER_APPROVAL)
        assert waiting.tier is Tier.HIGH
        assert not waiting.approvals
        late = orders.resume(desk, waiting, named=(".github/dependabot.yml",))
        assert not late.recorded
        house.approve(name)
        house.until(name, State.PR_OPEN)


def test_a_refused_proposal_asks_a_person_and_a_resume_asks_again(house: House):
    repo = house.repository("refusing")
    house.script.refusal = ProposalRefused(code="timeout", detail="ran into its limit of 1 s")
    with house.working():
        name = house.start(repo)
        assert house.until(name, State.NEEDS_HUMAN).reason == "proposal_timeout"
        house.script.refusal = None
        orders.resume(house.home.desk(interactive=True), house.change(name))
        house.until(name, State.WAITING_USER_APPROVAL)


def test_nothing_to_change_asks_a_person(house: House):
    repo = house.repository("idle")
    house.script.edit = None
    with house.working():
        assert house.until(house.start(repo), State.NEEDS_HUMAN).reason == "nothing_to_change"


def test_a_base_that_moved_is_not_written_blindly_and_is_proposed_anew(house: House):
    repo = house.repository("moving")
    with house.working():
        name = house.start(repo)
        house.until(name, State.WAITING_USER_APPROVAL)
        house.put("moving", "src/a.py", "x = 3\n")
        house.approve(name)
        assert house.until(name, State.NEEDS_HUMAN).reason == "base_moved"
        assert house.branches(repo) == {"main"}
        orders.resume(house.home.desk(interactive=True), house.change(name))
        change = house.until(name, State.WAITING_USER_APPROVAL)
        assert len(house.script.briefs) == 2
        assert not change.approved(digest_of(change), ApprovalScope.CONTENT, change.updated_at)


@pytest.mark.parametrize(
    ("what", "body", "reason"),
    [("archived", {"archived": True}, "archived"), ("renamed", {"name": "away-renamed-now"}, "renamed")],
)
def test_a_repository_that_was_archived_or_renamed_is_left_alone(house: House, what, body, reason):
    repo = house.repository(f"away-{what}")
    with house.working():
        name = house.start(repo)
        house.until(name, State.WAITING_USER_APPROVAL)
        house.ask("PATCH", f"/repos/{ORG}/{repo.name}", body)
        house.approve(name)
        assert house.until(name, State.NEEDS_HUMAN).reason == reason


def test_somebody_elses_branch_of_our_name_is_left_alone(house: House):
    repo = house.repository("taken")
    with house.working():
        name = house.start(repo)
        house.until(name, State.WAITING_USER_APPROVAL)
        base = house.ask("GET", f"/repos/{ORG}/taken/git/ref/heads/main").json()["object"]["sha"]
        house.ask("POST", f"/repos/{ORG}/taken/git/refs", {"ref": f"refs/heads/penstock/{name}", "sha": base})
        house.approve(name)
        assert house.until(name, State.NEEDS_HUMAN).reason == "head_moved"
    there = house.ask("GET", f"/repos/{ORG}/taken/git/ref/heads/penstock/{name}").json()["object"]["sha"]
    assert there == base


def test_a_persons_push_to_the_branch_stops_it(house: House):
    repo = house.repository("pushed")
    with house.working():
        name = house.to_pull_requests(repo)
        house.put("pushed", "README.md", "mine\n", branch=f"penstock/{name}")
        assert house.until(name, State.NEEDS_HUMAN).reason == "head_moved"
    assert not house.pulls(repo)[0]["merged_at"]


def test_a_closed_pull_request_stops_it(house: House):
    repo = house.repository("closed")
    with house.working():
        name = house.to_pull_requests(repo)
        house.ask("PATCH", f"/repos/{ORG}/closed/pulls/1", {"state": "closed"})
        assert house.until(name, State.NEEDS_HUMAN).reason == "pull_request_closed"


def test_a_deleted_branch_stops_it(house: House):
    repo = house.repository("deleted")
    with house.working():
        name = house.to_pull_requests(repo)
        house.ask("DELETE", f"/repos/{ORG}/deleted/git/refs/heads/penstock/{name}")
        house.until(name, State.NEEDS_HUMAN)
    assert not house.pulls(repo)[0]["merged_at"]


def test_a_person_may_merge(house: House):
    repo = house.repository("by-hand")
    with house.working():
        name = house.to_merge_approval(repo)
        house.ask("PUT", f"/repos/{ORG}/by-hand/pulls/1/merge", {"merge_method": "merge"})
        house.until(name, State.DONE)
    merged = next(e.event for e in house.home.store.reader.entries(name) if e.event.kind == "E_MERGED")
    assert merged.by.login == "operator"
    assert merged.faithful


def test_a_base_that_moves_before_the_merge_needs_a_new_yes(house: House):
    repo = house.repository("late", {"src/a.py": "x = 1\n" + "# \n" * 8})
    with house.working():
        name = house.to_merge_approval(repo)
        before = house.change(name).shipping[0].forward.preview
        house.put("late", "src/a.py", "x = 9\n" + "# \n" * 8)
        house.approve(name, ApprovalScope.MERGE)
        change = house.until(
            name, State.VERIFYING_CI, and_=lambda c: c.shipping[0].forward.preview not in {None, before}
        )
        assert not house.pulls(repo)[0]["merged_at"]
        house.approve(name, ApprovalScope.MERGE)
        house.until(name, State.DONE)
    after = change.shipping[0].forward.preview
    assert before
    assert after
    assert after.base_commit != before.base_commit


def test_red_checks_send_it_back_and_the_same_answer_asks_a_person(house: House):
    repo = house.repository("red")
    with house.working():
        name = house.to_pull_requests(repo)
        house.report(house.change(name), "failure")
        assert house.until(name, State.NEEDS_HUMAN).reason == "same_proposal"
    assert "failure" in house.script.briefs[-1].feedback
    assert not house.pulls(repo)[0]["merged_at"]


def test_a_fix_goes_on_top_of_the_same_branch_after_its_own_approval(house: House):
    repo = house.repository("fixed")

    def fix(folder):
        (folder / "src" / "a.py").write_text("x = 1\ny = 3\n")

    with house.working():
        name = house.to_pull_requests(repo)
        house.script.edit = fix
        house.report(house.change(name), "failure")
        house.until(name, State.WAITING_USER_APPROVAL)
        house.approve(name)
        house.until(name, State.PR_OPEN)
        house.report(house.change(name))
        house.until(
            name, State.VERIFYING_CI, and_=lambda c: all(lane.forward.preview for lane in c.to_verify)
        )
        house.approve(name, ApprovalScope.MERGE)
        house.until(name, State.DONE)
    assert len(house.pulls(repo)) == 1
    assert len(house.ask("GET", f"/repos/{ORG}/fixed/pulls/1/commits").json()) == 2


def test_requested_changes_reach_the_proposer(house: House):
    repo = house.repository("words")
    with house.working():
        name = house.start(repo)
        change = house.until(name, State.WAITING_USER_APPROVAL)
        house.script.edit = lambda folder: (folder / "src" / "a.py").write_text("x = 7\n")
        orders.request_changes(house.home.desk(interactive=True), change, digest_of(change), "say seven")
        house.until(name, State.WAITING_USER_APPROVAL, and_=lambda c: c.rounds == 1)
    assert house.script.briefs[-1].feedback == "say seven"


def test_a_rejection_ends_it(house: House):
    repo = house.repository("rejected")
    with house.working():
        name = house.start(repo)
        change = house.until(name, State.WAITING_USER_APPROVAL)
        orders.reject(house.home.desk(interactive=True), change, digest_of(change), "no")
        house.until(name, State.FAILED)
        late = house.approve(name)
    assert late == ()
    assert house.branches(repo) == {"main"}


def test_a_cancel_closes_what_it_opened(house: House):
    repo = house.repository("cancelled")
    with house.working():
        name = house.to_pull_requests(repo)
        orders.cancel(house.home.desk(interactive=True), house.change(name), rollback=False, words="enough")
        house.until(name, State.CANCELLED)
    assert [pull["state"] for pull in house.pulls(repo)] == ["closed"]
    assert house.branches(repo) == {"main"}


def _inverse_is_open(change: Change, repo: RepoRef) -> bool:
    return lane_in(change, repo).inverse.pull is not None


def test_a_rollback_reverts_dependents_first(house: House):
    lib, app = house.repository("back-lib", LIB), house.repository("back-app", APP)
    with house.working():
        name = house.to_merge_approval(lib, app)
        house.approve(name, ApprovalScope.MERGE)
        house.until(name, State.DONE)
        orders.cancel(
            house.home.desk(interactive=True), house.change(name), rollback=True, words="take it back"
        )
        for repo in (app, lib):
            opened = partial(_inverse_is_open, repo=repo)
            change = house.until(name, State.ROLLING_BACK, and_=opened)
            house.status(repo.name, lane_in(change, repo).inverse.head or "")
        house.until(name, State.ROLLED_BACK)
    for repo in (lib, app):
        raw = house.person.get(
            f"/repos/{ORG}/{repo.name}/contents/src/a.py", headers={"accept": "application/vnd.github.raw"}
        )
        assert raw.text == "x = 1\n"
    merged = [e.event.repo for e in house.home.store.reader.entries(name) if e.event.kind == "E_MERGED"]
    assert merged == [lib.node_id, app.node_id, app.node_id, lib.node_id]


@pytest.mark.parametrize(
    ("holder", "reason"),
    [
        (Holder(name="environment", autonomy=False), "branch_denied"),
        (Holder(name="organization", readable=False), "branch_denied"),
    ],
)
def test_the_kill_switch_stops_every_write(house: House, holder, reason):
    repo = house.repository(f"stopped-{holder.name}")
    with house.working():
        name = house.start(repo)
        house.until(name, State.WAITING_USER_APPROVAL)
        house.holders = (holder,)
        house.approve(name)
        assert house.until(name, State.BLOCKED_POLICY).reason == reason
        assert house.branches(repo) == {"main"}
        house.holders = ()
        orders.resume(house.home.desk(interactive=True), house.change(name))
        house.until(name, State.PR_OPEN)


@pytest.mark.slow
def test_quarantine_opens_drafts_and_merges_nothing(house: House):
    repo = house.repository("quarantined")
    house.holders = (Holder(name="system", quarantine=True),)
    with house.working():
        name = house.to_merge_approval(repo)
        assert house.pulls(repo)[0]["draft"]
        house.approve(name, ApprovalScope.MERGE)
        house.until(name, State.BLOCKED_POLICY)
    assert not house.pulls(repo)[0]["merged_at"]


@pytest.mark.slow
def test_an_approval_twice_is_one_record(house: House):
    repo = house.repository("twice")
    with house.working():
        name = house.start(repo)
        change = house.until(name, State.WAITING_USER_APPROVAL)
        digest = digest_of(change)
        desk = house.home.desk(interactive=True)
        first = orders.approve(desk, change, (digest,), ApprovalScope.CONTENT)
        second = orders.approve(desk, change, (digest,), ApprovalScope.CONTENT)
        stale = orders.approve(desk, house.until(name, State.PR_OPEN), (digest,), ApprovalScope.CONTENT)
    assert first[0].recorded
    assert not second[0].recorded
    assert not stale[0].verdict.allows
    assert house.kinds(name).count("E_APPROVAL_RECORDED") == 1


@pytest.mark.slow
def test_the_ledger_verifies_afterwards(house: House):
    repo = house.repository("proven")
    with house.working():
        name = house.to_merge_approval(repo)
        house.approve(name, ApprovalScope.MERGE)
        house.until(name, State.DONE)
    assert house.home.proof.verify().holds


@pytest.mark.slow
def test_a_repository_without_ci_waits_for_a_person_only(house: House):
    """Nothing is required and nothing can report: the verdict says so, and the merge is a person's decision."""
    repo = house.repository("quiet", checks=())
    with house.working():
        name = house.to_pull_requests(repo)
        change = house.until(name, State.VERIFYING_CI, and_=lambda c: bool(c.lanes[0].forward.preview))
        assert not house.pulls(repo)[0]["merged_at"]
        house.approve(name, ApprovalScope.MERGE)
        house.until(name, State.DONE)
    assert change.refused == 0


def test_a_repository_with_a_workflow_waits_for_its_checks(house: House):
    repo = house.repository("slow", {".github/workflows/ci.yml": "on: pull_request\njobs: {}\n"}, checks=())
    with house.working():
        name = house.to_pull_requests(repo)
        time.sleep(1)
    assert house.change(name).lanes[0].forward.preview is None
