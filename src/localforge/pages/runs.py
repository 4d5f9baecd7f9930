"""Runs of workflows: lists, and single ones with their jobs, steps and logs."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from localforge.call import Answer, Call, redirect
from localforge.errors import NotFoundError
from localforge.operations import Area
from localforge.pages.page import page
from localforge.render import checks as render
from localforge.store import actions, checks, run_lists
from localforge.store.actions import JobRow, RunRow, StepRow
from localforge.store.run_lists import RunFilter

area = Area()

_PER_PAGE = 50
_LAST_PAGE = 100_000
_MOST_LINES = 3000
# Cursor movements and colours, which a terminal obeys and a page would show.
_ESCAPE = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)|.)")
# The time in front of each line, down to the second.
_TIME = re.compile(r"^\d{4}-\d\d-\d\dT(\d\d:\d\d:\d\d)\.\d+Z ", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class StepLog:
    """A step and what it printed; `left_out` counts the lines before those that are shown."""

    step: StepRow
    text: str
    left_out: int
    opened: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class JobLog:
    """A job with its steps."""

    job: JobRow
    steps: Sequence[StepLog]
    opened: bool


@area("GET", "/{owner}/{repo}/actions", "page/runs", needs="actions:read", page=True)
def list_runs(call: Call) -> Answer:
    """The repository's runs, newest first."""
    number = min(max(1, call.query.number("page", 1)), _LAST_PAGE)
    wanted = RunFilter(repo_id=call.repo.id)
    found = run_lists.list_runs(call.db, wanted, _PER_PAGE + 1, (number - 1) * _PER_PAGE)
    older = number + 1 if len(found) > _PER_PAGE else None
    return page(call, "runs", runs=found[:_PER_PAGE], number=number, older=older)


@area("GET", "/{owner}/{repo}/actions/runs/{run_id}", "page/run", needs="actions:read", page=True)
def one(call: Call) -> Answer:
    """A run in its latest attempt."""
    run = _run(call)
    return _shown(call, run, run.attempt, None)


@area(
    "GET", "/{owner}/{repo}/actions/runs/{run_id}/job/{job_id}", "page/job", needs="actions:read", page=True
)
def one_job(call: Call) -> Answer:
    """A run in the attempt of one of its jobs, whose log is unfolded."""
    run, job = _run(call), actions.job(call.db, call.number("job_id"))
    if job is None or job.run_id != run.id:
        raise NotFoundError
    return _shown(call, run, job.attempt, job.id)


@area("GET", "/{owner}/{repo}/runs/{check_run_id}", "page/check-run", needs="checks:read", page=True)
def check_run(call: Call) -> Answer:
    """What was reported as a check; of a job of a workflow, its log."""
    check = checks.run_by_id(call.db, call.number("check_run_id"))
    if check is None or check.repo_id != call.repo.id:
        raise NotFoundError
    if actions.job(call.db, check.id):
        return redirect(render.run_page(call.view, call.repo, check))
    return page(call, "check", check=check, annotations=checks.annotations(call.db, check.id))


def _run(call: Call) -> RunRow:
    run = actions.run(call.db, call.number("run_id"))
    if run is None or run.repo_id != call.repo.id:
        raise NotFoundError
    return run


def _shown(call: Call, run: RunRow, attempt: int, job_id: int | None) -> Answer:
    rows = actions.jobs(call.db, run.id, attempt)
    jobs = [_job(call, job, opened=job_id in {None, job.id}) for job in rows]
    # Of an invalid file there is no job, but one check that says what is wrong with it, and where.
    broken = [] if jobs else checks.runs_of_suite(call.db, run.suite_id)
    return page(call, "run", run=run, attempt=attempt, jobs=jobs, broken=broken)


def _job(call: Call, job: JobRow, *, opened: bool) -> JobLog:
    printed: dict[int, list[str]] = {}
    for chunk in actions.log(call.db, job.id):
        printed.setdefault(chunk.step, []).append(chunk.text)
    steps = [_step(step, "".join(printed.get(step.number, ()))) for step in actions.steps(call.db, job.id)]
    return JobLog(job=job, steps=steps, opened=opened)


def _step(step: StepRow, printed: str) -> StepLog:
    lines = _TIME.sub(r"\1  ", _ESCAPE.sub("", printed)).splitlines()
    left_out = max(0, len(lines) - _MOST_LINES)
    failed = step.conclusion not in {None, "success", "skipped", "neutral"}
    running = step.status == "in_progress"
    return StepLog(step=step, text="\n".join(lines[left_out:]), left_out=left_out, opened=failed or running)
