"""What performing effects can reach, and what several of them look up the same way."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from pydantic import TypeAdapter

from penstock.core.change.model import Change, Lane, LegName
from penstock.core.evidence import DiffFacts, RepositoryFacts
from penstock.core.gates import judge_patches
from penstock.core.ledger import canonical, plain
from penstock.core.policy.layers import Bound, Layered
from penstock.core.policy.patches import Scope
from penstock.core.policy.rules import Policy, Toggles, policy_digest
from penstock.core.proposal import PatchSet, patch_set_digest
from penstock.core.refs import BlobRef, NodeId, RepoRef, Sha
from penstock.core.verdict import Verdict, all_of, passed
from penstock.flows.auditing import Auditor
from penstock.flows.discovery import Fleet
from penstock.flows.hub import Hub
from penstock.flows.sensing import SignalSource
from penstock.flows.steering import Steering
from penstock.ports import (
    Clock,
    ForgeReader,
    ForgeWriter,
    Permanent,
    Proposer,
    Recipes,
    Repositories,
    Secrets,
    Texts,
)

POLICY = TypeAdapter(Policy)
VERDICT = TypeAdapter(Verdict)


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Ports and current settings. `own_login` is who writes; `notices_today` counts since midnight UTC."""

    fleet: Fleet
    reader: ForgeReader
    writer: ForgeWriter
    repositories: Repositories
    proposer: Proposer
    recipes: Recipes
    auditor: Auditor
    signals: SignalSource
    hub: Hub
    clock: Clock
    secrets: Secrets = field(repr=False)
    today: Layered
    """The organization's policy in force, with what made it."""
    toggles: Callable[[RepoRef | None], Toggles]
    """What holds now for one repository. Raises Transient where a holder does not answer."""
    steering: Steering
    own_login: str
    notices_today: Callable[[datetime], int]
    unended: Callable[[NodeId], tuple[Change, ...]]
    """Changes of one repository's issues that have not ended, oldest first."""
    attest: Callable[[bytes, str], str]
    """A payload and its type as a DSSE envelope, signed with this installation's key."""
    max_notices_per_day: int = 200
    only_workflows_report: bool = False
    """Is this a forge at which checks come from workflow files alone."""

    @property
    def policy(self) -> Policy:
        """The organization's, as it is today."""
        return self.today.policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One leg of one repository's lane, with all that acting on it needs."""

    world: World
    change: Change
    lane: Lane
    leg: LegName
    texts: Texts

    @property
    def head(self) -> Sha:
        """The leg's head. Only asked for once its branch is written."""
        head = self.lane.leg(self.leg).head
        assert head is not None, "its branch was written before"  # noqa: S101
        return head


def policy_text(policy: Policy) -> str:
    """The policy as it is pinned in the ledger."""
    return canonical(plain(policy)).decode()


def pinned_policy(change: Change, texts: Texts) -> Policy:
    """The policy of the change's creation. Gone (erased) is not "anything goes": it stops the change."""
    return POLICY.validate_json(stored(change.policy, texts, "the policy pinned at creation"))


def stored(ref: BlobRef, texts: Texts, what: str) -> str:
    text = texts.get(ref)
    if text is None:
        raise Permanent("text_erased", f"{what} was erased from the ledger, so this cannot go on")
    return text


def verdict_text(verdict: Verdict) -> str:
    """A verdict as it is kept in the ledger; `VERDICT` reads it back."""
    return canonical(plain(verdict)).decode()


def found(world: World, repo: RepoRef) -> RepositoryFacts:
    """The repository as it is now. Raises Permanent where it is gone, renamed or archived."""
    facts = world.reader.repository(repo)
    if facts is None or facts.node_id != repo.node_id:
        raise Permanent("gone", f"{repo.full_name} is gone, or another repository has its name")
    if facts.full_name.lower() != repo.full_name.lower():
        raise Permanent("renamed", f"{repo.full_name} is now called {facts.full_name}")
    if facts.archived:
        raise Permanent("archived", f"{repo.full_name} is archived, so nothing can be written there")
    return facts


def diff_of(world: World, lane: Lane) -> DiffFacts:
    """Facts of the lane's patch set, read from git objects."""
    assert lane.patch_set is not None, "only lanes that take part are judged"  # noqa: S101
    return facts_of(world, lane.repo, lane.patch_set.base_commit, lane.patch_set.tree)


def facts_of(world: World, repo: RepoRef, base: Sha, tree: Sha) -> DiffFacts:
    """Facts of any tree on a base that the mirror has, with what the auditor knows."""
    return world.auditor.known(world.repositories.facts(repo, base, tree), repo)


def patch_set_of(world: World, lane: Lane, base: Sha, tree: Sha, texts: Texts) -> PatchSet | None:
    """A tree as a patch set of its base commit; None where it changes nothing."""
    mirror = world.repositories
    if tree == mirror.tree_of(lane.repo, base):
        return None
    diff = mirror.facts(lane.repo, base, tree)
    return PatchSet(
        digest=patch_set_digest(lane.repo, base_ref=lane.base_ref, base_commit=base, tree=tree),
        base_ref=lane.base_ref,
        base_commit=base,
        tree=tree,
        group=diff.patch_digest,
        files=len(diff.files),
        additions=diff.additions,
        deletions=diff.deletions,
        patch=texts.put(mirror.patch(lane.repo, base, tree)),
    )


def judged(facts: DiffFacts, change: Change, bound: Bound, now: datetime) -> tuple[Verdict, Verdict]:
    """G2 and G3 of one of a change's patch sets, under the pinned policy and under today's."""
    scope = Scope(allowed=change.scope, named=change.named)
    return judge_patches(facts, scope, bound.pinned, now), judge_patches(facts, scope, bound.current, now)


def _in_force(bound: Bound) -> Verdict:
    """Whoever reads the tree later can tell which policy it was: `policy show` has the digest, too."""
    pinned, current = policy_digest(bound.pinned), policy_digest(bound.current)
    since = "" if pinned == current else f", and as pinned at creation {pinned}"
    return passed("policy_in_force", f"{current}{since}")


def judged_whole(
    world: World,
    change: Change,
    lanes: tuple[tuple[Lane, DiffFacts], ...],
    bounds: Mapping[NodeId, Bound],
    owners: Mapping[NodeId, Verdict],
) -> Verdict:
    """One tree for all repositories, each under both policies that bind it; `owners` says whether it is known whom to ask."""
    nodes = []
    for lane, facts in lanes:
        bound = bounds[lane.repo.node_id]
        pinned, current = judged(facts, change, bound, world.clock.now())
        parts = (
            (pinned,)
            if pinned == current
            else (
                replace(pinned, reason="policy pinned at creation"),
                replace(current, reason="today's policy"),
            )
        )
        more = (_in_force(bound), bound.layer, owners.get(lane.repo.node_id))
        whole = (*(part for one in parts for part in one.children), *(one for one in more if one))
        nodes.append(all_of(lane.repo.full_name, whole))
    return all_of("gates", nodes)


def lane_of(change: Change, repo: NodeId | None) -> Lane:
    lane = change.lane(repo) if repo else None
    assert lane is not None, f"change {change.id} has no lane {repo}"  # noqa: S101
    return lane
