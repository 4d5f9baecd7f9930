"""What fields are resolved on: rows of the store and objects of git, each with its repository."""

from collections.abc import Mapping
from dataclasses import dataclass

from localforge.access import can_see
from localforge.git import objects
from localforge.git.objects import Commit
from localforge.git.refnames import Ref
from localforge.render.view import View
from localforge.store import accounts, actions, checks, issues, pulls, repos
from localforge.store.accounts import Account
from localforge.store.actions import RunRow
from localforge.store.checks import CheckRun, CheckSuite
from localforge.store.issues import Comment, Issue, Label, Milestone
from localforge.store.pulls import Pull, Review, ReviewComment
from localforge.store.repos import Repository
from localforge.store.statuses import Status
from localforge.urls import parse_node_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """`User`, `Organization` or `Bot`."""

    account: Account


@dataclass(frozen=True, slots=True, kw_only=True)
class Repo:
    """`Repository`."""

    repo: Repository


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueNode:
    """`Issue`."""

    repo: Repository
    issue: Issue


@dataclass(frozen=True, slots=True, kw_only=True)
class PullNode(IssueNode):
    """`PullRequest`."""

    pull: Pull


@dataclass(frozen=True, slots=True, kw_only=True)
class CommentNode:
    """`IssueComment`."""

    repo: Repository
    issue: Issue
    comment: Comment


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelNode:
    """`Label`."""

    repo: Repository
    label: Label


@dataclass(frozen=True, slots=True, kw_only=True)
class MilestoneNode:
    """`Milestone`."""

    repo: Repository
    milestone: Milestone


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewNode:
    """`PullRequestReview`."""

    pull: PullNode
    review: Review


@dataclass(frozen=True, slots=True, kw_only=True)
class RemarkNode:
    """`PullRequestReviewComment`; the first of a thread is the `PullRequestReviewThread` too."""

    pull: PullNode
    remark: ReviewComment


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadNode(RemarkNode):
    """`PullRequestReviewThread`, known by its first remark."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestNode:
    """`ReviewRequest`."""

    pull: PullNode
    person: Account


@dataclass(frozen=True, slots=True, kw_only=True)
class RefNode:
    """`Ref`."""

    repo: Repository
    ref: Ref


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitNode:
    """`Commit`."""

    repo: Repository
    commit: Commit


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectNode:
    """`Blob`, `Tree` or `Tag`, by `kind`."""

    repo: Repository
    kind: str
    oid: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SuiteNode:
    """`CheckSuite`."""

    repo: Repository
    suite: CheckSuite


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckNode:
    """`CheckRun`."""

    repo: Repository
    run: CheckRun


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusNode:
    """`StatusContext`."""

    repo: Repository
    status: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class RunNode:
    """`WorkflowRun`."""

    repo: Repository
    run: RunRow


_TYPES: Mapping[type, str] = {
    Repo: "Repository",
    IssueNode: "Issue",
    PullNode: "PullRequest",
    CommentNode: "IssueComment",
    LabelNode: "Label",
    MilestoneNode: "Milestone",
    ReviewNode: "PullRequestReview",
    RemarkNode: "PullRequestReviewComment",
    ThreadNode: "PullRequestReviewThread",
    RequestNode: "ReviewRequest",
    RefNode: "Ref",
    CommitNode: "Commit",
    SuiteNode: "CheckSuite",
    CheckNode: "CheckRun",
    StatusNode: "StatusContext",
    RunNode: "WorkflowRun",
}


def type_of(node: object) -> str:
    """The name of a node's object type, for interfaces and unions."""
    match node:
        case Person():
            return node.account.kind
        case ObjectNode():
            return node.kind.title()
        case _:
            return _TYPES[type(node)]


def issue_node(view: View, repo: Repository, issue: Issue) -> IssueNode:
    """An `Issue` or a `PullRequest`."""
    if not issue.is_pull:
        return IssueNode(repo=repo, issue=issue)
    return PullNode(repo=repo, issue=issue, pull=pulls.of_issue(view.db, issue.id))


def git_object(view: View, repo: Repository, name: str) -> CommitNode | ObjectNode | None:
    """The object that a name stands for (a sha, `<sha>:path`, a full ref)."""
    git = view.forge.git(repo.id)
    found = git.info(name)
    if found is None:
        return None
    oid, kind, size = found
    if kind != "commit":
        return ObjectNode(repo=repo, kind=kind, oid=oid, size=size)
    commit = objects.commit(git, oid)
    return CommitNode(repo=repo, commit=commit) if commit else None


