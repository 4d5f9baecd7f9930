"""Which jobs of a run start, are skipped or stop now. Pure: a workflow and the jobs so far in, decisions out.

A job of the file becomes one or more *legs* (its matrix combinations; one without a matrix) when all it needs is
complete. Legs are never withdrawn; a job that does not run has one leg, skipped.
"""

import contextlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import TypeAlias

from localforge.actions.call_inputs import call_inputs
from localforge.actions.expressions import (
    Environment,
    ExpressionError,
    Value,
    to_text,
    truthy,
)
from localforge.actions.matrix import Combination, MatrixError, expand, label
from localforge.actions.workflow.model import Job, Workflow
from localforge.actions.workflow.template import Template
from localforge.actions.workflow.tree import Scalar, resolve


class Conclusion(Enum):
    """How a leg or a run ended, in GitHub's words."""

    SUCCESS = "success"
    FAILURE = "failure"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"
    TIMED_OUT = "timed_out"


# Of several results, the first of these that is among them counts; else all were skipped.
_WORST = (Conclusion.FAILURE, Conclusion.CANCELLED, Conclusion.SUCCESS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """A job to queue. `matrix` is None without one; `limit` is how many of its siblings may run at a time.

    `scope` is the call of a workflow that it belongs to: `build#0/`; empty for a job of the run's own file.
    """

    job: str
    index: int
    total: int
    name: str
    matrix: Combination | None
    fail_fast: bool = True
    limit: int | None = None
    tolerated: bool = False
    scope: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LegState:
    """A leg as it stands; `conclusion` is None until it is complete. `started` once a runner has it."""

    id: int
    leg: Leg
    started: bool = False
    conclusion: Conclusion | None = None
    outputs: Mapping[str, str] = field(default_factory=dict)

    @property
    def result(self) -> Conclusion | None:
        """What the rest of the run is told: `continue-on-error` turns a failure into a success."""
        if self.conclusion is Conclusion.TIMED_OUT:
            return Conclusion.SUCCESS if self.leg.tolerated else Conclusion.FAILURE
        if self.conclusion is Conclusion.FAILURE and self.leg.tolerated:
            return Conclusion.SUCCESS
        return self.conclusion


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """A run, or one call within it: its workflow, the run's legs so far, whether somebody cancelled it, its contexts.

    `scope` and `prefix` (of names) tell calls apart and are empty for the run itself; `caller` is where a call comes from.
    """

    workflow: Workflow
    legs: Sequence[LegState]
    cancelled: bool
    contexts: Mapping[str, Value]
    scope: str = ""
    prefix: str = ""
    caller: "Caller | None" = None

    def of(self, job: str) -> list[LegState]:
        """The job's own legs. A job that calls a workflow has one only when it does not come to the call."""
        return [state for state in self.legs if state.leg.job == job and state.leg.scope == self.scope]

    def result(self, job: str) -> Conclusion | None:
        """The job's result over all its legs, or calls; None while any is open or none exists."""
        results = [state.result for state in self.of(job)]
        if not results and self.workflow.job(job).call:
            results = [conclusion(call) for call in self._begun(job)]
        if not results or None in results:
            return None
        return next((conclusion for conclusion in _WORST if conclusion in results), Conclusion.SKIPPED)

    def outputs(self, job: str) -> Mapping[str, str]:
        """The job's outputs; of several legs, each output is the last one's that set it."""
        told = [state.outputs for state in self.of(job)]
        if not told and self.workflow.job(job).call:
            told = [call.own_outputs() for call in self._begun(job)]
        merged: dict[str, str] = {}
        for outputs in told:
            merged |= {name: value for name, value in outputs.items() if value or name not in merged}
        return merged

    def own_outputs(self) -> Mapping[str, str]:
        """What a called workflow gives its caller; an output that cannot be evaluated is empty."""
        trigger = self.workflow.trigger("workflow_call")
        jobs: dict[str, Value] = {
            job.id: {"result": _word(self.result(job.id)), "outputs": dict(self.outputs(job.id))}
            for job in self.workflow.jobs
        }
        environment = Environment(contexts={**self.contexts, "jobs": jobs})
        told: dict[str, str] = {}
        for name, node in (trigger.outputs if trigger else {}).items():
            with contextlib.suppress(ExpressionError):
                told[name] = to_text(resolve(node, environment))
        return told

    def has_begun(self, job: str) -> bool:
        """Whether anything of the job's calls exists."""
        return any(state.leg.scope.startswith(f"{self.scope}{job}#") for state in self.legs)

    def calls(self, job: Job) -> "tuple[Progress, ...]":
        """The calls that a job whose needs are complete makes. Raises ExpressionError, MatrixError."""
        environment, called = job_environment(self, job), self.workflow.called[job.id]
        return tuple(
            replace(
                self,
                workflow=called,
                contexts={
                    **self.contexts,
                    "inputs": call_inputs(called, job.call, leg_environment(environment, leg)),
                },
                scope=f"{self.scope}{job.id}#{leg.index}/",
                prefix=f"{leg.name} / ",
                caller=Caller(progress=self, job=job, leg=leg),
            )
            for leg in _legs(self, job, environment)
        )

    def _begun(self, job: str) -> "tuple[Progress, ...]":
        return self.calls(self.workflow.job(job)) if self.has_begun(job) else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Where a call comes from: the leg of a job."""

    progress: Progress
    job: Job
    leg: Leg


def located(progress: Progress, leg: Leg) -> tuple[Progress, Job]:
    """Where a leg of the run is: the run itself or the call that it belongs to, and its job there."""
    within = progress
    for part in leg.scope.split("/")[:-1]:
        job, _, index = part.rpartition("#")
        within = within.calls(within.workflow.job(job))[int(index)]
    return within, within.workflow.job(leg.job)


def decide(progress: Progress) -> tuple[Decision, ...]:
    """What follows from where the run is. To be asked again after each decision is carried out and each leg ends."""
    return (*_stops(progress), *_starts(progress))


def conclusion(progress: Progress) -> Conclusion | None:
    """How the run, or the call, ended; None while a job is open."""
    results = [progress.result(job.id) for job in progress.workflow.jobs]
    if None in results:
        return None
    if progress.cancelled:
        return Conclusion.CANCELLED
    return next((conclusion for conclusion in _WORST if conclusion in results), Conclusion.SKIPPED)


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
            return Settle(leg=_named(progress, job, whole, environment), conclusion=Conclusion.SKIPPED)
        return Queue(legs=_legs(progress, job, environment))
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
            yield Settle(leg=_named(progress, job, whole, environment), conclusion=Conclusion.SKIPPED)
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


def job_environment(progress: Progress, job: Job) -> Environment:
    """What a job's own keys may name: github, vars, inputs, needs, and the status functions over what it needs."""
    needs: dict[str, Value] = {
        need: {"result": _word(progress.result(need)), "outputs": dict(progress.outputs(need))}
        for need in job.needs
    }
    before = ancestors(progress.workflow, job)

    def results(arguments: Sequence[Value]) -> set[Conclusion | None]:
        named = [to_text(argument) for argument in arguments]
        return {progress.result(name) for name in named or before}

    return Environment(
        contexts={**progress.contexts, "needs": needs},
        functions={
            "always": lambda _: True,
            "cancelled": lambda _: progress.cancelled,
            "success": lambda names: not progress.cancelled and results(names) <= {Conclusion.SUCCESS},
            "failure": lambda names: not progress.cancelled and Conclusion.FAILURE in results(names),
        },
    )


def _word(result: Conclusion | None) -> str:
    return result.value if result else ""


def ancestors(workflow: Workflow, job: Job) -> set[str]:
    """Every job that `job` needs, directly or not."""
    needs = {candidate.id: candidate.needs for candidate in workflow.jobs}
    found: set[str] = set()
    todo = list(job.needs)
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            todo += needs[name]
    return found


def _legs(progress: Progress, job: Job, environment: Environment) -> tuple[Leg, ...]:
    strategy = resolve(job.strategy, environment) if job.strategy else {}
    if not isinstance(strategy, Mapping):
        raise MatrixError("The strategy must be a mapping")
    combinations = expand(strategy["matrix"]) if "matrix" in strategy else (None,)
    limit = strategy.get("max-parallel")
    legs = (
        Leg(
            job=job.id,
            index=index,
            total=len(combinations),
            name=job.id,
            scope=progress.scope,
            matrix=combination,
            fail_fast=truthy(strategy.get("fail-fast", True)),
            limit=int(limit) if isinstance(limit, int | float) and limit >= 1 else None,
        )
        for index, combination in enumerate(combinations)
    )
    return tuple(_named(progress, job, leg, leg_environment(environment, leg)) for leg in legs)


def leg_environment(environment: Environment, leg: Leg) -> Environment:
    """The job's environment with this leg's `matrix` and `strategy`."""
    strategy: Mapping[str, Value] = {
        "fail-fast": leg.fail_fast,
        "job-index": leg.index,
        "job-total": leg.total,
        "max-parallel": leg.limit or leg.total,
    }
    matrix = dict(leg.matrix) if leg.matrix is not None else None
    return Environment(
        contexts={**environment.contexts, "matrix": matrix, "strategy": strategy},
        functions=environment.functions,
    )


def _named(progress: Progress, job: Job, leg: Leg, environment: Environment) -> Leg:
    """The leg with its name and whether its failure is tolerated. A name that is an expression names the legs apart."""
    name = to_text(resolve(job.name, environment)) if job.name else ""
    computed = isinstance(job.name, Scalar) and isinstance(job.name.value, Template)
    name = name or job.id
    if leg.matrix and not computed:
        name = f"{name} ({label(leg.matrix)})"
    node = job.continue_on_error
    return replace(
        leg,
        name=f"{progress.prefix}{name}",
        tolerated=node is not None and truthy(resolve(node, environment)),
    )
