"""Approvals are carried over to another base only where nothing that they were given for has changed."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.test_authority import DIGEST, NOW, OTHER, approval
from tests.scripted import CHANGE, Names, created, gates, ref, sha, success
from tests.scripted import NOW as START
from tests.scripted import approval as given_approval
from tests.scripted import passed as passed_checks

from penstock.core.approval import ApprovalScope, CarriedOver, approvers
from penstock.core.change import events as e
from penstock.core.change.effects import Observe
from penstock.core.change.fold import apply
from penstock.core.change.model import Change, LegName, State
from penstock.core.change.next import next_effects
from penstock.core.policy.carrying import Moved, judge_carrying
from penstock.core.policy.rules import Tier
from penstock.core.refs import BlobRef, Digest
from penstock.core.verdict import Outcome, blocked, failures, passed, unknown

TEXTS = Names()
SAME = Moved(
    patch_before=DIGEST,
    patch_now=DIGEST,
    touched=frozenset({"src/a.py"}),
    between=frozenset({"README.md", "src/b.py"}),
    policy_unchanged=True,
    tier_before=Tier.LOW,
    tier_now=Tier.LOW,
    gates=passed("gates"),
)


def with_between(*paths: str) -> Moved:
    return replace(SAME, between=SAME.between | set(paths))


CASES = [
    ("nothing of it was touched", SAME, []),
    ("the same base again", replace(SAME, between=frozenset()), []),
    ("another patch", replace(SAME, patch_now=OTHER), ["same_patch"]),
    ("one of its paths was changed", with_between("src/a.py"), ["touched_paths"]),
    ("CODEOWNERS was changed", with_between("CODEOWNERS"), ["code_owners"]),
    ("CODEOWNERS elsewhere", with_between(".github/codeowners"), ["code_owners"]),
    ("a lock file was changed", with_between("web/package-lock.json"), ["lockfiles"]),
    ("a manifest was changed", with_between("pyproject.toml"), ["lockfiles"]),
    ("a policy file was changed", with_between("config/orchestrator.yml"), ["policy_files"]),
    ("the policy was changed", replace(SAME, policy_unchanged=False), ["policy"]),
    ("the risk is higher", replace(SAME, tier_now=Tier.MEDIUM), ["tier"]),
    ("the risk is lower", replace(SAME, tier_before=Tier.HIGH), ["tier"]),
    ("the risk was never told", replace(SAME, tier_before=None), ["tier"]),
    ("a gate says no", replace(SAME, gates=blocked("G3", "no")), ["G3"]),
    ("a gate cannot say", replace(SAME, gates=unknown("G3", "?")), ["G3"]),
]


@pytest.mark.parametrize(("what", "moved", "stopped"), CASES, ids=[case[0] for case in CASES])
def test_what_is_carried_over(what, moved, stopped):
    verdict = judge_carrying(moved)
    assert [leaf.rule for leaf in failures(verdict)] == stopped
    assert verdict.allows is (not stopped)


PATHS = st.sampled_from(("a", "b", "CODEOWNERS", "go.sum", ".infinity/x", "c/d"))


@given(
    touched=st.frozensets(PATHS),
    between=st.frozensets(PATHS),
    tiers=st.tuples(st.sampled_from(Tier), st.sampled_from(Tier)),
    policy=st.booleans(),
    patch=st.sampled_from((DIGEST, OTHER)),
)
def test_nothing_is_carried_that_could_be_another_thing(touched, between, tiers, policy, patch):
    before, now = tiers
    moved = replace(
        SAME,
        touched=touched,
        between=between,
        tier_before=before,
        tier_now=now,
        policy_unchanged=policy,
        patch_now=patch,
    )
    same = patch == DIGEST and not touched & between and policy and before is now
    assert judge_carrying(moved).allows is (same and not between & {"CODEOWNERS", "go.sum", ".infinity/x"})


def approved() -> Change:
    """A change to three repositories whose patch sets are all approved."""
    change = started()
    while change.state is not State.WAITING_USER_APPROVAL:
        change = carry_on(change)
    for lane in change.shipping:
        assert lane.patch_set
        event = given_approval(lane.patch_set.digest, ApprovalScope.CONTENT)
        change = after(change, event.approval.id, event)
    assert change.state is State.APPLYING_PATCHES
    return change


def started() -> Change:
    return apply(None, e.Entry(change=CHANGE, n=1, at=START, key="created", event=created(TEXTS)))


def after(change: Change, key: str, event: e.Event) -> Change:
    return apply(change, e.Entry(change=CHANGE, n=change.n + 1, at=START, key=key, event=event))


def carry_on(change: Change) -> Change:
    effects = next_effects(change)
    assert isinstance(effects, tuple)
    event = success(effects[0], change, TEXTS)
    assert event
    return after(change, effects[0].key, event)


def rebased(change: Change) -> Change:
    """Its first repository's base moved."""
    old = change.shipping[0].patch_set
    assert old
    new = replace(old, base_commit=sha("moved"), digest=OTHER)
    event = e.PatchSetRebased(repo=change.shipping[0].repo.node_id, previous=old.digest, patch_set=new)
    return after(change, "rebased", event)


