"""Reviews of pull requests, remarks on lines, requested reviewers."""

from collections.abc import Sequence

from localforge.access import Role, names_of, role_on
from localforge.body import Body
from localforge.call import Answer, Call, created, ok
from localforge.errors import FieldError, ForbiddenError, InvalidError, NotFoundError, field_error
from localforge.issues.acting import Act
from localforge.issues.editing import act_on
from localforge.issues.listing import moment
from localforge.issues.people import assignable
from localforge.json_types import Json
from localforge.operations import Area, parse_need
from localforge.paging import page_of
from localforge.pulls import reviewing
from localforge.pulls.hunks import Side
from localforge.pulls.readiness import rules_for
from localforge.pulls.reviewing import Place, Remark, locate
from localforge.render.accounts import simple_user
from localforge.render.pulls import review as render
from localforge.render.pulls import review_comment as render_comment
from localforge.render.pulls import simple
from localforge.rest.issues import read_body
from localforge.rest.pulls import found_pull
from localforge.store import pulls
from localforge.store.accounts import Account
from localforge.store.issues import Issue
from localforge.store.pulls import Pull, Review, ReviewComment

area = Area()

EVENTS = tuple(reviewing.STATES)
_PULL = "/repos/{owner}/{repo}/pulls/{pull_number}"
_REVIEW = f"{_PULL}/reviews/{{review_id}}"
_WRITE = parse_need("pull_requests:write", Role.WRITE)


@area("GET", f"{_PULL}/reviews", "pulls/list-reviews", needs="pull_requests:read")
def list_reviews(call: Call) -> Answer:
    """Reviews, oldest first; pending ones are seen by who writes them."""
    _, pull = found_pull(call)
    view = call.view
    shown = [item for item in pulls.reviews_of(call.db, pull.id) if _visible(call, item)]
    return page_of(call, shown).answer(lambda item: render(view, call.repo, pull, item, call.accept))


@area(
    "POST",
    f"{_PULL}/reviews",
    "pulls/create-review",
    needs="pull_requests:write",
    role=Role.READ,
    login=True,
    content=True,
)
def create(call: Call) -> Answer:
    """Begin a review, or give a whole one when there is an `event`."""
    issue, pull = found_pull(call)
    event = call.body.choice("event", EVENTS) if call.body.values.get("event") else None
    body = call.body.maybe_text("body") or ""
    remarks = [_remark(call, pull, item) for item in call.body.objects("comments") or ()]
    _check(call, issue, event, body or (remarks[0].body if remarks else ""))
    commit_sha = call.body.maybe_text("commit_id") or pull.head_sha
    with call.forge.store.write() as tx:
        act = act_on(call.forge, tx, issue, call.actor.account.id)
        _refuse_second(act, pull)
        item = reviewing.begin(act, pull, body, commit_sha)
        for found in remarks:
            reviewing.remark(act, item, found)
        if event:
            item = reviewing.submit(act, item, event, body)
    return ok(render(call.view, call.repo, pull, item, call.accept))


@area("GET", _REVIEW, "pulls/get-review", needs="pull_requests:read")
def get(call: Call) -> Answer:
    """One review."""
    _, pull, item = _found(call)
    return ok(render(call.view, call.repo, pull, item, call.accept))


@area("PUT", _REVIEW, "pulls/update-review", needs="pull_requests:write", role=Role.READ, login=True)
def update(call: Call) -> Answer:
    """Replace the text of one's own review."""
    issue, pull, item = _own(call)
    body = call.body.text("body")
    with call.forge.store.write() as tx:
        item = reviewing.edit(act_on(call.forge, tx, issue, call.actor.account.id), item, body)
    return ok(render(call.view, call.repo, pull, item, call.accept))


@area(
    "DELETE", _REVIEW, "pulls/delete-pending-review", needs="pull_requests:write", role=Role.READ, login=True
)
def delete(call: Call) -> Answer:
    """Throw a pending review away."""
    _, pull, item = _own(call)
    if item.state != "PENDING":
        raise InvalidError("Can not delete a non-pending pull request review")
    shown = render(call.view, call.repo, pull, item, call.accept)
    with call.forge.store.write() as tx:
        tx.execute("DELETE FROM review WHERE id = ?", item.id)
    return ok(shown)


@area(
    "POST",
    f"{_REVIEW}/events",
    "pulls/submit-review",
    needs="pull_requests:write",
    role=Role.READ,
    login=True,
    content=True,
)
def submit(call: Call) -> Answer:
    """Publish a pending review."""
    issue, pull, item = _own(call)
    event = call.body.choice("event", EVENTS)
    body = call.body.maybe_text("body") or item.body
    if item.state != "PENDING":
        raise InvalidError("Could not submit review: it has been submitted already.")
    _check(call, issue, event, body)
    with call.forge.store.write() as tx:
        item = reviewing.submit(act_on(call.forge, tx, issue, call.actor.account.id), item, event, body)
    return ok(render(call.view, call.repo, pull, item, call.accept))


