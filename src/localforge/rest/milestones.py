"""Milestones."""

from localforge.call import Answer, Call, created, ok
from localforge.errors import InvalidError, NotFoundError, field_error
from localforge.json_types import Json
from localforge.moment import from_epoch, to_epoch
from localforge.operations import Area
from localforge.paging import page_of
from localforge.render.issues import milestone as render
from localforge.store import issues
from localforge.store.issues import Milestone

area = Area()

_ONE = "/repos/{owner}/{repo}/milestones/{milestone_number}"


@area("GET", "/repos/{owner}/{repo}/milestones", "issues/list-milestones", needs="issues:read")
def list_milestones(call: Call) -> Answer:
    """Milestones by due date or completeness."""
    view = call.view
    state = call.query.choice("state", ("open", "closed", "all"), "open")
    rows = call.db.all(Milestone, "SELECT * FROM milestone WHERE repo_id = ? ORDER BY id", call.repo.id)
    found = [row for row in rows if state in {"all", row.state}]
    if call.query.choice("sort", ("due_on", "completeness"), "due_on") == "completeness":
        found.sort(key=lambda row: _completeness(call, row))
    else:
        found.sort(key=lambda row: row.due_on or "9")
    if call.query.choice("direction", ("asc", "desc"), "asc") == "desc":
        found.reverse()
    return page_of(call, found).answer(lambda row: render(view, call.repo, row))


@area(
    "POST", "/repos/{owner}/{repo}/milestones", "issues/create-milestone", needs="issues:write", content=True
)
def create(call: Call) -> Answer:
    """A new milestone."""
    columns = _columns(call, None)
    with call.forge.store.write() as tx:
        number = 1 + tx.count("SELECT max(number) FROM milestone WHERE repo_id = ?", call.repo.id)
        at = call.forge.clock()
        tx.insert(
            "milestone",
            repo_id=call.repo.id,
            number=number,
            creator_id=call.actor.account.id,
            created_at=at,
            updated_at=at,
            **columns,
        )
    shown = _shown(call, number)
    return created(shown, location=str(shown["url"]))


@area("GET", _ONE, "issues/get-milestone", needs="issues:read")
def get(call: Call) -> Answer:
    """One milestone."""
    return ok(_shown(call, call.number("milestone_number")))


@area("PATCH", _ONE, "issues/update-milestone", needs="issues:write")
def update(call: Call) -> Answer:
    """Change a milestone."""
    row = _found(call, call.number("milestone_number"))
    columns = _columns(call, row)
    with call.forge.store.write() as tx:
        tx.update("milestone", row.id, updated_at=call.forge.clock(), **columns)
    return ok(_shown(call, row.number))


def _found(call: Call, number: int) -> Milestone:
    row = issues.milestone_numbered(call.db, call.repo.id, number)
    if row is None:
        raise NotFoundError
    return row


def _shown(call: Call, number: int) -> dict[str, Json]:
    return render(call.view, call.repo, _found(call, number))


def _columns(call: Call, before: Milestone | None) -> dict[str, Json]:
    """The row's columns as the body wants them, on top of what they were."""
    title = call.body.maybe_text("title") if before else call.body.text("title")
    title = before.title if title is None and before else title
    if not title:
        raise field_error("Milestone", "title", "missing_field")
    state = call.body.choice("state", ("open", "closed"), before.state if before else "open")
    was_closed = before.closed_at if before else None
    return {
        "title": title,
        "state": state,
        "closed_at": (was_closed or call.forge.clock()) if state == "closed" else None,
        "description": call.body.maybe_text("description")
        if "description" in call.body or before is None
        else before.description,
        "due_on": _due(call) if "due_on" in call.body or before is None else before.due_on,
    }


def _due(call: Call) -> str | None:
    text = call.body.maybe_text("due_on")
    try:
        return from_epoch(to_epoch(text)) if text else None
    except ValueError as error:
        raise InvalidError(
            f"Invalid request.\n\nFor 'properties/due_on', {text} is not a date-time."
        ) from error


def _completeness(call: Call, row: Milestone) -> float:
    closed = call.db.count("SELECT count(*) FROM issue WHERE milestone_id = ? AND state = 'closed'", row.id)
    return closed / max(1, call.db.count("SELECT count(*) FROM issue WHERE milestone_id = ?", row.id))
