"""What another policy would have said: the same judges over the same facts, with only the policy exchanged."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from penstock.core.change.model import ENDS, Change, State
from penstock.core.policy.confidence import upper_bound
from penstock.core.policy.layers import Layered
from penstock.core.policy.rules import Tier, policy_digest
from penstock.core.refs import ChangeId, Digest
from penstock.core.risk import Risk, assess
from penstock.core.verdict import Outcome, Verdict
from penstock.flows.layering import bound_alike
from penstock.flows.world import World, diff_of, judged_whole
from penstock.ports import Permanent


class Answer(StrEnum):
    """What a policy makes of a change: nothing stands against it and its risk is low or medium; a person; never."""

    APPROVE = "approve"
    ESCALATE = "escalate"
    BLOCK = "block"


class Fate(StrEnum):
    """What became of a change. BROKE: it was merged, and taken back, wholly or in part, or was to be."""

    HELD = "held"
    BROKE = "broke"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Opinion:
    """A policy's judgement of one change."""

    verdict: Verdict
    risk: Risk

    @property
    def answer(self) -> Answer:
        if self.verdict.outcome is Outcome.BLOCK:
            return Answer.BLOCK
        easy = self.verdict.allows and self.risk.tier.rank <= Tier.MEDIUM.rank
        return Answer.APPROVE if easy else Answer.ESCALATE


def opinion(world: World, change: Change, policy: Layered) -> Opinion:
    """Each repository's own layer is under it, as it is under the policy in force.

    Raises Permanent `nothing_proposed`, or `no_object` where the mirror has lost the trees."""
    if not change.shipping:
        raise Permanent("nothing_proposed", f"{change.id} has no patch set to judge")
    lanes = tuple((lane, diff_of(world, lane)) for lane in change.shipping)
    bounds = {lane.repo.node_id: bound_alike(world, lane, policy) for lane in change.shipping}
    verdict = judged_whole(world, change, lanes, bounds, {})
    diffs = tuple(diff for _, diff in lanes)
    # What is over is tried as if it were to come: its own end must not be in the history that it is judged by.
    history = () if change.any_merged or change.state in ENDS else world.steering.of_its_kind(change)
    risk = assess(diffs, dependents=change.dependents, policy=policy.policy, history=history)
    return Opinion(verdict=verdict, risk=risk)


def fate_of(change: Change) -> Fate:
    taking_back = State.ROLLING_BACK in {change.state, change.resume_to}
    taken_back = taking_back or change.state is State.ROLLED_BACK
    if change.any_merged and (taken_back or any(lane.inverse.merged for lane in change.lanes)):
        return Fate.BROKE
    return Fate.HELD if change.state is State.DONE else Fate.NONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """One recorded change under a candidate; `problem`: why it could not be judged, which is no approval."""

    change: ChangeId
    fate: Fate
    answer: Answer | None
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backtest:
    """A candidate policy over recorded changes. `policy` is its digest."""

    policy: Digest
    tried: tuple[Tried, ...]

    def count(self, answer: Answer | None) -> int:
        return sum(one.answer is answer for one in self.tried)

    @property
    def outcomes(self) -> tuple[int, int]:
        """(broke, all) of those that it would have approved and whose fate is known."""
        known = [t for t in self.tried if t.answer is Answer.APPROVE and t.fate is not Fate.NONE]
        return sum(one.fate is Fate.BROKE for one in known), len(known)

    @property
    def bound(self) -> float:
        """Exact upper 95 % bound of the rate at which what it approves breaks; 1 without outcomes."""
        return upper_bound(*self.outcomes)


def backtest(world: World, changes: Iterable[Change], candidate: Layered) -> Backtest:
    """Every recorded change that has patch sets, in the order given."""
    tried = tuple(_tried(world, change, candidate) for change in changes if change.shipping)
    return Backtest(policy=policy_digest(candidate.policy), tried=tried)


def _tried(world: World, change: Change, candidate: Layered) -> Tried:
    fate = fate_of(change)
    try:
        return Tried(change=change.id, fate=fate, answer=opinion(world, change, candidate).answer)
    except Permanent as lost:
        return Tried(change=change.id, fate=fate, answer=None, problem=str(lost))
