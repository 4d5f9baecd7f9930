"""Workflows, runs, jobs and logs over REST, in GitHub's shapes (judged by its OpenAPI) and with its refusals."""

import io
import zipfile

import pytest
from tests.forge.actions.flows import (
    WIDGET,
    end,
    jobs_of,
    make_branch,
    play,
    put,
    put_workflow,
    runs,
    take,
)
from tests.forge.world import World

from localforge import seed
from localforge.actions.legs import Conclusion
from localforge.credentials import digest

JOB = "  job: {runs-on: x, steps: [{run: 'true'}]}\n"


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
    assert olga.get(f"{WIDGET}/actions/runs/{run['id']}/attempts/1/logs").status_code == 302
    assert olga.get(f"{WIDGET}/actions/runs/{run['id']}/attempts/2/logs").status_code == 404


def test_dispatch(world: World) -> None:
    olga = world.as_("olga")
    put_workflow(
        olga,
        f"""\
run-name: Level ${{{{ inputs.level }}}} ${{{{ inputs.sure && 1 }}}} ${{{{ github.event.inputs.sure }}}} ${{{{ inputs.n == 7 }}}}
on:
  workflow_dispatch:
    inputs:
      level: {{type: choice, options: [low, high], default: low}}
      sure: {{type: boolean}}
      n: {{type: number, default: 7}}
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
        "Level high 1 true true",
        "main",
    )
    told = olga.post(address, json={"ref": "main", "inputs": {"why": "x"}, "return_run_details": True})
    assert told.json()["workflow_run_id"] == runs(world)[0]["id"]
    for inputs, message in (
        ({}, "Required input 'why' not provided"),
        ({"why": "x", "other": 1}, "Unexpected inputs provided: ['other']"),
        ({"why": "x", "level": "mid"}, "not in the list of allowed values"),
        ({"why": "x", "sure": "perhaps"}, "not a boolean"),
        ({"why": "x", "n": "many"}, "Provided value 'many' for input 'n' not a number"),
        ({"why": []}, ""),
    ):
        refused = olga.post(address, json={"ref": "main", "inputs": inputs})
        assert refused.status_code == (422 if message else 204), refused.text
        assert message in refused.text
    assert "No ref found" in olga.post(address, json={"ref": "nope", "inputs": {"why": "x"}}).text
    put_workflow(olga, f"on: push\njobs:\n{JOB}", name="other.yml")
    absent = olga.post(f"{WIDGET}/actions/workflows/absent.yml/dispatches", json={"ref": "main"})
    assert absent.status_code == 404
    other = olga.post(f"{WIDGET}/actions/workflows/other.yml/dispatches", json={"ref": "main"})
    assert other.json()["message"] == "Workflow does not have 'workflow_dispatch' trigger"


@pytest.mark.parametrize(
    ("permissions", "contents", "issues"),
    [
        ("", 403, 403),
        ("permissions: {}\n", 403, 403),
        ("permissions: read-all\n", 403, 403),
        ("permissions: {contents: write}\n", 201, 403),
        ("permissions: {issues: write}\n", 403, 201),
        ("permissions: write-all\n", 201, 201),
    ],
)
def test_a_job_token_does_what_permissions_says(
    world: World, permissions: str, contents: int, issues: int
) -> None:
    """It acts as github-actions[bot], writes its own repository alone, and dies with its job."""
    olga = world.as_("olga")
    seed.create_repo(world.forge, world.org, "other")
    sha = put_workflow(olga, f"on: push\n{permissions}jobs:\n{JOB}")
    runs(world)
    secret = "ghs_" + "a" * 36
    job = take(world, digest(secret))
    assert job is not None
    token = world.client(secret)
    seen = token.get(WIDGET)
    assert (seen.status_code, seen.headers["x-ratelimit-limit"]) == (200, "1000")
    assert token.get("/repos/acme/secret").status_code == 200
    made = token.post(f"{WIDGET}/git/refs", json={"ref": "refs/heads/x", "sha": sha})
    assert made.status_code == contents
    issue = token.post(f"{WIDGET}/issues", json={"title": "x"})
    assert issue.status_code == issues
    if issues == 201:
        assert issue.json()["user"]["login"] == "github-actions[bot]"
    else:
        assert issue.json()["message"] == "Resource not accessible by integration"
    assert token.post("/repos/acme/other/issues", json={"title": "x"}).status_code == 403
    assert token.get(f"{WIDGET}/actions/secrets").status_code in {403, 404}
    end(world, job)
    assert token.get(WIDGET).status_code == 401


def test_what_a_job_does_with_its_token_begins_nothing_but_dispatches(world: World) -> None:
    olga = world.as_("olga")
    put_workflow(
        olga,
        f"on: [push, issues, workflow_dispatch, repository_dispatch]\npermissions: write-all\njobs:\n{JOB}",
    )
    assert [run["event"] for run in runs(world)] == ["push"]
    secret = "ghs_" + "a" * 36
    assert take(world, digest(secret)) is not None
    token = world.client(secret)
    put(token, "made.txt", "by a job")
    assert token.post(f"{WIDGET}/issues", json={"title": "x"}).status_code == 201
    assert len(runs(world)) == 1
    told = token.post(f"{WIDGET}/dispatches", json={"event_type": "again"})
    assert told.status_code == 204
    address = f"{WIDGET}/actions/workflows/ci.yml/dispatches"
    assert token.post(address, json={"ref": "main"}).status_code == 204
    assert [run["event"] for run in runs(world)] == ["workflow_dispatch", "repository_dispatch", "push"]
    assert runs(world)[0]["actor"]["login"] == "github-actions[bot]"


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
