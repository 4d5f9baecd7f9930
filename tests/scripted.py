"""Outcomes of effects as data, for tests of the fold and of what drives it: a change to three repositories."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha1, sha256
from typing import Protocol, assert_never

from penstock.core.approval import Approval, ApprovalScope, CarriedOver
from penstock.core.change import events as e
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
from penstock.core.change.model import (
    Action,
    AgentRun,
    Artifact,
    Change,
    IssueLink,
    Lane,
    LegName,
    MergePreview,
    PlannedRepo,
    Role,
    Terms,
)
from penstock.core.policy.rules import MergeMethod, Mode, Tier, Verify
from penstock.core.proposal import PatchSet, merge_digest, patch_set_digest
from penstock.core.refs import PENSTOCK, Actor, BlobRef, ChangeId, Digest, NodeId, RepoRef, Sha
from penstock.core.verdict import Outcome

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
CHANGE = ChangeId("c-scripted01")
ADA = Actor(login="ada")
REPOS = tuple(
    RepoRef(forge="forge.test", node_id=NodeId(f"R_{name}"), owner="acme", name=name)
    for name in ("lib", "app", "site")
)
WAVES = (0, 1, 1)
"""The library first, then its two dependents."""


def digest(*parts: object) -> Digest:
    return Digest("sha256:" + sha256(repr(parts).encode()).hexdigest())


def ref(*parts: object) -> BlobRef:
    return BlobRef(digest("text", *parts))


def sha(*parts: object) -> Sha:
    return Sha(sha1(repr(parts).encode()).hexdigest())


class Texts(Protocol):
    def put(self, text: str) -> BlobRef: ...


class Names:
    """Tests of the fold alone need no texts: naming them suffices."""

    def put(self, text: str) -> BlobRef:
        return ref(text)


def terms(**changed: object) -> Terms:
    usual = Terms(
        mode=Mode.SUPERVISED,
        verify=Verify.JOINT,
        merge_method=MergeMethod.SQUASH,
        quorum=1,
        auto_fix_attempts=1,
        watch=True,
    )
    return Terms(**{**{name: getattr(usual, name) for name in Terms.__slots__}, **changed})


def created(texts: Texts, *, signal: str = "issue:R_lib:7", **changed: object) -> e.Created:
    return e.Created(
        signal=signal,
        issue=IssueLink(repo=REPOS[0], number=7),
        requester="ada",
        recipe="rename",
        targets=(),
        terms=terms(**changed),
        policy=texts.put("policy"),
        title=texts.put("Rename it"),
        wording=digest("wording"),
    )


def planned(texts: Texts, outcome: Outcome = Outcome.PASS) -> e.ArtifactsReady:
    return e.ArtifactsReady(
        artifacts=(Artifact(name="plan", text=texts.put("the plan")),),
        repos=tuple(
            PlannedRepo(repo=repo, role=Role.SECONDARY if wave else Role.PRIMARY, base_ref="main", wave=wave)
            for repo, wave in zip(REPOS, WAVES, strict=True)
        ),
        scope=("src/**",),
        dependents=0,
        outcome=outcome,
        verdict=texts.put("G1"),
    )


def patch_set(lane: Lane, texts: Texts, version: object) -> PatchSet:
    base, tree = sha("base", lane.repo.name), sha("tree", lane.repo.name, version)
    return PatchSet(
        digest=patch_set_digest(lane.repo, base_ref=lane.base_ref, base_commit=base, tree=tree),
        base_ref=lane.base_ref,
        base_commit=base,
        tree=tree,
        group=digest("group", version),
        files=1,
        additions=1,
        deletions=1,
        patch=texts.put(f"patch of {lane.repo.name}"),
    )


def proposed(lane: Lane, texts: Texts, version: object) -> e.PatchSetsProposed:
    return e.PatchSetsProposed(repo=lane.repo.node_id, patch_set=patch_set(lane, texts, version), run=run())


def run() -> AgentRun:
    return AgentRun(agent="rename", backend="recipe", context=digest("context"), duration_ms=3, repeats=2)


def rebased(lane: Lane) -> e.PatchSetRebased:
    """The lane's patch set on a base that moved on, and touched none of its paths."""
    old = lane.patch_set
    assert old, f"{lane.repo.name} takes no part"
    base, tree = sha("moved", old.base_commit), sha("moved", old.tree)
    digest = patch_set_digest(lane.repo, base_ref=lane.base_ref, base_commit=base, tree=tree)
    new = replace(old, base_commit=base, tree=tree, digest=digest)
    return e.PatchSetRebased(repo=lane.repo.node_id, previous=old.digest, patch_set=new, why=ref("why"))


def gates(
    change: Change, texts: Texts, outcome: Outcome = Outcome.PASS, *, carry: Outcome = Outcome.PASS
) -> e.GatesEvaluated:
    """`carry`: whether approvals count for what was put on another base."""
    return e.GatesEvaluated(
        digests=tuple(lane.patch_set.digest for lane in change.shipping if lane.patch_set),
        outcome=outcome,
        violations=(),
        tier=Tier.LOW,
        score=1,
        verdict=texts.put("gates"),
        risk=texts.put("risk"),
        carried=tuple(
            CarriedOver(
                before=lane.rebased.digest,
                now=lane.patch_set.digest,
                outcome=carry,
                verdict=texts.put("same"),
            )
            for lane in change.shipping
            if lane.rebased and lane.patch_set
        ),
    )


