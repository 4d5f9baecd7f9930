"""Lists of issues and comments: from the filters of a request to SQL."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from localforge.call import Call
from localforge.errors import InvalidError, field_error
from localforge.moment import FORMAT, from_epoch, to_epoch
from localforge.paging import Page, page_from
from localforge.store.database import SqlValue
from localforge.store.issues import Comment, Issue

SORTS = {"created": "issue.created_at", "updated": "issue.updated_at", "comments": "issue.comments"}


@dataclass(slots=True)
class Conditions:
    """A growing WHERE clause and its arguments."""

    clauses: list[str] = field(default_factory=list)
    args: list[SqlValue] = field(default_factory=list)

    def add(self, clause: str, *args: SqlValue) -> None:
        """One more condition that must hold."""
        self.clauses.append(clause)
        self.args += args

    @property
    def sql(self) -> str:
        """The conditions joined."""
        return " AND ".join(self.clauses) or "1"


def moment(call: Call, name: str) -> str | None:
    """A time in the query as the store writes times; None when absent, 422 when it is none."""
    text = call.query.get(name)
    if not text:
        return None
    try:
        return from_epoch(to_epoch(text.replace(" ", "+")))
    except ValueError as error:
        raise InvalidError(f"Invalid request.\n\n{name} is not a time like {FORMAT}.") from error


def asked_for(call: Call) -> Conditions:
    """The filters of `issues/list-for-repo`."""
    query, where = call.query, Conditions()
    where.add("issue.repo_id = ?", call.repo.id)
    state = query.choice("state", ("open", "closed", "all"), "open")
    if state != "all":
        where.add("issue.state = ?", state)
    if since := moment(call, "since"):
        where.add("issue.updated_at >= ?", since)
    for name in filter(None, (query.get("labels") or "").split(",")):
        where.add(*labelled(name.strip()))
    if creator := query.get("creator"):
        where.add("issue.author_id IN (SELECT id FROM account WHERE login = ?)", creator)
    if mentioned := query.get("mentioned"):
        where.add("issue.body LIKE ? ESCAPE '\\'", like(f"@{mentioned}"))
    _assignee(where, query.get("assignee"))
    _milestone(where, query.get("milestone"))
    return where


def labelled(name: str) -> tuple[str, str]:
    """The condition that an issue bears a label."""
    clause = (
        "issue.id IN (SELECT issue_label.issue_id FROM issue_label"
        " JOIN label ON label.id = issue_label.label_id WHERE label.name = ?)"
    )
    return clause, name


def assigned(login: str) -> tuple[str, str]:
    """The condition that somebody is assigned."""
    clause = (
        "issue.id IN (SELECT issue_assignee.issue_id FROM issue_assignee"
        " JOIN account ON account.id = issue_assignee.user_id WHERE account.login = ?)"
    )
    return clause, login


def like(text: str) -> str:
    """A LIKE pattern (escape `\\`) for texts that contain this one."""
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


def _assignee(where: Conditions, login: str | None) -> None:
    match login:
        case None:
            return
        case "none":
            where.add("issue.id NOT IN (SELECT issue_id FROM issue_assignee)")
        case "*":
            where.add("issue.id IN (SELECT issue_id FROM issue_assignee)")
        case _:
            where.add(*assigned(login))


def _milestone(where: Conditions, number: str | None) -> None:
    match number:
        case None:
            return
        case "none":
            where.add("issue.milestone_id IS NULL")
        case "*":
            where.add("issue.milestone_id IS NOT NULL")
        case _ if number.isascii() and number.isdigit() and len(number) < 19:
            where.add(
                "issue.milestone_id IN (SELECT id FROM milestone"
                " WHERE milestone.repo_id = issue.repo_id AND number = ?)",
                int(number),
            )
        case _:
            raise field_error("Issue", "milestone")


def issue_page(call: Call, where: Conditions, order: str) -> Page[Issue]:
    """The page asked for of the issues that meet the conditions; `order` is SQL."""
    total = call.db.count(f"SELECT count(*) FROM issue WHERE {where.sql}", *where.args)  # noqa: S608 (ours)

    def fetch(limit: int, offset: int) -> Sequence[Issue]:
        return call.db.all(
            Issue,
            f"SELECT issue.* FROM issue WHERE {where.sql} ORDER BY {order} LIMIT ? OFFSET ?",  # noqa: S608 (ours)
            *where.args,
            limit,
            offset,
        )

    return page_from(call, total, fetch)


def sorted_by(call: Call) -> str:
    """The order that `sort` and `direction` ask for, as SQL."""
    column = SORTS[call.query.choice("sort", tuple(SORTS), "created")]
    direction = call.query.choice("direction", ("asc", "desc"), "desc")
    return f"{column} {direction}, issue.id {direction}"


def comment_page(call: Call, where: Conditions, order: str) -> Page[Comment]:
    """The page asked for of the comments that meet the conditions."""
    if since := moment(call, "since"):
        where.add("updated_at >= ?", since)
    where.add("NOT deleted")
    total = call.db.count(f"SELECT count(*) FROM issue_comment WHERE {where.sql}", *where.args)  # noqa: S608 (ours)

    def fetch(limit: int, offset: int) -> Sequence[Comment]:
        return call.db.all(
            Comment,
            f"SELECT * FROM issue_comment WHERE {where.sql} ORDER BY {order} LIMIT ? OFFSET ?",  # noqa: S608 (ours)
            *where.args,
            limit,
            offset,
        )

    return page_from(call, total, fetch)
