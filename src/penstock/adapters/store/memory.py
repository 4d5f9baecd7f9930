"""What must survive a restart beside the ledger: deliveries, cached responses, writer lanes, and tallies."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from penstock.adapters.store.codec import from_micros, micros
from penstock.adapters.store.database import Database
from penstock.adapters.store.schema import bucket, delivery, http_cache, tally
from penstock.ports import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One webhook delivery, as it came. `id` is the forge's, the same when it is sent again."""

    id: str
    received_at: datetime
    event: str
    body: bytes


class Inbox:
    """Deliveries, each once: stored before they are answered, processed afterwards."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def accept(self, arrived: Delivery) -> bool:
        """Keep a delivery; false where it was kept before."""
        row = {
            "id": arrived.id,
            "received_at": micros(arrived.received_at),
            "event": arrived.event,
            "body": arrived.body,
            "processed": False,
        }
        with self._database.writing() as connection:
            return connection.execute(upsert(delivery).on_conflict_do_nothing(), row).rowcount == 1

    def pending(self, limit: int = 100) -> tuple[Delivery, ...]:
        """Those not processed yet, the oldest first."""
        waiting = select(delivery).where(~delivery.c.processed).order_by(delivery.c.received_at).limit(limit)
        with self._database.reading() as connection:
            return tuple(
                Delivery(id=row.id, received_at=from_micros(row.received_at), event=row.event, body=row.body)
                for row in connection.execute(waiting)
            )

    def done(self, name: str) -> None:
        """It was acted on. Its id stays, so that it is known when it comes again; its body is dropped."""
        finished = update(delivery).where(delivery.c.id == name).values(processed=True, body=b"")
        with self._database.writing() as connection:
            connection.execute(finished)


class Responses:
    """Bodies by credential id and URL, for revalidation by ETag. Only the most recently stored are kept."""

    def __init__(self, database: Database, clock: Clock, *, entries: int = 5000) -> None:
        self._database = database
        self._clock = clock
        self._entries = entries

    def get(self, credential: str, url: str) -> tuple[str, str, bytes] | None:
        """ETag, `Link` header and body."""
        c = http_cache.c
        wanted = select(c.etag, c.link, c.body).where(c.credential == credential, c.url == url)
        with self._database.reading() as connection:
            row = connection.execute(wanted).one_or_none()
        return (row.etag, row.link, row.body) if row else None

    def put(self, credential: str, url: str, response: tuple[str, str, bytes]) -> None:
        etag, link, body = response
        values = {"etag": etag, "link": link, "body": body, "used_at": micros(self._clock.now())}
        row = {"credential": credential, "url": url, **values}
        oldest_kept = (
            select(http_cache.c.used_at)
            .order_by(http_cache.c.used_at.desc())
            .offset(self._entries - 1)
            .limit(1)
            .scalar_subquery()
        )
        with self._database.writing() as connection:
            connection.execute(
                upsert(http_cache)
                .values(row)
                .on_conflict_do_update(index_elements=["credential", "url"], set_=values)
            )
            connection.execute(delete(http_cache).where(http_cache.c.used_at < oldest_kept))


class TimeLogs:
    """When each lane wrote or will, in Unix seconds: one log for all processes that share a credential."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def update(self, lane: str, step: Callable[[tuple[float, ...]], tuple[float, ...]]) -> None:
        """Replace a lane's times by `step` of them, while no other process can."""
        c = bucket.c
        with self._database.writing() as connection:
            locked = connection.execute(update(bucket).where(c.lane == lane).values(lane=lane))
            found = connection.execute(select(c.times).where(c.lane == lane)).scalar()
            times = json.dumps(step(tuple(json.loads(found)) if found else ()))
            if locked.rowcount:
                connection.execute(update(bucket).where(c.lane == lane).values(times=times))
            else:
                connection.execute(insert(bucket), {"lane": lane, "times": times})


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How often something happened since `at`; `note` is what was said of it last."""

    count: int
    at: datetime
    note: str


class Tallies:
    """What `status` tells of things that are no change's: each a count since a time."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, name: str, at: datetime, *, count: int = 1, note: str = "") -> None:
        """Count it; the first since the last `clear` says since when."""
        row = {"name": name, "count": count, "at": micros(at), "note": note}
        counted = (
            upsert(tally)
            .values(row)
            .on_conflict_do_update(
                index_elements=["name"], set_={"count": tally.c.count + count, "note": note}
            )
        )
        with self._database.writing() as connection:
            connection.execute(counted)

    def clear(self, name: str) -> bool:
        """Start over; says whether there was anything."""
        if self.get(name) is None:
            return False
        with self._database.writing() as connection:
            return connection.execute(delete(tally).where(tally.c.name == name)).rowcount == 1

    def get(self, name: str) -> Tally | None:
        with self._database.reading() as connection:
            found = connection.execute(select(tally).where(tally.c.name == name)).mappings().one_or_none()
        if found is None:
            return None
        return Tally(count=found["count"], at=from_micros(found["at"]), note=found["note"])
