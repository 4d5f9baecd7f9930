"""People's reviews of a pull request, as they stand at the forge now: on exactly its head, by who may write there."""

from dataclasses import dataclass
from datetime import timedelta

from penstock.core.approval import (
    WRITERS,
    Approval,
    ApprovalScope,
    Approver,
    may_record,
    same_person,
)
from penstock.core.change.events import NeedsHuman, ReviewsObserved
from penstock.core.change.model import MergePreview
from penstock.core.evidence import RequiredChecks, ReviewFact
from penstock.core.ledger import JsonValue, canonical, sha256
from penstock.core.policy.rules import Policy
from penstock.core.refs import Actor
from penstock.core.reviews import Reviewed, lacking, standing_on
from penstock.core.verdict import Verdict, all_of, blocked, passed
from penstock.flows.layering import binding_policy
from penstock.flows.orders import allow_listed
from penstock.flows.world import Scene


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What reviews come to. `lacking`: how many the branch still demands; `counted`: do they approve and object here."""

    reviewed: Reviewed
    lacking: int
    counted: bool


NOBODY = Seen(reviewed=Reviewed(approving=(), objecting=()), lacking=0, counted=False)
"""Where nobody asks, nothing is read."""


def seen(scene: Scene, required: RequiredChecks | None) -> Seen:
    """The people's reviews that count: neither Penstock's own, nor of who may not write; an objection counts where that cannot
    be told."""
    demanded = required.approving_reviews if required else 0
    counted = binding_policy(scene.world, scene.change, scene.lane, scene.texts).count_reviews
    number = scene.lane.leg(scene.leg).pull
    if number is None or not (demanded or counted):
        return NOBODY
    found = standing_on(scene.world.reader.reviews(scene.lane.repo, number), scene.head)
    reviewed = Reviewed(
        approving=tuple(r for r in found.approving if _may_write(scene, r)),
        objecting=tuple(r for r in found.objecting if _may_write(scene, r) is not False),
    )
    return Seen(reviewed=reviewed, lacking=lacking(reviewed, demanded), counted=counted)


def _may_write(scene: Scene, review: ReviewFact) -> bool | None:
    if same_person(review.author, scene.world.own_login):
        return False
    level = scene.world.reader.permission(scene.lane.repo, review.author)
    return None if level is None else level in WRITERS


def objection(scene: Scene, found: Seen) -> NeedsHuman | None:
    """A person requested changes on this head: somebody has to look, and nothing is merged."""
    if not (found.counted and found.reviewed.objecting):
        return None
    said = f"{scene.lane.repo.full_name}: {_names(found)} requested changes on {scene.head[:10]}. "
    hint = "Once they approve it, or the review is dismissed, it can be resumed."
    return NeedsHuman(
        reason="changes_requested", repo=scene.lane.repo.node_id, detail=scene.texts.put(said + hint)
    )


def _names(found: Seen) -> str:
    return ", ".join(sorted(review.author for review in found.reviewed.objecting))


def news(scene: Scene, found: Seen, preview: MergePreview) -> ReviewsObserved | None:
    """What of it is not on record yet; None if all is."""
    leg = scene.lane.leg(scene.leg)
    approvals = _approvals(scene, found, preview)
    gone = _gone(scene, found, preview)
    if found.lacking == leg.lacking and not approvals and not gone:
        return None
    return ReviewsObserved(
        repo=scene.lane.repo.node_id,
        leg=scene.leg,
        head=scene.head,
        lacking=found.lacking,
        approvals=approvals,
        gone=gone,
    )


def _gone(scene: Scene, found: Seen, preview: MergePreview) -> tuple[str, ...]:
    stand = standing_names(found)
    mine = (a for a in scene.change.approvals if a.review and a.digest == preview.digest)
    return tuple(a.id for a in mine if a.review not in stand)


def standing_names(found: Seen) -> frozenset[str]:
    """Of the reviews that approve merges."""
    return frozenset(r.name for r in found.reviewed.approving) if found.counted else frozenset()


def _approvals(scene: Scene, found: Seen, preview: MergePreview) -> tuple[Approval, ...]:
    """Approvals of this merge that the reviews are, on the terms of any other approval; each review is one at most."""
    if not found.counted:
        return ()
    known = scene.change.spent | {a.review for a in scene.change.approvals}
    policy = binding_policy(scene.world, scene.change, scene.lane, scene.texts)
    new = (r for r in found.reviewed.approving if r.name not in known)
    return tuple(_approval(scene, r, preview, policy) for r in new if _is_approval(scene, r, policy))


def _is_approval(scene: Scene, review: ReviewFact, policy: Policy) -> bool:
    """Not by the requester, where somebody else must approve."""
    world, repo = scene.world, scene.lane.repo
    approver = Approver(
        actor=Actor(login=review.author),
        may_write=True,
        allow_listed=allow_listed(world.reader, repo, world.own_login, review.author),
        interactive=False,
    )
    requester, own = scene.change.requester, world.own_login
    return may_record(approver, requester=requester, own_login=own, policy=policy).allows


def _approval(scene: Scene, review: ReviewFact, preview: MergePreview, policy: Policy) -> Approval:
    now = scene.world.clock.now()
    change = scene.change
    name: list[JsonValue] = [change.id, review.name, preview.digest]
    return Approval(
        id="a-" + sha256(canonical(name)).removeprefix("sha256:")[:16],
        scope=ApprovalScope.MERGE,
        digest=preview.digest,
        by=Actor(login=review.author),
        at=now,
        expires_at=now + timedelta(days=policy.approval_days),
        self_approved=same_person(review.author, change.requester),
        review=review.name,
    )


def with_reviews(authority: Verdict, found: Seen) -> Verdict:
    """The authority of a merge, where reviews can stop it."""
    if not found.counted:
        return authority
    objected = blocked("reviews", f"{_names(found)} requested changes on this head")
    calm = passed("reviews", "nobody who may write there objects on this head")
    return all_of("approval", (authority, objected if found.reviewed.objecting else calm))
