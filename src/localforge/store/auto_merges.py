"""Pull requests that somebody asked to have merged once nothing stands against it."""

from dataclasses import dataclass

from localforge.store.database import Db, Tx

DDL = (
    """
    CREATE TABLE IF NOT EXISTS auto_merge (
        pull_id INTEGER PRIMARY KEY REFERENCES pull ON DELETE CASCADE,
        enabled_by_id INTEGER NOT NULL REFERENCES account,
        enabled_at TEXT NOT NULL,
        method TEXT NOT NULL,
        headline TEXT,
        body TEXT,
        author_email TEXT
    )
    """,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AutoMerge:
    """Who asked, and how it is to be merged; kept after the merge, as GitHub shows it there too."""

    pull_id: int
    enabled_by_id: int
    enabled_at: str
    method: str
    headline: str | None
    body: str | None
    author_email: str | None


def of_pull(db: Db, pull_id: int) -> AutoMerge | None:
    """What was asked of this pull request."""
    return db.one(AutoMerge, "SELECT * FROM auto_merge WHERE pull_id = ?", pull_id)


def waiting(db: Db, repo_id: int) -> list[AutoMerge]:
    """What was asked of a repository's open pull requests."""
    return db.all(
        AutoMerge,
        "SELECT auto_merge.* FROM auto_merge JOIN pull ON pull.id = auto_merge.pull_id"
        " JOIN issue ON issue.id = pull.issue_id WHERE pull.repo_id = ? AND issue.state = 'open' ORDER BY pull.id",
        repo_id,
    )


def forget(tx: Tx, pull_id: int) -> None:
    """Nobody asks any more."""
    tx.execute("DELETE FROM auto_merge WHERE pull_id = ?", pull_id)
