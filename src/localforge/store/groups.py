"""Which jobs are in a concurrency group, and since when; groups of whole runs are a column of theirs (`store.actions`)."""

from localforge.store.actions import JobRow
from localforge.store.database import Db


def jobs_in_group(db: Db, repo_id: int, group: str) -> list[JobRow]:
    """The jobs that are not complete and are in a concurrency group, by themselves or by a call around them."""
    return db.all(
        JobRow,
        "SELECT * FROM workflow_job WHERE repo_id = ?1 AND status <> 'completed' AND (concurrency = ?2"
        " OR EXISTS (SELECT 1 FROM json_tree(leg, '$.groups') WHERE atom = ?2)) ORDER BY id",
        repo_id,
        group,
    )


def first_of_call(db: Db, job: JobRow, scope: str) -> int:
    """The id of the first job that a call has had in the attempt of one of its jobs."""
    return db.count(
        "SELECT min(id) FROM workflow_job WHERE run_id = ? AND attempt = ? AND instr(json_extract(leg, '$.scope'), ?) = 1",
        job.run_id,
        job.attempt,
        scope,
    )
