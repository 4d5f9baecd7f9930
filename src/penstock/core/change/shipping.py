"""From approved patch sets to merged pull requests, and back. Outcomes of writes are accepted in every state."""

from dataclasses import replace
from datetime import datetime

from penstock.core.approval import ApprovalScope
from penstock.core.change import events as e
from penstock.core.change.model import ENDS, Action, Change, Lane, Leg, LegName, State
from penstock.core.change.proposing import merging, open_digests, opened
from penstock.core.change.table import (
    ANY,
    PARKED,
    done_with,
    ended,
    fresh,
    in_state,
    left_behind,
    needs_human,
    on,
    parked,
    send_back,
    states,
    unoffered,
    with_lane,
    with_leg,
)
from penstock.core.policy.rules import Verify
from penstock.core.refs import NodeId
from penstock.core.verdict import Outcome

OBSERVING = states(State.PR_OPEN, State.VERIFYING_CI, State.MERGING, State.ROLLING_BACK)


@on(e.TapDecided, ANY)
def _(change: Change, at: datetime, event: e.TapDecided) -> Change | None:
    if event.notice:
        if event.allowed:
            return replace(change, intents=change.intents | {event.notice})
        return replace(change, noticed=change.noticed | {event.notice})
    lane = change.lane(event.repo) if event.repo else None
    if lane is None:
        return None
    if event.allowed:
        return with_leg(change, lane, event.leg, _intended(lane.leg(event.leg), event))
    if change.state in ENDS:
        return left_behind(change, event.repo, f"{event.action}_denied", event.verdict)
    state = State.BLOCKED_POLICY if event.policy is Outcome.BLOCK else State.NEEDS_HUMAN
    if event.leg is LegName.FORWARD and event.authority is Outcome.BLOCK:
        change = _unapproved(change, lane, event.action)
    return parked(change, state, f"{event.action}_denied", event.verdict)


def _intended(leg: Leg, event: e.TapDecided) -> Leg:
    """Decided anew because something else is to be written now, the next try has a key of its own."""
    again = event.action in leg.intents
    intents, subjects = leg.intents | {event.action}, leg.subjects | {event.subject}
    return replace(leg, intents=intents, subjects=subjects, looks=leg.looks + again)


def _unapproved(change: Change, lane: Lane, action: Action) -> Change:
    """Approvals that no longer carry what they unlocked are void, others' of the same digest too; they have to be
    given anew."""
    preview = lane.forward.preview
    if action in {Action.ROLLBACK_POINT, Action.MERGE}:
        void = preview.digest if preview else None
    else:
        void = lane.patch_set.digest if lane.patch_set else None
    kept = tuple(approval for approval in change.approvals if approval.digest != void)
    if len(kept) == len(change.approvals):
        return change
    return replace(change, approvals=kept, revoked=change.revoked + 1)


@on(e.PatchesApplied, ANY)
def _(change: Change, at: datetime, event: e.PatchesApplied) -> Change | None:
    lane = change.lane(event.repo)
    if lane is None:
        return None
    leg = replace(
        done_with(lane.leg(event.leg), Action.BRANCH), head=event.head, tree=event.tree, preview=None
    )
    change = with_leg(change, lane, event.leg, replace(leg, sent_back=False, observed=False, withdrawn=False))
    return _applied(change)


def _applied(change: Change) -> Change:
    if change.state is State.APPLYING_PATCHES and all(lane.is_applied for lane in change.shipping):
        return opened(change)
    return change


@on(e.PullOpened, ANY)
def _(change: Change, at: datetime, event: e.PullOpened) -> Change | None:
    lane = change.lane(event.repo)
    if lane is None:
        return None
    leg = replace(done_with(lane.leg(event.leg), Action.PULL_REQUEST), pull=event.number, withdrawn=False)
    return with_leg(change, lane, event.leg, leg)


@on(e.CiObserved, OBSERVING)
def _(change: Change, at: datetime, event: e.CiObserved) -> Change | None:
    lane = change.lane(event.repo)
    if lane is None or lane.leg(event.leg).head != event.head:
        return None
    leg = lane.leg(event.leg)
    change = with_leg(change, lane, event.leg, replace(leg, observed=True, looks=leg.looks + 1))
    return in_state(change, State.VERIFYING_CI) if change.state is State.PR_OPEN else change


