"""Webhooks and their deliveries."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from localforge.store.database import Db, Tx

DDL = (
    """
    CREATE TABLE IF NOT EXISTS hook (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        repo_id INTEGER REFERENCES repository ON DELETE CASCADE,
        org_id INTEGER REFERENCES account ON DELETE CASCADE,
        app_id INTEGER REFERENCES app ON DELETE CASCADE,
        url TEXT NOT NULL,
        content_type TEXT NOT NULL,
        secret TEXT NOT NULL,
        insecure_ssl BOOLEAN NOT NULL,
        events JSON NOT NULL,
        active BOOLEAN NOT NULL,
        created_at TEXT NOT NULL,
        updated_at TEXT NOT NULL
    )
    """,
    "CREATE INDEX IF NOT EXISTS hook_repo ON hook (repo_id)",
    "CREATE INDEX IF NOT EXISTS hook_org ON hook (org_id)",
    "CREATE UNIQUE INDEX IF NOT EXISTS hook_app ON hook (app_id) WHERE app_id IS NOT NULL",
    """
    CREATE TABLE IF NOT EXISTS delivery (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        hook_id INTEGER NOT NULL REFERENCES hook ON DELETE CASCADE,
        guid TEXT NOT NULL,
        event TEXT NOT NULL,
        action TEXT,
        repo_id INTEGER,
        installation_id INTEGER,
        redelivery BOOLEAN NOT NULL,
        payload TEXT NOT NULL,
        state TEXT NOT NULL DEFAULT 'queued',
        queued_at TEXT NOT NULL,
        delivered_at TEXT,
        duration REAL,
        status TEXT,
        status_code INTEGER,
        request_headers JSON,
        response_headers JSON,
        response_body TEXT
    )
    """,
    "CREATE INDEX IF NOT EXISTS delivery_hook ON delivery (hook_id, state)",
    "CREATE INDEX IF NOT EXISTS delivery_open ON delivery (state) WHERE state <> 'done'",
)

DeliveryState = Literal["queued", "sending", "done"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook:
    """A webhook of a repository, an organization or an App. `events` holds names, or `*` for all of them."""

    id: int
    repo_id: int | None
    org_id: int | None
    app_id: int | None
    url: str
    content_type: Literal["json", "form"]
    secret: str
    insecure_ssl: bool
    events: Sequence[str]
    active: bool
    created_at: str
    updated_at: str

    def wants(self, event: str) -> bool:
        """Whether the event is delivered to it; a ping always is."""
        return event == "ping" or (self.active and ("*" in self.events or event in self.events))


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One attempt to deliver; a redelivery is another one with the same `guid`.

    Nothing repeats an attempt by itself: `sending` becomes `done` with a failure when the process ended meanwhile.
    `duration` is in seconds; `status_code` 0 when there was no answer.
    """

    id: int
    hook_id: int
    guid: str
    event: str
    action: str | None
    repo_id: int | None
    installation_id: int | None
    redelivery: bool
    payload: str
    state: DeliveryState
    queued_at: str
    delivered_at: str | None
    duration: float | None
    status: str | None
    status_code: int | None
    request_headers: Mapping[str, str] | None
    response_headers: Mapping[str, str] | None
    response_body: str | None


def by_id(db: Db, hook_id: int) -> Hook | None:
    """The hook with this id."""
    return db.one(Hook, "SELECT * FROM hook WHERE id = ?", hook_id)


def of_repo(db: Db, repo_id: int) -> list[Hook]:
    """The repository's own hooks."""
    return db.all(Hook, "SELECT * FROM hook WHERE repo_id = ? ORDER BY id", repo_id)


def of_org(db: Db, org_id: int) -> list[Hook]:
    """The organization's hooks."""
    return db.all(Hook, "SELECT * FROM hook WHERE org_id = ? ORDER BY id", org_id)


def of_app(db: Db, app_id: int) -> Hook | None:
    """The App's one hook."""
    return db.one(Hook, "SELECT * FROM hook WHERE app_id = ?", app_id)


def delivery(db: Db, delivery_id: int) -> Delivery | None:
    """The delivery with this id."""
    return db.one(Delivery, "SELECT * FROM delivery WHERE id = ?", delivery_id)


def last_delivery(db: Db, hook_id: int) -> Delivery | None:
    """The newest delivery that was attempted."""
    return db.one(
        Delivery, "SELECT * FROM delivery WHERE hook_id = ? AND state = 'done' ORDER BY id DESC", hook_id
    )


def deliveries(db: Db, hook_id: int, before: int, limit: int, condition: str = "1") -> list[Delivery]:
    """Attempted deliveries with a smaller id than `before`, newest first; `condition` is SQL of ours."""
    sql = f"SELECT * FROM delivery WHERE hook_id = ? AND state = 'done' AND id < ? AND {condition}"  # noqa: S608
    return db.all(Delivery, f"{sql} ORDER BY id DESC LIMIT ?", hook_id, before, limit)


def waiting_hooks(db: Db) -> list[int]:
    """Hooks with deliveries to make."""
    return db.column(int, "SELECT DISTINCT hook_id FROM delivery WHERE state = 'queued' ORDER BY hook_id")


def claim(tx: Tx, hook_id: int) -> Delivery | None:
    """The hook's oldest queued delivery, now being sent by whoever claimed it."""
    found = tx.one(
        Delivery, "SELECT * FROM delivery WHERE hook_id = ? AND state = 'queued' ORDER BY id", hook_id
    )
    if found:
        tx.update("delivery", found.id, state="sending")
    return found
