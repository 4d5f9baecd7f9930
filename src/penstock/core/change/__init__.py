"""A change: its state, the events that move it, and what it needs done next.

`apply(change, entry) -> Change` and `next_effects(change) -> tuple[Effect, ...] | Await | None` are pure and
total. All of the product's logic about the life of a change is in this package.
"""

from penstock.core.change.events import Entry, Event
from penstock.core.change.fold import apply, fold
from penstock.core.change.model import Change, State
from penstock.core.change.next import Await, is_settled, next_effects

__all__ = ["Await", "Change", "Entry", "Event", "State", "apply", "fold", "is_settled", "next_effects"]
