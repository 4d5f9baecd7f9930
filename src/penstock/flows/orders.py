"""What people order: approve, reject, request changes, revoke, cancel, resume. Judged first, then recorded.

Every order answers with what was recorded, or with the verdict that refused it. Nothing is written to a forge here.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from penstock.core.approval import WRITERS, Approval, ApprovalScope, Approver, may_record, same_person
from penstock.core.change import Entry
from penstock.core.change.events import (
    ApprovalRecorded,
    ApprovalRevoked,
    Cancelled,
    ChangesRequested,
    Event,
    PatchSetRejected,
    Resumed,
)
from penstock.core.change.fold import would_refuse
from penstock.core.change.journal import Appended, Draft, Duplicate, Refused
from penstock.core.change.model import ENDS, Change, Lane, State
from penstock.core.change.proposing import open_digests
from penstock.core.ledger import Break, canonical, sha256
from penstock.core.policy.patches import is_protected
from penstock.core.policy.rules import NEVER_WRITABLE, Policy, stricter
from penstock.core.proposal import names_any
from penstock.core.refs import Actor, Digest, RepoRef
from penstock.core.verdict import Verdict, all_of, blocked, check, passed
from penstock.flows.driving import Answered, ChangeLog
from penstock.flows.world import pinned_policy, policy_text, stored
from penstock.ports import Clock, ForgeReader, NewTexts


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Where a person's order is taken: who they are, and what judging it needs."""

    log: ChangeLog
    reader: ForgeReader
    clock: Clock
    policy: Policy
    person: str
    """Login of the authenticated person."""
    own_login: str
    """Login that Penstock itself writes with."""
    interactive: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """`subject` is a digest or change id; `recorded` false: nothing was added, and `verdict` says why."""

    subject: str
    verdict: Verdict
    recorded: bool


Judgement = Callable[[Desk, Change, Digest, str], Answer]
"""`reject` or `request_changes`."""


def approve(
    desk: Desk, change: Change, digests: tuple[Digest, ...], scope: ApprovalScope
) -> tuple[Answer, ...]:
    """Approve patch sets or merges by digest: one record for each."""
    return tuple(_approve_one(desk, change, digest, scope) for digest in digests)


def _approve_one(desk: Desk, change: Change, digest: Digest, scope: ApprovalScope) -> Answer:
    lane = lane_with(change, digest, scope)
    if lane is None or digest not in open_digests(change, scope):
        return _no(
            digest,
            "stale",
            f"nothing with this digest waits for {scope.value} approval; it has changed, was written, or never was",
        )
    policy = stricter(pinned_policy(change, desk.log.texts()), desk.policy)
    verdict = may_record(
        _approver(desk, lane), requester=change.requester, own_login=desk.own_login, policy=policy
    )
    if not verdict.allows:
        return Answer(subject=digest, verdict=verdict, recorded=False)
    now = desk.clock.now()
    approval = Approval(
        id=_approval_id(change, scope, digest, desk.person, now),
        scope=scope,
        digest=digest,
        by=Actor(login=desk.person),
        at=now,
        expires_at=now + timedelta(days=policy.approval_days),
        self_approved=same_person(desk.person, change.requester),
        shared_identity=same_person(desk.person, desk.own_login),
    )
    answer = _record(desk, change, ApprovalRecorded(approval=approval), f"approval:{approval.id}")
    return replace(answer, subject=digest, verdict=verdict if answer.verdict.allows else answer.verdict)


def _approval_id(change: Change, scope: ApprovalScope, digest: Digest, login: str, now: datetime) -> str:
    """The same for the same person's same approval, so that giving it twice is one record."""
    expired = sum(
        a.by.login == login and a.digest == digest and a.expires_at <= now for a in change.approvals
    )
    name = [change.id, scope.value, digest, login, change.revoked, expired]
    return "a-" + sha256(canonical(name)).removeprefix("sha256:")[:16]


def _approver(desk: Desk, lane: Lane) -> Approver:
    permission = desk.reader.permission(lane.repo, desk.person)
    return Approver(
        actor=Actor(login=desk.person),
        may_write=None if permission is None else permission in WRITERS,
        allow_listed=allow_listed(desk.reader, lane.repo, desk.own_login, desk.person),
        interactive=desk.interactive,
    )


