"""Events begin runs, and runs move from job to job."""

import pytest
from tests.forge.actions.flows import (
    WIDGET,
    end,
    jobs_of,
    make_branch,
    open_pull,
    play,
    put,
    put_workflow,
    runs,
    take,
)
from tests.forge.world import World

from localforge.actions.legs import Conclusion
from localforge.actions.queueing import recover
from localforge.store import actions, checks

JOB = "  job: {runs-on: x, steps: [{run: 'true'}]}\n"


def test_a_push_begins_a_run_that_goes_through_its_jobs(world: World) -> None:
    olga = world.as_("olga")
    sha = put_workflow(olga)
    (run,) = runs(world)
    assert (run["name"], run["event"], run["status"], run["head_sha"]) == ("CI", "push", "queued", sha)
    assert (run["head_branch"], run["run_number"], run["run_attempt"]) == ("main", 1, 1)
    assert run["display_title"] == "Change"
    assert jobs_of(olga, run) == {"build": ("queued", None)}
    build = take(world)
    assert build is not None
    assert take(world) is None
    assert runs(world)[0]["status"] == "in_progress"
    end(world, build)
    assert jobs_of(olga, run) == {"build": ("completed", "success"), "test": ("queued", None)}
    assert play(world) == ["test"]
    done = olga.get(f"{WIDGET}/actions/runs/{run['id']}").json()
    assert (done["status"], done["conclusion"]) == ("completed", "success")
    job = olga.get(f"{WIDGET}/actions/jobs/{build.id}").json()
    assert (job["name"], job["labels"], job["runner_name"]) == ("build", ["ubuntu-latest"], "localforge")


def test_jobs_are_mirrored_as_check_runs(world: World) -> None:
    sha = put_workflow(world.as_("olga"))
    (run,) = runs(world)
    play(world, test=Conclusion.FAILURE)
    db = world.forge.store.db
    mirrored = checks.runs_of_commit(db, world.widget.id, sha)
    assert [(c.name, c.app, c.status, c.conclusion) for c in mirrored] == [
        ("build", "github-actions", "completed", "success"),
        ("test", "github-actions", "completed", "failure"),
    ]
    suite = checks.suite_by_id(db, run["check_suite_id"])
    assert suite is not None
    assert (suite.status, suite.conclusion) == ("completed", "failure")


def test_the_events_of_a_run(world: World) -> None:
    put_workflow(world.as_("olga"))
    runs(world)
    play(world)
    kinds = world.forge.store.db.column(
        str,
        "SELECT kind || ' ' || json_extract(payload, '$.action') FROM event"
        " WHERE kind LIKE 'Workflow%' OR kind LIKE 'CheckSuite%' ORDER BY id",
    )
    assert kinds == [
        "WorkflowRunEvent requested",
        "WorkflowJobEvent queued",
        "WorkflowJobEvent in_progress",
        "WorkflowRunEvent in_progress",
        "WorkflowJobEvent completed",
        "WorkflowJobEvent queued",
        "WorkflowJobEvent in_progress",
        "WorkflowJobEvent completed",
        "CheckSuiteEvent completed",
        "WorkflowRunEvent completed",
    ]


def test_a_pull_request_runs_on_its_merge(world: World) -> None:
    olga = world.as_("olga")
    put_workflow(olga)
    make_branch(olga, "topic")
    put(olga, "new.txt", "1", branch="topic")
    number = open_pull(olga, "topic")
    opened, pushed, *_ = runs(world)
    assert (opened["event"], pushed["event"]) == ("pull_request", "push")
    assert (opened["head_branch"], opened["display_title"]) == ("topic", "Merge topic")
    assert [pull["number"] for pull in opened["pull_requests"]] == [number]
    merge = olga.get(f"{WIDGET}/git/ref/pull/{number}/merge").json()["object"]["sha"]
    row = world.forge.store.db.column(str, "SELECT sha FROM workflow_run WHERE id = ?", opened["id"])
    assert row == [merge]
    head = put(olga, "new.txt", "2", branch="topic")
    assert [(run["event"], run["head_sha"]) for run in runs(world)[:2]] in (
        [("pull_request", head), ("push", head)],
        [("push", head), ("pull_request", head)],
    )


