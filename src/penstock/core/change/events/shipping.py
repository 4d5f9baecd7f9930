"""From approved patch sets to merged pull requests."""

from dataclasses import dataclass
from typing import Literal

from penstock.core.approval import Approval, CarriedOver
from penstock.core.change.model import (
    Action,
    CheckResult,
    LegName,
    MergePreview,
    Sibling,
)
from penstock.core.proposal import PatchSet
from penstock.core.refs import Actor, BlobRef, Digest, NodeId, Sha
from penstock.core.verdict import Outcome

UNNAMED = Digest("")
"""Records that are older than decisions' digests have none."""


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
    decision: Digest = UNNAMED
    """The decision's digest, by which a signed record names it."""
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
class PatchSetRebased:
    """The base moved before a branch was written, or before it was merged where the base demands branches that are up to
    date, and touched nothing of an approved patch set: the same on the new base, to be judged there. `previous` is the digest
    that was approved. `why`: of what is written already, the words for why it has to be written anew."""

    repo: NodeId
    previous: Digest
    patch_set: PatchSet
    why: BlobRef | None = None
    kind: Literal["E_PATCH_SET_REBASED"] = "E_PATCH_SET_REBASED"


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
    carried: CarriedOver | None = None
    """Of the merge that was approved before its base moved."""
    lacking: int = 0
    """How many approving reviews the base branch still demands at the forge."""
    kind: Literal["E_CI_PASSED"] = "E_CI_PASSED"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewsObserved:
    """What people's reviews of exactly this head come to now. `approvals` are those that count and were not on record,
    `gone` ids of approvals whose review does not stand any more."""

    repo: NodeId
    leg: LegName
    head: Sha
    lacking: int
    approvals: tuple[Approval, ...] = ()
    gone: tuple[str, ...] = ()
    kind: Literal["E_REVIEWS_OBSERVED"] = "E_REVIEWS_OBSERVED"


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
    """`faithful`: the merged tree, read back, is the three-way merge on its real parent (invariant 11). `base` is that
    parent: a forge cannot be told to merge onto one base only, so it may differ from the one that was previewed."""

    repo: NodeId
    leg: LegName
    head: Sha
    commit: Sha
    tree: Sha
    faithful: bool
    by: Actor
    base: Sha | None = None
    kind: Literal["E_MERGED"] = "E_MERGED"


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeRefused:
    """`reason`: `base_moved` (still mergeable), `verification_stale`, `conflict`, `overtaken` (the branch must be brought up to
    date, and its patch set cannot follow as it is), or a code of the forge's refusal, such as `behind`."""

    repo: NodeId
    leg: LegName
    reason: str
    detail: BlobRef
    kind: Literal["E_MERGE_REFUSED"] = "E_MERGE_REFUSED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawn:
    repo: NodeId
    leg: LegName
    kind: Literal["E_WITHDRAWN"] = "E_WITHDRAWN"
