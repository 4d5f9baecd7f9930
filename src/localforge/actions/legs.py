"""Legs: what a job of the file becomes when it runs, one for each combination of its matrix, and how they end."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from localforge.actions.matrix import Combination


class Conclusion(Enum):
    """How a leg or a run ended, in GitHub's words."""

    SUCCESS = "success"
    FAILURE = "failure"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"
    TIMED_OUT = "timed_out"


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """A job to queue. `matrix` is None without one; `limit` is how many of its siblings may run at a time.

    `scope` is the call of a workflow that it belongs to: `build#0/`; empty for a job of the run's own file.
    `groups` are the concurrency groups of the calls around it, by their scope.
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
    groups: Mapping[str, Sequence[str]] = field(default_factory=dict)


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
