"""Mutations of issues, comments, labels and people, also on pull requests."""

from collections.abc import Sequence

from localforge.access import Role
from localforge.body import Body
from localforge.errors import ForbiddenError, GoneError, field_error
from localforge.graph.change import named, payload, permit, read
from localforge.graph.fields import Ask, Fields, cursor
from localforge.graph.nodes import CommentNode, IssueNode, LabelNode, MilestoneNode, Person, Repo, issue_node
from localforge.graph.repositories import viewer_role
from localforge.issues.acting import Act
from localforge.issues.editing import (
    act_on,
    close,
    comment,
    delete_comment,
    edit_comment,
    edit_text,
    insert,
    lock,
    reopen,
    set_milestone,
    unlock,
)
from localforge.issues.labelling import add_labels, assign, remove_label, set_assignees, set_labels, unassign
from localforge.repositories import setting
from localforge.store import issues
from localforge.store.accounts import Account
from localforge.store.database import Tx
from localforge.urls import node_id

fields = Fields()

Root = object


def begin(ask: Ask, tx: Tx, node: IssueNode) -> Act:
    """The viewer acting on an issue or pull request."""
    return act_on(ask.call.forge, tx, node.issue, ask.view.actor.account.id)


def afresh(ask: Ask, node: IssueNode) -> IssueNode:
    """The node as it is after a change."""
    return issue_node(ask.view, node.repo, issues.by_id(ask.db, node.issue.id))


def needs_of(node: IssueNode) -> str:
    """The permission that changing it takes."""
    return "pull_requests:write" if node.issue.is_pull else "issues:write"


def permit_edit(ask: Ask, node: IssueNode, author_id: int) -> None:
    """Authors change what is theirs; others need triage rights."""
    own = ask.view.actor.account.id == author_id
    permit(ask, node.repo, needs_of(node), Role.READ if own else Role.TRIAGE)


def label_names(ask: Ask, ids: Sequence[str]) -> list[str]:
    """The names of the labels with these ids."""
    return [named(ask, LabelNode, label_id).label.name for label_id in ids]


def accounts_of(ask: Ask, ids: Sequence[str]) -> list[Account]:
    """The accounts with these ids."""
    return [named(ask, Person, person_id).account for person_id in ids]


def text_of(given: Body, name: str) -> str:
    """A text that must not be blank."""
    text = given.text(name).strip()
    if not text:
        raise field_error("Issue", name, "missing_field", f"{name.capitalize()} can't be blank")
    return text


@fields("Mutation", "createIssue")
def create_issue(_root: Root, ask: Ask) -> dict[str, object]:
    """Open an issue."""
    given = read(ask)
    repo = named(ask, Repo, given.text("repositoryId")).repo
    author = permit(ask, repo, "issues:write", Role.READ, content=True)
    if not setting(repo, "has_issues"):
        raise GoneError("Issues has been disabled in this repository.")
    title, triage = text_of(given, "title"), viewer_role(ask, repo) >= Role.TRIAGE
    labels = label_names(ask, given.texts("labelIds") or ())
    people = accounts_of(ask, given.texts("assigneeIds") or ())
    milestone_id = given.maybe_text("milestoneId")
    milestone = named(ask, MilestoneNode, milestone_id).milestone if milestone_id else None
    with ask.call.forge.store.write() as tx:
        at, text = ask.call.forge.clock(), (title, given.maybe_text("body"))
        issue = insert(tx, repo_id=repo.id, is_pull=False, author_id=author, text=text, at=at)
        act = Act(tx=tx, issue=issue, actor_id=author, at=at)
        act.tell("opened")
        if triage:
            add_labels(act, labels)
            assign(act, people)
            set_milestone(act, milestone)
    return payload(given, issue=afresh(ask, IssueNode(repo=repo, issue=issue)))


@fields("Mutation", "updateIssue")
def update_issue(_root: Root, ask: Ask) -> dict[str, object]:
    """Change an issue."""
    given = read(ask)
    node = named(ask, IssueNode, given.text("id"))
    permit_edit(ask, node, node.issue.author_id)
    arrange(ask, node, given)
    state = given.maybe_text("state")
    if state:
        with ask.call.forge.store.write() as tx:
            act = begin(ask, tx, node)
            close(act) if state == "CLOSED" else reopen(act)
    return payload(given, issue=afresh(ask, node), actor=Person(account=ask.view.actor.account))


