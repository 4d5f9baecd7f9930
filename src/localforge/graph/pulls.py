"""Fields of pull requests, reviews, remarks on lines and their threads."""

from localforge.access import Role
from localforge.git import refnames
from localforge.git.diff import changed_files
from localforge.git.history import Walk, oldest_first
from localforge.graph.accounts import viewer_is
from localforge.graph.fields import Ask, Connection, Fields, connect
from localforge.graph.issues import reaction_groups
from localforge.graph.nodes import (
    CommitNode,
    IssueNode,
    Person,
    PullNode,
    RefNode,
    RemarkNode,
    Repo,
    RequestNode,
    ReviewNode,
    ThreadNode,
    git_object,
    person,
)
from localforge.graph.repositories import page, ref_node, viewer_role
from localforge.issues.people import association
from localforge.pulls.closing import closes
from localforge.pulls.comparison import Comparison, comparison
from localforge.pulls.messages import Wording, merge_message
from localforge.pulls.readiness import Readiness, readiness, verdicts
from localforge.render.markdown import to_html
from localforge.rulesets import bound
from localforge.store import issues, pulls, repos
from localforge.store.pulls import Review, ReviewComment
from localforge.urls import node_id

fields = Fields()

_FILE_CHANGES = {
    "added": "ADDED",
    "removed": "DELETED",
    "modified": "MODIFIED",
    "renamed": "RENAMED",
    "copied": "COPIED",
    "changed": "CHANGED",
}


def _span(node: PullNode, ask: Ask) -> Comparison:
    return comparison(ask.view.forge.git(node.repo.id), node.issue, node.pull)


def _ready(node: PullNode, ask: Ask) -> Readiness:
    return readiness(ask.view.forge, node.repo, node.issue, node.pull)


def _mergeable(node: PullNode, ask: Ask) -> str:
    return {True: "MERGEABLE", False: "CONFLICTING", None: "UNKNOWN"}[_ready(node, ask).mergeable]


def _state(node: PullNode, _ask: Ask) -> str:
    return "MERGED" if node.pull.merged_at else node.issue.state.upper()


@fields("PullRequest", "commits")
def _commits(node: PullNode, ask: Ask) -> Connection:
    span = _span(node, ask)
    walk = Walk(include=(span.head,), exclude=(span.base,))
    found = oldest_first(ask.view.forge.git(node.repo.id), walk)
    return connect(
        ask,
        found,
        lambda commit: {
            "id": node_id("PURC", node.repo.id, node.issue.id, commit.sha),
            "commit": CommitNode(repo=node.repo, commit=commit),
            "pullRequest": node,
            "url": page(ask, node.repo, "pull", node.issue.number, "commits", commit.sha),
        },
    )


@fields("PullRequest", "files")
def _files(node: PullNode, ask: Ask) -> Connection:
    span = _span(node, ask)
    found = changed_files(ask.view.forge.git(node.repo.id), span.start, span.head)
    return connect(
        ask,
        found,
        lambda file: {
            "path": file.path,
            "additions": file.additions,
            "deletions": file.deletions,
            "changeType": _FILE_CHANGES[file.status],
            "viewerViewedState": "UNVIEWED",
        },
    )


@fields("PullRequest", "reviews")
def _reviews(node: PullNode, ask: Ask) -> Connection:
    states, author = ask.args.texts("states"), ask.args.maybe_text("author")
    found = [
        review
        for review in _seen(node, ask)
        if (not states or review.state in states)
        and (not author or ask.view.account(review.author_id).login == author)
    ]
    return connect(ask, found, lambda review: ReviewNode(pull=node, review=review))


@fields("PullRequest", "latestReviews")
def _latest_reviews(node: PullNode, ask: Ask) -> Connection:
    latest = {review.author_id: review for review in _seen(node, ask) if review.state != "PENDING"}
    return connect(ask, list(latest.values()), lambda review: ReviewNode(pull=node, review=review))


@fields("PullRequest", "latestOpinionatedReviews")
def _opinionated(node: PullNode, ask: Ask) -> Connection:
    found = verdicts(ask.db, node.repo, node.issue, node.pull)
    return connect(ask, found, lambda review: ReviewNode(pull=node, review=review))


