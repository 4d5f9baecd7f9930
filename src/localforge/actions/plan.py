"""Which jobs of a run start, are skipped or stop now. Pure: a workflow and the jobs so far in, decisions out.

A job of the file becomes one or more *legs* (its matrix combinations; one without a matrix) when all it needs is
complete. Legs are never withdrawn; a job that does not run has one leg, skipped.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import TypeAlias

from localforge.actions.expressions import Environment, ExpressionError, Value, to_text, truthy
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """A job to queue. `matrix` is None without one; `limit` is how many of its siblings may run at a time."""

    job: str
    index: int
    total: int
    name: str
    matrix: Combination | None
    fail_fast: bool = True
    limit: int | None = None
    tolerated: bool = False


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
    """A run: its workflow, its legs so far, whether somebody cancelled it, and the contexts github, vars, inputs."""

    workflow: Workflow
    legs: Sequence[LegState]
    cancelled: bool
    contexts: Mapping[str, Value]

    def of(self, job: str) -> list[LegState]:
        return [state for state in self.legs if state.leg.job == job]

    def result(self, job: str) -> Conclusion | None:
        """The job's result over all its legs; None while any is open or none exists."""
        results = [state.result for state in self.of(job)]
        if not results or None in results:
            return None
        worst = (Conclusion.FAILURE, Conclusion.CANCELLED, Conclusion.SUCCESS)
        return next((conclusion for conclusion in worst if conclusion in results), Conclusion.SKIPPED)

    def outputs(self, job: str) -> Mapping[str, str]:
        """The job's outputs; of several legs, each output is the last one's that set it."""
        merged: dict[str, str] = {}
        for state in self.of(job):
            merged |= {name: value for name, value in state.outputs.items() if value or name not in merged}
        return merged


def decide(progress: Progress) -> tuple[Decision, ...]:
    """What follows from where the run is. To be asked again after each decision is carried out and each leg ends."""
    return (*_stops(progress), *_starts(progress))


def conclusion(progress: Progress) -> Conclusion | None:
    """How the run ended; None while a job is open."""
    results = [progress.result(job.id) for job in progress.workflow.jobs]
    if None in results:
        return None
    if progress.cancelled:
        return Conclusion.CANCELLED
    worst = (Conclusion.FAILURE, Conclusion.CANCELLED, Conclusion.SUCCESS)
    return next((conclusion for conclusion in worst if conclusion in results), Conclusion.SKIPPED)


def runnable(legs: Sequence[LegState]) -> tuple[LegState, ...]:
    """The queued legs that `max-parallel` lets start now, oldest first."""
    running: dict[str, int] = {}
    for state in legs:
        if state.started and state.conclusion is None:
            running[state.leg.job] = running.get(state.leg.job, 0) + 1
    free: list[LegState] = []
    for state in legs:
        if state.started or state.conclusion is not None:
            continue
        taken = running.get(state.leg.job, 0)
        if state.leg.limit is None or taken < state.leg.limit:
            running[state.leg.job] = taken + 1
            free.append(state)
    return tuple(free)


def _stops(progress: Progress) -> Iterator[Cancel]:
    """Under fail-fast, the open siblings of a leg that failed."""
    for state in progress.legs:
        if state.conclusion is None and state.leg.fail_fast and state.leg.total > 1:
            siblings = progress.of(state.leg.job)
            if any(sibling.result is Conclusion.FAILURE for sibling in siblings):
                yield Cancel(leg_id=state.id)


def _starts(progress: Progress) -> Iterator[Decision]:
    for job in progress.workflow.jobs:
        if not progress.of(job.id) and all(progress.result(need) for need in job.needs):
            yield _start(progress, job)


def _start(progress: Progress, job: Job) -> Decision:
    """The legs of a job whose needs are complete."""
    whole = Leg(job=job.id, index=0, total=1, name=job.id, matrix=None)
    environment = job_environment(progress, job)
    try:
        if not job.condition.holds(environment):
            return Settle(leg=_named(job, whole, environment), conclusion=Conclusion.SKIPPED)
        return Queue(legs=_legs(job, environment))
    except (ExpressionError, MatrixError) as error:
        return Settle(leg=whole, conclusion=Conclusion.FAILURE, message=str(error))


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


def _legs(job: Job, environment: Environment) -> tuple[Leg, ...]:
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
            matrix=combination,
            fail_fast=truthy(strategy.get("fail-fast", True)),
            limit=int(limit) if isinstance(limit, int | float) and limit >= 1 else None,
        )
        for index, combination in enumerate(combinations)
    )
    return tuple(_named(job, leg, leg_environment(environment, leg)) for leg in legs)


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


def _named(job: Job, leg: Leg, environment: Environment) -> Leg:
    """The leg with its name and whether its failure is tolerated. A name that is an expression names the legs apart."""
    name = to_text(resolve(job.name, environment)) if job.name else ""
    computed = isinstance(job.name, Scalar) and isinstance(job.name.value, Template)
    name = name or job.id
    if leg.matrix and not computed:
        name = f"{name} ({label(leg.matrix)})"
    node = job.continue_on_error
    return replace(leg, name=name, tolerated=node is not None and truthy(resolve(node, environment)))
