"""Which runs begin on what happens: every event that workflows can listen to, schedules, chains of runs."""

from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any

import pytest
from tests.forge.actions.flows import (
    WIDGET,
    Json,
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
from tests.forge.proposing import propose
from tests.forge.world import World

from localforge import repositories, seed
from localforge.access import Role
from localforge.actions.legs import Conclusion
from localforge.actions.scheduling import fire, worker
from localforge.moment import FORMAT
from localforge.store import timetable

JOBS = "jobs:\n  job: {runs-on: x, steps: [{run: 'true'}]}\n"


def began(world: World, before: int) -> list[tuple[str, str]]:
    """Events and titles of the runs that began since there were so many, oldest first."""
    found = runs(world)
    return [(run["event"], run["display_title"]) for run in reversed(found[: len(found) - before])]


@pytest.mark.parametrize(
    ("on", "wanted"),
    [
        ("issues", ["issues", "issues", "issues"]),
        ("{issues: {types: [closed]}}", ["issues"]),
        ("{issues: {types: [labeled, opened]}}", ["issues", "issues"]),
        ("issue_comment", ["issue_comment"]),
        ("[create, delete]", ["create", "delete"]),
        ("status", ["status"]),
        ("{repository_dispatch: {types: [go]}}", ["repository_dispatch"]),
        ("{repository_dispatch: {types: [other]}}", []),
        ("repository_dispatch", ["repository_dispatch"]),
        ("{check_run: {types: [created]}}", []),
        ("[watch, release, fork]", []),
    ],
)
def test_events_that_run_the_default_branch(world: World, on: str, wanted: list[str]) -> None:
    olga = world.as_("olga")
    sha = put_workflow(olga, f"on: {on}\n{JOBS}")
    before = len(runs(world))
    issue = olga.post(f"{WIDGET}/issues", json={"title": "Broken"}).json()["number"]
    olga.post(f"{WIDGET}/issues/{issue}/labels", json={"labels": ["bug"]})
    olga.post(f"{WIDGET}/issues/{issue}/comments", json={"body": "Indeed"})
    olga.patch(f"{WIDGET}/issues/{issue}", json={"state": "closed"})
    make_branch(olga, "topic")
    runs(world)
    olga.delete(f"{WIDGET}/git/refs/heads/topic")
    olga.post(f"{WIDGET}/statuses/{sha}", json={"state": "success", "context": "x"})
    told = olga.post(f"{WIDGET}/dispatches", json={"event_type": "go", "client_payload": {"n": 1}})
    assert told.status_code == 204
    assert [event for event, _ in began(world, before)] == wanted
    for run in runs(world)[: len(wanted)]:
        assert run["head_sha"] == sha
        if run["event"].startswith("issue"):
            assert run["display_title"] == "Broken"


def test_repository_dispatch(world: World) -> None:
    olga = world.as_("olga")
    put_workflow(
        olga,
        "run-name: n is ${{ github.event.client_payload.n }}\non: {repository_dispatch: {types: [go]}}\n"
        + JOBS,
    )
    assert runs(world) == []
    address = f"{WIDGET}/dispatches"
    assert olga.post(address, json={"event_type": "go", "client_payload": {"n": 7}}).status_code == 204
    assert began(world, 0) == [("repository_dispatch", "n is 7")]
    for body in (
        {},
        {"event_type": "x" * 101},
        {"event_type": "x", "client_payload": dict.fromkeys("abcdefghijk")},
    ):
        assert olga.post(address, json=body).status_code == 422
    assert world.as_("otto").post(address, json={"event_type": "go"}).status_code == 403
    assert world.client().post(address, json={"event_type": "go"}).status_code == 401
    assert len(runs(world)) == 1


def test_reviews_run_on_the_merge_and_targets_on_the_base(world: World) -> None:
    olga = world.as_("olga")
    seed.add_collaborator(world.forge, world.widget, world.people["mia"], role=Role.WRITE)
    put_workflow(olga, "on: [pull_request_target, pull_request_review]\n" + JOBS)
    base = olga.get(f"{WIDGET}/git/ref/heads/main").json()["object"]["sha"]
    make_branch(olga, "topic")
    put(olga, "new.txt", "1", branch="topic")
    before = len(runs(world))
    number = open_pull(olga, "topic")
    world.as_("mia").post(f"{WIDGET}/pulls/{number}/reviews", json={"event": "APPROVE"})
    assert [event for event, _ in began(world, before)] == ["pull_request_target", "pull_request_review"]
    rows = world.forge.store.db.all(
        _Where, "SELECT event, sha, ref FROM workflow_run ORDER BY id DESC LIMIT 2"
    )
    assert rows[1] == _Where(event="pull_request_target", sha=base, ref="refs/heads/main")
    assert (rows[0].ref, rows[0].sha != base) == (f"refs/pull/{number}/merge", True)


class _Where:
    def __init__(self, event: str, sha: str, ref: str) -> None:
        self.event, self.sha, self.ref = event, sha, ref

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Where) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash(self.event)


