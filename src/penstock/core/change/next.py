"""`next_effects`: what a change needs done now, what it waits for, or that nothing is left."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from penstock.core.approval import ApprovalScope
from penstock.core.autonomy.model import GRANTABLE
from penstock.core.change.effects import (
    AskPolicy,
    Decide,
    Effect,
    EvaluateGates,
    Observe,
    Plan,
    Propose,
    TriageSignal,
    Watch,
    Write,
)
from penstock.core.change.model import ENDS, Action, Change, Lane, LegName, State
from penstock.core.change.table import PARKED, to_withdraw
from penstock.core.policy.rules import Mode
from penstock.core.refs import NodeId


@dataclass(frozen=True, slots=True, kw_only=True)
class Await:
    """Nothing to do until `until` (None: until somebody or something appends an event). `what` is for people."""

    what: str
    until: datetime | None = None


NOTICES: dict[State, tuple[tuple[Action, str], ...]] = {
    State.DONE: ((Action.COMMENT, "done"), (Action.CLOSE_ISSUE, "close")),
    State.DECLINED: ((Action.COMMENT, "declined"),),
    State.DEFERRED: ((Action.COMMENT, "deferred"),),
    State.BLOCKED_POLICY: ((Action.COMMENT, "blocked"),),
    State.NEEDS_HUMAN: ((Action.COMMENT, "needs-human"),),
    State.FAILED: ((Action.COMMENT, "failed"),),
    State.ROLLED_BACK: ((Action.COMMENT, "rolled-back"),),
}


def next_effects(change: Change) -> tuple[Effect, ...] | Await | None:
    """Effects of different repositories may run at the same time; of one repository there is one at a time."""
    if change.state in PARKED:
        work: tuple[Effect, ...] = ()
    elif change.ending or change.state in ENDS:
        work = tuple(_step(change, lane, leg, Action.WITHDRAW) for lane, leg in to_withdraw(change))
    else:
        work = _work(change)
    effects = (*work, *_notices(change)) or _watches(change)
    return effects or _rest(change)


def is_settled(change: Change) -> bool:
    """Ended, with nothing left to write: at most what was merged is still watched."""
    wanted = next_effects(change)
    watched = isinstance(wanted, tuple) and all(isinstance(effect, Watch) for effect in wanted)
    return change.state in ENDS and (wanted is None or watched)


def _work(change: Change) -> tuple[Effect, ...]:
    match change.state:
        case State.INGESTED | State.TRIAGED | State.PLANNED | State.PATCHES_PROPOSED:
            return _preparations(change)
        case State.WAITING_USER_APPROVAL:
            lanes = (lane for lane in change.shipping if not lane.forward.merged)
            return tuple(filter(None, (_ask_policy(change, lane) for lane in lanes)))
        case State.APPLYING_PATCHES:
            lanes = (lane for lane in change.shipping if not lane.is_applied)
            return tuple(_step(change, lane, LegName.FORWARD, Action.BRANCH) for lane in lanes)
        case State.PR_OPEN:
            return _pulls(change) or _observations(change, change.to_verify)
        case State.VERIFYING_CI:
            return tuple(_verification(change, lane) for lane in change.to_verify)
        case State.MERGING:
            merges = (_merge(change, lane) for lane in change.to_verify if _may_merge(change, lane))
            return _observations(change, change.unreviewed) or tuple(merges)
        case State.ROLLING_BACK:
            return _rollback(change)
        case _:
            return ()


def _preparations(change: Change) -> tuple[Effect, ...]:
    match change.state:
        case State.INGESTED:
            return (TriageSignal(key=_key(change, "triage"), due=change.trouble.retry_at),)
        case State.TRIAGED:
            return (Plan(key=_key(change, "plan"), due=change.trouble.retry_at),)
        case State.PLANNED:
            return _proposals(change)
        case _:
            gates = EvaluateGates(key=_key(change, "gates"), due=change.trouble.retry_at)
            return _proposals(change) or (gates,)


def _rest(change: Change) -> Await | None:
    match change.state:
        case State.WAITING_USER_APPROVAL:
            return Await(what="approval of every patch set")
        case State.DEFERRED:
            return Await(what="its time", until=change.wake_at)
        case State.NEEDS_HUMAN | State.BLOCKED_POLICY:
            return Await(what="a person: resume or cancel")
        case State.MERGING:
            return Await(what="approval of the next merge")
        case _:
            return None


def _proposals(change: Change) -> tuple[Effect, ...]:
    return tuple(
        Propose(key=_key(change, "propose", lane), repo=lane.repo.node_id, due=lane.trouble.retry_at)
        for lane in change.lanes
        if not lane.proposed
    )


def _pulls(change: Change) -> tuple[Effect, ...]:
    """All branches exist by now, so a job of one repository finds its siblings' branches."""
    lanes = (lane for lane in change.shipping if lane.forward.pull is None)
    return tuple(_step(change, lane, LegName.FORWARD, Action.PULL_REQUEST) for lane in lanes)


def _observations(
    change: Change, lanes: Iterable[Lane], leg: LegName = LegName.FORWARD
) -> tuple[Effect, ...]:
    return tuple(_observation(change, lane, leg) for lane in lanes)


