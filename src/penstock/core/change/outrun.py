"""A base that outran what was approved: that is put on it anew, or proposed anew, and not for ever."""

from dataclasses import replace
from datetime import datetime

from penstock.core.change import events as e
from penstock.core.change.model import Action, Change, Lane, Leg, LegName, State
from penstock.core.change.shipping import OBSERVING
from penstock.core.change.table import (
    fresh,
    in_state,
    needs_human,
    on,
    send_back,
    states,
    unoffered,
    with_lane,
    with_leg,
)
from penstock.core.refs import BlobRef

BEHIND = "behind"
"""The forge refuses a merge, since its base has commits that the branch has not."""
OVERTAKEN = "overtaken"
"""A branch that is there must follow its base, which touched what the patch set touches."""
ALWAYS_BEHIND = "always_behind"
LOOK_AGAIN = frozenset({"base_moved", "verification_stale", BEHIND})
REBASING = states(State.APPLYING_PATCHES, State.PATCHES_PROPOSED, State.VERIFYING_CI, State.MERGING)


@on(e.PatchSetRebased, REBASING)
def _(change: Change, at: datetime, event: e.PatchSetRebased) -> Change | None:
    """Judged anew as a whole; whether its approvals count there is judged with it. What was written is brought up to
    date, and until it is, no merge of the change is offered: its siblings are verified with what it becomes."""
    lane = change.lane(event.repo)
    if lane is None or lane.patch_set is None or change.ending is not None or lane.forward.merged:
        return None
    if lane.patch_set.digest != event.previous:
        return None
    change = replace(change, lanes=tuple(_unoffered(other) for other in change.lanes))
    forward = replace(unoffered(lane.forward), marked=False, intents=frozenset())
    counted = _once_more(change, lane) if forward.head else lane
    if counted is None:
        return _outrun(with_lane(change, replace(lane, forward=forward)), event.why)
    if forward.head:
        change = _without_reviews(change, forward)
    moved = replace(
        counted,
        patch_set=event.patch_set,
        rebased=lane.patch_set,
        owners=(),
        forward=replace(forward, tree=None),
    )
    return fresh(in_state(with_lane(change, moved), State.PATCHES_PROPOSED))


def _without_reviews(change: Change, leg: Leg) -> Change:
    """What a review approved at the forge is a head, which is about to be another one."""
    digest = leg.before.digest if leg.before else None
    kept = tuple(a for a in change.approvals if not a.review or a.digest != digest)
    return replace(change, approvals=kept)


def _unoffered(lane: Lane) -> Lane:
    return lane if lane.forward.merged else replace(lane, forward=unoffered(lane.forward))


def _once_more(change: Change, lane: Lane) -> Lane | None:
    """The lane with one more time counted; None where its base moves faster than its checks run."""
    return None if lane.updates >= change.terms.max_updates else replace(lane, updates=lane.updates + 1)


def _outrun(change: Change, detail: BlobRef | None) -> Change:
    """A person finds it a quiet hour; resumed, it is counted from nought."""
    resume_to = State.VERIFYING_CI if change.state in OBSERVING else change.state
    return needs_human(change, ALWAYS_BEHIND, detail, resume_to=resume_to)


def _proposed_again(change: Change, lane: Lane) -> Change:
    """On the base as it is now, by whoever proposed it; what comes of it is approved anew, even if it is the same."""
    again = replace(send_back(lane), previous=None)
    return fresh(in_state(with_lane(change, again), State.PATCHES_PROPOSED))


@on(e.ApplyRefused, states(State.APPLYING_PATCHES, State.PR_OPEN, State.ROLLING_BACK))
def _(change: Change, at: datetime, event: e.ApplyRefused) -> Change | None:
    lane = change.lane(event.repo)
    if lane is None:
        return None
    leg = lane.leg(event.leg)
    leg = replace(leg, intents=leg.intents - {Action.BRANCH, Action.PULL_REQUEST})
    change = with_leg(change, lane, event.leg, leg)
    if event.reason == OVERTAKEN and not change.any_merged:
        return _overtaken(change, change.lane(event.repo) or lane, event.detail)
    return needs_human(change, event.reason, event.detail)


def _overtaken(change: Change, lane: Lane, detail: BlobRef) -> Change:
    """Its branch is there already, so nothing but another proposal can follow that base."""
    counted = _once_more(change, lane)
    return _outrun(change, detail) if counted is None else _proposed_again(change, counted)


@on(e.MergeRefused, OBSERVING)
def _(change: Change, at: datetime, event: e.MergeRefused) -> Change | None:
    lane = change.lane(event.repo)
    if lane is None:
        return None
    leg = lane.leg(event.leg)
    reset = replace(unoffered(leg), marked=False, intents=frozenset(), looks=leg.looks + 1)
    change = with_leg(change, lane, event.leg, reset)
    if event.leg is LegName.FORWARD:
        return _not_merged(change, change.lane(event.repo) or lane, event)
    if event.reason in LOOK_AGAIN - {BEHIND}:
        return change
    return needs_human(change, event.reason, event.detail, resume_to=State.ROLLING_BACK)


def _not_merged(change: Change, lane: Lane, event: e.MergeRefused) -> Change:
    """Looked at again, proposed anew, or a person's; on the way back it is as it should be."""
    if change.state is State.ROLLING_BACK:
        return change
    if event.reason == OVERTAKEN and not change.any_merged:
        return _overtaken(change, lane, event.detail)
    if event.reason == "conflict" and not change.any_merged:
        return _proposed_again(change, lane)
    counted = _once_more(change, lane) if event.reason == BEHIND else lane
    if counted is None:
        return _outrun(change, event.detail)
    if event.reason in LOOK_AGAIN:
        return in_state(with_lane(change, counted), State.VERIFYING_CI)
    return needs_human(change, event.reason, event.detail, resume_to=State.VERIFYING_CI)