@area("PUT", f"{_REVIEW}/dismissals", "pulls/dismiss-review", needs="pull_requests:write")
def dismiss(call: Call) -> Answer:
    """Take an approval or a rejection back."""
    issue, pull, item = _found(call)
    message = call.body.text("message")
    if item.state not in {"APPROVED", "CHANGES_REQUESTED"}:
        raise InvalidError("Can not dismiss a commented pull request review")
    if not reviewing.may_dismiss(
        rules_for(call.db, call.repo, pull),
        role_on(call.db, call.repo, call.actor.user),
        names_of(call.db, call.actor.account),
    ):
        raise ForbiddenError("Review dismissals are restricted on this branch.")
    with call.forge.store.write() as tx:
        item = reviewing.dismiss(act_on(call.forge, tx, issue, call.actor.account.id), item, message)
    return ok(render(call.view, call.repo, pull, item, call.accept))


@area("GET", f"{_REVIEW}/comments", "pulls/list-comments-for-review", needs="pull_requests:read")
def list_of_review(call: Call) -> Answer:
    """The remarks of one review."""
    _, pull, item = _found(call)
    view = call.view
    rows = call.db.all(ReviewComment, "SELECT * FROM review_comment WHERE review_id = ? ORDER BY id", item.id)
    return page_of(call, rows).answer(lambda row: render_comment(view, call.repo, pull, row, call.accept))


@area(
    "GET",
    "/repos/{owner}/{repo}/pulls/comments",
    "pulls/list-review-comments-for-repo",
    needs="pull_requests:read",
)
def list_for_repo(call: Call) -> Answer:
    """Every remark in the repository; by id unless `sort` is given."""
    query, view, since = call.query, call.view, moment(call, "since") or ""
    key = f"{query.choice('sort', ('created', 'updated', 'created_at'), 'created').removesuffix('_at')}_at"
    rows = [row for row in pulls.review_comments_in(call.db, call.repo.id) if row.updated_at >= since]
    rows.sort(key=lambda row: (getattr(row, key), row.id))
    if query.choice("direction", ("asc", "desc"), "asc") == "desc":
        rows.reverse()
    return page_of(call, rows).answer(
        lambda row: render_comment(view, call.repo, pulls.by_id(call.db, row.pull_id), row, call.accept)
    )


@area("GET", f"{_PULL}/comments", "pulls/list-review-comments", needs="pull_requests:read")
def list_comments(call: Call) -> Answer:
    """Every remark on the pull request's lines."""
    _, pull = found_pull(call)
    view = call.view
    rows = pulls.review_comments_of(call.db, pull.id)
    return page_of(call, rows).answer(lambda row: render_comment(view, call.repo, pull, row, call.accept))


@area(
    "POST",
    f"{_PULL}/comments",
    "pulls/create-review-comment",
    needs="pull_requests:write",
    role=Role.READ,
    login=True,
    content=True,
)
def create_comment(call: Call) -> Answer:
    """A remark on a line or file, which is a review of its own; or (`in_reply_to`) an answer."""
    issue, pull = found_pull(call)
    answered = call.body.maybe_number("in_reply_to")
    if answered is not None:
        return _reply(call, issue, pull, answered)
    found = _remark(call, pull, call.body)
    with call.forge.store.write() as tx:
        act = act_on(call.forge, tx, issue, call.actor.account.id)
        item = reviewing.begin(act, pull, "", call.body.text("commit_id"))
        row = reviewing.remark(act, item, found)
        reviewing.submit(act, item, "COMMENT", "")
    return _created(call, pull, row)


@area(
    "POST",
    f"{_PULL}/comments/{{comment_id}}/replies",
    "pulls/create-reply-for-review-comment",
    needs="pull_requests:write",
    role=Role.READ,
    login=True,
    content=True,
)
def reply(call: Call) -> Answer:
    """Answer a remark."""
    return _reply(call, *found_pull(call), call.number("comment_id"))


@area(
    "GET",
    "/repos/{owner}/{repo}/pulls/comments/{comment_id}",
    "pulls/get-review-comment",
    needs="pull_requests:read",
)
def get_comment(call: Call) -> Answer:
    """One remark."""
    row = pulls.review_comment_by_id(call.db, call.number("comment_id"))
    if row is None or row.repo_id != call.repo.id:
        raise NotFoundError
    return ok(render_comment(call.view, call.repo, pulls.by_id(call.db, row.pull_id), row, call.accept))


@area("GET", f"{_PULL}/requested_reviewers", "pulls/list-requested-reviewers", needs="pull_requests:read")
def list_requested(call: Call) -> Answer:
    """Whose review is asked for."""
    _, pull = found_pull(call)
    people: Sequence[Account] = pulls.requested_reviewers(call.db, pull.id)
    return ok({"users": [simple_user(call.urls, person) for person in people], "teams": []})


