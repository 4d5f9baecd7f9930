"""The store's front: change logs that are only ever appended to, with their texts.

An append is one short transaction that starts with the update of the change's head row, which is a lock, the
queue and a projection of the fold in one: whoever appends leaves the row due when the change, as it then is,
should be looked at next.
"""

import os
import sqlite3
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from sqlalchemy import (
    Connection,
    and_,
    bindparam,
    func,
    literal,
    null,
    or_,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from penstock.adapters.store import appending
from penstock.adapters.store.database import Database
from penstock.adapters.store.governing import GovernanceLog
from penstock.adapters.store.heads import HeadRow, head_row
from penstock.adapters.store.reading import Folded, Reader
from penstock.adapters.store.schema import blob, change_head, ledger
from penstock.adapters.store.seal import Seal, open_seal
from penstock.adapters.store.texts import Clean, Sealing
from penstock.core.autonomy.model import GOVERNANCE
from penstock.core.change.events import Created, Erased
from penstock.core.change.journal import (
    AlreadyOpen,
    Appended,
    Draft,
    Duplicate,
    Fenced,
    Lease,
    Refused,
    Rest,
    Settle,
    due_at,
)
from penstock.core.change.model import ENDS, Change
from penstock.core.ledger import Break, moment
from penstock.core.refs import Actor, BlobRef, ChangeId, NodeId
from penstock.core.secrets import redact
from penstock.ports import Clock

DATABASE = "penstock.db"
Extra = Callable[[Connection], object]

_C = change_head.c
_HOLDER = select(_C.owner, _C.epoch).where(_C.change_id == bindparam("of"))
_KEYED = select(ledger.c.n).where(ledger.c.change_id == bindparam("of"), ledger.c.key == bindparam("keyed"))
_OPEN_FOR = select(_C.change_id).where(
    or_(_C.change_id == bindparam("of"), and_(_C.signal == bindparam("answers"), _C.open))
)


class Store:
    """Logs and texts of all changes. Safe to share between threads; several processes may have the same one open."""

    def __init__(self, database: Database, seal: Seal, clock: Clock) -> None:
        self.database = database
        self.seal = seal
        self._clock = clock
        self.reader = Reader(database, seal)
        self.governance = GovernanceLog(database, seal, clock, self.texts)
        self.clean: Clean = redact
        """What every text goes through before it is sealed; whoever knows more secrets gives a stricter one."""

    def texts(self) -> Sealing:
        """Where the texts of one event are put."""
        return Sealing(self.reader.text, self.clean)

    def change(self, change: ChangeId) -> Change | Break | None:
        """The change as its log tells it now. A Break: its log does not hold, so nothing may be done by it."""
        folded = self.reader.folded(change)
        return folded.change if isinstance(folded, Folded) else folded

    def heads(self, *, only_open: bool = False) -> tuple[HeadRow, ...]:
        """Every change as the queue sees it, oldest first."""
        rows = select(change_head).where(_C.change_id != GOVERNANCE).order_by(_C.created_at, _C.change_id)
        unended = rows.where(_C.state.not_in(sorted(ENDS)))  # `open` ends with DONE, which may be rolled back
        with self.database.reading() as connection:
            found = connection.execute(unended if only_open else rows)
            return tuple(head_row(row) for row in found.mappings())

    def of_signal(self, key: str) -> tuple[ChangeId, ...]:
        """Every change that this signal started, oldest first."""
        started = select(_C.change_id).where(_C.signal == key).order_by(_C.created_at, _C.change_id)
        with self.database.reading() as connection:
            return tuple(ChangeId(name) for name in connection.execute(started).scalars())

    def unended_about(self, repo: NodeId) -> tuple[Change, ...]:
        """Changes of this repository's issues that have not ended, oldest first; those whose log does not hold are left out."""
        about = and_(_C.signal.startswith(f"issue:{repo}:", autoescape=True), _C.state.not_in(sorted(ENDS)))
        named = select(_C.change_id).where(about).order_by(_C.created_at, _C.change_id)
        with self.database.reading() as connection:
            names = [ChangeId(name) for name in connection.execute(named).scalars()]
        return tuple(found for name in names if isinstance(found := self.change(name), Change))

    def count_since(self, kind: str, at: datetime) -> int:
        """How many events of a kind all logs hold since then."""
        which = and_(ledger.c.kind == literal(kind, literal_execute=True), ledger.c.at >= moment(at))
        with self.database.reading() as connection:
            return connection.execute(select(func.count()).select_from(ledger).where(which)).scalar_one()

    def create(self, change: ChangeId, draft: Draft) -> Appended | AlreadyOpen:
        """Begin a log with its E_WORKFLOW_CREATED, unless a change is open for the same signal."""
        assert isinstance(draft.event, Created), "a log starts with E_WORKFLOW_CREATED"  # noqa: S101
        step = self._onto(change, None).step(draft, _by_itself)
        try:
            with self.database.writing() as connection:
                appending.begin(connection, step, draft.event.signal)
        except (IntegrityError, sqlite3.IntegrityError):
            with self.database.reading() as connection:
                params = {"of": change, "answers": draft.event.signal}
                found = connection.execute(_OPEN_FOR, params).scalars().first()
            if found is None:
                raise
            return AlreadyOpen(change=ChangeId(found))
        self.reader.remember(step.after)
        return Appended(entry=step.entry, change=step.change, rest=step.rest)

    def append(self, lease: Lease, draft: Draft, settle: Settle) -> Appended | Duplicate | Fenced | Break:
        """Append what a worker did. Nothing that happened meanwhile keeps an outcome out, except a later claim."""
        folded = self.reader.remembered(lease.change) or self.reader.folded(lease.change)
        assert folded is not None, "a leased change exists"  # noqa: S101
        outcome = self._append(folded, draft, settle, lease=lease)
        assert not isinstance(outcome, Refused), "outcomes are never refused"  # noqa: S101
        return outcome

    def record(self, change: ChangeId, draft: Draft) -> Appended | Duplicate | Refused | Break | None:
        """Append what a person, a webhook or the command line brings; None where there is no such change.

        What the change would not accept is refused here, so that it can be said before anything is on record.
        """
        folded = self.reader.folded(change)
        if folded is None:
            return None
        outcome = self._append(folded, draft, _by_itself)
        assert not isinstance(outcome, Fenced), "only a lease can be fenced"  # noqa: S101
        return outcome

    def close(self) -> None:
        self.database.close()

    def erase(self, ref: BlobRef, *, by: Actor, reason: str) -> Appended | Duplicate | Break | None:
        """Delete a text and its salt for good, on record; None where no such text was ever stored."""
        with self.database.reading() as connection:
            of = connection.execute(select(blob.c.change_id).where(blob.c.ref == ref)).scalar()
        assert of != GOVERNANCE, "the governance log erases its own"  # noqa: S101
        folded = self.reader.folded(ChangeId(of)) if of is not None else None
        if not isinstance(folded, Folded):
            return folded
        texts = self.texts()
        event = Erased(blob=ref, by=by, reason=texts.put(reason))
        gone = update(blob).where(blob.c.ref == ref).values(salt=null(), text=null())
        outcome = self._append(
            folded,
            Draft(key=f"erase:{ref}", event=event, blobs=texts.blobs),
            _by_itself,
            extra=lambda connection: connection.execute(gone),
        )
        assert not isinstance(outcome, Fenced | Refused), "an erasure fits every state"  # noqa: S101
        self.database.scrub()
        return outcome

    def _append(
        self,
        folded: Folded | Break,
        draft: Draft,
        settle: Settle,
        *,
        lease: Lease | None = None,
        extra: Extra | None = None,
    ) -> Appended | Duplicate | Refused | Fenced | Break:
        """Written onto the change as it was last known; where it moved since, folded again under the lock."""
        if isinstance(folded, Break):
            return folded
        change, known = folded.change.id, folded
        step = self._onto(change, known).step(draft, settle)
        try:
            with self.database.writing() as connection:
                while lease or not step.refused:
                    if appending.write(connection, step, lease):
                        break
                    if lease and _is_fenced(connection, lease):
                        return Fenced(lease=lease)
                    now = self.reader.caught_up(connection, change)
                    if not isinstance(now, Folded):
                        return now or _vanished(change)
                    known, step = now, self._onto(change, now).step(draft, settle)
                else:
                    return _refused(connection, known.change, draft.key)
                if extra:
                    extra(connection)
        except (IntegrityError, sqlite3.IntegrityError):
            return self._duplicate(change, draft.key)
        self.reader.remember(step.after)
        return Appended(entry=step.entry, change=step.change, rest=step.rest)

    def _onto(self, change: ChangeId, known: Folded | None) -> appending.Onto:
        return appending.Onto(change=change, known=known, now=self._clock.now(), seal=self.seal)

    def _duplicate(self, change: ChangeId, key: str) -> Duplicate | Break:
        with self.database.reading() as connection:
            known = connection.execute(_KEYED, {"of": change, "keyed": key}).first()
        now = self.reader.folded(change)
        assert known, f"{change}: only a key that is taken can collide, {key} is not"  # noqa: S101
        return Duplicate(change=now.change) if isinstance(now, Folded) else now or _vanished(change)


def open_store(state: Path, clock: Clock) -> Store:
    """The store in a state directory: its database (made or migrated as needed) and the ledger's key."""
    make_private(state)
    database = Database(state / DATABASE)
    with database.reading() as connection:
        empty = connection.execute(select(_C.change_id).limit(1)).first() is None
    return Store(database, open_seal(state, may_make=empty), clock)


def make_private(state: Path) -> None:
    """The directory, closed to others even if it was there before; whoever else owns it decides for themselves."""
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = state.stat()
    if found.st_uid == os.getuid() and found.st_mode & 0o077:
        state.chmod(found.st_mode & 0o700)


def _by_itself(change: Change) -> Rest:
    return Rest(hold=False, ready_at=due_at(change))


def _is_fenced(connection: Connection, lease: Lease) -> bool:
    row = connection.execute(_HOLDER, {"of": lease.change}).one_or_none()
    return row is None or (row.owner, row.epoch) != (lease.owner, lease.epoch)


def _refused(connection: Connection, change: Change, key: str) -> Refused | Duplicate:
    """What is on record already need not fit any more."""
    known = connection.execute(_KEYED, {"of": change.id, "keyed": key}).first()
    return Duplicate(change=change) if known else Refused(change=change)


def _vanished(change: ChangeId) -> Break:
    return Break(change=change, n=0, problem="its head row is gone")
