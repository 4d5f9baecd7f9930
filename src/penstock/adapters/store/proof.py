"""The store's own ledger as evidence: verified in place, or exported. Each is one consistent view of the database."""

from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path

from sqlalchemy import Connection, select, union

from penstock.adapters.store.chains import Log, Projection
from penstock.adapters.store.database import Database
from penstock.adapters.store.evidence import (
    NOTHING,
    Earlier,
    Report,
    export_lines,
    judged,
    read_earlier,
    verify_export,
)
from penstock.adapters.store.reading import as_record, read_head
from penstock.adapters.store.schema import blob, change_head, ledger
from penstock.adapters.store.seal import Seal, public_key
from penstock.core.ledger import Blob
from penstock.core.refs import BlobRef, ChangeId
from penstock.ports import Permanent


class Proof:
    """Verifies and exports all changes. Nothing is taken from memory, and heads are not trusted for what there is."""

    def __init__(self, database: Database, seal: Seal) -> None:
        self._database = database
        self._keys = {seal.key_id: seal.public}

    def verify(self, against: Path | None = None) -> Report:
        """Also that everything of an earlier export is still there. Raises Permanent `bad_export`."""
        earlier = _earlier(against, self._keys) if against else NOTHING
        with self._database.snapshot() as connection:
            return judged(_logs(connection), self._keys, earlier=earlier)

    def export(self) -> Iterator[str]:
        """The lines of an export, without line ends. A ledger that does not verify exports as far as it has heads."""
        with self._database.snapshot() as connection:
            sealed = (log for log in _logs(connection) if log.head is not None)
            yield from export_lines(sealed, self._keys)


def verify_file(file: Path, key: Path | None, against: Path | None = None) -> Report:
    """Verify an export with the key that is given, else with those of an earlier export, else with its own.

    Raises Permanent `bad_key` or `bad_export`.
    """
    keys = public_key(key) if key else None
    earlier = _earlier(against, keys) if against else NOTHING
    with file.open(encoding="utf-8", errors="replace") as lines:
        return verify_export(lines, keys, earlier)


def _earlier(file: Path, keys: Mapping[str, bytes] | None) -> Earlier:
    with file.open(encoding="utf-8", errors="replace") as lines:
        found = read_earlier(lines, keys)
    if isinstance(found, str):
        raise Permanent("bad_export", f"nothing was compared with {file}: {found}")
    return found


def _logs(connection: Connection) -> Iterator[Log]:
    named = union(select(change_head.c.change_id), select(ledger.c.change_id), select(blob.c.change_id))
    for name in sorted(connection.execute(named).scalars().all()):
        change = ChangeId(name)
        records = connection.execute(select(ledger).where(ledger.c.change_id == change).order_by(ledger.c.n))
        texts = connection.execute(select(blob).where(blob.c.change_id == change).order_by(blob.c.ref))
        yield Log(
            change=change,
            head=read_head(connection, change),
            records=tuple(map(as_record, records)),
            blobs=tuple(Blob(ref=BlobRef(row.ref), salt=row.salt, text=row.text) for row in texts),
            row=_projection(connection, change),
        )


def _projection(connection: Connection, change: ChangeId) -> Projection | None:
    columns = (change_head.c[field.name] for field in fields(Projection))
    found = connection.execute(select(*columns).where(change_head.c.change_id == change)).mappings().first()
    return Projection(**found) if found else None