@fields("PullRequest", "reviewRequests")
def _requests(node: PullNode, ask: Ask) -> Connection:
    asked = pulls.requested_reviewers(ask.db, node.pull.id)
    return connect(ask, asked, lambda who: RequestNode(pull=node, person=who))


@fields("PullRequest", "reviewThreads")
def _threads(node: PullNode, ask: Ask) -> Connection:
    roots = [row for row in pulls.review_comments_of(ask.db, node.pull.id) if row.in_reply_to_id is None]
    return connect(ask, roots, lambda row: ThreadNode(pull=node, remark=row))


@fields("PullRequest", "reviewDecision")
def _decision(node: PullNode, ask: Ask) -> str | None:
    given = {review.state for review in verdicts(ask.db, node.repo, node.issue, node.pull)}
    if "CHANGES_REQUESTED" in given:
        return "CHANGES_REQUESTED"
    rules = bound(ask.call.forge, node.repo, f"refs/heads/{node.pull.base_ref}")
    if not any(one.rules.reviews for one in rules):
        return "APPROVED" if "APPROVED" in given else None
    wanting = any("review" in reason for reason in _ready(node, ask).missing)
    return "REVIEW_REQUIRED" if wanting or "APPROVED" not in given else "APPROVED"


@fields("PullRequest", "closingIssuesReferences")
def _closing(node: PullNode, ask: Ask) -> Connection:
    numbers = [mention.number for mention in closes(node.issue.body or "") if mention.repo is None]
    found = [issues.by_number(ask.db, node.repo.id, number) for number in dict.fromkeys(numbers)]
    rows = [issue for issue in found if issue and not issue.is_pull]
    return connect(ask, rows, lambda issue: IssueNode(repo=node.repo, issue=issue))


@fields("PullRequest", "headRef")
def _head_ref(node: PullNode, ask: Ask) -> RefNode | None:
    source = repos.by_id(ask.db, node.pull.head_repo_id) if node.pull.head_repo_id else None
    return ref_node(ask, source, refnames.BRANCH + node.pull.head_ref) if source else None


@fields("PullRequest", "headRepository")
def _head_repository(node: PullNode, ask: Ask) -> Repo | None:
    source = repos.by_id(ask.db, node.pull.head_repo_id) if node.pull.head_repo_id else None
    return Repo(repo=source) if source else None


@fields("PullRequest", "mergeCommit")
def _merge_commit(node: PullNode, ask: Ask) -> object:
    sha = node.pull.merge_commit_sha
    return git_object(ask.view, node.repo, sha) if sha else None


@fields("PullRequest", "potentialMergeCommit")
def _potential(node: PullNode, ask: Ask) -> object:
    sha = None if node.pull.merged_at else _ready(node, ask).merge_sha
    return git_object(ask.view, node.repo, sha) if sha else None


@fields("PullRequest", "viewerMergeHeadlineText")
def _headline(node: PullNode, ask: Ask) -> str:
    return _message(node, ask).partition("\n")[0]


@fields("PullRequest", "viewerMergeBodyText")
def _merge_body(node: PullNode, ask: Ask) -> str:
    return _message(node, ask).partition("\n")[2].strip()


def _message(node: PullNode, ask: Ask) -> str:
    owner = ask.view.account(node.pull.head_owner_id).login
    return merge_message(node.repo, node.issue, node.pull, owner, Wording())


def _seen(node: PullNode, ask: Ask) -> list[Review]:
    """Reviews that the viewer may see: pending ones are their author's alone."""
    return [
        review
        for review in pulls.reviews_of(ask.db, node.pull.id)
        if review.state != "PENDING" or viewer_is(ask, review.author_id)
    ]


