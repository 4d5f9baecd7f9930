"""Users, organizations, memberships and tokens."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from localforge.store.database import Db

DDL = (
    """
    CREATE TABLE IF NOT EXISTS account (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        login TEXT NOT NULL COLLATE NOCASE UNIQUE,
        kind TEXT NOT NULL,
        name TEXT,
        email TEXT,
        description TEXT,
        default_role TEXT NOT NULL DEFAULT 'read',
        created_at TEXT NOT NULL,
        updated_at TEXT NOT NULL
    )
    """,
    "CREATE INDEX IF NOT EXISTS account_email ON account (email COLLATE NOCASE)",
    """
    CREATE TABLE IF NOT EXISTS membership (
        org_id INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
        user_id INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
        role TEXT NOT NULL,
        PRIMARY KEY (org_id, user_id)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE IF NOT EXISTS token (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        user_id INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
        digest TEXT NOT NULL UNIQUE,
        scopes JSON,
        permissions JSON,
        repositories JSON,
        installation_id INTEGER REFERENCES installation ON DELETE CASCADE,
        expires_at TEXT,
        created_at TEXT NOT NULL
    )
    """,
)

AccountKind = Literal["User", "Organization", "Bot"]
MemberRole = Literal["admin", "member"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A user, bot or organization. `default_role` is what an organization's members may do."""

    id: int
    login: str
    kind: AccountKind
    name: str | None
    email: str | None
    description: str | None
    default_role: str
    created_at: str
    updated_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A credential. Classic: `scopes` set; fine-grained: `permissions` set. Stored as a SHA-256 digest.

    `repositories` limits a fine-grained token to these repository ids (None: all of the user's, or of the installation's
    where it is an App's: `installation_id`).
    """

    id: int
    user_id: int
    digest: str
    scopes: Sequence[str] | None
    permissions: Mapping[str, str] | None
    repositories: Sequence[int] | None
    installation_id: int | None
    expires_at: str | None
    created_at: str


def by_login(db: Db, login: str) -> Account | None:
    """The account with this login, in any letter case."""
    return db.one(Account, "SELECT * FROM account WHERE login = ?", login)


def by_id(db: Db, account_id: int) -> Account:
    """The account with this id, which a foreign key guarantees."""
    account = db.one(Account, "SELECT * FROM account WHERE id = ?", account_id)
    if account is None:
        raise LookupError(f"account {account_id}")
    return account


def member_role(db: Db, org_id: int, user_id: int) -> MemberRole | None:
    """The user's role in the organization, or None for an outsider."""
    roles = db.column(str, "SELECT role FROM membership WHERE org_id = ? AND user_id = ?", org_id, user_id)
    match roles:
        case ["admin"]:
            return "admin"
        case [_]:
            return "member"
        case _:
            return None


def members(db: Db, org_id: int) -> list[Account]:
    """The organization's people, by login."""
    return db.all(
        Account,
        "SELECT account.* FROM account JOIN membership ON membership.user_id = account.id"
        " WHERE membership.org_id = ? ORDER BY account.login",
        org_id,
    )


def organizations_of(db: Db, user_id: int) -> list[Account]:
    """The organizations that the user belongs to, by login."""
    return db.all(
        Account,
        "SELECT account.* FROM account JOIN membership ON membership.org_id = account.id"
        " WHERE membership.user_id = ? ORDER BY account.login",
        user_id,
    )
