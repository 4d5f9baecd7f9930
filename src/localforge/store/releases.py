"""Releases: a tag, and what people are told of it."""

from dataclasses import dataclass

from localforge.store.database import Db

DDL = (
    """
    CREATE TABLE IF NOT EXISTS release (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        repo_id INTEGER NOT NULL REFERENCES repository ON DELETE CASCADE,
        author_id INTEGER NOT NULL REFERENCES account,
        tag TEXT NOT NULL,
        target TEXT NOT NULL,
        name TEXT,
        body TEXT,
        draft BOOLEAN NOT NULL,
        prerelease BOOLEAN NOT NULL,
        latest BOOLEAN NOT NULL,
        created_at TEXT NOT NULL,
        published_at TEXT
    )
    """,
    "CREATE INDEX IF NOT EXISTS release_repo ON release (repo_id, tag)",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """`target` is what the tag was made from; `latest` was said of it when it was published, `created_at` is the commit's time."""

    id: int
    repo_id: int
    author_id: int
    tag: str
    target: str
    name: str | None
    body: str | None
    draft: bool
    prerelease: bool
    latest: bool
    created_at: str
    published_at: str | None


def by_id(db: Db, release_id: int) -> Release | None:
    """The release with this id."""
    return db.one(Release, "SELECT * FROM release WHERE id = ?", release_id)


def of_repo(db: Db, repo_id: int, *, drafts: bool) -> list[Release]:
    """The repository's releases, newest first; drafts only for who may write."""
    rows = db.all(Release, "SELECT * FROM release WHERE repo_id = ? ORDER BY id DESC", repo_id)
    return [row for row in rows if drafts or not row.draft]


def of_tag(db: Db, repo_id: int, tag: str) -> Release | None:
    """The published release of a tag."""
    return db.one(
        Release,
        "SELECT * FROM release WHERE repo_id = ? AND tag = ? AND NOT draft ORDER BY id DESC",
        repo_id,
        tag,
    )


def latest(db: Db, repo_id: int) -> Release | None:
    """The release that is said to be the latest: of those that may be, the one published last."""
    return db.one(
        Release,
        "SELECT * FROM release WHERE repo_id = ? AND NOT draft AND NOT prerelease AND latest"
        " ORDER BY published_at DESC, id DESC",
        repo_id,
    )
