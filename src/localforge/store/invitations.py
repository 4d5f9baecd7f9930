"""Invitations to collaborate on a repository, until they are answered."""

from dataclasses import dataclass

from localforge.store.database import Db

DDL = (
    """
    CREATE TABLE IF NOT EXISTS invitation (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        repo_id INTEGER NOT NULL REFERENCES repository ON DELETE CASCADE,
        user_id INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
        inviter_id INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
        role TEXT NOT NULL,
        created_at TEXT NOT NULL,
        UNIQUE (repo_id, user_id)
    )
    """,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """Somebody is to have a role, if they want."""

    id: int
    repo_id: int
    user_id: int
    inviter_id: int
    role: str
    created_at: str


def by_id(db: Db, invitation_id: int) -> Invitation | None:
    """The invitation with this id."""
    return db.one(Invitation, "SELECT * FROM invitation WHERE id = ?", invitation_id)


def of_repo(db: Db, repo_id: int) -> list[Invitation]:
    """The repository's open invitations."""
    return db.all(Invitation, "SELECT * FROM invitation WHERE repo_id = ? ORDER BY id", repo_id)


def of_user(db: Db, user_id: int) -> list[Invitation]:
    """The user's open invitations."""
    return db.all(Invitation, "SELECT * FROM invitation WHERE user_id = ? ORDER BY id", user_id)
