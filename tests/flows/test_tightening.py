"""What binds at the moment of a write: both policies, the right to give orders, revocations, the kill switch."""

from dataclasses import replace

import httpx
import pytest
from tests.flows.house import ORG, House, digest_of

from localforge import seed
from localforge.access import Role
from localforge.forge import Forge
from localforge.store.accounts import by_login
from localforge.store.repos import by_name
from penstock.adapters.secrets import Secrets
from penstock.core.approval import ApprovalScope
from penstock.core.change.events import TapDecided
from penstock.core.change.model import State
from penstock.core.policy.rules import CiPolicy, Holder, Policy, Separation, stricter
from penstock.core.refs import ChangeId, RepoRef
from penstock.flows import orders
from penstock.flows.views import pending_digests


def test_of_two_policies_the_tighter_demand_binds():
    strict = Policy(
        required_reviews=2, approval_days=3, separation=Separation.REQUIRED, ci=CiPolicy(required=("a",))
    )
    loose = Policy(required_reviews=1, approval_days=30, ci=CiPolicy(required=("b",), expected=False))
    for both in (stricter(strict, loose), stricter(loose, strict)):
        assert (both.required_reviews, both.approval_days, both.separation) == (2, 3, Separation.REQUIRED)
        assert both.ci.required == ("a", "b")
        assert both.ci.expected


@pytest.mark.slow
def test_a_quorum_that_was_raised_since_binds(house: House):
    repo = house.repository("raised")
    with house.working():
        name = house.start(repo)
        house.until(name, State.WAITING_USER_APPROVAL)
    tighter = house.settings.config.model_copy(
        update={
            "pr_management": house.settings.config.pr_management.model_copy(update={"require_reviews": 2})
        }
    )
    house.configure(tighter)
    with house.working():
        house.approve(name)
        assert house.until(name, State.NEEDS_HUMAN, State.BLOCKED_POLICY).reason == "branch_denied"
    assert house.branches(repo) == {"main"}


def test_an_own_approval_does_not_count_once_somebody_else_must_approve(house: House):
    """The policy was tightened between the approval and the write."""
    repo = house.repository("own-approval")
    with house.working():
        name = house.start(repo)
        house.until(name, State.WAITING_USER_APPROVAL)
    house.approve(name)
    assert house.change(name).approvals[0].self_approved
    safety = house.settings.config.safety.model_copy(update={"separation_of_duties": Separation.REQUIRED})
    house.configure(house.settings.config.model_copy(update={"safety": safety}))
    with house.working():
        assert house.until(name, State.NEEDS_HUMAN).reason == "branch_denied"
    refused = [e.event for e in house.home.store.reader.entries(name) if isinstance(e.event, TapDecided)]
    assert [event.rules for event in refused] == [("separation_of_duties",)]
    assert house.branches(repo) == {"main"}


@pytest.mark.slow
def test_nobody_orders_without_the_right_to_write(house: House):
    repo = house.repository("strangers")
    with house.working():
        name = house.to_merge_approval(repo)
        house.approve(name, ApprovalScope.MERGE)
        done = house.until(name, State.DONE)
        stranger = replace(house.home.desk(interactive=True), person="stranger")
        told = (
            orders.cancel(stranger, done, rollback=True, words=""),
            orders.revoke(stranger, done, done.approvals[0].id),
            orders.resume(stranger, done),
        )
    assert [answer.recorded for answer in told] == [False, False, False]
    assert house.change(name).state is State.DONE


@pytest.mark.slow
def test_a_rollback_needs_the_approval_that_let_it_in(house: House):
    repo = house.repository("unapproved-back")
    with house.working():
        name = house.to_merge_approval(repo)
        house.approve(name, ApprovalScope.MERGE)
        done = house.until(name, State.DONE)
        desk = house.home.desk(interactive=True)
        orders.cancel(desk, done, rollback=True, words="back")
        content = next(a for a in done.approvals if a.scope is ApprovalScope.CONTENT)
        orders.revoke(desk, house.change(name), content.id)
        house.until(name, State.NEEDS_HUMAN)
    assert len(house.pulls(repo)) == 1 or not house.pulls(repo)[0]["merged_at"]


