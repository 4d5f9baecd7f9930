"""Jobs between the queue and a runner: claimed, given back after a crash, run again on request."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from localforge.actions import archives, jobs, jobtoken
from localforge.actions.calling import permissions_within
from localforge.actions.groups import Wish, memberships, units
from localforge.actions.legs import Conclusion, Leg, LegState
from localforge.actions.lifecycle import advance, make_room, progress_of, tell_run, workflow_of
from localforge.actions.plan import runnable
from localforge.actions.progress import ancestors, located
from localforge.actions.workflow.model import Workflow
from localforge.forge import Forge
from localforge.store import actions, checks
from localforge.store.actions import JobRow, RunRow
from localforge.store.database import Db, Tx
from localforge.store.run_lists import keep_attempt

MAX_INTERRUPTIONS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class JobToken:
    """The credential that a job gets: the digest of its text, and when it ends by itself."""

    digest: str
    expires_at: str


def claim(forge: Forge, token: JobToken) -> JobRow | None:
    """Take the oldest job that may start now and mark it begun; None when there is none."""
    if not actions.open_jobs(forge.store.db, "queued"):
        return None
    with forge.store.write() as tx:
        for run in actions.open_runs(tx):
            rows = {job.id: job for job in actions.jobs(tx, run.id, run.attempt)}
            for state in runnable([jobs.leg_state(job) for job in rows.values()]):
                if _has_turn(tx, run, rows[state.id]):
                    return _begin(forge, tx, run, state, token)
    return None


def _has_turn(db: Db, run: RunRow, job: JobRow) -> bool:
    """Whether the concurrency groups that the job is in, if any, are its own, or its call's, now."""
    for scope, group in memberships(job):
        mine = units(db, run.repo_id, group)[0].is_of(job, scope)
        others = [other for other in actions.in_group(db, run.repo_id, group) if other.id != run.id]
        if not mine or any(other.status != "pending" for other in others):
            return False
    return True


def recover(forge: Forge) -> None:
    """Queue again what an earlier process was running when it died; a job that saw that too often fails."""
    with forge.store.write() as tx:
        archives.sweep(forge, tx)
        for job in actions.open_jobs(tx, "in_progress"):
            tx.execute("DELETE FROM token WHERE id = ?", job.token_id)
            run = actions.existing_run(tx, job.run_id)
            if job.cancelled:
                jobs.settle_job(forge, tx, job, Conclusion.CANCELLED)
            elif job.interruptions + 1 >= MAX_INTERRUPTIONS:
                words = f"The forge stopped {MAX_INTERRUPTIONS} times while this job ran."
                jobs.annotate_file(tx, run, job.id, words)
                jobs.settle_job(forge, tx, job, Conclusion.FAILURE)
            else:
                _give_back(forge, tx, run, job)
            advance(forge, tx, run.id)


def rerun(
    forge: Forge, tx: Tx, run_id: int, actor_id: int, again: Callable[[JobRow], bool] | None = None
) -> None:
    """A new attempt of a complete run: of all jobs, or of those that `again` picks and what depends on them."""
    before = actions.existing_run(tx, run_id)
    keep_attempt(tx, before)
    at = forge.clock()
    tx.update(
        "workflow_run",
        run_id,
        attempt=before.attempt + 1,
        status="queued",
        conclusion=None,
        cancelled=False,
        triggering_actor_id=actor_id,
        updated_at=at,
        started_at=at,
    )
    run = actions.existing_run(tx, run_id)
    checks.settle_suite(tx, run.suite_id, "queued", None, actor_id=actor_id, at=at)
    tell_run(tx, run, "requested")
    if again is not None:
        rows = actions.jobs(tx, run_id, before.attempt)
        picked = {row.id: again(row) for row in rows}
        redone = [jobs.leg_of(row) for row in rows if picked[row.id]]
        for row in rows:
            if not _follows(workflow_of(tx, run), jobs.leg_of(row), redone):
                _carry_over(forge, tx, run, row, again=picked[row.id])
    advance(forge, tx, run_id)


def can_rerun(db: Db, run: RunRow) -> bool:
    """Whether the run is complete and was of a valid file."""
    return run.status == "completed" and bool(actions.jobs(db, run.id, run.attempt))


