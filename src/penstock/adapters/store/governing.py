"""The governance log: one chain of the ledger that belongs to no change, sealed and verified like theirs.

Its head is a row that no worker ever claims. An append is decided on the log as it stands and written only if it still
stands so, so that of two processes that take the last of something, one gets it.
"""

import sqlite3
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import Discriminator, TypeAdapter
from sqlalchemy import Connection, insert, null, select, update
from sqlalchemy.exc import IntegrityError

from penstock.adapters.store.codec import UnreadableRecord, event_in, micros, row_of
from penstock.adapters.store.database import Database
from penstock.adapters.store.reading import read_head, read_records
from penstock.adapters.store.schema import blob, change_head, ledger
from penstock.adapters.store.seal import Seal
from penstock.adapters.store.texts import Sealing
from penstock.core.autonomy.events import Decide, GovernanceEntry, GovernanceEvent, Noted, TextErased
from penstock.core.autonomy.fold import apply
from penstock.core.autonomy.model import GOVERNANCE, Governance
from penstock.core.ledger import (
    START,
    Break,
    Point,
    Record,
    canonical,
    link,
    moment,
    plain,
    verify_chain,
)
from penstock.core.refs import Actor, BlobRef
from penstock.ports import Clock, Permanent

_EVENT: TypeAdapter[GovernanceEvent] = TypeAdapter(Annotated[GovernanceEvent, Discriminator("kind")])
_C = change_head.c


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    governance: Governance
    point: Point


class GovernanceLog:
    """Safe to share between threads; several processes may append. Raises Permanent `ledger` where its chain does not hold."""

    def __init__(self, database: Database, seal: Seal, clock: Clock, texts: Callable[[], Sealing]) -> None:
        self._database = database
        self._seal = seal
        self._clock = clock
        self.texts = texts
        self._known = _Known(governance=Governance(), point=START)
        self._lock = threading.Lock()

    def now(self) -> Governance:
        """What the log tells now."""
        with self._database.reading() as connection:
            return self._caught_up(connection).governance

    def record(self, decide: Decide, also: Callable[[Connection], object] | None = None) -> Governance:
        """Append what is decided, and say what the log tells afterwards. A key that is taken is appended no second time."""
        while True:
            with self._database.reading() as connection:
                known = self._caught_up(connection)
            draft = decide(known.governance)
            if draft is None:
                return known.governance
            try:
                with self._database.writing() as connection:
                    written = self._write(connection, known, draft)
                    if written and also:
                        also(connection)
            except (IntegrityError, sqlite3.IntegrityError):
                if self._taken(draft.key):
                    return self.now()
                continue  # somebody else's record was the first
            if written:
                return self.now()

    def entries(self) -> tuple[GovernanceEntry, ...]:
        """The whole log, oldest first."""
        with self._database.reading() as connection:
            head = read_head(connection, GOVERNANCE)
            return tuple(map(decode, read_records(connection, head))) if head else ()

    def holds(self, ref: BlobRef) -> bool:
        """Is it one of this log's texts."""
        with self._database.reading() as connection:
            of = connection.execute(select(blob.c.change_id).where(blob.c.ref == ref)).scalar()
        return of == GOVERNANCE

    def erase(self, ref: BlobRef, *, by: Actor, reason: str) -> Governance:
        """Delete one of its texts and its salt for good, on record."""
        texts = self.texts()
        event = TextErased(blob=ref, by=by, reason=texts.put(reason))
        gone = update(blob).where(blob.c.ref == ref).values(salt=null(), text=null())
        after = self.record(
            lambda _: Noted(key=f"erase:{ref}", event=event, blobs=texts.blobs),
            lambda connection: connection.execute(gone),
        )
        self._database.scrub()
        return after

    def _taken(self, key: str) -> bool:
        return any(entry.key == key for entry in self.entries())

    def _caught_up(self, connection: Connection) -> _Known:
        head = read_head(connection, GOVERNANCE)
        with self._lock:
            known = self._known
        if head is None or known.point == Point(n=head.n, hash=head.hash):
            return known
        if known.governance.n > head.n:
            known = _Known(governance=Governance(), point=START)
        records = read_records(connection, head, after=known.point.n)
        broken = verify_chain(records, head, self._seal.trusts, known.point)
        now = broken or _folded(known.governance, records)
        if isinstance(now, Break):
            raise Permanent("ledger", f"{now.sentence}. `penstock ledger verify` tells more.")
        found = _Known(governance=now, point=Point(n=head.n, hash=head.hash))
        with self._lock:
            self._known = found
        return found

    def _write(self, connection: Connection, known: _Known, draft: Noted) -> bool:
        at = known.governance.not_before(self._clock.now())
        body = canonical(plain(draft.event)).decode()
        record = link(
            known.point,
            change=GOVERNANCE,
            at=moment(at),
            kind=draft.event.kind,
            key=draft.key,
            body=body,
        )
        sealed = {
            "n": record.n,
            "hash": record.hash,
            "key_id": self._seal.key_id,
            "signature": self._seal.sign(GOVERNANCE, record.n, record.hash),
        }
        if known.point == START:
            connection.execute(insert(change_head), {**_UNCLAIMED, **sealed, "created_at": micros(at)})
        else:
            unmoved = (_C.change_id == GOVERNANCE) & (_C.n == known.point.n) & (_C.hash == known.point.hash)
            if not connection.execute(update(change_head).where(unmoved).values(**sealed)).rowcount:
                return False
        connection.execute(insert(ledger), row_of(record))
        if draft.blobs:
            connection.execute(
                insert(blob),
                [
                    {"ref": b.ref, "change_id": GOVERNANCE, "salt": b.salt, "text": b.text}
                    for b in draft.blobs
                ],
            )
        return True


_UNCLAIMED = {
    "change_id": GOVERNANCE,
    "state": "",
    "signal": GOVERNANCE,
    "open": False,
    "ready_at": None,
    "owner": None,
    "epoch": 0,
    "claims": 0,
    "woken": False,
}
"""Its head row: never due, never open, in no state that a change can be in."""


def decode(record: Record) -> GovernanceEntry:
    """The entry that a record of the governance log holds. Raises UnreadableRecord."""
    event, at = event_in(record, _EVENT)
    return GovernanceEntry(n=record.n, at=at, key=record.key, event=event)


def _folded(start: Governance, records: Sequence[Record]) -> Governance | Break:
    governance = start
    for record in records:
        try:
            governance = apply(governance, decode(record))
        except UnreadableRecord as error:
            return Break(change=GOVERNANCE, n=record.n, problem=str(error))
    return governance
