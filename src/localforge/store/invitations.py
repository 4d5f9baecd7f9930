"""Invitations of people to repositories: open until they are accepted or declined."""

from collections.abc import Sequence
from dataclasses import dataclass

from localforge.store.database import Db, Tx

DDL = (
    """
    CREATE TABLE IF NOT EXISTS invitation (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        repo_id INTEGER NOT NULL REFERENCES repository ON DELETE CASCADE,
        invitee_id INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
        inviter_id INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
        role TEXT NOT NULL,
        created_at TEXT NOT NULL,
        UNIQUE (repo_id, invitee_id)
    )
    """,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """Somebody may join a repository with this role once they accept."""

    id: int
    repo_id: int
    invitee_id: int
    inviter_id: int
    role: str
    created_at: str


def by_id(db: Db, invitation_id: int) -> Invitation | None:
    """The open invitation with this id."""
    return db.one(Invitation, "SELECT * FROM invitation WHERE id = ?", invitation_id)


def of_repo(db: Db, repo_id: int) -> Sequence[Invitation]:
    """A repository's open invitations, the oldest first."""
    return db.all(Invitation, "SELECT * FROM invitation WHERE repo_id = ? ORDER BY id", repo_id)


def of_user(db: Db, user_id: int) -> Sequence[Invitation]:
    """The invitations that somebody has not answered, the oldest first."""
    return db.all(Invitation, "SELECT * FROM invitation WHERE invitee_id = ? ORDER BY id", user_id)


def grant(tx: Tx, repo_id: int, user_id: int, role: str) -> None:
    """Give a role on the repository, or change it; an invitation there is settled."""
    withdraw(tx, repo_id, user_id)
    tx.insert("collaborator", repo_id=repo_id, user_id=user_id, role=role)


def withdraw(tx: Tx, repo_id: int, user_id: int) -> None:
    """Take role and invitation away."""
    tx.execute("DELETE FROM collaborator WHERE repo_id = ? AND user_id = ?", repo_id, user_id)
    tx.execute("DELETE FROM invitation WHERE repo_id = ? AND invitee_id = ?", repo_id, user_id)
