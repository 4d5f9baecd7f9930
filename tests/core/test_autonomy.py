"""Who may act without a person: each condition by itself keeps policy from it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.test_judging import PLAIN, diff

from penstock.core.approval import ApprovalScope
from penstock.core.autonomy.ceiling import judge_ceiling, tomorrow
from penstock.core.autonomy.earning import ENOUGH, WATCH, Landed, held, judge_record, track_record
from penstock.core.autonomy.events import (
    AutonomyGranted,
    AutonomyRevoked,
    GovernanceEntry,
    GovernanceEvent,
    PullCounted,
    QuarantineLifted,
    QuarantineSet,
)
from penstock.core.autonomy.fold import apply
from penstock.core.autonomy.granting import Asked, judge_grant
from penstock.core.autonomy.judging import Stand, may_policy_approve
from penstock.core.autonomy.model import Cell, Governance, pull_name
from penstock.core.autonomy.reserved import judge_reserved
from penstock.core.change.outcomes import DONE, Outcome, failures_in_a_row
from penstock.core.evidence import FileStatus
from penstock.core.policy.matching import class_of
from penstock.core.policy.rules import Mode, Policy, Reserved, Tier, Toggles
from penstock.core.refs import Actor, BlobRef, ChangeId, NodeId
from penstock.core.sources.api import Unread
from penstock.core.verdict import blocked, failures, passed

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
CELL = Cell(agent="bump", repositories="libraries", tier=Tier.LOW)
ADA, WHY = Actor(login="ada"), BlobRef("b")
PULL = pull_name(ChangeId("c-1"), NodeId("R_1"))
DAY = timedelta(days=1)
COUNTED = PullCounted(change=ChangeId("c-1"), repo=NodeId("R_1"), grant="g-1")
GRANTED = AutonomyGranted(id="g-1", cell=CELL, until=NOW + timedelta(days=7), cap=1, by=ADA, reason=WHY)


def told(*events: GovernanceEvent, at: datetime = NOW) -> Governance:
    governance = Governance()
    for n, event in enumerate(events, start=1):
        governance = apply(governance, GovernanceEntry(n=n, at=at, key=str(n), event=event))
    return governance


def landed(good: int, bad: int = 0, *, cell: Cell = CELL, age: timedelta = WATCH) -> list[Landed]:
    well = Landed(cell=cell, change=ChangeId("c-0"), at=NOW - age, stood=True)
    return [*[well] * good, *[replace(well, stood=False, failed_at=well.at + timedelta(hours=1))] * bad]


def unwatched(number: int) -> list[Landed]:
    return [replace(one, stood=False) for one in landed(number)]


OTHERS = replace(CELL, repositories="other")
HELD = [
    ("nothing is known", (), [], "earned"),
    ("granted", (GRANTED,), [], ""),
    ("granted to another tier", (replace(GRANTED, cell=replace(CELL, tier=Tier.MEDIUM)),), [], "earned"),
    ("granted to another class", (replace(GRANTED, cell=OTHERS),), [], "earned"),
    ("the grant is over", (replace(GRANTED, until=NOW),), [], "earned"),
    ("the grant is used up by another", (GRANTED, replace(COUNTED, change=ChangeId("c-2"))), [], "earned"),
    ("the grant is used up by itself", (GRANTED, COUNTED), [], ""),
    ("the grant was revoked", (GRANTED, AutonomyRevoked(grant="g-1", by=ADA, reason=WHY)), [], "earned"),
    ("58 good merges", (), landed(ENOUGH - 1), "earned"),
    ("59 good merges", (), landed(ENOUGH), ""),
    ("59 whose watch goes on", (), landed(ENOUGH, age=WATCH - timedelta(seconds=1)), "earned"),
    ("59 that nobody watched to the end", (), unwatched(ENOUGH), "earned"),
    ("58 good merges and one that nobody watched", (), [*landed(ENOUGH - 1), *unwatched(1)], "earned"),
    ("one of them failed", (), landed(200, 1), "suspended"),
    ("one of them failed long ago", (), [*landed(200), *landed(0, 1, age=40 * WATCH)], "suspended"),
    ("a failure elsewhere counts in the pool", (), landed(58, 1, cell=OTHERS), "earned"),
    ("few of its own, pooled", (), [*landed(1), *landed(58, cell=OTHERS)], ""),
    ("pooled by agent", (), landed(ENOUGH, cell=replace(CELL, agent="tidy")), "earned"),
    ("granted again after a failure", (GRANTED,), landed(0, 1), ""),
    (
        "that grant was revoked",
        (GRANTED, AutonomyRevoked(grant="g-1", by=ADA, reason=WHY)),
        landed(200, 1),
        "suspended",
    ),
    ("it was over long ago", (replace(GRANTED, until=NOW),), landed(92, 1), ""),
    ("over, and one failure in 92", (replace(GRANTED, until=NOW),), landed(91, 1), "earned"),
]


@pytest.mark.parametrize(("what", "events", "merges", "rule"), HELD, ids=[case[0] for case in HELD])
def test_where_autonomy_is_held(what, events, merges, rule):
    answer = held(CELL, told(*events), merges, pull=PULL, now=NOW)
    assert [leaf.rule for leaf in failures(answer.verdict)] == ([rule] if rule else [])


@pytest.mark.parametrize("tier", [Tier.HIGH, Tier.CRITICAL])
def test_what_is_of_high_risk_is_never_earned(tier):
    cell = replace(CELL, tier=tier)
    answer = held(cell, told(replace(GRANTED, cell=cell)), landed(500, cell=cell), pull=PULL, now=NOW)
    assert [leaf.rule for leaf in failures(answer.verdict)] == ["G-06"]


def test_a_clock_that_goes_back_brings_no_grant_back_and_ends_no_watch():
    then, over = NOW - 30 * DAY, replace(GRANTED, until=NOW - DAY)
    answer = held(CELL, told(over), landed(ENOUGH), pull=PULL, now=then)
    assert [leaf.rule for leaf in failures(answer.verdict)] == ["earned"]
    assert answer.record.counts.outcomes == 0
    assert held(CELL, told(over), landed(ENOUGH), pull=PULL, now=NOW).verdict.allows, "it had earned it, too"


COUNTS = st.tuples(st.integers(0, 130), st.integers(0, 2))


@given(COUNTS, COUNTS)
def test_so_many_clean_outcomes_are_missing_and_no_more(own, others):
    merges = [*landed(*own), *landed(*others, cell=OTHERS)]
    record = track_record(CELL, merges, NOW)
    assert judge_record(record).allows is (record.missing == 0)
    for more in {max(record.missing - 1, 0), record.missing}:
        then = track_record(CELL, [*merges, *landed(more)], NOW)
        assert judge_record(then).allows is (more == record.missing)


def test_what_is_under_watch_is_told_with_its_end():
    young = landed(2, age=WATCH - DAY)
    record = track_record(CELL, [*landed(3), *young, *unwatched(4)], NOW)
    assert (record.own.outcomes, record.under_watch, record.unwatched) == (3, 2, 4)
    assert record.next_end == NOW + DAY


def test_a_failure_after_the_grant_suspends_it():
    failed = Landed(cell=CELL, change=ChangeId("c-0"), at=NOW, failed_at=NOW + timedelta(hours=1))
    answer = held(CELL, told(GRANTED), [failed], pull=PULL, now=NOW + timedelta(hours=2))
    assert [leaf.rule for leaf in failures(answer.verdict)] == ["suspended"]
    assert answer.grant is None


STAND = Stand(
    scope=ApprovalScope.CONTENT,
    modes=(Mode.AUTONOMOUS, Mode.AUTONOMOUS),
    tier=Tier.LOW,
    toggles=Toggles(),
    quorum=1,
    owners_asked=False,
    reserved=passed("reserved", "nothing"),
    dependencies=passed("G-14", "untouched"),
    held=held(CELL, told(GRANTED), [], pull=PULL, now=NOW),
    people_approved=False,
)
EARNED = held(CELL, Governance(), landed(ENOUGH), pull=PULL, now=NOW)
MERGE = replace(STAND, scope=ApprovalScope.MERGE)
STANDS = [
    ("all of it holds", STAND, ""),
    ("it holds for the merge", MERGE, ""),
    ("medium", replace(STAND, tier=Tier.MEDIUM), ""),
    ("high", replace(STAND, tier=Tier.HIGH), "G-06"),
    ("critical", replace(STAND, tier=Tier.CRITICAL), "G-06"),
    ("risk is not known", replace(STAND, tier=None), "G-06"),
    ("supervised at creation", replace(STAND, modes=(Mode.SUPERVISED, Mode.AUTONOMOUS)), "mode"),
    ("manual today", replace(STAND, modes=(Mode.AUTONOMOUS, Mode.MANUAL)), "mode"),
    ("switched off", replace(STAND, toggles=Toggles(autonomy=False)), "autonomy"),
    ("quarantine keeps merges", replace(MERGE, toggles=Toggles(quarantine=True)), "G-11"),
    ("quarantine lets drafts", replace(STAND, toggles=Toggles(quarantine=True)), ""),
    ("automerge is off", replace(MERGE, toggles=Toggles(automerge=False)), "automerge"),
    ("two are asked for", replace(STAND, quorum=2), "require_reviews"),
    ("owners are asked", replace(STAND, owners_asked=True), "code_owners"),
    ("dependencies are not in order", replace(STAND, dependencies=blocked("G-14", "no hash")), "G-14"),
    ("earned, but no person is the quorum", replace(STAND, held=EARNED), "quorum"),
    ("earned, a person approved what is merged", replace(MERGE, held=EARNED, people_approved=True), ""),
    ("earned, nobody approved what is merged", replace(MERGE, held=EARNED), "quorum"),
]


@pytest.mark.parametrize(("what", "stand", "rule"), STANDS, ids=[case[0] for case in STANDS])
def test_when_policy_stands_in_for_a_person(what, stand, rule):
    verdict = may_policy_approve(stand)
    assert verdict.allows is not bool(rule)
    assert [leaf.rule for leaf in failures(verdict)] == ([rule] if rule else [])


CONTENT, MERGING = ApprovalScope.CONTENT, ApprovalScope.MERGE
SOURCE = replace(PLAIN, path="src/a.py")
RESERVED = [
    ("a plain edit", diff(SOURCE), CONTENT, []),
    ("its merge", diff(SOURCE), MERGING, ["merge_to_main"]),
    ("something is gone", diff(replace(SOURCE, status=FileStatus.DELETED)), CONTENT, ["breaking_changes"]),
    ("no known language", diff(replace(SOURCE, path="src/a.odd")), CONTENT, ["breaking_changes"]),
    (
        "not compared",
        replace(diff(SOURCE), unread=(Unread(path="src/a.py", why="too long"),)),
        CONTENT,
        ["breaking_changes"],
    ),
    ("documents break nobody", diff(replace(SOURCE, path="docs/a.md")), CONTENT, []),
    ("a protected path", diff(replace(SOURCE, path=".env.py")), CONTENT, ["security_related"]),
]


@pytest.mark.parametrize(("what", "facts", "scope", "rules"), RESERVED, ids=[case[0] for case in RESERVED])
def test_what_is_kept_for_people(what, facts, scope, rules):
    assert [leaf.rule for leaf in failures(judge_reserved(facts, scope, Policy()))] == rules
    assert judge_reserved(facts, scope, replace(Policy(), human_approval=())).allows


@pytest.mark.parametrize("reserved", Reserved)
def test_only_what_is_listed_is_kept(reserved):
    policy = replace(Policy(), human_approval=(reserved,))
    gone = diff(replace(SOURCE, path=".env.py", status=FileStatus.DELETED))
    assert [leaf.rule for leaf in failures(judge_reserved(gone, MERGING, policy))] == [reserved]


@pytest.mark.parametrize(
    ("what", "now", "pull", "ceiling", "allows"),
    [
        ("the first of two", NOW, "another", 2, True),
        ("no more", NOW, "another", 1, False),
        ("none at all", NOW + DAY, "another", 0, False),
        ("it was counted already", NOW, PULL, 1, True),
        ("the next day", NOW + DAY, "another", 1, True),
        ("the clock went back", NOW - 2 * DAY, "another", 1, False),
    ],
)
def test_the_days_budget(what, now, pull, ceiling, allows):
    governance = told(GRANTED, COUNTED)
    assert judge_ceiling(governance, pull, ceiling=ceiling, now=now).allows is allows
    assert tomorrow(governance, now) > max(now, NOW)


def done(name: str, hour: int) -> Outcome:
    return Outcome(change=ChangeId(name), at=NOW + timedelta(hours=hour), how=DONE)


def failed(name: str, hour: int) -> Outcome:
    return replace(done(name, hour), how="rejected")


@pytest.mark.parametrize(
    ("what", "outcomes", "since", "row"),
    [
        ("none", [], None, ()),
        ("two in a row, in any order", [failed("b", 2), failed("a", 1)], None, ("a", "b")),
        ("one went well between", [failed("a", 1), done("b", 2), failed("c", 3)], None, ("c",)),
        ("one change fails twice", [failed("a", 1), failed("a", 2)], None, ("a",)),
        ("those before it was lifted", [failed("a", 1), failed("b", 3)], NOW + timedelta(hours=1), ("b",)),
        ("done, then rolled back", [done("a", 1), failed("a", 2)], None, ("a",)),
    ],
)
def test_failures_in_a_row(what, outcomes, since, row):
    assert failures_in_a_row(outcomes, since) == row


def test_quarantine_ends_only_by_being_lifted():
    seen = QuarantineSet(failures=(ChangeId("a"),), threshold=1)
    assert told(seen, GRANTED, COUNTED).quarantine
    lifted = told(seen, QuarantineLifted(by=ADA, reason=WHY))
    assert lifted.quarantine is None
    assert lifted.lifted_at == NOW


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({}, ""),
        ({"cell": replace(CELL, agent="bumb")}, "agent"),
        ({"cell": replace(CELL, repositories="library")}, "class"),
        ({"cell": replace(CELL, tier=Tier.HIGH)}, "G-06"),
        ({"cell": replace(CELL, tier=Tier.CRITICAL)}, "G-06"),
        ({"days": 0}, "days"),
        ({"days": 366}, "days"),
        ({"cap": 0}, "cap"),
    ],
)
def test_what_can_be_granted(change, rule):
    asked = replace(Asked(cell=CELL, days=7, cap=5), **change)
    verdict = judge_grant(asked, agents=("bump",), classes=("libraries",))
    assert [leaf.rule for leaf in failures(verdict)] == ([rule] if rule else [])


def test_the_first_class_that_fits_counts():
    classes = (("libraries", ("lib-*",)), ("ours", ("acme/*",)))
    names = ("acme/lib-a", "acme/shop", "else/shop")
    assert [class_of(name, classes) for name in names] == ["libraries", "ours", "other"]
