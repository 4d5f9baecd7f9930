"""Fields that issues and pull requests share, and those of comments, labels and milestones."""

from collections.abc import Sequence
from urllib.parse import quote

from localforge.access import Role
from localforge.graph.accounts import viewer_is
from localforge.graph.fields import Ask, Connection, Fields, connect
from localforge.graph.nodes import (
    CommentNode,
    IssueNode,
    LabelNode,
    MilestoneNode,
    Person,
    Repo,
    issue_node,
    person,
)
from localforge.graph.repositories import page, viewer_role
from localforge.issues.people import association
from localforge.render.issues import issue_node_id
from localforge.render.markdown import to_html
from localforge.store import issues
from localforge.store.accounts import Account
from localforge.store.issues import Issue
from localforge.store.repos import Repository
from localforge.urls import node_id

fields = Fields()

_REACTIONS = ("THUMBS_UP", "THUMBS_DOWN", "LAUGH", "HOORAY", "CONFUSED", "HEART", "ROCKET", "EYES")


def reaction_groups() -> list[dict[str, object]]:
    """Nobody reacts here: every group is there and empty, as GitHub shows it."""
    nobody = Connection(nodes=(), start=0, total=0)
    return [
        {"content": content, "createdAt": None, "users": nobody, "viewerHasReacted": False}
        for content in _REACTIONS
    ]


def editable(ask: Ask, repo: Repository, author_id: int) -> bool:
    """Whether the viewer may change what this author wrote."""
    return viewer_is(ask, author_id) or viewer_role(ask, repo) >= Role.TRIAGE


def people(ask: Ask, found: Sequence[Account]) -> Connection:
    """A window of users."""
    return connect(ask, found, lambda account: Person(account=account))


def _page(node: IssueNode, ask: Ask) -> str:
    return page(ask, node.repo, "pull" if node.issue.is_pull else "issues", node.issue.number)


def _path(node: IssueNode, ask: Ask) -> str:
    return _page(node, ask).removeprefix(ask.view.urls.origin)


def _labels(node: IssueNode, ask: Ask) -> Connection:
    found = issues.labels_of(ask.db, node.issue.id)
    return connect(ask, found, lambda label: LabelNode(repo=node.repo, label=label))


def _comments(node: IssueNode, ask: Ask) -> Connection:
    found = issues.comments_of(ask.db, node.issue.id)
    return connect(ask, found, lambda row: CommentNode(repo=node.repo, issue=node.issue, comment=row))


def _milestone(node: IssueNode, ask: Ask) -> MilestoneNode | None:
    found = issues.milestone_by_id(ask.db, node.issue.milestone_id) if node.issue.milestone_id else None
    return MilestoneNode(repo=node.repo, milestone=found) if found else None


def _participants(node: IssueNode, ask: Ask) -> Connection:
    ids = [node.issue.author_id, *(row.author_id for row in issues.comments_of(ask.db, node.issue.id))]
    return people(ask, [ask.view.account(account_id) for account_id in dict.fromkeys(ids)])


def _nothing(_node: object, ask: Ask) -> Connection:
    return connect(ask, (), lambda item: item)


def _lock_reason(node: IssueNode, _ask: Ask) -> str | None:
    reason = node.issue.lock_reason
    return reason.upper().replace(" ", "_").replace("-", "_") if reason else None