RECORDED = [
    ("it is the same", Outcome.PASS, Tier.LOW, State.APPLYING_PATCHES),
    ("it is not", Outcome.BLOCK, Tier.LOW, State.WAITING_USER_APPROVAL),
    ("it could not be told", Outcome.UNKNOWN, Tier.LOW, State.WAITING_USER_APPROVAL),
    ("the risk has another tier", Outcome.PASS, Tier.MEDIUM, State.WAITING_USER_APPROVAL),
    ("nothing is said of it", None, Tier.LOW, State.WAITING_USER_APPROVAL),
]


@pytest.mark.parametrize(("what", "outcome", "tier", "state"), RECORDED, ids=[r[0] for r in RECORDED])
def test_the_record_of_it_moves_the_change(what, outcome, tier, state):
    change = rebased(approved())
    assert change.state is State.PATCHES_PROPOSED
    before = change.shipping[0].rebased
    assert before
    one = CarriedOver(before=before.digest, now=OTHER, outcome=outcome or Outcome.PASS, verdict=ref("why"))
    told = replace(gates(change, TEXTS), tier=tier, carried=(one,) if outcome else ())
    change = after(change, "gates", told)
    assert change.state is state
    assert change.shipping[0].rebased is None
    assert not approvers(change.approvals, ApprovalScope.CONTENT, before.digest, START)
    counts = approvers(change.approvals, ApprovalScope.CONTENT, OTHER, START)
    assert bool(counts) is (state is State.APPLYING_PATCHES)


def test_a_record_about_another_patch_set_moves_nothing():
    change = approved()
    old = change.shipping[0].patch_set
    assert old
    stale = e.PatchSetRebased(
        repo=change.shipping[0].repo.node_id, previous=OTHER, patch_set=replace(old, digest=DIGEST)
    )
    refused = after(change, "rebased", stale)
    assert refused.refused == change.refused + 1
    assert refused.lanes == change.lanes


@pytest.mark.parametrize(
    ("named", "counts"), [("as offered", True), ("from another", False), ("to another", False)]
)
def test_of_merges_only_the_one_that_was_offered_counts_for_the_one_that_is(named, counts):
    change = approved()
    while not change.shipping[0].forward.preview:
        change = carry_on(change)
    lane = change.shipping[0]
    preview = lane.forward.preview
    assert preview
    given_one = given_approval(preview.digest, ApprovalScope.MERGE)
    change = after(change, given_one.approval.id, given_one)
    look = Observe(key="look", repo=lane.repo.node_id, leg=LegName.FORWARD)
    seen = passed_checks(change, look, TEXTS, "moved")
    one = CarriedOver(
        before=DIGEST if named == "from another" else preview.digest,
        now=DIGEST if named == "to another" else seen.preview.digest,
        outcome=Outcome.PASS,
        verdict=ref("why"),
    )
    change = after(change, "look", replace(seen, carried=one))
    assert bool(approvers(change.approvals, ApprovalScope.MERGE, seen.preview.digest, START)) is counts
    assert not approvers(change.approvals, ApprovalScope.MERGE, DIGEST, START)