def by_id(view: View, node_id: str) -> object | None:
    """The node of a global id that the viewer may see; None when there is none."""
    try:
        prefix, parts = parse_node_id(node_id)
    except (ValueError, UnicodeDecodeError):
        return None
    if prefix in {"U", "O", "BOT"} and isinstance(parts[0], int):
        account = view.db.one(Account, "SELECT * FROM account WHERE id = ?", parts[0])
        return Person(account=account) if account else None
    repo = repos.by_id(view.db, parts[0]) if isinstance(parts[0], int) and parts[0] < 1 << 62 else None
    if repo is None or not can_see(view.db, view.actor, repo):
        return None
    return Repo(repo=repo) if prefix == "R" else _within(view, repo, prefix, parts[1:])


def _within(view: View, repo: Repository, prefix: str, parts: tuple[int | str, ...]) -> object | None:
    match prefix, parts:
        case "C", (str(sha),):
            return git_object(view, repo, sha)
        case "REF", (str(name),):
            found = view.forge.git(repo.id).info(name)
            return RefNode(repo=repo, ref=Ref(name=name, sha=found[0], kind=found[1])) if found else None
        case _, (int(row_id),) if row_id < 1 << 62:
            return _row(view, repo, prefix, row_id)
        case _:
            return None


def _row(view: View, repo: Repository, prefix: str, row_id: int) -> object | None:
    """The node of a row, which must be one of the repository."""
    db, mine = view.db, (row_id, repo.id)
    match prefix:
        case "I" | "PR":
            issue = db.one(Issue, "SELECT * FROM issue WHERE id = ? AND repo_id = ?", *mine)
            return issue_node(view, repo, issue) if issue and issue.is_pull == (prefix == "PR") else None
        case "IC":
            comment = db.one(
                Comment, "SELECT * FROM issue_comment WHERE id = ? AND repo_id = ? AND NOT deleted", *mine
            )
            issue = issues.by_id(db, comment.issue_id) if comment else None
            return CommentNode(repo=repo, issue=issue, comment=comment) if issue and comment else None
        case "LA":
            label = db.one(Label, "SELECT * FROM label WHERE id = ? AND repo_id = ?", *mine)
            return LabelNode(repo=repo, label=label) if label else None
        case "MI":
            milestone = db.one(Milestone, "SELECT * FROM milestone WHERE id = ? AND repo_id = ?", *mine)
            return MilestoneNode(repo=repo, milestone=milestone) if milestone else None
        case "CR" | "CS" | "WFR":
            return _check(view, repo, prefix, row_id)
        case "PRR" | "PRRC" | "PRRT":
            return _of_review(view, repo, prefix, row_id)
        case _:
            return None


def _check(view: View, repo: Repository, prefix: str, row_id: int) -> object | None:
    run = checks.run_by_id(view.db, row_id) if prefix == "CR" else None
    if run and run.repo_id == repo.id:
        return CheckNode(repo=repo, run=run)
    suite = checks.suite_by_id(view.db, row_id) if prefix == "CS" else None
    if suite and suite.repo_id == repo.id:
        return SuiteNode(repo=repo, suite=suite)
    workflow_run = actions.run(view.db, row_id) if prefix == "WFR" else None
    if workflow_run and workflow_run.repo_id == repo.id:
        return RunNode(repo=repo, run=workflow_run)
    return None


def _of_review(view: View, repo: Repository, prefix: str, row_id: int) -> object | None:
    review = pulls.review_by_id(view.db, row_id) if prefix == "PRR" else None
    remark = pulls.review_comment_by_id(view.db, row_id) if prefix != "PRR" else None
    row = review or remark
    if row is None or row.repo_id != repo.id:
        return None
    pull = pull_node(view, repo, row.pull_id)
    if review:
        seen = review.state != "PENDING" or (view.actor.user and view.actor.user.id == review.author_id)
        return ReviewNode(pull=pull, review=review) if seen else None
    if remark and prefix == "PRRT":
        return ThreadNode(pull=pull, remark=remark)
    return RemarkNode(pull=pull, remark=remark) if remark else None


def pull_node(view: View, repo: Repository, pull_id: int) -> PullNode:
    """The `PullRequest` of a row that a foreign key guarantees."""
    pull = pulls.by_id(view.db, pull_id)
    return PullNode(repo=repo, issue=issues.by_id(view.db, pull.issue_id), pull=pull)


def person(view: View, account_id: int | None) -> Person | None:
    """The account with this id, if there is one."""
    return Person(account=accounts.by_id(view.db, account_id)) if account_id else None