def arrange(ask: Ask, node: IssueNode, given: Body) -> None:
    """Set what an update names: title, body, labels, assignees, milestone."""
    title = given.maybe_text("title") or node.issue.title
    body = given.maybe_text("body") if "body" in given else node.issue.body
    labels, people = given.texts("labelIds"), given.texts("assigneeIds")
    names = label_names(ask, labels) if labels is not None else None
    assigned = accounts_of(ask, people) if people is not None else None
    milestone_id = given.maybe_text("milestoneId")
    milestone = named(ask, MilestoneNode, milestone_id).milestone if milestone_id else None
    with ask.call.forge.store.write() as tx:
        edit_text(begin(ask, tx, node), title, body)
        act = begin(ask, tx, node)
        if names is not None:
            set_labels(act, names)
        if assigned is not None:
            set_assignees(act, assigned)
        if "milestoneId" in given:
            set_milestone(act, milestone)


@fields("Mutation", "closeIssue")
def close_issue(_root: Root, ask: Ask) -> dict[str, object]:
    """Close an issue, with a reason."""
    given = read(ask)
    node = named(ask, IssueNode, given.text("issueId"))
    permit_edit(ask, node, node.issue.author_id)
    reason = (given.maybe_text("stateReason") or "COMPLETED").lower()
    with ask.call.forge.store.write() as tx:
        close(begin(ask, tx, node), reason)
    return payload(given, issue=afresh(ask, node))


@fields("Mutation", "reopenIssue")
def reopen_issue(_root: Root, ask: Ask) -> dict[str, object]:
    """Open a closed issue."""
    given = read(ask)
    node = named(ask, IssueNode, given.text("issueId"))
    permit_edit(ask, node, node.issue.author_id)
    with ask.call.forge.store.write() as tx:
        reopen(begin(ask, tx, node))
    return payload(given, issue=afresh(ask, node))


@fields("Mutation", "addComment")
def add_comment(_root: Root, ask: Ask) -> dict[str, object]:
    """Comment on an issue or pull request."""
    given = read(ask)
    node = named(ask, IssueNode, given.text("subjectId"))
    permit(ask, node.repo, needs_of(node), Role.READ, content=True)
    if node.issue.locked and viewer_role(ask, node.repo) < Role.WRITE:
        raise ForbiddenError("Unable to create comment because issue is locked.")
    body = text_of(given, "body")
    with ask.call.forge.store.write() as tx:
        row = comment(begin(ask, tx, node), body)
    shown = CommentNode(repo=node.repo, issue=node.issue, comment=row)
    edge = {"cursor": cursor(node.issue.comments), "node": shown}
    return payload(given, commentEdge=edge, subject=afresh(ask, node))


@fields("Mutation", "updateIssueComment")
def update_comment(_root: Root, ask: Ask) -> dict[str, object]:
    """Replace a comment's text."""
    given = read(ask)
    node, body = _own_comment(ask, given), text_of(given, "body")
    with ask.call.forge.store.write() as tx:
        act = act_on(ask.call.forge, tx, node.issue, ask.view.actor.account.id)
        row = edit_comment(act, node.comment, body)
    return payload(given, issueComment=CommentNode(repo=node.repo, issue=node.issue, comment=row))


@fields("Mutation", "deleteIssueComment")
def remove_comment(_root: Root, ask: Ask) -> dict[str, object]:
    """Remove a comment."""
    given = read(ask)
    node = _own_comment(ask, given)
    with ask.call.forge.store.write() as tx:
        delete_comment(act_on(ask.call.forge, tx, node.issue, ask.view.actor.account.id), node.comment)
    return payload(given)


def _own_comment(ask: Ask, given: Body) -> CommentNode:
    node = named(ask, CommentNode, given.text("id"))
    own = ask.view.actor.account.id == node.comment.author_id
    permit(ask, node.repo, "issues:write", Role.READ if own else Role.WRITE)
    return node


@fields("Mutation", "addLabelsToLabelable")
def put_labels(_root: Root, ask: Ask) -> dict[str, object]:
    """Put labels on an issue or pull request."""
    given = read(ask)
    node, names = _labelable(ask, given), label_names(ask, given.texts("labelIds") or ())
    with ask.call.forge.store.write() as tx:
        add_labels(begin(ask, tx, node), names)
    return payload(given, labelable=afresh(ask, node))


