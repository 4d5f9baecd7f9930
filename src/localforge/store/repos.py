"""Repositories, their old names, collaborators, branch protection, and the journal of ref changes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from localforge.json_types import Json
from localforge.store.database import Db

DDL = (
    """
    CREATE TABLE IF NOT EXISTS repository (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        owner_id INTEGER NOT NULL REFERENCES account,
        name TEXT NOT NULL COLLATE NOCASE,
        private BOOLEAN NOT NULL DEFAULT 0,
        archived BOOLEAN NOT NULL DEFAULT 0,
        parent_id INTEGER REFERENCES repository ON DELETE SET NULL,
        description TEXT,
        homepage TEXT,
        topics JSON NOT NULL DEFAULT '[]',
        settings JSON NOT NULL DEFAULT '{}',
        languages JSON NOT NULL DEFAULT '{}',
        size_kb INTEGER NOT NULL DEFAULT 0,
        open_issues INTEGER NOT NULL DEFAULT 0,
        created_at TEXT NOT NULL,
        updated_at TEXT NOT NULL,
        pushed_at TEXT NOT NULL,
        UNIQUE (owner_id, name)
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS repository_alias (
        owner_id INTEGER NOT NULL,
        name TEXT NOT NULL COLLATE NOCASE,
        repo_id INTEGER NOT NULL REFERENCES repository ON DELETE CASCADE,
        PRIMARY KEY (owner_id, name)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE IF NOT EXISTS collaborator (
        repo_id INTEGER NOT NULL REFERENCES repository ON DELETE CASCADE,
        user_id INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
        role TEXT NOT NULL,
        PRIMARY KEY (repo_id, user_id)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE IF NOT EXISTS protection (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        repo_id INTEGER NOT NULL REFERENCES repository ON DELETE CASCADE,
        branch TEXT NOT NULL,
        rules JSON NOT NULL,
        UNIQUE (repo_id, branch)
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS ref_change (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        repo_id INTEGER NOT NULL REFERENCES repository ON DELETE CASCADE,
        ref TEXT NOT NULL,
        before TEXT NOT NULL,
        after TEXT NOT NULL,
        actor_id INTEGER NOT NULL REFERENCES account,
        cause JSON NOT NULL,
        state TEXT NOT NULL,
        at TEXT NOT NULL
    )
    """,
    "CREATE INDEX IF NOT EXISTS repository_parent ON repository (parent_id)",
    "CREATE INDEX IF NOT EXISTS ref_change_open ON ref_change (repo_id) WHERE state = 'intended'",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """A repository's facts. Its refs, default branch included, are in git alone.

    `settings` holds the switches of `repos/update` that differ from their defaults (see `RepoSettings`);
    `languages` and `size_kb` are computed from git when the default branch moves; `open_issues` counts open issues and pull
    requests and is kept by whoever opens and closes them.
    """

    id: int
    owner_id: int
    name: str
    private: bool
    archived: bool
    parent_id: int | None
    description: str | None
    homepage: str | None
    topics: Sequence[str]
    settings: Mapping[str, Json]
    languages: Mapping[str, int]
    size_kb: int
    open_issues: int
    created_at: str
    updated_at: str
    pushed_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Protection:
    """The protection of one branch; `rules` is the validated body of `repos/update-branch-protection`."""

    id: int
    repo_id: int
    branch: str
    rules: Mapping[str, Json]


@dataclass(frozen=True, slots=True, kw_only=True)
class RefChange:
    """One line of the journal: a ref was to move from `before` to `after` (40 zeros: absent).

    `state` is intended, then done or dropped. `cause` says why, for whoever settles it.
    """

    id: int
    repo_id: int
    ref: str
    before: str
    after: str
    actor_id: int
    cause: Mapping[str, Json]
    state: str
    at: str


def by_name(db: Db, owner: str, name: str) -> Repository | None:
    """The repository that now has this name."""
    return db.one(
        Repository,
        "SELECT repository.* FROM repository JOIN account ON account.id = repository.owner_id"
        " WHERE account.login = ? AND repository.name = ?",
        owner,
        name,
    )


def by_old_name(db: Db, owner: str, name: str) -> Repository | None:
    """The repository that had this name before it was renamed."""
    return db.one(
        Repository,
        "SELECT repository.* FROM repository_alias AS alias"
        " JOIN account ON account.id = alias.owner_id JOIN repository ON repository.id = alias.repo_id"
        " WHERE account.login = ? AND alias.name = ?",
        owner,
        name,
    )


def by_id(db: Db, repo_id: int) -> Repository | None:
    """The repository with this id."""
    return db.one(Repository, "SELECT * FROM repository WHERE id = ?", repo_id)


def of_owner(db: Db, owner_id: int) -> list[Repository]:
    """The owner's repositories, oldest first."""
    return db.all(Repository, "SELECT * FROM repository WHERE owner_id = ? ORDER BY id", owner_id)


def collaborator_role(db: Db, repo_id: int, user_id: int) -> str | None:
    """The role granted to this user on this repository alone."""
    roles = db.column(
        str, "SELECT role FROM collaborator WHERE repo_id = ? AND user_id = ?", repo_id, user_id
    )
    return roles[0] if roles else None


def protection_of(db: Db, repo_id: int, branch: str) -> Protection | None:
    """The branch's protection."""
    return db.one(Protection, "SELECT * FROM protection WHERE repo_id = ? AND branch = ?", repo_id, branch)


def open_changes(db: Db) -> list[RefChange]:
    """Ref changes that were intended and neither settled nor dropped: a crash lies between."""
    return db.all(RefChange, "SELECT * FROM ref_change WHERE state = 'intended' ORDER BY id")