@pytest.mark.slow
def test_a_pull_request_pointed_elsewhere_stops_it(house: House):
    repo = house.repository("elsewhere")
    with house.working():
        name = house.to_merge_approval(repo)
        base = house.ask("GET", f"/repos/{ORG}/elsewhere/git/ref/heads/main").json()["object"]["sha"]
        house.ask("POST", f"/repos/{ORG}/elsewhere/git/refs", {"ref": "refs/heads/scrap", "sha": base})
        house.ask("PATCH", f"/repos/{ORG}/elsewhere/pulls/1", {"base": "scrap"})
        house.approve(name, ApprovalScope.MERGE)
        stopped = house.until(name, State.NEEDS_HUMAN)
    assert stopped.reason == "retargeted"
    assert not house.pulls(repo)[0]["merged_at"]


@pytest.mark.slow
def test_a_merge_into_another_branch_is_not_done(house: House):
    repo = house.repository("scrapped")
    with house.working():
        name = house.to_merge_approval(repo)
    base = house.ask("GET", f"/repos/{ORG}/scrapped/git/ref/heads/main").json()["object"]["sha"]
    house.ask("POST", f"/repos/{ORG}/scrapped/git/refs", {"ref": "refs/heads/scrap", "sha": base})
    house.ask("PATCH", f"/repos/{ORG}/scrapped/pulls/1", {"base": "scrap"})
    house.ask("PUT", f"/repos/{ORG}/scrapped/pulls/1/merge", {"merge_method": "merge"})
    with house.working():
        assert house.until(name, State.NEEDS_HUMAN).reason == "merged_elsewhere"


def test_the_kill_switch_stops_a_write_under_way(house: House):
    repo = house.repository("switched")
    with house.working():
        name = house.start(repo)
        change = house.until(name, State.WAITING_USER_APPROVAL)
        house.holders = (Holder(name="environment", autonomy=False),)
        house.approve(name)
        house.until(name, State.BLOCKED_POLICY)
    assert change.approvals == ()
    assert house.branches(repo) == {"main"}


class TwoPeople:
    """The forge's reader, where one more person may write."""

    def __init__(self, reader):
        self._reader = reader

    def writers(self, repo):
        return frozenset({"operator", "ben"})

    def __getattr__(self, name):
        return getattr(self._reader, name)


def test_a_second_writer_ends_self_approval(house: House):
    repo = house.repository("two-people")
    with house.working():
        name = house.start(repo)
        change = house.until(name, State.WAITING_USER_APPROVAL)
        alone = house.home.desk(interactive=True)
        pair = replace(alone, reader=TwoPeople(alone.reader))
        (refused,) = orders.approve(pair, change, (digest_of(change),), ApprovalScope.CONTENT)
        (given,) = orders.approve(alone, change, (digest_of(change),), ApprovalScope.CONTENT)
    assert not refused.recorded
    assert given.recorded


def test_secrets_in_a_persons_words_are_not_kept(house: House):
    repo = house.repository("quiet-words")
    token = house.embedded.writer_token
    with house.working():
        name = house.start(repo)
        change = house.until(name, State.WAITING_USER_APPROVAL)
        orders.reject(house.home.desk(interactive=True), change, digest_of(change), f"no: {token}")
        failed = house.until(name, State.FAILED)
    text = house.home.store.texts().get(failed.detail) if failed.detail else ""
    assert text
    assert token not in text


