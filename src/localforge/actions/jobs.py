"""Jobs as rows: made, stopped and settled together with their check runs."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import cast

from localforge.actions.legs import Conclusion, Leg, LegState
from localforge.events import WorkflowJobEvent
from localforge.forge import Forge
from localforge.json_types import Json
from localforge.store import actions, checks
from localforge.store.actions import JobRow, RunRow
from localforge.store.checks import Annotation
from localforge.store.database import Tx


def stop_job(forge: Forge, tx: Tx, job: JobRow) -> bool:
    """Stop one job; False when there is nothing (more) to stop."""
    if job.status == "completed" or job.cancelled:
        return False
    tx.update("workflow_job", job.id, cancelled=True)
    if job.status == "queued":
        settle_job(forge, tx, replace(job, cancelled=True), Conclusion.CANCELLED)
    return True


def settle_job(
    forge: Forge, tx: Tx, job: JobRow, ended: Conclusion, outputs: Mapping[str, str] | None = None
) -> None:
    """Mark a job complete, here and on its check run. `advance` its run afterwards."""
    at = forge.clock()
    run = actions.existing_run(tx, job.run_id)
    tx.update(
        "workflow_job",
        job.id,
        status="completed",
        conclusion=ended.value,
        outputs=outputs or {},
        started_at=job.started_at or at,
        completed_at=at,
        token_id=None,
    )
    tx.execute("DELETE FROM token WHERE id = ?", job.token_id)
    for step in actions.steps(tx, job.id):
        if step.status != "completed":
            actions.end_step(tx, job.id, step.number, Conclusion.CANCELLED.value, at)
    checks.update_run(
        tx,
        job.id,
        actor_id=run.triggering_actor_id,
        at=at,
        status="completed",
        conclusion=ended.value,
        started_at=job.started_at or at,
        completed_at=at,
    )
    tell_job(tx, run, job.id, "completed")


def tell_job(tx: Tx, run: RunRow, job_id: int, action: str) -> None:
    """The event of a job: queued, in_progress, completed."""
    tx.emit(
        WorkflowJobEvent(repo_id=run.repo_id, actor_id=run.triggering_actor_id, action=action, job_id=job_id)
    )


def add_job(forge: Forge, tx: Tx, run: RunRow, leg: Leg, labels: Sequence[str] = ()) -> JobRow:
    """A queued job of the run's present attempt, with its check run."""
    at = forge.clock()
    suite = checks.suite_by_id(tx, run.suite_id)
    if suite is None:
        raise LookupError(f"run {run.id} has lost its check suite")
    check = checks.create_run(tx, suite, actor_id=run.triggering_actor_id, at=at, name=leg.name)
    tx.insert(
        "workflow_job",
        id=check.id,
        repo_id=run.repo_id,
        run_id=run.id,
        attempt=run.attempt,
        key=leg.job,
        leg=cast("Mapping[str, Json]", asdict(leg)),
        name=leg.name,
        labels=list(labels),
        status="queued",
        created_at=at,
    )
    row = actions.job(tx, check.id)
    if row is None:
        raise LookupError(f"job {check.id}")
    return row


def leg_of(job: JobRow) -> Leg:
    """The job's place in the plan."""
    return Leg(**job.leg)  # type: ignore[arg-type]


def leg_state(job: JobRow) -> LegState:
    """The job as the plan sees it."""
    return LegState(
        id=job.id,
        leg=leg_of(job),
        started=job.status != "queued",
        conclusion=Conclusion(job.conclusion) if job.conclusion else None,
        outputs=job.outputs,
    )


def annotate_file(tx: Tx, run: RunRow, check_id: int, message: str) -> None:
    """A failure that belongs to the workflow file as a whole."""
    row = actions.workflow(tx, run.workflow_id)
    path = row.path if row else ".github"
    remark = Annotation(path=path, start_line=1, end_line=1, annotation_level="failure", message=message)
    checks.annotate(tx, check_id, [remark])
