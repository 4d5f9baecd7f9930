"""The transition table: which states accept an event, and what it makes of the change.

A handler returns the change after the event, or None to refuse it. `apply` records a refusal instead of failing.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from penstock.core.change.events import Event
from penstock.core.change.model import ENDS, Action, Change, Lane, Leg, LegName, State, Trouble, Watched
from penstock.core.refs import BlobRef, NodeId

E = TypeVar("E", bound=Event)
Handler = Callable[[Change, datetime, Event], Change | None]
TABLE: dict[type[object], tuple[frozenset[State], Handler]] = {}
ANY = frozenset(State)
PARKED = frozenset({State.NEEDS_HUMAN, State.BLOCKED_POLICY})
MAX_HURDLES = 3


def on(
    kind: type[E], states: frozenset[State]
) -> Callable[[Callable[[Change, datetime, E], Change | None]], Handler]:
    """Register what an event does in the states that accept it."""

    def register(handler: Callable[[Change, datetime, E], Change | None]) -> Handler:
        def typed(change: Change, at: datetime, event: Event) -> Change | None:
            return handler(change, at, event) if isinstance(event, kind) else None

        TABLE[kind] = (states, typed)
        return typed

    return register


def states(*named: State) -> frozenset[State]:
    return frozenset(named)


def with_lane(change: Change, lane: Lane) -> Change:
    """The change with that repository's lane replaced."""
    lanes = tuple(lane if old.repo.node_id == lane.repo.node_id else old for old in change.lanes)
    return replace(change, lanes=lanes)


def with_leg(change: Change, lane: Lane, name: LegName, leg: Leg) -> Change:
    """The change with one leg replaced; a recorded outcome also ends the lane's row of failures."""
    calm = replace(lane.trouble, failures=0, retry_at=None, since=None, reason="")
    if name is LegName.FORWARD:
        return with_lane(change, replace(lane, forward=leg, trouble=calm))
    return with_lane(change, replace(lane, inverse=leg, trouble=calm))


def parked(
    change: Change, state: State, reason: str, detail: BlobRef | None, *, resume_to: State | None = None
) -> Change:
    """Stopped until a person decides; it remembers where it goes on.

    A change that is ending already has a person's order: what stops something else on the way only makes it try its
    withdrawals anew, a few times.
    """
    if change.state in ENDS or change.state in PARKED:
        return change
    if change.ending is not None and change.hurdles < MAX_HURDLES:
        return ended(fresh(replace(change, hurdles=change.hurdles + 1)))
    return replace(change, state=state, resume_to=resume_to or change.state, reason=reason, detail=detail)


def needs_human(
    change: Change, reason: str, detail: BlobRef | None, *, resume_to: State | None = None
) -> Change:
    return parked(change, State.NEEDS_HUMAN, reason, detail, resume_to=resume_to)


def in_state(change: Change, state: State) -> Change:
    """Moved on, with nothing holding it."""
    calm = Trouble(tries=change.trouble.tries)
    return replace(change, state=state, reason="", detail=None, resume_to=None, wake_at=None, trouble=calm)


def send_back(lane: Lane) -> Lane:
    """To be proposed again; what it had is remembered, so that the same answer is recognized."""
    digest = lane.patch_set.digest if lane.patch_set else None
    forward = replace(lane.forward, sent_back=True, preview=None, before=None, observed=False, marked=False)
    return replace(lane, proposed=False, patch_set=None, rebased=None, previous=digest, forward=forward)


def done_with(leg: Leg, action: Action) -> Leg:
    return replace(leg, intents=leg.intents - {action})


def unoffered(leg: Leg) -> Leg:
    """Its merge is not offered any more; the next one may turn out to be the same on another base."""
    return replace(leg, preview=None, before=leg.preview or leg.before)


def fresh(change: Change) -> Change:
    """A new generation: every effect after this has a key that none before it had."""
    lanes = tuple(
        replace(lane, trouble=replace(lane.trouble, failures=0, retry_at=None, since=None, reason=""))
        for lane in change.lanes
    )
    return replace(
        change, generation=change.generation + 1, lanes=lanes, trouble=Trouble(tries=change.trouble.tries)
    )


def left_behind(change: Change, repo: NodeId | None, reason: str, detail: BlobRef | None) -> Change:
    """In an ended change: what could not be withdrawn or watched stays as it is, and the change says so."""
    lane = change.lane(repo) if repo else None
    if lane is None:
        return change
    name = next((name for left, name in to_withdraw(change) if left is lane), None)
    if name is None:
        given_up = replace(lane, watched=Watched.GIVEN_UP)
        return replace(with_lane(change, given_up), reason=reason, detail=detail)
    leg = replace(lane.leg(name), withdrawn=True, intents=frozenset())
    return replace(with_leg(change, lane, name, leg), reason=reason, detail=detail)


def to_withdraw(change: Change) -> tuple[tuple[Lane, LegName], ...]:
    """The next leg of each repository that may have left a branch or an open pull request behind.

    A branch that was merged counts too: while it is there, a late request could open a second pull request from it.
    """
    left = ((lane, _left_behind(lane)) for lane in change.lanes)
    return tuple((lane, name) for lane, name in left if name)


def _left_behind(lane: Lane) -> LegName | None:
    legs = ((name, lane.leg(name)) for name in LegName)
    return next((name for name, leg in legs if not leg.withdrawn and (leg.head or leg.intents)), None)


def ended(change: Change) -> Change:
    """In its ending state, if nothing is left to withdraw."""
    if change.ending is None or change.state in ENDS or to_withdraw(change):
        return change
    return replace(change, state=change.ending, resume_to=None)
