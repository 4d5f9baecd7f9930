"""From a signal to an approved proposal."""

from dataclasses import replace
from datetime import datetime

from penstock.core.approval import ApprovalScope, CarriedOver, without
from penstock.core.change import events as e
from penstock.core.change.model import BEFORE_WRITING, OPEN, Change, Lane, State
from penstock.core.change.table import (
    ANY,
    ended,
    fresh,
    in_state,
    needs_human,
    on,
    parked,
    send_back,
    states,
    with_lane,
)
from penstock.core.refs import Digest
from penstock.core.verdict import Outcome

CONTENT = ApprovalScope.CONTENT
PROPOSING = states(State.PLANNED, State.PATCHES_PROPOSED)
MERGE_DECIDING = states(State.PR_OPEN, State.VERIFYING_CI, State.MERGING)


@on(e.TriageDecided, states(State.INGESTED))
def _(change: Change, at: datetime, event: e.TriageDecided) -> Change:
    match event.decision:
        case e.Triage.GO:
            return replace(in_state(change, State.TRIAGED), recipe=event.recipe, agent=event.agent)
        case e.Triage.DEFER:
            return replace(
                change, state=State.DEFERRED, wake_at=event.wake_at, reason="deferred", detail=event.verdict
            )
        case e.Triage.NO_GO:
            return replace(change, state=State.DECLINED, reason="declined", detail=event.verdict)


@on(e.Woken, states(State.DEFERRED))
def _(change: Change, at: datetime, event: e.Woken) -> Change:
    return fresh(in_state(change, State.INGESTED))


@on(e.ArtifactsReady, states(State.TRIAGED))
def _(change: Change, at: datetime, event: e.ArtifactsReady) -> Change:
    if event.outcome not in {Outcome.PASS, Outcome.WARN}:
        return replace(needs_human(change, "open_questions", event.verdict), artifacts=event.artifacts)
    lanes = tuple(Lane(repo=r.repo, role=r.role, base_ref=r.base_ref, wave=r.wave) for r in event.repos)
    planned = in_state(change, State.PLANNED)
    return replace(
        planned, artifacts=event.artifacts, lanes=lanes, scope=event.scope, dependents=event.dependents
    )


@on(e.PatchSetsProposed, PROPOSING)
def _(change: Change, at: datetime, event: e.PatchSetsProposed) -> Change | None:
    lane = change.lane(event.repo)
    if lane is None or lane.proposed:
        return None
    if event.patch_set and event.patch_set.digest == lane.previous:
        return needs_human(change, "same_proposal", change.feedback)
    proposed = replace(
        lane,
        proposed=True,
        patch_set=event.patch_set,
        trouble=replace(lane.trouble, failures=0, retry_at=None),
    )
    change = with_lane(change, proposed)
    if not all(lane.proposed for lane in change.lanes):
        return change
    if not change.shipping:
        lanes = tuple(replace(lane, proposed=False) for lane in change.lanes)
        return needs_human(replace(change, lanes=lanes), "nothing_to_change", None, resume_to=State.PLANNED)
    return in_state(change, State.PATCHES_PROPOSED)


@on(e.GatesEvaluated, states(State.PATCHES_PROPOSED))
def _(change: Change, at: datetime, event: e.GatesEvaluated) -> Change | None:
    judged = tuple(lane.patch_set.digest for lane in change.shipping if lane.patch_set)
    if event.digests != judged or not all(lane.proposed for lane in change.lanes):
        return None
    carried = event.carried if event.tier is change.tier else ()
    terms = replace(change.terms, quorum=max(change.terms.quorum, event.quorum))
    change = replace(change, tier=event.tier, judgement=event.verdict, risk=event.risk, terms=terms)
    groups = {needed.digest: needed.groups for needed in event.owners}
    for lane in change.shipping:
        assert lane.patch_set is not None, "only lanes that take part are judged"  # noqa: S101
        change = with_lane(change, replace(lane, owners=groups.get(lane.patch_set.digest, ())))
    match event.outcome:
        case Outcome.PASS | Outcome.WARN:
            change = _carried_over(change, carried)
            change = onward_if_approved(in_state(change, State.WAITING_USER_APPROVAL), at)
            return _finish_or_roll_back(change, event)
        case Outcome.BLOCK:
            return parked(change, State.BLOCKED_POLICY, "violations", event.verdict)
        case Outcome.UNKNOWN | Outcome.PENDING:
            return needs_human(change, "gates_unknown", event.verdict)


def _finish_or_roll_back(change: Change, event: e.GatesEvaluated) -> Change:
    """After a first merge nothing waits to be approved as if nothing had happened: a person is told what is half done.
    Resumed, it waits for their approval of the rest."""
    if not change.any_merged or change.state is not State.WAITING_USER_APPROVAL:
        return change
    return needs_human(change, "not_carried", event.verdict)


def _carried_over(change: Change, carried: tuple[CarriedOver, ...]) -> Change:
    """Whatever was put on another base is settled: its approvals count there, or nowhere."""
    judged = {(one.before, one.now): one for one in carried}
    for lane in change.shipping:
        if lane.rebased is None or lane.patch_set is None:
            continue
        before = lane.rebased.digest
        one, given = judged.get((before, lane.patch_set.digest)), change.approvals
        kept = one.onto(given, CONTENT) if one else without(given, before, CONTENT)
        change = replace(change, approvals=kept)
        change = with_lane(change, replace(lane, rebased=None))
    return change


