"""Decisions and writes as the flows make them, by the real TAP decision and the real gate, in a world of a few words."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from functools import lru_cache

from tests.scripted import NOW, REPOS, Names, head_of, ref, sha, tree_of, written

from penstock.core.approval import Approval, ApprovalScope, judge_approvals
from penstock.core.change import events as e
from penstock.core.change.effects import Decide, Write
from penstock.core.change.model import ENDS, Action, Change, Lane, LegName, State
from penstock.core.policy.rules import MergeMethod, Toggles
from penstock.core.refs import BlobRef, Sha
from penstock.core.tap import (
    Heads,
    Rules,
    Standing,
    TapDecision,
    decide_content,
    decide_merge,
    decide_notice,
    decide_withdrawal,
)
from penstock.core.verdict import Verdict, blocked, check, passed
from penstock.core.write import (
    AuthorizedWrite,
    CloseIssue,
    Comment,
    Content,
    Merge,
    OpenPull,
    PlaceTag,
    Refusal,
    Rerun,
    Revert,
    Wanted,
    Withdraw,
    authorize,
    subject_of,
)
from penstock.flows import writing


class _Names(Names):
    def get(self, _: BlobRef) -> str | None:
        return None


TEXTS = _Names()
APPROVED = frozenset({Action.BRANCH, Action.PULL_REQUEST, Action.ROLLBACK_POINT, Action.MERGE})
"""What is written only with somebody's approval of exactly that."""


class Weather(StrEnum):
    """How the world is when a decision reads it."""

    FAIR = "fair"
    KILLED = "the kill switch is set"
    FORBIDDEN = "today's policy says no"
    BLIND = "the base cannot be read"
    MOVED = "the base has moved"
    RED = "the checks are red now"
    DEMOTED = "who approved may not write there any more"
    LEAKING = "its texts have a secret"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """All that a decision on one write rests on. `there`: the head that the forge has on the change's branch."""

    action: Action
    leg: LegName
    notice: str
    lane: Lane | None
    approvals: tuple[Approval, ...]
    quorum: int
    over: bool
    now: datetime
    there: Sha | None


def asked(change: Change, effect: Decide | Write, there: Sha | None, now: datetime) -> Asked:
    return Asked(
        action=effect.action,
        leg=effect.leg,
        notice=effect.notice,
        lane=change.lane(effect.repo) if effect.repo else None,
        approvals=change.approvals,
        quorum=change.terms.quorum,
        over=change.ending is not None or change.state in ENDS | {State.ROLLING_BACK},
        now=now,
        there=there,
    )


def decide(about: Asked, effect: Decide, weather: Weather) -> e.Event:
    """What is recorded of a decision."""
    return _told(about, replace(effect, key="", due=None), weather)


def write(
    about: Asked, change: Change, effect: Write, weather: Weather, *, stopped: bool = False
) -> tuple[AuthorizedWrite | Refusal | None, e.Event]:
    """What the gate says, and what is recorded. None: it was not even asked, since the decision is on something else."""
    case = _case(about, weather)
    recorded = writing._recorded(change, effect, case.wanted)
    if effect.repo and not recorded:
        return None, _told(about, replace(effect, key="", due=None), weather)
    minted = authorize(
        case.wanted, decision=case.decision, recorded=recorded, key=effect.key, stopped=stopped
    )
    if isinstance(minted, Refusal):
        return minted, writing._refused(effect, case.moved or "refused", ref("refusal"))
    return minted, written(effect, change)


def forget() -> None:
    """Decisions are remembered; where what decides was changed, they must be taken anew."""
    _told.cache_clear()
    _case.cache_clear()


def lets_through(about: Asked, weather: Weather) -> bool:
    """Would the gate mint this write, were its decision on record."""
    case = _case(about, weather)
    minted = authorize(case.wanted, decision=case.decision, recorded=True, key="", stopped=False)
    return isinstance(minted, AuthorizedWrite)


@lru_cache(1 << 16)
def _told(about: Asked, effect: Decide | Write, weather: Weather) -> e.Event:
    return writing._decided(_case(about, weather), effect, TEXTS)


@lru_cache(1 << 16)
def _case(about: Asked, weather: Weather) -> writing.Case:
    wanted = _wanted(about)
    heads, decision = _heads(about, wanted, weather), _decision(about, wanted, weather)
    bound = about.action in APPROVED
    return writing.Case(
        wanted=wanted, decision=decision, moved=writing._heads_moved(heads) if bound and heads else ""
    )


