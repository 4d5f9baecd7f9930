"""Where autonomy is held: granted by a person, or earned by merges that went well; one failure suspends it.

Earned: the one-sided 95 % upper bound (Clopper and Pearson) of the failure rate over merges whose watch has ended lies
under the ceiling. A cell with few outcomes is pooled with the same agent's at the same risk in all repositories.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from penstock.core.autonomy.model import Cell, Governance, Grant
from penstock.core.policy.confidence import upper_bound
from penstock.core.verdict import Verdict, blocked, passed

WATCH = timedelta(days=14)
CEILING = 0.05
ENOUGH = 59
"""Outcomes from which a cell stands for itself: so many without a failure prove a rate under the ceiling."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Landed:
    """One merge of a cell: when, and since when it is known to have failed (rolled back, or broken afterwards)."""

    cell: Cell
    at: datetime
    failed_at: datetime | None = None

    def settled(self, now: datetime) -> bool:
        return self.failed_at is not None or self.at + WATCH <= now


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Whether a cell has autonomy and why; `grant` is the one it rests on, None where it was earned or is not held."""

    cell: Cell
    verdict: Verdict
    grant: Grant | None = None

    @property
    def basis(self) -> str:
        return f"grant {self.grant.id}" if self.grant else "earned"


def held(cell: Cell, governance: Governance, landed: Iterable[Landed], *, pull: str, now: datetime) -> Held:
    """As it stands now for this pull request."""
    known = tuple(landed)
    if failed := _suspended_by(cell, governance, known):
        told = f"{cell}: a merge failed on {failed:%Y-%m-%d}; suspended until a person grants it again"
        return Held(cell=cell, verdict=blocked("suspended", told))
    grant = next((one for one in governance.grants_for(cell) if one.allows(pull, now)), None)
    if grant:
        left = f"{len(grant.used)} of {grant.cap} pull requests, until {grant.until:%Y-%m-%d}"
        told = f"{cell}: granted by {grant.by.login} ({grant.id}; {left})"
        return Held(cell=cell, verdict=passed("granted", told), grant=grant)
    return Held(cell=cell, verdict=judge_record(cell, known, now))


def _suspended_by(cell: Cell, governance: Governance, landed: tuple[Landed, ...]) -> datetime | None:
    """The cell's newest failure, unless a person has granted it again since."""
    last = max((one.failed_at for one in landed if one.cell == cell and one.failed_at), default=None)
    granted = max((grant.at for grant in governance.grants_for(cell)), default=None)
    return None if last is None or (granted and granted > last) else last


def judge_record(cell: Cell, landed: Iterable[Landed], now: datetime) -> Verdict:
    """Has it earned autonomy by what landed."""
    alike = [
        one
        for one in landed
        if (one.cell.agent, one.cell.tier) == (cell.agent, cell.tier) and one.settled(now)
    ]
    own = [one for one in alike if one.cell == cell]
    pool, whose = (own, "") if len(own) >= ENOUGH else (alike, ", pooled over all repositories")
    failures = sum(one.failed_at is not None for one in pool)
    bound = upper_bound(failures, len(pool))
    told = (
        f"{cell}: {failures} failures in {len(pool)} merges whose watch has ended{whose}; "
        f"at most {bound:.1%} fail (95 %), and it must be under {CEILING:.0%}"
    )
    return passed("earned", told) if bound < CEILING else blocked("earned", told)