def test_a_workflow_runs_after_another(world: World) -> None:
    """By name and branch, for each of its activities; three in a chain and no more."""
    olga = world.as_("olga")
    after = (
        "name: After\non: {workflow_run: {workflows: [CI, After], types: [completed], branches: [main]}}\n"
        + JOBS
    )
    put_workflow(olga, after, name="after.yml")
    put_workflow(olga)
    make_branch(olga, "topic")
    put(olga, "x.txt", "1", branch="topic")
    runs(world)
    play(world)
    for _ in range(6):
        runs(world)
        play(world)
    found = [(run["name"], run["event"]) for run in runs(world)]
    assert found.count(("After", "workflow_run")) == 3
    (first, *_) = [run for run in reversed(runs(world)) if run["name"] == "After"]
    row = world.forge.store.db.column(
        str, "SELECT json_extract(payload, '$.workflow_run.name') FROM workflow_run WHERE id = ?", first["id"]
    )
    assert row == ["CI"]


def test_a_schedule_fires_by_the_forges_clock(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    olga = world.as_("olga")
    now = datetime(2030, 5, 1, 11, 50, tzinfo=UTC)
    monkeypatch.setattr(world.forge, "clock", lambda: now.strftime(FORMAT))
    put_workflow(
        olga, "name: Nightly\non: {schedule: [{cron: '0 12 * * *'}, {cron: '30 1 * * SUN'}]}\n" + JOBS
    )
    assert runs(world) == []
    assert timetable.first(world.forge.store.db) == "2030-05-01T12:00:00Z"
    assert fire(world.forge) == 0
    now += timedelta(days=2)
    assert fire(world.forge) == 1
    assert fire(world.forge) == 0
    (run,) = runs(world)
    assert (run["event"], run["name"], run["head_branch"], run["actor"]["login"]) == (
        "schedule",
        "Nightly",
        "main",
        "olga",
    )
    payload = world.forge.store.db.column(str, "SELECT json_extract(payload, '$.schedule') FROM workflow_run")
    assert payload == ["0 12 * * *"]
    put(olga, "a.txt", "another push keeps the time")
    runs(world)
    assert timetable.first(world.forge.store.db) == "2030-05-03T12:00:00Z"
    olga.put(f"{WIDGET}/actions/workflows/ci.yml/disable")
    now += timedelta(days=2)
    assert fire(world.forge) == 0
    put_workflow(olga, "on: push\n" + JOBS)
    runs(world)
    assert timetable.first(world.forge.store.db) is None


def test_the_scheduler_wakes_when_something_is_due(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its thread begins what is due when it starts and when something is written; not before, and only once."""
    time = "2030-05-01T11:59:00Z"
    monkeypatch.setattr(world.forge, "clock", lambda: time)
    olga = world.as_("olga")
    put_workflow(olga, "on: {schedule: [{cron: '0 12 * * *'}]}\n" + JOBS)
    scheduler = worker(world.forge)
    scheduler.start()
    try:
        assert runs(world) == []
        time = "2030-05-01T12:00:00Z"
        put(olga, "a.txt", "wakes it")
        deadline = monotonic() + 10
        while not runs(world):
            assert monotonic() < deadline, "it never began"
        put(olga, "a.txt", "once more")
        assert len(runs(world)) == 1
    finally:
        scheduler.stop()


def test_a_cron_in_a_time_zone(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(world.forge, "clock", lambda: "2030-07-01T00:00:00Z")
    put_workflow(
        world.as_("olga"), "on: {schedule: [{cron: '0 12 * * *', timezone: Europe/Berlin}]}\n" + JOBS
    )
    runs(world)
    assert timetable.first(world.forge.store.db) == "2030-07-01T10:00:00Z"


@pytest.mark.parametrize("cron", ["0 12 * *", "61 * * * *", "0 0 * * * *", "soon"])
def test_a_cron_that_is_none_is_refused(world: World, cron: str) -> None:
    olga = world.as_("olga")
    put_workflow(olga, f"on: {{schedule: [{{cron: '{cron}'}}]}}\n{JOBS}")
    (run,) = runs(world)
    assert run["conclusion"] == "failure"
    notes = olga.get(f"{WIDGET}/commits/{run['head_sha']}/check-runs").json()["check_runs"][0]
    assert "Invalid cron expression" in notes["output"]["summary"]


def from_fork(world: World) -> Json:
    """Otto, a stranger, proposes a change from his fork; the run that it makes."""
    olga, otto = world.as_("olga"), world.people["otto"]
    put_workflow(olga, "on: [push, pull_request]\npermissions: write-all\n" + JOBS)
    runs(world)
    play(world)
    fork = repositories.create(world.forge, otto, "widget", columns={"parent_id": world.widget.id})
    world.forge.git(fork.id).run(
        "fetch", "--quiet", str(world.forge.git_path(world.widget.id)), "+refs/heads/*:refs/heads/*"
    )
    client = world.as_("otto")
    content: dict[str, Any] = {"message": "Mine", "content": "eA==", "branch": "main"}
    assert client.put("/repos/otto/widget/contents/mine.txt", json=content).status_code == 201
    world.forge.bus.drain()
    assert client.get("/repos/otto/widget/actions/runs").json()["total_count"] == 0
    listed = client.get("/repos/otto/widget/actions/workflows").json()["workflows"]
    assert [row["state"] for row in listed] == ["disabled_fork"]
    made = client.post(f"{WIDGET}/pulls", json={"title": "Mine", "head": "otto:main", "base": "main"})
    assert made.status_code == 201, made.text
    return next(run for run in runs(world) if run["event"] == "pull_request")


def test_a_strangers_run_waits_for_approval_and_may_write_nothing(world: World) -> None:
    olga = world.as_("olga")
    run = from_fork(world)
    address = f"{WIDGET}/actions/runs/{run['id']}"
    assert (run["status"], run["conclusion"]) == ("completed", "action_required")
    assert run["head_repository"]["full_name"] == "otto/widget"
    assert take(world) is None
    assert olga.post(f"{address}/rerun").status_code == 403
    assert world.as_("otto").post(f"{address}/approve").status_code == 403
    push = next(found for found in runs(world) if found["event"] == "push")
    refused = olga.post(f"{WIDGET}/actions/runs/{push['id']}/approve")
    assert (refused.status_code, refused.json()["message"]) == (
        403,
        "This run is not from a fork pull request",
    )
    assert olga.post(f"{address}/approve").status_code == 201
    assert olga.post(f"{address}/approve").status_code == 403
    job = take(world)
    assert job is not None
    writing = "SELECT count(*) FROM token WHERE id = ? AND permissions LIKE '%write%'"
    assert world.forge.store.db.count(writing, job.token_id) == 0
    end(world, job)
    assert olga.get(address).json()["conclusion"] == "success"


def test_attempts_are_kept(world: World) -> None:
    """Each attempt keeps its end, its jobs and who asked for it; one job can be repeated with what depends on it."""
    olga, wim = world.as_("olga"), world.as_("wim")
    put_workflow(olga)
    (run,) = runs(world)
    play(world, test=Conclusion.FAILURE)
    address = f"{WIDGET}/actions/runs/{run['id']}"
    found = {job["name"]: job["id"] for job in olga.get(f"{address}/jobs").json()["jobs"]}
    assert wim.post(f"{WIDGET}/actions/jobs/{found['test']}/rerun").status_code == 201
    assert jobs_of(olga, run) == {"build": ("completed", "success"), "test": ("queued", None)}
    assert play(world) == ["test"]
    first, second = (olga.get(f"{address}/attempts/{number}").json() for number in (1, 2))
    assert [(one["run_attempt"], one["conclusion"]) for one in (first, second)] == [
        (1, "failure"),
        (2, "success"),
    ]
    assert [one["triggering_actor"]["login"] for one in (first, second)] == ["olga", "wim"]
    assert second["previous_attempt_url"].endswith(f"{run['id']}/attempts/1")
    assert olga.get(f"{address}/attempts/3").status_code == 404
    assert olga.post(f"{WIDGET}/actions/jobs/{found['test']}/rerun").status_code == 403
    latest = {job["name"]: job["id"] for job in olga.get(f"{address}/jobs").json()["jobs"]}
    assert olga.post(f"{WIDGET}/actions/jobs/{latest['build']}/rerun").status_code == 201
    assert play(world) == ["build", "test"]
    assert olga.get(address).json()["run_attempt"] == 3
    usage = olga.get(f"{address}/timing").json()
    assert (usage["billable"]["UBUNTU"]["jobs"], usage["billable"]["UBUNTU"]["total_ms"]) == (2, 0)


def test_filters_of_paths_and_tags(world: World) -> None:
    olga = world.as_("olga")
    put_workflow(olga, "on: {push: {paths-ignore: ['docs/**'], branches: ['**'], tags: ['v*']}}\n" + JOBS)
    before = len(runs(world))
    put(olga, "docs/a.md", "1")
    assert began(world, before) == []
    tip = put(olga, "src/a.py", "1")
    assert len(began(world, before)) == 1
    for tag in ("v2", "other"):
        olga.post(f"{WIDGET}/git/refs", json={"ref": f"refs/tags/{tag}", "sha": tip})
    assert [run["head_branch"] for run in runs(world)[:1]] == ["v2"]
    assert len(began(world, before)) == 2
    propose(world, "topic", {"docs/b.md": "1"})
    assert len(began(world, before)) == 2
