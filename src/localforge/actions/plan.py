"""Which jobs of a run start, are skipped or stop now. Pure: a workflow and the jobs so far in, decisions out.

A job of the file becomes one or more *legs* (its matrix combinations; one without a matrix) when all it needs is
complete. Legs are never withdrawn; a job that does not run has one leg, skipped.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from localforge.actions.expressions import ExpressionError
from localforge.actions.legs import Conclusion, Leg, LegState
from localforge.actions.matrix import MatrixError
from localforge.actions.progress import Progress, conclusion, job_environment, legs_of, named
from localforge.actions.workflow.model import Job


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """Create these legs, queued."""

    legs: tuple[Leg, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settle:
    """Create a leg that is complete at once: skipped, or failed with what is wrong."""

    leg: Leg
    conclusion: Conclusion
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancel:
    """Stop a leg: a sibling failed under fail-fast."""

    leg_id: int


Decision: TypeAlias = Queue | Settle | Cancel


def decide(progress: Progress) -> tuple[Decision, ...]:
    """What follows from where the run is. To be asked again after each decision is carried out and each leg ends."""
    return (*_stops(progress), *_starts(progress))


def runnable(legs: Sequence[LegState]) -> tuple[LegState, ...]:
    """The queued legs that `max-parallel` lets start now, oldest first."""
    running = Counter(
        (state.leg.scope, state.leg.job) for state in legs if state.started and state.conclusion is None
    )
    free: list[LegState] = []
    for state in legs:
        if state.started or state.conclusion is not None:
            continue
        place = (state.leg.scope, state.leg.job)
        if state.leg.limit is None or running[place] < state.leg.limit:
            running[place] += 1
            free.append(state)
    return tuple(free)


def _stops(progress: Progress) -> Iterator[Cancel]:
    """Under fail-fast, the open siblings of a leg that failed."""
    for job in progress.workflow.jobs:
        siblings = progress.of(job.id)
        failed = any(sibling.result is Conclusion.FAILURE for sibling in siblings)
        for state in siblings if failed else ():
            if state.conclusion is None and state.leg.fail_fast and state.leg.total > 1:
                yield Cancel(leg_id=state.id)


def _starts(progress: Progress) -> Iterator[Decision]:
    for job in progress.workflow.jobs:
        if not progress.of(job.id) and all(progress.result(need) for need in job.needs):
            yield from _call(progress, job) if job.call else (_start(progress, job),)


def _start(progress: Progress, job: Job) -> Decision:
    """The legs of a job whose needs are complete."""
    whole = _whole(progress, job)
    environment = job_environment(progress, job)
    try:
        if not job.condition.holds(environment):
            return Settle(leg=named(progress, job, whole, environment), conclusion=Conclusion.SKIPPED)
        return Queue(legs=legs_of(progress, job, environment))
    except (ExpressionError, MatrixError) as error:
        return Settle(leg=whole, conclusion=Conclusion.FAILURE, message=str(error))


def _whole(progress: Progress, job: Job) -> Leg:
    name = f"{progress.prefix}{job.id}"
    return Leg(job=job.id, index=0, total=1, name=name, matrix=None, scope=progress.scope)


def _call(progress: Progress, job: Job) -> Iterator[Decision]:
    """What follows within the calls of a job whose needs are complete."""
    whole = _whole(progress, job)
    environment = job_environment(progress, job)
    try:
        if not progress.has_begun(job.id) and not job.condition.holds(environment):
            yield Settle(leg=named(progress, job, whole, environment), conclusion=Conclusion.SKIPPED)
            return
        calls = progress.calls(job)
    except (ExpressionError, MatrixError) as error:
        yield Settle(leg=whole, conclusion=Conclusion.FAILURE, message=str(error))
        return
    open_calls = [call for call in calls if conclusion(call) is None]
    first = calls[0].caller
    failed = any(conclusion(call) is Conclusion.FAILURE for call in calls)
    if failed and first and first.leg.fail_fast:
        yield from (Cancel(leg_id=leg_id) for call in open_calls for leg_id in _open_legs(call))
    limit = first.leg.limit if first else None
    for call in open_calls[:limit]:
        yield from decide(call)


def _open_legs(call: Progress) -> Iterator[int]:
    for state in call.legs:
        if state.conclusion is None and state.leg.scope.startswith(call.scope):
            yield state.id
