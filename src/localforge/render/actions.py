"""Workflows, runs, jobs: `workflow`, `workflow-run`, `job`."""

from collections.abc import Mapping, Sequence

from localforge.git import objects
from localforge.json_types import Json
from localforge.moment import to_epoch
from localforge.render.accounts import simple_user
from localforge.render.repository import repository
from localforge.render.view import View
from localforge.store import actions, pulls, repos
from localforge.store.actions import JobRow, RunRow, StepRow, WorkflowRow
from localforge.store.pulls import Pull
from localforge.store.repos import Repository
from localforge.urls import node_id

RUNNER: dict[str, Json] = {
    "runner_id": 1,
    "runner_name": "localforge",
    "runner_group_id": 1,
    "runner_group_name": "Default",
}
_NO_RUNNER: dict[str, Json] = dict.fromkeys(RUNNER)


def workflow(view: View, repo: Repository, row: WorkflowRow) -> dict[str, Json]:
    """`workflow`."""
    full_name = view.full_name(repo)
    file = row.path.rpartition("/")[2]
    return {
        "id": row.id,
        "node_id": node_id("W", repo.id, row.id),
        "name": row.name,
        "path": row.path,
        "state": row.state,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "url": f"{view.urls.repo(full_name)}/actions/workflows/{row.id}",
        "html_url": view.urls.page(full_name, "actions", "workflows", file),
        "badge_url": f"{view.urls.page(full_name, 'actions', 'workflows', file)}/badge.svg",
    }


def run(view: View, repo: Repository, row: RunRow, *, with_pulls: bool = True) -> dict[str, Json]:
    """`workflow-run`."""
    api = view.urls.repo(view.full_name(repo))
    url = f"{api}/actions/runs/{row.id}"
    flow = actions.workflow(view.db, row.workflow_id)
    path = flow.path if flow else ""
    before = f"{url}/attempts/{row.attempt - 1}" if row.attempt > 1 else None
    rendered_repo = repository(view, repo)
    source = repos.by_id(view.db, row.head_repo_id) if row.head_repo_id else None
    return {
        "id": row.id,
        "name": row.name,
        "node_id": node_id("WFR", repo.id, row.id),
        "head_branch": row.head_branch,
        "head_sha": row.head_sha,
        "path": path,
        "display_title": row.title,
        "run_number": row.run_number,
        "event": row.event,
        "status": row.status,
        "conclusion": row.conclusion,
        "workflow_id": row.workflow_id,
        "check_suite_id": row.suite_id,
        "check_suite_node_id": node_id("CS", repo.id, row.suite_id),
        "url": url,
        "html_url": run_page(view, repo, row.id),
        "pull_requests": [_pull(view, repo, pull) for pull in _pulls(view, row)] if with_pulls else [],
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "actor": simple_user(view.urls, view.account(row.actor_id)),
        "run_attempt": row.attempt,
        "referenced_workflows": _referenced(row),
        "run_started_at": row.started_at,
        "triggering_actor": simple_user(view.urls, view.account(row.triggering_actor_id)),
        "jobs_url": f"{url}/jobs",
        "logs_url": f"{url}/logs",
        "check_suite_url": f"{api}/check-suites/{row.suite_id}",
        "artifacts_url": f"{url}/artifacts",
        "cancel_url": f"{url}/cancel",
        "rerun_url": f"{url}/rerun",
        "previous_attempt_url": before,
        "workflow_url": f"{api}/actions/workflows/{row.workflow_id}",
        "head_commit": head_commit(view, repo, row.head_sha),
        "repository": rendered_repo,
        "head_repository": repository(view, source) if source else rendered_repo,
        "head_repository_id": source.id if source else repo.id,
    }


def _referenced(row: RunRow) -> list[Json]:
    """`referenced-workflow`s: the files that the run calls."""
    called = [found for found in row.called.values() if isinstance(found, Mapping)]
    return [{"path": found["path"], "sha": found["sha"]} for found in called]


