"""The store's front: change logs that are only ever appended to, with their texts.

An append is one short transaction that starts with the update of the change's head row, which is a lock, the
queue and a projection of the fold in one: whoever appends leaves the row due when the change, as it then is,
should be looked at next.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import (
    Connection,
    Update,
    and_,
    bindparam,
    case,
    func,
    insert,
    literal,
    null,
    or_,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from penstock.adapters.store.codec import blob_refs, encode, maybe_micros, micros
from penstock.adapters.store.database import Database
from penstock.adapters.store.heads import HeadRow, head_row
from penstock.adapters.store.reading import Folded, Reader
from penstock.adapters.store.schema import blob, change_head, ledger
from penstock.adapters.store.seal import Seal, open_seal
from penstock.adapters.store.texts import Clean, Sealing
from penstock.core.change.events import Created, Entry, Erased
from penstock.core.change.fold import apply
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
from penstock.core.ledger import START, Break, Point, Record, link, moment
from penstock.core.refs import Actor, BlobRef, ChangeId
from penstock.core.secrets import redact
from penstock.ports import Clock

Extra = Callable[[Connection], object]

_C = change_head.c
_PROJECTED = {
    "n": bindparam("to_n"),
    "hash": bindparam("to_hash"),
    "key_id": bindparam("sealed_by"),
    "signature": bindparam("seal"),
    "state": bindparam("to_state"),
    "open": and_(_C.open, bindparam("still_open")),
}
_UNMOVED = (_C.change_id == bindparam("of")) & (_C.n == bindparam("from_n"))
_HELD = _UNMOVED & (_C.owner == bindparam("by")) & (_C.epoch == bindparam("at_epoch"))
_KEEP = update(change_head).where(_HELD).values(**_PROJECTED, claims=0)
_GIVE_BACK = (
    update(change_head)
    .where(_HELD)
    .values(
        **_PROJECTED,
        claims=0,
        owner=null(),
        woken=False,
        ready_at=case((_C.woken, bindparam("now")), else_=bindparam("due")),
    )
)
_FROM_OUTSIDE = (
    update(change_head)
    .where(_UNMOVED)
    .values(
        **_PROJECTED,
        woken=_C.owner.is_not(None),
        ready_at=case((_C.owner.is_not(None), _C.ready_at), else_=bindparam("due")),
    )
)
_HOLDER = select(_C.owner, _C.epoch).where(_C.change_id == bindparam("of"))
_KEYED = select(ledger.c.n).where(ledger.c.change_id == bindparam("of"), ledger.c.key == bindparam("keyed"))
_OPEN_FOR = select(_C.change_id).where(
    or_(_C.change_id == bindparam("of"), and_(_C.signal == bindparam("answers"), _C.open))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Step:
    """One record, ready to be written, with what the change is after it."""

    entry: Entry
    record: Record
    change: Change
    rest: Rest
    refused: bool

    @property
    def after(self) -> Folded:
        return Folded(change=self.change, hash=self.record.hash)


class Store:
    """Logs and texts of all changes. Safe to share between threads; several processes may have the same one open."""

    def __init__(self, database: Database, seal: Seal, clock: Clock) -> None:
        self.database = database
        self.seal = seal
        self._clock = clock
        self.reader = Reader(database, seal)
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
        rows = select(change_head).order_by(_C.created_at, _C.change_id)
        with self.database.reading() as connection:
            found = connection.execute(rows.where(_C.open) if only_open else rows)
            return tuple(head_row(row) for row in found.mappings())

    def of_signal(self, key: str) -> tuple[ChangeId, ...]:
        """Every change that this signal started, oldest first."""
        started = select(_C.change_id).where(_C.signal == key).order_by(_C.created_at, _C.change_id)
        with self.database.reading() as connection:
            return tuple(ChangeId(name) for name in connection.execute(started).scalars())

    def count_since(self, kind: str, at: datetime) -> int:
        """How many events of a kind all logs hold since then."""
        which = and_(ledger.c.kind == literal(kind, literal_execute=True), ledger.c.at >= moment(at))
        with self.database.reading() as connection:
            return connection.execute(select(func.count()).select_from(ledger).where(which)).scalar_one()

    def create(self, change: ChangeId, draft: Draft) -> Appended | AlreadyOpen:
        """Begin a log with its E_WORKFLOW_CREATED, unless a change is open for the same signal."""
        assert isinstance(draft.event, Created), "a log starts with E_WORKFLOW_CREATED"  # noqa: S101
        step = self._step(change, None, draft, _by_itself)
        try:
            with self.database.writing() as connection:
                connection.execute(insert(change_head), _first_head(step, draft.event.signal, self.seal))
                _insert(connection, step, draft)
        except IntegrityError:
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
        return self._append(folded, draft, settle, lease=lease)

    def record(self, change: ChangeId, draft: Draft) -> Appended | Duplicate | Refused | Break | None:
        """Append what a person, a webhook or the command line brings; None where there is no such change.

        What the change would not accept is refused here, so that it can be said before anything is on record.
        """
        folded = self.reader.folded(change)
        if not isinstance(folded, Folded):
            return folded
        with self.database.reading() as connection:
            if connection.execute(_KEYED, {"of": change, "keyed": draft.key}).first():
                return Duplicate(change=folded.change)
        if self._step(change, folded, draft, _by_itself).refused:
            return Refused(change=folded.change)
        outcome = self._append(folded, draft, _by_itself)
        assert not isinstance(outcome, Fenced), "only a lease can be fenced"  # noqa: S101
        return outcome

    def close(self) -> None:
        self.database.close()

    def erase(self, ref: BlobRef, *, by: Actor, reason: str) -> Appended | Duplicate | Break | None:
        """Delete a text and its salt for good, on record; None where no such text was ever stored."""
        with self.database.reading() as connection:
            of = connection.execute(select(blob.c.change_id).where(blob.c.ref == ref)).scalar()
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
        assert not isinstance(outcome, Fenced), "only a lease can be fenced"  # noqa: S101
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
    ) -> Appended | Duplicate | Fenced | Break:
        """Written onto the change as it was last known; where it moved since, folded again under the lock."""
        if isinstance(folded, Break):
            return folded
        change = folded.change.id
        step = self._step(change, folded, draft, settle)
        try:
            with self.database.writing() as connection:
                while not _moved_head(connection, step, lease, self.seal):
                    if lease and _is_fenced(connection, lease):
                        return Fenced(lease=lease)
                    now = self.reader.caught_up(connection, change)
                    if not isinstance(now, Folded):
                        return now or _vanished(change)
                    step = self._step(change, now, draft, settle)
                _insert(connection, step, draft)
                if extra:
                    extra(connection)
        except IntegrityError:
            return self._duplicate(change, draft.key)
        self.reader.remember(step.after)
        return Appended(entry=step.entry, change=step.change, rest=step.rest)

    def _duplicate(self, change: ChangeId, key: str) -> Duplicate | Break:
        with self.database.reading() as connection:
            known = connection.execute(_KEYED, {"of": change, "keyed": key}).first()
        now = self.reader.folded(change)
        assert known, f"{change}: only a key that is taken can collide, {key} is not"  # noqa: S101
        return Duplicate(change=now.change) if isinstance(now, Folded) else now or _vanished(change)

    def _step(self, change: ChangeId, folded: Folded | None, draft: Draft, settle: Settle) -> _Step:
        """Times in a log never go back, whatever the clock does."""
        before = folded.change if folded else None
        point = folded.point if folded else START
        now = self._clock.now()
        at = max(now, before.updated_at) if before else now
        entry = Entry(change=change, n=point.n + 1, at=at, key=draft.key, event=draft.event)
        after = apply(before, entry)
        return _Step(
            entry=entry,
            record=_link(entry, point),
            change=after,
            rest=settle(after),
            refused=before is not None and after.refused > before.refused,
        )


def open_store(state: Path, clock: Clock) -> Store:
    """The store in a state directory: its database (made or migrated as needed) and the ledger's key."""
    _make_private(state)
    database = Database(state / "penstock.db")
    with database.reading() as connection:
        empty = connection.execute(select(_C.change_id).limit(1)).first() is None
    return Store(database, open_seal(state, may_make=empty), clock)


