"""Assets of releases: what is known of each file; the bytes lie beside the database (see `localforge.assets`)."""

from dataclasses import dataclass

from localforge.store.database import Db, Tx

DDL = (
    """
    CREATE TABLE IF NOT EXISTS release_asset (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        repo_id INTEGER NOT NULL REFERENCES repository ON DELETE CASCADE,
        release_id INTEGER NOT NULL REFERENCES release ON DELETE CASCADE,
        uploader_id INTEGER NOT NULL REFERENCES account,
        name TEXT NOT NULL,
        label TEXT,
        content_type TEXT NOT NULL,
        size INTEGER NOT NULL,
        digest TEXT NOT NULL,
        download_count INTEGER NOT NULL DEFAULT 0,
        created_at TEXT NOT NULL,
        updated_at TEXT NOT NULL,
        UNIQUE (release_id, name)
    )
    """,
    "CREATE INDEX IF NOT EXISTS release_asset_repo ON release_asset (repo_id)",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """A file of a release. `size` is in bytes, `digest` is `sha256:` and the hash of the bytes."""

    id: int
    repo_id: int
    release_id: int
    uploader_id: int
    name: str
    label: str | None
    content_type: str
    size: int
    digest: str
    download_count: int
    created_at: str
    updated_at: str


def by_id(db: Db, asset_id: int) -> Asset | None:
    """The asset with this id."""
    return db.one(Asset, "SELECT * FROM release_asset WHERE id = ?", asset_id)


def of_release(db: Db, release_id: int) -> list[Asset]:
    """The release's assets, in the order in which they came."""
    return db.all(Asset, "SELECT * FROM release_asset WHERE release_id = ? ORDER BY id", release_id)


def named(db: Db, release_id: int, name: str) -> Asset | None:
    """The release's asset with this name."""
    return db.one(Asset, "SELECT * FROM release_asset WHERE release_id = ? AND name = ?", release_id, name)


def count_download(tx: Tx, asset_id: int) -> None:
    """Somebody fetches the file."""
    tx.execute("UPDATE release_asset SET download_count = download_count + 1 WHERE id = ?", asset_id)
