"""What can happen almost anywhere: stops, resumes, orders, failures, notices."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from penstock.core.change.model import (
    Action,
)
from penstock.core.refs import Actor, BlobRef, NodeId, Sha


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticePosted:
    notice: str
    action: Action
    given_up: str = ""
    """Why it was not posted after all; empty when it was."""
    kind: Literal["E_NOTICE_POSTED"] = "E_NOTICE_POSTED"


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchEnded:
    """The watch over the checks ended: nothing that a merge could have broken is broken, or nobody can tell; `verdict`
    says which."""

    repo: NodeId
    verdict: BlobRef
    kind: Literal["E_WATCH_ENDED"] = "E_WATCH_ENDED"


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeStood:
    """The whole watch ended: what was merged was still there."""

    repo: NodeId
    kind: Literal["E_MERGE_STOOD"] = "E_MERGE_STOOD"


@dataclass(frozen=True, slots=True, kw_only=True)
class PostMergeFailed:
    """A check that the repository passed before the merge fails on what was merged; or somebody took the merge back, and
    with `undone_by`, a commit of the base branch, nothing of it is left."""

    repo: NodeId
    detail: BlobRef
    undone_by: Sha | None = None
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
    """A person lets it go on. `stale`: repositories whose base or policy moved, to be proposed and judged anew.

    `named`: protected paths (globs) that the person puts in its scope.
    """

    by: Actor
    stale: tuple[NodeId, ...]
    named: tuple[str, ...] = ()
    kind: Literal["E_RESUMED"] = "E_RESUMED"


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectFailed:
    """An operating failure, to be tried again not before `due_at`."""

    effect: str
    repo: NodeId | None
    reason: str
    due_at: datetime
    detail: BlobRef
    notice: str = ""
    """The notice that could not be posted; after too many tries it is given up, and nothing else stops for it."""
    kind: Literal["E_EFFECT_FAILED"] = "E_EFFECT_FAILED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """A text was erased from the ledger; the record that named it stays."""

    blob: BlobRef
    by: Actor
    reason: BlobRef
    kind: Literal["E_ERASED"] = "E_ERASED"
