"""Lists of runs, filtered, and the attempts that a run had before its present one."""

from dataclasses import dataclass, replace

from localforge.store.actions import RunRow
from localforge.store.database import Db, SqlValue, Tx


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFilter:
    """Which runs a list shows; None does not filter.

    `status` may be a conclusion, as on GitHub; `created` a date, `>=date`, `<date` or `date..date`.
    """

    repo_id: int
    workflow_id: int | None = None
    actor_id: int | None = None
    branch: str | None = None
    event: str | None = None
    status: str | None = None
    head_sha: str | None = None
    suite_id: int | None = None
    created: str | None = None

    def where(self) -> tuple[str, tuple[SqlValue, ...]]:
        """The condition in SQL and its arguments."""
        conditions: list[tuple[str, SqlValue]] = [
            ("repo_id = ?", self.repo_id),
            ("workflow_id = ?", self.workflow_id),
            ("actor_id = ?", self.actor_id),
            ("head_branch = ?", self.branch),
            ("event = ?", self.event),
            ("? IN (status, conclusion)", self.status),
            ("head_sha = ?", self.head_sha),
            ("suite_id = ?", self.suite_id),
            *_created(self.created),
        ]
        present = [(sql, value) for sql, value in conditions if value is not None]
        return " AND ".join(sql for sql, _ in present), tuple(value for _, value in present)


def _created(text: str | None) -> list[tuple[str, SqlValue]]:
    """A range of creation times; a day stands for all of it."""
    if not text:
        return []
    if ".." in text:
        low, _, high = text.partition("..")
        ends = (("created_at >= ?", low), ("created_at <= ?", _last(high)))
        return [(sql, value) for sql, value in ends if value.rstrip("*~")]
    for sign in (">=", "<=", ">", "<"):
        if text.startswith(sign):
            bound = text.removeprefix(sign)
            return [(f"created_at {sign} ?", _last(bound) if sign in {"<=", ">"} else bound)]
    return [("created_at >= ?", text), ("created_at <= ?", _last(text))]


def _last(text: str) -> str:
    """The last moment that a time or a day means; times are stored to the second, so text order is time order."""
    return text + "~" if len(text) <= 10 else text


def count_runs(db: Db, wanted: RunFilter) -> int:
    """How many runs the filter lets through."""
    condition, args = wanted.where()
    return db.count(f"SELECT count(*) FROM workflow_run WHERE {condition}", *args)  # noqa: S608 (ours)


def list_runs(db: Db, wanted: RunFilter, limit: int, offset: int) -> list[RunRow]:
    """A stretch of the runs that the filter lets through, newest first."""
    condition, args = wanted.where()
    statement = f"SELECT * FROM workflow_run WHERE {condition} ORDER BY id DESC LIMIT ? OFFSET ?"  # noqa: S608 (ours)
    return db.all(RunRow, statement, *args, limit, offset)


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptRow:
    """How an attempt of a run ended."""

    run_id: int
    attempt: int
    conclusion: str | None
    triggering_actor_id: int
    started_at: str
    updated_at: str


def keep_attempt(tx: Tx, run: RunRow) -> None:
    """Remember how the present attempt ended, before the next one begins."""
    tx.insert(
        "run_attempt",
        run_id=run.id,
        attempt=run.attempt,
        conclusion=run.conclusion,
        triggering_actor_id=run.triggering_actor_id,
        started_at=run.started_at,
        updated_at=run.updated_at,
    )


def attempt(db: Db, run: RunRow, number: int) -> RunRow | None:
    """The run as it was in one of its attempts; None when there was none of this number."""
    if number == run.attempt:
        return run
    row = db.one(AttemptRow, "SELECT * FROM run_attempt WHERE run_id = ? AND attempt = ?", run.id, number)
    if row is None:
        return None
    return replace(
        run,
        attempt=row.attempt,
        status="completed",
        conclusion=row.conclusion,
        triggering_actor_id=row.triggering_actor_id,
        started_at=row.started_at,
        updated_at=row.updated_at,
    )
