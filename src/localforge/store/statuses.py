"""Commit statuses, and what statuses and check runs together say about a commit."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from localforge.protection import Check
from localforge.store import apps, checks
from localforge.store.database import Db

DDL = (
    """
    CREATE TABLE IF NOT EXISTS commit_status (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        repo_id INTEGER NOT NULL REFERENCES repository ON DELETE CASCADE,
        sha TEXT NOT NULL,
        context TEXT NOT NULL,
        state TEXT NOT NULL,
        description TEXT,
        target_url TEXT,
        creator_id INTEGER NOT NULL REFERENCES account,
        created_at TEXT NOT NULL
    )
    """,
    "CREATE INDEX IF NOT EXISTS commit_status_commit ON commit_status (repo_id, sha)",
)

StatusState = Literal["error", "failure", "pending", "success"]

# Conclusions of a check run that count as passed.
PASSED = frozenset({"success", "neutral", "skipped"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """One report about a commit; the newest of a context counts."""

    id: int
    repo_id: int
    sha: str
    context: str
    state: StatusState
    description: str | None
    target_url: str | None
    creator_id: int
    created_at: str


def by_id(db: Db, status_id: int) -> Status | None:
    """The status with this id."""
    return db.one(Status, "SELECT * FROM commit_status WHERE id = ?", status_id)


def of_commit(db: Db, repo_id: int, sha: str) -> list[Status]:
    """Every status of the commit, newest first."""
    return db.all(
        Status, "SELECT * FROM commit_status WHERE repo_id = ? AND sha = ? ORDER BY id DESC", repo_id, sha
    )


def latest(db: Db, repo_id: int, sha: str) -> list[Status]:
    """The newest status of each context, the oldest context first."""
    newest: dict[str, Status] = {}
    for status in of_commit(db, repo_id, sha):
        newest.setdefault(status.context, status)
    return sorted(newest.values(), key=lambda status: status.id)


def combined(statuses: Sequence[Status]) -> StatusState:
    """One state for the newest statuses: failure when any failed, success when there are some and all succeeded."""
    states = {status.state for status in statuses}
    if states & {"error", "failure"}:
        return "failure"
    return "success" if states == {"success"} else "pending"


def passed(db: Db, repo_id: int, sha: str) -> frozenset[Check]:
    """What has succeeded: each name, and each as one App reports it; all that bear the name must have."""
    reports = [
        (
            status.context,
            app.id if (app := apps.by_bot(db, status.creator_id)) else None,
            status.state == "success",
        )
        for status in latest(db, repo_id, sha)
    ]
    reports += [
        (run.name, apps.reporter_id(db, run.app), run.conclusion in PASSED)
        for run in checks.runs_of_commit(db, repo_id, sha)
    ]
    wanted = {Check(context=name, app_id=app) for name, app_id, _ in reports for app in (None, app_id)}
    failed = {
        Check(context=name, app_id=app)
        for name, app_id, good in reports
        for app in (None, app_id)
        if not good
    }
    return frozenset(wanted - failed)


def unsuccessful(db: Db, repo_id: int, sha: str) -> set[str]:
    """The contexts and check names that have failed or are still awaited."""
    failed = {status.context for status in latest(db, repo_id, sha) if status.state != "success"}
    return failed | {
        run.name for run in checks.runs_of_commit(db, repo_id, sha) if run.conclusion not in PASSED
    }
