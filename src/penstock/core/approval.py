"""Approvals: an explicit record that unlocks the writes of exactly one digest."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from penstock.core.policy.rules import Policy, Separation
from penstock.core.refs import Actor, Digest
from penstock.core.verdict import Verdict, all_of, blocked, check, passed, pending, unknown

WRITERS = frozenset({"admin", "maintain", "write"})
"""The forge's names of permissions that include writing."""


class ApprovalScope(StrEnum):
    """CONTENT unlocks branch and pull request of a patch set; MERGE unlocks one merge."""

    CONTENT = "content"
    MERGE = "merge"


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """`digest` is a patch set's or a merge's. `self_approved`: by the requester; `shared_identity`: by Penstock's own."""

    id: str
    scope: ApprovalScope
    digest: Digest
    by: Actor
    at: datetime
    expires_at: datetime
    self_approved: bool = False
    shared_identity: bool = False
    basis: str = ""
    """What a policy's approval rests on: a grant, or what was earned; empty for a person's."""

    @property
    def by_policy(self) -> bool:
        return self.by.kind == "policy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Approver:
    """Who wants to approve, and what is known of their right to."""

    actor: Actor
    may_write: bool | None
    """Write permission on the repository, re-read now; None where it could not be read."""
    allow_listed: int
    """How many people may approve at all."""
    interactive: bool


def may_record(approver: Approver, *, requester: str, own_login: str | None, policy: Policy) -> Verdict:
    """May this person's approval be recorded at all. Judged when it is given, and its terms kept with it."""
    return all_of(
        "approver", (_right(approver), _separate(approver, requester, policy), _own(approver, own_login))
    )


def _right(approver: Approver) -> Verdict:
    return check(
        "write_permission",
        f"{approver.actor.login} has write permission on the repository",
        holds=approver.may_write,
    )


def _separate(approver: Approver, requester: str, policy: Policy) -> Verdict:
    if approver.actor.login != requester:
        return passed("separation_of_duties", "approver and requester differ")
    if policy.separation is Separation.AUTO and approver.allow_listed == 1:
        return passed(
            "separation_of_duties", "the only allow-listed person approves their own request; recorded"
        )
    return blocked(
        "separation_of_duties", f"{requester} requested this change, so somebody else must approve it"
    )


def _own(approver: Approver, own_login: str | None) -> Verdict:
    if own_login is None or approver.actor.login != own_login:
        return passed("own_identity", "not Penstock's own identity")
    return check(
        "own_identity",
        "Penstock writes with this person's token, so the approval must be interactive",
        holds=approver.interactive,
    )


def approvers(
    approvals: tuple[Approval, ...], scope: ApprovalScope, digest: Digest, now: datetime
) -> frozenset[str]:
    """The people who have approved exactly this, unexpired."""
    fitting = (a for a in approvals if a.scope is scope and a.digest == digest and not a.by_policy)
    return frozenset(a.by.login for a in fitting if now < a.expires_at)


def policy_approval(
    approvals: tuple[Approval, ...], scope: ApprovalScope, digest: Digest, now: datetime
) -> Approval | None:
    """The unexpired approval of exactly this that policy gave in a person's place."""
    fitting = (a for a in approvals if a.scope is scope and a.digest == digest and a.by_policy)
    return next((a for a in fitting if now < a.expires_at), None)


def judge_approvals(
    digest: Digest,
    scope: ApprovalScope,
    approvals: tuple[Approval, ...],
    *,
    quorum: int,
    now: datetime,
    rights: Mapping[str, bool | None] = MappingProxyType({}),
) -> Verdict:
    """Do these approvals unlock this digest now: right scope and digest, unexpired, by enough different people.

    `rights`: whether these approvers may still write, as read now; without that right, or where it could not be
    read (None), an approval does not count. One that policy gave counts for all of them: whether policy may still
    give it is judged apart (`autonomy.judging`).
    """
    fitting = [a for a in approvals if a.scope is scope and a.digest == digest]
    unexpired = approvers(approvals, scope, digest, now)
    people = frozenset(login for login in unexpired if rights.get(login, True))
    if given := policy_approval(approvals, scope, digest, now):
        return passed("approval", f"{scope.value} approved by policy ({given.basis})")
    if len(people) >= quorum:
        return passed("approval", f"{scope.value} approved by {', '.join(sorted(people))}")
    if without := sorted(login for login in unexpired if rights.get(login, True) is False):
        return blocked("approval", f"{', '.join(without)} approved, and has no right to write there now")
    if unsure := sorted(unexpired - people):
        return unknown("approval", f"whether {', '.join(unsure)} may still write there could not be read")
    if any(a.expires_at <= now for a in fitting):
        return blocked("approval", "an approval has expired")
    if not fitting and any(a.scope is scope for a in approvals):
        return blocked(
            "approval", "the approval is for another digest: what would be written has changed since"
        )
    return pending("approval", f"{len(people)} of {quorum} {scope.value} approvals")
