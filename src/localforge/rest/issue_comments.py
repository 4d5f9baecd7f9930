"""Comments on issues and pull requests."""

from localforge.access import Role
from localforge.call import Answer, Call, created, no_content, ok
from localforge.errors import ForbiddenError, NotFoundError, field_error
from localforge.issues.editing import act_on, comment, delete_comment, edit_comment
from localforge.issues.listing import Conditions, comment_page
from localforge.operations import Area, parse_need
from localforge.render.issues import comment as render
from localforge.rest.issues import found_issue, read_body
from localforge.store import issues
from localforge.store.issues import Comment

area = Area()

WRITE = parse_need("issues:write", Role.WRITE)


@area("GET", "/repos/{owner}/{repo}/issues/comments", "issues/list-comments-for-repo", needs="issues:read")
def list_for_repo(call: Call) -> Answer:
    """Every comment of the repository; by id unless `sort` is given."""
    view, where = call.view, Conditions()
    where.add("repo_id = ?", call.repo.id)
    column = {"created": "created_at", "updated": "updated_at"}[
        call.query.choice("sort", ("created", "updated"), "created")
    ]
    direction = call.query.choice("direction", ("asc", "desc"), "asc")
    page = comment_page(call, where, f"{column} {direction}, id {direction}")
    return page.answer(
        lambda item: render(view, call.repo, issues.by_id(call.db, item.issue_id), item, call.accept)
    )


@area(
    "GET",
    "/repos/{owner}/{repo}/issues/{issue_number}/comments",
    "issues/list-comments",
    needs="issues:read",
)
def list_comments(call: Call) -> Answer:
    """The comments of an issue or pull request, oldest first."""
    item, view, where = found_issue(call), call.view, Conditions()
    where.add("issue_id = ?", item.id)
    return comment_page(call, where, "id").answer(lambda row: render(view, call.repo, item, row, call.accept))


@area(
    "POST",
    "/repos/{owner}/{repo}/issues/{issue_number}/comments",
    "issues/create-comment",
    needs="issues:write",
    role=Role.READ,
    login=True,
    content=True,
)
def create(call: Call) -> Answer:
    """Comment; on a locked issue only who may write."""
    item = found_issue(call)
    if item.locked and not call.may(WRITE):
        raise ForbiddenError("Unable to create comment because issue is locked.")
    body = _text(call)
    with call.forge.store.write() as tx:
        row = comment(act_on(call.forge, tx, item, call.actor.account.id), body)
    shown = render(call.view, call.repo, item, row, call.accept)
    return created(shown, location=str(shown["url"]))


@area("GET", "/repos/{owner}/{repo}/issues/comments/{comment_id}", "issues/get-comment", needs="issues:read")
def get(call: Call) -> Answer:
    """One comment."""
    row = found_comment(call)
    return ok(render(call.view, call.repo, issues.by_id(call.db, row.issue_id), row, call.accept))


@area(
    "PATCH",
    "/repos/{owner}/{repo}/issues/comments/{comment_id}",
    "issues/update-comment",
    needs="issues:write",
    role=Role.READ,
    login=True,
)
def update(call: Call) -> Answer:
    """Replace a comment's text: its author, or who may write."""
    row, body = _own(call), _text(call)
    item = issues.by_id(call.db, row.issue_id)
    with call.forge.store.write() as tx:
        row = edit_comment(act_on(call.forge, tx, item, call.actor.account.id), row, body)
    return ok(render(call.view, call.repo, item, row, call.accept))


@area(
    "DELETE",
    "/repos/{owner}/{repo}/issues/comments/{comment_id}",
    "issues/delete-comment",
    needs="issues:write",
    role=Role.READ,
    login=True,
)
def delete(call: Call) -> Answer:
    """Remove a comment: its author, or who may write."""
    row = _own(call)
    with call.forge.store.write() as tx:
        delete_comment(act_on(call.forge, tx, issues.by_id(tx, row.issue_id), call.actor.account.id), row)
    return no_content()


def found_comment(call: Call) -> Comment:
    """The comment of the path; 404 when there is none."""
    row = issues.comment_by_id(call.db, call.number("comment_id"))
    if row is None or row.deleted or row.repo_id != call.repo.id:
        raise NotFoundError
    return row


def _own(call: Call) -> Comment:
    row = found_comment(call)
    if row.author_id != call.actor.account.id and not call.may(WRITE):
        raise ForbiddenError("Must have admin rights to Repository.")
    return row


def _text(call: Call) -> str:
    call.body.text("body")
    body = read_body(call, None)
    if not body or not body.strip():
        raise field_error("IssueComment", "body", "custom", "body can't be blank")
    return body