def _observation(change: Change, lane: Lane, leg: LegName) -> Effect:
    if lane.leg(leg).rerun is not None:
        return _step(change, lane, leg, Action.RERUN)
    key = f"{_key(change, 'observe', lane)}:{leg}.{lane.leg(leg).looks}"
    return Observe(key=key, repo=lane.repo.node_id, leg=leg, due=lane.trouble.retry_at)


def _verification(change: Change, lane: Lane) -> Effect:
    """Once all of this wave is green, policy is asked about its merges before anything is looked at again."""
    verified = all(lane.forward.preview for lane in change.to_verify)
    asked = _ask_policy(change, lane) if verified and lane.wave == change.wave else None
    return asked or _observation(change, lane, LegName.FORWARD)


def _ask_policy(change: Change, lane: Lane) -> AskPolicy | None:
    """Where the mode lets policy stand in for a person, and it has not answered about exactly this yet."""
    if change.terms.mode is not Mode.AUTONOMOUS or change.tier not in GRANTABLE:
        return None
    preview = lane.forward.preview
    merge = change.state is State.VERIFYING_CI
    scope = ApprovalScope.MERGE if merge else ApprovalScope.CONTENT
    about = preview if merge else lane.patch_set
    if about is None or about.digest in change.answered:
        return None
    if change.approved(about.digest, scope, change.updated_at):
        return None
    key = f"{_key(change, 'policy', lane)}:{scope}.{about.digest.removeprefix('sha256:')[:16]}"
    due = lane.trouble.retry_at
    return AskPolicy(key=key, repo=lane.repo.node_id, scope=scope, digest=about.digest, due=due)


def _may_merge(change: Change, lane: Lane) -> bool:
    preview = lane.forward.preview
    approved = preview and change.approved(preview.digest, ApprovalScope.MERGE, change.updated_at)
    return lane.wave == change.wave and bool(approved)


def _merge(change: Change, lane: Lane) -> Effect:
    action = Action.MERGE if lane.forward.marked else Action.ROLLBACK_POINT
    return _step(change, lane, LegName.FORWARD, action)


def _rollback(change: Change) -> tuple[Effect, ...]:
    """Dependents first: the highest wave that is still merged; what never merged is withdrawn."""
    withdrawals = tuple(
        _step(change, lane, leg, Action.WITHDRAW)
        for lane, leg in to_withdraw(change)
        if leg is LegName.FORWARD and not lane.forward.merged
    )
    merged = [lane for lane in change.shipping if lane.forward.merged and not lane.inverse.merged]
    last = max((lane.wave for lane in merged), default=None)
    return (*withdrawals, *(_inverse_step(change, lane) for lane in merged if lane.wave == last))


def _inverse_step(change: Change, lane: Lane) -> Effect:
    leg = lane.inverse
    if leg.head is None:
        return _step(change, lane, LegName.INVERSE, Action.BRANCH)
    if leg.pull is None:
        return _step(change, lane, LegName.INVERSE, Action.PULL_REQUEST)
    if leg.preview is None:
        return _observations(change, (lane,), LegName.INVERSE)[0]
    return _step(change, lane, LegName.INVERSE, Action.MERGE)


def _step(change: Change, lane: Lane, leg: LegName, action: Action) -> Effect:
    """Decide first; write once the decision is on record."""
    decided = action in lane.leg(leg).intents
    kind, name = (Write, "write") if decided else (Decide, "tap")
    key = f"{_key(change, name, lane)}:{leg}.{action}.{lane.leg(leg).looks}"
    return kind(key=key, action=action, repo=lane.repo.node_id, leg=leg, due=lane.trouble.retry_at)


def _watches(change: Change) -> tuple[Effect, ...]:
    if change.state is not State.DONE or not change.terms.watch:
        return ()
    return tuple(
        Watch(key=_key(change, "watch", lane), repo=lane.repo.node_id, due=lane.trouble.retry_at)
        for lane in change.shipping
        if lane.forward.merged and not lane.watched
    )


def _notices(change: Change) -> tuple[Effect, ...]:
    """The next notice on the issue, one at a time: a comment stands before the issue is closed."""
    if change.issue is None:
        return ()
    for action, name in NOTICES.get(change.state, ()):
        notice = f"{name}.{change.generation}"
        if notice not in change.noticed:
            return (_notice(change, action, notice),)
    return ()


def _notice(change: Change, action: Action, notice: str) -> Effect:
    kind = Write if notice in change.intents else Decide
    prefix = "write" if notice in change.intents else "tap"
    return kind(
        key=f"{_key(change, prefix)}:{action}.{notice}",
        action=action,
        repo=None,
        leg=LegName.FORWARD,
        notice=notice,
        due=change.trouble.retry_at,
    )


def _key(change: Change, name: str, lane: Lane | None = None) -> str:
    """Kind, repository and attempt, never the record number: the same effect has the same key in every process."""
    where: NodeId | str = lane.repo.node_id if lane else "-"
    tries = lane.trouble.tries if lane else change.trouble.tries
    return f"{name}:{where}:{change.generation}.{tries}"