@area(
    "POST",
    f"{_PULL}/requested_reviewers",
    "pulls/request-reviewers",
    needs="pull_requests:write",
    role=Role.READ,
    login=True,
)
def request(call: Call) -> Answer:
    """Ask people for a review: the author, or who may write."""
    issue, pull = found_pull(call)
    _may_ask(call, issue)
    people = _reviewers(call, issue)
    with call.forge.store.write() as tx:
        reviewing.request(act_on(call.forge, tx, issue, call.actor.account.id), pull, people)
    return created(simple(call.view, call.repo, issue, pull))


@area(
    "DELETE",
    f"{_PULL}/requested_reviewers",
    "pulls/remove-requested-reviewers",
    needs="pull_requests:write",
    role=Role.READ,
    login=True,
)
def withdraw(call: Call) -> Answer:
    """Ask them no longer."""
    issue, pull = found_pull(call)
    _may_ask(call, issue)
    people = _reviewers(call, issue)
    with call.forge.store.write() as tx:
        reviewing.withdraw_request(act_on(call.forge, tx, issue, call.actor.account.id), pull, people)
    return ok(simple(call.view, call.repo, issue, pull))


def _visible(call: Call, item: Review) -> bool:
    return item.state != "PENDING" or (call.actor.user is not None and item.author_id == call.actor.user.id)


def _found(call: Call) -> tuple[Issue, Pull, Review]:
    issue, pull = found_pull(call)
    item = pulls.review_by_id(call.db, call.number("review_id"))
    if item is None or item.pull_id != pull.id or not _visible(call, item):
        raise NotFoundError
    return issue, pull, item


def _own(call: Call) -> tuple[Issue, Pull, Review]:
    issue, pull, item = _found(call)
    if item.author_id != call.actor.account.id:
        raise ForbiddenError("Must be the author of the review.")
    return issue, pull, item


def _check(call: Call, issue: Issue, event: str | None, body: str) -> None:
    error = reviewing.refusal(event, body, own=issue.author_id == call.actor.account.id)
    if error:
        raise error


def _refuse_second(act: Act, pull: Pull) -> None:
    if act.tx.count(
        "SELECT count(*) FROM review WHERE pull_id = ? AND author_id = ? AND state = 'PENDING'",
        pull.id,
        act.actor_id,
    ):
        raise InvalidError(
            "Unprocessable Entity", errors=("User can only have one pending review per pull request",)
        )


def _remark(call: Call, pull: Pull, item: Body) -> Remark:
    start_side = item.choice("start_side", ("LEFT", "RIGHT", "side"), "side")
    place = Place(
        path=item.text("path"),
        line=item.maybe_number("line"),
        side=_side(item.choice("side", ("LEFT", "RIGHT"), "RIGHT")),
        start_line=item.maybe_number("start_line"),
        start_side=None if start_side == "side" else _side(start_side),
        position=item.maybe_number("position"),
    )
    whole_file = item.choice("subject_type", ("line", "file"), "line") == "file"
    if place.line is None and place.position is None and not whole_file:
        raise InvalidError('Invalid request.\n\n"line" or "position" wasn\'t supplied.')
    return locate(call.git, pull, place, item.text("body"))


def _side(text: str) -> Side:
    return "LEFT" if text == "LEFT" else "RIGHT"


def _reply(call: Call, issue: Issue, pull: Pull, comment_id: int) -> Answer:
    answered = pulls.review_comment_by_id(call.db, comment_id)
    if answered is None or answered.pull_id != pull.id:
        raise NotFoundError
    call.body.text("body")
    body = read_body(call, None)
    if not body:
        raise field_error("PullRequestReviewComment", "body", "missing_field")
    with call.forge.store.write() as tx:
        act = act_on(call.forge, tx, issue, call.actor.account.id)
        item = reviewing.begin(act, pull, "", answered.commit_sha)
        row = reviewing.reply(act, item, answered, body)
        reviewing.submit(act, item, "COMMENT", "")
    return _created(call, pull, row)


def _created(call: Call, pull: Pull, row: ReviewComment) -> Answer:
    shown: dict[str, Json] = render_comment(call.view, call.repo, pull, row, call.accept)
    return created(shown, location=str(shown["url"]))


def _may_ask(call: Call, issue: Issue) -> None:
    if issue.author_id != call.actor.account.id and not call.may(_WRITE):
        raise ForbiddenError("Must have push access to Repository.")


def _reviewers(call: Call, issue: Issue) -> list[Account]:
    """The people that the body names; 422 when one cannot review."""
    logins = call.body.texts("reviewers") or []
    able = {person.login.casefold(): person for person in assignable(call.db, call.repo)}
    people = [able.get(login.casefold()) for login in logins]
    if None in people:
        raise InvalidError(
            "Reviews may only be requested from collaborators. One or more of the users or teams you specified"
            " is not a collaborator of the repository.",
        )
    found = [person for person in people if person]
    if any(person.id == issue.author_id for person in found):
        raise InvalidError(
            errors=(
                FieldError(
                    resource="PullRequest",
                    code="custom",
                    message="Review cannot be requested from pull request author.",
                ),
            )
        )
    return found
