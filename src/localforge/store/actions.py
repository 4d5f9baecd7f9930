"""Workflows, their runs, jobs, steps and logs.

A job's id is the id of its check run, as on GitHub. `leg` is the job's place in the plan (see `actions.plan.Leg`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from localforge.json_types import Json
from localforge.store.database import Db, Tx

DDL = (
    """
    CREATE TABLE IF NOT EXISTS workflow (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        repo_id INTEGER NOT NULL REFERENCES repository ON DELETE CASCADE,
        path TEXT NOT NULL,
        name TEXT NOT NULL,
        state TEXT NOT NULL DEFAULT 'active',
        last_run_number INTEGER NOT NULL DEFAULT 0,
        created_at TEXT NOT NULL,
        updated_at TEXT NOT NULL,
        UNIQUE (repo_id, path)
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS workflow_run (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        repo_id INTEGER NOT NULL REFERENCES repository ON DELETE CASCADE,
        workflow_id INTEGER NOT NULL REFERENCES workflow ON DELETE CASCADE,
        suite_id INTEGER NOT NULL REFERENCES check_suite,
        run_number INTEGER NOT NULL,
        attempt INTEGER NOT NULL DEFAULT 1,
        name TEXT NOT NULL,
        title TEXT NOT NULL,
        source TEXT NOT NULL,
        called JSON NOT NULL DEFAULT '{}',
        event TEXT NOT NULL,
        payload JSON NOT NULL,
        ref TEXT NOT NULL,
        sha TEXT NOT NULL,
        head_sha TEXT NOT NULL,
        head_branch TEXT,
        base_branch TEXT,
        pull_number INTEGER,
        head_repo_id INTEGER,
        status TEXT NOT NULL DEFAULT 'queued',
        conclusion TEXT,
        cancelled BOOLEAN NOT NULL DEFAULT 0,
        concurrency TEXT,
        actor_id INTEGER NOT NULL REFERENCES account,
        triggering_actor_id INTEGER NOT NULL REFERENCES account,
        created_at TEXT NOT NULL,
        updated_at TEXT NOT NULL,
        started_at TEXT NOT NULL
    )
    """,
    "CREATE INDEX IF NOT EXISTS workflow_run_listed ON workflow_run (repo_id, id)",
    "CREATE INDEX IF NOT EXISTS workflow_run_commit ON workflow_run (repo_id, head_sha)",
    "CREATE INDEX IF NOT EXISTS workflow_run_open ON workflow_run (repo_id) WHERE status <> 'completed'",
    """
    CREATE TABLE IF NOT EXISTS workflow_job (
        id INTEGER PRIMARY KEY REFERENCES check_run ON DELETE CASCADE,
        repo_id INTEGER NOT NULL REFERENCES repository ON DELETE CASCADE,
        run_id INTEGER NOT NULL REFERENCES workflow_run ON DELETE CASCADE,
        attempt INTEGER NOT NULL,
        key TEXT NOT NULL,
        leg JSON NOT NULL,
        name TEXT NOT NULL,
        labels JSON NOT NULL DEFAULT '[]',
        status TEXT NOT NULL,
        conclusion TEXT,
        outputs JSON NOT NULL DEFAULT '{}',
        cancelled BOOLEAN NOT NULL DEFAULT 0,
        interruptions INTEGER NOT NULL DEFAULT 0,
        concurrency TEXT,
        token_id INTEGER,
        created_at TEXT NOT NULL,
        started_at TEXT,
        completed_at TEXT
    )
    """,
    "CREATE INDEX IF NOT EXISTS workflow_job_run ON workflow_job (run_id, attempt)",
    "CREATE INDEX IF NOT EXISTS workflow_job_open ON workflow_job (status) WHERE status <> 'completed'",
    """
    CREATE TABLE IF NOT EXISTS run_attempt (
        run_id INTEGER NOT NULL REFERENCES workflow_run ON DELETE CASCADE,
        attempt INTEGER NOT NULL,
        conclusion TEXT,
        triggering_actor_id INTEGER NOT NULL,
        started_at TEXT NOT NULL,
        updated_at TEXT NOT NULL,
        PRIMARY KEY (run_id, attempt)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE IF NOT EXISTS workflow_step (
        job_id INTEGER NOT NULL REFERENCES workflow_job ON DELETE CASCADE,
        number INTEGER NOT NULL,
        name TEXT NOT NULL,
        status TEXT NOT NULL,
        conclusion TEXT,
        started_at TEXT,
        completed_at TEXT,
        PRIMARY KEY (job_id, number)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE IF NOT EXISTS job_log (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        job_id INTEGER NOT NULL REFERENCES workflow_job ON DELETE CASCADE,
        step INTEGER NOT NULL,
        text TEXT NOT NULL
    )
    """,
    "CREATE INDEX IF NOT EXISTS job_log_job ON job_log (job_id)",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowRow:
    """A workflow file that the repository has or had; `state` is active, deleted, disabled_manually or disabled_fork.

    The workflows of a fork run once somebody enables them.
    """

    id: int
    repo_id: int
    path: str
    name: str
    state: str
    last_run_number: int
    created_at: str
    updated_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRow:
    """One run. `sha` is what it checks out (a pull request's merge commit), `head_sha` what it reports on.

    `source` is the workflow file as it was, `called` the files that it calls (see `actions.calling`); `payload` the event, its addresses relative (see `actions.payload`).
    `concurrency` is the group it belongs to; `cancelled` that somebody asked it to stop; `head_repo_id` where a pull
    request comes from (None elsewhere).
    """

    id: int
    repo_id: int
    workflow_id: int
    suite_id: int
    run_number: int
    attempt: int
    name: str
    title: str
    source: str
    called: Mapping[str, Json]
    event: str
    payload: Mapping[str, Json]
    ref: str
    sha: str
    head_sha: str
    head_branch: str | None
    base_branch: str | None
    pull_number: int | None
    head_repo_id: int | None
    status: str
    conclusion: str | None
    cancelled: bool
    concurrency: str | None
    actor_id: int
    triggering_actor_id: int
    created_at: str
    updated_at: str
    started_at: str

    @property
    def from_fork(self) -> bool:
        """Whether the run is of a pull request from another repository, whose author is not trusted."""
        return self.pull_number is not None and self.head_repo_id != self.repo_id

    @property
    def untrusted(self) -> bool:
        """Whether its jobs get no secrets and may write nothing; `pull_request_target` runs the base branch's files."""
        return self.from_fork and self.event != "pull_request_target"

    @property
    def awaits_approval(self) -> bool:
        """Whether a person must first let it run."""
        return self.conclusion == "action_required"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRow:
    """One job of one attempt. `interruptions` counts how often the forge died under it; `concurrency` is its own group."""

    id: int
    repo_id: int
    run_id: int
    attempt: int
    key: str
    leg: Mapping[str, Json]
    name: str
    labels: Sequence[str]
    status: str
    conclusion: str | None
    outputs: Mapping[str, str]
    cancelled: bool
    interruptions: int
    concurrency: str | None
    token_id: int | None
    created_at: str
    started_at: str | None
    completed_at: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRow:
    """One step of a job; numbers count from 1."""

    job_id: int
    number: int
    name: str
    status: str
    conclusion: str | None
    started_at: str | None
    completed_at: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LogChunk:
    """Whole lines that a step printed, each with its time in front."""

    step: int
    text: str


def workflows(db: Db, repo_id: int) -> list[WorkflowRow]:
    """The repository's workflows, deleted ones too, oldest first."""
    return db.all(WorkflowRow, "SELECT * FROM workflow WHERE repo_id = ? ORDER BY id", repo_id)


def workflow(db: Db, workflow_id: int) -> WorkflowRow | None:
    """The workflow with this id."""
    return db.one(WorkflowRow, "SELECT * FROM workflow WHERE id = ?", workflow_id)


def run(db: Db, run_id: int) -> RunRow | None:
    """The run with this id."""
    return db.one(RunRow, "SELECT * FROM workflow_run WHERE id = ?", run_id)


def existing_run(db: Db, run_id: int) -> RunRow:
    """The run with this id, which a foreign key guarantees."""
    found = run(db, run_id)
    if found is None:
        raise LookupError(f"workflow run {run_id}")
    return found


def runs_of_commit(db: Db, repo_id: int, head_sha: str) -> list[RunRow]:
    """The runs that report on the commit, oldest first."""
    return db.all(
        RunRow, "SELECT * FROM workflow_run WHERE repo_id = ? AND head_sha = ? ORDER BY id", repo_id, head_sha
    )


def job(db: Db, job_id: int) -> JobRow | None:
    """The job with this id."""
    return db.one(JobRow, "SELECT * FROM workflow_job WHERE id = ?", job_id)


def job_of_token(db: Db, token_id: int) -> JobRow | None:
    """The running job that has this token."""
    return db.one(
        JobRow, "SELECT * FROM workflow_job WHERE status = 'in_progress' AND token_id = ?", token_id
    )


def jobs(db: Db, run_id: int, attempt: int) -> list[JobRow]:
    """The jobs of one attempt, oldest first."""
    return db.all(
        JobRow, "SELECT * FROM workflow_job WHERE run_id = ? AND attempt = ? ORDER BY id", run_id, attempt
    )


def steps(db: Db, job_id: int) -> list[StepRow]:
    """The job's steps so far."""
    return db.all(StepRow, "SELECT * FROM workflow_step WHERE job_id = ? ORDER BY number", job_id)


def log(db: Db, job_id: int) -> list[LogChunk]:
    """What the job has printed so far."""
    return db.all(LogChunk, "SELECT step, text FROM job_log WHERE job_id = ? ORDER BY id", job_id)


def open_runs(db: Db) -> list[RunRow]:
    """Every run that is not complete, oldest first."""
    return db.all(RunRow, "SELECT * FROM workflow_run WHERE status <> 'completed' ORDER BY id")


def open_jobs(db: Db, status: str) -> list[JobRow]:
    """Every job in this status (queued or in_progress), oldest first."""
    return db.all(
        JobRow, "SELECT * FROM workflow_job WHERE status = ? AND status <> 'completed' ORDER BY id", status
    )


def works_in(db: Db, repo_id: int) -> bool:
    """Whether a job of the repository runs now."""
    return bool(
        db.count("SELECT count(*) FROM workflow_job WHERE status = 'in_progress' AND repo_id = ?", repo_id)
    )


def works_for(db: Db, owner_id: int) -> bool:
    """Whether a job of any of the owner's repositories runs now."""
    return bool(
        db.count(
            "SELECT count(*) FROM workflow_job JOIN repository ON repository.id = repo_id"
            " WHERE status = 'in_progress' AND owner_id = ?",
            owner_id,
        )
    )


def in_group(db: Db, repo_id: int, group: str) -> list[RunRow]:
    """The runs of a concurrency group that are not complete, oldest first."""
    return db.all(
        RunRow,
        "SELECT * FROM workflow_run WHERE repo_id = ? AND status <> 'completed' AND concurrency = ? ORDER BY id",
        repo_id,
        group,
    )


def register(tx: Tx, repo_id: int, path: str, name: str, at: str) -> WorkflowRow:
    """The workflow of this file, made or brought up to date."""
    tx.execute(
        "INSERT INTO workflow (repo_id, path, name, state, created_at, updated_at)"
        " SELECT id, ?2, ?3, CASE WHEN parent_id IS NULL THEN 'active' ELSE 'disabled_fork' END, ?4, ?4"
        " FROM repository WHERE id = ?1"
        " ON CONFLICT (repo_id, path) DO UPDATE SET name = excluded.name, updated_at = excluded.updated_at,"
        " state = CASE state WHEN 'deleted' THEN excluded.state ELSE state END"
        " WHERE name <> excluded.name OR state = 'deleted'",
        repo_id,
        path,
        name,
        at,
    )
    found = tx.one(WorkflowRow, "SELECT * FROM workflow WHERE repo_id = ? AND path = ?", repo_id, path)
    if found is None:
        raise LookupError(path)
    return found


def next_run_number(tx: Tx, workflow_id: int) -> int:
    """Count a run of the workflow."""
    tx.execute("UPDATE workflow SET last_run_number = last_run_number + 1 WHERE id = ?", workflow_id)
    return tx.count("SELECT last_run_number FROM workflow WHERE id = ?", workflow_id)


def start_step(tx: Tx, job_id: int, number: int, name: str, at: str) -> None:
    """A step begins."""
    tx.execute(
        "INSERT OR REPLACE INTO workflow_step (job_id, number, name, status, started_at) VALUES (?, ?, ?, 'in_progress', ?)",
        job_id,
        number,
        name,
        at,
    )


def end_step(tx: Tx, job_id: int, number: int, conclusion: str, at: str) -> None:
    """A step ends."""
    tx.execute(
        "UPDATE workflow_step SET status = 'completed', conclusion = ?, completed_at = ? WHERE job_id = ? AND number = ?",
        conclusion,
        at,
        job_id,
        number,
    )


def forget_attempt(tx: Tx, job_id: int) -> None:
    """Drop the steps and the log of a job that begins anew."""
    tx.execute("DELETE FROM workflow_step WHERE job_id = ?", job_id)
    tx.execute("DELETE FROM job_log WHERE job_id = ?", job_id)