def run_page(view: View, repo: Repository, run_id: int) -> str:
    """The web page of a run."""
    return view.urls.page(view.full_name(repo), "actions", "runs", run_id)


def job(view: View, repo: Repository, row: JobRow) -> dict[str, Json]:
    """`job`, with its steps so far."""
    api = view.urls.repo(view.full_name(repo))
    parent = actions.existing_run(view.db, row.run_id)
    return {
        "id": row.id,
        "run_id": row.run_id,
        "workflow_name": parent.name,
        "head_branch": parent.head_branch,
        "run_url": f"{api}/actions/runs/{row.run_id}",
        "run_attempt": row.attempt,
        "node_id": node_id("CR", repo.id, row.id),
        "head_sha": parent.head_sha,
        "url": f"{api}/actions/jobs/{row.id}",
        "html_url": f"{run_page(view, repo, row.run_id)}/job/{row.id}",
        "status": row.status,
        "conclusion": row.conclusion,
        "created_at": row.created_at,
        "started_at": row.started_at or row.created_at,
        "completed_at": row.completed_at,
        "name": row.name,
        "steps": [_step(step) for step in actions.steps(view.db, row.id)],
        "check_run_url": f"{api}/check-runs/{row.id}",
        "labels": row.labels,
        **(RUNNER if row.started_at else _NO_RUNNER),
    }


def usage(repo: Repository, row: RunRow, jobs: Sequence[JobRow]) -> dict[str, Json]:
    """`workflow-run-usage`: milliseconds, by operating system."""
    taken = [(job, _milliseconds(job.started_at, job.completed_at)) for job in jobs if job.started_at]
    billed: list[dict[str, Json]] = [
        {"job_id": job.id, "duration_ms": spent if repo.private else 0} for job, spent in taken
    ]
    total = sum(spent for _, spent in taken) if repo.private else 0
    ubuntu: dict[str, Json] = {"total_ms": total, "jobs": len(billed), "job_runs": billed}
    return {
        "billable": {"UBUNTU": ubuntu} if billed else {},
        "run_duration_ms": _milliseconds(row.started_at, row.updated_at),
    }


def _milliseconds(start: str | None, end: str | None) -> int:
    return max(0, to_epoch(end) - to_epoch(start)) * 1000 if start and end else 0


def head_commit(view: View, repo: Repository, sha: str) -> dict[str, Json] | None:
    """`simple-commit`; None when git no longer has it."""
    found = objects.commit(view.forge.git(repo.id), sha)
    if found is None:
        return None
    return {
        "id": found.sha,
        "tree_id": found.tree,
        "message": found.message.rstrip("\n"),
        "timestamp": found.committer.date,
        "author": {"name": found.author.name, "email": found.author.email},
        "committer": {"name": found.committer.name, "email": found.committer.email},
    }


def _step(row: StepRow) -> dict[str, Json]:
    return {
        "name": row.name,
        "status": row.status,
        "conclusion": row.conclusion,
        "number": row.number,
        "started_at": row.started_at,
        "completed_at": row.completed_at,
    }


def _pulls(view: View, row: RunRow) -> list[Pull]:
    """The open pull requests that the run's commit is the head of."""
    if row.head_branch is None:
        return []
    found = pulls.open_with_head(view.db, row.repo_id, row.head_branch)
    return [pull for pull in found if pull.head_sha == row.head_sha]


def _pull(view: View, repo: Repository, pull: Pull) -> dict[str, Json]:
    """`pull-request-minimal`."""
    base = repos.by_id(view.db, pull.repo_id) or repo
    return {
        "id": pull.id,
        "number": pull.number,
        "url": f"{view.urls.repo(view.full_name(base))}/pulls/{pull.number}",
        "head": {"ref": pull.head_ref, "sha": pull.head_sha, "repo": _minimal(view, repo)},
        "base": {"ref": pull.base_ref, "sha": pull.base_sha, "repo": _minimal(view, base)},
    }


def _minimal(view: View, repo: Repository) -> dict[str, Json]:
    return {"id": repo.id, "url": view.urls.repo(view.full_name(repo)), "name": repo.name}