def test_a_pull_request_that_conflicts_does_not_run(world: World) -> None:
    olga = world.as_("olga")
    put_workflow(olga)
    make_branch(olga, "topic")
    put(olga, "README.md", "theirs", branch="topic")
    put(olga, "README.md", "ours")
    open_pull(olga, "topic")
    assert {run["event"] for run in runs(world)} == {"push"}


@pytest.mark.parametrize(
    ("on", "begun"),
    [
        ("push", ["push"]),
        ("{push: {branches: [main]}}", []),
        ("{push: {branches: ['top*']}}", ["push"]),
        ("{push: {branches-ignore: [topic]}}", []),
        ("{push: {tags: ['*']}}", []),
        ("{push: {paths: ['docs/**']}}", ["push"]),
        ("{push: {paths: ['src/**']}}", []),
        ("{push: {paths-ignore: ['docs/**']}}", []),
        ("{pull_request: {types: [closed]}}", []),
        ("{pull_request: {branches: [main]}}", ["pull_request"]),
        ("{pull_request: {branches: [topic]}}", []),
        ("{pull_request: {paths: ['docs/**']}}", ["pull_request"]),
        ("{pull_request: {paths: ['src/**']}}", []),
        ("[push, pull_request]", ["pull_request", "push"]),
        ("workflow_dispatch", []),
        ("issues", []),
    ],
)
def test_triggers(world: World, on: str, begun: list[str]) -> None:
    olga = world.as_("olga")
    put_workflow(olga, f"on: {on}\njobs:\n{JOB}")
    make_branch(olga, "topic")
    world.forge.bus.drain()
    last = world.forge.store.db.count("SELECT coalesce(max(id), 0) FROM workflow_run")
    put(olga, "docs/a.md", "text", branch="topic")
    open_pull(olga, "topic")
    assert sorted(run["event"] for run in runs(world) if run["id"] > last) == begun


@pytest.mark.parametrize(
    "message", ["Fix [skip ci]", "[ci skip] fix", "Fix\n\n[no ci]", "[Skip Actions]", "[actions skip]"]
)
def test_a_commit_may_ask_not_to_run(world: World, message: str) -> None:
    olga = world.as_("olga")
    put_workflow(olga)
    world.forge.bus.drain()
    before = len(runs(world))
    put(olga, "a.txt", "1", message=message)
    assert len(runs(world)) == before


def test_an_invalid_file_is_a_failed_run_with_file_line_and_message(world: World) -> None:
    olga = world.as_("olga")
    sha = put_workflow(olga, "on: push\njobs:\n  a:\n    steps: [{run: x}]\n")
    (run,) = runs(world)
    assert (run["status"], run["conclusion"], run["name"]) == (
        "completed",
        "failure",
        ".github/workflows/ci.yml",
    )
    assert jobs_of(olga, run) == {}
    db = world.forge.store.db
    (check,) = checks.runs_of_commit(db, world.widget.id, sha)
    assert (check.conclusion, check.title) == ("failure", "Invalid workflow file")
    (remark,) = checks.annotations(db, check.id)
    assert (remark.path, remark.start_line) == (".github/workflows/ci.yml", 4)
    assert (
        remark.message == ".github/workflows/ci.yml (Line: 4, Col: 5): Required property is missing: runs-on"
    )
    refused = olga.post(f"{WIDGET}/actions/runs/{run['id']}/rerun")
    assert refused.status_code == 403


def test_a_deleted_branch_begins_nothing(world: World) -> None:
    olga = world.as_("olga")
    put_workflow(olga)
    make_branch(olga, "topic")
    before = len(runs(world))
    assert olga.delete(f"{WIDGET}/git/refs/heads/topic").status_code == 204
    assert len(runs(world)) == before


