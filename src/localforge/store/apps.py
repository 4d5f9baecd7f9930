"""GitHub Apps, where they are installed, and manifests that wait to be converted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from localforge.json_types import Json
from localforge.store.checks import ACTIONS_APP
from localforge.store.database import Db
from localforge.store.repos import Repository

DDL = (
    """
    CREATE TABLE IF NOT EXISTS app (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        slug TEXT NOT NULL COLLATE NOCASE UNIQUE,
        name TEXT NOT NULL,
        owner_id INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
        bot_id INTEGER NOT NULL REFERENCES account,
        description TEXT,
        external_url TEXT NOT NULL,
        client_id TEXT NOT NULL UNIQUE,
        public_key TEXT NOT NULL,
        permissions JSON NOT NULL,
        events JSON NOT NULL,
        created_at TEXT NOT NULL,
        updated_at TEXT NOT NULL
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS installation (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        app_id INTEGER NOT NULL REFERENCES app ON DELETE CASCADE,
        account_id INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
        selection TEXT NOT NULL,
        permissions JSON NOT NULL,
        events JSON NOT NULL,
        suspended_at TEXT,
        suspended_by INTEGER REFERENCES account,
        created_at TEXT NOT NULL,
        updated_at TEXT NOT NULL,
        removed_at TEXT
    )
    """,
    """
    CREATE UNIQUE INDEX IF NOT EXISTS installation_app ON installation (app_id, account_id)
    WHERE removed_at IS NULL
    """,
    "CREATE INDEX IF NOT EXISTS installation_account ON installation (account_id)",
    """
    CREATE TABLE IF NOT EXISTS installation_repository (
        installation_id INTEGER NOT NULL REFERENCES installation ON DELETE CASCADE,
        repo_id INTEGER NOT NULL REFERENCES repository ON DELETE CASCADE,
        PRIMARY KEY (installation_id, repo_id)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE IF NOT EXISTS app_manifest (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        code TEXT NOT NULL UNIQUE,
        owner_id INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
        manifest JSON NOT NULL,
        expires_at TEXT NOT NULL
    )
    """,
)

# GitHub's own id of the Actions app, which clients know.
ACTIONS_ID = 15368

Selection = Literal["all", "selected"]


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """A registered App. It acts as the account `bot_id`; `public_key` (PEM) checks what it says of itself."""

    id: int
    slug: str
    name: str
    owner_id: int
    bot_id: int
    description: str | None
    external_url: str
    client_id: str
    public_key: str
    permissions: Mapping[str, str]
    events: Sequence[str]
    created_at: str
    updated_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """An App on an account, with the permissions granted there; `selection`: on all its repositories or on some.

    One that was removed stays as a row, for what is still to be told of it; nothing but `once_installed` finds it.
    """

    id: int
    app_id: int
    account_id: int
    selection: Selection
    permissions: Mapping[str, str]
    events: Sequence[str]
    suspended_at: str | None
    suspended_by: int | None
    created_at: str
    updated_at: str
    removed_at: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What somebody wants registered as an App; the bearer of `code` may have it done, once."""

    id: int
    code: str
    owner_id: int
    manifest: Mapping[str, Json]
    expires_at: str


def by_id(db: Db, app_id: int) -> App | None:
    """The App with this id."""
    return db.one(App, "SELECT * FROM app WHERE id = ?", app_id)


def by_slug(db: Db, slug: str) -> App | None:
    """The App with this slug, in any letter case."""
    return db.one(App, "SELECT * FROM app WHERE slug = ?", slug)


def by_client_id(db: Db, client_id: str) -> App | None:
    """The App with this client id."""
    return db.one(App, "SELECT * FROM app WHERE client_id = ?", client_id)


def by_bot(db: Db, account_id: int) -> App | None:
    """The App that acts as this account."""
    return db.one(App, "SELECT * FROM app WHERE bot_id = ?", account_id)


_INSTALLED = "SELECT * FROM installation WHERE removed_at IS NULL"


def reporter_id(db: Db, slug: str) -> int:
    """The id of the App that reports checks under a slug: GitHub's for Actions, an App's own, else the account's of that login."""
    if slug == ACTIONS_APP:
        return ACTIONS_ID
    return db.count(
        "SELECT coalesce((SELECT id FROM app WHERE slug = ?1), (SELECT id FROM account WHERE login = ?1))",
        slug,
    )


def installation(db: Db, installation_id: int) -> Installation | None:
    """The installation with this id."""
    return db.one(Installation, f"{_INSTALLED} AND id = ?", installation_id)


def once_installed(db: Db, installation_id: int) -> Installation | None:
    """The installation with this id, removed or not."""
    return db.one(Installation, "SELECT * FROM installation WHERE id = ?", installation_id)


def installed_on(db: Db, app_id: int, account_id: int) -> Installation | None:
    """The App's installation on the account."""
    return db.one(Installation, f"{_INSTALLED} AND app_id = ? AND account_id = ?", app_id, account_id)


def installations_of(db: Db, app_id: int) -> list[Installation]:
    """Every installation of the App, oldest first."""
    return db.all(Installation, f"{_INSTALLED} AND app_id = ? ORDER BY id", app_id)


def installations_on(db: Db, account_id: int) -> list[Installation]:
    """Every App's installation on the account, oldest first."""
    return db.all(Installation, f"{_INSTALLED} AND account_id = ? ORDER BY id", account_id)


def covers(db: Db, item: Installation, repo_id: int, owner_id: int) -> bool:
    """Whether the installation reaches this repository of this owner."""
    if item.account_id != owner_id:
        return False
    return item.selection == "all" or bool(
        db.count(
            "SELECT count(*) FROM installation_repository WHERE installation_id = ? AND repo_id = ?",
            item.id,
            repo_id,
        )
    )


def repositories(db: Db, item: Installation) -> list[Repository]:
    """The repositories that the installation reaches, by id."""
    if item.selection == "all":
        return db.all(Repository, "SELECT * FROM repository WHERE owner_id = ? ORDER BY id", item.account_id)
    return db.all(
        Repository,
        "SELECT repository.* FROM repository JOIN installation_repository AS chosen"
        " ON chosen.repo_id = repository.id"
        " WHERE chosen.installation_id = ? AND repository.owner_id = ? ORDER BY repository.id",
        item.id,
        item.account_id,
    )


def manifest(db: Db, code: str) -> Manifest | None:
    """The manifest that waits under this code."""
    return db.one(Manifest, "SELECT * FROM app_manifest WHERE code = ?", code)
