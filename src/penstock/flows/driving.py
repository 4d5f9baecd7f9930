"""What driving a change needs, as the driver sees it; and the two verbs that a driver is, whoever it may be."""

import threading
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Protocol

from penstock.core.change.effects import Effect
from penstock.core.change.events import Event
from penstock.core.change.journal import (
    AlreadyOpen,
    Appended,
    Draft,
    Duplicate,
    Fenced,
    Lease,
    Refused,
    Settle,
)
from penstock.core.change.model import Change
from penstock.core.ledger import Break
from penstock.core.refs import ChangeId
from penstock.ports import NewTexts, StopFlag, Texts

Perform = Callable[[Effect, Change, Texts, StopFlag], Event | None]
"""Performs an effect; None: nothing new yet. Raises only Transient `stopped`: nothing was done, nothing is recorded."""

Probe = Callable[[str, str], None]
"""Told where a driver is: the point's name and the effect's key. The crash test kills there."""


class Driving(Protocol):
    """Everything that the rest of the house knows of who drives changes."""

    def wake(self, change: ChangeId, at: datetime) -> None:
        """Have a change looked at by then. Every append does this by itself."""
        ...

    def run(self, stop: threading.Event) -> None:
        """Drive whatever is due until told to stop."""
        ...


class Journal(Protocol):
    """Change logs, as their driver uses them."""

    def texts(self) -> NewTexts: ...

    def change(self, change: ChangeId) -> Change | Break | None:
        """The change as its log tells it now. A Break: the log does not hold."""
        ...

    def append(self, lease: Lease, draft: Draft, settle: Settle) -> Appended | Duplicate | Fenced | Break:
        """Append to a leased change, and settle its row in the same transaction."""
        ...


Answered = Appended | Duplicate | Refused | Break | None
"""What became of an event brought from outside; None: there is no such change."""


class ChangeLog(Protocol):
    """Change logs, as people's orders and incoming signals need them."""

    def change(self, change: ChangeId) -> Change | Break | None:
        """The change as its log tells it now; a Break where the log does not hold."""
        ...

    def texts(self) -> NewTexts: ...

    def create(self, change: ChangeId, draft: Draft) -> Appended | AlreadyOpen: ...

    def record(self, change: ChangeId, draft: Draft) -> Answered: ...

    def of_signal(self, key: str) -> tuple[ChangeId, ...]:
        """Every change that this signal started, oldest first."""
        ...


class Watch(Protocol):
    def changed(self) -> bool:
        """Was anything committed by anybody since the last look."""
        ...

    def close(self) -> None: ...


class Queue(Protocol):
    """Which changes are due, and who holds which. Times are those of the caller's clock."""

    def claim(self, *, limit: int, now: datetime, until: datetime) -> tuple[Lease, ...]: ...

    def extend(self, leases: Iterable[Lease], until: datetime) -> frozenset[Lease]:
        """Hold on until then; the answer is what was lost to others."""
        ...

    def release(self, lease: Lease, *, now: datetime, ready_at: datetime | None) -> None: ...

    def wake(self, change: ChangeId, at: datetime) -> None: ...

    def take_woken(self) -> frozenset[ChangeId]:
        """Those of the caller's changes that somebody appended to, or woke, since the last time."""
        ...

    def next_ready(self) -> datetime | None:
        """When the next change that the caller does not hold becomes due."""
        ...

    def bury(self, now: datetime) -> bool:
        """Make due what dead processes of this machine held; says whether there was any."""
        ...

    def watch(self) -> Watch: ...
