"""Where autonomy is held: granted by a person, or earned by merges that went well; one failure suspends it.

Earned: the one-sided 95 % upper bound (Clopper and Pearson) of the failure rate over merges whose watch has ended lies
under the ceiling. A cell with few outcomes is pooled with the same agent's at the same risk in all repositories. What was
not watched to its end proves nothing, however long ago it was.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from penstock.core.autonomy.model import GRANTABLE, Cell, Governance, Grant
from penstock.core.policy.confidence import enough, upper_bound
from penstock.core.refs import ChangeId
from penstock.core.verdict import Verdict, blocked, passed

WATCH = timedelta(days=14)
CEILING = 0.05
ENOUGH = 59
"""Outcomes from which a cell stands for itself: so many without a failure prove a rate under the ceiling."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Landed:
    """One merge of a cell: of which change, when, whether it is on record that it stood to the end of its watch, and since
    when it is known to have failed (rolled back, broken afterwards, or taken back by others)."""

    cell: Cell
    change: ChangeId
    at: datetime
    stood: bool = False
    failed_at: datetime | None = None

    def settled(self, now: datetime) -> bool:
        return self.failed_at is not None or (self.stood and self.at + WATCH <= now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """So many outcomes, so many of them failures."""

    outcomes: int
    failures: int

    @property
    def bound(self) -> float:
        """Of the failure rate: the exact one-sided 95 % upper bound; 1 where nothing is known."""
        return upper_bound(self.failures, self.outcomes)

    def lacks(self, least: int) -> int:
        """How many more without a failure prove a rate under the ceiling, with at least so many in all."""
        return max(0, max(enough(self.failures, CEILING), least) - self.outcomes)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackRecord:
    """What a cell's merges prove. `own` is its own outcomes, `pool` those of the same agent at the same risk everywhere."""

    cell: Cell
    own: Count
    pool: Count
    under_watch: int
    """Its merges that have no outcome yet."""
    next_end: datetime | None
    """When the next of these has been watched long enough."""
    unwatched: int
    """Its merges that were made long enough ago and prove nothing: nobody watched them, or not to the end."""
    failure: Landed | None
    """The newest of its own."""

    @property
    def pooled(self) -> bool:
        return self.own.outcomes < ENOUGH

    @property
    def counts(self) -> Count:
        """What decides."""
        return self.pool if self.pooled else self.own

    @property
    def missing(self) -> int:
        """How many more clean outcomes of its own would earn it autonomy; 0 where it has earned it."""
        alone = self.own.lacks(ENOUGH)
        together = self.pool.lacks(0)
        return min(alone, together) if self.own.outcomes + together < ENOUGH else alone


def track_record(cell: Cell, landed: Iterable[Landed], now: datetime) -> TrackRecord:
    alike = [one for one in landed if (one.cell.agent, one.cell.tier) == (cell.agent, cell.tier)]
    own = [one for one in alike if one.cell == cell]
    unsettled = [one for one in own if not one.settled(now)]
    watched = [end for one in unsettled if (end := one.at + WATCH) > now]
    failed = [one for one in own if one.failed_at is not None]
    return TrackRecord(
        cell=cell,
        own=_count(own, now),
        pool=_count(alike, now),
        under_watch=len(watched),
        next_end=min(watched, default=None),
        unwatched=len(unsettled) - len(watched),
        failure=max(failed, key=lambda one: (one.failed_at or one.at, one.change), default=None),
    )


def _count(landed: Iterable[Landed], now: datetime) -> Count:
    settled = [one for one in landed if one.settled(now)]
    return Count(outcomes=len(settled), failures=sum(one.failed_at is not None for one in settled))


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Whether a cell has autonomy and why; `grant` is the one it rests on, None where it was earned or is not held."""

    cell: Cell
    verdict: Verdict
    record: TrackRecord
    grant: Grant | None = None

    @property
    def basis(self) -> str:
        return f"grant {self.grant.id}" if self.grant else "earned"


def held(
    cell: Cell, governance: Governance, landed: Iterable[Landed], *, pull: str | None, now: datetime
) -> Held:
    """As it stands now for this pull request (None: for one that is not counted yet). A clock that goes back brings no
    grant back, and ends no watch."""
    record = track_record(cell, landed, now)
    if cell.tier not in GRANTABLE:
        verdict = blocked("G-06", f"{cell}: what is of {cell.tier.value} risk is always a person's")
        return Held(cell=cell, verdict=verdict, record=record)
    if failed := _suspended_by(record, governance):
        told = f"{cell}: suspended until a person grants it again: {_failed(failed)}"
        verdict = blocked("suspended", told)
        return Held(cell=cell, verdict=verdict, record=record)
    grant = _grant(cell, governance, pull or "", governance.not_before(now))
    if grant:
        left = f"{len(grant.used)} of {grant.cap} pull requests, until {grant.until:%Y-%m-%d}"
        told = f"{cell}: granted by {grant.by.login} ({grant.id}; {left})"
        return Held(cell=cell, verdict=passed("granted", told), record=record, grant=grant)
    return Held(cell=cell, verdict=judge_record(record), record=record)


def standing(governance: Governance, landed: Iterable[Landed], now: datetime) -> tuple[Held, ...]:
    """Of every cell that something was merged in or that was granted, by name."""
    known = tuple(landed)
    cells = {one.cell for one in known} | {grant.cell for grant in governance.grants}
    return tuple(held(cell, governance, known, pull=None, now=now) for cell in sorted(cells, key=str))


def _grant(cell: Cell, governance: Governance, pull: str, now: datetime) -> Grant | None:
    return next((one for one in governance.grants_for(cell) if one.allows(pull, now)), None)


def _failed(landed: Landed) -> str:
    when = landed.failed_at or landed.at
    return f"{landed.change}, merged on {landed.at:%Y-%m-%d}, failed on {when:%Y-%m-%d}"


def _suspended_by(record: TrackRecord, governance: Governance) -> Landed | None:
    """The cell's newest failure, unless a person has granted it again since and stands by that."""
    last = record.failure
    if last is None or last.failed_at is None:
        return None
    granted = (grant.at for grant in governance.grants_for(record.cell) if not grant.revoked)
    return None if any(at > last.failed_at for at in granted) else last


def judge_record(record: TrackRecord) -> Verdict:
    """Has it earned autonomy by what landed."""
    counts = record.counts
    whose = f", pooled over all repositories ({record.own.outcomes} of its own)" if record.pooled else ""
    told = (
        f"{record.cell}: {counts.failures} failures in {counts.outcomes} merges whose watch has ended{whose}; "
        f"at most {counts.bound:.1%} fail (95 %), and it must be under {CEILING:.0%}"
    )
    return passed("earned", told) if counts.bound < CEILING else blocked("earned", told)
