"""An approved patch on a base that has moved: put there where none of its paths were touched, and judged for what it is."""

from dataclasses import dataclass, replace

from penstock.core.approval import CarriedOver
from penstock.core.change.events import PatchSetRebased
from penstock.core.change.model import Change, Lane, LegName, MergePreview
from penstock.core.evidence import DiffFacts
from penstock.core.policy.carrying import Moved, judge_carrying
from penstock.core.policy.rules import Tier
from penstock.core.refs import Digest, Sha
from penstock.core.risk import assess
from penstock.core.verdict import Verdict, all_of
from penstock.flows.layering import bound_of
from penstock.flows.world import (
    Scene,
    World,
    diff_of,
    facts_of,
    found,
    judged,
    patch_set_of,
    policy_text,
    stored,
    verdict_text,
)
from penstock.ports import Permanent, Texts


def is_behind(scene: Scene, base: Sha | None) -> bool:
    """Does the base branch, which is at this commit now, demand branches that are up to date, and is the change's not.

    It holds the base commit of its patch set, and nothing newer.
    """
    lane = scene.lane
    if scene.leg is LegName.INVERSE or lane.patch_set is None or base in {None, lane.patch_set.base_commit}:
        return False
    required = scene.world.reader.required_checks(lane.repo, lane.base_ref)
    return required is not None and required.strict


def rebased(scene: Scene) -> PatchSetRebased | None:
    """The lane's patch set on the base as it is now; None where one of its paths was changed there meanwhile."""
    world, lane, old = scene.world, scene.lane, scene.lane.patch_set
    assert old is not None, "only lanes that take part are written"  # noqa: S101
    base = world.reader.branch_head(lane.repo, lane.base_ref)
    if base is None:
        return None
    mirror = world.repositories
    written = (lane.forward.head,) if lane.forward.head else ()
    mirror.sync(lane.repo, found(world, lane.repo).clone_url, (base, old.base_commit, *written))
    # What goes back from "as proposed" to "as it was", the other way round.
    tree = mirror.inverse_tree(lane.repo, base, old.tree, old.base_commit)
    patch_set = patch_set_of(world, lane, base, tree, scene.texts) if tree else None
    if patch_set is None or patch_set.group != old.group:
        return None
    why = scene.texts.put(_why(scene)) if written else None
    return PatchSetRebased(repo=lane.repo.node_id, previous=old.digest, patch_set=patch_set, why=why)


def _why(scene: Scene) -> str:
    lane, most = scene.lane, scene.change.terms.max_updates
    return (
        f"{lane.repo.full_name}: {lane.base_ref} moved on, and the branch has to follow it. It followed {lane.updates} of at "
        f"most {most} times since a person last looked. Where {lane.base_ref} never rests for as long as the checks run, "
        f"resume this in a quiet hour."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What the gates came to for patch sets as they are now."""

    verdict: Verdict
    tier: Tier


def carried_patch_sets(world: World, change: Change, gates: Judged, texts: Texts) -> tuple[CarriedOver, ...]:
    """Of each patch set that was put on another base, whether its approvals count there."""
    return tuple(
        _carried_patch_set(world, change, lane, gates, texts) for lane in change.shipping if lane.rebased
    )


def _carried_patch_set(world: World, change: Change, lane: Lane, gates: Judged, texts: Texts) -> CarriedOver:
    old, new = lane.rebased, lane.patch_set
    assert old is not None, "asked only of what was put on another base"  # noqa: S101
    assert new is not None, "asked only of lanes that take part"  # noqa: S101
    verdict = judge_carrying(
        _moved(
            world,
            change,
            lane,
            (facts_of(world, lane.repo, old.base_commit, old.tree), diff_of(world, lane)),
            gates,
            texts,
        )
    )
    return _recorded(old.digest, new.digest, verdict, texts)


def carried_merge(scene: Scene, now: MergePreview) -> CarriedOver | None:
    """Whether what people approve of merging counts for the merge as it would be now; None where that is no other one.

    It is judged before anybody has approved, too: an approval may come while this looks.
    """
    world, change, lane = scene.world, scene.change, scene.lane
    before = lane.forward.preview or lane.forward.before
    if before is None or before.digest == now.digest or not _has(scene, before):
        return None
    was = facts_of(world, lane.repo, before.base_commit, before.tree)
    is_now = facts_of(world, lane.repo, now.base_commit, now.tree)
    onto = replace(lane, forward=replace(lane.forward, preview=now))
    bound = bound_of(world, change, onto, scene.texts)
    layer = (bound.layer,) if bound.layer else ()
    gates = all_of("gates", (*judged(is_now, change, bound, world.clock.now()), *layer))
    gates_now = Judged(verdict=gates, tier=_tier(world, change, lane, is_now))
    moved = _moved(world, change, lane, (was, is_now), gates_now, scene.texts)
    return _recorded(before.digest, now.digest, judge_carrying(moved), scene.texts)


def _has(scene: Scene, before: MergePreview) -> bool:
    """A mirror that was made anew since knows nothing of an earlier preview, so nothing can be said of it."""
    try:
        for name in (before.base_commit, before.tree):
            scene.world.repositories.tree_of(scene.lane.repo, name)
    except Permanent as absent:
        if absent.code == "no_object":
            return False
        raise
    return True


def _tier(world: World, change: Change, lane: Lane, facts: DiffFacts) -> Tier:
    """Of the whole change, with this repository's part as it would be merged now."""
    others = tuple(diff_of(world, other) for other in change.shipping if other is not lane)
    diffs, history = (facts, *others), world.steering.of_its_kind(change)
    return assess(diffs, dependents=change.dependents, policy=world.policy, history=history).tier


def _moved(
    world: World,
    change: Change,
    lane: Lane,
    both: tuple[DiffFacts, DiffFacts],
    gates: Judged,
    texts: Texts,
) -> Moved:
    before, now = both
    between = world.repositories.edits(lane.repo, before.base_commit, now.base_commit)
    pinned = stored(change.policy, texts, "the policy pinned at creation")
    return Moved(
        patch_before=before.patch_digest,
        patch_now=now.patch_digest,
        touched=frozenset(file.path for facts in both for file in facts.files),
        between=frozenset(edit.path for edit in between),
        policy_unchanged=pinned == policy_text(world.policy),
        tier_before=change.tier,
        tier_now=gates.tier,
        gates=gates.verdict,
    )


def _recorded(before: Digest, now: Digest, verdict: Verdict, texts: Texts) -> CarriedOver:
    return CarriedOver(
        before=before, now=now, outcome=verdict.outcome, verdict=texts.put(verdict_text(verdict))
    )
