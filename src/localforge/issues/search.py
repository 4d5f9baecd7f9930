"""GitHub's search language for issues and pull requests, to SQL: words, phrases and `[-]qualifier:value`."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from localforge.access import Actor, can_see
from localforge.errors import FieldError, InvalidError
from localforge.issues.listing import Conditions, assigned, labelled, like
from localforge.store import repos
from localforge.store.database import Db, SqlValue
from localforge.store.repos import Repository

_TERM = re.compile(r'(?P<minus>-?)(?P<name>[A-Za-z-]+):(?P<value>"[^"]*"|\S+)|(?P<word>"[^"]*"|\S+)')
_RANGE = re.compile(r"(?P<low>[^.]*[^.])\.\.(?P<high>.+)|(?P<sign>>=|<=|>|<)?(?P<value>.+)")
_UNSEARCHABLE = (
    "The listed users and repositories cannot be searched either because the resources do not exist or you do"
    " not have permission to view them."
)

Clause = tuple[str, tuple[SqlValue, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """A word (`name` None) or a qualifier; `negated`: what must not hold."""

    name: str | None
    value: str
    negated: bool = False


def terms(query: str) -> Iterator[Term]:
    """The parts of a query, quotes taken off."""
    for found in _TERM.finditer(query):
        if found["name"]:
            yield Term(
                name=found["name"].lower(), value=found["value"].strip('"'), negated=bool(found["minus"])
            )
        else:
            yield Term(name=None, value=found["word"].strip('"'))


def conditions(db: Db, actor: Actor, query: str) -> Conditions:
    """Everything that must hold for an issue that the query finds and the actor may see."""
    parsed = [_resolved(term, actor) for term in terms(query)]
    where = Conditions()
    _scope(where, db, actor, parsed)
    named = ",".join(term.value for term in parsed if term.name == "in")
    fields = named.split(",") if named else ["title", "body", "comments"]
    for term in parsed:
        read = _QUALIFIERS.get(term.name) if term.name else None
        clause = _text(term.value, fields) if term.name is None else read(term.value) if read else None
        if clause:
            sql, args = clause
            where.add(f"NOT ({sql})" if term.negated else f"({sql})", *args)
    return where


def _resolved(term: Term, actor: Actor) -> Term:
    """`@me` is whoever asks."""
    return replace(term, value=actor.user.login) if term.value == "@me" and term.name and actor.user else term


def _scope(where: Conditions, db: Db, actor: Actor, parsed: Sequence[Term]) -> None:
    ids = sorted(repo.id for repo in in_scope(db, actor, parsed))
    where.add(f"issue.repo_id IN ({', '.join(map(str, ids))})")


def in_scope(db: Db, actor: Actor, parsed: Sequence[Term]) -> list[Repository]:
    """The repositories that the actor sees, and of these those named; 422 when a named one is not among them."""
    named = [term.value for term in parsed if term.name == "repo" and not term.negated]
    owners = [term.value for term in parsed if term.name in {"org", "user"} and not term.negated]
    found = [repos.by_name(db, *name.split("/", 1)) for name in named if "/" in name]
    if len(found) < len(named) or any(repo is None or not can_see(db, actor, repo) for repo in found):
        raise InvalidError(
            errors=(FieldError(resource="Search", field="q", code="invalid", message=_UNSEARCHABLE),)
        )
    whole = {repo.id: repo for repo in found if repo}
    if owners or not named:
        whole |= {repo.id: repo for repo in _candidates(db, owners) if can_see(db, actor, repo)}
    return [whole[repo_id] for repo_id in sorted(whole)]


def _candidates(db: Db, owners: Sequence[str]) -> list[Repository]:
    if not owners:
        return db.all(Repository, "SELECT * FROM repository")
    marks = ", ".join("?" * len(owners))
    join = "SELECT repository.* FROM repository JOIN account ON account.id = repository.owner_id"
    return db.all(Repository, f"{join} WHERE account.login IN ({marks})", *owners)


def _text(word: str, fields: Sequence[str]) -> Clause:
    pattern = like(word)
    columns = {
        "title": "issue.title LIKE ? ESCAPE '\\'",
        "body": "issue.body LIKE ? ESCAPE '\\'",
        "comments": "EXISTS (SELECT 1 FROM issue_comment WHERE issue_comment.issue_id = issue.id"
        " AND NOT deleted AND issue_comment.body LIKE ? ESCAPE '\\')",
    }
    chosen = [columns[field] for field in fields if field in columns]
    return " OR ".join(chosen) or "0", (pattern,) * len(chosen)


def _person(column: str) -> Callable[[str], Clause]:
    return lambda login: (
        f"{column} IN (SELECT id FROM account WHERE login = ?)",  # noqa: S608 (the column is ours)
        (login,),
    )


def _pull(column: str) -> Callable[[str], Clause]:
    return lambda value: (
        f"issue.id IN (SELECT pull.issue_id FROM pull WHERE {column} = ?)",  # noqa: S608 (ours)
        (value,),
    )


def _reviewing(table: str, column: str) -> Callable[[str], Clause]:
    found = f"SELECT pull_id FROM {table} JOIN account ON account.id = {column} WHERE account.login = ?"  # noqa: S608 (ours)
    return lambda login: (
        f"issue.id IN (SELECT pull.issue_id FROM pull WHERE pull.id IN ({found}))",  # noqa: S608 (ours)
        (login,),
    )


_COMMENTED = (
    "issue.id IN (SELECT issue_comment.issue_id FROM issue_comment JOIN account"
    " ON account.id = issue_comment.author_id WHERE NOT deleted AND account.login = ?)"
)


def _involved(login: str) -> Clause:
    """Its author, assigned to it, mentioned or commenting."""
    parts = [_QUALIFIERS[name](login) for name in ("author", "assignee", "mentions", "commenter")]
    found = [part for part in parts if part]
    return " OR ".join(sql for sql, _ in found), tuple(arg for _, args in found for arg in args)


def _compared(column: str) -> Callable[[str], Clause | None]:
    """`>=2026-01-01`, `2026-01-01..2026-02-01`, `*..2026-02-01`, `2026-01-01` (that day), `>5`."""

    def clause(text: str) -> Clause | None:
        found = _RANGE.fullmatch(text)
        if found is None:
            return None
        low, high = found["low"], found["high"]
        match found["sign"]:
            case ">=":
                return f"{column} >= ?", (_lowest(found["value"]),)
            case "<":
                return f"{column} < ?", (_lowest(found["value"]),)
            case ">" | "<=" as sign:
                return f"{column} {sign} ?", (_highest(found["value"]),)
            case _ if low is None:
                low = high = found["value"]
        return f"{column} BETWEEN ? AND ?", (
            0 if low == "*" else _lowest(low),
            b"" if high == "*" else _highest(high),  # SQLite sorts numbers before texts, texts before bytes
        )

    return clause


def _lowest(text: str) -> SqlValue:
    """A count, or the first moment of a day."""
    return int(text[:18]) if text.isascii() and text.isdigit() else text


def _highest(text: str) -> SqlValue:
    """A count, or what sorts after every moment of a day."""
    return int(text[:18]) if text.isascii() and text.isdigit() else f"{text}~"


def _is(value: str) -> Clause | None:
    return _WORDS.get(value.lower())


_MERGED = "issue.id IN (SELECT issue_id FROM pull WHERE merged_at IS NOT NULL)"
_WORDS: Mapping[str, Clause] = {
    "issue": ("NOT issue.is_pull", ()),
    "pr": ("issue.is_pull", ()),
    "pull-request": ("issue.is_pull", ()),
    "open": ("issue.state = 'open'", ()),
    "closed": ("issue.state = 'closed'", ()),
    "merged": (_MERGED, ()),
    "unmerged": (f"issue.is_pull AND NOT ({_MERGED})", ()),
    "draft": ("issue.id IN (SELECT issue_id FROM pull WHERE draft)", ()),
    "locked": ("issue.locked", ()),
    "unlocked": ("NOT issue.locked", ()),
    "public": ("issue.repo_id IN (SELECT id FROM repository WHERE NOT private)", ()),
    "private": ("issue.repo_id IN (SELECT id FROM repository WHERE private)", ()),
}
_ABSENT: Mapping[str, Clause] = {
    "label": ("issue.id NOT IN (SELECT issue_id FROM issue_label)", ()),
    "assignee": ("issue.id NOT IN (SELECT issue_id FROM issue_assignee)", ()),
    "milestone": ("issue.milestone_id IS NULL", ()),
}


def _labels(value: str) -> Clause:
    """`label:a,b` is either of them."""
    parts = [labelled(name.strip('"')) for name in value.split(",")]
    return " OR ".join(sql for sql, _ in parts), tuple(name for _, name in parts)


def _assigned(login: str) -> Clause:
    sql, arg = assigned(login)
    return sql, (arg,)


_QUALIFIERS: Mapping[str, Callable[[str], Clause | None]] = {
    "is": _is,
    "type": _is,
    "state": _is,
    "no": lambda value: _ABSENT.get(value.lower()),
    "author": _person("issue.author_id"),
    "assignee": _assigned,
    "label": _labels,
    "milestone": lambda title: (
        "issue.milestone_id IN (SELECT id FROM milestone WHERE title = ? COLLATE NOCASE)",
        (title,),
    ),
    "mentions": lambda login: ("issue.body LIKE ? ESCAPE '\\'", (like(f"@{login}"),)),
    "commenter": lambda login: (_COMMENTED, (login,)),
    "involves": _involved,
    "review-requested": _reviewing("review_request", "user_id"),
    "reviewed-by": _reviewing("review", "author_id"),
    "head": _pull("head_ref"),
    "base": _pull("base_ref"),
    "draft": lambda value: (
        "issue.id IN (SELECT issue_id FROM pull WHERE draft = ?)",
        (int(value.lower() == "true"),),
    ),
    "archived": lambda value: (
        "issue.repo_id IN (SELECT id FROM repository WHERE archived = ?)",
        (int(value.lower() == "true"),),
    ),
    "created": _compared("issue.created_at"),
    "updated": _compared("issue.updated_at"),
    "closed": _compared("issue.closed_at"),
    "merged": _compared("(SELECT merged_at FROM pull WHERE pull.issue_id = issue.id)"),
    "comments": _compared("issue.comments"),
}
