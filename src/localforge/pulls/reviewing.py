"""Reviews of a pull request: pending ones, submitting, dismissing, remarks on lines, asking for them."""

from collections.abc import Sequence
from dataclasses import dataclass

from localforge.access import Role
from localforge.errors import FieldError, InvalidError
from localforge.events import PullRequestReviewCommentEvent, PullRequestReviewEvent
from localforge.git.diff import changed_files
from localforge.git.directory import GitDir
from localforge.issues.acting import Act
from localforge.protection import Rules
from localforge.pulls.comparison import compare
from localforge.pulls.hunks import Side, at_line, at_position, hunk_above
from localforge.store import pulls
from localforge.store.accounts import Account
from localforge.store.pulls import Pull, Review, ReviewComment, ReviewState

STATES: dict[str, ReviewState] = {
    "APPROVE": "APPROVED",
    "REQUEST_CHANGES": "CHANGES_REQUESTED",
    "COMMENT": "COMMENTED",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a remark stands: on a line of a side, at a position of the patch, or (neither) on the file."""

    path: str
    line: int | None = None
    side: Side = "RIGHT"
    start_line: int | None = None
    start_side: Side | None = None
    position: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """A remark whose place was found in the patch."""

    body: str
    place: Place
    diff_hunk: str


def refusal(event: str | None, body: str, *, own: bool) -> InvalidError | None:
    """Why a review may not be submitted with this event; None when it may."""
    if own and event in {"APPROVE", "REQUEST_CHANGES"}:
        verb = "approve" if event == "APPROVE" else "request changes on"
        return InvalidError("Unprocessable Entity", errors=(f"Can not {verb} your own pull request",))
    if event in {"REQUEST_CHANGES", "COMMENT"} and not body.strip():
        return InvalidError("Unprocessable Entity", errors=("Body can't be blank",))
    return None


def may_dismiss(rules: Rules | None, role: Role, names: frozenset[str]) -> bool:
    """Whether the base branch's protection lets this person take others' reviews back; administrators always may."""
    restricted = rules.reviews.dismissal_users if rules and rules.reviews else None
    return restricted is None or role is Role.ADMIN or not names.isdisjoint(restricted)


def locate(git: GitDir, pull: Pull, place: Place, body: str) -> Remark:
    """Find the place in the pull request's diff; 422 when it is not there."""
    found = compare(git, pull.base_sha, pull.head_sha)
    changes = {change.path: change for change in changed_files(git, found.start, found.head)}
    if place.path not in changes:
        raise _unresolved("path", "could not be resolved")
    patch = changes[place.path].patch or ""
    side, line = place.side, place.line
    if line is None and place.position is not None:
        aimed = at_position(patch, place.position)
        if aimed is None:
            raise _unresolved("position", "is invalid")
        side, line = aimed
    if line is None:
        return Remark(body=body, place=Place(path=place.path), diff_hunk="")
    shown = at_line(patch, side, line)
    if shown is None:
        raise _unresolved("line", "must be part of the diff")
    where = Place(
        path=place.path,
        line=line,
        side=side,
        start_line=place.start_line,
        start_side=place.start_side or (side if place.start_line else None),
        position=shown.position,
    )
    return Remark(body=body, place=where, diff_hunk=hunk_above(patch, shown))


def begin(act: Act, pull: Pull, body: str, commit_sha: str) -> Review:
    """A pending review."""
    review_id = act.tx.insert(
        "review",
        repo_id=pull.repo_id,
        pull_id=pull.id,
        author_id=act.actor_id,
        state="PENDING",
        body=body,
        commit_sha=commit_sha,
        created_at=act.at,
    )
    return present(act, review_id)


def remark(act: Act, review: Review, item: Remark) -> ReviewComment:
    """Add a remark to a review."""
    return _insert_comment(act, review, item, None)


def reply(act: Act, review: Review, to: ReviewComment, body: str) -> ReviewComment:
    """Answer a remark, in its thread."""
    root = to.in_reply_to_id or to.id
    place = Place(
        path=to.path,
        line=to.line,
        side="LEFT" if to.side == "LEFT" else "RIGHT",
        start_line=to.start_line,
        position=to.position,
    )
    return _insert_comment(act, review, Remark(body=body, place=place, diff_hunk=to.diff_hunk), root)


def submit(act: Act, review: Review, event: str, body: str) -> Review:
    """Publish a pending review; whose review was asked for has given it."""
    act.tx.update("review", review.id, state=STATES[event], body=body, submitted_at=act.at)
    act.tx.execute(
        "DELETE FROM review_request WHERE pull_id = ? AND user_id = ?", review.pull_id, review.author_id
    )
    act.change()
    _tell(act, review, "submitted")
    for comment_id in act.tx.column(int, "SELECT id FROM review_comment WHERE review_id = ?", review.id):
        tell_comment(act, comment_id, "created")
    return present(act, review.id)


def dismiss(act: Act, review: Review, message: str) -> Review:
    """Take an approval or a rejection back."""
    act.tx.update("review", review.id, state="DISMISSED")
    act.note(
        "review_dismissed",
        dismissed_review={
            "state": review.state.lower(),
            "review_id": review.id,
            "dismissal_message": message,
        },
    )
    act.change()
    _tell(act, review, "dismissed")
    return present(act, review.id)


def edit(act: Act, review: Review, body: str) -> Review:
    """Replace a review's text."""
    act.tx.update("review", review.id, body=body)
    if review.state != "PENDING":
        _tell(act, review, "edited")
    return present(act, review.id)


def request(act: Act, pull: Pull, people: Sequence[Account]) -> None:
    """Ask people for a review."""
    asked = {person.id for person in pulls.requested_reviewers(act.tx, pull.id)}
    last = act.tx.count("SELECT max(position) FROM review_request WHERE pull_id = ?", pull.id)
    for position, person in enumerate(people, last + 1):
        if person.id not in asked:
            act.tx.insert("review_request", pull_id=pull.id, user_id=person.id, position=position)
            _note_request(act, "review_requested", person)


def withdraw_request(act: Act, pull: Pull, people: Sequence[Account]) -> None:
    """Ask them no longer."""
    for person in people:
        if act.tx.execute("DELETE FROM review_request WHERE pull_id = ? AND user_id = ?", pull.id, person.id):
            _note_request(act, "review_request_removed", person)


def tell_comment(act: Act, comment_id: int, action: str) -> None:
    """Emit the event of a remark."""
    act.tx.emit(
        PullRequestReviewCommentEvent(
            repo_id=act.issue.repo_id,
            actor_id=act.actor_id,
            action=action,
            pull_number=act.issue.number,
            comment_id=comment_id,
        )
    )


def present(act: Act, review_id: int) -> Review:
    """A review that this transaction made or holds."""
    review = pulls.review_by_id(act.tx, review_id)
    if review is None:
        raise LookupError(f"review {review_id}")
    return review


def _insert_comment(act: Act, review: Review, item: Remark, root: int | None) -> ReviewComment:
    place = item.place
    comment_id = act.tx.insert(
        "review_comment",
        repo_id=review.repo_id,
        pull_id=review.pull_id,
        review_id=review.id,
        author_id=act.actor_id,
        in_reply_to_id=root,
        body=item.body,
        path=place.path,
        commit_sha=review.commit_sha,
        diff_hunk=item.diff_hunk,
        subject_type="file" if place.line is None else "line",
        side=place.side,
        line=place.line,
        start_side=place.start_side,
        start_line=place.start_line,
        position=place.position,
        created_at=act.at,
        updated_at=act.at,
    )
    comment = pulls.review_comment_by_id(act.tx, comment_id)
    if comment is None:
        raise LookupError(f"review comment {comment_id}")
    return comment


def _note_request(act: Act, kind: str, person: Account) -> None:
    act.change()
    act.note(kind, review_requester_id=act.actor_id, requested_reviewer_id=person.id)
    act.tell(kind, subject_id=person.id)


def _tell(act: Act, review: Review, action: str) -> None:
    act.tx.emit(
        PullRequestReviewEvent(
            repo_id=review.repo_id,
            actor_id=act.actor_id,
            action=action,
            pull_number=act.issue.number,
            review_id=review.id,
        )
    )


def _unresolved(name: str, words: str) -> InvalidError:
    field = f"pull_request_review_thread.{name}"
    return InvalidError(
        errors=(
            FieldError(
                resource="PullRequestReviewComment", field=field, code="custom", message=f"{field} {words}"
            ),
        )
    )
