"""Approvals: an explicit record that unlocks the writes of exactly one digest."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from penstock.core.ledger import canonical, sha256
from penstock.core.policy.rules import Policy, Separation
from penstock.core.refs import Actor, BlobRef, Digest
from penstock.core.verdict import ALLOWING, Outcome, Verdict, all_of, blocked, check, passed, pending, unknown

WRITERS = frozenset({"admin", "maintain", "write"})
"""The forge's names of permissions that include writing."""


class ApprovalScope(StrEnum):
    """CONTENT unlocks branch and pull request of a patch set; MERGE unlocks one merge."""

    CONTENT = "content"
    MERGE = "merge"


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """`digest` is a patch set's or a merge's. `self_approved`: by the requester; `shared_identity`: by Penstock's own.
    `carried_from`: id of the approval of the same patch on an earlier base. `review`: name of the review at the
    forge that it is; empty where it was given here."""

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
    carried_from: str = ""
    review: str = ""

    @property
    def by_policy(self) -> bool:
        return self.by.kind == "policy"


def without(approvals: tuple[Approval, ...], digest: Digest, scope: ApprovalScope) -> tuple[Approval, ...]:
    """The others, where those of one digest are void."""
    return tuple(a for a in approvals if (a.digest, a.scope) != (digest, scope))


@dataclass(frozen=True, slots=True, kw_only=True)
class CarriedOver:
    """That approvals of one digest are judged for another, which is the same patch on another base. `verdict` says why
    they count there, or why they are void."""

    before: Digest
    now: Digest
    outcome: Outcome
    verdict: BlobRef

    def onto(self, approvals: tuple[Approval, ...], scope: ApprovalScope) -> tuple[Approval, ...]:
        """The approvals as they are then. Who gave them, when, and until when stays; what is void is gone."""
        kept = without(approvals, self.before, scope)
        if self.outcome not in ALLOWING:
            return kept
        return (*kept, *(self._carried(a) for a in approvals if (a.digest, a.scope) == (self.before, scope)))

    def _carried(self, approval: Approval) -> Approval:
        name = sha256(canonical(["carried", approval.id, self.now])).removeprefix("sha256:")[:16]
        return replace(approval, id=f"a-{name}", digest=self.now, carried_from=approval.id)


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
        "approver",
        (_right(approver), judge_separation(approver, requester, policy), _own(approver, own_login)),
    )


def same_person(one: str, other: str) -> bool:
    """Logins are the same whatever their case."""
    return one.casefold() == other.casefold()


def _right(approver: Approver) -> Verdict:
    return check(
        "write_permission",
        f"{approver.actor.login} has write permission on the repository",
        holds=approver.may_write,
    )


def judge_separation(approver: Approver, requester: str, policy: Policy) -> Verdict:
    """`separation_of_duties`: may they approve what this person asked for."""
    if not same_person(approver.actor.login, requester):
        return passed("separation_of_duties", "approver and requester differ")
    if policy.separation is Separation.AUTO and approver.allow_listed == 1:
        return passed(
            "separation_of_duties", "the only allow-listed person approves their own request; recorded"
        )
    return blocked("separation_of_duties", f"{requester} asked for this, so somebody else must approve it")


def _own(approver: Approver, own_login: str | None) -> Verdict:
    if own_login is None or not same_person(approver.actor.login, own_login):
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


def on_terms(approvals: tuple[Approval, ...], policy: Policy) -> tuple[Approval, ...]:
    """As long as they hold by now: those of a policy that has become shorter since end earlier."""
    days = timedelta(days=policy.approval_days)
    return tuple(replace(a, expires_at=min(a.expires_at, a.at + days)) for a in approvals)


def judge_own_approvals(
    digest: Digest,
    scope: ApprovalScope,
    approvals: tuple[Approval, ...],
    *,
    people: frozenset[str],
    quorum: int,
    policy: Policy,
) -> Verdict | None:
    """Where somebody else must approve by now, whatever was asked when they approved: do enough others of the `people` whose
    approvals count. None where the requester's own approval is not needed, or counts."""
    given = [a for a in approvals if (a.digest, a.scope) == (digest, scope) and not a.by_policy]
    own = {a.by.login for a in given if a.self_approved}
    others = {a.by.login.casefold() for a in given if not a.self_approved and a.by.login in people}
    if policy.separation is Separation.AUTO or not own or len(others) >= quorum:
        return None
    return blocked(
        "separation_of_duties",
        f"{', '.join(sorted(own))} asked for this and approved it; by now somebody else must approve it",
    )


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
    if len({login.casefold() for login in people}) >= quorum:
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
