"""What to start for a change now, and when to look again: pure, shared by both ways of driving."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from penstock.core.change.effects import Effect, Watch
from penstock.core.change.events import Woken
from penstock.core.change.journal import Draft
from penstock.core.change.model import Change
from penstock.core.change.next import RARE_LOOKS, Await, next_effects
from penstock.core.ledger import moment
from penstock.core.refs import Actor, NodeId

LONGEST_LOOK = timedelta(minutes=10)
TIMER = Actor(login="timer", kind="timer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Agenda:
    """`start`: effects to begin now. `fires`: the time that a timer which is due now was set to. `next_at`: when
    something else becomes due by itself. `wanted`: keys of every effect the change wants, due or not."""

    start: tuple[Effect, ...] = ()
    fires: datetime | None = None
    next_at: datetime | None = None
    wanted: frozenset[str] = frozenset()

    @property
    def idle(self) -> bool:
        return not self.start and self.fires is None


def agenda(
    change: Change,
    now: datetime,
    *,
    busy: Collection[NodeId | None] = (),
    asleep: Mapping[str, datetime] | None = None,
) -> Agenda:
    """At most one effect per repository at a time; `busy` names those that have one, `asleep` until when by key."""
    match next_effects(change):
        case None:
            return Agenda()
        case Await(until=until):
            due = until is not None and until <= now
            return Agenda(fires=until) if due else Agenda(next_at=until)
        case effects:
            return _agenda(effects, now, busy, asleep or {})


def _agenda(
    effects: tuple[Effect, ...],
    now: datetime,
    busy: Collection[NodeId | None],
    asleep: Mapping[str, datetime],
) -> Agenda:
    start: list[Effect] = []
    later: list[datetime] = []
    taken = set(busy)
    for effect in effects:
        when = max(effect.due or now, asleep.get(effect.key, now))
        if when > now:
            later.append(when)
        elif effect.repo not in taken:
            taken.add(effect.repo)
            start.append(effect)
    return Agenda(
        start=tuple(start),
        next_at=min(later, default=None),
        wanted=frozenset(effect.key for effect in effects),
    )


def look_again(change: Change, effect: Effect, now: datetime, shortest: timedelta) -> datetime:
    """When to look for news after there was none: the longer nothing has happened, the later."""
    quiet = now - change.updated_at
    if isinstance(effect, Watch) and effect.until is not None:
        soonest, latest = RARE_LOOKS
        again = now + min(max(quiet / 4, soonest), latest)
        return min(again, effect.until) if now < effect.until else again
    return now + min(max(quiet / 4, shortest), LONGEST_LOOK)


def fired(change: Change, until: datetime) -> Draft:
    """A timer going off is an event like any other, once for each time it was set."""
    return Draft(key=f"timer:{change.generation}:{moment(until)}", event=Woken(by=TIMER))
