"""The governance log's fold: quarantine, grants, today's pull requests that no person approved, promoted policies."""

from dataclasses import dataclass
from datetime import date, datetime

from penstock.core.autonomy.promotion import Promotion, Standing
from penstock.core.policy.matching import class_of
from penstock.core.policy.rules import Tier
from penstock.core.refs import Actor, ChangeId, NodeId

GOVERNANCE = ChangeId("governance")
"""The governance log's name among the ledger's chains; no change's id is like it."""

GRANTABLE = frozenset({Tier.LOW, Tier.MEDIUM})


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """Where autonomy is held: an agent (or a recipe, where it acts by itself) × a repository class × a risk tier."""

    agent: str
    repositories: str
    tier: Tier

    def __str__(self) -> str:
        return f"{self.agent} × {self.repositories} × {self.tier.value}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A person's leave for one cell: `until` when, and for how many pull requests (`cap`)."""

    id: str
    cell: Cell
    until: datetime
    cap: int
    by: Actor
    at: datetime
    used: frozenset[str] = frozenset()
    """Names of the pull requests that were counted against it (`pull_name`)."""
    revoked: bool = False

    def allows(self, pull: str, now: datetime) -> bool:
        """Is it in force for this pull request: one that was counted already is not counted again."""
        return not self.revoked and now < self.until and (pull in self.used or len(self.used) < self.cap)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantine:
    """Set by Penstock itself: since when, and for the failures of which changes."""

    since: datetime
    failures: tuple[ChangeId, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Governance:
    """`n` counts the log's records, whose times never go back: a clock that does gives no day a second time."""

    n: int = 0
    updated_at: datetime | None = None
    quarantine: Quarantine | None = None
    lifted_at: datetime | None = None
    grants: tuple[Grant, ...] = ()
    day: date | None = None
    pulls: frozenset[str] = frozenset()
    """Pull requests that were counted on `day` (UTC), by `pull_name`."""
    promotions: tuple[Promotion, ...] = ()
    """Every policy that was ever proposed; those that were approved in the order of that, after all others."""

    def not_before(self, now: datetime) -> datetime:
        """Now, as the log sees it."""
        return max(now, self.updated_at) if self.updated_at else now

    def pulls_on(self, day: date) -> frozenset[str]:
        return self.pulls if self.day == day else frozenset()

    def grants_for(self, cell: Cell) -> tuple[Grant, ...]:
        return tuple(grant for grant in self.grants if grant.cell == cell)

    def grant(self, name: str) -> Grant | None:
        return next((grant for grant in self.grants if grant.id == name), None)

    def promotion(self, name: str) -> Promotion | None:
        return next((one for one in self.promotions if one.id == name), None)

    def waiting(self, now: datetime) -> tuple[Promotion, ...]:
        """Proposals that can still be approved, as far as their time goes."""
        proposed = (one for one in self.promotions if one.standing is Standing.PROPOSED)
        return tuple(one for one in proposed if now < one.until)

    @property
    def promoted(self) -> tuple[Promotion, ...]:
        """Those in force, each under those before it."""
        return tuple(one for one in self.promotions if one.standing is Standing.IN_FORCE)


def pull_name(change: ChangeId, repo: NodeId) -> str:
    """A change's pull request in one repository."""
    return f"{change} {repo}"


def cell_of(agent: str, full_name: str, tier: Tier, classes: tuple[tuple[str, tuple[str, ...]], ...]) -> Cell:
    return Cell(agent=agent, repositories=class_of(full_name, classes), tier=tier)