def test_concurrency_of_jobs(world: World) -> None:
    """One holds the group, one waits, a newer one takes the place of who waits; `cancel-in-progress` stops the holder."""
    olga = world.as_("olga")
    head = "on: [push, workflow_dispatch]\njobs:\n  job: {runs-on: x, steps: [{run: 'true'}], concurrency: "
    put_workflow(olga, head + "'g-${{ github.ref }}'}\n  free: {runs-on: x, steps: [{run: 'true'}]}\n")
    runs(world)
    address = f"{WIDGET}/actions/workflows/ci.yml/dispatches"
    for _ in range(2):
        olga.post(address, json={"ref": "main"})
    newest, between, oldest = runs(world)
    holder = take(world)
    assert holder is not None
    assert jobs_of(olga, oldest)["job"] == ("in_progress", None)
    assert jobs_of(olga, between)["job"] == ("completed", "cancelled")
    others = [take(world, f"t{n}") for n in range(3)]
    assert [job.name for job in others if job] == ["free", "free", "free"]
    assert take(world, "none") is None
    end(world, holder)
    last = take(world, "last")
    assert last is not None
    assert (last.run_id, last.name) == (newest["id"], "job")
    put_workflow(olga, head + "{group: 'g-${{ github.ref }}', cancel-in-progress: true}}\n")
    newer = runs(world)[0]
    row = actions.job(world.forge.store.db, last.id)
    assert row is not None
    assert row.cancelled
    assert take(world, "still") is None
    end(world, last, Conclusion.CANCELLED)
    stopped = take(world, "now")
    assert stopped is not None
    assert stopped.run_id == newer["id"]


def test_a_run_waits_for_a_job_of_its_group(world: World) -> None:
    olga = world.as_("olga")
    put_workflow(olga, "on: push\njobs: {job: {runs-on: x, steps: [{run: 'true'}], concurrency: g}}\n")
    runs(world)
    job = take(world)
    assert job is not None
    put_workflow(olga, "on: push\nconcurrency: g\njobs:\n" + JOB)
    assert runs(world)[0]["status"] == "pending"
    end(world, job)
    assert runs(world)[0]["status"] == "queued"


def test_concurrency_groups(world: World) -> None:
    olga = world.as_("olga")
    waiting = "on: push\nconcurrency: one\njobs:\n" + JOB
    put_workflow(olga, waiting)
    assert [run["status"] for run in runs(world)] == ["queued"]
    put(olga, "a.txt", "1")
    assert [run["status"] for run in runs(world)] == ["pending", "queued"]
    put(olga, "a.txt", "2")
    assert [(run["status"], run["conclusion"]) for run in runs(world)] == [
        ("pending", None),
        ("completed", "cancelled"),
        ("queued", None),
    ]
    assert play(world) == ["job", "job"]
    assert [run["conclusion"] for run in runs(world)] == ["success", "cancelled", "success"]
    stopping = "on: push\nconcurrency: {group: '${{ github.ref }}', cancel-in-progress: true}\njobs:\n" + JOB
    put_workflow(olga, stopping)
    runs(world)
    put(olga, "a.txt", "3")
    assert [run["conclusion"] for run in runs(world)][:2] == [None, "cancelled"]


def test_matrix_max_parallel_and_fail_fast_over_the_store(world: World) -> None:
    olga = world.as_("olga")
    put_workflow(
        olga,
        "on: push\njobs:\n  m: {runs-on: x, strategy: {max-parallel: 2, matrix: {n: [1, 2, 3]}}, steps: [{run: x}]}\n",
    )
    (run,) = runs(world)
    first, second = take(world, "a"), take(world, "b")
    assert first is not None
    assert second is not None
    assert take(world, "c") is None
    end(world, first, Conclusion.FAILURE)
    assert jobs_of(olga, run) == {
        "m (1)": ("completed", "failure"),
        "m (2)": ("in_progress", None),
        "m (3)": ("completed", "cancelled"),
    }
    assert world.forge.store.db.count("SELECT cancelled FROM workflow_job WHERE id = ?", second.id) == 1
    end(world, second, Conclusion.CANCELLED)
    assert runs(world)[0]["conclusion"] == "failure"


def test_an_interrupted_job_is_queued_again_and_fails_when_that_happens_too_often(world: World) -> None:
    olga = world.as_("olga")
    put_workflow(olga, "on: push\njobs:\n" + JOB)
    (run,) = runs(world)
    for interruption in (1, 2):
        job = take(world, f"t{interruption}")
        assert job is not None
        with world.forge.store.write() as tx:
            tx.insert("job_log", job_id=job.id, step=1, text="half\n")
        recover(world.forge)
        assert jobs_of(olga, run) == {"job": ("queued", None)}
        assert not world.forge.store.db.count("SELECT count(*) FROM job_log")
        assert not world.forge.store.db.count("SELECT count(*) FROM token WHERE digest LIKE 't_'")
    assert take(world, "t3") is not None
    recover(world.forge)
    assert jobs_of(olga, run) == {"job": ("completed", "failure")}
