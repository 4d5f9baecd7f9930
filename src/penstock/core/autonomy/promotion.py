"""Policies that people promote: proposed with what they would have made of recorded changes, approved by somebody else,
in force until somebody takes them back.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from penstock.core.policy.confidence import upper_bound
from penstock.core.policy.layers import Layered
from penstock.core.policy.promoted import Candidate
from penstock.core.policy.rules import Policy, policy_digest
from penstock.core.refs import Actor, BlobRef, Digest
from penstock.core.routing.loading import Refused
from penstock.core.verdict import Verdict, all_of, blocked, check, passed, unknown

MILLION = 1_000_000


class Standing(StrEnum):
    """Where a promotion stands. TAKEN_BACK: before it was approved, or afterwards."""

    PROPOSED = "proposed"
    IN_FORCE = "in_force"
    TAKEN_BACK = "taken_back"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What a policy would have made of the recorded changes, in numbers of them. `policy` is its digest.

    Of those `approved` whose outcome is `known`, `broke` were taken back.
    """

    policy: Digest
    approved: int
    escalated: int
    blocked: int
    not_judged: int
    broke: int
    known: int
    upper_bound_ppm: int
    """The exact one-sided 95 % upper bound (Clopper and Pearson) of the rate at which what it approves breaks, in parts
    per million, rounded up; all of them where no outcome is known."""

    @property
    def judged(self) -> int:
        return self.approved + self.escalated + self.blocked


def bound_ppm(broke: int, known: int) -> int:
    """Parts per million, never less than the exact bound."""
    return min(int(upper_bound(broke, known) * MILLION) + 1, MILLION)


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Who said so, when, and why."""

    by: Actor
    at: datetime
    reason: BlobRef


@dataclass(frozen=True, slots=True, kw_only=True)
class Promotion:
    """`candidate` is the digest of its `text`, `stands_on` that of the policy above it, `figures.policy` that of both together.

    As a proposal it can be approved before `until`; once in force it has no end but being taken back.
    """

    id: str
    candidate: Digest
    stands_on: Digest
    text: BlobRef
    figures: Figures
    until: datetime
    proposed: Order
    approved: Order | None = None
    self_approved: bool = False
    shared_identity: bool = False
    taken_back: Order | None = None

    @property
    def standing(self) -> Standing:
        if self.taken_back:
            return Standing.TAKEN_BACK
        return Standing.IN_FORCE if self.approved else Standing.PROPOSED


def judge_candidate(candidate: Candidate, figures: Figures, now: datetime) -> Verdict:
    """May it be proposed: it changes something, and was tried, itself, on what is recorded."""
    today, then = candidate.stands_on.policy, candidate.layered.policy
    above = candidate.stands_on.expired(now)
    expired = [waiver for waiver in candidate.layered.expired(now) if waiver not in above]
    return all_of(
        "candidate",
        (
            _sure(candidate.stands_on),
            _tightens(today, then),
            check("waivers", expired[0] if expired else "none of its waivers has expired", holds=not expired),
            _tried(figures, policy_digest(then)),
        ),
    )


def _tightens(today: Policy, then: Policy) -> Verdict:
    if then == today:
        return blocked("tightens", "it demands nothing that is not demanded today")
    return passed("tightens", "it demands something that is not demanded today")


def _sure(today: Layered) -> Verdict:
    why = today.unsure[0] if today.unsure else "what is in force today is known"
    return check("policy_in_force", why, holds=None if today.unsure else True)


def _tried(figures: Figures, policy: Digest) -> Verdict:
    if figures.policy != policy:
        return blocked("backtest", "what was tried on recorded changes is another policy")
    if figures.judged:
        return passed("backtest", f"{figures.judged} recorded changes were judged by it")
    if figures.not_judged:
        return unknown("backtest", f"none of {figures.not_judged} recorded changes could be judged by it")
    return blocked("backtest", "no recorded change has a patch set yet: there is nothing to try it on")


def judge_promotion(promotion: Promotion, kept: Candidate | Refused, now: datetime) -> Verdict:
    """May this proposal be approved now: it waits, and is still what was tried, on what it was tried on.

    `kept`: its text as the ledger has it, under today's policy; or why there is no such candidate.
    """
    if why := _waits_no_more(promotion, now):
        return all_of("proposal", (blocked("waits", why),))
    if isinstance(kept, Refused):
        return all_of("proposal", (blocked("candidate", problem) for problem in kept.problems))
    return all_of("proposal", _unchanged(promotion, kept))


def _waits_no_more(promotion: Promotion, now: datetime) -> str:
    match promotion.standing:
        case Standing.IN_FORCE:
            return f"{promotion.id} is in force already"
        case Standing.TAKEN_BACK:
            return f"{promotion.id} was taken back"
        case Standing.PROPOSED:
            over = f"{promotion.id} expired at {promotion.until:%Y-%m-%d %H:%M} UTC; propose it anew"
            return over if now >= promotion.until else ""


def _unchanged(promotion: Promotion, kept: Candidate) -> tuple[Verdict, ...]:
    if kept.digest != promotion.candidate:
        return (blocked("candidate", "its text is not the one that was proposed"),)
    if policy_digest(kept.stands_on.policy) != promotion.stands_on:
        return (blocked("stands_on", "the policy that it stands on has changed since; propose it anew"),)
    return (_sure(kept.stands_on), _tried(promotion.figures, policy_digest(kept.layered.policy)))
