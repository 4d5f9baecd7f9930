"""Events begin runs, runs move from job to job, and REST tells of it in GitHub's shapes (judged by its OpenAPI)."""

import io
import zipfile

import httpx
import pytest
from tests.forge.actions.flows import (
    WIDGET,
    Json,
    end,
    make_branch,
    open_pull,
    play,
    put,
    put_workflow,
    runs,
    take,
)
from tests.forge.world import World

from localforge.actions.plan import Conclusion
from localforge.store import checks

JOB = "  job: {runs-on: x, steps: [{run: 'true'}]}\n"


def jobs_of(client: httpx.Client, run: Json, **query: str) -> dict[str, tuple[str, str | None]]:
    found = client.get(f"{WIDGET}/actions/runs/{run['id']}/jobs", params=query).json()["jobs"]
    return {job["name"]: (job["status"], job["conclusion"]) for job in found}


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


def test_workflows_are_listed_disabled_and_gone(world: World) -> None:
    olga = world.as_("olga")
    assert olga.get(f"{WIDGET}/actions/workflows").json()["total_count"] == 0
    put_workflow(olga)
    runs(world)
    listed = olga.get(f"{WIDGET}/actions/workflows").json()
    assert [(row["name"], row["path"], row["state"]) for row in listed["workflows"]] == [
        ("CI", ".github/workflows/ci.yml", "active")
    ]
    assert olga.get(f"{WIDGET}/actions/workflows/ci.yml").json()["id"] == listed["workflows"][0]["id"]
    assert olga.put(f"{WIDGET}/actions/workflows/ci.yml/disable").status_code == 204
    before = len(runs(world))
    put(olga, "a.txt", "1")
    assert len(runs(world)) == before
    assert olga.put(f"{WIDGET}/actions/workflows/ci.yml/enable").status_code == 204
    put(olga, "a.txt", "2")
    assert len(runs(world)) == before + 1
    sha = olga.get(f"{WIDGET}/contents/.github/workflows/ci.yml").json()["sha"]
    olga.request(
        "DELETE", f"{WIDGET}/contents/.github/workflows/ci.yml", json={"message": "Gone", "sha": sha}
    )
    runs(world)
    assert olga.get(f"{WIDGET}/actions/workflows").json()["workflows"] == []
    assert olga.get(f"{WIDGET}/actions/workflows/99").status_code == 404


def test_runs_are_filtered(world: World) -> None:
    olga = world.as_("olga")
    sha = put_workflow(olga)
    make_branch(olga, "topic")
    put(olga, "a.txt", "1", branch="topic")
    all_runs = runs(world)
    play(world)
    put(world.as_("wim"), "b.txt", "1", branch="topic")
    assert len(runs(world)) == len(all_runs) + 1
    assert {run["head_branch"] for run in runs(world, branch="topic")} == {"topic"}
    assert {run["head_sha"] for run in runs(world, head_sha=sha)} == {sha}
    assert {run["status"] for run in runs(world, status="queued")} == {"queued"}
    assert {run["conclusion"] for run in runs(world, status="success")} == {"success"}
    assert [run["actor"]["login"] for run in runs(world, actor="wim")] == ["wim"]
    assert runs(world, actor="nobody") == []
    assert runs(world, event="pull_request") == []
    assert len(runs(world, created=">=2020-01-01")) == len(all_runs) + 1
    assert runs(world, created="2020-01-01..2020-12-31") == []
    assert runs(world, created="<2020-01-01") == []
    assert len(runs(world, per_page="1")) == 1
    of_flow = olga.get(f"{WIDGET}/actions/workflows/ci.yml/runs", params={"branch": "main"}).json()
    assert of_flow["total_count"] == 1
    assert runs(world, exclude_pull_requests="true")[0]["pull_requests"] == []


