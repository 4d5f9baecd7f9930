"""A base that outran what was written: what becomes of the change, how often, and once something of it is merged."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from tests.scripted import (
    ADA,
    CHANGE,
    NOW,
    REPOS,
    Names,
    approval,
    created,
    gates,
    lane_of,
    merged,
    planned,
    rebased,
    ref,
    sha,
    success,
)

from penstock.core.approval import ApprovalScope
from penstock.core.change import events as e
from penstock.core.change.effects import AskPolicy, Decide, Effect, Propose
from penstock.core.change.fold import apply
from penstock.core.change.model import Action, Change, Lane, LegName, State
from penstock.core.change.next import Await, next_effects
from penstock.core.change.proposing import open_digests
from penstock.core.policy.rules import Mode, Verify
from penstock.core.refs import Actor
from penstock.core.verdict import Outcome

TEXTS = Names()
LIB, APP = (repo.node_id for repo in REPOS[:2])
MOST = 2
BEN = Actor(login="ben")


def after(change: Change | None, *events: e.Event) -> Change:
    for event in events:
        n = change.n + 1 if change else 1
        change = apply(change, e.Entry(change=CHANGE, n=n, at=NOW, key=str(n), event=event))
    assert change
    return change


def on_its_way(until: Callable[[Change], bool], start: Change | None = None) -> Change:
    """A change to a library and one dependent, with all going well, as far as wanted."""
    plan = planned(TEXTS)
    change = start or after(None, created(TEXTS, verify=Verify.STAGED, max_updates=MOST))
    for _ in range(60):
        if until(change):
            return change
        news = [event for effect in effects(change) if (event := success(effect, change, TEXTS))]
        news = [
            replace(one, repos=plan.repos[:2]) if isinstance(one, e.ArtifactsReady) else one for one in news
        ]
        given = [approval(of, scope) for scope in ApprovalScope for of in open_digests(change, scope)]
        change = after(change, *(news[:1] or given))
    raise AssertionError(f"never there; it is {change.state} ({change.reason})")


def effects(change: Change) -> tuple[Effect, ...]:
    wanted = next_effects(change)
    return wanted if isinstance(wanted, tuple) else ()


def merging() -> Change:
    """The library is about to be merged, as people approved."""
    return on_its_way(lambda c: c.state is State.MERGING)


def half_merged() -> Change:
    """The library is merged, and its dependent about to be."""
    return on_its_way(lambda c: c.state is State.MERGING and c.any_merged)


def updated(change: Change, lane: Lane) -> Change:
    """Its branch was brought up to date, and its merge is approved and wanted again, nobody being asked."""
    asked = {a.id for a in change.approvals}
    change = after(change, rebased(lane))
    after_gates = after(change, gates(change, TEXTS))
    assert {a.carried_from or a.id for a in after_gates.approvals} == asked
    return on_its_way(lambda c: c.state is State.MERGING, after_gates)


def lane_in(change: Change, repo: str) -> Lane:
    return next(lane for lane in change.lanes if lane.repo.node_id == repo)


def refused(reason: str, repo: str = LIB) -> e.MergeRefused:
    return e.MergeRefused(
        repo=lane_in(merging(), repo).repo.node_id, leg=LegName.FORWARD, reason=reason, detail=ref("why")
    )


def test_what_is_the_same_there_is_judged_decided_on_written_and_verified_again() -> None:
    before = merging()
    lane = lane_in(before, LIB)
    moved = after(before, rebased(lane))
    assert (moved.state, moved.generation) == (State.PATCHES_PROPOSED, before.generation + 1)
    forward = lane_in(moved, LIB).forward
    assert (forward.preview, forward.before, forward.marked) == (None, lane.forward.preview, False)
    assert (forward.head, forward.pull) == (lane.forward.head, lane.forward.pull), "its branch stays"
    applying = after(moved, gates(moved, TEXTS))
    assert applying.state is State.APPLYING_PATCHES
    (effect,) = effects(applying)
    assert isinstance(effect, Decide), "decided on before it is written"
    assert (effect.action, effect.repo) == (Action.BRANCH, LIB)
    opened = on_its_way(lambda c: c.state is State.PR_OPEN, applying)
    assert lane_in(opened, LIB).forward.head != lane.forward.head
    assert not lane_in(opened, LIB).forward.observed, "its checks run on the new head"


def test_a_merge_that_was_decided_on_is_decided_on_again() -> None:
    """The rollback point marks the old base, and the decision names the old head."""
    decided = on_its_way(lambda c: Action.MERGE in lane_in(c, LIB).forward.intents, merging())
    assert lane_in(decided, LIB).forward.marked
    moved = after(decided, rebased(lane_in(decided, LIB)))
    assert lane_in(moved, LIB).forward.intents == frozenset()
    again = on_its_way(lambda c: c.state is State.MERGING, after(moved, gates(moved, TEXTS)))
    (effect,) = effects(again)
    assert isinstance(effect, Decide)
    assert effect.action is Action.ROLLBACK_POINT


def test_a_base_with_the_same_tree_is_written_all_the_same() -> None:
    """An empty commit, or one and its revert: the branch lacks it, whatever its own tree is."""
    before = merging()
    lane = lane_in(before, LIB)
    event = rebased(lane)
    assert lane.patch_set
    same = replace(event, patch_set=replace(event.patch_set, tree=lane.patch_set.tree))
    moved = after(before, same)
    applying = after(moved, gates(moved, TEXTS))
    assert not lane_in(applying, LIB).is_applied
    (effect,) = effects(applying)
    assert isinstance(effect, Decide)
    assert effect.action is Action.BRANCH


def test_what_is_not_provably_the_same_waits_for_approval() -> None:
    moved = after(merging(), rebased(lane_in(merging(), LIB)))
    waiting = after(moved, gates(moved, TEXTS, carry=Outcome.BLOCK))
    assert waiting.state is State.WAITING_USER_APPROVAL
    patch_set = lane_in(waiting, LIB).patch_set
    assert patch_set
    assert not waiting.approved(patch_set.digest, ApprovalScope.CONTENT, NOW)


@pytest.mark.parametrize(
    ("reason", "state", "updates"),
    [
        ("behind", State.VERIFYING_CI, 1),
        ("base_moved", State.VERIFYING_CI, 0),
        ("overtaken", State.PATCHES_PROPOSED, 1),
        ("conflict", State.PATCHES_PROPOSED, 0),
        ("protected", State.NEEDS_HUMAN, 0),
    ],
)
def test_a_merge_that_is_refused(reason: str, state: State, updates: int) -> None:
    change = after(merging(), refused(reason))
    lane = lane_in(change, LIB)
    assert (change.state, lane.updates) == (state, updates)
    assert lane.forward.intents == frozenset()
    proposed_anew = any(isinstance(effect, Propose) for effect in effects(change))
    assert proposed_anew == (state is State.PATCHES_PROPOSED)


@pytest.mark.parametrize("reason", ["behind", "base_moved", "overtaken", "conflict", "protected"])
def test_on_the_way_back_a_merge_that_is_refused_is_no_news(reason: str) -> None:
    """It may land after a person ordered the rollback: that goes on, and never forward again."""
    back = after(half_merged(), e.Cancelled(by=ADA, rollback=True, words=ref("back")))
    assert after(back, refused(reason, APP)).state is State.ROLLING_BACK


def test_a_review_at_the_forge_is_of_the_head_it_was_given_on() -> None:
    """It approves no other, and is asked for again; what was approved here is carried over."""
    before = merging()
    lane = lane_in(before, LIB)
    assert lane.forward.preview
    given = next(a for a in before.approvals if a.digest == lane.forward.preview.digest)
    reviewed = replace(
        before, approvals=(*before.approvals, replace(given, id="r", by=BEN, review="pullrequestreview-17"))
    )
    moved = after(reviewed, rebased(lane))
    assert given in moved.approvals
    assert not [a for a in moved.approvals if a.review]
    assert moved.spent == {"pullrequestreview-17"}


def test_it_follows_so_often_and_then_asks() -> None:
    """Whatever outran it; a person who resumes it gives it as many tries again."""
    change = merging()
    for turn in range(1, MOST + 1):
        change = updated(change, lane_in(change, LIB))
        assert lane_in(change, LIB).updates == turn
    for outrun in (rebased(lane_in(change, LIB)), refused("behind"), refused("overtaken")):
        stopped = after(change, outrun)
        assert (stopped.state, stopped.reason, stopped.resume_to) == (
            State.NEEDS_HUMAN,
            "always_behind",
            State.VERIFYING_CI,
        )
        lane = lane_in(stopped, LIB)
        assert lane.patch_set == lane_in(change, LIB).patch_set, "what is written is what it says"
        assert lane.is_applied
        assert lane.forward.intents == frozenset()
        resumed = after(stopped, e.Resumed(by=ADA, stale=()))
        assert lane_in(resumed, LIB).updates == 0
        again = on_its_way(lambda c: c.state is State.MERGING, resumed)
        assert lane_in(updated(again, lane_in(again, LIB)), LIB).updates == 1


def test_before_anything_is_written_following_the_base_is_not_counted() -> None:
    change = on_its_way(lambda c: c.state is State.APPLYING_PATCHES)
    for _ in range(MOST + 2):
        change = after(change, rebased(lane_in(change, LIB)))
        change = after(change, gates(change, TEXTS))
    assert (change.state, lane_in(change, LIB).updates) == (State.APPLYING_PATCHES, 0)


def test_after_a_first_merge_what_is_the_same_goes_on() -> None:
    """Even where approvals of what is merged have expired: nothing is to be approved of it any more."""
    half = half_merged()
    content = lane_in(half, LIB).patch_set
    assert content
    half = replace(half, approvals=tuple(a for a in half.approvals if a.digest != content.digest))
    change = updated(half, lane_in(half, APP))
    assert on_its_way(lambda c: c.state is State.DONE, change).any_merged


def test_after_a_first_merge_a_person_finishes_or_rolls_back() -> None:
    half = half_merged()
    stopped = after(half, refused("overtaken", APP))
    assert (stopped.state, stopped.reason) == (State.NEEDS_HUMAN, "overtaken"), "nothing is proposed anew"
    assert lane_in(stopped, APP).patch_set == lane_in(half, APP).patch_set

    moved = after(half, rebased(lane_in(half, APP)))
    stopped = after(moved, gates(moved, TEXTS, carry=Outcome.BLOCK))
    assert (stopped.state, stopped.reason) == (State.NEEDS_HUMAN, "not_carried")
    back = after(stopped, e.Cancelled(by=ADA, rollback=True, words=ref("back")))
    assert back.state is State.ROLLING_BACK
    waiting = after(stopped, e.Resumed(by=ADA, stale=()))
    assert waiting.state is State.WAITING_USER_APPROVAL
    assert isinstance(next_effects(waiting), Await)
    patch_set = lane_in(waiting, APP).patch_set
    assert patch_set
    assert open_digests(waiting, ApprovalScope.CONTENT) == {patch_set.digest}, (
        "what is merged is not asked of again"
    )
    for late in (e.PatchSetRejected, e.ChangesRequested):
        assert (
            after(waiting, late(digest=patch_set.digest, by=ADA, words=ref("no"))).refused
            == waiting.refused + 1
        )
    assert on_its_way(lambda c: c.state is State.DONE, waiting).any_merged


def test_after_a_first_merge_policy_is_asked_of_the_rest_alone() -> None:
    half = half_merged()
    autonomous = replace(half.terms, mode=Mode.AUTONOMOUS)
    moved = after(replace(half, terms=autonomous), rebased(lane_in(half, APP)))
    stopped = after(moved, gates(moved, TEXTS, carry=Outcome.BLOCK))
    waiting = after(replace(stopped, approvals=()), e.Resumed(by=ADA, stale=()))
    assert [(type(effect), effect.repo) for effect in effects(waiting)] == [(AskPolicy, APP)]


def test_a_merge_by_hand_meanwhile_leaves_nothing_to_write() -> None:
    before = merging()
    lane = lane_in(before, LIB)
    moved = after(before, rebased(lane))
    by_hand = after(
        moved, merged(lane_in(moved, LIB), LegName.FORWARD, lane.forward.head or sha("none"), by=ADA)
    )
    assert by_hand.any_merged
    judged = after(by_hand, gates(by_hand, TEXTS))
    assert not [effect for effect in effects(judged) if effect.repo == LIB]


@pytest.mark.parametrize("meanwhile", [State.PATCHES_PROPOSED, State.APPLYING_PATCHES])
def test_of_what_was_merged_by_hand_as_a_whole_nothing_is_left(meanwhile: State) -> None:
    half = half_merged()
    lane = lane_in(half, APP)
    moved = after(half, rebased(lane))
    moved = after(moved, gates(moved, TEXTS)) if meanwhile is State.APPLYING_PATCHES else moved
    assert moved.state is meanwhile
    done = after(moved, merged(lane, LegName.FORWARD, lane.forward.head or sha("none"), by=ADA))
    done = done if meanwhile is State.APPLYING_PATCHES else after(done, gates(done, TEXTS))
    assert done.state is State.DONE


def test_it_comes_too_late_for_what_is_merged_or_ends() -> None:
    half = half_merged()
    done_already = after(half, rebased(lane_in(half, LIB)))
    assert done_already.refused == half.refused + 1
    ending = after(merging(), e.Cancelled(by=ADA, rollback=False, words=ref("stop")))
    assert after(ending, rebased(lane_of(ending, LIB))).refused == ending.refused + 1


@pytest.mark.parametrize("reason", ["overtaken", "conflict"])
def test_a_merge_of_what_was_sent_back_is_none_of_what_was_approved_since(reason: str) -> None:
    """A person merges the pull request as it was, while another patch set is approved and about to be written."""
    sent_back = after(merging(), refused(reason))
    applying = on_its_way(lambda c: c.state is State.APPLYING_PATCHES, sent_back)
    lane = lane_in(applying, LIB)
    assert lane.forward.head
    late = after(applying, merged(lane, LegName.FORWARD, lane.forward.head, by=ADA))
    assert (late.state, late.reason) == (State.NEEDS_HUMAN, "merged_other_head")
    written = on_its_way(lambda c: c.state is State.VERIFYING_CI, applying)
    lane = lane_in(written, LIB)
    assert lane.forward.head
    assert (
        after(written, merged(lane, LegName.FORWARD, lane.forward.head, by=ADA)).state is State.VERIFYING_CI
    )
