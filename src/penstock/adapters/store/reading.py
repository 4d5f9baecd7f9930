"""Reading the log, and the fold of it. A change is only ever folded from a chain that verifies."""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Row, bindparam, select

from penstock.adapters.store.codec import UnreadableRecord, decode
from penstock.adapters.store.database import Database
from penstock.adapters.store.schema import blob, change_head, ledger
from penstock.adapters.store.seal import Seal
from penstock.core.change.events import Entry
from penstock.core.change.fold import apply
from penstock.core.change.model import Change
from penstock.core.ledger import START, Break, Head, Point, Record, seal_text, verify_chain
from penstock.core.refs import BlobRef, ChangeId, Digest
from penstock.ports import Permanent

_RECORDS = (
    select(ledger)
    .where(
        ledger.c.change_id == bindparam("change"),
        ledger.c.n > bindparam("after"),
        ledger.c.n <= bindparam("last"),
    )
    .order_by(ledger.c.n)
)
_HEAD = select(change_head).where(change_head.c.change_id == bindparam("change"))
_TEXT = select(blob.c.salt, blob.c.text).where(blob.c.ref == bindparam("wanted"))
FOLDS_KEPT = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Folded:
    """A change and the hash of the record it was folded up to."""

    change: Change
    hash: Digest

    @property
    def point(self) -> Point:
        return Point(n=self.change.n, hash=self.hash)


class Reader:
    """Folds are remembered, the most recently used ones, and only ever moved forward by verified records."""

    def __init__(self, database: Database, seal: Seal) -> None:
        self._database = database
        self._seal = seal
        self._folds: OrderedDict[ChangeId, Folded] = OrderedDict()
        self._lock = threading.Lock()

    def folded(self, change: ChangeId) -> Folded | Break | None:
        """The change as its log tells it now; None where there is no such change."""
        with self._database.reading() as connection:
            return self.caught_up(connection, change)

    def caught_up(self, connection: Connection, change: ChangeId) -> Folded | Break | None:
        head = read_head(connection, change)
        if head is None:
            return None
        known = self.remembered(change)
        if known is not None and known.point == Point(n=head.n, hash=head.hash):
            return known
        start = known if known is not None and known.change.n < head.n else None
        records = read_records(connection, head, after=start.change.n if start else 0)
        broken = verify_chain(records, head, self._seal.trusts, start.point if start else START)
        fold = broken or _fold(start.change if start else None, records)
        if isinstance(fold, Folded):
            self.remember(fold)
        return fold

    def remembered(self, change: ChangeId) -> Folded | None:
        with self._lock:
            return self._folds.get(change)

    def remember(self, folded: Folded) -> None:
        with self._lock:
            self._folds[folded.change.id] = folded
            self._folds.move_to_end(folded.change.id)
            if len(self._folds) > FOLDS_KEPT:
                self._folds.popitem(last=False)

    def entries(self, change: ChangeId) -> tuple[Entry, ...]:
        """A change's log, oldest first; empty where there is none."""
        with self._database.reading() as connection:
            head = read_head(connection, change)
            return tuple(map(decode, read_records(connection, head))) if head else ()

    def text(self, ref: BlobRef) -> str | None:
        """A stored text; None once it is erased. Raises Permanent `text_broken` where it is not the one recorded."""
        with self._database.reading() as connection:
            row = connection.execute(_TEXT, {"wanted": ref}).one_or_none()
        if row is not None and row.text is None:
            return None
        if row is None or seal_text(row.salt, row.text) != ref:
            raise Permanent(
                "text_broken", f"text {ref} is not what was recorded; `penstock ledger verify` says more"
            )
        return str(row.text)


def _fold(start: Change | None, records: Sequence[Record]) -> Folded | Break:
    change = start
    for record in records:
        try:
            change = apply(change, decode(record))
        except UnreadableRecord as error:
            return Break(change=record.change, n=record.n, problem=str(error))
    assert change is not None, "a chain that verifies has content"  # noqa: S101
    return Folded(change=change, hash=records[-1].hash)


def read_head(connection: Connection, change: ChangeId) -> Head | None:
    row = connection.execute(_HEAD, {"change": change}).one_or_none()
    if row is None:
        return None
    return Head(change=change, n=row.n, hash=Digest(row.hash), key_id=row.key_id, signature=row.signature)


def read_records(connection: Connection, head: Head, after: int = 0) -> tuple[Record, ...]:
    """The records up to this head. They never change, so reading them after the head is one consistent view."""
    rows = connection.execute(_RECORDS, {"change": head.change, "after": after, "last": head.n})
    return tuple(map(as_record, rows))


def as_record(row: Row[tuple[object, ...]]) -> Record:
    return Record(
        change=ChangeId(row.change_id),
        n=row.n,
        at=row.at,
        kind=row.kind,
        key=row.key,
        body=row.body,
        prev=Digest(row.prev),
        hash=Digest(row.hash),
    )