@on(e.ApprovalRecorded, MERGE_DECIDING | {State.WAITING_USER_APPROVAL})
def _(change: Change, at: datetime, event: e.ApprovalRecorded) -> Change | None:
    approval = event.approval
    if approval.digest not in open_digests(change, approval.scope) or approval.expires_at <= at:
        return None
    if any(a.id == approval.id for a in change.approvals):
        return change
    change = replace(change, approvals=(*change.approvals, approval))
    if approval.by_policy:
        change = replace(change, answered=change.answered | {approval.digest})
    return (
        onward_if_approved(change, at) if change.state is State.WAITING_USER_APPROVAL else merging(change, at)
    )


def open_digests(change: Change, scope: ApprovalScope) -> frozenset[str]:
    """What can be approved now: patch sets while they wait, merges while they are verified. Anything else is stale."""
    if scope is ApprovalScope.CONTENT:
        waiting = change.state is State.WAITING_USER_APPROVAL
        return frozenset(_unmerged(change)) if waiting else frozenset()
    lanes = change.shipping if change.state in MERGE_DECIDING else ()
    return frozenset(
        lane.forward.preview.digest for lane in lanes if lane.forward.preview and not lane.forward.merged
    )


def onward_if_approved(change: Change, at: datetime) -> Change:
    """G4: on to applying when the digest of every patch set that is not merged has its quorum."""
    if all(change.approved(digest, ApprovalScope.CONTENT, at) for digest in _unmerged(change)):
        written = all(lane.is_applied for lane in change.shipping)
        return opened(change) if written else in_state(change, State.APPLYING_PATCHES)
    return change


def opened(change: Change) -> Change:
    """All branches are written; or people merged all of it meanwhile."""
    return in_state(change, State.DONE if change.wave is None else State.PR_OPEN)


def _unmerged(change: Change) -> tuple[Digest, ...]:
    """The patch sets that are not merged yet."""
    return tuple(
        lane.patch_set.digest for lane in change.shipping if lane.patch_set and not lane.forward.merged
    )


def merging(change: Change, at: datetime) -> Change:
    """MERGING exactly while everything to verify is green and this wave's merges, as they now are, are approved."""
    if change.state not in {State.VERIFYING_CI, State.MERGING}:
        return change
    verified = all(lane.forward.preview for lane in change.to_verify)
    wave = [lane.forward.preview for lane in change.to_verify if lane.wave == change.wave]
    ready = verified and all(p and change.approved(p.digest, ApprovalScope.MERGE, at) for p in wave)
    target = State.MERGING if ready and wave else State.VERIFYING_CI
    return change if target is change.state else in_state(change, target)


@on(e.PolicyDeclined, ANY)
def _(change: Change, at: datetime, event: e.PolicyDeclined) -> Change:
    return replace(change, answered=change.answered | {event.digest})


@on(e.ApprovalRevoked, OPEN)
def _(change: Change, at: datetime, event: e.ApprovalRevoked) -> Change | None:
    """A new generation: a write that is under way is told to stop, and the next one is decided on anew."""
    kept = tuple(a for a in change.approvals if a.id != event.approval)
    if len(kept) == len(change.approvals):
        return None
    change = fresh(replace(change, approvals=kept, revoked=change.revoked + 1))
    if change.ending is not None:
        return change
    match change.state:
        case State.APPLYING_PATCHES | State.PR_OPEN if not is_open(change):
            if any(lane.forward.head or lane.forward.intents for lane in change.lanes):
                return needs_human(change, "approval_revoked", None)
            return in_state(change, State.WAITING_USER_APPROVAL)
        case State.ROLLING_BACK:
            return needs_human(change, "approval_revoked", None)
        case _:
            return merging(change, at)


def is_open(change: Change) -> bool:
    """Is everything written that the approvals of patch sets let through."""
    return all(lane.is_applied and lane.forward.pull for lane in change.shipping)


@on(e.ChangesRequested, states(State.WAITING_USER_APPROVAL))
def _(change: Change, at: datetime, event: e.ChangesRequested) -> Change | None:
    lane = _lane_of(change, event.digest)
    if lane is None:
        return None
    change = replace(change, rounds=change.rounds + 1, feedback=event.words)
    if change.rounds > change.terms.max_rounds:
        return needs_human(change, "rounds_exhausted", event.words)
    return fresh(in_state(with_lane(change, send_back(lane)), State.PLANNED))


@on(e.PatchSetRejected, states(State.WAITING_USER_APPROVAL))
def _(change: Change, at: datetime, event: e.PatchSetRejected) -> Change | None:
    if _lane_of(change, event.digest) is None:
        return None
    return ended(replace(change, ending=State.FAILED, reason="rejected", detail=event.words))


def _lane_of(change: Change, digest: str) -> Lane | None:
    """Whose patch set may be sent back or rejected. After a first merge it is too late: the change is finished, or what
    it merged is taken back."""
    lanes = () if change.any_merged else change.shipping
    return next((lane for lane in lanes if lane.patch_set and lane.patch_set.digest == digest), None)


@on(e.Superseded, BEFORE_WRITING)
def _(change: Change, at: datetime, event: e.Superseded) -> Change | None:
    if any(lane.forward.head or lane.forward.intents for lane in change.lanes):
        return None
    return ended(replace(change, ending=State.CANCELLED, reason="superseded"))
