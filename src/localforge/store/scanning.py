"""Code scanning: alerts, where each was seen (an instance for each ref and category), and the analyses that said so."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from localforge.json_types import Json
from localforge.store.database import Db

DDL = (
    """
    CREATE TABLE IF NOT EXISTS code_alert (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        repo_id INTEGER NOT NULL REFERENCES repository ON DELETE CASCADE,
        number INTEGER NOT NULL,
        tool TEXT NOT NULL,
        tool_version TEXT,
        tool_guid TEXT,
        rule JSON NOT NULL,
        fingerprint TEXT NOT NULL,
        assignees JSON NOT NULL DEFAULT '[]',
        created_at TEXT NOT NULL,
        updated_at TEXT NOT NULL,
        dismissed_at TEXT,
        dismissed_by_id INTEGER REFERENCES account,
        dismissed_reason TEXT,
        dismissed_comment TEXT,
        UNIQUE (repo_id, number),
        UNIQUE (repo_id, tool, fingerprint)
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS code_instance (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        alert_id INTEGER NOT NULL REFERENCES code_alert ON DELETE CASCADE,
        ref TEXT NOT NULL,
        category TEXT NOT NULL,
        commit_sha TEXT NOT NULL,
        fixed_at TEXT,
        location JSON NOT NULL,
        message TEXT NOT NULL,
        seen_at TEXT NOT NULL,
        UNIQUE (alert_id, ref, category)
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS code_analysis (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        repo_id INTEGER NOT NULL REFERENCES repository ON DELETE CASCADE,
        sarif_id TEXT NOT NULL,
        ref TEXT NOT NULL,
        commit_sha TEXT NOT NULL,
        tool TEXT NOT NULL,
        category TEXT NOT NULL,
        created_at TEXT NOT NULL
    )
    """,
    "CREATE INDEX IF NOT EXISTS code_analysis_repo ON code_analysis (repo_id)",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeAlert:
    """A finding of a tool in a repository. `rule` as the API shows it; `assignees` are account ids."""

    id: int
    repo_id: int
    number: int
    tool: str
    tool_version: str | None
    tool_guid: str | None
    rule: Mapping[str, Json]
    fingerprint: str
    assignees: Sequence[int]
    created_at: str
    updated_at: str
    dismissed_at: str | None
    dismissed_by_id: int | None
    dismissed_reason: str | None
    dismissed_comment: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """Where an alert was seen last on one ref; `fixed_at`: an analysis after that did not find it."""

    id: int
    alert_id: int
    ref: str
    category: str
    commit_sha: str
    fixed_at: str | None
    location: Mapping[str, Json]
    message: str
    seen_at: str


def by_number(db: Db, repo_id: int, number: int) -> CodeAlert | None:
    """The repository's alert with this number."""
    return db.one(CodeAlert, "SELECT * FROM code_alert WHERE repo_id = ? AND number = ?", repo_id, number)


def of_repo(db: Db, repo_id: int) -> list[CodeAlert]:
    """The repository's alerts, oldest first."""
    return db.all(CodeAlert, "SELECT * FROM code_alert WHERE repo_id = ? ORDER BY number", repo_id)


def found_by(db: Db, repo_id: int, tool: str, fingerprint: str) -> CodeAlert | None:
    """The alert that this tool's finding is already."""
    sql = "SELECT * FROM code_alert WHERE repo_id = ? AND tool = ? AND fingerprint = ?"
    return db.one(CodeAlert, sql, repo_id, tool, fingerprint)


def instances(db: Db, alert_id: int) -> list[Instance]:
    """Where the alert was seen, the latest first."""
    sql = "SELECT * FROM code_instance WHERE alert_id = ? ORDER BY seen_at DESC, id DESC"
    return db.all(Instance, sql, alert_id)


def open_on(db: Db, repo_id: int, tool: str, ref: str, category: str) -> list[Instance]:
    """What the last analysis of this kind left open."""
    sql = (
        "SELECT code_instance.* FROM code_instance JOIN code_alert ON code_alert.id = code_instance.alert_id"
        " WHERE repo_id = ? AND tool = ? AND ref = ? AND category = ? AND fixed_at IS NULL"
    )
    return db.all(Instance, sql, repo_id, tool, ref, category)


def uploaded(db: Db, repo_id: int, sarif_id: str) -> bool:
    """Whether this upload, in which some tool ran, was taken."""
    sql = "SELECT count(*) FROM code_analysis WHERE repo_id = ? AND sarif_id = ?"
    return db.count(sql, repo_id, sarif_id) > 0


def analysed(db: Db, repo_id: int) -> bool:
    """Whether there was any analysis at all."""
    return db.count("SELECT count(*) FROM code_analysis WHERE repo_id = ?", repo_id) > 0