for _kind in ("Issue", "PullRequest"):
    fields.of(
        _kind,
        IssueNode,
        {
            "id": lambda node, _ask: issue_node_id(node.issue),
            "number": lambda node, _ask: node.issue.number,
            "title": lambda node, _ask: node.issue.title,
            "titleHTML": lambda node, _ask: to_html(node.issue.title),
            "body": lambda node, _ask: node.issue.body or "",
            "bodyText": lambda node, _ask: node.issue.body or "",
            "bodyHTML": lambda node, _ask: to_html(node.issue.body or ""),
            "author": lambda node, ask: person(ask.view, node.issue.author_id),
            "authorAssociation": lambda node, ask: association(
                ask.view, node.repo, ask.view.account(node.issue.author_id)
            ),
            "editor": lambda _node, _ask: None,
            "createdAt": lambda node, _ask: node.issue.created_at,
            "updatedAt": lambda node, _ask: node.issue.updated_at,
            "publishedAt": lambda node, _ask: node.issue.created_at,
            "lastEditedAt": lambda _node, _ask: None,
            "includesCreatedEdit": lambda _node, _ask: False,
            "createdViaEmail": lambda _node, _ask: False,
            "closed": lambda node, _ask: node.issue.state == "closed",
            "closedAt": lambda node, _ask: node.issue.closed_at,
            "locked": lambda node, _ask: node.issue.locked,
            "activeLockReason": _lock_reason,
            "url": _page,
            "resourcePath": _path,
            "repository": lambda node, _ask: Repo(repo=node.repo),
            "labels": _labels,
            "comments": _comments,
            "assignees": lambda node, ask: people(ask, issues.assignees_of(ask.db, node.issue.id)),
            "participants": _participants,
            "milestone": _milestone,
            "reactionGroups": lambda _node, _ask: reaction_groups(),
            "reactions": _nothing,
            "projectCards": _nothing,
            "projectItems": _nothing,
            "projectsV2": _nothing,
            "viewerDidAuthor": lambda node, ask: viewer_is(ask, node.issue.author_id),
            "viewerCanUpdate": lambda node, ask: editable(ask, node.repo, node.issue.author_id),
            "viewerCanClose": lambda node, ask: editable(ask, node.repo, node.issue.author_id),
            "viewerCanReopen": lambda node, ask: editable(ask, node.repo, node.issue.author_id),
            "viewerCanLabel": lambda node, ask: viewer_role(ask, node.repo) >= Role.TRIAGE,
            "viewerCanReact": lambda _node, _ask: False,
            "viewerCanSubscribe": lambda _node, _ask: False,
            "viewerSubscription": lambda _node, _ask: "UNSUBSCRIBED",
            "viewerCannotUpdateReasons": lambda _node, _ask: [],
        },
    )
fields.of(
    "Issue",
    IssueNode,
    {
        "databaseId": lambda node, _ask: node.issue.id,
        "fullDatabaseId": lambda node, _ask: str(node.issue.id),
        "state": lambda node, _ask: node.issue.state.upper(),
        "stateReason": lambda node, _ask: (
            node.issue.state_reason.upper() if node.issue.state_reason else None
        ),
        "isPinned": lambda _node, _ask: False,
        "parent": lambda _node, _ask: None,
        "subIssues": _nothing,
        "viewerCanDelete": lambda _node, _ask: False,
    },
)


def _comment_page(node: CommentNode, ask: Ask) -> str:
    where = page(ask, node.repo, "pull" if node.issue.is_pull else "issues", node.issue.number)
    return f"{where}#issuecomment-{node.comment.id}"


fields.of(
    "IssueComment",
    CommentNode,
    {
        "id": lambda node, _ask: node_id("IC", node.repo.id, node.comment.id),
        "databaseId": lambda node, _ask: node.comment.id,
        "fullDatabaseId": lambda node, _ask: str(node.comment.id),
        "body": lambda node, _ask: node.comment.body,
        "bodyText": lambda node, _ask: node.comment.body,
        "bodyHTML": lambda node, _ask: to_html(node.comment.body),
        "author": lambda node, ask: person(ask.view, node.comment.author_id),
        "authorAssociation": lambda node, ask: association(
            ask.view, node.repo, ask.view.account(node.comment.author_id)
        ),
        "createdAt": lambda node, _ask: node.comment.created_at,
        "updatedAt": lambda node, _ask: node.comment.updated_at,
        "publishedAt": lambda node, _ask: node.comment.created_at,
        "includesCreatedEdit": lambda node, _ask: node.comment.created_at != node.comment.updated_at,
        "isMinimized": lambda _node, _ask: False,
        "minimizedReason": lambda _node, _ask: None,
        "reactionGroups": lambda _node, _ask: reaction_groups(),
        "url": _comment_page,
        "resourcePath": lambda node, ask: _comment_page(node, ask).removeprefix(ask.view.urls.origin),
        "repository": lambda node, _ask: Repo(repo=node.repo),
        "issue": lambda node, _ask: IssueNode(repo=node.repo, issue=node.issue),
        "pullRequest": lambda node, ask: (
            issue_node(ask.view, node.repo, node.issue) if node.issue.is_pull else None
        ),
        "viewerDidAuthor": lambda node, ask: viewer_is(ask, node.comment.author_id),
        "viewerCanUpdate": lambda node, ask: editable(ask, node.repo, node.comment.author_id),
        "viewerCanDelete": lambda node, ask: editable(ask, node.repo, node.comment.author_id),
    },
)


