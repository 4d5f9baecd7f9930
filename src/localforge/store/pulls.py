"""Pull requests beyond their issue side: branches, merges, reviews, review comments, test merges."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from localforge.store.accounts import Account
from localforge.store.database import Db

DDL = (
    """
    CREATE TABLE IF NOT EXISTS pull (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        issue_id INTEGER NOT NULL UNIQUE REFERENCES issue ON DELETE CASCADE,
        repo_id INTEGER NOT NULL REFERENCES repository ON DELETE CASCADE,
        number INTEGER NOT NULL,
        head_repo_id INTEGER REFERENCES repository ON DELETE SET NULL,
        head_owner_id INTEGER NOT NULL REFERENCES account,
        head_ref TEXT NOT NULL,
        head_sha TEXT NOT NULL,
        head_pusher_id INTEGER NOT NULL REFERENCES account,
        base_ref TEXT NOT NULL,
        base_sha TEXT NOT NULL,
        draft BOOLEAN NOT NULL DEFAULT 0,
        maintainer_can_modify BOOLEAN NOT NULL DEFAULT 0,
        merged_at TEXT,
        merged_by_id INTEGER REFERENCES account,
        merge_commit_sha TEXT,
        UNIQUE (repo_id, number)
    )
    """,
    "CREATE INDEX IF NOT EXISTS pull_base ON pull (repo_id, base_ref)",
    "CREATE INDEX IF NOT EXISTS pull_head ON pull (head_repo_id, head_ref)",
    """
    CREATE TABLE IF NOT EXISTS test_merge (
        repo_id INTEGER NOT NULL REFERENCES repository ON DELETE CASCADE,
        base_sha TEXT NOT NULL,
        head_sha TEXT NOT NULL,
        merge_sha TEXT,
        PRIMARY KEY (repo_id, base_sha, head_sha)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE IF NOT EXISTS review (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        repo_id INTEGER NOT NULL REFERENCES repository ON DELETE CASCADE,
        pull_id INTEGER NOT NULL REFERENCES pull ON DELETE CASCADE,
        author_id INTEGER NOT NULL REFERENCES account,
        state TEXT NOT NULL,
        body TEXT NOT NULL,
        commit_sha TEXT NOT NULL,
        created_at TEXT NOT NULL,
        submitted_at TEXT
    )
    """,
    "CREATE INDEX IF NOT EXISTS review_pull ON review (pull_id)",
    """
    CREATE TABLE IF NOT EXISTS review_comment (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        repo_id INTEGER NOT NULL REFERENCES repository ON DELETE CASCADE,
        pull_id INTEGER NOT NULL REFERENCES pull ON DELETE CASCADE,
        review_id INTEGER NOT NULL REFERENCES review ON DELETE CASCADE,
        author_id INTEGER NOT NULL REFERENCES account,
        in_reply_to_id INTEGER REFERENCES review_comment ON DELETE SET NULL,
        body TEXT NOT NULL,
        path TEXT NOT NULL,
        commit_sha TEXT NOT NULL,
        diff_hunk TEXT NOT NULL,
        subject_type TEXT NOT NULL,
        side TEXT NOT NULL,
        line INTEGER,
        start_side TEXT,
        start_line INTEGER,
        position INTEGER,
        resolved BOOLEAN NOT NULL DEFAULT 0,
        created_at TEXT NOT NULL,
        updated_at TEXT NOT NULL
    )
    """,
    "CREATE INDEX IF NOT EXISTS review_comment_pull ON review_comment (pull_id)",
    """
    CREATE TABLE IF NOT EXISTS review_request (
        pull_id INTEGER NOT NULL REFERENCES pull ON DELETE CASCADE,
        user_id INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
        position INTEGER NOT NULL,
        PRIMARY KEY (pull_id, user_id)
    ) WITHOUT ROWID
    """,
)

ReviewState = Literal["PENDING", "APPROVED", "CHANGES_REQUESTED", "COMMENTED", "DISMISSED"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pull:
    """A pull request's git side; title, text and state are its issue's.

    `head_sha` follows the head branch while the pull request is open, in the transaction that settles a push;
    `head_pusher_id` is who pushed it. `base_sha` is the base branch's tip at that moment. `head_repo_id` is None
    when the fork is gone. `merge_commit_sha` is set by a merge alone (the test merge is in `test_merge`).
    """

    id: int
    issue_id: int
    repo_id: int
    number: int
    head_repo_id: int | None
    head_owner_id: int
    head_ref: str
    head_sha: str
    head_pusher_id: int
    base_ref: str
    base_sha: str
    draft: bool
    maintainer_can_modify: bool
    merged_at: str | None
    merged_by_id: int | None
    merge_commit_sha: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TestMerge:
    """The merge of two commits tried out; `merge_sha` None: they conflict."""

    repo_id: int
    base_sha: str
    head_sha: str
    merge_sha: str | None

    __test__ = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """A review. PENDING until it is submitted, and seen by its author alone until then."""

    id: int
    repo_id: int
    pull_id: int
    author_id: int
    state: ReviewState
    body: str
    commit_sha: str
    created_at: str
    submitted_at: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewComment:
    """A remark on a line (`line` None: on the file). `resolved` counts on the first comment of a thread."""

    id: int
    repo_id: int
    pull_id: int
    review_id: int
    author_id: int
    in_reply_to_id: int | None
    body: str
    path: str
    commit_sha: str
    diff_hunk: str
    subject_type: str
    side: str
    line: int | None
    start_side: str | None
    start_line: int | None
    position: int | None
    resolved: bool
    created_at: str
    updated_at: str


def by_number(db: Db, repo_id: int, number: int) -> Pull | None:
    """The repository's pull request with this number."""
    return db.one(Pull, "SELECT * FROM pull WHERE repo_id = ? AND number = ?", repo_id, number)


def by_id(db: Db, pull_id: int) -> Pull:
    """The pull request with this id, which a foreign key guarantees."""
    pull = db.one(Pull, "SELECT * FROM pull WHERE id = ?", pull_id)
    if pull is None:
        raise LookupError(f"pull request {pull_id}")
    return pull


def of_issue(db: Db, issue_id: int) -> Pull:
    """The git side of an issue that is a pull request."""
    pull = db.one(Pull, "SELECT * FROM pull WHERE issue_id = ?", issue_id)
    if pull is None:
        raise LookupError(f"issue {issue_id} is no pull request")
    return pull


def open_with_head(db: Db, repo_id: int, branch: str) -> list[Pull]:
    """Open pull requests, of any repository, whose head is this branch."""
    return db.all(
        Pull,
        "SELECT pull.* FROM pull JOIN issue ON issue.id = pull.issue_id"
        " WHERE pull.head_repo_id = ? AND pull.head_ref = ? AND issue.state = 'open' ORDER BY pull.id",
        repo_id,
        branch,
    )


def open_with_base(db: Db, repo_id: int, branch: str) -> list[Pull]:
    """The repository's open pull requests into this branch."""
    return db.all(
        Pull,
        "SELECT pull.* FROM pull JOIN issue ON issue.id = pull.issue_id"
        " WHERE pull.repo_id = ? AND pull.base_ref = ? AND issue.state = 'open' ORDER BY pull.id",
        repo_id,
        branch,
    )


def test_merge(db: Db, repo_id: int, base_sha: str, head_sha: str) -> TestMerge | None:
    """How merging these two commits came out, if it was tried."""
    return db.one(
        TestMerge,
        "SELECT * FROM test_merge WHERE repo_id = ? AND base_sha = ? AND head_sha = ?",
        repo_id,
        base_sha,
        head_sha,
    )


def reviews_of(db: Db, pull_id: int) -> list[Review]:
    """The pull request's reviews, oldest first."""
    return db.all(Review, "SELECT * FROM review WHERE pull_id = ? ORDER BY id", pull_id)


def review_by_id(db: Db, review_id: int) -> Review | None:
    """The review with this id."""
    return db.one(Review, "SELECT * FROM review WHERE id = ?", review_id)


def review_comments_of(db: Db, pull_id: int) -> list[ReviewComment]:
    """Remarks on the pull request's lines, oldest first; those of pending reviews are left out."""
    return db.all(
        ReviewComment,
        "SELECT review_comment.* FROM review_comment JOIN review ON review.id = review_comment.review_id"
        " WHERE review_comment.pull_id = ? AND review.state != 'PENDING' ORDER BY review_comment.id",
        pull_id,
    )


def review_comments_in(db: Db, repo_id: int) -> list[ReviewComment]:
    """The same of all the repository's pull requests."""
    return db.all(
        ReviewComment,
        "SELECT review_comment.* FROM review_comment JOIN review ON review.id = review_comment.review_id"
        " WHERE review_comment.repo_id = ? AND review.state != 'PENDING' ORDER BY review_comment.id",
        repo_id,
    )


def review_comment_by_id(db: Db, comment_id: int) -> ReviewComment | None:
    """The remark with this id."""
    return db.one(ReviewComment, "SELECT * FROM review_comment WHERE id = ?", comment_id)


def requested_reviewers(db: Db, pull_id: int) -> Sequence[Account]:
    """Whose review is asked for, in the order of asking."""
    return db.all(
        Account,
        "SELECT account.* FROM account JOIN review_request ON review_request.user_id = account.id"
        " WHERE review_request.pull_id = ? ORDER BY review_request.position",
        pull_id,
    )
