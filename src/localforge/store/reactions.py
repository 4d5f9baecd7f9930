"""Reactions to issues and comments."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from localforge.store.database import Db

DDL = (
    """
    CREATE TABLE IF NOT EXISTS reaction (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        subject TEXT NOT NULL,
        subject_id INTEGER NOT NULL,
        user_id INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
        content TEXT NOT NULL,
        created_at TEXT NOT NULL,
        UNIQUE (subject, subject_id, user_id, content)
    )
    """,
)

Subject = Literal["issue", "comment"]

CONTENTS = ("+1", "-1", "laugh", "hooray", "confused", "heart", "rocket", "eyes")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reaction:
    """What somebody thinks of an issue or a comment, by the id of its row."""

    id: int
    subject: Subject
    subject_id: int
    user_id: int
    content: str
    created_at: str


def of(db: Db, subject: Subject, subject_id: int) -> list[Reaction]:
    """Every reaction, oldest first."""
    return db.all(
        Reaction,
        "SELECT * FROM reaction WHERE subject = ? AND subject_id = ? ORDER BY id",
        subject,
        subject_id,
    )


def counts(db: Db, subject: Subject, subject_id: int) -> Mapping[str, int]:
    """How often each content was given."""
    given = db.column(
        str, "SELECT content FROM reaction WHERE subject = ? AND subject_id = ?", subject, subject_id
    )
    return {content: given.count(content) for content in CONTENTS}