def _with_label(node: LabelNode, ask: Ask, *, pulls: bool) -> Connection:
    sql = (
        "SELECT issue.* FROM issue JOIN issue_label ON issue_label.issue_id = issue.id"
        " WHERE issue_label.label_id = ? AND issue.is_pull = ? ORDER BY issue.id"
    )
    found = ask.db.all(Issue, sql, node.label.id, int(pulls))
    states = ask.args.texts("states")
    kept = [row for row in found if not states or row.state.upper() in states]
    return connect(ask, kept, lambda row: issue_node(ask.view, node.repo, row))


fields.of(
    "Label",
    LabelNode,
    {
        "id": lambda node, _ask: node_id("LA", node.repo.id, node.label.id),
        "name": lambda node, _ask: node.label.name,
        "color": lambda node, _ask: node.label.color,
        "description": lambda node, _ask: node.label.description,
        "isDefault": lambda node, _ask: node.label.is_default,
        "repository": lambda node, _ask: Repo(repo=node.repo),
        "url": lambda node, ask: page(ask, node.repo, "labels", node.label.name),
        "resourcePath": lambda node, ask: f"/{ask.view.full_name(node.repo)}/labels/{quote(node.label.name)}",
        "issues": lambda node, ask: _with_label(node, ask, pulls=False),
        "pullRequests": lambda node, ask: _with_label(node, ask, pulls=True),
    },
)


def _in_milestone(node: MilestoneNode, ask: Ask, *, pulls: bool) -> Connection:
    sql = "SELECT * FROM issue WHERE milestone_id = ? AND is_pull = ? ORDER BY id"
    found = ask.db.all(Issue, sql, node.milestone.id, int(pulls))
    states = ask.args.texts("states")
    kept = [row for row in found if not states or row.state.upper() in states]
    return connect(ask, kept, lambda row: issue_node(ask.view, node.repo, row))


fields.of(
    "Milestone",
    MilestoneNode,
    {
        "id": lambda node, _ask: node_id("MI", node.repo.id, node.milestone.id),
        "number": lambda node, _ask: node.milestone.number,
        "title": lambda node, _ask: node.milestone.title,
        "description": lambda node, _ask: node.milestone.description,
        "state": lambda node, _ask: node.milestone.state.upper(),
        "closed": lambda node, _ask: node.milestone.state == "closed",
        "closedAt": lambda node, _ask: node.milestone.closed_at,
        "dueOn": lambda node, _ask: node.milestone.due_on,
        "createdAt": lambda node, _ask: node.milestone.created_at,
        "updatedAt": lambda node, _ask: node.milestone.updated_at,
        "creator": lambda node, ask: person(ask.view, node.milestone.creator_id),
        "repository": lambda node, _ask: Repo(repo=node.repo),
        "url": lambda node, ask: page(ask, node.repo, "milestone", node.milestone.number),
        "issues": lambda node, ask: _in_milestone(node, ask, pulls=False),
        "pullRequests": lambda node, ask: _in_milestone(node, ask, pulls=True),
    },
)
