"""Past-tense facts of a change's log. A kind that the documents name has that name.

Events hold ids, enums, numbers and names of texts (`BlobRef`), never a text itself; a repository's event
names it by node id. The codec at the store's edge reads them back by `kind`.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal

from penstock.core.approval import Approval
from penstock.core.change.model import (
    Action,
    AgentRun,
    Artifact,
    CheckResult,
    IssueLink,
    LegName,
    MergePreview,
    PlannedRepo,
    Sibling,
    Terms,
    ViolationFact,
)
from penstock.core.policy.rules import Tier
from penstock.core.proposal import PatchSet
from penstock.core.refs import Actor, BlobRef, ChangeId, Digest, NodeId, RepoRef, Sha
from penstock.core.verdict import Outcome


class Triage(StrEnum):
    GO = "GO"
    DEFER = "DEFER"
    NO_GO = "NO_GO"


@dataclass(frozen=True, slots=True, kw_only=True)
class Created:
    signal: str
    issue: IssueLink | None
    requester: str
    recipe: str
    targets: tuple[RepoRef, ...]
    terms: Terms
    policy: BlobRef
    title: BlobRef
    single_credential: bool = False
    unsafe_sandbox: bool = False
    kind: Literal["E_WORKFLOW_CREATED"] = "E_WORKFLOW_CREATED"


@dataclass(frozen=True, slots=True, kw_only=True)
class TriageDecided:
    decision: Triage
    recipe: str
    verdict: BlobRef
    wake_at: datetime | None = None
    kind: Literal["E_TRIAGE_DECIDED"] = "E_TRIAGE_DECIDED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Woken:
    by: Actor
    kind: Literal["E_WOKEN"] = "E_WOKEN"


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactsReady:
    artifacts: tuple[Artifact, ...]
    repos: tuple[PlannedRepo, ...]
    scope: tuple[str, ...]
    dependents: int | None
    outcome: Outcome
    verdict: BlobRef
    kind: Literal["E_ARTIFACTS_READY"] = "E_ARTIFACTS_READY"


@dataclass(frozen=True, slots=True, kw_only=True)
class PatchSetsProposed:
    repo: NodeId
    patch_set: PatchSet | None
    run: AgentRun
    kind: Literal["E_PATCH_SETS_PROPOSED"] = "E_PATCH_SETS_PROPOSED"


@dataclass(frozen=True, slots=True, kw_only=True)
class GatesEvaluated:
    digests: tuple[Digest, ...]
    outcome: Outcome
    violations: tuple[ViolationFact, ...]
    tier: Tier
    score: int
    verdict: BlobRef
    risk: BlobRef
    kind: Literal["E_GATES_EVALUATED"] = "E_GATES_EVALUATED"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalRecorded:
    approval: Approval
    kind: Literal["E_APPROVAL_RECORDED"] = "E_APPROVAL_RECORDED"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalRevoked:
    approval: str
    by: Actor
    kind: Literal["E_APPROVAL_REVOKED"] = "E_APPROVAL_REVOKED"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangesRequested:
    digest: Digest
    by: Actor
    words: BlobRef
    kind: Literal["E_CHANGES_REQUESTED"] = "E_CHANGES_REQUESTED"


@dataclass(frozen=True, slots=True, kw_only=True)
class PatchSetRejected:
    digest: Digest
    by: Actor
    words: BlobRef
    kind: Literal["E_PATCH_SET_REJECTED"] = "E_PATCH_SET_REJECTED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Superseded:
    successor: ChangeId
    kind: Literal["E_SUPERSEDED"] = "E_SUPERSEDED"


@dataclass(frozen=True, slots=True, kw_only=True)
class TapDecided:
    """The recorded decision on one write, before it is made (P-006, P-008): it is the write's intent, too."""

    action: Action
    repo: NodeId | None
    leg: LegName
    effect: str
    subject: str
    policy: Outcome
    authority: Outcome
    truth: Outcome
    rules: tuple[str, ...]
    verdict: BlobRef
    notice: str = ""
    kind: Literal["E_TAP_DECIDED"] = "E_TAP_DECIDED"

    @property
    def allowed(self) -> bool:
        return {self.policy, self.authority, self.truth} <= {Outcome.PASS, Outcome.WARN}


@dataclass(frozen=True, slots=True, kw_only=True)
class PatchesApplied:
    repo: NodeId
    leg: LegName
    head: Sha
    tree: Sha
    kind: Literal["E_PATCHES_APPLIED"] = "E_PATCHES_APPLIED"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyRefused:
    repo: NodeId
    leg: LegName
    reason: str
    detail: BlobRef
    kind: Literal["E_APPLY_REFUSED"] = "E_APPLY_REFUSED"


@dataclass(frozen=True, slots=True, kw_only=True)
class PullOpened:
    repo: NodeId
    leg: LegName
    number: int
    draft: bool
    kind: Literal["E_PR_OPENED"] = "E_PR_OPENED"


@dataclass(frozen=True, slots=True, kw_only=True)
class CiObserved:
    repo: NodeId
    leg: LegName
    head: Sha
    kind: Literal["E_CI_OBSERVED"] = "E_CI_OBSERVED"


@dataclass(frozen=True, slots=True, kw_only=True)
class CiPassed:
    repo: NodeId
    leg: LegName
    head: Sha
    checks: tuple[CheckResult, ...]
    siblings: tuple[Sibling, ...]
    preview: MergePreview
    verdict: BlobRef
    kind: Literal["E_CI_PASSED"] = "E_CI_PASSED"