def test_cancel(world: World) -> None:
    olga = world.as_("olga")
    put_workflow(olga)
    (run,) = runs(world)
    address = f"{WIDGET}/actions/runs/{run['id']}"
    running = take(world)
    assert running is not None
    assert olga.post(f"{address}/cancel").status_code == 202
    assert olga.get(address).json()["status"] == "in_progress"
    assert olga.post(f"{address}/force-cancel").status_code == 202
    end(world, running, Conclusion.CANCELLED)
    done = olga.get(address).json()
    assert (done["status"], done["conclusion"]) == ("completed", "cancelled")
    assert jobs_of(olga, run)["test"] == ("completed", "skipped")
    again = olga.post(f"{address}/cancel")
    assert again.status_code == 409
    assert again.json()["message"] == "Cannot cancel a workflow run that is completed."


def test_cancel_of_a_queued_run_ends_it_at_once(world: World) -> None:
    olga = world.as_("olga")
    put_workflow(olga)
    (run,) = runs(world)
    assert olga.post(f"{WIDGET}/actions/runs/{run['id']}/cancel").status_code == 202
    assert runs(world)[0]["conclusion"] == "cancelled"
    assert take(world) is None


def test_rerun_of_everything_and_of_what_failed(world: World) -> None:
    olga = world.as_("olga")
    put_workflow(
        olga,
        """\
on: push
jobs:
  good: {runs-on: x, outputs: {n: 1}, steps: [{run: 'true'}]}
  bad: {runs-on: x, steps: [{run: 'true'}]}
  after: {runs-on: x, needs: [good, bad], steps: [{run: 'true'}]}
""",
    )
    (run,) = runs(world)
    address = f"{WIDGET}/actions/runs/{run['id']}"
    assert olga.post(f"{address}/rerun").status_code == 403
    assert play(world, bad=Conclusion.FAILURE) == ["good", "bad"]
    assert jobs_of(olga, run)["after"] == ("completed", "skipped")
    answer = olga.post(f"{address}/rerun-failed-jobs")
    assert (answer.status_code, answer.json()) == (201, {})
    again = olga.get(address).json()
    assert (again["run_attempt"], again["status"], again["conclusion"]) == (2, "in_progress", None)
    assert jobs_of(olga, run) == {"good": ("completed", "success"), "bad": ("queued", None)}
    assert play(world) == ["bad", "after"]
    assert olga.get(address).json()["conclusion"] == "success"
    assert olga.post(f"{address}/rerun").status_code == 201
    assert sorted(play(world)) == ["after", "bad", "good"]
    attempts = olga.get(f"{address}/jobs", params={"filter": "all"}).json()
    assert attempts["total_count"] == 9
    assert len(olga.get(f"{address}/attempts/1/jobs").json()["jobs"]) == 3
    assert olga.get(f"{address}/attempts/9/jobs").status_code == 404


def test_logs_are_behind_a_short_lived_address(world: World) -> None:
    olga = world.as_("olga")
    put_workflow(olga)
    (run,) = runs(world)
    job = take(world)
    assert job is not None
    with world.forge.store.write() as tx:
        tx.insert("workflow_step", job_id=job.id, number=1, name="Set up: a/b", status="completed")
        tx.insert("job_log", job_id=job.id, step=1, text="2026-01-01T00:00:00.0000000Z hello\n")
    moved = olga.get(f"{WIDGET}/actions/jobs/{job.id}/logs")
    assert moved.status_code == 302
    stranger = world.client()
    served = stranger.get(moved.headers["location"])
    assert served.headers["content-type"].startswith("text/plain")
    assert served.text == "2026-01-01T00:00:00.0000000Z hello\n"
    assert stranger.get(moved.headers["location"].replace(f"jobs/{job.id}", "jobs/2")).status_code == 404
    zipped = olga.get(f"{WIDGET}/actions/runs/{run['id']}/logs")
    archive = zipfile.ZipFile(io.BytesIO(stranger.get(zipped.headers["location"]).content))
    assert archive.namelist() == ["0_build.txt", "build/1_Set up ab.txt"]
    assert olga.get(f"{WIDGET}/actions/runs/{run['id']}/attempts/2/logs").status_code == 404


