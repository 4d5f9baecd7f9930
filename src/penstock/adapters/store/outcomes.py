"""How changes went, read from their logs: failures in a row, and what landed. Kept in memory until something new is told."""

import threading
from collections.abc import Iterator, Mapping
from datetime import datetime

from sqlalchemy import and_, bindparam, func, select, text

from penstock.adapters.store.database import Database
from penstock.adapters.store.reading import Reader
from penstock.adapters.store.schema import TELLING, change_head, ledger
from penstock.core.autonomy.earning import Landed
from penstock.core.change.events import Entry
from penstock.core.change.outcomes import Classes, Outcome, failures_in_a_row, landed, outcomes_of
from penstock.core.ledger import Break, moment
from penstock.core.refs import ChangeId
from penstock.core.risk import History
from penstock.ports import Permanent

LOOKED_AT = 1000
"""Merged changes, the newest: what an agent did before them says little of what it does now. Failures are never too old: one
suspends its cell until a person grants it again."""
RECENT = 50
"""Merged changes, the newest, whose history counts for the risk of the next."""
PAGE = 50

_TOLD = text(TELLING)
_C = ledger.c
_MERGED = ledger.alias("merged")
_NEWEST = (
    select(_C.change_id, func.max(_C.at).label("last"))
    .where(_TOLD)
    .group_by(_C.change_id)
    .order_by(func.max(_C.at).desc(), _C.change_id)
)
_LAST = select(_C.change_id, _C.n, _C.at).where(_TOLD).order_by(_C.at.desc()).limit(1)
_MAY_HAVE_FAILED = (
    select(_C.change_id)
    .where(_TOLD, _C.kind.in_(("E_POST_MERGE_FAILED", "E_CANCELLED")))
    .where(_C.change_id.in_(select(_MERGED.c.change_id).where(_MERGED.c.kind == "E_MERGED")))
    .distinct()
)
_POINTS = select(change_head.c.change_id, change_head.c.n, change_head.c.hash).where(
    change_head.c.change_id.in_(bindparam("names", expanding=True))
)
Mark = tuple[str, int, str] | None
Point = tuple[int, str]
"""Where a log's head stands."""
Kept = tuple[Point, tuple[Landed, ...]]


class Outcomes:
    """Raises Permanent `ledger` where a log that matters does not hold."""

    def __init__(self, database: Database, reader: Reader) -> None:
        self._database = database
        self._reader = reader
        self._lock = threading.Lock()
        self._failures: tuple[object, tuple[ChangeId, ...]] | None = None
        self._landed: Mapping[ChangeId, Kept] = {}
        self._classes: Classes = ()
        self._history: tuple[Mark, Mapping[str, History]] | None = None

    def failures(self, since: datetime | None, enough: int) -> tuple[ChangeId, ...]:
        """Changes that failed one after another, since then; at least `enough` of them, where there are so many."""
        asked = (self._mark(), since, enough)
        with self._lock:
            if self._failures and self._failures[0] == asked:
                return self._failures[1]
        found = failures_in_a_row(self._recent(since, enough), since)
        with self._lock:
            self._failures = asked, found
        return found

    def landed(self, classes: Classes) -> tuple[Landed, ...]:
        """What the newest changes merged, and whatever failed, with the repositories' classes as they are now."""
        with self._database.reading() as connection:
            newest = connection.execute(_NEWEST.where(_C.kind == "E_MERGED").limit(LOOKED_AT)).scalars()
            names = {*newest, *connection.execute(_MAY_HAVE_FAILED).scalars()}
            points = connection.execute(_POINTS, {"names": sorted(names)}).all()
        with self._lock:
            known = self._landed if self._classes == classes else {}
        kept = {
            ChangeId(p.change_id): self._landed_of(ChangeId(p.change_id), (p.n, p.hash), known, classes)
            for p in points
        }
        with self._lock:
            self._landed, self._classes = kept, classes
        return tuple(one for _, ones in kept.values() for one in ones)

    def history(self) -> Mapping[str, History]:
        """By agent, of the newest changes that merged anything."""
        mark = self._mark()
        with self._lock:
            if self._history and self._history[0] == mark:
                return self._history[1]
        with self._database.reading() as connection:
            merged = _NEWEST.where(_C.kind == "E_MERGED").limit(RECENT)
            names = [ChangeId(row.change_id) for row in connection.execute(merged)]
        found: dict[str, History] = {}
        for name in names:
            for agent, failed in {
                (o.cell.agent, o.failed_at is not None) for o in landed(self._log(name), ())
            }:
                before = found.get(agent, History())
                found[agent] = History(merged=before.merged + 1, taken_back=before.taken_back + failed)
        with self._lock:
            self._history = mark, found
        return found

    def _landed_of(
        self, change: ChangeId, point: Point, known: Mapping[ChangeId, Kept], classes: Classes
    ) -> Kept:
        """A log that stands where it was read before tells the same."""
        found = known.get(change)
        return found if found and found[0] == point else (point, landed(self._log(change), classes))

    def _mark(self) -> Mark:
        """Of the newest record that can be an outcome."""
        with self._database.reading() as connection:
            row = connection.execute(_LAST).one_or_none()
        return (row.change_id, row.n, row.at) if row else None

    def _recent(self, since: datetime | None, enough: int) -> list[Outcome]:
        """As many outcomes as decide it: until a good one, or enough failures, are newer than all that is left."""
        found: list[Outcome] = []
        for change, last in self._candidates(since):
            failed = sorted({o.change: moment(o.at) for o in found if o.failed}.values(), reverse=True)
            good = max((moment(o.at) for o in found if not o.failed), default="")
            if good > last or (len(failed) >= enough and failed[enough - 1] > last):
                break
            found.extend(outcomes_of(self._log(change)))
        return found

    def _candidates(self, since: datetime | None) -> Iterator[tuple[ChangeId, str]]:
        """Changes that may have an outcome, those with the newest first."""
        newest = _NEWEST.where(and_(_C.at > moment(since))) if since else _NEWEST
        offset = 0
        while True:
            with self._database.reading() as connection:
                rows = connection.execute(newest.limit(PAGE).offset(offset)).all()
            yield from ((ChangeId(row.change_id), row.last) for row in rows)
            if len(rows) < PAGE:
                return
            offset += PAGE

    def _log(self, change: ChangeId) -> tuple[Entry, ...]:
        folded = self._reader.folded(change)
        if isinstance(folded, Break):
            raise Permanent("ledger", f"{folded.sentence}. `penstock ledger verify` tells more.")
        return self._reader.entries(change)
