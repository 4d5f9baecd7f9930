"""Runs repeated, stopped and let run."""

from collections.abc import Callable

from localforge.actions.approving import approve
from localforge.actions.lifecycle import cancel_run
from localforge.actions.queueing import can_rerun, failed, rerun
from localforge.call import Answer, Call, ok
from localforge.errors import ConflictError, ForbiddenError
from localforge.operations import Area
from localforge.rest.actions import found_job, found_run
from localforge.store import actions
from localforge.store.actions import JobRow, RunRow

area = Area()

_ACTIONS = "/repos/{owner}/{repo}/actions"
_RUN = f"{_ACTIONS}/runs/{{run_id}}"


@area("POST", f"{_RUN}/rerun", "actions/re-run-workflow", needs="actions:write", login=True)
def rerun_all(call: Call) -> Answer:
    """A new attempt of every job."""
    return _rerun(call, found_run(call), None)


@area(
    "POST",
    f"{_RUN}/rerun-failed-jobs",
    "actions/re-run-workflow-failed-jobs",
    needs="actions:write",
    login=True,
)
def rerun_failed(call: Call) -> Answer:
    """A new attempt of the jobs that failed and of those that depend on them."""
    return _rerun(call, found_run(call), failed)


@area(
    "POST",
    f"{_ACTIONS}/jobs/{{job_id}}/rerun",
    "actions/re-run-job-for-workflow-run",
    needs="actions:write",
    login=True,
)
def rerun_job(call: Call) -> Answer:
    """A new attempt of one job and of those that depend on it."""
    job = found_job(call)
    run = actions.existing_run(call.db, job.run_id)
    if job.attempt != run.attempt:
        raise ForbiddenError("This job is not of the latest attempt and cannot be retried")
    return _rerun(call, run, lambda candidate: candidate.id == job.id)


@area("POST", f"{_RUN}/cancel", "actions/cancel-workflow-run", needs="actions:write", login=True)
def cancel(call: Call) -> Answer:
    """Stop a run; 409 when it is over."""
    return _cancel(call)


@area("POST", f"{_RUN}/force-cancel", "actions/force-cancel-workflow-run", needs="actions:write", login=True)
def force_cancel(call: Call) -> Answer:
    """The same: a stopped step is killed within seconds in any case."""
    return _cancel(call)


@area("POST", f"{_RUN}/approve", "actions/approve-workflow-run", needs="actions:write", login=True)
def approve_run(call: Call) -> Answer:
    """Let the run of a stranger's pull request begin."""
    run = found_run(call)
    if not run.from_fork:
        raise ForbiddenError("This run is not from a fork pull request")
    if not run.awaits_approval:
        raise ForbiddenError("This workflow run is not waiting for approval")
    with call.forge.store.write() as tx:
        approve(call.forge, tx, run.id)
    return ok({}, status=201)


def _rerun(call: Call, run: RunRow, again: Callable[[JobRow], bool] | None) -> Answer:
    if run.status != "completed" or run.awaits_approval:
        raise ForbiddenError("This workflow run is already running")
    if not can_rerun(call.db, run):
        raise ForbiddenError("Unable to retry this workflow run because its workflow file is invalid")
    with call.forge.store.write() as tx:
        rerun(call.forge, tx, run.id, call.actor.account.id, again)
    return ok({}, status=201)


def _cancel(call: Call) -> Answer:
    run = found_run(call)
    if run.status == "completed":
        raise ConflictError("Cannot cancel a workflow run that is completed.")
    with call.forge.store.write() as tx:
        cancel_run(call.forge, tx, run.id)
        # A cancel of running jobs emits nothing by itself: the runner is told here.
        tx.wake()
    return ok({}, status=202)
