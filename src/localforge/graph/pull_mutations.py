"""Mutations of pull requests and their reviews."""

from localforge.access import Role, names_of, role_on
from localforge.body import Body
from localforge.errors import ForbiddenError
from localforge.graph.change import named, payload, permit, read
from localforge.graph.fields import Ask, Fields, QueryError, cursor
from localforge.graph.issue_mutations import accounts_of, afresh, arrange, begin, permit_edit, text_of
from localforge.graph.nodes import Person, PullNode, RemarkNode, Repo, ReviewNode, ThreadNode
from localforge.graph.repositories import viewer_role
from localforge.issues.editing import close
from localforge.pulls import reviewing
from localforge.pulls.hunks import Side
from localforge.pulls.merging import Method, Wish, merge, update_branch
from localforge.pulls.messages import Wording
from localforge.pulls.opening import Proposal, move_base, open_pull, reopen_pull, set_draft
from localforge.pulls.readiness import rules_for
from localforge.pulls.reviewing import Place, Remark, locate
from localforge.store import pulls
from localforge.store.pulls import Review
from localforge.urls import node_id

fields = Fields()

Root = object

_METHODS: dict[str, Method] = {"MERGE": "merge", "SQUASH": "squash", "REBASE": "rebase"}


def _pull(ask: Ask, given: Body, role: Role = Role.WRITE) -> PullNode:
    """The pull request that the input names, which the viewer may change: their own, or with this role."""
    node = named(ask, PullNode, given.text("pullRequestId"))
    if role is Role.READ:
        permit_edit(ask, node, node.issue.author_id)
    else:
        permit(ask, node.repo, "pull_requests:write", role)
    return node


@fields("Mutation", "createPullRequest")
def create_pull(_root: Root, ask: Ask) -> dict[str, object]:
    """Propose a branch; the viewer must be allowed to write it."""
    given = read(ask)
    repo = named(ask, Repo, given.text("repositoryId")).repo
    author = permit(ask, repo, "pull_requests:write", Role.READ, content=True)
    head_id = given.maybe_text("headRepositoryId")
    head_repo = named(ask, Repo, head_id).repo if head_id else repo
    owner, colon, branch = given.text("headRefName").rpartition(":")
    if colon and owner.casefold() != ask.view.account(head_repo.owner_id).login.casefold():
        raise QueryError(f"Head ref must be a branch of {ask.view.full_name(head_repo)}", "UNPROCESSABLE")
    actor = ask.view.actor
    if not actor.installation and role_on(ask.db, head_repo, actor.user) < Role.WRITE:
        raise ForbiddenError("Must have push access to Repository.")
    proposal = Proposal(
        title=text_of(given, "title"),
        body=given.maybe_text("body"),
        head_repo=head_repo,
        head=branch.removeprefix("refs/heads/"),
        base=given.text("baseRefName").removeprefix("refs/heads/"),
        draft=bool(given.maybe_flag("draft")),
        maintainer_can_modify=bool(given.maybe_flag("maintainerCanModify")),
    )
    issue = open_pull(ask.call.forge, repo, author, proposal)
    return payload(given, pullRequest=named(ask, PullNode, node_id("PR", repo.id, issue.id)))


@fields("Mutation", "updatePullRequest")
def update_pull(_root: Root, ask: Ask) -> dict[str, object]:
    """Change a pull request."""
    given = read(ask)
    node = _pull(ask, given, Role.READ)
    arrange(ask, node, given)
    base, modify = given.maybe_text("baseRefName"), given.maybe_flag("maintainerCanModify")
    state = given.maybe_text("state")
    with ask.call.forge.ref_lock(node.repo.id), ask.call.forge.store.write() as tx:
        act = begin(ask, tx, node)
        if modify is not None:
            tx.update("pull", node.pull.id, maintainer_can_modify=modify)
        if base and base != node.pull.base_ref:
            move_base(ask.call.forge, act, node.pull, base)
        if state == "CLOSED":
            close(act)
        elif state == "OPEN" and node.issue.state == "closed":
            reopen_pull(ask.call.forge, node.repo, act, node.pull)
    actor = Person(account=ask.view.actor.account)
    return payload(given, pullRequest=afresh(ask, node), actor=actor)


@fields("Mutation", "closePullRequest")
def close_pull(_root: Root, ask: Ask) -> dict[str, object]:
    """Close without merging."""
    given = read(ask)
    node = _pull(ask, given, Role.READ)
    with ask.call.forge.store.write() as tx:
        close(begin(ask, tx, node))
    return payload(given, pullRequest=afresh(ask, node))


