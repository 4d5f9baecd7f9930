"""Dependabot's and secret scanning's alerts. Who describes a forge says which there are; people close and open them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from localforge.json_types import Json
from localforge.store.database import Db

DDL = (
    """
    CREATE TABLE IF NOT EXISTS dependency_alert (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        repo_id INTEGER NOT NULL REFERENCES repository ON DELETE CASCADE,
        number INTEGER NOT NULL,
        dependency JSON NOT NULL,
        advisory JSON NOT NULL,
        vulnerability JSON NOT NULL,
        assignees JSON NOT NULL DEFAULT '[]',
        created_at TEXT NOT NULL,
        updated_at TEXT NOT NULL,
        dismissed_at TEXT,
        dismissed_by_id INTEGER REFERENCES account,
        dismissed_reason TEXT,
        dismissed_comment TEXT,
        UNIQUE (repo_id, number)
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS secret_alert (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        repo_id INTEGER NOT NULL REFERENCES repository ON DELETE CASCADE,
        number INTEGER NOT NULL,
        secret_type TEXT NOT NULL,
        secret TEXT NOT NULL,
        location JSON NOT NULL,
        validity TEXT NOT NULL DEFAULT 'unknown',
        assignee_id INTEGER REFERENCES account,
        created_at TEXT NOT NULL,
        updated_at TEXT NOT NULL,
        resolution TEXT,
        resolution_comment TEXT,
        resolved_at TEXT,
        resolved_by_id INTEGER REFERENCES account,
        UNIQUE (repo_id, number)
    )
    """,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DependencyAlert:
    """A vulnerable dependency; `dependency`, `advisory` and `vulnerability` as the API shows them."""

    id: int
    repo_id: int
    number: int
    dependency: Mapping[str, Json]
    advisory: Mapping[str, Json]
    vulnerability: Mapping[str, Json]
    assignees: Sequence[int]
    created_at: str
    updated_at: str
    dismissed_at: str | None
    dismissed_by_id: int | None
    dismissed_reason: str | None
    dismissed_comment: str | None

    @property
    def state(self) -> str:
        """open or dismissed."""
        return "dismissed" if self.dismissed_at else "open"


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretAlert:
    """A secret that somebody committed; `location` as the API shows where."""

    id: int
    repo_id: int
    number: int
    secret_type: str
    secret: str
    location: Mapping[str, Json]
    validity: str
    assignee_id: int | None
    created_at: str
    updated_at: str
    resolution: str | None
    resolution_comment: str | None
    resolved_at: str | None
    resolved_by_id: int | None

    @property
    def state(self) -> str:
        """open or resolved."""
        return "resolved" if self.resolved_at else "open"


def dependency_alerts(db: Db, repo_id: int) -> list[DependencyAlert]:
    """The repository's, oldest first."""
    return db.all(
        DependencyAlert, "SELECT * FROM dependency_alert WHERE repo_id = ? ORDER BY number", repo_id
    )


def dependency_alert(db: Db, repo_id: int, number: int) -> DependencyAlert | None:
    """The one with this number."""
    sql = "SELECT * FROM dependency_alert WHERE repo_id = ? AND number = ?"
    return db.one(DependencyAlert, sql, repo_id, number)


def secret_alerts(db: Db, repo_id: int) -> list[SecretAlert]:
    """The repository's, oldest first."""
    return db.all(SecretAlert, "SELECT * FROM secret_alert WHERE repo_id = ? ORDER BY number", repo_id)


def secret_alert(db: Db, repo_id: int, number: int) -> SecretAlert | None:
    """The one with this number."""
    return db.one(SecretAlert, "SELECT * FROM secret_alert WHERE repo_id = ? AND number = ?", repo_id, number)