@on(e.CiPassed, OBSERVING)
def _(change: Change, at: datetime, event: e.CiPassed) -> Change | None:
    lane = change.lane(event.repo)
    if lane is None or lane.leg(event.leg).head != event.head:
        return None
    leg = lane.leg(event.leg)
    offered, carried = leg.preview or leg.before, event.carried
    if carried and offered and (carried.before, carried.now) == (offered.digest, event.preview.digest):
        change = replace(change, approvals=carried.onto(change.approvals, ApprovalScope.MERGE))
    looked = replace(leg, preview=event.preview, before=None, lacking=event.lacking, looks=leg.looks + 1)
    return merging(with_leg(change, lane, event.leg, looked), at)


@on(e.ReviewsObserved, OBSERVING)
def _(change: Change, at: datetime, event: e.ReviewsObserved) -> Change | None:
    """As if the approvals were given or taken back here: what is under way for one that is gone is told to stop."""
    lane = change.lane(event.repo)
    if lane is None or lane.leg(event.leg).head != event.head:
        return None
    leg, offered = lane.leg(event.leg), open_digests(change, ApprovalScope.MERGE)
    kept = tuple(a for a in change.approvals if a.id not in event.gone)
    there = {a.id for a in kept}
    new = tuple(
        a
        for a in event.approvals
        if a.digest in offered and a.expires_at > at and a.id not in there and a.review not in change.spent
    )
    taken = len(kept) < len(change.approvals)
    change = replace(change, approvals=(*kept, *new), revoked=change.revoked + taken)
    change = with_leg(change, lane, event.leg, replace(leg, lacking=event.lacking, looks=leg.looks + 1))
    return merging(fresh(change) if taken else change, at)


@on(e.CiFailed, OBSERVING)
def _(change: Change, at: datetime, event: e.CiFailed) -> Change | None:
    lane = change.lane(event.repo)
    if lane is None or lane.leg(event.leg).head != event.head:
        return None
    leg = lane.leg(event.leg)
    change = with_leg(change, lane, event.leg, replace(leg, preview=None, looks=leg.looks + 1))
    if event.leg is LegName.INVERSE:
        return needs_human(change, "rollback_failed", event.diagnosis)
    if change.any_merged or change.attempt >= change.terms.auto_fix_attempts:
        return needs_human(change, "ci_failed", event.diagnosis, resume_to=State.VERIFYING_CI)
    again = change.lane(event.repo) or lane
    change = replace(
        with_lane(change, send_back(again)), attempt=change.attempt + 1, feedback=event.diagnosis
    )
    return fresh(in_state(change, State.PLANNED))


@on(e.CiTimedOut, OBSERVING)
def _(change: Change, at: datetime, event: e.CiTimedOut) -> Change | None:
    return _stopped(change, event.repo, event.leg, "ci_timed_out", event)


@on(e.ChecksStale, OBSERVING)
def _(change: Change, at: datetime, event: e.ChecksStale) -> Change | None:
    lane = change.lane(event.repo)
    if lane is None or lane.leg(event.leg).head != event.head:
        return None
    leg = lane.leg(event.leg)
    stale = replace(unoffered(leg), rerun=at, looks=leg.looks + 1)
    return with_leg(change, lane, event.leg, stale)


@on(e.ChecksRerun, ANY)
def _(change: Change, at: datetime, event: e.ChecksRerun) -> Change | None:
    lane = change.lane(event.repo)
    if lane is None:
        return None
    leg = lane.leg(event.leg)
    return with_leg(
        change, lane, event.leg, replace(done_with(leg, Action.RERUN), rerun=None, looks=leg.looks + 1)
    )


@on(e.HeadMoved, ANY - PARKED)
def _(change: Change, at: datetime, event: e.HeadMoved) -> Change | None:
    if change.state in ENDS:
        return left_behind(change, event.repo, "head_moved", None)
    return _stopped(change, event.repo, event.leg, "head_moved", event)


@on(e.PullClosed, OBSERVING)
def _(change: Change, at: datetime, event: e.PullClosed) -> Change | None:
    return _stopped(change, event.repo, event.leg, "pull_request_closed", event)


