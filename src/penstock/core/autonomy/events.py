"""Past-tense facts of the governance log."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from penstock.core.autonomy.model import Cell, Governance
from penstock.core.autonomy.promotion import Figures
from penstock.core.ledger import Blob
from penstock.core.refs import Actor, BlobRef, ChangeId, Digest, NodeId


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantineSet:
    """By Penstock itself, after so many failures in a row."""

    failures: tuple[ChangeId, ...]
    threshold: int
    kind: Literal["E_QUARANTINE_SET"] = "E_QUARANTINE_SET"


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantineLifted:
    by: Actor
    reason: BlobRef
    kind: Literal["E_QUARANTINE_LIFTED"] = "E_QUARANTINE_LIFTED"


@dataclass(frozen=True, slots=True, kw_only=True)
class AutonomyGranted:
    id: str
    cell: Cell
    until: datetime
    cap: int
    by: Actor
    reason: BlobRef
    kind: Literal["E_AUTONOMY_GRANTED"] = "E_AUTONOMY_GRANTED"


@dataclass(frozen=True, slots=True, kw_only=True)
class AutonomyRevoked:
    grant: str
    by: Actor
    reason: BlobRef
    kind: Literal["E_AUTONOMY_REVOKED"] = "E_AUTONOMY_REVOKED"


@dataclass(frozen=True, slots=True, kw_only=True)
class PullCounted:
    """A pull request that no person approved takes its place in the day's budget and its grant's; empty: it was earned."""

    change: ChangeId
    repo: NodeId
    grant: str = ""
    kind: Literal["E_PR_COUNTED"] = "E_PR_COUNTED"


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyProposed:
    """A candidate with its backtest, to be approved before `until`. `candidate` is the digest of its `text`, `stands_on`
    that of the policy above it."""

    id: str
    candidate: Digest
    stands_on: Digest
    text: BlobRef
    figures: Figures
    until: datetime
    by: Actor
    reason: BlobRef
    kind: Literal["E_POLICY_PROPOSED"] = "E_POLICY_PROPOSED"


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyPromoted:
    """A proposal is approved and from here on in force. `self_approved`: by who proposed it; `shared_identity`: by
    Penstock's own identity."""

    promotion: str
    by: Actor
    reason: BlobRef
    self_approved: bool = False
    shared_identity: bool = False
    kind: Literal["E_POLICY_PROMOTED"] = "E_POLICY_PROMOTED"


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyReverted:
    """A proposal is withdrawn, or what is in force ends."""

    promotion: str
    by: Actor
    reason: BlobRef
    kind: Literal["E_POLICY_REVERTED"] = "E_POLICY_REVERTED"


@dataclass(frozen=True, slots=True, kw_only=True)
class TextErased:
    """A text of this log was erased; the record that named it stays."""

    blob: BlobRef
    by: Actor
    reason: BlobRef
    kind: Literal["E_GOVERNANCE_ERASED"] = "E_GOVERNANCE_ERASED"


GovernanceEvent = (
    QuarantineSet
    | QuarantineLifted
    | AutonomyGranted
    | AutonomyRevoked
    | PullCounted
    | PolicyProposed
    | PolicyPromoted
    | PolicyReverted
    | TextErased
)


@dataclass(frozen=True, slots=True, kw_only=True)
class GovernanceEntry:
    """An event in its place: record number, recorded time (UTC), and key, unique within the log."""

    n: int
    at: datetime
    key: str
    event: GovernanceEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """An event to append, with the texts that it names."""

    key: str
    event: GovernanceEvent
    blobs: tuple[Blob, ...] = ()


Decide = Callable[[Governance], Noted | None]
"""What to append to the log as it stands, if anything; asked again where it has moved meanwhile."""
