"""What the database says of itself: its file, its journal, its outbox, its counts."""

from collections.abc import Iterator
from dataclasses import dataclass

from localforge.events import revive
from localforge.git import refnames
from localforge.integrity.findings import Finding
from localforge.store import outbox, repos
from localforge.store.database import Db

DATABASE = "forge.sqlite"
BATCH = 5000

# Settled changes of branches and tags whose push no event tells.
_UNTOLD = """
    SELECT ref || ' from ' || before || ' to ' || after AS said, repo_id FROM (
        SELECT repo_id, ref, before, after FROM ref_change
        WHERE state = 'done' AND (ref LIKE 'refs/heads/%' OR ref LIKE 'refs/tags/%')
        EXCEPT SELECT repo_id, payload ->> 'ref', payload ->> 'before', payload ->> 'after' FROM event
        WHERE kind = 'Push'
    )
"""
_COUNTS = {
    "open issues": (
        "SELECT open_issues || ' instead of ' || counted AS said, id AS repo_id FROM (SELECT repository.*,"
        " (SELECT count(*) FROM issue WHERE repo_id = repository.id AND state = 'open') AS counted"
        " FROM repository) WHERE open_issues <> counted"
    ),
    "comments": (
        "SELECT '#' || number || ': ' || comments || ' instead of ' || counted AS said, repo_id FROM"
        " (SELECT issue.*, (SELECT count(*) FROM issue_comment WHERE issue_id = issue.id AND NOT deleted)"
        " AS counted FROM issue) WHERE comments <> counted"
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Said:
    said: str
    repo_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Orphan:
    table: str
    rowid: int | None
    parent: str
    fkid: int


def examine(db: Db, names: dict[int, str]) -> Iterator[Finding]:
    """Everything that can be seen without git. `names`: repositories as `owner/name`, by id."""
    for text in db.column(str, "PRAGMA integrity_check"):
        if text != "ok":
            yield Finding(code="database", where=DATABASE, detail=text)
    for row in db.all(_Orphan, "PRAGMA foreign_key_check"):
        detail = f"{row.table} row {row.rowid} points at no {row.parent}"
        yield Finding(code="database", where=DATABASE, detail=detail)
    for change in repos.open_changes(db):
        detail = f"{change.ref} from {change.before} to {change.after} is not settled"
        yield Finding(code="journal", where=names.get(change.repo_id, DATABASE), detail=detail)
    for what, sql in _COUNTS.items():
        for found in db.all(_Said, sql):
            yield Finding(code="count", where=names[found.repo_id], detail=f"{what}: {found.said}")
    yield from _outbox(db, names)


def expected_refs(db: Db) -> dict[tuple[int, str], str]:
    """Where the last settled change left each ref: (repository, ref) to a sha, zeros for absent."""
    rows = db.all(
        repos.RefChange,
        "SELECT * FROM ref_change WHERE id IN"
        " (SELECT max(id) FROM ref_change WHERE state = 'done' GROUP BY repo_id, ref)",
    )
    unsettled = {(change.repo_id, change.ref) for change in repos.open_changes(db)}
    return {
        (row.repo_id, row.ref): row.after
        for row in rows
        if (row.repo_id, row.ref) not in unsettled and row.ref.startswith((refnames.BRANCH, refnames.TAG))
    }


def _outbox(db: Db, names: dict[int, str]) -> Iterator[Finding]:
    newest = db.count("SELECT max(id) FROM event")
    for name in db.column(str, "SELECT name FROM subscriber"):
        read = outbox.last_read(db, name)
        if read > newest:
            detail = f"{name} has read event {read}, the newest is {newest}"
            yield Finding(code="outbox", where=DATABASE, detail=detail)
    for found in db.all(_Said, _UNTOLD):
        yield Finding(code="event", where=names[found.repo_id], detail=f"nothing tells of {found.said}")
    yield from _unreadable(db)
    for delivery_id in db.column(int, "SELECT id FROM delivery WHERE state = 'sending'"):
        yield Finding(code="delivery", where=DATABASE, detail=f"delivery {delivery_id} has no outcome")


def _unreadable(db: Db) -> Iterator[Finding]:
    last = 0
    while batch := outbox.after(db, last, BATCH):
        for stored in batch:
            try:
                revive(stored.kind, stored.payload)
            except (KeyError, TypeError) as error:
                detail = f"event {stored.id} ({stored.kind}) cannot be read: {error!r}"
                yield Finding(code="event", where=DATABASE, detail=detail)
        last = batch[-1].id