fields.of(
    "PullRequest",
    PullNode,
    {
        "databaseId": lambda node, _ask: node.pull.id,
        "fullDatabaseId": lambda node, _ask: str(node.pull.id),
        "state": _state,
        "merged": lambda node, _ask: node.pull.merged_at is not None,
        "mergedAt": lambda node, _ask: node.pull.merged_at,
        "mergedBy": lambda node, ask: person(ask.view, node.pull.merged_by_id),
        "isDraft": lambda node, _ask: node.pull.draft,
        "mergeable": _mergeable,
        "mergeStateStatus": lambda node, ask: _ready(node, ask).state.upper(),
        "additions": lambda node, ask: _span(node, ask).additions,
        "deletions": lambda node, ask: _span(node, ask).deletions,
        "changedFiles": lambda node, ask: _span(node, ask).files,
        "baseRef": lambda node, ask: ref_node(ask, node.repo, refnames.BRANCH + node.pull.base_ref),
        "baseRefName": lambda node, _ask: node.pull.base_ref,
        "baseRefOid": lambda node, _ask: node.pull.base_sha,
        "baseRepository": lambda node, _ask: Repo(repo=node.repo),
        "headRefName": lambda node, _ask: node.pull.head_ref,
        "headRefOid": lambda node, _ask: node.pull.head_sha,
        "headRepositoryOwner": lambda node, ask: person(ask.view, node.pull.head_owner_id),
        "isCrossRepository": lambda node, _ask: node.pull.head_repo_id != node.repo.id,
        "maintainerCanModify": lambda node, _ask: node.pull.maintainer_can_modify,
        "permalink": lambda node, ask: page(ask, node.repo, "pull", node.issue.number),
        "checksUrl": lambda node, ask: page(ask, node.repo, "pull", node.issue.number, "checks"),
        "totalCommentsCount": lambda node, ask: (
            node.issue.comments + len(pulls.review_comments_of(ask.db, node.pull.id))
        ),
        "viewerCanUpdateBranch": lambda node, ask: viewer_role(ask, node.repo) >= Role.WRITE,
        "viewerCanDeleteHeadRef": lambda node, ask: viewer_role(ask, node.repo) >= Role.WRITE,
        # What this forge has none of.
        "isInMergeQueue": lambda _node, _ask: False,
        "isMergeQueueEnabled": lambda _node, _ask: False,
        "mergeQueue": lambda _node, _ask: None,
        "mergeQueueEntry": lambda _node, _ask: None,
    },
)


def _review_page(node: ReviewNode, ask: Ask) -> str:
    where = page(ask, node.pull.repo, "pull", node.pull.issue.number)
    return f"{where}#pullrequestreview-{node.review.id}"


@fields("PullRequestReview", "comments")
def _remarks(node: ReviewNode, ask: Ask) -> Connection:
    sql = "SELECT * FROM review_comment WHERE review_id = ? ORDER BY id"
    rows = ask.db.all(ReviewComment, sql, node.review.id)
    return connect(ask, rows, lambda row: RemarkNode(pull=node.pull, remark=row))


fields.of(
    "PullRequestReview",
    ReviewNode,
    {
        "id": lambda node, _ask: node_id("PRR", node.review.repo_id, node.review.id),
        "databaseId": lambda node, _ask: node.review.id,
        "fullDatabaseId": lambda node, _ask: str(node.review.id),
        "state": lambda node, _ask: node.review.state,
        "body": lambda node, _ask: node.review.body,
        "bodyText": lambda node, _ask: node.review.body,
        "bodyHTML": lambda node, _ask: to_html(node.review.body),
        "author": lambda node, ask: person(ask.view, node.review.author_id),
        "authorAssociation": lambda node, ask: association(
            ask.view, node.pull.repo, ask.view.account(node.review.author_id)
        ),
        "commit": lambda node, ask: git_object(ask.view, node.pull.repo, node.review.commit_sha),
        "createdAt": lambda node, _ask: node.review.created_at,
        "submittedAt": lambda node, _ask: node.review.submitted_at,
        "publishedAt": lambda node, _ask: node.review.submitted_at,
        "updatedAt": lambda node, _ask: node.review.submitted_at or node.review.created_at,
        "includesCreatedEdit": lambda _node, _ask: False,
        "isMinimized": lambda _node, _ask: False,
        "reactionGroups": lambda _node, _ask: reaction_groups(),
        "url": _review_page,
        "pullRequest": lambda node, _ask: node.pull,
        "repository": lambda node, _ask: Repo(repo=node.pull.repo),
        "viewerDidAuthor": lambda node, ask: viewer_is(ask, node.review.author_id),
    },
)


def _outdated(node: RemarkNode) -> bool:
    return node.remark.commit_sha != node.pull.pull.head_sha


