"""Stops, resumes, cancellations, rollbacks, failures and notices: what can happen almost anywhere."""

from dataclasses import replace
from datetime import datetime

from penstock.core.change import events as e
from penstock.core.change.model import ENDS, OPEN, Change, Lane, State, Trouble
from penstock.core.change.proposing import is_open, onward_if_approved
from penstock.core.change.shipping import rolling_back, taken_back, verifying
from penstock.core.change.table import (
    ANY,
    PARKED,
    ended,
    fresh,
    in_state,
    left_behind,
    needs_human,
    on,
    parked,
    send_back,
    states,
    with_lane,
)

CANCELLABLE = OPEN | {State.DONE, State.CANCELLED}
CEILING_REACHED = "pr_ceiling"
"""Why a pull request waits for tomorrow's budget (G-09): no failure, however many days it takes."""
NOT_STARTED = states(State.INGESTED, State.TRIAGED, State.PLANNED)


@on(e.NeedsHuman, ANY - PARKED)
def _(change: Change, at: datetime, event: e.NeedsHuman) -> Change:
    if change.state in ENDS:
        return left_behind(change, event.repo, event.reason, event.detail)
    return needs_human(change, event.reason, event.detail)


@on(e.PolicyBlocked, OPEN - PARKED)
def _(change: Change, at: datetime, event: e.PolicyBlocked) -> Change:
    return parked(change, State.BLOCKED_POLICY, event.reason, event.detail)


@on(e.Resumed, PARKED)
def _(change: Change, at: datetime, event: e.Resumed) -> Change | None:
    if change.resume_to is None:
        return None
    stale = frozenset() if change.any_merged else frozenset(event.stale)
    lanes = tuple(_resumed(lane, stale=lane.repo.node_id in stale) for lane in change.lanes)
    rejudge = change.resume_to not in NOT_STARTED and not all(lane.proposed for lane in lanes)
    target = State.PATCHES_PROPOSED if rejudge else change.resume_to
    named = tuple(dict.fromkeys((*change.named, *event.named)))
    change = fresh(in_state(replace(change, lanes=lanes, hurdles=0, named=named), target))
    return change if change.ending is not None else _onward(change, at)


def _onward(change: Change, at: datetime) -> Change:
    """Where a resumed change truly stands: what it waited for may have come meanwhile, or lapsed."""
    match change.state:
        case State.ROLLING_BACK:
            return rolling_back(change)
        case State.VERIFYING_CI | State.MERGING:
            return verifying(change, at)
        case State.APPLYING_PATCHES | State.PR_OPEN if not is_open(change):
            return onward_if_approved(in_state(change, State.WAITING_USER_APPROVAL), at)
        case State.APPLYING_PATCHES | State.PR_OPEN if change.wave is None:
            return verifying(change, at)  # people merged all of it before a check was seen
        case State.APPLYING_PATCHES:
            return in_state(change, State.PR_OPEN)  # the last branch was written while it stood still
        case _:
            return change


def _resumed(lane: Lane, *, stale: bool) -> Lane:
    """A repository whose base or policy moved is proposed and judged anew; what is merged stays as it is, and what
    may have been written (an intent) is looked for first."""
    lane = replace(lane, updates=0)
    if not stale or lane.forward.merged or lane.forward.intents:
        return lane
    return replace(send_back(lane), previous=None)


@on(e.Cancelled, CANCELLABLE)
def _(change: Change, at: datetime, event: e.Cancelled) -> Change | None:
    if change.state in ENDS and not (event.rollback and change.any_merged):
        return None
    if event.rollback and change.any_merged:
        return None if change.state is State.ROLLING_BACK else taken_back(change)
    if change.state in PARKED and change.resume_to:  # the order it waited for: nothing holds its withdrawals
        change = fresh(in_state(replace(change, hurdles=0), change.resume_to))
    rollback = change.rollback or event.rollback
    stopped = replace(
        change, ending=State.CANCELLED, rollback=rollback, reason="cancelled", detail=event.words
    )
    return ended(stopped)


@on(e.WatchEnded, states(State.DONE))
def _(change: Change, at: datetime, event: e.WatchEnded) -> Change | None:
    lane = change.lane(event.repo)
    return with_lane(change, replace(lane, watched=True)) if lane else None


@on(e.PostMergeFailed, states(State.DONE))
def _(change: Change, at: datetime, event: e.PostMergeFailed) -> Change:
    back = fresh(in_state(change, State.ROLLING_BACK))
    return replace(back, reason="post_merge_failed", detail=event.detail)


@on(e.RollbackFailed, states(State.ROLLING_BACK))
def _(change: Change, at: datetime, event: e.RollbackFailed) -> Change:
    return needs_human(change, event.reason, event.detail)


@on(e.NoticePosted, ANY)
def _(change: Change, at: datetime, event: e.NoticePosted) -> Change:
    return replace(change, noticed=change.noticed | {event.notice}, intents=change.intents - {event.notice})


@on(e.EffectFailed, ANY)
def _(change: Change, at: datetime, event: e.EffectFailed) -> Change:
    lane = change.lane(event.repo) if event.repo else None
    trouble = _worse(lane.trouble if lane else change.trouble, at, event)
    if lane is None:
        change = replace(change, trouble=trouble)
    else:
        lanes = tuple(replace(old, trouble=trouble) if old is lane else old for old in change.lanes)
        change = replace(change, lanes=lanes)
    if trouble.failures <= change.terms.max_failures:
        return change
    if event.notice:
        return replace(change, noticed=change.noticed | {event.notice}, trouble=Trouble(tries=trouble.tries))
    if change.state in ENDS:
        return left_behind(change, event.repo, f"gave_up_{event.reason}", event.detail)
    return needs_human(change, f"gave_up_{event.reason}", event.detail)


def _worse(trouble: Trouble, at: datetime, event: e.EffectFailed) -> Trouble:
    return Trouble(
        tries=trouble.tries + 1,
        failures=max(trouble.failures, 1) if event.reason == CEILING_REACHED else trouble.failures + 1,
        retry_at=event.due_at,
        since=trouble.since or at,
        reason=event.reason,
    )


@on(e.Erased, ANY)
def _(change: Change, at: datetime, event: e.Erased) -> Change:
    return change
