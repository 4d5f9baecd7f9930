"""Reactions to issues, pull requests and their comments."""

from collections.abc import Callable

from localforge.access import Role
from localforge.call import Answer, Call, no_content, ok
from localforge.errors import ForbiddenError, NotFoundError
from localforge.json_types import Json
from localforge.operations import Area
from localforge.paging import page_of
from localforge.render.accounts import simple_user
from localforge.render.view import View
from localforge.rest.issue_comments import found_comment
from localforge.rest.issues import found_issue
from localforge.store import reactions
from localforge.store.reactions import CONTENTS, Reaction, Subject
from localforge.urls import node_id

area = Area()

_PLACES: dict[Subject, str] = {
    "issue": "/repos/{owner}/{repo}/issues/{issue_number}/reactions",
    "comment": "/repos/{owner}/{repo}/issues/comments/{comment_id}/reactions",
}
_NAMES: dict[Subject, str] = {"issue": "issue", "comment": "issue-comment"}


def _subject(call: Call) -> tuple[Subject, int]:
    """What is reacted to; 404 when there is no such thing."""
    return (
        ("issue", found_issue(call).id)
        if "issue_number" in call.params
        else ("comment", found_comment(call).id)
    )


def create(call: Call) -> Answer:
    """The caller's reaction; 200 where it was given before."""
    subject, subject_id = _subject(call)
    content, user = call.body.choice("content", CONTENTS), call.actor.account
    mine = [
        item
        for item in reactions.of(call.db, subject, subject_id)
        if (item.user_id, item.content) == (user.id, content)
    ]
    if mine:
        return ok(_rendered(call.view, mine[0]))
    at = call.forge.clock()
    with call.forge.store.write() as tx:
        row_id = tx.insert(
            "reaction",
            subject=subject,
            subject_id=subject_id,
            user_id=user.id,
            content=content,
            created_at=at,
        )
    made = Reaction(
        id=row_id, subject=subject, subject_id=subject_id, user_id=user.id, content=content, created_at=at
    )
    return ok(_rendered(call.view, made), status=201)


def list_all(call: Call) -> Answer:
    """Every reaction, or those of one content."""
    view, content = call.view, call.query.choice("content", ("", *CONTENTS), "")
    found = [item for item in reactions.of(call.db, *_subject(call)) if content in {"", item.content}]
    return page_of(call, found).answer(lambda item: _rendered(view, item))


def delete(call: Call) -> Answer:
    """Take one's reaction back."""
    found = {item.id: item for item in reactions.of(call.db, *_subject(call))}
    item = found.get(call.number("reaction_id"))
    if item is None:
        raise NotFoundError
    if item.user_id != call.actor.account.id:
        raise ForbiddenError("Must be the author of the reaction.")
    with call.forge.store.write() as tx:
        tx.execute("DELETE FROM reaction WHERE id = ?", item.id)
    return no_content()


def _rendered(view: View, item: Reaction) -> dict[str, Json]:
    """`reaction`."""
    return {
        "id": item.id,
        "node_id": node_id("REA", item.id),
        "user": simple_user(view.urls, view.account(item.user_id)),
        "content": item.content,
        "created_at": item.created_at,
    }


def _declare(subject: Subject) -> None:
    path, name = _PLACES[subject], _NAMES[subject]
    rows: tuple[tuple[str, str, str, Callable[[Call], Answer]], ...] = (
        ("POST", path, f"reactions/create-for-{name}", create),
        ("DELETE", f"{path}/{{reaction_id}}", f"reactions/delete-for-{name}", delete),
    )
    for method, where, operation_id, handler in rows:
        area(method, where, operation_id, needs="issues:write", role=Role.READ, login=True)(handler)
    area("GET", path, f"reactions/list-for-{name}", needs="issues:read")(list_all)


for _kind in _PLACES:
    _declare(_kind)
