"""Check suites, check runs and annotations: what an app says about a commit.

A suite groups the runs of one app on one commit. Its status and conclusion follow from its latest runs, in the
transaction that changes a run. GitHub Actions makes one suite per workflow run, and the run settles it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypedDict, TypeVar, Unpack

from localforge.events import CheckRunEvent, CheckSuiteEvent
from localforge.store.database import Db, Tx

R = TypeVar("R")

ACTIONS_APP = "github-actions"

DDL = (
    """
    CREATE TABLE IF NOT EXISTS check_suite (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        repo_id INTEGER NOT NULL REFERENCES repository ON DELETE CASCADE,
        app TEXT NOT NULL,
        head_sha TEXT NOT NULL,
        head_branch TEXT,
        before TEXT,
        after TEXT,
        status TEXT NOT NULL DEFAULT 'queued',
        conclusion TEXT,
        created_at TEXT NOT NULL,
        updated_at TEXT NOT NULL
    )
    """,
    "CREATE INDEX IF NOT EXISTS check_suite_commit ON check_suite (repo_id, head_sha)",
    """
    CREATE TABLE IF NOT EXISTS check_run (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        suite_id INTEGER NOT NULL REFERENCES check_suite ON DELETE CASCADE,
        repo_id INTEGER NOT NULL REFERENCES repository ON DELETE CASCADE,
        app TEXT NOT NULL,
        head_sha TEXT NOT NULL,
        name TEXT NOT NULL,
        status TEXT NOT NULL DEFAULT 'queued',
        conclusion TEXT,
        started_at TEXT,
        completed_at TEXT,
        external_id TEXT NOT NULL DEFAULT '',
        details_url TEXT,
        title TEXT,
        summary TEXT,
        text TEXT,
        created_at TEXT NOT NULL,
        updated_at TEXT NOT NULL
    )
    """,
    "CREATE INDEX IF NOT EXISTS check_run_commit ON check_run (repo_id, head_sha)",
    "CREATE INDEX IF NOT EXISTS check_run_suite ON check_run (suite_id, name)",
    """
    CREATE TABLE IF NOT EXISTS check_annotation (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        run_id INTEGER NOT NULL REFERENCES check_run ON DELETE CASCADE,
        path TEXT NOT NULL,
        start_line INTEGER NOT NULL,
        end_line INTEGER NOT NULL,
        start_column INTEGER,
        end_column INTEGER,
        annotation_level TEXT NOT NULL,
        title TEXT,
        message TEXT NOT NULL,
        raw_details TEXT
    )
    """,
    "CREATE INDEX IF NOT EXISTS check_annotation_run ON check_annotation (run_id)",
)

# The conclusion of a suite is the first of these that any of its latest runs has.
_WORST_FIRST = (
    *("startup_failure", "failure", "timed_out", "cancelled", "action_required", "stale"),
    *("success", "neutral", "skipped"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckSuite:
    """`app` is the slug of the app that reports. `before` and `after` are those of the push, if one began it."""

    id: int
    repo_id: int
    app: str
    head_sha: str
    head_branch: str | None
    before: str | None
    after: str | None
    status: str
    conclusion: str | None
    created_at: str
    updated_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckRun:
    """One check. `details_url` None: the forge's own page; `title`, `summary`, `text` are GitHub's `output`."""

    id: int
    suite_id: int
    repo_id: int
    app: str
    head_sha: str
    name: str
    status: str
    conclusion: str | None
    started_at: str | None
    completed_at: str | None
    external_id: str
    details_url: str | None
    title: str | None
    summary: str | None
    text: str | None
    created_at: str
    updated_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotation:
    """A remark on lines of a file; `annotation_level` is notice, warning or failure."""

    path: str
    start_line: int
    end_line: int
    annotation_level: str
    message: str
    start_column: int | None = None
    end_column: int | None = None
    title: str | None = None
    raw_details: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SuiteOf:
    """What a new suite is about."""

    repo_id: int
    app: str
    head_sha: str
    head_branch: str | None = None
    before: str | None = None
    after: str | None = None


class CheckRunChanges(TypedDict, total=False):
    """The columns of a check run that whoever reports it may set."""

    name: str
    status: str
    conclusion: str | None
    started_at: str | None
    completed_at: str | None
    external_id: str
    details_url: str | None
    title: str | None
    summary: str | None
    text: str | None


def suite_by_id(db: Db, suite_id: int) -> CheckSuite | None:
    """The suite with this id."""
    return db.one(CheckSuite, "SELECT * FROM check_suite WHERE id = ?", suite_id)


def run_by_id(db: Db, run_id: int) -> CheckRun | None:
    """The check run with this id."""
    return db.one(CheckRun, "SELECT * FROM check_run WHERE id = ?", run_id)


def suites_of_commit(db: Db, repo_id: int, sha: str) -> list[CheckSuite]:
    """Every suite on the commit, oldest first."""
    return db.all(
        CheckSuite, "SELECT * FROM check_suite WHERE repo_id = ? AND head_sha = ? ORDER BY id", repo_id, sha
    )


def runs_of_commit(db: Db, repo_id: int, sha: str, *, latest: bool = True) -> list[CheckRun]:
    """The check runs on the commit, oldest first; `latest` keeps the newest of each name in each suite."""
    runs = db.all(
        CheckRun, "SELECT * FROM check_run WHERE repo_id = ? AND head_sha = ? ORDER BY id", repo_id, sha
    )
    return _newest(runs) if latest else runs


def runs_of_suite(db: Db, suite_id: int, *, latest: bool = True) -> list[CheckRun]:
    """The check runs of the suite, oldest first; `latest` keeps the newest of each name."""
    runs = db.all(CheckRun, "SELECT * FROM check_run WHERE suite_id = ? ORDER BY id", suite_id)
    return _newest(runs) if latest else runs


def _newest(runs: Sequence[CheckRun]) -> list[CheckRun]:
    newest = {(run.suite_id, run.name): run.id for run in runs}
    return [run for run in runs if newest[run.suite_id, run.name] == run.id]


def annotations(db: Db, run_id: int) -> list[Annotation]:
    """The run's annotations in the order they were made."""
    return db.all(
        Annotation,
        "SELECT path, start_line, end_line, start_column, end_column, annotation_level, title, message, raw_details"
        " FROM check_annotation WHERE run_id = ? ORDER BY id",
        run_id,
    )


