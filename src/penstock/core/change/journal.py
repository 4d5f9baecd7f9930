"""Appending to a change's log, as values: what is to be written, what came of it, and when it is due next."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from penstock.core.change.events import Entry, Event
from penstock.core.change.model import Change
from penstock.core.change.next import Await, next_effects
from penstock.core.ledger import Blob
from penstock.core.refs import ChangeId


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """An event to append. `key` is its effect's key, a delivery's or an approval's id; `blobs` are its texts."""

    key: str
    event: Event
    blobs: tuple[Blob, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """One worker's hold on one change. `epoch` is the fence: a later claim has a higher one."""

    change: ChangeId
    owner: str
    epoch: int
    claims: int
    """How often it was claimed since it last made progress or was given back in order; this one included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rest:
    """What becomes of the head row: kept by its holder (`hold`), or given back and due then (None: not by itself)."""

    hold: bool
    ready_at: datetime | None = None


Settle = Callable[[Change], Rest]
"""Decides a lease's rest from the change as it is after the append."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Appended:
    """It is in the log; `change` is what the log tells now, and `rest` what was settled."""

    entry: Entry
    change: Change
    rest: Rest


@dataclass(frozen=True, slots=True, kw_only=True)
class Duplicate:
    """The key was in the log already: nothing was appended."""

    change: Change


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The change as it stands does not accept this: nothing was appended."""

    change: Change


@dataclass(frozen=True, slots=True, kw_only=True)
class Fenced:
    """Another worker claimed the change since: nothing was appended."""

    lease: Lease


@dataclass(frozen=True, slots=True, kw_only=True)
class AlreadyOpen:
    """A change is open for the same signal: nothing was created."""

    change: ChangeId


def due_at(change: Change) -> datetime | None:
    """When a worker should look at a change next; a time not after its last record means at once, None not by itself."""
    match next_effects(change):
        case None:
            return None
        case Await(until=until):
            return until
        case effects:
            return min(effect.due or change.updated_at for effect in effects)
