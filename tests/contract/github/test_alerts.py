"""Alerts as advisories and, with failed runs, as signals: on the embedded forge, and what a forge can say instead."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.contract.github.embedded import Embedded, embedded
from tests.contract.github.setting import REPO, Kit, Reply, sequence, serving
from tests.forge.actions import flows
from tests.forge.robots import reporter
from tests.forge.test_code_scanning import result, sarif, upload

from localforge.actions.legs import Conclusion
from localforge.seeding.alerts import plant
from localforge.seeding.model import DependencyAlert, Repository, SecretAlert
from penstock.adapters.github.alerts import AlertReader
from penstock.adapters.github.signals import SignalReader
from penstock.core.dependencies.advisories import Advisory, Affected, NotCovered, Range
from penstock.core.dependencies.facts import Ecosystem
from penstock.core.evidence import RepositoryFacts
from penstock.core.refs import NodeId, RepoRef
from penstock.core.signal import ForgeEvent, ForgeSignal
from penstock.ports import Permanent, Transient

ALERTS = tuple(
    DependencyAlert(
        package=package, ecosystem=ecosystem, manifest="m", ghsa=ghsa, summary="Bad", vulnerable=vulnerable
    )
    for package, ecosystem, ghsa, vulnerable in (
        ("Old_Thing", "pip", "GHSA-aaaa-bbbb-cccc", "< 2"),
        ("left", "npm", "GHSA-dddd-eeee-ffff", ">= 1.0.0, < 1.2.0"),
        ("checkout", "actions", "GHSA-gggg-hhhh-jjjj", "< 4"),
        ("right", "npm", "GHSA-kkkk-llll-mmmm", "< 9"),
    )
)


@pytest.fixture(scope="module")
def forge(tmp_path_factory: pytest.TempPathFactory, clone: Path) -> Iterator[Embedded]:
    """A forge with alerts of all kinds, and workflows that ran on main and elsewhere."""
    with embedded(tmp_path_factory.mktemp("alerts"), clone) as built:
        world, spec = (
            built.world,
            Repository(
                name="acme/widget",
                dependabot_alerts=ALERTS,
                secret_alerts=(SecretAlert(type="npm_token", secret="kept at the forge", path="README.md"),),
            ),
        )
        with world.forge.store.write() as tx:
            plant(world.forge, tx, world.widget.id, spec, world.forge.clock())
        with built.owner() as olga:
            judged = {"state": "dismissed", "dismissed_reason": "not_used"}
            assert olga.patch("/repos/acme/widget/dependabot/alerts/4", json=judged).status_code == 200
        yield built


def reader(kit: Kit) -> AlertReader:
    return AlertReader(kit.reads)


def standing(forge: Embedded, event: ForgeEvent, repo: RepoRef | None = None) -> tuple[ForgeSignal, ...]:
    repo = repo or forge.repo
    facts = forge.admin.reader.repository(repo)
    assert facts
    return SignalReader(forge.admin.reads).standing(repo, facts, event)


def test_a_repository_without_a_commit_has_nothing_that_stands(forge: Embedded) -> None:
    empty = RepoRef(forge="embedded", node_id=NodeId(""), owner="acme", name="secret")
    assert [one for event in ForgeEvent for one in standing(forge, event, empty)] == []


def test_open_alerts_are_advisories_and_dismissed_ones_are_not(forge: Embedded) -> None:
    found = reader(forge.kit).vulnerabilities(forge.repo)
    assert isinstance(found, tuple)
    told = {one.id: set(one.affected) for one in found}
    old, left = (
        Range(kind="ECOSYSTEM", events=(("introduced", since), ("fixed", until)))
        for since, until in (("0", "2"), ("1.0.0", "1.2.0"))
    )
    assert told == {
        "GHSA-aaaa-bbbb-cccc": {affected(Ecosystem.PYPI, "old-thing", old)},
        "GHSA-dddd-eeee-ffff": {affected(Ecosystem.NPM, "left", left)},
        "GHSA-gggg-hhhh-jjjj": set(),
    }


def test_open_alerts_stand_and_secrets_stay_at_the_forge(forge: Embedded) -> None:
    assert standing(forge, ForgeEvent.CODE_ALERT) == (), "nothing was analysed yet"
    assert upload(forge.world, sarif(result())).status_code == 202
    (code,) = standing(forge, ForgeEvent.CODE_ALERT)
    assert (code.subject, code.severity, code.branch, code.path) == ("1", "high", "main", "src/widget.py")
    assert {
        one.subject: (one.severity, one.path, one.title)
        for one in standing(forge, ForgeEvent.DEPENDENCY_ALERT)
    } == dict.fromkeys(("1", "2", "3"), ("medium", "m", "Bad"))
    (leak,) = standing(forge, ForgeEvent.LEAK_ALERT)
    assert leak == ForgeSignal(
        event=ForgeEvent.LEAK_ALERT, repo=forge.repo, subject="1", title="Npm Token", severity="critical"
    )
    assert "kept at the forge" not in repr(vars(forge.admin.cache)), "not even in the cache"


WORKFLOW = """
name: CI
on: [push, pull_request]
jobs:
  lint: {runs-on: ubuntu-latest, steps: [{run: "true"}]}
  tests: {runs-on: ubuntu-latest, steps: [{run: "true"}]}