@dataclass(frozen=True, slots=True, kw_only=True)
class CiFailed:
    repo: NodeId
    leg: LegName
    head: Sha
    checks: tuple[CheckResult, ...]
    diagnosis: BlobRef
    kind: Literal["E_CI_FAILED"] = "E_CI_FAILED"


@dataclass(frozen=True, slots=True, kw_only=True)
class CiTimedOut:
    repo: NodeId
    leg: LegName
    head: Sha
    detail: BlobRef
    kind: Literal["E_CI_TIMED_OUT"] = "E_CI_TIMED_OUT"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChecksRerun:
    repo: NodeId
    leg: LegName
    head: Sha
    kind: Literal["E_CHECKS_RERUN"] = "E_CHECKS_RERUN"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChecksStale:
    """A sibling that the checks ran with has moved since."""

    repo: NodeId
    leg: LegName
    head: Sha
    kind: Literal["E_CHECKS_STALE"] = "E_CHECKS_STALE"


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadMoved:
    repo: NodeId
    leg: LegName
    head: Sha | None
    kind: Literal["E_HEAD_MOVED"] = "E_HEAD_MOVED"


@dataclass(frozen=True, slots=True, kw_only=True)
class PullClosed:
    repo: NodeId
    leg: LegName
    kind: Literal["E_PR_CLOSED"] = "E_PR_CLOSED"


@dataclass(frozen=True, slots=True, kw_only=True)
class RollbackPointPlaced:
    repo: NodeId
    leg: LegName
    commit: Sha
    kind: Literal["E_ROLLBACK_POINT_PLACED"] = "E_ROLLBACK_POINT_PLACED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """`faithful`: the merged tree, read back, is the three-way merge on its real parent (invariant 11)."""

    repo: NodeId
    leg: LegName
    head: Sha
    commit: Sha
    tree: Sha
    faithful: bool
    by: Actor
    kind: Literal["E_MERGED"] = "E_MERGED"


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeRefused:
    """`reason`: `base_moved` (still mergeable), `conflict`, or a code of the forge's refusal."""

    repo: NodeId
    leg: LegName
    reason: str
    detail: BlobRef
    kind: Literal["E_MERGE_REFUSED"] = "E_MERGE_REFUSED"


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticePosted:
    notice: str
    action: Action
    kind: Literal["E_NOTICE_POSTED"] = "E_NOTICE_POSTED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawn:
    repo: NodeId
    leg: LegName
    kind: Literal["E_WITHDRAWN"] = "E_WITHDRAWN"


@dataclass(frozen=True, slots=True, kw_only=True)
class PostMergeFailed:
    repo: NodeId
    detail: BlobRef
    kind: Literal["E_POST_MERGE_FAILED"] = "E_POST_MERGE_FAILED"


@dataclass(frozen=True, slots=True, kw_only=True)
class RollbackFailed:
    repo: NodeId
    reason: str
    detail: BlobRef
    kind: Literal["E_ROLLBACK_FAILED"] = "E_ROLLBACK_FAILED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled:
    """A person's order. `rollback`: what was merged is reverted, too."""

    by: Actor
    rollback: bool
    words: BlobRef
    kind: Literal["E_CANCELLED"] = "E_CANCELLED"


@dataclass(frozen=True, slots=True, kw_only=True)
class NeedsHuman:
    reason: str
    repo: NodeId | None
    detail: BlobRef
    kind: Literal["E_NEEDS_HUMAN"] = "E_NEEDS_HUMAN"


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyBlocked:
    reason: str
    repo: NodeId | None
    detail: BlobRef
    kind: Literal["E_POLICY_BLOCKED"] = "E_POLICY_BLOCKED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed:
    """A person lets it go on. `stale`: repositories whose base or policy moved, to be proposed and judged anew."""

    by: Actor
    stale: tuple[NodeId, ...]
    kind: Literal["E_RESUMED"] = "E_RESUMED"


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectFailed:
    """An operating failure, to be tried again not before `due_at`."""

    effect: str
    repo: NodeId | None
    reason: str
    due_at: datetime
    detail: BlobRef
    kind: Literal["E_EFFECT_FAILED"] = "E_EFFECT_FAILED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """A text was erased from the ledger; the record that named it stays."""

    blob: BlobRef
    by: Actor
    reason: BlobRef
    kind: Literal["E_ERASED"] = "E_ERASED"


Event = (
    Created
    | TriageDecided
    | Woken
    | ArtifactsReady
    | PatchSetsProposed
    | GatesEvaluated
    | ApprovalRecorded
    | ApprovalRevoked
    | ChangesRequested
    | PatchSetRejected
    | Superseded
    | TapDecided
    | PatchesApplied
    | ApplyRefused
    | PullOpened
    | CiObserved
    | CiPassed
    | CiFailed
    | CiTimedOut
    | ChecksRerun
    | ChecksStale
    | HeadMoved
    | PullClosed
    | RollbackPointPlaced
    | Merged
    | MergeRefused
    | NoticePosted
    | Withdrawn
    | PostMergeFailed
    | RollbackFailed
    | Cancelled
    | NeedsHuman
    | PolicyBlocked
    | Resumed
    | EffectFailed
    | Erased
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An event in its place: record number, recorded time (UTC), and key, unique within the change."""

    change: ChangeId
    n: int
    at: datetime
    key: str
    event: Event