def create_suite(tx: Tx, of: SuiteOf, at: str) -> CheckSuite:
    """A new suite without runs."""
    suite_id = tx.insert(
        "check_suite",
        repo_id=of.repo_id,
        app=of.app,
        head_sha=of.head_sha,
        head_branch=of.head_branch,
        before=of.before,
        after=of.after,
        created_at=at,
        updated_at=at,
    )
    return _present(suite_by_id(tx, suite_id))


def suite_for(tx: Tx, of: SuiteOf, at: str) -> CheckSuite:
    """The app's newest suite on the commit, made if there is none."""
    found = tx.one(
        CheckSuite,
        "SELECT * FROM check_suite WHERE repo_id = ? AND head_sha = ? AND app = ? ORDER BY id DESC",
        of.repo_id,
        of.head_sha,
        of.app,
    )
    return found or create_suite(tx, of, at)


def create_run(
    tx: Tx, suite: CheckSuite, *, actor_id: int, at: str, **columns: Unpack[CheckRunChanges]
) -> CheckRun:
    """A new check run in the suite; `name` is among the columns. Emits what follows."""
    run_id = tx.insert(
        "check_run",
        suite_id=suite.id,
        repo_id=suite.repo_id,
        app=suite.app,
        head_sha=suite.head_sha,
        created_at=at,
        updated_at=at,
        **columns,
    )
    run = _present(run_by_id(tx, run_id))
    tx.emit(CheckRunEvent(repo_id=run.repo_id, actor_id=actor_id, action="created", check_run_id=run.id))
    if run.status == "completed":
        tx.emit(
            CheckRunEvent(repo_id=run.repo_id, actor_id=actor_id, action="completed", check_run_id=run.id)
        )
    _follow_runs(tx, run, actor_id, at)
    return run


def update_run(
    tx: Tx, run_id: int, *, actor_id: int, at: str, **columns: Unpack[CheckRunChanges]
) -> CheckRun:
    """Change a check run. Emits `completed` when it becomes complete; its suite follows."""
    before = _present(run_by_id(tx, run_id))
    tx.update("check_run", run_id, updated_at=at, **columns)
    after = _present(run_by_id(tx, run_id))
    if after.status == "completed" != before.status:
        tx.emit(
            CheckRunEvent(repo_id=after.repo_id, actor_id=actor_id, action="completed", check_run_id=run_id)
        )
    _follow_runs(tx, after, actor_id, at)
    return after


def annotate(tx: Tx, run_id: int, remarks: Sequence[Annotation]) -> None:
    """Add annotations to a run."""
    for remark in remarks:
        tx.insert(
            "check_annotation",
            run_id=run_id,
            path=remark.path,
            start_line=remark.start_line,
            end_line=remark.end_line,
            start_column=remark.start_column,
            end_column=remark.end_column,
            annotation_level=remark.annotation_level,
            title=remark.title,
            message=remark.message,
            raw_details=remark.raw_details,
        )


def rollup(runs: Sequence[CheckRun]) -> tuple[str, str | None]:
    """The status and conclusion of a suite from its latest runs."""
    if not runs or all(run.status == "queued" for run in runs):
        return "queued", None
    if any(run.status != "completed" for run in runs):
        return "in_progress", None
    reached = {run.conclusion for run in runs}
    return "completed", next((conclusion for conclusion in _WORST_FIRST if conclusion in reached), "neutral")


def settle_suite(
    tx: Tx, suite_id: int, status: str, conclusion: str | None, *, actor_id: int, at: str
) -> None:
    """Set where a suite stands; emits `completed` when it becomes complete."""
    suite = _present(suite_by_id(tx, suite_id))
    if (status, conclusion) == (suite.status, suite.conclusion):
        return
    tx.update("check_suite", suite_id, status=status, conclusion=conclusion, updated_at=at)
    if status == "completed":
        tx.emit(
            CheckSuiteEvent(
                repo_id=suite.repo_id, actor_id=actor_id, action="completed", check_suite_id=suite_id
            )
        )


def _follow_runs(tx: Tx, run: CheckRun, actor_id: int, at: str) -> None:
    """A suite follows its runs, except that of a workflow run, whose next jobs are not there yet."""
    if run.app != ACTIONS_APP:
        status, conclusion = rollup(runs_of_suite(tx, run.suite_id))
        settle_suite(tx, run.suite_id, status, conclusion, actor_id=actor_id, at=at)


def _present(row: R | None) -> R:
    """A row that this transaction made or that a foreign key guarantees."""
    if row is None:
        raise LookupError("a check suite or run vanished inside a transaction")
    return row
