"""Every history of a change, with at most so many disturbances: the real `apply`, `next_effects` and `authorize`.

A state is the change, what was performed and is not recorded yet, what people have approved so far, and what the forge
has. Steps that are as they should be cost nothing and are followed until nothing new comes; whatever goes wrong, and
whatever people do on a whim, costs one of the disturbances. States that differ only in counters, which are part of keys
and of nothing else, are one.
"""

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from tests.core.gated import APPROVED, Asked, Weather, asked, decide, write
from tests.scripted import (
    ADA,
    CHANGE,
    NOW,
    REPOS,
    Names,
    approval,
    created,
    gates,
    head_of,
    lane_of,
    merged,
    observed,
    passed,
    planned,
    proposed,
    rebased,
    ref,
    sha,
    success,
)

from penstock.core.approval import ApprovalScope, CarriedOver
from penstock.core.change import events as e
from penstock.core.change.effects import (
    Decide,
    Effect,
    EvaluateGates,
    Observe,
    Plan,
    Propose,
    TriageSignal,
    Write,
)
from penstock.core.change.fold import apply
from penstock.core.change.model import ENDS, Action, Change, Lane, Leg, LegName, State
from penstock.core.change.next import Await, next_effects
from penstock.core.change.proposing import open_digests
from penstock.core.change.table import PARKED
from penstock.core.policy.rules import Verify
from penstock.core.proposal import patch_set_digest
from penstock.core.refs import Actor, NodeId, Sha
from penstock.core.verdict import Outcome
from penstock.core.write import AuthorizedWrite, Content, Refusal

