"""When scheduled workflows begin next."""

from collections.abc import Sequence
from dataclasses import dataclass

from localforge.store.database import Db, Tx

DDL = (
    """
    CREATE TABLE IF NOT EXISTS workflow_cron (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        repo_id INTEGER NOT NULL REFERENCES repository ON DELETE CASCADE,
        workflow_id INTEGER NOT NULL REFERENCES workflow ON DELETE CASCADE,
        cron TEXT NOT NULL,
        timezone TEXT NOT NULL,
        actor_id INTEGER NOT NULL REFERENCES account,
        next_at TEXT NOT NULL
    )
    """,
    "CREATE INDEX IF NOT EXISTS workflow_cron_next ON workflow_cron (next_at)",
    "CREATE INDEX IF NOT EXISTS workflow_cron_repo ON workflow_cron (repo_id)",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cron:
    """A line of a workflow's `schedule`, and when it is due first."""

    workflow_id: int
    cron: str
    timezone: str
    next_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CronRow(Cron):
    """The same as a row."""

    id: int
    repo_id: int
    actor_id: int


def replace_all(tx: Tx, repo_id: int, crons: Sequence[Cron], actor_id: int) -> None:
    """The repository's timetable is this; what stays as it was keeps its time."""
    before = of_repo(tx, repo_id)
    kept = {(row.workflow_id, row.cron, row.timezone): row for row in before}
    wanted = {(cron.workflow_id, cron.cron, cron.timezone): cron for cron in crons}
    for key, row in kept.items():
        if key not in wanted:
            tx.execute("DELETE FROM workflow_cron WHERE id = ?", row.id)
    for key, cron in wanted.items():
        if key not in kept:
            tx.insert(
                "workflow_cron",
                repo_id=repo_id,
                workflow_id=cron.workflow_id,
                cron=cron.cron,
                timezone=cron.timezone,
                actor_id=actor_id,
                next_at=cron.next_at,
            )
            tx.wake()


def of_repo(db: Db, repo_id: int) -> list[CronRow]:
    """The repository's timetable."""
    return db.all(CronRow, "SELECT * FROM workflow_cron WHERE repo_id = ? ORDER BY id", repo_id)


def due(db: Db, at: str) -> list[CronRow]:
    """What is due at this time, oldest first."""
    return db.all(CronRow, "SELECT * FROM workflow_cron WHERE next_at <= ? ORDER BY next_at, id", at)


def first(db: Db) -> str | None:
    """When something is due next."""
    found = db.column(str, "SELECT next_at FROM workflow_cron ORDER BY next_at LIMIT 1")
    return found[0] if found else None
