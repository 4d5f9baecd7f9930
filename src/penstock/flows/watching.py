"""The watch over what was merged: a change that breaks its base branch is taken back, and one that others took back failed."""

from datetime import datetime

from penstock.core.change.effects import Watch
from penstock.core.change.events import Event, MergeStood, PostMergeFailed, WatchEnded
from penstock.core.change.model import Change, Lane
from penstock.core.refs import Sha
from penstock.core.verdict import Outcome, render_text
from penstock.core.watch import judge_merged
from penstock.flows.shaping import base_now
from penstock.flows.world import World, found, lane_of, verdict_text
from penstock.ports import Permanent, Texts, Transient


def watch(world: World, change: Change, effect: Watch, texts: Texts) -> Event | None:
    """Whether the merge broke a check, was taken back, or proved itself; None while that is open.

    Checks are waited for as long as those of a pull request are; what still runs then proves nothing against it.
    """
    lane = lane_of(change, effect.repo)
    assert lane.forward.merged, "only what was merged is watched"  # noqa: S101
    if effect.until is not None:
        return _stays(world, lane, effect.until, texts)
    waited = (world.clock.now() - change.since).total_seconds()
    verdict = judge_merged(
        world.reader.checks(lane.repo, lane.forward.merged),
        world.reader.checks(lane.repo, _onto(world, lane, lane.forward.merged)),
        settled=waited >= world.policy.ci.start_timeout_seconds,
    )
    if verdict.outcome is Outcome.BLOCK:
        return PostMergeFailed(repo=effect.repo, detail=texts.put(render_text(verdict)))
    if verdict.outcome is Outcome.PENDING and waited < world.policy.ci.timeout_seconds:
        return None
    return WatchEnded(repo=effect.repo, verdict=texts.put(verdict_text(verdict)))


def _stays(world: World, lane: Lane, until: datetime, texts: Texts) -> Event | None:
    """A forge that cannot be reached takes nothing back: it is asked again, and without an answer nothing is proven."""
    try:
        head = _undone_by(world, lane)
    except Transient:
        return None
    if head is not None:
        told = f"{lane.repo.full_name}: nothing of what was merged is left at {head}; somebody took it back"
        return PostMergeFailed(repo=lane.repo.node_id, detail=texts.put(told), undone_by=head)
    return MergeStood(repo=lane.repo.node_id) if world.clock.now() >= until else None


def _undone_by(world: World, lane: Lane) -> Sha | None:
    """The base branch's head, where the merge is gone from it."""
    merged, mirror = lane.forward.merged, world.repositories
    assert merged, "only what was merged is watched"  # noqa: S101
    head = base_now(world, lane)
    if head == merged:
        return None
    before, after = _brought(world, lane, merged)
    mirror.sync(lane.repo, found(world, lane.repo).clone_url, (head, before, after))
    return head if mirror.is_undone(lane.repo, head, before, after) else None


def _brought(world: World, lane: Lane, merged: Sha) -> tuple[Sha, Sha]:
    """Two commits between which is what was merged, and nothing that others did meanwhile.

    A commit with one parent, on another base than was foreseen, may be the last of several: the branch has them all.
    """
    parent, *others = _parents(world, lane, merged)
    preview, patch_set, head = lane.forward.preview, lane.patch_set, lane.forward.head
    if others or (preview and parent == preview.base_commit) or not patch_set or not head:
        return parent, merged
    return patch_set.base_commit, head


def _onto(world: World, lane: Lane, merged: Sha) -> Sha:
    """The commit that the base branch stood at before the merge, as far as it was seen."""
    preview = lane.forward.preview
    return preview.base_commit if preview else _parents(world, lane, merged)[0]


def _parents(world: World, lane: Lane, merged: Sha) -> tuple[Sha, ...]:
    commit = world.reader.commit(lane.repo, merged)
    if commit is None or not commit.parents:
        raise Permanent("gone", f"{lane.repo.full_name}: {merged[:10]}, which was merged, cannot be read")
    return commit.parents