def test_dispatch(world: World) -> None:
    olga = world.as_("olga")
    put_workflow(
        olga,
        f"""\
run-name: Level ${{{{ inputs.level }}}}
on:
  workflow_dispatch:
    inputs:
      level: {{type: choice, options: [low, high], default: low}}
      sure: {{type: boolean}}
      why: {{required: true}}
jobs:
{JOB}""",
    )
    assert runs(world) == []
    address = f"{WIDGET}/actions/workflows/ci.yml/dispatches"
    assert (
        olga.post(
            address, json={"ref": "main", "inputs": {"why": "so", "level": "high", "sure": True}}
        ).status_code
        == 204
    )
    (run,) = runs(world)
    assert (run["event"], run["display_title"], run["head_branch"]) == (
        "workflow_dispatch",
        "Level high",
        "main",
    )
    told = olga.post(address, json={"ref": "main", "inputs": {"why": "x"}, "return_run_details": True})
    assert told.json()["workflow_run_id"] == runs(world)[0]["id"]
    for inputs, message in (
        ({}, "Required input 'why' not provided"),
        ({"why": "x", "other": 1}, "Unexpected inputs provided: ['other']"),
        ({"why": "x", "level": "mid"}, "not in the list of allowed values"),
        ({"why": "x", "sure": "perhaps"}, "not a boolean"),
        ({"why": []}, ""),
    ):
        refused = olga.post(address, json={"ref": "main", "inputs": inputs})
        assert refused.status_code == (422 if message else 204), refused.text
        assert message in refused.text
    assert "No ref found" in olga.post(address, json={"ref": "nope", "inputs": {"why": "x"}}).text
    put_workflow(olga, f"on: push\njobs:\n{JOB}", name="other.yml")
    runs(world)
    other = olga.post(f"{WIDGET}/actions/workflows/other.yml/dispatches", json={"ref": "main"})
    assert other.json()["message"] == "Workflow does not have 'workflow_dispatch' trigger"


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


def test_a_job_token_reads_the_owners_repositories_and_nothing_more(world: World) -> None:
    olga = world.as_("olga")
    put_workflow(olga, "on: push\njobs:\n" + JOB)
    runs(world)
    secret = "ghs_" + "a" * 36
    from localforge.credentials import digest

    job = take(world, digest(secret))
    assert job is not None
    token = world.client(secret)
    assert token.get(WIDGET).status_code == 200
    assert token.get("/repos/acme/secret").status_code == 200
    assert token.post(f"{WIDGET}/git/refs", json={"ref": "refs/heads/x", "sha": "a" * 40}).status_code == 403
    assert token.post(f"{WIDGET}/issues", json={"title": "x"}).status_code == 403
    assert (
        token.post(f"{WIDGET}/actions/workflows/ci.yml/dispatches", json={"ref": "main"}).status_code == 403
    )
    end(world, job)
    assert token.get(WIDGET).status_code == 401


def test_who_may_do_what(world: World) -> None:
    put_workflow(world.as_("olga"))
    (run,) = runs(world)
    address = f"{WIDGET}/actions/runs/{run['id']}"
    assert world.client().get(address).status_code == 200
    assert world.as_("otto").post(f"{address}/cancel").status_code == 403
    assert world.client().post(f"{address}/cancel").status_code == 401
    assert world.as_("olga").get("/repos/acme/secret/actions/runs/1").status_code == 404
    assert world.as_("olga").delete(address).status_code == 403
    play(world)
    assert world.as_("olga").delete(address).status_code == 204
    assert runs(world) == []


def test_an_interrupted_job_is_queued_again_and_fails_when_that_happens_too_often(world: World) -> None:
    from localforge.actions.queueing import recover

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
