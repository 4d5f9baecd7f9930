"""Deciding on a write and making it. Nothing else in the flows touches the writer.

`decide` reads the truth now, takes the TAP decision and records it. `write` does so again, asks the gate for an
`AuthorizedWrite`, and has it applied; a truth that has moved in between becomes the refusal it is.
"""

from dataclasses import dataclass, replace

from penstock.core.change.effects import Decide, Write
from penstock.core.change.events import (
    ApplyRefused,
    ChecksRerun,
    Event,
    HeadMoved,
    Merged,
    MergeRefused,
    NeedsHuman,
    NoticePosted,
    PatchesApplied,
    PatchSetRebased,
    PullOpened,
    RollbackFailed,
    RollbackPointPlaced,
    TapDecided,
    Withdrawn,
)
from penstock.core.change.model import ENDS, Action, Change, LegName, State
from penstock.core.evidence import RequiredChecks
from penstock.core.refs import BlobRef, RepoRef, Sha
from penstock.core.tap import (
    Heads,
    Rules,
    TapDecision,
    decide_content,
    decide_merge,
    decide_notice,
    decide_withdrawal,
)
from penstock.core.verdict import Verdict, failures, passed
from penstock.core.write import (
    Content,
    NotWritten,
    OpenPull,
    Refusal,
    Wanted,
    Written,
    authorize,
    judge_form,
    subject_of,
    text_of,
)
from penstock.flows.approving import waits_for_budget
from penstock.flows.attesting import attested
from penstock.flows.carrying import is_behind, rebased
from penstock.flows.reviews import NOBODY, Seen, seen
from penstock.flows.shaping import notice_for, wanted_for
from penstock.flows.truth import (
    branch_written,
    content_heads,
    contentless,
    is_exact_inverse,
    merge_authority,
    merge_heads,
    preview_of,
    read_back,
    retargeted,
    rules_of,
    sibling_moved,
    standing_of,
    verification_of,
    what_moved,
)
from penstock.flows.world import Scene, World, lane_of, verdict_text
from penstock.ports import Permanent, StopFlag, Texts, Transient


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One write as it stands now: what is wanted, what was decided, and how the world differs, if it does."""

    wanted: Wanted
    decision: TapDecision
    rebased: PatchSetRebased | None = None
    """The approved patch set on the base as it is now, where that moved and left its paths alone, and the write needs it there."""
    moved: str = ""
    """`gone`, `renamed`, `archived`, `base_moved`, `head_moved`, `conflict`, `overtaken`, `verification_stale`, `retargeted`, or
    empty."""


def decide(world: World, change: Change, effect: Decide, texts: Texts) -> Event:
    """The decision as an event: an intent where it allows, else the reason why not."""
    if effect.action is Action.BRANCH and (done := read_back(_scene(world, change, effect, texts))):
        return done  # a person merged what was there, which is a fact, and needs no leave
    case = _case(world, change, effect, texts)
    if case.decision.verdict.allows and (waits := waits_for_budget(world, change, effect, texts)):
        return waits
    return _decided(case, effect, texts)


def _decided(case: Case, effect: Decide | Write, texts: Texts) -> Event:
    decision = case.decision
    detail = texts.put(verdict_text(decision.verdict))
    if case.moved and not decision.verdict.allows and effect.repo:
        return case.rebased or _refused(effect, case.moved, detail)
    return TapDecided(
        action=effect.action,
        repo=effect.repo,
        leg=effect.leg,
        effect=effect.key,
        subject=decision.subject,
        policy=decision.policy.outcome,
        authority=decision.authority.outcome,
        truth=decision.truth.outcome,
        rules=decision.rules,
        verdict=detail,
        notice=effect.notice,
        decision=decision.digest,
    )


def write(world: World, change: Change, effect: Write, texts: Texts, stop: StopFlag) -> Event:
    """Apply one decided write, or say what it met. What happened already is only read back.

    Raises Transient `stopped`: that nobody wants it just now says nothing about the change.
    """
    if effect.repo and (done := _done_already(_scene(world, change, effect, texts), effect)):
        return done
    case = _case(world, change, effect, texts)
    recorded = _recorded(change, effect, case.wanted)
    if effect.repo and not recorded:
        return _decided(case, effect, texts)  # what is to be written now is not what was decided on
    stopped = not stop.wanted()
    minted = authorize(
        case.wanted,
        decision=case.decision,
        recorded=recorded,
        key=effect.key,
        stopped=stopped,
    )
    if isinstance(minted, Refusal) and stopped:
        raise Transient("stopped", f"{effect.key} was not written: it is no longer wanted")
    if isinstance(minted, Refusal):
        if case.rebased:
            return case.rebased
        reason = case.moved or next(leaf.rule for leaf in failures(minted.verdict))
        return _refused(effect, reason, texts.put(verdict_text(minted.verdict)))
    if waits := waits_for_budget(world, change, effect, texts):
        return waits
    outcome = world.writer.apply(minted, _Guarded(world, stop, case.wanted.repo))
    if isinstance(outcome, NotWritten):
        return _refused(effect, outcome.code, texts.put(outcome.detail))
    return (
        _written(_scene(world, change, effect, texts), effect, case.wanted, outcome)
        if effect.repo
        else _posted(effect)
    )


@dataclass(frozen=True, slots=True)
class _Guarded:
    """The stop flag and the kill switch as one: both are asked right before every request that writes (G-12)."""

    world: World
    stop: StopFlag
    repo: RepoRef

    def wanted(self) -> bool:
        try:
            return self.stop.wanted() and self.world.toggles(self.repo).autonomy
        except Transient:
            return False  # whether it is stopped could not be known


def _done_already(scene: Scene, effect: Write) -> Event | None:
    """What an earlier try did, or a person meanwhile, whatever has moved since: it is a fact, and needs no leave."""
    match effect.action:
        case Action.BRANCH:
            written, repo = branch_written(scene), scene.lane.repo.node_id
            if written is None:
                return read_back(scene)
            return PatchesApplied(repo=repo, leg=effect.leg, head=written.sha, tree=written.tree)
        case Action.MERGE:
            return read_back(scene)
        case Action.WITHDRAW:
            done = None if scene.lane.leg(effect.leg).merged else read_back(scene)
            return done if isinstance(done, Merged) else None
        case _:
            return None


def _scene(world: World, change: Change, effect: Decide | Write, texts: Texts) -> Scene:
    return Scene(world=world, change=change, lane=lane_of(change, effect.repo), leg=effect.leg, texts=texts)


def _recorded(change: Change, effect: Write, wanted: Wanted) -> bool:
    """Is the decision on exactly this write on record."""
    if effect.repo is None:
        return effect.notice in change.intents
    leg = lane_of(change, effect.repo).leg(effect.leg)
    return effect.action in leg.intents and subject_of(wanted) in leg.subjects


def _case(world: World, change: Change, effect: Decide | Write, texts: Texts) -> Case:
    if effect.repo is None:
        return _notice_case(world, change, effect, texts)
    scene = _scene(world, change, effect, texts)
    wanted = wanted_for(scene, effect.action)
    if effect.action is Action.WITHDRAW:
        return _withdrawal_case(scene, wanted)
    rules = replace(rules_of(scene), secrets=_secrets_in(world, wanted), form=judge_form(wanted))
    match effect.action:
        case Action.ROLLBACK_POINT | Action.MERGE:
            return _merge_case(scene, effect.action, wanted, rules)
        case Action.RERUN:
            return Case(wanted=wanted, decision=_notice_decision(world, wanted, rules))
        case _:
            return _content_case(scene, wanted, rules)


def _withdrawal_case(scene: Scene, wanted: Wanted) -> Case:
    change, world = scene.change, scene.world
    over = change.ending is not None or change.state in ENDS | {State.ROLLING_BACK}
    heads = content_heads(scene, wanted, world.reader.repository(scene.lane.repo))
    rules = contentless(world, scene.lane.repo, "taking back adds no content")
    return Case(wanted=wanted, decision=decide_withdrawal(subject_of(wanted), rules, heads, over=over))


def _content_case(scene: Scene, wanted: Wanted, rules: Rules) -> Case:
    facts = scene.world.reader.repository(scene.lane.repo)
    heads = content_heads(scene, wanted, facts)
    standing = standing_of(scene)
    decision = decide_content(subject_of(wanted), rules, heads, standing)
    if isinstance(wanted, OpenPull) and decision.verdict.allows:
        wanted = attested(scene, wanted, decision, standing)
    moved = what_moved(scene, facts) or _heads_moved(heads)
    approved = decision.policy.allows and decision.authority.allows
    forward = isinstance(wanted, Content) and scene.leg is LegName.FORWARD
    if moved == "base_moved" and forward and approved:
        again = rebased(scene)
        stuck = again is None and scene.lane.forward.head
        return Case(wanted=wanted, decision=decision, moved="overtaken" if stuck else moved, rebased=again)
    return Case(wanted=wanted, decision=decision, moved=moved)


def _heads_moved(heads: Heads) -> str:
    if heads.branch_head != heads.expected_head:
        return "head_moved"
    return "base_moved" if heads.base_commit != heads.expected_base else ""


def _merge_case(scene: Scene, action: Action, wanted: Wanted, rules: Rules) -> Case:
    facts = scene.world.reader.repository(scene.lane.repo)
    heads = merge_heads(scene, facts)
    required, verification = _verified(scene, action)
    reviews = seen(scene, required) if scene.leg is LegName.FORWARD else NOBODY
    moved = what_moved(scene, facts) or _judged_before(scene, reviews)
    if moved:
        heads = replace(heads, repository_unchanged=False)
    if action is Action.MERGE and scene.leg is LegName.FORWARD:
        heads = replace(heads, marked=scene.lane.forward.marked)
    heads = replace(heads, up_to_date=bool(moved) or not is_behind(scene, heads.base_commit))
    authority, approvals = merge_authority(scene, reviews)
    decision = decide_merge(
        subject_of(wanted), rules, heads, verification, authority=authority, approvals=approvals
    )
    if not heads.up_to_date and decision.policy.allows and decision.authority.allows:
        return Case(wanted=wanted, decision=decision, moved="overtaken", rebased=rebased(scene))
    return Case(
        wanted=wanted,
        decision=decision,
        moved=_merge_moved(scene, heads, verification, moved),
    )


def _verified(scene: Scene, action: Action) -> tuple[RequiredChecks | None, Verdict]:
    """What the branch demands, and G5 as it stands, which a rollback point need not wait for."""
    if action is Action.ROLLBACK_POINT:
        return None, passed("G5", "asked again at the merge")
    facts, verdict = verification_of(scene)
    return facts.required, verdict


def _judged_before(scene: Scene, reviews: Seen) -> str:
    """Why this is not the merge that was judged: `retargeted`, `verification_stale` (another repository of the change
    moved, or a review that the branch demands is gone), `changed_since` (no longer the exact inverse), or empty."""
    if retargeted(scene):
        return "retargeted"
    if scene.leg is LegName.INVERSE:
        return "" if is_exact_inverse(scene) else "changed_since"
    return "verification_stale" if reviews.lacking or sibling_moved(scene) else ""


def _merge_moved(scene: Scene, heads: Heads, verification: Verdict, moved: str) -> str:
    moved = moved or _heads_moved(heads)
    if moved == "base_moved":
        return moved if preview_of(scene) else "conflict"
    return moved or ("" if verification.allows else "verification_stale")


def _notice_case(world: World, change: Change, effect: Decide | Write, texts: Texts) -> Case:
    wanted = notice_for(change, effect.action, effect.notice, texts)
    rules = contentless(world, wanted.repo, "notices carry no change of content")
    rules = replace(rules, secrets=_secrets_in(world, wanted))
    return Case(wanted=wanted, decision=_notice_decision(world, wanted, rules))


def _notice_decision(world: World, wanted: Wanted, rules: Rules) -> TapDecision:
    return decide_notice(
        subject_of(wanted),
        rules,
        posted_today=world.notices_today(world.clock.now()),
        ceiling=world.max_notices_per_day,
    )


def _secrets_in(world: World, wanted: Wanted) -> tuple[str, ...]:
    """What is left in its finished texts, however it came there: stored texts have lost theirs already."""
    return tuple(found.rule for found in world.secrets.find(text_of(wanted)))


def _refused(effect: Decide | Write, reason: str, detail: BlobRef) -> Event:
    """Why a write was not made, as the event that the state machine knows for it."""
    if effect.repo is None:
        return NoticePosted(notice=effect.notice, action=effect.action, given_up=reason)
    if effect.action in {Action.ROLLBACK_POINT, Action.MERGE}:
        return MergeRefused(repo=effect.repo, leg=effect.leg, reason=reason, detail=detail)
    if effect.leg is LegName.INVERSE and effect.action is not Action.WITHDRAW:
        return RollbackFailed(repo=effect.repo, reason=reason, detail=detail)
    if reason == "head_moved":
        return HeadMoved(repo=effect.repo, leg=effect.leg, head=None)
    if effect.action in {Action.BRANCH, Action.PULL_REQUEST}:
        return ApplyRefused(repo=effect.repo, leg=effect.leg, reason=reason, detail=detail)
    return NeedsHuman(reason=f"{effect.action}_{reason}", repo=effect.repo, detail=detail)


def _posted(effect: Write) -> Event:
    return NoticePosted(notice=effect.notice, action=effect.action, given_up="")


def _written(scene: Scene, effect: Write, wanted: Wanted, outcome: Written) -> Event:
    repo, leg = scene.lane.repo.node_id, effect.leg
    match effect.action:
        case Action.BRANCH:
            assert isinstance(wanted, Content), "a branch is written as content"  # noqa: S101
            return PatchesApplied(repo=repo, leg=leg, head=_sha(outcome), tree=wanted.tree)
        case Action.PULL_REQUEST:
            assert outcome.number is not None, "an opened pull request has a number"  # noqa: S101
            draft = isinstance(wanted, OpenPull) and wanted.draft
            return PullOpened(repo=repo, leg=leg, number=outcome.number, draft=draft)
        case Action.ROLLBACK_POINT:
            return RollbackPointPlaced(repo=repo, leg=leg, commit=_sha(outcome))
        case Action.MERGE:
            done = read_back(scene)
            if done is None:
                raise Permanent(
                    "unexpected_answer",
                    f"{scene.lane.repo.full_name}: merged, but the pull request does not say so",
                )
            return done
        case Action.RERUN:
            return ChecksRerun(repo=repo, leg=leg, head=scene.head)
        case Action.WITHDRAW:
            return Withdrawn(repo=repo, leg=leg)
        case Action.COMMENT | Action.CLOSE_ISSUE:
            return _posted(effect)


def _sha(outcome: Written) -> Sha:
    assert outcome.sha is not None, "this write leaves an object"  # noqa: S101
    return outcome.sha