"""


def test_a_workflow_stands_while_its_newest_run_on_the_default_branch_failed(forge: Embedded) -> None:
    with forge.owner() as olga:

        def run_by(path: str, *, branch: str = "main", tests: Conclusion = Conclusion.SUCCESS) -> None:
            flows.put(olga, path, WORKFLOW, branch=branch)
            assert flows.runs(forge.world)
            flows.play(forge.world, tests=tests)

        run_by(".github/workflows/ci.yml", tests=Conclusion.FAILURE)
        (run,) = standing(forge, ForgeEvent.WORKFLOW_RUN)
        assert (run.workflow, run.branch, run.conclusion, run.author) == ("CI", "main", "failure", "olga")
        assert set(run.jobs) == {("lint", "completed", "success"), ("tests", "completed", "failure")}
        assert standing(forge, ForgeEvent.CHECK_RUN) == (), "its job is no other signal"
        flows.make_branch(olga, "feature/green")
        run_by("b.txt", branch="feature/green")
        run_by("c.txt", tests=Conclusion.CANCELLED)
        assert standing(forge, ForgeEvent.WORKFLOW_RUN) == (run,), "neither says anything of main"
        path = f"/repos/acme/widget/actions/workflows/{run.subject}"
        assert olga.put(f"{path}/disable").status_code == 204
        assert standing(forge, ForgeEvent.WORKFLOW_RUN) == ()
        assert olga.put(f"{path}/enable").status_code == 204
        run_by("d.txt")
        assert standing(forge, ForgeEvent.WORKFLOW_RUN) == ()


def test_a_check_stands_while_its_newest_run_on_the_branch_s_commit_failed(forge: Embedded) -> None:
    head = forge.head("main")
    with reporter(forge.world) as app:

        def report(name: str, conclusion: str) -> None:
            body = {"name": name, "head_sha": head, "status": "completed", "conclusion": conclusion}
            assert app.post("/repos/acme/widget/check-runs", json=body).status_code == 201

        report("outside / lint", "failure")
        report("fine", "success")
        failing = standing(forge, ForgeEvent.CHECK_RUN)
        assert [(one.subject, one.occurrence, one.conclusion) for one in failing] == [
            ("outside / lint", head, "failure")
        ]
        report("outside / lint", "success")
    assert standing(forge, ForgeEvent.CHECK_RUN) == ()


def affected(ecosystem: Ecosystem, name: str, found: Range) -> Affected:
    return Affected(ecosystem=ecosystem, name=name, ranges=(found,), versions=frozenset())


def test_every_range_of_an_alert_s_advisory_counts() -> None:
    def vulnerable(found: str) -> object:
        return {"package": {"ecosystem": "npm", "name": "left"}, "vulnerable_version_range": found}

    several = [vulnerable("< 1.2.0"), vulnerable(">= 2.0.0, < 2.1.0")]
    alert = {
        "number": 1,
        "security_advisory": {"ghsa_id": "GHSA-1", "vulnerabilities": several},
        "security_vulnerability": several[0],
    }
    with serving(sequence(Reply(body=[alert]))) as (kit, asked):
        found = reader(kit).vulnerabilities(REPO)
    assert isinstance(found, tuple)
    (one,) = found
    assert isinstance(one, Advisory)
    assert {events.events[0][1] for a in one.affected for events in a.ranges} == {"0", "2.0.0"}
    assert str(asked[0]) == "GET /repos/acme/widget/dependabot/alerts?per_page=100&state=open%2Cfixed"


NO = "Resource not accessible by personal access token"
NEEDED = ": it takes Dependabot alerts (read)"
UNREAD = [
    (403, {"message": NO}, f"the forge's alerts cannot be read (403 {NO}){NEEDED}"),
    (404, {"message": "Not Found"}, f"the forge's alerts cannot be read (404 Not Found){NEEDED}"),
    (
        403,
        {"message": "Dependabot alerts are disabled for this repository."},
        "the forge's alerts are off in acme/widget",
    ),
    (200, [{"number": 1}], "the forge's alerts cannot be used: "),
    (200, {"message": "no list"}, "the forge's alerts cannot be used: "),
]


def test_what_cannot_be_read_is_never_no_alert() -> None:
    replies = [Reply(status=status, body=body) for status, body, _ in UNREAD]
    with serving(sequence(*replies)) as (kit, _):
        for _, _, reason in UNREAD:
            found = reader(kit).vulnerabilities(REPO)
            assert isinstance(found, NotCovered)
            assert found.reason.startswith(reason)


def test_a_forge_that_fails_or_knows_no_token_is_no_answer() -> None:
    wrong, failing = Reply(status=401, body={"message": "x"}), Reply(status=502, body={"message": "x"})
    with serving(sequence(wrong, *[failing] * 9)) as (kit, _):
        with pytest.raises(Permanent):
            reader(kit).vulnerabilities(REPO)
        with pytest.raises(Transient):
            reader(kit).vulnerabilities(REPO)


FACTS = RepositoryFacts(
    node_id=REPO.node_id, full_name="acme/widget", default_branch="main", archived=False, clone_url="x"
)


def ended(number: int, **changed: object) -> dict[str, object]:
    """A failed run on main, as GitHub tells it."""
    usual: dict[str, object] = {
        "id": number,
        "name": "CI",
        "display_title": "Push",
        "event": "push",
        "conclusion": "failure",
        "workflow_id": number,
        "head_branch": "main",
        "head_repository": {"node_id": REPO.node_id},
        "actor": {"login": "ada"},
    }
    return usual | changed


def test_no_stranger_can_make_a_default_branch_fail() -> None:
    runs = [
        ended(1, event="pull_request"),
        ended(2, event="pull_request_target"),
        ended(3, head_repository={"node_id": "R_fork"}),
        ended(4, head_repository=None),
        ended(5, head_branch="other"),
        ended(6, conclusion="action_required"),
        ended(7, event="issue_comment"),
        ended(8, event="workflow_run"),
    ]
    refusals = [
        Reply(status=404, body={"message": "no analysis found"}),
        Reply(status=403, body={"message": "Advanced Security must be enabled for this repository."}),
        Reply(status=403, body={"message": NO}),
    ]
    with serving(sequence(Reply(body={"workflow_runs": runs}), *refusals)) as (kit, asked):
        source = SignalReader(kit.reads)
        assert source.standing(REPO, FACTS, ForgeEvent.WORKFLOW_RUN) == ()
        assert source.standing(REPO, FACTS, ForgeEvent.CODE_ALERT) == ()
        assert source.standing(REPO, FACTS, ForgeEvent.CODE_ALERT) == ()
        with pytest.raises(Permanent, match="Secret scanning alerts") as refused:
            source.standing(REPO, FACTS, ForgeEvent.LEAK_ALERT)
    assert refused.value.code == "forbidden"
    assert "hide_secret=true" in asked[-1].path
