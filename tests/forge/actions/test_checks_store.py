"""Check suites follow their runs; a workflow run's suite does not."""

import pytest
from tests.forge.world import World

from localforge.store import checks
from localforge.store.checks import ACTIONS_APP, CheckRun, SuiteOf

SHA = "a" * 40
AT = "2026-01-31T09:30:00Z"


def run(
    name: str, status: str = "completed", conclusion: str | None = "success", number: int = 1
) -> CheckRun:
    return CheckRun(
        id=number,
        suite_id=1,
        repo_id=1,
        app="ci",
        head_sha=SHA,
        name=name,
        status=status,
        conclusion=conclusion,
        started_at=None,
        completed_at=None,
        external_id="",
        details_url=None,
        title=None,
        summary=None,
        text=None,
        created_at=AT,
        updated_at=AT,
    )


@pytest.mark.parametrize(
    ("runs", "expected"),
    [
        ([], ("queued", None)),
        ([run("a", "queued", None)], ("queued", None)),
        ([run("a", "queued", None), run("b")], ("in_progress", None)),
        ([run("a"), run("b", conclusion="failure")], ("completed", "failure")),
        ([run("a"), run("b", conclusion="cancelled")], ("completed", "cancelled")),
        ([run("a", conclusion="skipped"), run("b", conclusion="neutral")], ("completed", "neutral")),
        ([run("a", conclusion="skipped")], ("completed", "skipped")),
    ],
)
def test_rollup(runs: list[CheckRun], expected: tuple[str, str | None]) -> None:
    assert checks.rollup(runs) == expected


def test_a_suite_follows_its_latest_runs(world: World) -> None:
    repo_id = world.forge.store.db.count("SELECT id FROM repository")
    actor_id = world.forge.store.db.count("SELECT id FROM account")
    with world.forge.store.write() as tx:
        suite = checks.suite_for(tx, SuiteOf(repo_id=repo_id, app="ci", head_sha=SHA), AT)
        assert checks.suite_for(tx, SuiteOf(repo_id=repo_id, app="ci", head_sha=SHA), AT) == suite
        first = checks.create_run(tx, suite, actor_id=actor_id, at=AT, name="test")
        checks.update_run(tx, first.id, actor_id=actor_id, at=AT, status="completed", conclusion="failure")
        checks.annotate(
            tx,
            first.id,
            [
                checks.Annotation(
                    path="a.py", start_line=1, end_line=2, annotation_level="failure", message="no"
                )
            ],
        )
        own = checks.create_suite(tx, SuiteOf(repo_id=repo_id, app=ACTIONS_APP, head_sha=SHA), AT)
        checks.create_run(
            tx, own, actor_id=actor_id, at=AT, name="job", status="completed", conclusion="success"
        )
    db = world.forge.store.db
    failed = checks.suite_by_id(db, suite.id)
    assert failed is not None
    assert (failed.status, failed.conclusion) == ("completed", "failure")
    assert checks.annotations(db, first.id)[0].message == "no"
    untouched = checks.suite_by_id(db, own.id)
    assert untouched is not None
    assert (untouched.status, untouched.conclusion) == ("queued", None)
    with world.forge.store.write() as tx:
        again = checks.create_run(
            tx, suite, actor_id=actor_id, at=AT, name="test", status="completed", conclusion="success"
        )
    recovered = checks.suite_by_id(db, suite.id)
    assert recovered is not None
    assert recovered.conclusion == "success"
    assert [r.id for r in checks.runs_of_commit(db, repo_id, SHA) if r.app == "ci"] == [again.id]
    assert len(checks.runs_of_commit(db, repo_id, SHA, latest=False)) == 3
    kinds = db.column(str, "SELECT kind FROM event WHERE kind LIKE 'Check%' ORDER BY id")
    assert kinds.count("CheckSuiteEvent") == 2
