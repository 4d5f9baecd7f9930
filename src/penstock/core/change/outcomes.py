"""What a change's log tells of how it went: for counting failures in a row, and for what agents have earned."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from penstock.core.autonomy.earning import Landed
from penstock.core.autonomy.model import cell_of
from penstock.core.change.events import Entry, Merged, MergeStood
from penstock.core.change.fold import apply
from penstock.core.change.model import Change, LegName, State
from penstock.core.policy.rules import Tier
from penstock.core.refs import ChangeId

DONE = "done"
TELLING = frozenset(
    {"E_PATCH_SET_REJECTED", "E_CI_FAILED", "E_MERGED", "E_CANCELLED", "E_POST_MERGE_FAILED", "E_RESUMED"}
)
"""Kinds of the events that can be an outcome: a change without one has none, and none is older than its newest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """`how`: `done`, or how it failed: `rejected`, `ci_failed` (more often than may be tried), `rolled_back`."""

    change: ChangeId
    at: datetime
    how: str

    @property
    def failed(self) -> bool:
        return self.how != DONE


def outcomes_of(entries: Iterable[Entry]) -> tuple[Outcome, ...]:
    """Every outcome of one change, in order: one that was done may be rolled back later."""
    found: list[Outcome] = []
    stood = ""
    for entry, change in _retold(entries):
        stands = _stands(change)
        if stands and stands != stood:
            found.append(Outcome(change=entry.change, at=entry.at, how=stands))
        stood = stands
    return tuple(found)


def _retold(entries: Iterable[Entry]) -> Iterator[tuple[Entry, Change]]:
    change = None
    for entry in entries:
        change = apply(change, entry)
        yield entry, change


def _stands(change: Change) -> str:
    taking_back = change.state in {State.ROLLING_BACK, State.ROLLED_BACK}
    undone = any(lane.inverse.merged for lane in change.lanes)
    if taking_back or undone or change.resume_to is State.ROLLING_BACK:
        return "rolled_back"
    if State.FAILED in {change.state, change.ending}:
        return "rejected"
    if change.state is State.NEEDS_HUMAN and change.reason == "ci_failed":
        return "ci_failed"
    return DONE if change.state is State.DONE else ""


def failures_in_a_row(outcomes: Iterable[Outcome], since: datetime | None) -> tuple[ChangeId, ...]:
    """The changes that failed since the last one that went well, and since then; each once, oldest first."""
    row: dict[ChangeId, None] = {}
    for outcome in sorted(outcomes, key=lambda o: (o.at, o.change)):
        if not outcome.failed:
            row.clear()
        elif since is None or outcome.at > since:
            row[outcome.change] = None
    return tuple(row)


Classes = tuple[tuple[str, tuple[str, ...]], ...]


def landed(entries: Iterable[Entry], classes: Classes) -> tuple[Landed, ...]:
    """What one change merged, as approved, whether it was watched to the end, and whether it was taken back. Without a tier
    nothing is told of it."""
    found: dict[str, Landed] = {}
    failed_at: datetime | None = None
    for entry, change in _retold(entries):
        event = entry.event
        if isinstance(event, Merged) and event.leg is LegName.FORWARD and event.faithful:
            lane = change.lane(event.repo)
            if lane and lane.forward.head == event.head and change.tier:
                cell = cell_of(agent_of(change), lane.repo.full_name, change.tier, classes)
                found[event.repo] = Landed(cell=cell, change=entry.change, at=entry.at)
        if isinstance(event, MergeStood) and event.repo in found:
            found[event.repo] = replace(found[event.repo], stood=True)
        if failed_at is None and _stands(change) == "rolled_back":
            failed_at = entry.at
    return tuple(replace(one, failed_at=failed_at) for one in found.values())


def agent_of(change: Change) -> str:
    """Whose work it is: the agent's, or the recipe's where it acts by itself."""
    return change.agent or change.recipe


def tier_of(change: Change) -> Tier:
    """Its risk; what was not assessed is critical."""
    return change.tier or Tier.CRITICAL
