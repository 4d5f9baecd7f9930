"""Read models: what people and scripts see of changes. Values only; the faces render them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from penstock.core.approval import ApprovalScope
from penstock.core.change import Await, next_effects
from penstock.core.change.model import ENDS, Change, Lane, State
from penstock.core.change.proposing import open_digests
from penstock.core.change.sidings import CEILING_REACHED
from penstock.core.refs import BlobRef, ChangeId, Digest
from penstock.core.verdict import Verdict
from penstock.flows.shaping import as_verdict
from penstock.ports import Texts

ERASED = "[erased]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """One line of a list."""

    id: ChangeId
    state: State
    title: str
    repositories: tuple[str, ...]
    tier: str
    reason: str
    waits_for: str
    issue: str
    origin: str
    """What at the forge it answers, where that is no issue; empty else."""
    requester: str
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RepoView:
    """One repository of a change. `pull` and `merged` are empty until there are some."""

    repository: str
    wave: int
    role: str
    base_ref: str
    digest: str
    group: str
    files: int
    additions: int
    deletions: int
    head: str
    pull: str
    verified: bool
    merged: str
    merge_digest: str
    trouble: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """Something that waits for a person's approval; approving it unlocks the writes of exactly this digest."""

    change: ChangeId
    title: str
    scope: ApprovalScope
    digest: Digest
    repository: str
    tier: str
    files: int
    additions: int
    deletions: int
    group: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """An approval on record; `digest` is of the patch set or merge that it unlocks."""

    id: str
    scope: ApprovalScope
    digest: Digest
    by: str
    at: datetime
    expires_at: datetime
    basis: str = ""
    """What policy's approval rests on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Details:
    """Everything about one change."""

    summary: Summary
    repositories: tuple[RepoView, ...]
    scope: tuple[str, ...]
    artifacts: tuple[tuple[str, str], ...]
    risk: tuple[str, ...]
    gates: Verdict | None
    detail: str
    detail_verdict: Verdict | None
    approvals: tuple[Given, ...]
    pending: tuple[Pending, ...]
    refused: int


def text_of(texts: Texts, ref: BlobRef | None) -> str:
    if ref is None:
        return ""
    text = texts.get(ref)
    return ERASED if text is None else text


def summarize(change: Change, texts: Texts) -> Summary:
    issue = change.issue
    return Summary(
        id=change.id,
        state=change.state,
        title=text_of(texts, change.title),
        repositories=tuple(lane.repo.full_name for lane in (change.shipping or change.lanes)),
        tier=change.tier.value if change.tier else "",
        reason=change.reason,
        waits_for=waits_for(change),
        issue=f"{issue.repo.full_name}#{issue.number}" if issue else "",
        origin=change.origin.name if change.origin else "",
        requester=change.requester,
        since=change.since,
    )


def waits_for(change: Change) -> str:
    """What has to happen for it to move, in a few words; empty while Penstock itself is at work."""
    if needs_merge_approval(change):
        return "approval of the merges"
    if needs_review(change):
        return "an approving review at the forge, which the branch demands"
    match next_effects(change):
        case Await(what=what):
            return what + _so_far(change)
        case _:
            return "checks" if change.state in {State.PR_OPEN, State.VERIFYING_CI} else ""


def _so_far(change: Change) -> str:
    """How many patch sets are approved, while some are and others wait."""
    of = len(open_digests(change, ApprovalScope.CONTENT))
    approved = of - len(pending_digests(change, ApprovalScope.CONTENT))
    return f" ({approved} of {of} approved)" if approved else ""


def needs_merge_approval(change: Change) -> bool:
    """All that is to be verified is green, and a person has not yet approved merging it."""
    verified = change.state is State.VERIFYING_CI and all(lane.forward.preview for lane in change.to_verify)
    return verified and bool(pending_digests(change, ApprovalScope.MERGE))


def needs_review(change: Change) -> bool:
    """All is green, and a branch demands a review that Penstock never gives."""
    verifying = change.state in {State.VERIFYING_CI, State.MERGING}
    return verifying and all(lane.forward.preview for lane in change.to_verify) and bool(change.unreviewed)


def pending_digests(change: Change, scope: ApprovalScope) -> tuple[Digest, ...]:
    """Digests that can be approved now and lack a valid approval, in lane order."""
    given = {a.digest for a in change.approvals if a.scope is scope and a.expires_at > change.updated_at}
    waiting = open_digests(change, scope) - given
    return tuple(digest for lane in change.shipping if (digest := _digest(lane, scope)) in waiting)


def _digest(lane: Lane, scope: ApprovalScope) -> Digest:
    if scope is ApprovalScope.CONTENT:
        return lane.patch_set.digest if lane.patch_set else Digest("")
    return lane.forward.preview.digest if lane.forward.preview else Digest("")


def pending_of(change: Change, texts: Texts) -> tuple[Pending, ...]:
    """What of this change waits for approval. Merges are offered once everything to verify is green."""
    scopes = [ApprovalScope.CONTENT, *([ApprovalScope.MERGE] if needs_merge_approval(change) else [])]
    return tuple(
        Pending(
            change=change.id,
            title=text_of(texts, change.title),
            scope=scope,
            digest=digest,
            repository=lane.repo.full_name,
            tier=change.tier.value if change.tier else "",
            files=lane.patch_set.files if lane.patch_set else 0,
            additions=lane.patch_set.additions if lane.patch_set else 0,
            deletions=lane.patch_set.deletions if lane.patch_set else 0,
            group=lane.patch_set.group if lane.patch_set else "",
        )
        for scope in scopes
        for digest in pending_digests(change, scope)
        for lane in change.shipping
        if _digest(lane, scope) == digest
    )


def details_of(change: Change, texts: Texts, web_url: str) -> Details:
    judgement = text_of(texts, change.judgement)
    detail = text_of(texts, change.detail)
    return Details(
        summary=summarize(change, texts),
        repositories=tuple(_repo_view(lane, web_url) for lane in change.lanes),
        scope=(*change.scope, *change.named),
        artifacts=tuple((artifact.name, text_of(texts, artifact.text)) for artifact in change.artifacts),
        risk=tuple(text_of(texts, change.risk).splitlines()),
        gates=as_verdict(judgement) if judgement else None,
        detail=detail,
        detail_verdict=as_verdict(detail) if detail else None,
        approvals=tuple(
            Given(
                id=a.id,
                scope=a.scope,
                digest=a.digest,
                by=a.by.login,
                at=a.at,
                expires_at=a.expires_at,
                basis=a.basis,
            )
            for a in change.approvals
        ),
        pending=pending_of(change, texts),
        refused=change.refused,
    )


def _repo_view(lane: Lane, web_url: str) -> RepoView:
    patch_set, leg = lane.patch_set, lane.forward
    return RepoView(
        repository=lane.repo.full_name,
        wave=lane.wave,
        role=lane.role.value,
        base_ref=lane.base_ref,
        digest=patch_set.digest if patch_set else "",
        group=patch_set.group if patch_set else "",
        files=patch_set.files if patch_set else 0,
        additions=patch_set.additions if patch_set else 0,
        deletions=patch_set.deletions if patch_set else 0,
        head=leg.head or "",
        pull=f"{web_url}/{lane.repo.full_name}/pull/{leg.pull}" if leg.pull else "",
        verified=leg.preview is not None or leg.merged is not None,
        merged=leg.merged or "",
        merge_digest=leg.preview.digest if leg.preview else "",
        trouble=_trouble(lane),
    )


def _trouble(lane: Lane) -> str:
    trouble = lane.trouble
    if not trouble.failures or trouble.since is None:
        return ""
    if trouble.reason == CEILING_REACHED and trouble.retry_at:
        until = f"until {trouble.retry_at:%Y-%m-%d %H:%M} UTC"
        return f"today's pull requests that no person approved are used up (G-09, INFINITY_MAX_PRS_PER_DAY); it waits {until}"
    return f"{trouble.reason} since {trouble.since:%Y-%m-%d %H:%M:%S} UTC ({trouble.failures} tries)"


def is_waiting_for_people(change: Change) -> bool:
    """Is it a person's turn."""
    parked = {State.WAITING_USER_APPROVAL, State.NEEDS_HUMAN, State.BLOCKED_POLICY}
    return change.state in parked or needs_merge_approval(change) or needs_review(change)


def counts(changes: Iterable[Change]) -> dict[str, int]:
    """How many changes stand in each state."""
    found: dict[str, int] = {}
    for change in changes:
        found[change.state.value] = found.get(change.state.value, 0) + 1
    return dict(sorted(found.items()))


def is_ended(change: Change) -> bool:
    return change.state in ENDS


def needed_texts(change: Change) -> frozenset[BlobRef]:
    """The texts without which an open change stops; a patch is for people, and its objects are in the mirror."""
    named = (change.policy, change.title, change.judgement, change.risk, *(a.text for a in change.artifacts))
    return frozenset(ref for ref in named if ref)
