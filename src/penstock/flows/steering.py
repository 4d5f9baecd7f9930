"""What holds for the whole installation: its own quarantine, the day's budget of pull requests, who may act alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from penstock.core.autonomy.ceiling import judge_ceiling
from penstock.core.autonomy.earning import Landed
from penstock.core.autonomy.events import Decide, Noted, PullCounted, QuarantineSet
from penstock.core.autonomy.model import Governance, pull_name
from penstock.core.change.model import Change
from penstock.core.change.outcomes import Classes, agent_of
from penstock.core.policy.rules import Holder
from penstock.core.refs import ChangeId, NodeId
from penstock.core.risk import History, RiskItem, of_its_kind
from penstock.core.verdict import Verdict, blocked
from penstock.ports import Clock, NewTexts, Permanent

SYSTEM = "system"


class Log(Protocol):
    """The governance log. Raises Permanent `ledger` where it does not hold."""

    def now(self) -> Governance: ...

    def texts(self) -> NewTexts: ...

    def record(self, decide: Decide) -> Governance:
        """Append what is decided on the log as it stands, if anything; of two who take the last place one gets it."""
        ...


class Outcomes(Protocol):
    """How changes went, as their logs tell. Raises Permanent `ledger` where one does not hold."""

    def failures(self, since: datetime | None, enough: int) -> tuple[ChangeId, ...]:
        """Changes that failed one after another since then; at least `enough`, where there are so many."""
        ...

    def landed(self, classes: Classes) -> tuple[Landed, ...]: ...

    def history(self) -> Mapping[str, History]:
        """By agent or recipe, of the newest changes that merged anything."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Steering:
    """`quarantine_after`: failures in a row after which it quarantines itself."""

    log: Log
    outcomes: Outcomes
    clock: Clock
    quarantine_after: int

    def system(self) -> Holder:
        """The holder that Penstock itself sets, as failures stand now: in force even before it is on record."""
        try:
            governance = self.log.now()
            held = governance.quarantine is not None or bool(self._too_many(governance))
        except Permanent as broken:
            return Holder(name=SYSTEM, readable=False, said=str(broken))
        return Holder(name=SYSTEM, quarantine=True if held else None)

    def keep_watch(self) -> None:
        """Put quarantine on record where it is due, before anything else is decided."""
        try:
            self.log.record(self._quarantine)
        except Permanent:
            return  # what does not hold counts as stopped; `system` says so

    def _quarantine(self, governance: Governance) -> Noted | None:
        failures = () if governance.quarantine else self._too_many(governance)
        if not failures:
            return None
        event = QuarantineSet(failures=failures, threshold=self.quarantine_after)
        return Noted(key=f"quarantine:{governance.n + 1}", event=event)

    def due(self) -> tuple[ChangeId, ...]:
        """The failures for which it is in quarantine now, on record already or not; none where it is not."""
        governance = self.log.now()
        return governance.quarantine.failures if governance.quarantine else self._too_many(governance)

    def _too_many(self, governance: Governance) -> tuple[ChangeId, ...]:
        row = self.outcomes.failures(governance.lifted_at, self.quarantine_after)
        return row if len(row) >= self.quarantine_after else ()

    def of_its_kind(self, change: Change) -> tuple[RiskItem, ...]:
        """What the history of the same agent or recipe adds to a change's risk."""
        kind = agent_of(change)
        try:
            history = self.outcomes.history().get(kind, History())
        except Permanent:
            return of_its_kind(kind, None)
        return of_its_kind(kind, history)

    def count_pull(self, change: ChangeId, repo: NodeId, *, grant: str, ceiling: int) -> Verdict:
        """Take a place in today's budget, and in the grant's, for a pull request that no person approved (G-09)."""
        now = self.clock.now()
        answers: list[Verdict] = []

        def decide(governance: Governance) -> Noted | None:
            pull = pull_name(change, repo)
            verdict = _room(governance, pull, grant=grant, ceiling=ceiling, now=now)
            answers.append(verdict)
            day = governance.not_before(now).date()
            if not verdict.allows or pull in governance.pulls_on(day):
                return None
            return Noted(key=f"pull:{day}:{pull}", event=PullCounted(change=change, repo=repo, grant=grant))

        self.log.record(decide)
        return answers[-1]


def _room(governance: Governance, pull: str, *, grant: str, ceiling: int, now: datetime) -> Verdict:
    known = governance.grant(grant)
    if grant and not (known and known.allows(pull, governance.not_before(now))):
        return blocked("grant", f"{grant} is used up, over or revoked")
    return judge_ceiling(governance, pull, ceiling=ceiling, now=now)