@fields("Mutation", "reopenPullRequest")
def reopen(_root: Root, ask: Ask) -> dict[str, object]:
    """Open a closed one again."""
    given = read(ask)
    node = _pull(ask, given, Role.READ)
    with ask.call.forge.ref_lock(node.repo.id), ask.call.forge.store.write() as tx:
        if node.issue.state == "closed":
            reopen_pull(ask.call.forge, node.repo, begin(ask, tx, node), node.pull)
    return payload(given, pullRequest=afresh(ask, node))


@fields("Mutation", "mergePullRequest")
def merge_pull(_root: Root, ask: Ask) -> dict[str, object]:
    """Merge, squash or rebase."""
    given = read(ask)
    node = named(ask, PullNode, given.text("pullRequestId"))
    permit(ask, node.repo, "contents:write", Role.WRITE)
    wish = Wish(
        method=_METHODS[given.maybe_text("mergeMethod") or "MERGE"],
        wording=Wording(title=given.maybe_text("commitHeadline"), message=given.maybe_text("commitBody")),
        sha=given.maybe_text("expectedHeadOid"),
    )
    merge(ask.call.forge, node.repo, node.issue, ask.view.actor, wish)
    return payload(given, pullRequest=afresh(ask, node), actor=Person(account=ask.view.actor.account))


@fields("Mutation", "updatePullRequestBranch")
def update_head(_root: Root, ask: Ask) -> dict[str, object]:
    """Merge the base branch into the head branch."""
    given = read(ask)
    node = _pull(ask, given)
    update_branch(ask.call.forge, node.issue, ask.view.actor, given.maybe_text("expectedHeadOid"))
    return payload(given, pullRequest=afresh(ask, node))


@fields("Mutation", "markPullRequestReadyForReview")
def ready(_root: Root, ask: Ask) -> dict[str, object]:
    """A draft no longer."""
    return _set_draft(ask, draft=False)


@fields("Mutation", "convertPullRequestToDraft")
def to_draft(_root: Root, ask: Ask) -> dict[str, object]:
    """A draft again."""
    return _set_draft(ask, draft=True)


def _set_draft(ask: Ask, *, draft: bool) -> dict[str, object]:
    given = read(ask)
    node = _pull(ask, given, Role.READ)
    with ask.call.forge.store.write() as tx:
        set_draft(begin(ask, tx, node), node.pull, draft=draft)
    return payload(given, pullRequest=afresh(ask, node))


@fields("Mutation", "requestReviews")
def request_reviews(_root: Root, ask: Ask) -> dict[str, object]:
    """Ask people for a review; without `union` they replace who was asked."""
    given = read(ask)
    node = _pull(ask, given)
    people = accounts_of(ask, given.texts("userIds") or ())
    with ask.call.forge.store.write() as tx:
        act = begin(ask, tx, node)
        if not given.maybe_flag("union"):
            wanted = {person.id for person in people}
            asked = pulls.requested_reviewers(tx, node.pull.id)
            reviewing.withdraw_request(
                act, node.pull, [person for person in asked if person.id not in wanted]
            )
        reviewing.request(act, node.pull, people)
    return payload(given, pullRequest=afresh(ask, node), actor=Person(account=ask.view.actor.account))


@fields("Mutation", "addPullRequestReview")
def add_review(_root: Root, ask: Ask) -> dict[str, object]:
    """Begin a review, or give a whole one when there is an `event`."""
    given = read(ask)
    node = named(ask, PullNode, given.text("pullRequestId"))
    permit(ask, node.repo, "pull_requests:write", Role.READ, content=True)
    event, body = given.maybe_text("event"), given.maybe_text("body") or ""
    remarks = [_remark(ask, node, item) for item in given.objects("comments") or ()]
    remarks += [_remark(ask, node, item) for item in given.objects("threads") or ()]
    _check(ask, node, event, body or (remarks[0].body if remarks else ""))
    with ask.call.forge.store.write() as tx:
        act = begin(ask, tx, node)
        item = reviewing.begin(act, node.pull, body, given.maybe_text("commitOID") or node.pull.head_sha)
        for remark in remarks:
            reviewing.remark(act, item, remark)
        if event:
            item = reviewing.submit(act, item, event, body)
    shown = ReviewNode(pull=node, review=item)
    return payload(given, pullRequestReview=shown, reviewEdge={"cursor": cursor(0), "node": shown})


