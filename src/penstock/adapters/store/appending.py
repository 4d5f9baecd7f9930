"""One record on its way into the ledger: made before the transaction begins, so that the lock is held briefly.

The head row is updated first. That is the lock, and it fails where somebody else appended since.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, and_, bindparam, case, insert, null, update

from penstock.adapters.store.codec import blob_refs, encode, maybe_micros, micros, row_of
from penstock.adapters.store.database import Prepared, Value
from penstock.adapters.store.reading import Folded
from penstock.adapters.store.schema import blob, change_head, ledger
from penstock.adapters.store.seal import Seal
from penstock.core.change.events import Entry
from penstock.core.change.fold import apply
from penstock.core.change.journal import Draft, Lease, Rest, Settle
from penstock.core.change.model import ENDS, Change
from penstock.core.ledger import START, Blob, Point, Record, link, moment
from penstock.core.refs import ChangeId

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
_KEEP = Prepared(update(change_head).where(_HELD).values(**_PROJECTED, claims=0))
_GIVE_BACK = Prepared(
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
_FROM_OUTSIDE = Prepared(
    update(change_head)
    .where(_UNMOVED)
    .values(
        **_PROJECTED,
        woken=_C.owner.is_not(None),
        ready_at=case((_C.owner.is_not(None), _C.ready_at), else_=bindparam("due")),
    )
)
_RECORD, _TEXT, _HEAD = Prepared(insert(ledger)), insert(blob), insert(change_head)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One record, linked and sealed, with what the change is after it."""

    entry: Entry
    record: Record
    key_id: str
    signature: str
    blobs: tuple[Blob, ...]
    change: Change
    rest: Rest
    refused: bool

    @property
    def after(self) -> Folded:
        return Folded(change=self.change, hash=self.record.hash)


@dataclass(frozen=True, slots=True, kw_only=True)
class Onto:
    """Where a record goes: after what is known of a change (None: it is the first), not before `now`."""

    change: ChangeId
    known: Folded | None
    now: datetime
    seal: Seal

    def step(self, draft: Draft, settle: Settle) -> Step:
        """Times in a log never go back, whatever the clock does. Texts that the event does not name are left out."""
        before = self.known.change if self.known else None
        point = self.known.point if self.known else START
        at = max(self.now, before.updated_at) if before else self.now
        entry = Entry(change=self.change, n=point.n + 1, at=at, key=draft.key, event=draft.event)
        after = apply(before, entry)
        record = _link(entry, point)
        named = frozenset(blob_refs(draft.event)) if draft.blobs else frozenset()
        return Step(
            entry=entry,
            record=record,
            key_id=self.seal.key_id,
            signature=self.seal.sign(record.change, record.n, record.hash),
            blobs=tuple(text for text in draft.blobs if text.ref in named),
            change=after,
            rest=settle(after),
            refused=before is not None and after.refused > before.refused,
        )


def _link(entry: Entry, point: Point) -> Record:
    return link(
        point,
        change=entry.change,
        at=moment(entry.at),
        kind=entry.event.kind,
        key=entry.key,
        body=encode(entry.event),
    )


def begin(connection: Connection, step: Step, signal: str) -> None:
    """Write the first record of a change, and its head."""
    head = {
        "change_id": step.record.change,
        "n": step.record.n,
        "hash": step.record.hash,
        "key_id": step.key_id,
        "signature": step.signature,
        "state": step.change.state.value,
        "signal": signal,
        "created_at": micros(step.entry.at),
        "open": True,
        "ready_at": maybe_micros(step.rest.ready_at),
        "epoch": 0,
        "claims": 0,
        "woken": False,
    }
    connection.execute(_HEAD, head)
    _insert(connection, step)


def write(connection: Connection, step: Step, lease: Lease | None) -> bool:
    """Write a record, if the head is still where the step goes on from, and held as the lease says."""
    params: dict[str, Value] = {
        "of": step.record.change,
        "from_n": step.record.n - 1,
        "to_n": step.record.n,
        "to_hash": step.record.hash,
        "sealed_by": step.key_id,
        "seal": step.signature,
        "to_state": step.change.state.value,
        "still_open": step.change.state not in ENDS,
    }
    if lease:
        params |= {"by": lease.owner, "at_epoch": lease.epoch}
    if lease and step.rest.hold:
        moved = _KEEP.run(connection, params)
    elif lease:
        rest: dict[str, Value] = {"due": maybe_micros(step.rest.ready_at), "now": micros(step.entry.at)}
        moved = _GIVE_BACK.run(connection, params | rest)
    else:
        moved = _FROM_OUTSIDE.run(connection, params | {"due": maybe_micros(step.rest.ready_at)})
    if moved:
        _insert(connection, step)
    return moved == 1


def _insert(connection: Connection, step: Step) -> None:
    record = step.record
    _RECORD.run(connection, row_of(record))
    if step.blobs:
        connection.execute(
            _TEXT,
            [{"ref": b.ref, "change_id": record.change, "salt": b.salt, "text": b.text} for b in step.blobs],
        )
