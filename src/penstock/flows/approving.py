"""Policy's answers: approving in a person's place, or leaving it to one; and the day's budget of what it let through."""

from datetime import timedelta

from penstock.core.approval import Approval, ApprovalScope, policy_approval
from penstock.core.autonomy.ceiling import tomorrow
from penstock.core.change.effects import AskPolicy, Decide, Write
from penstock.core.change.events import ApprovalRecorded, EffectFailed, Event, PolicyDeclined
from penstock.core.change.model import Action, Change, LegName
from penstock.core.change.sidings import CEILING_REACHED
from penstock.core.ledger import canonical, sha256
from penstock.core.refs import PENSTOCK
from penstock.core.tap import Heads, TapDecision, decide_stand_in
from penstock.flows.layering import binding_policy
from penstock.flows.shaping import branch_name
from penstock.flows.standing_in import held_now, stand_in
from penstock.flows.truth import merge_heads, rules_of, what_moved
from penstock.flows.world import Scene, World, lane_of, verdict_text
from penstock.ports import Texts


def ask_policy(world: World, change: Change, effect: AskPolicy, texts: Texts) -> Event:
    """Approve by policy, with the TAP decision on it, or say why a person has to."""
    lane = lane_of(change, effect.repo)
    scene = Scene(world=world, change=change, lane=lane, leg=LegName.FORWARD, texts=texts)
    authority, rests_on = stand_in(scene, effect.scope)
    decision = decide_stand_in(
        effect.digest, effect.scope, rules_of(scene), authority, _heads(scene, effect.scope)
    )
    if not decision.verdict.allows:
        return _declined(effect, decision, texts)
    now = world.clock.now()
    name = [change.id, effect.scope.value, effect.digest, "policy", decision.digest]
    approval = Approval(
        id="a-" + sha256(canonical(name)).removeprefix("sha256:")[:16],
        scope=effect.scope,
        digest=effect.digest,
        by=PENSTOCK,
        at=now,
        expires_at=now + timedelta(days=binding_policy(world, change, lane, texts).approval_days),
        basis=rests_on.basis,
    )
    return ApprovalRecorded(approval=approval, verdict=texts.put(verdict_text(decision.verdict)))


def _declined(effect: AskPolicy, decision: TapDecision, texts: Texts) -> Event:
    return PolicyDeclined(
        scope=effect.scope,
        digest=effect.digest,
        repo=effect.repo,
        rules=decision.rules,
        verdict=texts.put(verdict_text(decision.verdict)),
    )


def _heads(scene: Scene, scope: ApprovalScope) -> Heads:
    reader, lane = scene.world.reader, scene.lane
    facts = reader.repository(lane.repo)
    if scope is ApprovalScope.MERGE:
        return merge_heads(scene, facts)
    return Heads(
        repository_unchanged=not what_moved(scene, facts),
        base_commit=reader.branch_head(lane.repo, lane.base_ref),
        expected_base=lane.patch_set.base_commit if lane.patch_set else None,
        branch_head=reader.branch_head(lane.repo, branch_name(scene.change, scene.leg)),
        expected_head=lane.forward.head,
    )


def waits_for_budget(world: World, change: Change, effect: Decide | Write, texts: Texts) -> Event | None:
    """A pull request that only policy approved takes its place in the day's budget (G-09), or waits for the next day's."""
    if effect.action is not Action.PULL_REQUEST or effect.leg is not LegName.FORWARD:
        return None
    lane = lane_of(change, effect.repo)
    assert lane.patch_set is not None, "only lanes that take part have pull requests"  # noqa: S101
    now = world.clock.now()
    if policy_approval(change.approvals, ApprovalScope.CONTENT, lane.patch_set.digest, now) is None:
        return None
    scene = Scene(world=world, change=change, lane=lane, leg=effect.leg, texts=texts)
    grant = held_now(scene).grant
    verdict = world.steering.count_pull(
        change.id,
        lane.repo.node_id,
        grant=grant.id if grant else "",
        ceiling=world.toggles(lane.repo).max_prs_per_day,
    )
    if verdict.allows:
        return None
    used_up = verdict.rule == "grant"
    return EffectFailed(
        effect=effect.key,
        repo=effect.repo,
        reason="grant_used_up" if used_up else CEILING_REACHED,
        due_at=now if used_up else tomorrow(world.steering.log.now(), now),
        detail=texts.put(verdict_text(verdict)),
    )