fields.of(
    "PullRequestReviewComment",
    RemarkNode,
    {
        "id": lambda node, _ask: node_id("PRRC", node.remark.repo_id, node.remark.id),
        "databaseId": lambda node, _ask: node.remark.id,
        "fullDatabaseId": lambda node, _ask: str(node.remark.id),
        "body": lambda node, _ask: node.remark.body,
        "bodyText": lambda node, _ask: node.remark.body,
        "bodyHTML": lambda node, _ask: to_html(node.remark.body),
        "author": lambda node, ask: person(ask.view, node.remark.author_id),
        "authorAssociation": lambda node, ask: association(
            ask.view, node.pull.repo, ask.view.account(node.remark.author_id)
        ),
        "path": lambda node, _ask: node.remark.path,
        "diffHunk": lambda node, _ask: node.remark.diff_hunk,
        "line": lambda node, _ask: None if _outdated(node) else node.remark.line,
        "originalLine": lambda node, _ask: node.remark.line,
        "startLine": lambda node, _ask: None if _outdated(node) else node.remark.start_line,
        "position": lambda node, _ask: None if _outdated(node) else node.remark.position,
        "originalPosition": lambda node, _ask: node.remark.position or 1,
        "outdated": lambda node, _ask: _outdated(node),
        "subjectType": lambda node, _ask: node.remark.subject_type.upper(),
        "originalCommit": lambda node, ask: git_object(ask.view, node.pull.repo, node.remark.commit_sha),
        "createdAt": lambda node, _ask: node.remark.created_at,
        "updatedAt": lambda node, _ask: node.remark.updated_at,
        "isMinimized": lambda _node, _ask: False,
        "includesCreatedEdit": lambda _node, _ask: False,
        "reactionGroups": lambda _node, _ask: reaction_groups(),
        "pullRequest": lambda node, _ask: node.pull,
        "repository": lambda node, _ask: Repo(repo=node.pull.repo),
        "url": lambda node, ask: (
            page(ask, node.pull.repo, "pull", node.pull.issue.number) + f"#discussion_r{node.remark.id}"
        ),
        "viewerDidAuthor": lambda node, ask: viewer_is(ask, node.remark.author_id),
    },
)


@fields("PullRequestReviewThread", "comments")
def _in_thread(node: ThreadNode, ask: Ask) -> Connection:
    rows = pulls.review_comments_of(ask.db, node.pull.pull.id)
    found = [row for row in rows if node.remark.id in {row.id, row.in_reply_to_id}]
    return connect(ask, found, lambda row: RemarkNode(pull=node.pull, remark=row))


fields.of(
    "PullRequestReviewThread",
    ThreadNode,
    {
        "id": lambda node, _ask: node_id("PRRT", node.remark.repo_id, node.remark.id),
        "isResolved": lambda node, _ask: node.remark.resolved,
        "isOutdated": lambda node, _ask: _outdated(node),
        "isCollapsed": lambda node, _ask: node.remark.resolved,
        "path": lambda node, _ask: node.remark.path,
        "line": lambda node, _ask: None if _outdated(node) else node.remark.line,
        "originalLine": lambda node, _ask: node.remark.line,
        "startLine": lambda node, _ask: None if _outdated(node) else node.remark.start_line,
        "diffSide": lambda node, _ask: node.remark.side,
        "subjectType": lambda node, _ask: node.remark.subject_type.upper(),
        "pullRequest": lambda node, _ask: node.pull,
        "repository": lambda node, _ask: Repo(repo=node.pull.repo),
        "viewerCanResolve": lambda node, ask: viewer_role(ask, node.pull.repo) >= Role.WRITE,
        "viewerCanUnresolve": lambda node, ask: viewer_role(ask, node.pull.repo) >= Role.WRITE,
        "viewerCanReply": lambda _node, ask: ask.view.actor.user is not None,
    },
)
fields.of(
    "ReviewRequest",
    RequestNode,
    {
        "id": lambda node, _ask: node_id("RR", node.pull.repo.id, node.pull.issue.id, node.person.id),
        "asCodeOwner": lambda _node, _ask: False,
        "requestedReviewer": lambda node, _ask: Person(account=node.person),
        "pullRequest": lambda node, _ask: node.pull,
    },
)