def allow_listed(reader: ForgeReader, repo: RepoRef, own_login: str, person: str) -> int:
    """How many people may approve there. Where that cannot be read, it is not taken to be one."""
    writers = reader.writers(repo)
    return 2 if writers is None else len((writers - {own_login}) | {person})


def _may_order(desk: Desk, repos: Iterable[RepoRef]) -> Verdict:
    """May this person order about a change at all: write permission on every repository it concerns."""
    return all_of("order", (_writes(desk, repo) for repo in repos))


def _writes(desk: Desk, repo: RepoRef) -> Verdict:
    permission = desk.reader.permission(repo, desk.person)
    holds = None if permission is None else permission in WRITERS
    return check("write_permission", f"{desk.person} has write permission on {repo.full_name}", holds=holds)


def _concerned(change: Change) -> tuple[RepoRef, ...]:
    """The repositories a change is about: its lanes, else what it was asked for."""
    if change.lanes:
        return tuple(lane.repo for lane in change.lanes)
    return change.targets or tuple(link.repo for link in (change.issue, change.origin) if link)


def lane_with(change: Change, digest: Digest, scope: ApprovalScope) -> Lane | None:
    """The lane whose patch set or merge has this digest."""
    for lane in change.shipping:
        preview = lane.forward.preview
        content = lane.patch_set.digest if lane.patch_set else None
        if digest == (content if scope is ApprovalScope.CONTENT else preview and preview.digest):
            return lane
    return None


def request_changes(desk: Desk, change: Change, digest: Digest, words: str) -> Answer:
    """Send a patch set back; the words go to the proposer."""
    texts = desk.log.texts()
    event = ChangesRequested(digest=digest, by=Actor(login=desk.person), words=texts.put(words))
    return _judged(desk, change, digest, event, texts)


def reject(desk: Desk, change: Change, digest: Digest, words: str) -> Answer:
    """Reject a patch set, and with it the change."""
    texts = desk.log.texts()
    event = PatchSetRejected(digest=digest, by=Actor(login=desk.person), words=texts.put(words))
    return _judged(desk, change, digest, event, texts)


def _judged(desk: Desk, change: Change, digest: Digest, event: Event, texts: NewTexts) -> Answer:
    lane = lane_with(change, digest, ApprovalScope.CONTENT)
    if lane is None:
        return _no(digest, "stale", "no patch set of this change has this digest")
    approver = _approver(desk, lane)
    if not approver.may_write:
        return _no(
            digest, "write_permission", f"{desk.person} has no write permission on {lane.repo.full_name}"
        )
    key = f"{event.kind}:{desk.person}:{digest}:{change.generation}"
    return _record(desk, change, event, key, texts)


def revoke(desk: Desk, change: Change, approval: str) -> Answer:
    """Take an approval back, as long as what it unlocks is not written: one's own, or as somebody who may write."""
    own = any(a.id == approval and a.by.login == desk.person for a in change.approvals)
    verdict = _may_order(desk, _concerned(change))
    if not own and not verdict.allows:
        return Answer(subject=approval, verdict=verdict, recorded=False)
    event = ApprovalRevoked(approval=approval, by=Actor(login=desk.person))
    return _record(desk, change, event, f"revoked:{approval}")


def cancel(desk: Desk, change: Change, *, rollback: bool, words: str) -> Answer:
    """Stop a change. What it opened is closed; what it merged stays, unless `rollback` is ordered."""
    verdict = _may_order(desk, _concerned(change))
    if not verdict.allows:
        return Answer(subject=change.id, verdict=verdict, recorded=False)
    texts = desk.log.texts()
    event = Cancelled(by=Actor(login=desk.person), rollback=rollback, words=texts.put(words))
    key = f"cancel:{desk.person}:{change.generation}:{'rollback' if rollback else 'stop'}"
    return _record(desk, change, event, key, texts)


