"""Issues and what hangs on them: labels, milestones, assignees, comments, timeline events.

A pull request is an issue too (`is_pull`), with one number sequence per repository; `store.pulls` has the rest.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from localforge.json_types import Json
from localforge.store.accounts import Account
from localforge.store.database import Db

# The labels that every repository begins with: name, colour, description.
DEFAULT_LABELS = (
    ("bug", "d73a4a", "Something isn't working"),
    ("documentation", "0075ca", "Improvements or additions to documentation"),
    ("duplicate", "cfd3d7", "This issue or pull request already exists"),
    ("enhancement", "a2eeef", "New feature or request"),
    ("good first issue", "7057ff", "Good for newcomers"),
    ("help wanted", "008672", "Extra attention is needed"),
    ("invalid", "e4e669", "This doesn't seem right"),
    ("question", "d876e3", "Further information is requested"),
    ("wontfix", "ffffff", "This will not be worked on"),
)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


_DEFAULTS = ", ".join(f"(NEW.id, {', '.join(map(_quoted, label))}, 1)" for label in DEFAULT_LABELS)

DDL = (
    """
    CREATE TABLE IF NOT EXISTS milestone (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        repo_id INTEGER NOT NULL REFERENCES repository ON DELETE CASCADE,
        number INTEGER NOT NULL,
        creator_id INTEGER NOT NULL REFERENCES account,
        title TEXT NOT NULL,
        description TEXT,
        state TEXT NOT NULL DEFAULT 'open',
        due_on TEXT,
        created_at TEXT NOT NULL,
        updated_at TEXT NOT NULL,
        closed_at TEXT,
        UNIQUE (repo_id, number)
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS issue (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        repo_id INTEGER NOT NULL REFERENCES repository ON DELETE CASCADE,
        number INTEGER NOT NULL,
        is_pull BOOLEAN NOT NULL,
        author_id INTEGER NOT NULL REFERENCES account,
        title TEXT NOT NULL,
        body TEXT,
        state TEXT NOT NULL DEFAULT 'open',
        state_reason TEXT,
        locked BOOLEAN NOT NULL DEFAULT 0,
        lock_reason TEXT,
        milestone_id INTEGER REFERENCES milestone ON DELETE SET NULL,
        comments INTEGER NOT NULL DEFAULT 0,
        created_at TEXT NOT NULL,
        updated_at TEXT NOT NULL,
        closed_at TEXT,
        closed_by_id INTEGER REFERENCES account,
        UNIQUE (repo_id, number)
    )
    """,
    "CREATE INDEX IF NOT EXISTS issue_listed ON issue (repo_id, state, created_at)",
    """
    CREATE TABLE IF NOT EXISTS label (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        repo_id INTEGER NOT NULL REFERENCES repository ON DELETE CASCADE,
        name TEXT NOT NULL COLLATE NOCASE,
        color TEXT NOT NULL,
        description TEXT,
        is_default BOOLEAN NOT NULL DEFAULT 0,
        UNIQUE (repo_id, name)
    )
    """,
    f"""
    CREATE TRIGGER IF NOT EXISTS repository_labels AFTER INSERT ON repository BEGIN
        INSERT INTO label (repo_id, name, color, description, is_default) VALUES {_DEFAULTS};
    END
    """,  # noqa: S608 (the labels above, quoted)
    """
    CREATE TABLE IF NOT EXISTS issue_label (
        issue_id INTEGER NOT NULL REFERENCES issue ON DELETE CASCADE,
        label_id INTEGER NOT NULL REFERENCES label ON DELETE CASCADE,
        PRIMARY KEY (issue_id, label_id)
    ) WITHOUT ROWID
    """,
    "CREATE INDEX IF NOT EXISTS issue_label_label ON issue_label (label_id)",
    """
    CREATE TABLE IF NOT EXISTS issue_assignee (
        issue_id INTEGER NOT NULL REFERENCES issue ON DELETE CASCADE,
        user_id INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
        position INTEGER NOT NULL,
        PRIMARY KEY (issue_id, user_id)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE IF NOT EXISTS issue_comment (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        repo_id INTEGER NOT NULL REFERENCES repository ON DELETE CASCADE,
        issue_id INTEGER NOT NULL REFERENCES issue ON DELETE CASCADE,
        author_id INTEGER NOT NULL REFERENCES account,
        body TEXT NOT NULL,
        created_at TEXT NOT NULL,
        updated_at TEXT NOT NULL,
        deleted BOOLEAN NOT NULL DEFAULT 0
    )
    """,
    "CREATE INDEX IF NOT EXISTS issue_comment_listed ON issue_comment (issue_id)",
    "CREATE INDEX IF NOT EXISTS issue_comment_repo ON issue_comment (repo_id)",
    """
    CREATE TABLE IF NOT EXISTS issue_event (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        repo_id INTEGER NOT NULL REFERENCES repository ON DELETE CASCADE,
        issue_id INTEGER NOT NULL REFERENCES issue ON DELETE CASCADE,
        actor_id INTEGER NOT NULL REFERENCES account,
        kind TEXT NOT NULL,
        commit_sha TEXT,
        details JSON NOT NULL DEFAULT '{}',
        created_at TEXT NOT NULL
    )
    """,
    "CREATE INDEX IF NOT EXISTS issue_event_listed ON issue_event (issue_id)",
)

State = Literal["open", "closed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """An issue or (`is_pull`) the issue side of a pull request. `comments` counts those not deleted."""

    id: int
    repo_id: int
    number: int
    is_pull: bool
    author_id: int
    title: str
    body: str | None
    state: State
    state_reason: str | None
    locked: bool
    lock_reason: str | None
    milestone_id: int | None
    comments: int
    created_at: str
    updated_at: str
    closed_at: str | None
    closed_by_id: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """A label of a repository; `color` is six hex digits. Names differ in more than letter case."""

    id: int
    repo_id: int
    name: str
    color: str
    description: str | None
    is_default: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Milestone:
    """A milestone; `due_on` is a time."""

    id: int
    repo_id: int
    number: int
    creator_id: int
    title: str
    description: str | None
    state: State
    due_on: str | None
    created_at: str
    updated_at: str
    closed_at: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comment:
    """A comment on an issue or pull request. A deleted one is kept for the event that tells of it."""

    id: int
    repo_id: int
    issue_id: int
    author_id: int
    body: str
    created_at: str
    updated_at: str
    deleted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueEvent:
    """One line of an issue's history: `kind` is GitHub's event name, `details` what the kind adds."""

    id: int
    repo_id: int
    issue_id: int
    actor_id: int
    kind: str
    commit_sha: str | None
    details: Mapping[str, Json]
    created_at: str


def by_number(db: Db, repo_id: int, number: int) -> Issue | None:
    """The issue or pull request with this number."""
    return db.one(Issue, "SELECT * FROM issue WHERE repo_id = ? AND number = ?", repo_id, number)


def by_id(db: Db, issue_id: int) -> Issue:
    """The issue with this id, which a foreign key guarantees."""
    issue = db.one(Issue, "SELECT * FROM issue WHERE id = ?", issue_id)
    if issue is None:
        raise LookupError(f"issue {issue_id}")
    return issue


def next_number(db: Db, repo_id: int) -> int:
    """The number that the next issue or pull request gets."""
    return 1 + db.count("SELECT max(number) FROM issue WHERE repo_id = ?", repo_id)


def label_named(db: Db, repo_id: int, name: str) -> Label | None:
    """The repository's label of this name, in any letter case."""
    return db.one(Label, "SELECT * FROM label WHERE repo_id = ? AND name = ?", repo_id, name)


def labels_of_repo(db: Db, repo_id: int) -> list[Label]:
    """The repository's labels, in the order they were made."""
    return db.all(Label, "SELECT * FROM label WHERE repo_id = ? ORDER BY id", repo_id)


def labels_of(db: Db, issue_id: int) -> list[Label]:
    """The issue's labels, in the order they were made."""
    return db.all(
        Label,
        "SELECT label.* FROM label JOIN issue_label ON issue_label.label_id = label.id"
        " WHERE issue_label.issue_id = ? ORDER BY label.id",
        issue_id,
    )


def assignees_of(db: Db, issue_id: int) -> list[Account]:
    """Who is assigned, in the order of assignment."""
    return db.all(
        Account,
        "SELECT account.* FROM account JOIN issue_assignee ON issue_assignee.user_id = account.id"
        " WHERE issue_assignee.issue_id = ? ORDER BY issue_assignee.position",
        issue_id,
    )


def milestone_numbered(db: Db, repo_id: int, number: int) -> Milestone | None:
    """The repository's milestone with this number."""
    return db.one(Milestone, "SELECT * FROM milestone WHERE repo_id = ? AND number = ?", repo_id, number)


def milestone_by_id(db: Db, milestone_id: int) -> Milestone | None:
    """The milestone with this id."""
    return db.one(Milestone, "SELECT * FROM milestone WHERE id = ?", milestone_id)


def comment_by_id(db: Db, comment_id: int) -> Comment | None:
    """The comment with this id, deleted or not."""
    return db.one(Comment, "SELECT * FROM issue_comment WHERE id = ?", comment_id)


def comments_of(db: Db, issue_id: int) -> list[Comment]:
    """The issue's comments, oldest first."""
    return db.all(
        Comment, "SELECT * FROM issue_comment WHERE issue_id = ? AND NOT deleted ORDER BY id", issue_id
    )


def events_of(db: Db, issue_id: int) -> list[IssueEvent]:
    """The issue's events, oldest first."""
    return db.all(IssueEvent, "SELECT * FROM issue_event WHERE issue_id = ? ORDER BY id", issue_id)
