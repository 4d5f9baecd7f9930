"""Promoted policies: proposed only as tried, approved only as proposed, in force whatever the files become, never loosening."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.core.test_layers import TOP, layer_files, the_top, top, waiver

from penstock.core.autonomy.events import (
    GovernanceEntry,
    GovernanceEvent,
    PolicyPromoted,
    PolicyProposed,
    PolicyReverted,
)
from penstock.core.autonomy.fold import apply
from penstock.core.autonomy.model import Governance
from penstock.core.autonomy.promotion import (
    MILLION,
    Figures,
    Order,
    Promotion,
    Standing,
    bound_ppm,
    judge_candidate,
    judge_promotion,
)
from penstock.core.policy.confidence import upper_bound
from penstock.core.policy.layers import Layered, bound, tightened
from penstock.core.policy.promoted import Candidate, Promoted, candidate, text_digest, with_promoted
from penstock.core.policy.rules import Policy, policy_digest
from penstock.core.refs import Actor, BlobRef, Digest
from penstock.core.routing.loading import Refused
from penstock.core.verdict import Outcome, failures

NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)
ADA, BEN, WHY = Actor(login="ada"), Actor(login="ben"), BlobRef("why")
TIGHT = "version: 1\nsafety: {max_files: 5, frozen_paths: [db/**]}\npolicies: {forbid: [tls_off]}\n"


def taken(text: str = TIGHT, today: Layered | None = None) -> Candidate:
    found = candidate("tight.yml", text.encode(), today or the_top())
    assert isinstance(found, Candidate), found
    return found


def figures(given: Candidate, *, judged: int = 3, not_judged: int = 0) -> Figures:
    return Figures(
        policy=policy_digest(given.layered.policy),
        approved=judged,
        escalated=0,
        blocked=0,
        not_judged=not_judged,
        broke=0,
        known=judged,
        upper_bound_ppm=bound_ppm(0, judged),
    )


REFUSED = {
    "a typo": (
        "safety: {max_fils: 5}",
        "tight.yml:2:10: safety.max_fils: unknown key; did you mean `max_files`?",
    ),
    "looser than the configuration": (
        "safety: {max_files: 51}",
        "tight.yml:2:10: safety.max_files: 51 where at most 50 is allowed (top.yml:4)",
    ),
    "looser than what is built in": (
        "policies: {rules: {P-001: warn}}",
        "tight.yml:2:20: policies.rules.P-001: warn where it blocks (built in)",
    ),
    "a waiver of the configuration's": (
        f"policies:\n  waivers:\n    {waiver('links')}",
        "links is built in: only the organization's configuration can waive it",
    ),
    "who may approve, which is no layer's": (
        "safety: {separation_of_duties: auto}",
        "tight.yml:2:10: safety.separation_of_duties: unknown key",
    ),
    "another mode": ("mode: autonomous", "tight.yml:2:1: mode: unknown key"),
    "no UTF-8": ("\udcff", "not UTF-8"),
}


@pytest.mark.parametrize(("text", "said"), REFUSED.values(), ids=REFUSED)
def test_what_would_not_load_or_loosens_is_no_candidate(text, said):
    found = candidate("tight.yml", f"version: 1\n{text}\n".encode(errors="surrogateescape"), the_top())
    assert isinstance(found, Refused)
    assert any(said in problem for problem in found.problems), found.problems


def proposals() -> dict[str, tuple[Candidate, Figures, str]]:
    good = taken()
    same = taken("version: 1\nsafety: {max_files: 50}\n")
    old = taken(
        f"version: 1\npolicies:\n  forbid: [tls_off]\n  waivers:\n    {waiver('tls_off', '2026-06-14')}\n"
    )
    stale = top(TOP + f"  waivers:\n    {waiver('links', '2026-06-14')}\n")
    assert isinstance(stale, Layered)
    elsewhere = taken(today=stale)
    unsure = taken(today=replace(the_top(), unsure=("who knows",)))
    return {
        "as it should be": (good, figures(good), ""),
        "it changes nothing": (same, figures(same), "tightens"),
        "a waiver that is over": (old, figures(old), "waivers"),
        "a waiver of the configuration's is over": (elsewhere, figures(elsewhere), ""),
        "never tried: nothing is recorded": (good, figures(good, judged=0), "backtest"),
        "never tried: nothing could be judged": (good, figures(good, judged=0, not_judged=2), "backtest"),
        "another one was tried": (good, figures(same), "backtest"),
        "today's policy is not known": (unsure, figures(unsure), "policy_in_force"),
    }


@pytest.mark.parametrize("what", list(proposals()))
def test_what_may_be_proposed(what):
    given, tried, rule = proposals()[what]
    verdict = judge_candidate(given, tried, NOW)
    assert [leaf.rule for leaf in failures(verdict)] == ([rule] if rule else [])


def promotion(given: Candidate) -> Promotion:
    return Promotion(
        id="p-1",
        candidate=given.digest,
        stands_on=policy_digest(given.stands_on.policy),
        text=BlobRef("text"),
        figures=figures(given),
        until=NOW + timedelta(days=1),
        proposed=Order(by=ADA, at=NOW, reason=WHY),
    )


def approvals() -> dict[str, tuple[Promotion, Candidate | None, str]]:
    good = taken()
    waits, order = promotion(good), Order(by=BEN, at=NOW, reason=WHY)
    tighter = top(TOP.replace("require_reviews: 2", "require_reviews: 3"))
    assert isinstance(tighter, Layered)
    moved = taken(today=tighter)
    other = taken(TIGHT + "# one comment more\n")
    return {
        "as it was proposed": (waits, good, ""),
        "its time is over": (replace(waits, until=NOW), good, "waits"),
        "in force already": (replace(waits, approved=order), good, "waits"),
        "taken back": (replace(waits, taken_back=order), good, "waits"),
        "taken back after it was in force": (
            replace(waits, approved=order, taken_back=order),
            good,
            "waits",
        ),
        "the policy above it has changed": (waits, moved, "stands_on"),
        "another text": (waits, other, "candidate"),
        "its text is gone, or does not load any more": (waits, None, "candidate"),
        "another text was tried": (replace(waits, figures=figures(moved)), good, "backtest"),
        "never tried": (replace(waits, figures=figures(good, judged=0)), good, "backtest"),
    }


@pytest.mark.parametrize("what", list(approvals()))
def test_what_may_be_approved(what):
    proposed, kept, rules = approvals()[what]
    verdict = judge_promotion(proposed, kept or Refused(problems=("gone",)), NOW)
    assert [leaf.rule for leaf in failures(verdict)] == rules.split()


def test_what_is_in_force_says_where_each_value_stands():
    found = with_promoted(the_top(), (Promoted(name="p-1", text=TIGHT),))
    assert found.sources == ("top.yml", "promoted p-1")
    assert (found.policy.max_files, found.policy.forbid) == (5, ("curl_pipe_sh", "tls_off"))
    wanted = {
        "safety.max_files": "promoted p-1:2",
        "rule tls_off": "promoted p-1:3",
        "rule curl_pipe_sh": "top.yml:7",
        "safety.frozen_paths db/**": "promoted p-1:2",
        "safety.protected_paths .env*": "built in",
    }
    assert {name: found.origin(name) for name in wanted} == wanted
    assert (found.unsure, found.clashes) == ((), ())


def test_files_that_are_tighter_by_now_win_and_the_clash_is_told():
    looser = Promoted(name="p-1", text="version: 1\nsafety: {max_files: 51, frozen_paths: [db/**]}\n")
    found = with_promoted(the_top(), (looser,))
    assert (found.policy.max_files, found.policy.frozen_paths) == (50, ("db/**",))
    assert found.origin("safety.max_files") == "top.yml:4", "the value is the configuration's"
    (told,) = found.clashes
    assert told.startswith("promoted p-1:2:10: safety.max_files: 51 where at most 50 is allowed (top.yml:4)")
    assert not found.unsure


UNKNOWN = {
    "gone": None,
    "a key that this version does not know": "version: 1\nsafety: {max_flies: 5}\n",
    "no document": "\0",
}


@pytest.mark.parametrize("text", UNKNOWN.values(), ids=UNKNOWN)
def test_what_cannot_be_read_of_it_lets_nothing_pass(text):
    known = Promoted(name="p-1", text=TIGHT)
    found = with_promoted(the_top(), (known, Promoted(name="p-2", text=text)))
    assert found.policy.max_files == 5, "the others are in force all the same"
    (why,) = found.unsure
    assert why.startswith("promoted p-2:")
    binding = bound(found.policy, found, None, None)
    assert binding.layer is not None
    assert [(leaf.rule, leaf.outcome) for leaf in failures(binding.layer)] == [
        ("promoted_policy", Outcome.UNKNOWN)
    ]


@settings(max_examples=10)
@given(layer_files)
def test_two_promoted_layers_never_demand_less_than_one(first):
    """Also where the files were changed under them, so that one of them means to loosen."""
    above = replace(the_top(), policy=tightened(the_top().policy, first))
    one = with_promoted(above, (Promoted(name="p-1", text=TIGHT),))
    two = with_promoted(one, (Promoted(name="p-2", text="version: 1\nsafety: {max_files: 9}\n"),))
    for lower, upper in ((one, above), (two, one)):
        assert _at_least(lower.policy, upper.policy)


def _at_least(lower: Policy, upper: Policy) -> bool:
    return (
        lower.max_files <= upper.max_files
        and lower.max_changed_lines <= upper.max_changed_lines
        and lower.required_reviews >= upper.required_reviews
        and {*lower.forbid} >= {*upper.forbid}
        and {*lower.waivers} <= {*upper.waivers}
        and (lower.mode, lower.separation, lower.human_approval)
        == (upper.mode, upper.separation, upper.human_approval)
    )


def proposed(name: str) -> PolicyProposed:
    given = taken()
    return PolicyProposed(
        id=name,
        candidate=text_digest(TIGHT),
        stands_on=Digest("sha256:0"),
        text=BlobRef(name),
        figures=figures(given),
        until=NOW + timedelta(days=1),
        by=ADA,
        reason=WHY,
    )


def told(*events: GovernanceEvent) -> Governance:
    governance = Governance()
    for n, event in enumerate(events, start=1):
        governance = apply(governance, GovernanceEntry(n=n, at=NOW, key=str(n), event=event))
    return governance


def promoted(name: str) -> PolicyPromoted:
    return PolicyPromoted(promotion=name, by=BEN, reason=WHY)


def reverted(name: str) -> PolicyReverted:
    return PolicyReverted(promotion=name, by=BEN, reason=WHY)


HISTORIES = {
    "proposed": ([proposed("a")], [], ["a"]),
    "approved": ([proposed("a"), promoted("a")], ["a"], []),
    "in the order of their approval": (
        [proposed("a"), proposed("b"), promoted("b"), promoted("a")],
        ["b", "a"],
        [],
    ),
    "taken back": ([proposed("a"), promoted("a"), reverted("a")], [], []),
    "withdrawn": ([proposed("a"), reverted("a")], [], []),
    "what nobody proposed": ([promoted("a"), reverted("b")], [], []),
    "an approval too late": ([proposed("a"), reverted("a"), promoted("a")], [], []),
}


@pytest.mark.parametrize(("events", "in_force", "waiting"), HISTORIES.values(), ids=HISTORIES)
def test_what_is_in_force_is_what_was_approved_and_not_taken_back(events, in_force, waiting):
    governance = told(*events)
    assert [one.id for one in governance.promoted] == in_force
    assert [one.id for one in governance.waiting(NOW)] == waiting
    assert not governance.waiting(NOW + timedelta(days=1))
    names = [event.id for event in events if isinstance(event, PolicyProposed)]
    assert sorted(one.id for one in governance.promotions) == names, "nothing is forgotten"


def test_a_promotion_tells_who_said_so():
    (one,) = told(proposed("a"), promoted("a"), reverted("a")).promotions
    assert one.standing is Standing.TAKEN_BACK
    assert [order and order.by for order in (one.proposed, one.approved, one.taken_back)] == [ADA, BEN, BEN]


@settings(max_examples=25)
@given(st.integers(0, 5), st.integers(0, 400))
def test_the_recorded_bound_is_never_less_than_the_exact_one(broke, known):
    of = max(broke, known)
    exact, kept = upper_bound(broke, of), bound_ppm(broke, of)
    assert exact * MILLION <= kept <= MILLION
    assert kept - exact * MILLION <= 1
