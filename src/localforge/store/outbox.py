"""The outbox of domain events and how far each subscriber has read it."""

from collections.abc import Mapping
from dataclasses import dataclass

from localforge.json_types import Json
from localforge.store.database import Db, Tx

DDL = (
    """
    CREATE TABLE IF NOT EXISTS event (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        at TEXT NOT NULL,
        kind TEXT NOT NULL,
        repo_id INTEGER,
        payload JSON NOT NULL
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS subscriber (
        name TEXT PRIMARY KEY,
        last_event INTEGER NOT NULL
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE IF NOT EXISTS subscriber_failure (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        subscriber TEXT NOT NULL,
        event_id INTEGER NOT NULL,
        at TEXT NOT NULL,
        error TEXT NOT NULL
    )
    """,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEvent:
    """An event as the outbox holds it."""

    id: int
    at: str
    kind: str
    repo_id: int | None
    payload: Mapping[str, Json]


def after(db: Db, event_id: int, limit: int) -> list[StoredEvent]:
    """The next events of the outbox, oldest first."""
    return db.all(StoredEvent, "SELECT * FROM event WHERE id > ? ORDER BY id LIMIT ?", event_id, limit)


def last_read(db: Db, subscriber: str) -> int:
    """The id of the last event that the subscriber has dealt with."""
    return db.count("SELECT last_event FROM subscriber WHERE name = ?", subscriber)


def mark_read(tx: Tx, subscriber: str, event_id: int) -> None:
    """The subscriber is done with this event and all before it."""
    tx.execute(
        "INSERT INTO subscriber (name, last_event) VALUES (?, ?)"
        " ON CONFLICT (name) DO UPDATE SET last_event = excluded.last_event",
        subscriber,
        event_id,
    )