def _begin(forge: Forge, tx: Tx, run: RunRow, state: LegState, token: JobToken) -> JobRow:
    at = forge.clock()
    tx.update(
        "workflow_job",
        state.id,
        status="in_progress",
        started_at=at,
        token_id=_grant(forge, tx, run, state.leg, token),
    )
    actor_id = run.triggering_actor_id
    checks.update_run(tx, state.id, actor_id=actor_id, at=at, status="in_progress", started_at=at)
    jobs.tell_job(tx, run, state.id, "in_progress")
    advance(forge, tx, run.id)
    return _existing(tx, state.id)


def _grant(forge: Forge, tx: Tx, run: RunRow, leg: Leg, token: JobToken) -> int:
    """The job's token."""
    granted = permissions_within(*located(progress_of(forge, tx, run), leg))
    return tx.insert(
        "token",
        user_id=jobtoken.bot_id(forge, tx),
        digest=token.digest,
        permissions=jobtoken.permissions(granted, trusted=not run.untrusted),
        repositories=jobtoken.readable(tx, run),
        home_id=run.repo_id,
        expires_at=token.expires_at,
        created_at=forge.clock(),
    )


def _give_back(forge: Forge, tx: Tx, run: RunRow, job: JobRow) -> None:
    actions.forget_attempt(tx, job.id)
    tx.update(
        "workflow_job",
        job.id,
        status="queued",
        started_at=None,
        token_id=None,
        interruptions=job.interruptions + 1,
    )
    checks.update_run(
        tx, job.id, actor_id=run.triggering_actor_id, at=forge.clock(), status="queued", started_at=None
    )
    jobs.tell_job(tx, run, job.id, "queued")


def _follows(workflow: Workflow, leg: Leg, redone: list[Leg]) -> bool:
    """Whether a job that runs again comes before this one, which therefore is planned anew."""
    return any(_comes_before(workflow, _way(other), _way(leg)) for other in redone)


def _way(leg: Leg) -> list[str]:
    """The jobs that lead to a leg: those that call, with the number of the call, and its own."""
    return [*leg.scope.split("/")[:-1], leg.job]


def _comes_before(workflow: Workflow, first: list[str], second: list[str]) -> bool:
    """Whether the job at the end of the one way must be complete before the other's may begin."""
    one, other = first[0].partition("#")[0], second[0].partition("#")[0]
    known = {job.id for job in workflow.jobs}
    if not {one, other} <= known:
        return True
    if one != other:
        return one in ancestors(workflow, workflow.job(other))
    if first[0] != second[0] or len(first) == 1 or len(second) == 1:
        return False
    return _comes_before(workflow.called[one], first[1:], second[1:])


def _carry_over(forge: Forge, tx: Tx, run: RunRow, job: JobRow, *, again: bool) -> None:
    """A job of the attempt before in this one: queued again, or as it was."""
    copy = jobs.add_job(forge, tx, run, jobs.leg_of(job), job.labels)
    if again:
        jobs.tell_job(tx, run, copy.id, "queued")
        if job.concurrency:
            tx.update("workflow_job", copy.id, concurrency=job.concurrency)
        for scope, group in memberships(job):
            mine = [unit for unit in units(tx, run.repo_id, group) if unit.is_of(copy, scope)]
            if mine and mine[0].jobs[0].id == copy.id:
                make_room(forge, tx, copy, Wish(scope=scope, group=group, cancels=False))
        return
    ended = Conclusion(job.conclusion or Conclusion.SUCCESS.value)
    for table, columns in (
        ("workflow_step", "number, name, status, conclusion, started_at, completed_at"),
        ("job_log", "step, text"),
    ):
        tx.execute(
            f"INSERT INTO {table} (job_id, {columns}) SELECT ?, {columns} FROM {table} WHERE job_id = ?",  # noqa: S608 (ours)
            copy.id,
            job.id,
        )
    jobs.settle_job(forge, tx, replace(copy, started_at=job.started_at), ended, job.outputs)


def failed(job: JobRow) -> bool:
    """Whether `rerun-failed-jobs` runs it again."""
    return job.conclusion not in {Conclusion.SUCCESS.value, Conclusion.SKIPPED.value}


def _existing(db: Db, job_id: int) -> JobRow:
    job = actions.job(db, job_id)
    if job is None:
        raise LookupError(f"job {job_id}")
    return job