def _stopped(
    change: Change,
    repo: NodeId,
    leg: LegName,
    reason: str,
    event: e.CiTimedOut | e.HeadMoved | e.PullClosed,
) -> Change | None:
    lane = change.lane(repo)
    if lane is None:
        return None
    old = lane.leg(leg)
    change = with_leg(change, lane, leg, replace(old, preview=None, intents=frozenset(), looks=old.looks + 1))
    detail = event.detail if isinstance(event, e.CiTimedOut) else None
    resume_to = State.ROLLING_BACK if leg is LegName.INVERSE else _where_it_was(change)
    return needs_human(change, reason, detail, resume_to=resume_to)


def _where_it_was(change: Change) -> State:
    return State.VERIFYING_CI if change.state is State.MERGING else change.state


@on(e.RollbackPointPlaced, ANY)
def _(change: Change, at: datetime, event: e.RollbackPointPlaced) -> Change | None:
    lane = change.lane(event.repo)
    if lane is None:
        return None
    leg = replace(done_with(lane.leg(event.leg), Action.ROLLBACK_POINT), marked=True)
    return with_leg(change, lane, event.leg, leg)


@on(e.Merged, ANY)
def _(change: Change, at: datetime, event: e.Merged) -> Change | None:
    lane = change.lane(event.repo)
    if lane is None:
        return None
    leg = lane.leg(event.leg)
    another = leg.sent_back and lane.patch_set is not None
    approved_head = leg.head == event.head and not another
    change = with_leg(
        change,
        lane,
        event.leg,
        replace(leg, merged=event.commit, merged_tree=event.tree, intents=frozenset()),
    )
    if not approved_head:
        return needs_human(change, "merged_other_head", None)
    if not event.faithful:
        return needs_human(change, "merge_differs", None)
    return _after_merge(change, at)


def _after_merge(change: Change, at: datetime) -> Change:
    if change.ending is not None:
        return taken_back(change) if change.rollback else ended(change)
    if change.state is State.ROLLING_BACK:
        return rolling_back(change)
    if change.state not in OBSERVING:
        return _applied(change)
    if change.wave is None:
        return in_state(change, State.DONE)
    waiting = any(lane.forward.preview for lane in change.to_verify if lane.wave == change.wave)
    if change.state is State.MERGING and waiting and _same_wave_merged(change):
        return change
    return _next_wave(change, at)


def _same_wave_merged(change: Change) -> bool:
    return any(lane.forward.merged for lane in change.shipping if lane.wave == change.wave)


def _next_wave(change: Change, at: datetime) -> Change:
    """Verification is read again, since what the dependents were tested with has just moved. Where it is staged,
    their checks ran without it, so they run again first."""
    return in_state(
        replace(change, lanes=tuple(_unverified(change, lane, at) for lane in change.lanes)),
        State.VERIFYING_CI,
    )


def _unverified(change: Change, lane: Lane, at: datetime) -> Lane:
    if lane.forward.merged:
        return lane
    stale = change.terms.verify is Verify.STAGED and lane.wave == change.wave
    return replace(lane, forward=replace(unoffered(lane.forward), rerun=at if stale else None))


def verifying(change: Change, at: datetime) -> Change:
    """Read again, and on to merging or to the end where nothing else is needed."""
    if change.wave is None:
        return in_state(change, State.DONE)
    return merging(in_state(change, State.VERIFYING_CI), at)


def taken_back(change: Change) -> Change:
    """On the way back from wherever it is, as a person ordered."""
    return rolling_back(fresh(in_state(replace(change, ending=None), State.ROLLING_BACK)))


def rolling_back(change: Change) -> Change:
    """Rolling back, or rolled back where nothing is left to undo."""
    target = State.ROLLED_BACK if _is_rolled_back(change) else State.ROLLING_BACK
    return change if target is change.state else in_state(change, target)


def _is_rolled_back(change: Change) -> bool:
    merged = [lane for lane in change.shipping if lane.forward.merged]
    open_pulls = [
        lane
        for lane in change.shipping
        if not lane.forward.merged and lane.forward.head and not lane.forward.withdrawn
    ]
    return not open_pulls and all(lane.inverse.merged for lane in merged)


@on(e.Withdrawn, ANY)
def _(change: Change, at: datetime, event: e.Withdrawn) -> Change | None:
    lane = change.lane(event.repo)
    if lane is None:
        return None
    leg = replace(lane.leg(event.leg), withdrawn=True, intents=frozenset())
    change = ended(with_leg(change, lane, event.leg, leg))
    return rolling_back(change) if change.state is State.ROLLING_BACK else change