def resume(desk: Desk, change: Change, *, named: tuple[str, ...] = ()) -> Answer:
    """Let a parked change go on; repositories whose base or policy moved are proposed and judged anew.

    `named`: protected paths (globs) that are in its scope from now on. What it then touches waits for people's approval.
    """
    verdict = _may_order(desk, _concerned(change))
    if not verdict.allows:
        return Answer(subject=change.id, verdict=verdict, recorded=False)
    if named and (why := _cannot_name(desk.policy, change, named)):
        return _no(change.id, "protected_paths", why)
    moved_policy = stored(change.policy, desk.log.texts(), "the pinned policy") != policy_text(desk.policy)
    stale = tuple(
        lane.repo.node_id
        for lane in change.lanes
        if not lane.forward.merged and _is_stale(desk, change, lane, moved_policy=moved_policy)
    )
    event = Resumed(by=Actor(login=desk.person), stale=stale, named=named)
    key = f"resume:{change.generation}:{change.n}"
    return _record(desk, change, event, key)


def _cannot_name(policy: Policy, change: Change, named: tuple[str, ...]) -> str:
    """Why these paths cannot be put in its scope; empty where they can."""
    for path in named:
        if names_any(path, NEVER_WRITABLE):
            return f"{path}: Penstock's own policy can be put in no scope"
        if not is_protected(path, policy):
            return f"{path} is not protected as a whole; name the protected paths themselves"
    if change.any_merged or any(lane.forward.head or lane.forward.intents for lane in change.lanes):
        return "what it writes was approved already; a scope is for what is judged yet"
    return ""


def _is_stale(desk: Desk, change: Change, lane: Lane, *, moved_policy: bool) -> bool:
    if lane.patch_set is None:
        return False
    moved = desk.reader.branch_head(lane.repo, lane.base_ref) != lane.patch_set.base_commit
    unwritten = lane.forward.head is None and not lane.forward.intents
    return unwritten and (moved or moved_policy or change.resume_to is State.PATCHES_PROPOSED)


def _no(subject: str, rule: str, reason: str) -> Answer:
    return Answer(subject=subject, verdict=all_of("order", (blocked(rule, reason),)), recorded=False)


def _record(desk: Desk, change: Change, event: Event, key: str, texts: NewTexts | None = None) -> Answer:
    entry = Entry(change=change.id, n=change.n + 1, at=desk.clock.now(), key=key, event=event)
    if would_refuse(change, entry):
        return _no(change.id, "state", _why_not(change, event))
    blobs = texts.blobs if texts else ()
    return _answer(change, desk.log.record(change.id, Draft(key=key, event=event, blobs=blobs)))


def _why_not(change: Change, event: Event) -> str:
    """Why a change does not take an order as it stands, and what it would take instead."""
    match event:
        case Cancelled(rollback=False) if change.any_merged and change.state in ENDS:
            return f"it is {change.state}, merged already; --rollback takes it back"
        case Cancelled(rollback=True) if not change.any_merged:
            return f"it is {change.state}, and has merged nothing that could be taken back"
        case Cancelled():
            return f"it is {change.state} already"
        case Resumed():
            return f"it is {change.state}; only what has stopped can go on"
        case ChangesRequested() | PatchSetRejected() if change.any_merged:
            return "a part of it is merged already: approve the rest, or cancel it with --rollback"
        case ApprovalRevoked(approval=approval):
            return f"it is {change.state}; no approval {approval} is left that could be taken back"
        case _:
            return f"it is {change.state}; nothing there waits for an answer"


def _answer(change: Change, answered: Answered) -> Answer:
    match answered:
        case Appended():
            given = passed("order", "given by a person who may")
            return Answer(subject=change.id, verdict=given, recorded=True)
        case Duplicate():
            return Answer(subject=change.id, verdict=passed("order", "was on record already"), recorded=False)
        case Refused(change=now):
            return _no(change.id, "state", f"it has moved on meanwhile and is {now.state}")
        case Break(problem=problem, n=n):
            return _no(change.id, "ledger", f"its log does not hold at record {n}: {problem}")
        case None:
            return _no(change.id, "unknown", "there is no such change")