def _wanted(about: Asked) -> Wanted:
    lane = about.lane
    if lane is None:
        if about.action is Action.CLOSE_ISSUE:
            return CloseIssue(repo=REPOS[0], number=7)
        return Comment(repo=REPOS[0], number=7, body="words", marker=about.notice)
    leg, branch = lane.leg(about.leg), f"penstock/c{'' if about.leg is LegName.FORWARD else '-revert'}"
    head = leg.head or head_of(lane, about.leg)
    match about.action:
        case Action.BRANCH:
            assert lane.patch_set
            kind = Content if about.leg is LegName.FORWARD else Revert
            return kind(
                repo=lane.repo,
                branch=branch,
                expected_head=leg.head,
                parents=(leg.head or lane.patch_set.base_commit,),
                base_tree=sha("base tree"),
                tree=tree_of(lane, about.leg),
                edits=(),
                message="words",
                at=NOW,
            )
        case Action.PULL_REQUEST:
            return OpenPull(
                repo=lane.repo,
                branch=branch,
                base_ref=lane.base_ref,
                expected_head=head,
                title="words",
                body="words",
                labels=(),
                draft=False,
            )
        case Action.ROLLBACK_POINT:
            return PlaceTag(repo=lane.repo, tag="before", commit=sha("base", lane.repo.name))
        case Action.MERGE:
            return Merge(
                repo=lane.repo,
                number=leg.pull or 0,
                base_ref=lane.base_ref,
                expected_head=head,
                method=MergeMethod.SQUASH,
                title="words",
                message="words",
            )
        case Action.RERUN:
            return Rerun(repo=lane.repo, head=head, since=leg.rerun or NOW)
        case _:
            return Withdraw(repo=lane.repo, branch=branch, head=leg.head, number=leg.pull)


def _decision(about: Asked, wanted: Wanted, weather: Weather) -> TapDecision:
    """As `flows.writing` puts its questions together."""
    subject, rules, heads = subject_of(wanted), _rules(about, weather), _heads(about, wanted, weather)
    if heads is None or about.action is Action.RERUN:
        return decide_notice(subject, rules, posted_today=0, ceiling=9)
    if about.action is Action.WITHDRAW:
        return decide_withdrawal(subject, rules, heads, over=about.over)
    standing = _standing(about, weather)
    if about.action not in {Action.ROLLBACK_POINT, Action.MERGE}:
        return decide_content(subject, rules, heads, standing)
    checks = check("G5", "green", holds=weather is not Weather.RED or about.action is not Action.MERGE)
    authority = judge_approvals(
        standing.digest,
        ApprovalScope.CONTENT if about.leg is LegName.INVERSE else ApprovalScope.MERGE,
        standing.approvals,
        quorum=standing.quorum,
        now=standing.now,
        rights=standing.rights,
    )
    return decide_merge(subject, rules, heads, checks, authority=authority, approvals=())


def _rules(about: Asked, weather: Weather) -> Rules:
    """What brings no new content in is not judged by today's policy."""
    current: Verdict = passed("today")
    if weather is Weather.FORBIDDEN and about.action in APPROVED and about.leg is LegName.FORWARD:
        current = blocked("today", "no")
    return Rules(
        toggles=Toggles(autonomy=weather is not Weather.KILLED),
        policy_digest=ref("policy"),  # type: ignore[arg-type]  # a digest, too
        pinned_allows=passed("pinned"),
        current_allows=current,
        secrets=("a-rule",) if weather is Weather.LEAKING and about.action is not Action.WITHDRAW else (),
    )


def _heads(about: Asked, wanted: Wanted, weather: Weather) -> Heads | None:
    lane = about.lane
    if lane is None:
        return None
    leg = lane.leg(about.leg)
    preview = leg.preview.base_commit if leg.preview else sha("no preview")
    base = preview if about.action in {Action.ROLLBACK_POINT, Action.MERGE} else sha("base", lane.repo.name)
    fresh = about.leg is LegName.INVERSE and about.action in {Action.BRANCH, Action.PULL_REQUEST}
    now = None if weather is Weather.BLIND else sha("pushed") if weather is Weather.MOVED else base
    there = about.there
    if isinstance(wanted, Content) and there == head_of(lane, about.leg):
        there = leg.head  # the branch holds already what is wanted
    return Heads(
        repository_unchanged=weather is not Weather.BLIND,
        base_commit=now,
        expected_base=now if fresh else base,
        branch_head=there,
        expected_head=leg.head,
    )


def _standing(about: Asked, weather: Weather) -> Standing:
    assert about.lane
    assert about.lane.patch_set
    preview = about.lane.leg(about.leg).preview
    back = about.leg is LegName.INVERSE
    merges = about.action in {Action.ROLLBACK_POINT, Action.MERGE} and not back
    people = {approval.by.login for approval in about.approvals}
    return Standing(
        digest=preview.digest if merges and preview else about.lane.patch_set.digest,
        approvals=about.approvals,
        quorum=about.quorum,
        now=NOW if back else about.now,  # taking back what has expired since is still what was approved
        rights=dict.fromkeys(people, weather is not Weather.DEMOTED) if not back else {},
    )
