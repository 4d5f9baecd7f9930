"""Helpers: put workflow files into a forge over HTTP, open pull requests, and carry jobs out by hand."""

import base64
from collections.abc import Mapping
from typing import Any

import httpx
from tests.forge.world import World

from localforge.actions import jobs
from localforge.actions.legs import Conclusion
from localforge.actions.lifecycle import advance
from localforge.actions.queueing import JobToken, claim
from localforge.store.actions import JobRow

Json = dict[str, Any]
WIDGET = "/repos/acme/widget"
CI = """\
name: CI
on: [push, pull_request]
jobs:
  build: {runs-on: ubuntu-latest, steps: [{run: 'true'}]}
  test: {runs-on: ubuntu-latest, needs: build, steps: [{run: 'true'}]}
"""


def put(client: httpx.Client, path: str, text: str, *, branch: str = "main", message: str = "Change") -> str:
    """Write a file on a branch; returns the commit."""
    present = client.get(f"{WIDGET}/contents/{path}", params={"ref": branch})
    body = {"message": message, "content": base64.b64encode(text.encode()).decode(), "branch": branch}
    if present.status_code == 200:
        body["sha"] = present.json()["sha"]
    done = client.put(f"{WIDGET}/contents/{path}", json=body)
    assert done.status_code in {200, 201}, done.text
    sha: str = done.json()["commit"]["sha"]
    return sha


def put_workflow(client: httpx.Client, text: str = CI, *, branch: str = "main", name: str = "ci.yml") -> str:
    """Write a workflow file."""
    return put(client, f".github/workflows/{name}", text, branch=branch)


def make_branch(client: httpx.Client, name: str, start: str = "main") -> None:
    """A branch at the tip of another."""
    tip = client.get(f"{WIDGET}/git/ref/heads/{start}").json()["object"]["sha"]
    made = client.post(f"{WIDGET}/git/refs", json={"ref": f"refs/heads/{name}", "sha": tip})
    assert made.status_code == 201, made.text


def open_pull(client: httpx.Client, head: str, base: str = "main") -> int:
    """Open a pull request; returns its number."""
    made = client.post(f"{WIDGET}/pulls", json={"title": f"Merge {head}", "head": head, "base": base})
    assert made.status_code == 201, made.text
    number: int = made.json()["number"]
    return number


def runs(world: World, **query: str) -> list[Json]:
    """The repository's runs, newest first, after everything that happened was dealt with."""
    world.forge.bus.drain()
    assert not world.forge.store.db.count("SELECT count(*) FROM subscriber_failure")
    found: list[Json] = world.as_("olga").get(f"{WIDGET}/actions/runs", params=query).json()["workflow_runs"]
    return found


def take(world: World, secret: str = "s") -> JobRow | None:
    """Claim the next job as a runner does."""
    return claim(world.forge, JobToken(digest=secret, expires_at="2999-01-01T00:00:00Z"))


def end(
    world: World,
    job: JobRow,
    ended: Conclusion = Conclusion.SUCCESS,
    outputs: Mapping[str, str] | None = None,
) -> None:
    """End a claimed job as a runner does."""
    with world.forge.store.write() as tx:
        jobs.settle_job(world.forge, tx, job, ended, outputs)
        advance(world.forge, tx, job.run_id)


def play(world: World, **results: Conclusion) -> list[str]:
    """Claim and end jobs until none is left; success unless told otherwise by job key. Returns names in order."""
    names: list[str] = []
    while job := take(world, secret=f"s{len(names)}"):
        names.append(job.name)
        end(world, job, results.get(job.key, Conclusion.SUCCESS))
    return names


def jobs_of(client: httpx.Client, run: Json, **query: str) -> dict[str, tuple[str, str | None]]:
    """Status and conclusion of the run's jobs by name."""
    found = client.get(f"{WIDGET}/actions/runs/{run['id']}/jobs", params=query).json()["jobs"]
    return {job["name"]: (job["status"], job["conclusion"]) for job in found}