@pytest.mark.parametrize("taken", ["revoked", "void", "not standing"])
def test_a_review_approves_once(taken):
    """Whose approval was taken off the record is observed again, and changes nothing; another review does."""
    change = approved()
    while not change.shipping[0].forward.preview:
        change = carry_on(change)
    lane = change.shipping[0]
    preview, head = lane.forward.preview, lane.forward.head
    assert preview
    assert head
    one = replace(given_approval(preview.digest, ApprovalScope.MERGE).approval, review="pullrequestreview-1")
    told = e.ReviewsObserved(
        repo=lane.repo.node_id, leg=LegName.FORWARD, head=head, lacking=0, approvals=(one,)
    )
    change = after(change, "look", told)
    assert one in change.approvals
    assert not change.spent
    if taken == "revoked":
        change = after(change, "revoke", e.ApprovalRevoked(approval=one.id, by=one.by))
    elif taken == "not standing":
        change = after(change, "gone", replace(told, approvals=(), gone=(one.id,)))
    else:
        look = Observe(key="look", repo=lane.repo.node_id, leg=LegName.FORWARD)
        seen = passed_checks(change, look, TEXTS, "moved")
        void = CarriedOver(
            before=preview.digest, now=seen.preview.digest, outcome=Outcome.BLOCK, verdict=ref("why")
        )
        change = after(change, "moved", replace(seen, carried=void))
        preview = seen.preview
    same = replace(one, id="a-same", digest=preview.digest)
    change = after(change, "again", replace(told, approvals=(same,)))
    assert not approvers(change.approvals, ApprovalScope.MERGE, preview.digest, START)
    other = replace(same, id="a-other", review="pullrequestreview-2")
    change = after(change, "other", replace(told, approvals=(other,)))
    assert approvers(change.approvals, ApprovalScope.MERGE, preview.digest, START)


DIGESTS = st.sampled_from((DIGEST, OTHER, Digest("sha256:" + "c" * 64)))
APPROVALS = st.lists(
    st.builds(
        approval,
        login=st.sampled_from(("ada", "ben")),
        digest=DIGESTS,
        scope=st.sampled_from(ApprovalScope),
        days=st.integers(0, 3),
        number=st.integers(1, 99),
    ),
    max_size=6,
    unique_by=lambda a: a.id,
).map(tuple)


@given(approvals=APPROVALS, outcome=st.sampled_from(Outcome), scope=st.sampled_from(ApprovalScope))
def test_an_approval_gains_nothing_by_being_carried(approvals, outcome, scope):
    """The same people, until the same time, for that digest alone; where it may not, they are void."""
    one = CarriedOver(before=DIGEST, now=OTHER, outcome=outcome, verdict=BlobRef("sha256:" + "d" * 64))
    after = one.onto(approvals, scope)
    assert not approvers(after, scope, DIGEST, NOW)
    for at in (NOW, NOW + timedelta(days=2)):
        gained = approvers(after, scope, OTHER, at) - approvers(approvals, scope, OTHER, at)
        assert gained <= approvers(approvals, scope, DIGEST, at)
        if outcome not in {Outcome.PASS, Outcome.WARN}:
            assert not gained
    untouched = [a for a in approvals if (a.digest, a.scope) != (DIGEST, scope)]
    assert list(after[: len(untouched)]) == untouched
    assert len({a.id for a in after}) == len(after)
    by_id = {a.id: a for a in approvals}
    for new in after[len(untouched) :]:
        old = by_id[new.carried_from]
        assert replace(new, id=old.id, digest=old.digest, carried_from="") == old
