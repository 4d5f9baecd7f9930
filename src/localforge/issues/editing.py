"""Title, text, state, lock, milestone and comments of an issue: each change with its history line and its event."""

from localforge.forge import Forge
from localforge.issues.acting import Act
from localforge.json_types import Json
from localforge.store import issues
from localforge.store.database import Tx
from localforge.store.issues import Comment, Issue, Milestone


def insert(
    tx: Tx, *, repo_id: int, is_pull: bool, author_id: int, text: tuple[str, str | None], at: str
) -> Issue:
    """A new row with the next number; `text` is title and body. Whoever calls tells that it was opened."""
    title, body = text
    issue_id = tx.insert(
        "issue",
        repo_id=repo_id,
        number=issues.next_number(tx, repo_id),
        is_pull=is_pull,
        author_id=author_id,
        title=title,
        body=body,
        created_at=at,
        updated_at=at,
    )
    tx.execute("UPDATE repository SET open_issues = open_issues + 1 WHERE id = ?", repo_id)
    return issues.by_id(tx, issue_id)


def edit_text(act: Act, title: str, body: str | None) -> None:
    """Set title and body; nothing happens where neither differs."""
    changes: dict[str, Json] = {}
    if title != act.issue.title:
        changes["title"] = {"from": act.issue.title}
        act.note("renamed", rename={"from": act.issue.title, "to": title})
    if body != act.issue.body:
        changes["body"] = {"from": act.issue.body or ""}
    if changes:
        act.change(title=title, body=body)
        act.tell("edited", changes=changes)


def close(act: Act, reason: str = "completed", *, commit_sha: str | None = None) -> None:
    """Close what is open. `reason` is completed, not_planned or duplicate; a pull request has none.

    `commit_sha` is the commit whose message closed it. An issue already closed only changes its reason.
    """
    kept = None if act.issue.is_pull else reason
    if act.issue.state == "closed":
        if kept != act.issue.state_reason:
            act.change(state_reason=kept)
        return
    act.change(state="closed", state_reason=kept, closed_at=act.at, closed_by_id=act.actor_id)
    act.tx.execute("UPDATE repository SET open_issues = open_issues - 1 WHERE id = ?", act.issue.repo_id)
    act.note("closed", commit_sha=commit_sha, state_reason=kept)
    act.tell("closed")


def reopen(act: Act) -> None:
    """Open what is closed. Whether a pull request can be opened again, its own rules have decided before."""
    if act.issue.state == "open":
        return
    reason = None if act.issue.is_pull else "reopened"
    act.change(state="open", state_reason=reason, closed_at=None, closed_by_id=None)
    act.tx.execute("UPDATE repository SET open_issues = open_issues + 1 WHERE id = ?", act.issue.repo_id)
    act.note("reopened")
    act.tell("reopened")


def lock(act: Act, reason: str | None) -> None:
    """Let only collaborators comment."""
    if not act.issue.locked or act.issue.lock_reason != reason:
        act.change(locked=True, lock_reason=reason)
        act.note("locked", lock_reason=reason)
        act.tell("locked")


def unlock(act: Act) -> None:
    """Let everybody comment again."""
    if act.issue.locked:
        act.change(locked=False, lock_reason=None)
        act.note("unlocked", lock_reason=None)
        act.tell("unlocked")


def set_milestone(act: Act, milestone: Milestone | None) -> None:
    """Put the issue into a milestone, or into none."""
    present = act.issue.milestone_id
    wanted = milestone.id if milestone else None
    if present == wanted:
        return
    before = issues.milestone_by_id(act.tx, present) if present else None
    act.change(milestone_id=wanted)
    if before:
        act.note("demilestoned", milestone={"title": before.title})
        act.tell("demilestoned", subject_id=before.id)
    if milestone:
        act.note("milestoned", milestone={"title": milestone.title})
        act.tell("milestoned", subject_id=milestone.id)


def comment(act: Act, body: str) -> Comment:
    """Add a comment."""
    comment_id = act.tx.insert(
        "issue_comment",
        repo_id=act.issue.repo_id,
        issue_id=act.issue.id,
        author_id=act.actor_id,
        body=body,
        created_at=act.at,
        updated_at=act.at,
    )
    act.change(comments=act.issue.comments + 1)
    act.tell_comment("created", comment_id)
    return present_comment(act.tx, comment_id)


def edit_comment(act: Act, before: Comment, body: str) -> Comment:
    """Replace a comment's text."""
    if body != before.body:
        act.tx.update("issue_comment", before.id, body=body, updated_at=act.at)
        act.tell_comment("edited", before.id, {"body": {"from": before.body}})
    return present_comment(act.tx, before.id)


def delete_comment(act: Act, comment: Comment) -> None:
    """Remove a comment from the conversation."""
    act.tx.update("issue_comment", comment.id, deleted=True)
    act.change(comments=act.issue.comments - 1)
    act.tell_comment("deleted", comment.id)


def present_comment(tx: Tx, comment_id: int) -> Comment:
    """A comment that this transaction made or holds."""
    found = issues.comment_by_id(tx, comment_id)
    if found is None:
        raise LookupError(f"comment {comment_id}")
    return found


def act_on(forge: Forge, tx: Tx, issue: Issue, actor_id: int) -> Act:
    """An act of this account on the issue as the transaction sees it, now."""
    return Act(tx=tx, issue=issues.by_id(tx, issue.id), actor_id=actor_id, at=forge.clock())
