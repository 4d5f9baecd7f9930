"""The watch over what was merged: a change that breaks its base branch is taken back."""

from penstock.core.change.effects import Watch
from penstock.core.change.events import Event, PostMergeFailed, WatchEnded
from penstock.core.change.model import Change, Lane
from penstock.core.refs import Sha
from penstock.core.verdict import Outcome, render_text
from penstock.core.watch import judge_merged
from penstock.flows.world import World, lane_of, verdict_text
from penstock.ports import Permanent, Texts


def watch(world: World, change: Change, effect: Watch, texts: Texts) -> Event | None:
    """Whether the merge broke a check or proved itself; None while that is open.

    Checks are waited for as long as those of a pull request are; what still runs then proves nothing against it.
    """
    lane = lane_of(change, effect.repo)
    assert lane.forward.merged, "only what was merged is watched"  # noqa: S101
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


def _onto(world: World, lane: Lane, merged: Sha) -> Sha:
    """The commit that the base branch stood at before the merge."""
    if lane.forward.preview:
        return lane.forward.preview.base_commit
    commit = world.reader.commit(lane.repo, merged)
    if commit is None or not commit.parents:
        raise Permanent("gone", f"{lane.repo.full_name}: {merged[:10]}, which was merged, cannot be read")
    return commit.parents[0]
