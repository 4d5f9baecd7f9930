"""The state machine against hostile outcomes, careless people and late results: what must hold after every record."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from tests.core.gated import Weather, asked, lets_through
from tests.scripted import (
    ADA,
    CHANGE,
    NOW,
    REPOS,
    Names,
    approval,
    created,
    decided,
    gates,
    lane_of,
    merged,
    passed,
    planned,
    proposed,
    ref,
    sha,
    success,
)

from penstock.core.approval import ApprovalScope, CarriedOver
from penstock.core.change import events as e
from penstock.core.change.effects import (
    AskPolicy,
    Decide,
    Effect,
    EvaluateGates,
    Observe,
    Plan,
    Propose,
    TriageSignal,
    Watch,
    Write,
)
from penstock.core.change.fold import apply
from penstock.core.change.model import ENDS, Action, Change, Lane, LegName, State
from penstock.core.change.next import Await, is_settled, next_effects
from penstock.core.change.table import PARKED
from penstock.core.policy.rules import Mode, Tier, Verify
from penstock.core.proposal import patch_set_digest
from penstock.core.refs import Actor, Digest, NodeId, RepoRef
from penstock.core.verdict import ALLOWING, Outcome

TEXTS = Names()
CONTENT = frozenset({Action.BRANCH, Action.PULL_REQUEST, Action.MERGE})
AFTERWARDS = frozenset({Action.WITHDRAW, Action.COMMENT, Action.CLOSE_ISSUE})
STEP = timedelta(minutes=1)
BEN = Actor(login="ben")
RARELY = st.sampled_from((False,) * 9 + (True,))


def wanted(change: Change) -> tuple[Effect, ...]:
    found = next_effects(change)
    return found if isinstance(found, tuple) else ()


def failures(effect: Effect, at: datetime, nonce: int) -> list[e.Event]:
    """What can come of any effect: a failure to be retried, or a word for a person."""
    notice = effect.notice if isinstance(effect, Decide | Write) else ""
    failed = e.EffectFailed(
        effect=effect.key,
        repo=effect.repo,
        reason="unreachable",
        due_at=at + STEP,
        detail=ref(nonce),
        notice=notice,
    )
    if notice:
        return [failed]
    return [failed, e.NeedsHuman(reason="bug", repo=effect.repo, detail=ref(nonce))]


def best(effect: Effect, change: Change) -> e.Event:
    good = success(effect, change, TEXTS)
    if good is None:
        assert isinstance(effect, Observe)
        return passed(change, effect, TEXTS)
    return good


def outcomes(effect: Effect, change: Change, at: datetime, nonce: int) -> list[e.Event]:
    """Everything that performing an effect may honestly report, the good outcome first."""
    return [best(effect, change), *_others(effect, change, at, nonce), *failures(effect, at, nonce)]


def _others(effect: Effect, change: Change, at: datetime, nonce: int) -> list[e.Event]:
    match effect:
        case TriageSignal() | Plan() | Propose() | EvaluateGates():
            return _preparations(effect, change, at, nonce)
        case AskPolicy():
            return [_policy_declines(effect, nonce)]
        case Decide(notice="", repo=repo, leg=leg) if repo:
            denied = [decided(effect, TEXTS, outcome) for outcome in (Outcome.BLOCK, Outcome.UNKNOWN)]
            return [*denied, *_refusals(effect, repo, leg, nonce), *_rebased(effect, change, nonce)]
        case Decide():
            return [decided(effect, TEXTS, Outcome.BLOCK)]
        case Write():
            return _other_writes(effect, change, nonce)
        case Observe(repo=repo, leg=leg):
            return _observations(effect, change, repo, leg, nonce)
        case Watch():
            return [e.PostMergeFailed(repo=effect.repo, detail=ref(nonce))]


def _preparations(
    effect: TriageSignal | Plan | Propose | EvaluateGates, change: Change, at: datetime, nonce: int
) -> list[e.Event]:
    match effect:
        case TriageSignal():
            no = e.TriageDecided(decision=e.Triage.NO_GO, recipe="", verdict=ref(nonce))
            return [no, replace(no, decision=e.Triage.DEFER, wake_at=at + STEP)]
        case Plan():
            return [planned(TEXTS, Outcome.UNKNOWN)]
        case Propose():
            lane = lane_of(change, effect.repo)
            return [replace(proposed(lane, TEXTS, 0), patch_set=None), proposed(lane, TEXTS, nonce % 2)]
        case EvaluateGates():
            return _judged(change)


CARRYING = (Outcome.PASS, Outcome.BLOCK)


def carried(change: Change, outcome: Outcome) -> tuple[CarriedOver, ...]:
    """As the gates tell it of every patch set that was put on another base."""
    return tuple(
        CarriedOver(
            before=lane.rebased.digest, now=lane.patch_set.digest, outcome=outcome, verdict=ref("why")
        )
        for lane in change.shipping
        if lane.rebased and lane.patch_set
    )


def _judged(change: Change) -> list[e.Event]:
    good = gates(change, TEXTS)
    judged = [replace(good, carried=carried(change, outcome)) for outcome in CARRYING]
    plain = [gates(change, TEXTS, outcome) for outcome in (Outcome.BLOCK, Outcome.UNKNOWN, Outcome.WARN)]
    return [*plain, *judged, replace(good, carried=()), replace(judged[0], tier=Tier.HIGH)]


def _rebased(effect: Decide | Write, change: Change, nonce: int) -> list[e.Event]:
    """The base moved before a branch was written, or before its merge was where that is strict, and left its paths alone."""
    repo = effect.repo
    old = lane_of(change, repo).patch_set
    late = effect.action in {Action.BRANCH, Action.ROLLBACK_POINT, Action.MERGE}
    if old is None or repo is None or not late or effect.leg is LegName.INVERSE:
        return []
    base, tree = sha("base", nonce), sha("rebased", nonce)
    digest = patch_set_digest(REPOS[0], base_ref="main", base_commit=base, tree=tree)
    new = replace(old, base_commit=base, tree=tree, digest=digest)
    return [e.PatchSetRebased(repo=repo, previous=old.digest, patch_set=new, why=ref(nonce))]


def _carried_merges(change: Change, effect: Observe, nonce: int) -> list[e.Event]:
    """The merge that was offered, on another base: its approvals count, or are void."""
    leg = lane_of(change, effect.repo).leg(effect.leg)
    offered, now = leg.preview or leg.before, passed(change, effect, TEXTS, nonce)
    if offered is None or offered.digest == now.preview.digest:
        return []
    return [
        replace(
            now,
            carried=CarriedOver(
                before=offered.digest, now=now.preview.digest, outcome=outcome, verdict=ref("why")
            ),
        )
        for outcome in CARRYING
    ]


def _reviews(change: Change, lane: Lane, leg: LegName, nonce: int) -> list[e.Event]:
    """People review at the forge: it approves, is taken back, or is all that the branch waits for."""
    head, preview = lane.leg(leg).head or sha("none"), lane.leg(leg).preview
    plain = e.ReviewsObserved(repo=lane.repo.node_id, leg=leg, head=head, lacking=0)
    told: list[e.Event] = [plain, replace(plain, lacking=1)]
    if preview:
        given = approval(preview.digest, ApprovalScope.MERGE, by=BEN, days=365).approval
        told.append(
            replace(plain, approvals=(replace(given, id=f"review{nonce}", review=f"review-{nonce}"),))
        )
    reviewed = tuple(a.id for a in change.approvals if a.review)
    return [*told, replace(plain, gone=reviewed)] if reviewed else told


def _policy_declines(effect: AskPolicy, nonce: int) -> e.PolicyDeclined:
    return e.PolicyDeclined(
        scope=effect.scope,
        digest=effect.digest,
        repo=effect.repo,
        rules=("autonomy_held",),
        verdict=ref(nonce),
    )


def _other_writes(effect: Write, change: Change, nonce: int) -> list[e.Event]:
    if effect.notice or effect.repo is None:
        return [e.NoticePosted(notice=effect.notice, action=effect.action, given_up="locked")]
    lane = lane_of(change, effect.repo)
    unfaithful = merged(lane, effect.leg, lane.leg(effect.leg).head or sha("none"), faithful=False)
    also = [unfaithful] if effect.action is Action.MERGE else []
    return [*also, *_rebased(effect, change, nonce), *_refusals(effect, effect.repo, effect.leg, nonce)]


def _refusals(effect: Decide | Write, repo: NodeId, leg: LegName, nonce: int) -> list[e.Event]:
    """As the flows report a write that the forge, or the facts before it, refused."""
    detail = ref(nonce)
    if effect.action in {Action.ROLLBACK_POINT, Action.MERGE}:
        reasons = ("base_moved", "conflict", "verification_stale", "protected", "behind", "overtaken")
        return [e.MergeRefused(repo=repo, leg=leg, reason=reason, detail=detail) for reason in reasons]
    if leg is LegName.INVERSE and effect.action is not Action.WITHDRAW:
        return [e.RollbackFailed(repo=repo, reason="base_moved", detail=detail)]
    refused = [
        e.ApplyRefused(repo=repo, leg=leg, reason=reason, detail=detail)
        for reason in ("base_moved", "overtaken")
    ]
    moved = e.HeadMoved(repo=repo, leg=leg, head=None)
    return [*refused, moved] if effect.action is Action.BRANCH else [moved]


def _observations(effect: Observe, change: Change, repo: NodeId, leg: LegName, nonce: int) -> list[e.Event]:
    head = lane_of(change, repo).leg(leg).head or sha("none")
    lane = lane_of(change, repo)
    return [
        passed(change, effect, TEXTS, nonce),
        *_carried_merges(change, effect, nonce),
        replace(passed(change, effect, TEXTS, nonce), lacking=1),
        *_reviews(change, lane, leg, nonce),
        e.CiObserved(repo=repo, leg=leg, head=head),
        e.CiFailed(repo=repo, leg=leg, head=head, checks=(), diagnosis=ref(nonce)),
        e.CiTimedOut(repo=repo, leg=leg, head=head, detail=ref(nonce)),
        e.ChecksStale(repo=repo, leg=leg, head=head),
        e.HeadMoved(repo=repo, leg=leg, head=sha("pushed", nonce)),
        e.PullClosed(repo=repo, leg=leg),
        e.MergeRefused(repo=repo, leg=leg, reason="conflict", detail=ref(nonce)),
        merged(lane, leg, head, by=ADA),
        merged(lane, leg, sha("pushed", nonce), by=ADA),
    ]


class Machine(RuleBasedStateMachine):
    """One change's life. Effects run at the same time, at most one per repository, and may land after anything."""

    def __init__(self) -> None:
        super().__init__()
        self.log: list[e.Entry] = []
        self.running: dict[NodeId | None, tuple[Effect, Change]] = {}
        self.nonce = 0
        self.change: Change

    @initialize(
        mode=st.sampled_from((Mode.SUPERVISED, Mode.AUTONOMOUS)),
        verify=st.sampled_from(Verify),
        fixes=st.integers(0, 2),
        quorum=st.integers(1, 2),
        head_start=st.integers(0, 60),
    )
    def start(self, mode: Mode, verify: Verify, fixes: int, quorum: int, head_start: int) -> None:
        event = created(
            TEXTS, mode=mode, verify=verify, auto_fix_attempts=fixes, quorum=quorum, max_failures=3
        )
        self.change = apply(None, self.entry("created", event))
        self.go_well(head_start)

    def entry(self, key: str, event: e.Event) -> e.Entry:
        n = len(self.log) + 1
        entry = e.Entry(change=CHANGE, n=n, at=NOW + n * STEP, key=key, event=event)
        self.log.append(entry)
        return entry

    def append(self, key: str, event: e.Event) -> None:
        assert key not in self.keys, f"{key} was recorded before"
        before, entry = self.change, self.entry(key, event)
        self.change = apply(before, entry)
        assert self.change.n == entry.n
        self.check_step(before, event)

    @property
    def keys(self) -> set[str]:
        return {entry.key for entry in self.log}

    def fresh(self) -> int:
        self.nonce += 1
        return self.nonce

    # What workers do.

    @rule(data=st.data())
    def begin(self, data: st.DataObject) -> None:
        free = [effect for effect in wanted(self.change) if effect.repo not in self.running]
        if free:
            effect = data.draw(st.sampled_from(free))
            self.running[effect.repo] = (effect, self.change)

    @rule(data=st.data())
    def hit(self, data: st.DataObject) -> None:
        """Something other than the best comes of an effect."""
        free = [effect for effect in wanted(self.change) if effect.repo not in self.running]
        if free:
            effect = data.draw(st.sampled_from(free))
            at = NOW + (len(self.log) + 1) * STEP
            found = outcomes(effect, self.change, at, self.fresh())[1:]
            self.append(effect.key, data.draw(st.sampled_from(found)))

    @precondition(lambda self: self.running)
    @rule(data=st.data())
    def land(self, data: st.DataObject) -> None:
        repo = data.draw(st.sampled_from(sorted(self.running, key=str)))
        effect, then = self.running.pop(repo)
        at = NOW + (len(self.log) + 1) * STEP
        found = outcomes(effect, then, at, self.fresh())
        index = data.draw(st.integers(0, 2 * len(found)))
        self.append(effect.key, found[index] if index < len(found) else found[0])

    @rule(times=st.integers(1, 12))
    def go_well(self, times: int) -> None:
        """Hostile worlds rarely get far, so that sometimes all goes well for a while."""
        for _ in range(times):
            free = [effect for effect in wanted(self.change) if effect.repo not in self.running]
            news = [(effect.key, event) for effect in free if (event := success(effect, self.change, TEXTS))]
            if news:
                self.append(*news[0])
            elif self.running or self.change.state in ENDS | PARKED:
                return
            else:
                self.approve_everything(ADA, 14)
                self.approve_everything(BEN, 14)

    @precondition(lambda self: self.change.state is State.DEFERRED)
    @rule()
    def wake(self) -> None:
        self.append(f"timer:{self.fresh()}", e.Woken(by=ADA))

    # What people do.

    @precondition(lambda self: self.change.state not in ENDS)
    @rule(who=st.sampled_from((ADA, BEN)), days=st.sampled_from((14, 14, 0)))
    def approve_everything(self, who: Actor, days: int) -> None:
        at = NOW + len(self.log) * STEP
        for lane in self.change.shipping:
            assert lane.patch_set
            self.give(approval(lane.patch_set.digest, ApprovalScope.CONTENT, by=who, at=at, days=days))
            if lane.forward.preview:
                self.give(
                    approval(lane.forward.preview.digest, ApprovalScope.MERGE, by=who, at=at, days=days)
                )

    def give(self, event: e.ApprovalRecorded) -> None:
        event = replace(event, approval=replace(event.approval, id=f"a{self.fresh()}"))
        self.append(f"approval:{event.approval.id}", event)

    @precondition(lambda self: self.change.approvals)
    @rule(data=st.data())
    def revoke(self, data: st.DataObject) -> None:
        which = data.draw(st.sampled_from([a.id for a in self.change.approvals]))
        self.append(f"revoke:{self.fresh()}", e.ApprovalRevoked(approval=which, by=ADA))

    @precondition(lambda self: self.change.state is State.WAITING_USER_APPROVAL)
    @rule(data=st.data(), reject=RARELY)
    def send_back(self, data: st.DataObject, reject: bool) -> None:
        lane = data.draw(st.sampled_from(self.change.shipping))
        assert lane.patch_set
        kind = e.PatchSetRejected if reject else e.ChangesRequested
        self.append(f"words:{self.fresh()}", kind(digest=lane.patch_set.digest, by=ADA, words=ref("no")))

    @precondition(lambda self: self.change.state in PARKED)
    @rule(stale=st.sets(st.sampled_from([repo.node_id for repo in REPOS])))
    def resume(self, stale: set[NodeId]) -> None:
        self.append(f"resume:{self.fresh()}", e.Resumed(by=ADA, stale=tuple(sorted(stale))))

    @precondition(lambda self: self.change.state not in ENDS or self.change.any_merged)
    @rule(rollback=st.booleans(), sure=RARELY)
    def cancel(self, rollback: bool, sure: bool) -> None:
        if sure or rollback:
            self.append(f"cancel:{self.fresh()}", e.Cancelled(by=ADA, rollback=rollback, words=ref("stop")))

    @rule(sure=RARELY)
    def supersede(self, sure: bool) -> None:
        if sure:
            self.append(f"newer:{self.fresh()}", e.Superseded(successor=CHANGE))

    @precondition(lambda self: self.change.state is State.DONE)
    @rule(repo=st.sampled_from(REPOS))
    def find_broken_afterwards(self, repo: RepoRef) -> None:
        self.append(f"watch:{self.fresh()}", e.PostMergeFailed(repo=repo.node_id, detail=ref("red")))

    # What must hold.

    def check_step(self, before: Change, event: e.Event) -> None:
        after = self.change
        if before.state in ENDS and after.state is not before.state:
            assert before.state in {State.DONE, State.CANCELLED}, f"{event.kind} moved {before.state}"
            assert after.any_merged, "nothing is left to take back"
            assert after.state in {State.ROLLING_BACK, State.ROLLED_BACK, State.NEEDS_HUMAN}
        if before.lanes:
            assert [lane.repo for lane in after.lanes] == [lane.repo for lane in before.lanes]
        for old in before.lanes:
            new = lane_of(after, old.repo.node_id)
            assert new.takes_part or not (old.takes_part and old.forward.merged), (
                "a merged one left the change"
            )
            assert new.forward.merged or not old.forward.merged, "a merge was forgotten"
        self.check_result_kept(event)

    def check_result_kept(self, event: e.Event) -> None:
        match event:
            case e.PatchesApplied(repo=repo, leg=leg, head=head):
                assert lane_of(self.change, repo).leg(leg).head == head
            case e.PullOpened(repo=repo, leg=leg, number=number):
                assert lane_of(self.change, repo).leg(leg).pull == number
            case e.Merged(repo=repo, leg=leg, commit=commit):
                assert lane_of(self.change, repo).leg(leg).merged == commit
            case e.RollbackPointPlaced(repo=repo, leg=leg):
                assert lane_of(self.change, repo).leg(leg).marked
            case e.Withdrawn(repo=repo, leg=leg):
                assert lane_of(self.change, repo).leg(leg).withdrawn
            case e.NoticePosted(notice=notice):
                assert notice in self.change.noticed

    @invariant()
    def effects_are_new(self) -> None:
        repeated = {effect.key for effect in wanted(self.change)} & self.keys
        assert not repeated, f"wanted again although recorded: {repeated}"
        keys = [effect.key for effect in wanted(self.change)]
        assert len(keys) == len(set(keys))

    @invariant()
    def merged_is_final(self) -> None:
        for effect in wanted(self.change):
            if isinstance(effect, Propose):
                assert not lane_of(self.change, effect.repo).forward.merged, "proposed anew although merged"

    @invariant()
    def content_is_approved(self) -> None:
        for effect in wanted(self.change):
            if isinstance(effect, Write) and effect.action in CONTENT and effect.repo:
                self.check_approved(effect, effect.repo)

    def check_approved(self, effect: Write, repo: NodeId) -> None:
        lane = lane_of(self.change, repo)
        assert lane.patch_set, "a repository is written that takes no part"
        assert self.approvers(lane.patch_set.digest, ApprovalScope.CONTENT) >= self.change.terms.quorum
        if effect.action is Action.MERGE and effect.leg is LegName.FORWARD:
            assert lane.forward.preview, "a merge without a preview"
            assert not self.change.unreviewed, "merged before everything is reviewed that must be"
            assert (
                self.approvers(lane.forward.preview.digest, ApprovalScope.MERGE) >= self.change.terms.quorum
            )

    def approvers(self, of: Digest, scope: ApprovalScope) -> int:
        """How many people approved this, or what it is carried over from, as the log tells it; policy, which is asked in
        autonomous mode alone, counts for all."""
        given = [entry.event.approval for entry in self.log if isinstance(entry.event, e.ApprovalRecorded)]
        reviews = [entry.event for entry in self.log if isinstance(entry.event, e.ReviewsObserved)]
        given += [one for event in reviews for one in event.approvals]
        same = self.carried_to(of)
        fitting = [a for a in given if a.digest in same and a.scope is scope]
        by_policy = self.change.terms.mode is Mode.AUTONOMOUS and any(a.by_policy for a in fitting)
        return self.change.terms.quorum if by_policy else len({a.by.login for a in fitting})

    def carried_to(self, of: Digest) -> set[Digest]:
        """The digests whose approvals were allowed to count for this one."""
        found, told = {of}, [entry.event for entry in self.log]
        gates_told = [one for event in told if isinstance(event, e.GatesEvaluated) for one in event.carried]
        checks_told = [event.carried for event in told if isinstance(event, e.CiPassed) and event.carried]
        for one in reversed((*gates_told, *checks_told)):
            if one.now in found and one.outcome in ALLOWING:
                found.add(one.before)
        return found

    @invariant()
    def policy_is_asked_once(self) -> None:
        asked = [effect for effect in wanted(self.change) if isinstance(effect, AskPolicy)]
        assert not asked or self.change.terms.mode is Mode.AUTONOMOUS
        said = {entry.event.digest for entry in self.log if isinstance(entry.event, e.PolicyDeclined)}
        assert not said & {effect.digest for effect in asked}, "asked again after it declined"

    @invariant()
    def the_gate_asks_for_approvals(self) -> None:
        at = NOW + len(self.log) * STEP
        for effect in wanted(self.change):
            if isinstance(effect, Write) and effect.repo:
                leg = lane_of(self.change, effect.repo).leg(effect.leg)
                about = asked(self.change, effect, leg.head, at)
                assert not lets_through(about, Weather.KILLED), "written in spite of the kill switch"
                if effect.action in CONTENT and lets_through(about, Weather.FAIR):
                    self.check_approved(effect, effect.repo)

    @invariant()
    def ends_are_quiet(self) -> None:
        if self.change.state in ENDS:
            effects = [effect for effect in wanted(self.change) if not isinstance(effect, Watch)]
            actions = {getattr(effect, "action", None) for effect in effects}
            assert actions <= AFTERWARDS, f"{actions} in {self.change.state}"

    @invariant()
    def nothing_is_forgotten(self) -> None:
        """Only an ended change wants nothing and waits for nothing."""
        if next_effects(self.change) is None:
            assert self.change.state in ENDS
        if self.change.state in ENDS:
            assert not isinstance(next_effects(self.change), Await)

    @invariant()
    def nothing_is_left_behind(self) -> None:
        """Once all is quiet, every branch that was written is withdrawn, or given up on record."""
        if is_settled(self.change) and not self.running:
            for lane in self.change.lanes:
                for leg in (lane.forward, lane.inverse):
                    assert leg.withdrawn or not leg.head, f"{lane.repo.name} keeps a branch"

    @invariant()
    def logs_retell(self) -> None:
        if len(self.log) % 8 == 0:
            change = None
            for entry in self.log:
                change = apply(change, entry)
            assert change == self.change

    def teardown(self) -> None:
        """From wherever it is, a change that is cancelled gets to its end, if nothing else goes wrong."""
        if not self.log:
            return
        for repo in tuple(self.running):
            effect, then = self.running.pop(repo)
            self.append(effect.key, best(effect, then))
        self.append("cancel", e.Cancelled(by=ADA, rollback=False, words=ref("stop")))
        for _ in range(60):
            found = next_effects(self.change)
            if isinstance(found, tuple):
                self.append(found[0].key, best(found[0], self.change))
            elif isinstance(found, Await) and self.change.state in {State.NEEDS_HUMAN, State.BLOCKED_POLICY}:
                self.append(f"resume:{self.fresh()}", e.Resumed(by=ADA, stale=()))
            else:
                break
        assert self.change.state in ENDS, f"cancelled, and still {self.change.state}"
        assert next_effects(self.change) is None


def run(examples: int, *, derandomize: bool) -> None:
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=50,
            deadline=None,
            derandomize=derandomize,
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_the_machine_holds() -> None:
    run(40, derandomize=True)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_machine_holds_for_long() -> None:
    run(1000, derandomize=False)