def decided(effect: Decide, texts: Texts, outcome: Outcome = Outcome.PASS) -> e.TapDecided:
    return e.TapDecided(
        action=effect.action,
        repo=effect.repo,
        leg=effect.leg,
        effect=effect.key,
        subject=f"{effect.action} {effect.repo}",
        policy=outcome,
        authority=Outcome.PASS,
        truth=Outcome.PASS,
        rules=(),
        verdict=texts.put("TAP"),
        notice=effect.notice,
    )


def written(effect: Write, change: Change) -> e.Event:
    """The outcome of a write that succeeds, at a forge whose ids follow from what is written."""
    if effect.notice:
        return e.NoticePosted(notice=effect.notice, action=effect.action)
    lane = lane_of(change, effect.repo)
    repo, leg = lane.repo.node_id, effect.leg
    head = head_of(lane, leg)
    match effect.action:
        case Action.BRANCH:
            return e.PatchesApplied(repo=repo, leg=leg, head=head, tree=tree_of(lane, leg))
        case Action.PULL_REQUEST:
            return e.PullOpened(repo=repo, leg=leg, number=3 if leg is LegName.FORWARD else 4, draft=False)
        case Action.ROLLBACK_POINT:
            return e.RollbackPointPlaced(repo=repo, leg=leg, commit=sha("base", lane.repo.name))
        case Action.MERGE:
            return merged(lane, leg, lane.leg(leg).head or head)
        case Action.RERUN:
            return e.ChecksRerun(repo=repo, leg=leg, head=lane.leg(leg).head or head)
        case Action.WITHDRAW:
            return e.Withdrawn(repo=repo, leg=leg)
        case Action.COMMENT | Action.CLOSE_ISSUE:
            raise AssertionError("a notice names itself")
        case _:
            assert_never(effect.action)


def merged(lane: Lane, leg: LegName, head: Sha, *, by: Actor = PENSTOCK, faithful: bool = True) -> e.Merged:
    return e.Merged(
        repo=lane.repo.node_id,
        leg=leg,
        head=head,
        commit=sha("merge", head),
        tree=sha("merged tree", head),
        faithful=faithful,
        by=by,
    )


def tree_of(lane: Lane, leg: LegName) -> Sha:
    assert lane.patch_set
    return lane.patch_set.tree if leg is LegName.FORWARD else sha("inverse", lane.patch_set.tree)


def head_of(lane: Lane, leg: LegName) -> Sha:
    return sha("head", lane.repo.name, leg, tree_of(lane, leg) if lane.patch_set else None)


def passed(change: Change, effect: Observe, texts: Texts, base: object = 0) -> e.CiPassed:
    lane = lane_of(change, effect.repo)
    head = lane.leg(effect.leg).head or head_of(lane, effect.leg)
    base_commit, tree = sha("base now", lane.repo.name, base), sha("preview", head, base)
    merge = merge_digest(
        lane.repo, base_ref=lane.base_ref, base_commit=base_commit, head=head, method="squash", tree=tree
    )
    return e.CiPassed(
        repo=lane.repo.node_id,
        leg=effect.leg,
        head=head,
        checks=(),
        siblings=(),
        preview=MergePreview(base_commit=base_commit, tree=tree, digest=merge),
        verdict=texts.put("G5"),
    )


def success(effect: Effect, change: Change, texts: Texts) -> e.Event | None:
    """What comes of an effect when all goes well; None where an observation finds nothing new."""
    match effect:
        case TriageSignal():
            return e.TriageDecided(decision=e.Triage.GO, recipe="rename", verdict=texts.put("G0"))
        case Plan():
            return planned(texts)
        case Propose():
            return proposed(lane_of(change, effect.repo), texts, (change.generation, change.attempt))
        case EvaluateGates():
            return gates(change, texts)
        case AskPolicy():
            given = approval(effect.digest, effect.scope, by=PENSTOCK, at=change.updated_at).approval
            return e.ApprovalRecorded(approval=replace(given, id=effect.key, basis="grant g-1"))
        case Decide():
            return decided(effect, texts)
        case Write():
            return written(effect, change)
        case Observe():
            return observed(effect, change, texts)
        case Watch():
            return e.WatchEnded(repo=effect.repo, verdict=texts.put("nothing broke"))
        case _:
            assert_never(effect)


def observed(effect: Observe, change: Change, texts: Texts) -> e.Event | None:
    """First that the checks run, then that they are green, then nothing new."""
    leg = lane_of(change, effect.repo).leg(effect.leg)
    if not leg.observed and leg.head:
        return e.CiObserved(repo=effect.repo, leg=effect.leg, head=leg.head)
    green = passed(change, effect, texts)
    return None if green.preview == leg.preview else green


def approval(
    of: str, scope: ApprovalScope, *, by: Actor = ADA, at: datetime = NOW, days: int = 14
) -> e.ApprovalRecorded:
    return e.ApprovalRecorded(
        approval=Approval(
            id=f"a-{scope}-{of[-8:]}-{by.login}",
            scope=scope,
            digest=Digest(of),
            by=by,
            at=at,
            expires_at=at + timedelta(days=days),
        )
    )


def lane_of(change: Change, repo: NodeId | None) -> Lane:
    lane = change.lane(repo) if repo else None
    assert lane, f"no lane {repo}"
    return lane
