"""Artifacts of runs and caches of repositories: what is known of each; the bytes are files (see `actions.archives`).
Assets of releases lie in the same folder.

`ready` is set when all of an upload has arrived; before that nobody sees it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from localforge.store.database import Db, Tx

DDL = (
    """
    CREATE TABLE IF NOT EXISTS artifact (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        repo_id INTEGER NOT NULL REFERENCES repository ON DELETE CASCADE,
        run_id INTEGER NOT NULL REFERENCES workflow_run ON DELETE CASCADE,
        attempt INTEGER NOT NULL,
        name TEXT NOT NULL,
        size INTEGER NOT NULL DEFAULT 0,
        digest TEXT,
        ready BOOLEAN NOT NULL DEFAULT 0,
        created_at TEXT NOT NULL,
        updated_at TEXT NOT NULL,
        expires_at TEXT NOT NULL
    )
    """,
    "CREATE INDEX IF NOT EXISTS artifact_repo ON artifact (repo_id)",
    "CREATE INDEX IF NOT EXISTS artifact_run ON artifact (run_id)",
    """
    CREATE TABLE IF NOT EXISTS action_cache (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        repo_id INTEGER NOT NULL REFERENCES repository ON DELETE CASCADE,
        ref TEXT NOT NULL,
        key TEXT NOT NULL,
        version TEXT NOT NULL,
        size INTEGER NOT NULL DEFAULT 0,
        ready BOOLEAN NOT NULL DEFAULT 0,
        created_at TEXT NOT NULL,
        last_accessed_at TEXT NOT NULL
    )
    """,
    """
    CREATE UNIQUE INDEX IF NOT EXISTS action_cache_key ON action_cache (repo_id, ref, key, version) WHERE ready
    """,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """An artifact. `digest` is `sha256:` and the hash of its zip."""

    id: int
    repo_id: int
    run_id: int
    attempt: int
    name: str
    size: int
    digest: str | None
    ready: bool
    created_at: str
    updated_at: str
    expires_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cache:
    """A cache. `version` stands for its paths; only the same paths find it again."""

    id: int
    repo_id: int
    ref: str
    key: str
    version: str
    size: int
    ready: bool
    created_at: str
    last_accessed_at: str


def ready_files(db: Db) -> list[str]:
    """The names of the files of everything whose upload has ended; none of them changes any more."""
    return db.column(
        str,
        "SELECT 'artifact-' || id FROM artifact WHERE ready UNION ALL SELECT 'cache-' || id FROM action_cache WHERE ready"
        " UNION ALL SELECT 'asset-' || id FROM release_asset",
    )


def artifact(db: Db, artifact_id: int) -> Artifact | None:
    """The artifact with this id."""
    return db.one(Artifact, "SELECT * FROM artifact WHERE id = ?", artifact_id)


def artifacts_of_repo(db: Db, repo_id: int) -> list[Artifact]:
    """The repository's artifacts, newest first."""
    return db.all(Artifact, "SELECT * FROM artifact WHERE repo_id = ? AND ready ORDER BY id DESC", repo_id)


def artifacts_of_run(db: Db, run_id: int) -> list[Artifact]:
    """The run's artifacts, newest first."""
    return db.all(Artifact, "SELECT * FROM artifact WHERE run_id = ? AND ready ORDER BY id DESC", run_id)


def cache(db: Db, cache_id: int) -> Cache | None:
    """The cache with this id."""
    return db.one(Cache, "SELECT * FROM action_cache WHERE id = ?", cache_id)


def caches(db: Db, repo_id: int) -> list[Cache]:
    """The repository's caches, newest first."""
    return db.all(Cache, "SELECT * FROM action_cache WHERE repo_id = ? AND ready ORDER BY id DESC", repo_id)


def found_cache(db: Db, repo_id: int, refs: Sequence[str], keys: Sequence[str], version: str) -> Cache | None:
    """The cache that `keys` find: by ref in the order given; the first key whole, then each as a prefix, newest first."""
    for ref in refs:
        here = [row for row in caches(db, repo_id) if row.ref == ref and row.version == version]
        for row in here:
            if keys and row.key == keys[0]:
                return row
        for key in keys:
            for row in here:
                if row.key.startswith(key):
                    return row
    return None


def reserved_cache(db: Db, repo_id: int, ref: str, key: str, version: str) -> bool:
    """Whether this key is taken in this ref, by a cache or by an upload under way."""
    return bool(
        db.count(
            "SELECT count(*) FROM action_cache WHERE repo_id = ? AND ref = ? AND key = ? AND version = ?",
            repo_id,
            ref,
            key,
            version,
        )
    )


def remove(tx: Tx, row: Artifact | Cache) -> None:
    """Forget it; its file goes with the next sweep, or at once by who asked."""
    table = "artifact" if isinstance(row, Artifact) else "action_cache"
    tx.execute(f"DELETE FROM {table} WHERE id = ?", row.id)  # noqa: S608 (ours)