@fields("Mutation", "removeLabelsFromLabelable")
def take_labels(_root: Root, ask: Ask) -> dict[str, object]:
    """Take labels off."""
    given = read(ask)
    node = _labelable(ask, given)
    gone = {named(ask, LabelNode, label_id).label.id for label_id in given.texts("labelIds") or ()}
    with ask.call.forge.store.write() as tx:
        for label in issues.labels_of(tx, node.issue.id):
            if label.id in gone:
                remove_label(begin(ask, tx, node), label)
    return payload(given, labelable=afresh(ask, node))


@fields("Mutation", "clearLabelsFromLabelable")
def clear_labels(_root: Root, ask: Ask) -> dict[str, object]:
    """Take every label off."""
    given = read(ask)
    node = _labelable(ask, given)
    with ask.call.forge.store.write() as tx:
        set_labels(begin(ask, tx, node), ())
    return payload(given, labelable=afresh(ask, node))


def _labelable(ask: Ask, given: Body) -> IssueNode:
    node = named(ask, IssueNode, given.text("labelableId"))
    permit(ask, node.repo, needs_of(node), Role.TRIAGE)
    return node


@fields("Mutation", "addAssigneesToAssignable")
def add_assignees(_root: Root, ask: Ask) -> dict[str, object]:
    """Assign people."""
    return _assign(ask, away=False)


@fields("Mutation", "removeAssigneesFromAssignable")
def remove_assignees(_root: Root, ask: Ask) -> dict[str, object]:
    """Take people off."""
    return _assign(ask, away=True)


def _assign(ask: Ask, *, away: bool) -> dict[str, object]:
    given = read(ask)
    node = named(ask, IssueNode, given.text("assignableId"))
    permit(ask, node.repo, needs_of(node), Role.TRIAGE)
    people = accounts_of(ask, given.texts("assigneeIds") or ())
    with ask.call.forge.store.write() as tx:
        act = begin(ask, tx, node)
        unassign(act, people) if away else assign(act, people)
    return payload(given, assignable=afresh(ask, node))


@fields("Mutation", "lockLockable")
def lock_issue(_root: Root, ask: Ask) -> dict[str, object]:
    """Let only collaborators comment."""
    given = read(ask)
    node = named(ask, IssueNode, given.text("lockableId"))
    permit(ask, node.repo, needs_of(node), Role.WRITE)
    reasons = {"OFF_TOPIC": "off-topic", "TOO_HEATED": "too heated", "RESOLVED": "resolved", "SPAM": "spam"}
    with ask.call.forge.store.write() as tx:
        lock(begin(ask, tx, node), reasons.get(given.maybe_text("lockReason") or ""))
    return payload(given, actor=Person(account=ask.view.actor.account), lockedRecord=afresh(ask, node))


@fields("Mutation", "unlockLockable")
def unlock_issue(_root: Root, ask: Ask) -> dict[str, object]:
    """Let everybody comment again."""
    given = read(ask)
    node = named(ask, IssueNode, given.text("lockableId"))
    permit(ask, node.repo, needs_of(node), Role.WRITE)
    with ask.call.forge.store.write() as tx:
        unlock(begin(ask, tx, node))
    return payload(given, actor=Person(account=ask.view.actor.account), unlockedRecord=afresh(ask, node))


@fields("Mutation", "createLabel")
def create_label(_root: Root, ask: Ask) -> dict[str, object]:
    """A new label."""
    given = read(ask)
    repo = named(ask, Repo, given.text("repositoryId")).repo
    permit(ask, repo, "issues:write", Role.WRITE)
    name = text_of(given, "name")
    if issues.label_named(ask.db, repo.id, name):
        raise field_error("Label", "name", "already_exists", "Name has already been taken")
    with ask.call.forge.store.write() as tx:
        label_id = tx.insert(
            "label",
            repo_id=repo.id,
            name=name,
            color=given.text("color").removeprefix("#"),
            description=given.maybe_text("description"),
        )
    return payload(given, label=named(ask, LabelNode, node_id("LA", repo.id, label_id)))