def _make_private(state: Path) -> None:
    """The directory, closed to others even if it was there before; whoever else owns it decides for themselves."""
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = state.stat()
    if found.st_uid == os.getuid() and found.st_mode & 0o077:
        state.chmod(found.st_mode & 0o700)


def _by_itself(change: Change) -> Rest:
    return Rest(hold=False, ready_at=due_at(change))


def _link(entry: Entry, point: Point) -> Record:
    return link(
        point,
        change=entry.change,
        at=moment(entry.at),
        kind=entry.event.kind,
        key=entry.key,
        body=encode(entry.event),
    )


def _moved_head(connection: Connection, step: _Step, lease: Lease | None, seal: Seal) -> bool:
    """Move the head from the record before this one to this one, if it is there and held as the lease says."""
    params = {
        "of": step.record.change,
        "from_n": step.record.n - 1,
        "to_n": step.record.n,
        "to_hash": step.record.hash,
        "sealed_by": seal.key_id,
        "seal": seal.sign(step.record.change, step.record.n, step.record.hash),
        "to_state": step.change.state.value,
        "still_open": step.change.state not in ENDS,
    }
    statement: Update = _FROM_OUTSIDE
    if lease:
        statement = _KEEP if step.rest.hold else _GIVE_BACK
        params |= {"by": lease.owner, "at_epoch": lease.epoch}
    if not lease or not step.rest.hold:
        params |= {"due": maybe_micros(step.rest.ready_at)}
    if lease and not step.rest.hold:
        params |= {"now": micros(step.entry.at)}
    return connection.execute(statement, params).rowcount == 1


def _first_head(step: _Step, signal: str, seal: Seal) -> dict[str, object]:
    return {
        "change_id": step.record.change,
        "n": step.record.n,
        "hash": step.record.hash,
        "key_id": seal.key_id,
        "signature": seal.sign(step.record.change, step.record.n, step.record.hash),
        "state": step.change.state.value,
        "signal": signal,
        "created_at": micros(step.entry.at),
        "open": True,
        "ready_at": maybe_micros(step.rest.ready_at),
        "epoch": 0,
        "claims": 0,
        "woken": False,
    }


def _insert(connection: Connection, step: _Step, draft: Draft) -> None:
    record = step.record
    connection.execute(
        insert(ledger),
        {
            "change_id": record.change,
            "n": record.n,
            "at": record.at,
            "kind": record.kind,
            "key": record.key,
            "body": record.body,
            "prev": record.prev,
            "hash": record.hash,
        },
    )
    named = frozenset(blob_refs(draft.event))  # an attempt that failed may have put texts that nothing names
    texts = [
        {"ref": b.ref, "change_id": record.change, "salt": b.salt, "text": b.text}
        for b in draft.blobs
        if b.ref in named
    ]
    if texts:
        connection.execute(insert(blob), texts)


def _is_fenced(connection: Connection, lease: Lease) -> bool:
    row = connection.execute(_HOLDER, {"of": lease.change}).one_or_none()
    return row is None or (row.owner, row.epoch) != (lease.owner, lease.epoch)


def _vanished(change: ChangeId) -> Break:
    return Break(change=change, n=0, problem="its head row is gone")
