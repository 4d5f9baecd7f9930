"""Auto-merge of a pull request: what was asked, asking, and asking no more."""

from localforge.access import Role
from localforge.graph.change import named, payload, permit, read
from localforge.graph.fields import Ask, Fields, QueryError
from localforge.graph.issue_mutations import afresh, begin
from localforge.graph.nodes import Person, PullNode
from localforge.graph.repositories import viewer_role
from localforge.pulls.automerging import Request, disable, enable, refusal
from localforge.pulls.merging import HEAD_MOVED, Method
from localforge.store import auto_merges
from localforge.store.auto_merges import AutoMerge

fields = Fields()

METHODS: dict[str, Method] = {"MERGE": "merge", "SQUASH": "squash", "REBASE": "rebase"}


def _permitted(ask: Ask) -> PullNode:
    node = named(ask, PullNode, read(ask).text("pullRequestId"))
    permit(ask, node.repo, "pull_requests:write", Role.WRITE)
    return node


def _done(ask: Ask, node: PullNode) -> dict[str, object]:
    return payload(read(ask), pullRequest=afresh(ask, node), actor=Person(account=ask.view.actor.account))


@fields("Mutation", "enablePullRequestAutoMerge")
def ask_for_it(_root: object, ask: Ask) -> dict[str, object]:
    """Merge once nothing stands against it; refused where nothing does now."""
    given, node, forge = read(ask), _permitted(ask), ask.call.forge
    expected = given.maybe_text("expectedHeadOid")
    words = refusal(forge, node.repo, node.issue, node.pull)
    if words is None and expected and expected != node.pull.head_sha:
        words = HEAD_MOVED
    if words:
        raise QueryError(words, "UNPROCESSABLE")
    request = Request(
        method=METHODS[given.maybe_text("mergeMethod") or "MERGE"],
        headline=given.maybe_text("commitHeadline"),
        body=given.maybe_text("commitBody"),
        author_email=given.maybe_text("authorEmail"),
    )
    with forge.store.write() as tx:
        enable(begin(ask, tx, node), node.pull, request)
    return _done(ask, node)


@fields("Mutation", "disablePullRequestAutoMerge")
def take_it_back(_root: object, ask: Ask) -> dict[str, object]:
    """Leave it to people again."""
    node = _permitted(ask)
    if auto_merges.of_pull(ask.db, node.pull.id) is None:
        raise QueryError("Can't disable auto-merge for this pull request.", "UNPROCESSABLE")
    with ask.call.forge.store.write() as tx:
        disable(begin(ask, tx, node), node.pull)
    return _done(ask, node)


@fields("PullRequest", "autoMergeRequest")
def asked(node: PullNode, ask: Ask) -> dict[str, object] | None:
    """Who asked, and how."""
    found = auto_merges.of_pull(ask.db, node.pull.id)
    return _shown(node, ask, found) if found else None


def _shown(node: PullNode, ask: Ask, found: AutoMerge) -> dict[str, object]:
    return {
        "authorEmail": found.author_email,
        "commitBody": found.body,
        "commitHeadline": found.headline,
        "enabledAt": found.enabled_at,
        "enabledBy": Person(account=ask.view.account(found.enabled_by_id)),
        "mergeMethod": found.method.upper(),
        "pullRequest": node,
    }


@fields("PullRequest", "viewerCanEnableAutoMerge")
def may_ask(node: PullNode, ask: Ask) -> bool:
    """Whether the mutation would be carried out."""
    open_to = viewer_role(ask, node.repo) >= Role.WRITE
    return open_to and refusal(ask.call.forge, node.repo, node.issue, node.pull) is None


@fields("PullRequest", "viewerCanDisableAutoMerge")
def may_take_back(node: PullNode, ask: Ask) -> bool:
    """Whether there is something to take back, and the viewer may."""
    return viewer_role(ask, node.repo) >= Role.WRITE and asked(node, ask) is not None