@pytest.mark.parametrize("token", ["writer_token", "reader_token"])
def test_no_token_of_ours_can_speak_as_ci(house: House, token: str):
    repo = house.repository(f"own-{token.replace('_', '-')}")
    sha = house.ask("GET", f"/repos/{ORG}/{repo.name}/commits/main").json()["sha"]
    path = f"{house.embedded.url}/repos/{ORG}/{repo.name}"
    headers = {"authorization": f"Bearer {getattr(house.embedded, token)}"}
    with httpx.Client(headers=headers) as own:
        status = own.post(f"{path}/statuses/{sha}", json={"state": "success", "context": "test"})
        run = own.post(f"{path}/check-runs", json={"name": "test", "head_sha": sha})
        assert own.get(f"{path}/commits/{sha}/check-runs").json()["total_count"] == 0
        assert own.get(f"{path}/commits/{sha}/status").json()["total_count"] == 0
    assert (status.status_code, run.status_code) == (403, 403)


def grant(house: House, repo: RepoRef, role: Role, login: str = "ben") -> None:
    """What a second person at the forge may do in a repository from now on."""
    forge = Forge(house.embedded.forge_state)
    found = by_name(forge.store.db, ORG, repo.name)
    person = by_login(forge.store.db, login) or seed.create_user(forge, login)
    assert found
    seed.add_collaborator(forge, found, person, role=role)
    forge.close()


def approve_as(house: House, login: str, name: ChangeId, scope: ApprovalScope) -> bool:
    desk = replace(house.home.desk(interactive=True), person=login)
    change = house.change(name)
    return all(a.recorded for a in orders.approve(desk, change, pending_digests(change, scope), scope))


def test_an_approver_who_lost_the_right_to_write_no_longer_counts(house: House):
    """Re-read at each decision; the approval is void then, and somebody else's lets it go on."""
    repo = house.repository("lapsed")
    grant(house, repo, Role.WRITE)
    with house.working():
        name = house.start(repo)
        house.until(name, State.WAITING_USER_APPROVAL)
    assert approve_as(house, "ben", name, ApprovalScope.CONTENT)
    grant(house, repo, Role.READ)
    with house.working():
        stopped = house.until(name, State.NEEDS_HUMAN, and_=lambda c: c.reason == "branch_denied")
    assert stopped.approvals == ()
    assert house.branches(repo) == {"main"}
    orders.resume(house.home.desk(interactive=True), stopped)
    assert house.change(name).state is State.WAITING_USER_APPROVAL
    with house.working():
        house.approve(name)
        house.until(name, State.PR_OPEN)


def test_a_merge_needs_an_approver_who_may_still_write(house: House):
    """The same for the approval of a merge: void, and to be given anew by somebody who may."""
    repo = house.repository("lapsed-merge")
    with house.working():
        name = house.to_merge_approval(repo)
    grant(house, repo, Role.WRITE)
    assert approve_as(house, "ben", name, ApprovalScope.MERGE)
    grant(house, repo, Role.READ)
    with house.working():
        stopped = house.until(name, State.NEEDS_HUMAN)
        assert stopped.reason in {"merge_denied", "rollback_point_denied"}
        assert not house.pulls(repo)[0]["merged_at"]
        orders.resume(house.home.desk(interactive=True), stopped)
        house.until(name, State.VERIFYING_CI, State.MERGING, and_=lambda c: bool(c.lanes[0].forward.preview))
        house.approve(name, ApprovalScope.MERGE)
        house.until(name, State.DONE)


def test_what_holds_credentials_shows_none(house: House):
    """A traceback with local variables, or a debugger's log, must not be where one gets out."""
    home, forge = house.home, house.home.embedded
    assert forge
    secrets = (forge.operator_token, forge.writer_token, forge.reader_token)
    world = replace(home.world, secrets=Secrets(lambda: secrets))
    held = (home.operator, home.writer, home.settings, forge, world)
    shown = {name: repr(value) for name, value in vars(home).items()}
    shown |= {type(value).__name__: repr(value) for value in held}
    assert not [name for name, text in shown.items() if any(secret in text for secret in secrets)]