TEXTS = Names()
BEN = Actor(login="ben")
LATER = NOW + timedelta(days=20)
"""When every approval that was given before has expired."""
AFTERWARDS = frozenset({Action.WITHDRAW, Action.COMMENT, Action.CLOSE_ISSUE})
Given = frozenset[tuple[ApprovalScope, str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What the forge has of one leg of one repository."""

    head: Sha | None = None
    open: bool = False
    merged: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """One state of everything. `running`: (repository, outcome that is not recorded yet). `given`: approvals ever recorded."""

    change: Change
    running: frozenset[tuple[NodeId | None, e.Event]] = frozenset()
    given: Given = frozenset()
    forge: frozenset[tuple[NodeId, LegName, Place]] = frozenset()

    def there(self, repo: NodeId, leg: LegName) -> Place:
        return next((place for node, name, place in self.forge if (node, name) == (repo, leg)), Place())

    def with_place(self, repo: NodeId, leg: LegName, place: Place) -> "Moment":
        others = {entry for entry in self.forge if entry[:2] != (repo, leg)}
        return replace(self, forge=frozenset({*others, (repo, leg, place)}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How much there is of everything. `disturbances`: how often anything is other than it should be."""

    repositories: int
    disturbances: int
    quorum: int = 1
    verify: Verify = Verify.STAGED


@dataclass(slots=True, kw_only=True)
class Explored:
    states: int = 0
    transitions: int = 0
    minted: int = 0
    refused: int = 0
    reached: set[State]


class BrokenError(AssertionError):
    """An invariant does not hold; the words say which, and where."""


def check(holds: object, what: str, moment: Moment) -> None:
    if not holds:
        raise BrokenError(f"{what}: in {moment.change.state}, {moment}")


def explore(bounds: Bounds) -> Explored:
    """All of it. Raises BrokenError at the first state or step that must not be."""
    explorer = _Explorer(bounds)
    explorer.run()
    return explorer.explored


class _Explorer:
    def __init__(self, bounds: Bounds) -> None:
        self.bounds = bounds
        self.explored = Explored(reached=set())
        self._over: set[Change] = set()
        """Changes that are known to end once they are cancelled and nothing more goes wrong."""

    def run(self) -> None:
        terms = {"quorum": self.bounds.quorum, "verify": self.bounds.verify}
        bounded = {"auto_fix_attempts": 1, "max_failures": 1, "max_rounds": 1, "max_updates": 1}
        event = replace(created(TEXTS, signal="issue:R_lib:7", **terms, **bounded), issue=None)
        start = Moment(change=_plain(apply(None, _entry(event, NOW))))
        seen, level = {start}, [start]
        for left in range(self.bounds.disturbances, -1, -1):
            following: list[Moment] = []
            while level:
                moment = level.pop()
                self._stand(moment)
                for cost, after in self._steps(moment, left):
                    self.explored.transitions += 1
                    if after not in seen:
                        seen.add(after)
                        (following if cost else level).append(after)
            level = following
        self.explored.states = len(seen)

    # Steps.

    def _steps(self, moment: Moment, left: int) -> Iterator[tuple[int, Moment]]:
        """What costs more than what is `left` is not done."""
        for running in moment.running:
            rest = replace(moment, running=moment.running - {running})
            yield 0, self._recorded(rest, running[1])
            if left:
                yield 1, rest  # the worker died with it
        busy = {repo for repo, _ in moment.running}
        for effect in _wanted(moment.change):
            if effect.repo not in busy:
                for cost, event, after in self._performed(moment, effect):
                    if cost <= left:
                        yield cost, replace(after, running=after.running | {(effect.repo, event)})
        for cost, event, at in _from_people(moment, self.bounds):
            if cost <= left:
                yield cost, self._recorded(moment, event, at)

    def _recorded(self, moment: Moment, event: e.Event, at: datetime | None = None) -> Moment:
        before = moment.change
        now = at or before.updated_at
        change = _plain(apply(before, _entry(event, now)))
        given = moment.given
        if isinstance(event, e.ApprovalRecorded) and change.approvals != before.approvals:
            mine = event.approval
            given |= {(mine.scope, mine.digest, mine.by.login)}
        if isinstance(event, e.GatesEvaluated) and not change.refused:
            given |= _carried(given, event.carried)
        after = replace(moment, change=change, given=given)
        _check_step(moment, event, after)
        return after

    def _performed(self, moment: Moment, effect: Effect) -> Iterator[tuple[int, e.Event, Moment]]:
        """Outcomes of one effect, the good one first, each with what it leaves at the forge."""
        change = moment.change
        failed = e.EffectFailed(
            effect="", repo=effect.repo, reason="unreachable", due_at=NOW, detail=ref("failed")
        )
        yield 1, failed, moment
        yield 1, e.NeedsHuman(reason="bug", repo=effect.repo, detail=ref("bug")), moment
        match effect:
            case TriageSignal():
                yield 0, e.TriageDecided(decision=e.Triage.GO, recipe="rename", verdict=ref("G0")), moment
                for decision in (e.Triage.NO_GO, e.Triage.DEFER):
                    yield 1, e.TriageDecided(decision=decision, recipe="", verdict=ref("G0")), moment
            case Plan():
                good = planned(TEXTS)
                yield 0, replace(good, repos=good.repos[: self.bounds.repositories]), moment
                yield 1, planned(TEXTS, Outcome.UNKNOWN), moment
            case Propose(repo=repo):
                yield from ((cost, event, moment) for cost, event in _proposals(lane_of(change, repo)))
            case EvaluateGates():
                yield from ((cost, event, moment) for cost, event in _gated(change))
            case Decide():
                yield from self._decided(moment, effect)
            case Write():
                yield from self._written(moment, effect)
            case Observe():
                yield from _observed(moment, effect)

    def _decided(self, moment: Moment, effect: Decide) -> Iterator[tuple[int, e.Event, Moment]]:
        about = self._about(moment, effect)
        for weather in Weather:
            event = decide(about, effect, weather)
            if weather in {Weather.KILLED, Weather.LEAKING} and effect.action in APPROVED:
                allowed = isinstance(event, e.TapDecided) and event.allowed
                check(not allowed, f"{effect.action} allowed although {weather}", moment)
            yield int(weather is not Weather.FAIR), event, moment
        yield from _outrun(moment, effect)

    def _about(self, moment: Moment, effect: Decide | Write) -> Asked:
        place = moment.there(effect.repo, effect.leg) if effect.repo else Place()
        return asked(moment.change, effect, place.head, moment.change.updated_at)

    def _written(self, moment: Moment, effect: Write) -> Iterator[tuple[int, e.Event, Moment]]:
        assert effect.repo, "without an issue there are no notices"
        about, place = self._about(moment, effect), moment.there(effect.repo, effect.leg)
        done = _done_already(moment, effect, place)
        if done:
            yield 0, done, moment
            return
        yield from _outrun(moment, effect)
        for weather in Weather:
            minted, event = write(about, moment.change, effect, weather)
            cost = int(weather is not Weather.FAIR)
            if isinstance(minted, AuthorizedWrite):
                self.explored.minted += 1
                check(weather is not Weather.KILLED, f"{effect.action} in spite of the kill switch", moment)
                _check_authority(moment, effect, minted)
                yield cost, event, _landed(moment, effect, place)
                yield from _refused_there(moment, effect)
                stopped, _ = write(about, moment.change, effect, weather, stopped=True)
                check(isinstance(stopped, Refusal), "written although told to stop", moment)
            else:
                self.explored.refused += 1
                yield cost, event, moment

    # What must hold.

    def _stand(self, moment: Moment) -> None:
        """Of a state."""
        change, found = moment.change, next_effects(moment.change)
        self.explored.reached.add(change.state)
        if found is None:
            check(change.state in ENDS, "it wants nothing, and waits for nothing", moment)
        if change.state in ENDS:
            check(not isinstance(found, Await), "ended, and it waits", moment)
        for lane in change.lanes:
            check(lane.updates <= change.terms.max_updates, "brought up to date without end", moment)
        for effect in _wanted(change):
            if isinstance(effect, Propose):
                check(
                    not lane_of(change, effect.repo).forward.merged, "proposed anew although merged", moment
                )
            if isinstance(effect, Write) and effect.repo and effect.action in APPROVED:
                check(
                    effect.action in lane_of(change, effect.repo).leg(effect.leg).intents, "no intent", moment
                )
        _check_nothing_lost(moment)
        if not moment.running:
            self._check_it_ends(moment)

    def _check_it_ends(self, moment: Moment) -> None:
        """Cancelled now, it comes to an end, if nothing more goes wrong."""
        change = moment.change
        passed_by: list[Change] = []
        for _ in range(60):
            if change in self._over or (change.state in ENDS and not _wanted(change)):
                self._over.update(passed_by)
                return
            passed_by.append(change)
            change = _plain(apply(change, _entry(_towards_the_end(change), change.updated_at)))
        check(False, "cancelled, and it does not end", moment)


def _towards_the_end(change: Change) -> e.Event:
    if change.state in PARKED and change.ending is not None:
        return e.Resumed(by=ADA, stale=())
    if change.ending is None and change.state not in ENDS:
        return e.Cancelled(by=ADA, rollback=False, words=ref("stop"))
    effect = next((effect for effect in _wanted(change)), None)
    assert effect is not None, f"{change.state} is no end, and nothing is left to do"
    return success(effect, change, TEXTS) or passed(change, effect, TEXTS)  # type: ignore[arg-type]


def _entry(event: e.Event, at: datetime) -> e.Entry:
    return e.Entry(change=CHANGE, n=1, at=at, key="k", event=event)


def _wanted(change: Change) -> tuple[Effect, ...]:
    found = next_effects(change)
    return found if isinstance(found, tuple) else ()


def _plain(change: Change) -> Change:
    """Without what only counts: keys are made of it, and nothing is decided by it."""
    return replace(
        change,
        since=NOW,
        lanes=tuple(_plain_lane(lane) for lane in change.lanes),
        generation=0,
        revoked=0,
        refused=0,
        trouble=replace(change.trouble, tries=0, retry_at=None, since=None),
        approvals=tuple(sorted(change.approvals, key=lambda given: given.id)),
        detail=None,
        feedback=None,
    )


def _plain_lane(lane: Lane) -> Lane:
    trouble, forward, inverse = lane.trouble, lane.forward, lane.inverse
    if trouble.tries or trouble.retry_at or trouble.since:
        lane = replace(lane, trouble=replace(trouble, tries=0, retry_at=None, since=None))
    if forward.looks:
        lane = replace(lane, forward=replace(forward, looks=0))
    return replace(lane, inverse=replace(inverse, looks=0)) if inverse.looks else lane


def _gated(change: Change) -> Iterator[tuple[int, e.Event]]:
    """The answer about something else is the last."""
    yield 0, gates(change, TEXTS)
    if any(lane.rebased for lane in change.lanes):
        yield 1, gates(change, TEXTS, carry=Outcome.BLOCK)
    for outcome in (Outcome.BLOCK, Outcome.UNKNOWN):
        yield 1, gates(change, TEXTS, outcome)
    yield 1, replace(gates(change, TEXTS), digests=())


def _proposals(lane: Lane) -> Iterator[tuple[int, e.Event]]:
    """Another one than was sent back; the same again, or none, is what should not be."""
    versions = [proposed(lane, TEXTS, version) for version in (0, 1)]
    fresh = next(v for v in versions if v.patch_set and v.patch_set.digest != lane.previous)
    for version in versions:
        yield int(version is not fresh), version
    yield 1, replace(fresh, patch_set=None)


def _observed(moment: Moment, effect: Observe) -> Iterator[tuple[int, e.Event, Moment]]:
    change, repo, leg = moment.change, effect.repo, effect.leg
    lane, place = lane_of(change, repo), moment.there(repo, leg)
    head = lane.leg(leg).head or sha("none")
    pushed = sha("pushed")
    good = observed(effect, change, TEXTS)
    if place.merged:
        yield 0, merged(lane, leg, place.head or head, by=ADA), moment
        return
    if good:
        yield 0, good, moment
    yield 1, passed(change, effect, TEXTS, 1), moment
    yield 1, e.CiFailed(repo=repo, leg=leg, head=head, checks=(), diagnosis=ref("red")), moment
    yield 1, e.CiTimedOut(repo=repo, leg=leg, head=head, detail=ref("late")), moment
    yield 1, e.ChecksStale(repo=repo, leg=leg, head=head), moment
    yield 1, e.HeadMoved(repo=repo, leg=leg, head=pushed), moment
    yield 1, e.PullClosed(repo=repo, leg=leg), moment
    yield 1, e.MergeRefused(repo=repo, leg=leg, reason="conflict", detail=ref("conflict")), moment
    if place.open:
        by_hand = moment.with_place(repo, leg, replace(place, open=False, merged=True))
        yield 1, merged(lane, leg, head, by=ADA), by_hand
        yield 1, merged(lane, leg, pushed, by=ADA), by_hand


def _outrun(moment: Moment, effect: Decide | Write) -> Iterator[tuple[int, e.Event, Moment]]:
    """The base moved: what was approved is the same there, or its paths were touched and the branch has to follow."""
    if effect.leg is LegName.INVERSE or effect.action not in {
        Action.BRANCH,
        Action.ROLLBACK_POINT,
        Action.MERGE,
    }:
        return
    assert effect.repo
    repo, detail = effect.repo, ref("outrun")
    lane = lane_of(moment.change, repo)
    if lane.patch_set:
        yield 1, rebased(lane), moment
    if effect.action is not Action.BRANCH:
        yield 1, e.MergeRefused(repo=repo, leg=effect.leg, reason="overtaken", detail=detail), moment
    elif lane.forward.head:
        yield 1, e.ApplyRefused(repo=repo, leg=effect.leg, reason="overtaken", detail=detail), moment


def _carried(given: Given, carried: tuple[CarriedOver, ...]) -> Given:
    """What was given before, for what is provably the same."""
    now = {one.before: one.now for one in carried if one.outcome is Outcome.PASS}
    return frozenset((scope, now[digest], who) for scope, digest, who in given if digest in now)  # type: ignore[index]


def _done_already(moment: Moment, effect: Write, place: Place) -> e.Event | None:
    """What an earlier try left, whose outcome was never recorded: it is looked for first."""
    assert effect.repo
    lane = lane_of(moment.change, effect.repo)
    leg = lane.leg(effect.leg)
    match effect.action:
        case Action.BRANCH if place.head == head_of(lane, effect.leg) != leg.head:
            return success(effect, moment.change, TEXTS)
        case Action.MERGE if place.merged:
            return merged(lane, effect.leg, place.head or sha("none"))
        case Action.WITHDRAW if place.merged and not leg.merged:
            return merged(lane, effect.leg, place.head or sha("none"))
        case _:
            return None


def _landed(moment: Moment, effect: Write, place: Place) -> Moment:
    assert effect.repo
    lane = lane_of(moment.change, effect.repo)
    match effect.action:
        case Action.BRANCH:
            place = replace(place, head=head_of(lane, effect.leg))
        case Action.PULL_REQUEST:
            place = replace(place, open=True)
        case Action.MERGE:
            place = replace(place, open=False, merged=True)
        case Action.WITHDRAW:
            place = replace(place, open=False, head=None)
        case _:
            pass
    return moment.with_place(effect.repo, effect.leg, place)


def _refused_there(moment: Moment, effect: Write) -> Iterator[tuple[int, e.Event, Moment]]:
    """The gate let it through, and the forge would not have it."""
    assert effect.repo
    repo, leg, detail = effect.repo, effect.leg, ref("refused")
    if effect.action in {Action.ROLLBACK_POINT, Action.MERGE}:
        for reason in ("base_moved", "conflict", "protected", "behind"):
            yield 1, e.MergeRefused(repo=repo, leg=leg, reason=reason, detail=detail), moment
        if effect.action is Action.MERGE:
            lane, place = lane_of(moment.change, repo), moment.there(repo, leg)
            unfaithful = merged(lane, leg, lane.leg(leg).head or sha("none"), faithful=False)
            yield 1, unfaithful, moment.with_place(repo, leg, replace(place, open=False, merged=True))
    elif leg is LegName.INVERSE and effect.action is not Action.WITHDRAW:
        yield 1, e.RollbackFailed(repo=repo, reason="protected", detail=detail), moment
    elif effect.action in {Action.BRANCH, Action.PULL_REQUEST}:
        yield 1, e.ApplyRefused(repo=repo, leg=leg, reason="protected", detail=detail), moment
        yield 1, e.HeadMoved(repo=repo, leg=leg, head=None), moment


def _from_people(moment: Moment, bounds: Bounds) -> Iterator[tuple[int, e.Event, datetime | None]]:
    change = moment.change
    yield from _approvals(moment, bounds)
    for given in change.approvals:
        yield 1, e.ApprovalRevoked(approval=given.id, by=ADA), None
    for lane in change.shipping:
        assert lane.patch_set
        digest = lane.patch_set.digest
        if change.state is State.WAITING_USER_APPROVAL:
            yield 1, e.ChangesRequested(digest=digest, by=ADA, words=ref("no")), None
            yield 1, e.PatchSetRejected(digest=digest, by=ADA, words=ref("no")), None
        if change.state is State.DONE:
            yield 1, e.PostMergeFailed(repo=lane.repo.node_id, detail=ref("broken")), None
    if change.state in PARKED:
        yield 0, e.Resumed(by=ADA, stale=()), None
        for lane in change.lanes:
            yield 1, e.Resumed(by=ADA, stale=(lane.repo.node_id,)), None
    if change.state is State.DEFERRED:
        yield 0, e.Woken(by=ADA), None
    for rollback in (False, True):
        yield 1, e.Cancelled(by=ADA, rollback=rollback, words=ref("stop")), None
    yield 1, e.Superseded(successor=CHANGE), None
    yield 1, e.PolicyBlocked(repo=REPOS[0].node_id, reason="frozen", detail=ref("frozen")), None
    if change.updated_at < LATER:
        yield 1, e.Erased(blob=ref("anything"), by=ADA, reason=ref("why")), LATER


def _approvals(moment: Moment, bounds: Bounds) -> Iterator[tuple[int, e.Event, datetime | None]]:
    """Everybody approves what there is to approve; careless ones approve what was there before, or long ago."""
    change = moment.change
    now = change.updated_at
    standing = {(a.scope, a.digest, a.by.login) for a in change.approvals if now < a.expires_at}
    open_now = {scope: open_digests(change, scope) for scope in ApprovalScope}
    for who in (ADA, BEN)[: bounds.quorum]:
        for scope, digests in open_now.items():
            for digest in sorted(digests):
                if (scope, digest, who.login) not in standing:
                    yield 0, approval(digest, scope, by=who, at=now), None
    for lane in change.lanes:
        for version in (0, 1):
            patch = proposed(lane, TEXTS, version).patch_set
            assert patch
            if patch.digest not in open_now[ApprovalScope.CONTENT]:
                yield 1, approval(patch.digest, ApprovalScope.CONTENT, at=now), None
            yield 1, approval(patch.digest, ApprovalScope.CONTENT, by=BEN, at=NOW - timedelta(30)), None


def _check_authority(moment: Moment, effect: Write, minted: AuthorizedWrite) -> None:
    """Of a write that the gate let through: somebody approved exactly this, before."""
    change = moment.change
    if change.state in ENDS:
        check(effect.action in AFTERWARDS, f"{effect.action} after the end", moment)
    if effect.action not in APPROVED:
        return
    lane = lane_of(change, effect.repo)
    check(lane.patch_set, "a repository is written that takes no part", moment)
    assert lane.patch_set
    digest: str = lane.patch_set.digest
    wanted = minted.wanted
    if isinstance(wanted, Content) and effect.leg is LegName.FORWARD:
        digest = patch_set_digest(
            lane.repo, base_ref=lane.base_ref, base_commit=lane.patch_set.base_commit, tree=wanted.tree
        )
    merges = effect.action in {Action.ROLLBACK_POINT, Action.MERGE} and effect.leg is LegName.FORWARD
    _check_given(moment, ApprovalScope.CONTENT, digest, revocable=not merges)
    if merges:
        check(lane.forward.preview, "a merge without a preview", moment)
        assert lane.forward.preview
        _check_given(moment, ApprovalScope.MERGE, lane.forward.preview.digest)


def _check_given(moment: Moment, scope: ApprovalScope, digest: str, *, revocable: bool = True) -> None:
    """`revocable`: it must still stand. A merge stands on its own approval, once the content was let in."""
    people = {who for given, of, who in moment.given if (given, of) == (scope, digest)}
    check(len(people) >= moment.change.terms.quorum, f"written without an approval of its {scope}", moment)
    kept = {a.by.login for a in moment.change.approvals if (a.scope, a.digest) == (scope, digest)}
    stands = len(kept) >= moment.change.terms.quorum
    check(stands or not revocable, f"written on a revoked approval of its {scope}", moment)


def _check_step(moment: Moment, event: e.Event, after: Moment) -> None:
    before, change = moment.change, after.change
    if before.state in ENDS and change.state is not before.state:
        check(before.state in {State.DONE, State.CANCELLED}, f"{event.kind} moved an ended change", moment)
        check(change.any_merged, "nothing is left to take back", moment)
        back = {State.ROLLING_BACK, State.ROLLED_BACK, State.NEEDS_HUMAN}
        check(change.state in back, f"{event.kind} started an ended change anew", moment)
    if before.lanes:
        same = [lane.repo for lane in change.lanes] == [lane.repo for lane in before.lanes]
        check(same, "a repository was lost", after)
    for old, new in zip(before.lanes, change.lanes, strict=False):
        check(new.takes_part or not (old.takes_part and old.forward.merged), "a merged one left", after)
        check(new.forward.merged or not old.forward.merged, "a merge was forgotten", after)
        check(new.inverse.merged or not old.inverse.merged, "a merge back was forgotten", after)
    _check_kept(event, after)


def _check_kept(event: e.Event, after: Moment) -> None:
    """What was performed is on record afterwards, whatever happened meanwhile."""
    what = f"the outcome {event.kind} was dropped"
    match event:
        case e.PatchesApplied(repo=repo, leg=leg, head=head):
            check(_leg(after, repo, leg).head == head, what, after)
        case e.PullOpened(repo=repo, leg=leg, number=number):
            check(_leg(after, repo, leg).pull == number, what, after)
        case e.Merged(repo=repo, leg=leg, commit=commit):
            check(_leg(after, repo, leg).merged == commit, what, after)
        case e.RollbackPointPlaced(repo=repo, leg=leg):
            check(_leg(after, repo, leg).marked, what, after)
        case e.Withdrawn(repo=repo, leg=leg):
            check(_leg(after, repo, leg).withdrawn, what, after)


def _leg(moment: Moment, repo: NodeId, leg: LegName) -> Leg:
    return lane_of(moment.change, repo).leg(leg)


def _check_nothing_lost(moment: Moment) -> None:
    """What the forge has of a change, its record has, may have (an intent), or gave up by name."""
    busy = {repo for repo, _ in moment.running}
    for repo, name, place in moment.forge:
        leg = _leg(moment, repo, name)
        known = repo in busy or leg.head or leg.intents or (leg.withdrawn and moment.change.reason)
        check(known or not place.head, "a branch that no record knows", moment)
        check(
            repo in busy or leg.merged or leg.intents or not place.merged or leg.head, "a lost merge", moment
        )
        if moment.change.state in ENDS and not moment.running and not _wanted(moment.change):
            left = place.head and not place.merged
            check(not left or leg.withdrawn, "a branch stays behind, and was not given up", moment)


def main() -> int:
    """`python -m tests.core.exploring REPOSITORIES DISTURBANCES [QUORUM]`."""
    repositories, disturbances, *quorum = map(int, sys.argv[1:])
    began = time.process_time()
    found = explore(
        Bounds(repositories=repositories, disturbances=disturbances, quorum=quorum[0] if quorum else 1)
    )
    took = time.process_time() - began
    print(
        f"{found.states:,} states, {found.transitions:,} transitions, {found.minted:,} writes let through, "
        f"{found.refused:,} not, {len(found.reached)} of {len(State)} states of a change, {took:.1f} s"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