@fields("Mutation", "submitPullRequestReview")
def submit_review(_root: Root, ask: Ask) -> dict[str, object]:
    """Publish the viewer's pending review."""
    given = read(ask)
    node, item = _pending(ask, given)
    permit(ask, node.repo, "pull_requests:write", Role.READ, content=True)
    event, body = given.text("event"), given.maybe_text("body") or item.body
    _check(ask, node, event, body)
    with ask.call.forge.store.write() as tx:
        item = reviewing.submit(begin(ask, tx, node), item, event, body)
    return payload(given, pullRequestReview=ReviewNode(pull=node, review=item))


@fields("Mutation", "dismissPullRequestReview")
def dismiss_review(_root: Root, ask: Ask) -> dict[str, object]:
    """Take an approval or a rejection back."""
    given = read(ask)
    found = named(ask, ReviewNode, given.text("pullRequestReviewId"))
    permit(ask, found.pull.repo, "pull_requests:write", Role.WRITE)
    if found.review.state not in {"APPROVED", "CHANGES_REQUESTED"}:
        raise QueryError("Can not dismiss a commented pull request review", "UNPROCESSABLE")
    rules = rules_for(ask.db, found.pull.repo, found.pull.pull)
    if not reviewing.may_dismiss(
        rules, viewer_role(ask, found.pull.repo), names_of(ask.db, ask.view.actor.account)
    ):
        raise ForbiddenError("Review dismissals are restricted on this branch.")
    with ask.call.forge.store.write() as tx:
        item = reviewing.dismiss(begin(ask, tx, found.pull), found.review, given.text("message"))
    return payload(given, pullRequestReview=ReviewNode(pull=found.pull, review=item))


@fields("Mutation", "addPullRequestReviewThreadReply")
def reply(_root: Root, ask: Ask) -> dict[str, object]:
    """Answer in a thread."""
    given = read(ask)
    found = named(ask, ThreadNode, given.text("pullRequestReviewThreadId"))
    permit(ask, found.pull.repo, "pull_requests:write", Role.READ, content=True)
    body = text_of(given, "body")
    with ask.call.forge.store.write() as tx:
        act = begin(ask, tx, found.pull)
        item = reviewing.begin(act, found.pull.pull, "", found.remark.commit_sha)
        row = reviewing.reply(act, item, found.remark, body)
        reviewing.submit(act, item, "COMMENT", "")
    return payload(given, comment=RemarkNode(pull=found.pull, remark=row))


@fields("Mutation", "resolveReviewThread")
def resolve(_root: Root, ask: Ask) -> dict[str, object]:
    """The conversation is settled."""
    return _resolve(ask, resolved=True)


@fields("Mutation", "unresolveReviewThread")
def unresolve(_root: Root, ask: Ask) -> dict[str, object]:
    """The conversation is open again."""
    return _resolve(ask, resolved=False)


def _resolve(ask: Ask, *, resolved: bool) -> dict[str, object]:
    given = read(ask)
    found = named(ask, ThreadNode, given.text("threadId"))
    own = ask.view.actor.account.id == found.pull.issue.author_id
    permit(ask, found.pull.repo, "pull_requests:write", Role.READ if own else Role.WRITE)
    with ask.call.forge.store.write() as tx:
        tx.update("review_comment", found.remark.id, resolved=resolved)
    return payload(given, thread=named(ask, ThreadNode, given.text("threadId")))


def _remark(ask: Ask, node: PullNode, item: Body) -> Remark:
    side: Side = "LEFT" if item.maybe_text("side") == "LEFT" else "RIGHT"
    place = Place(
        path=item.text("path"),
        line=item.maybe_number("line"),
        side=side,
        start_line=item.maybe_number("startLine"),
        position=item.maybe_number("position"),
    )
    return locate(ask.view.forge.git(node.repo.id), node.pull, place, item.text("body"))


def _check(ask: Ask, node: PullNode, event: str | None, body: str) -> None:
    own = node.issue.author_id == ask.view.actor.account.id
    error = reviewing.refusal(event, body, own=own)
    if error:
        raise error


def _pending(ask: Ask, given: Body) -> tuple[PullNode, Review]:
    """The viewer's pending review: by its id, or the one they have on a pull request."""
    review_id = given.maybe_text("pullRequestReviewId")
    if review_id:
        found = named(ask, ReviewNode, review_id)
        node, candidates = found.pull, [found.review]
    else:
        node = named(ask, PullNode, given.text("pullRequestId"))
        candidates = pulls.reviews_of(ask.db, node.pull.id)
    mine = [
        review
        for review in candidates
        if review.state == "PENDING" and review.author_id == ask.view.actor.account.id
    ]
    if not mine:
        raise QueryError("Could not find a pending review of yours.", "NOT_FOUND")
    return node, mine[0]
