"""Policy in a person's place: may it stand in for one patch set or one merge, as things are now."""

from dataclasses import replace

from penstock.core.approval import ApprovalScope, approvers, policy_approval
from penstock.core.autonomy.earning import Held, held
from penstock.core.autonomy.judging import Stand, judge_alone, may_policy_approve
from penstock.core.autonomy.model import cell_of, pull_name
from penstock.core.autonomy.reserved import judge_reserved
from penstock.core.change.outcomes import agent_of, tier_of
from penstock.core.policy.rules import stricter
from penstock.core.refs import Digest
from penstock.core.verdict import Verdict
from penstock.flows.layering import bound_of
from penstock.flows.world import Scene, diff_of


def stand_in(scene: Scene, scope: ApprovalScope) -> tuple[Verdict, Held]:
    """May policy approve this lane's patch set, or its merge; and what its autonomy rests on."""
    world, change, lane = scene.world, scene.change, scene.lane
    assert lane.patch_set is not None, "only lanes that take part are approved"  # noqa: S101
    bound = bound_of(world, change, lane, scene.texts)
    policy = stricter(bound.pinned, bound.current)
    rests_on = held_now(scene)
    facts = diff_of(world, lane)
    people = approvers(change.approvals, ApprovalScope.CONTENT, lane.patch_set.digest, world.clock.now())
    stand = Stand(
        scope=scope,
        modes=(bound.pinned.mode, bound.current.mode),
        tier=change.tier,
        toggles=world.toggles(lane.repo),
        quorum=max(change.terms.quorum, policy.required_reviews),
        owners_asked=policy.code_owners,
        reserved=judge_reserved(facts, scope, policy),
        dependencies=judge_alone(facts, policy),
        held=rests_on,
        people_approved=bool(people),
    )
    return may_policy_approve(stand), rests_on


def held_now(scene: Scene) -> Held:
    """The autonomy of this lane's cell."""
    world, change, lane = scene.world, scene.change, scene.lane
    classes = world.policy.repository_classes
    return held(
        cell_of(agent_of(change), lane.repo.full_name, tier_of(change), classes),
        world.steering.log.now(),
        world.steering.outcomes.landed(classes),
        pull=pull_name(change.id, lane.repo.node_id),
        now=world.clock.now(),
    )


def standing_in(scene: Scene, scope: ApprovalScope, digest: Digest, people: frozenset[str]) -> Verdict | None:
    """Whether policy may still stand in where it approved and people did not; None where it is not asked."""
    given = policy_approval(scene.change.approvals, scope, digest, scene.world.clock.now())
    if given is None:
        return None
    bound = bound_of(scene.world, scene.change, scene.lane, scene.texts)
    quorum = max(scene.change.terms.quorum, stricter(bound.pinned, bound.current).required_reviews)
    if len({login.casefold() for login in people}) >= quorum:
        return None
    verdict, _ = stand_in(scene, scope)
    return replace(verdict, reason=f"policy approved in a person's place ({given.id})")
