"""From a signal to an approved proposal."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal

from penstock.core.approval import Approval, ApprovalScope, CarriedOver
from penstock.core.change.model import (
    AgentRun,
    Artifact,
    IssueLink,
    Origin,
    PlannedRepo,
    Terms,
    ViolationFact,
)
from penstock.core.policy.rules import Tier
from penstock.core.proposal import PatchSet
from penstock.core.refs import Actor, BlobRef, ChangeId, Digest, NodeId, RepoRef
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
    wording: Digest
    single_credential: bool = False
    unsafe_sandbox: bool = False
    origin: Origin | None = None
    kind: Literal["E_WORKFLOW_CREATED"] = "E_WORKFLOW_CREATED"


@dataclass(frozen=True, slots=True, kw_only=True)
class TriageDecided:
    decision: Triage
    recipe: str
    verdict: BlobRef
    wake_at: datetime | None = None
    agent: str = ""
    """The agent that the routing rules chose for it; empty where there are no rules."""
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
class OwnersNeeded:
    """Of a patch set that code owners must approve: of each group of logins (lower case), one."""

    digest: Digest
    groups: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GatesEvaluated:
    digests: tuple[Digest, ...]
    outcome: Outcome
    violations: tuple[ViolationFact, ...]
    tier: Tier
    score: int
    verdict: BlobRef
    risk: BlobRef
    owners: tuple[OwnersNeeded, ...] = ()
    quorum: int = 1
    """How many people must approve today; the change asks for the higher of this and what it was created with."""
    carried: tuple[CarriedOver, ...] = ()
    """Of patch sets that were put on another base since they were approved."""
    kind: Literal["E_GATES_EVALUATED"] = "E_GATES_EVALUATED"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalRecorded:
    """`verdict`: the TAP decision by which policy approved in a person's place."""

    approval: Approval
    verdict: BlobRef | None = None
    kind: Literal["E_APPROVAL_RECORDED"] = "E_APPROVAL_RECORDED"


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyDeclined:
    """Policy does not approve this in a person's place, by these rules: a person is asked."""

    scope: ApprovalScope
    digest: Digest
    repo: NodeId
    rules: tuple[str, ...]
    verdict: BlobRef
    kind: Literal["E_POLICY_DECLINED"] = "E_POLICY_DECLINED"


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
