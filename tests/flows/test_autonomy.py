"""Acting without a person: only where it is granted, within the day's budget, out of quarantine; else a person is asked."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from tests.flows.house import House, digest_of, lane_in

from penstock.core.approval import ApprovalScope
from penstock.core.autonomy.granting import Asked
from penstock.core.autonomy.model import Cell
from penstock.core.change.events import PolicyDeclined
from penstock.core.change.model import Change, State
from penstock.core.policy.rules import Holder, Mode, Tier
from penstock.core.refs import ChangeId, RepoRef
from penstock.core.verdict import failures
from penstock.flows import governing, orders
from penstock.flows.views import pending_digests
from penstock.ports import Clock
from penstock.sections import Safety
from penstock.settings import Config

CELL = Cell(agent="scripted", repositories="other", tier=Tier.LOW)


def autonomous(house: House, *reserved: str) -> None:
    config = Config(version=1, mode=Mode.AUTONOMOUS)
    safety = Safety.model_validate({"human_approval_required": reserved})
    house.configure(config.model_copy(update={"safety": safety}))


def granted(house: House, *, cap: int = 5, tier: Tier = Tier.LOW) -> str:
    asked = Asked(cell=replace(CELL, tier=tier), days=7, cap=cap)
    seat = house.home.seat(interactive=True)
    answer = governing.grant(seat, asked, "it did well by hand", agents=("scripted",))
    assert answer.recorded, answer.verdict
    return house.home.store.governance.now().grants[-1].id


def declined(house: House, name: ChangeId) -> tuple[str, ...]:
    """The rules by which policy left it to a person."""
    events = [entry.event for entry in house.home.store.reader.entries(name)]
    return next((event.rules for event in events if isinstance(event, PolicyDeclined)), ())


def asked_person(change: Change) -> bool:
    return bool(change.answered)


def test_what_is_granted_is_approved_and_merged_by_policy(house: House):
    repo = house.repository("granted")
    autonomous(house)
    grant = granted(house)
    with house.working():
        name = house.start(repo)
        house.until(name, State.PR_OPEN, and_=lambda c: bool(lane_in(c, repo).forward.pull))
        house.report(house.change(name))
        done = house.until(name, State.DONE)
    assert {(a.by.kind, a.basis) for a in done.approvals} == {("policy", f"grant {grant}")}
    assert {a.scope for a in done.approvals} == set(ApprovalScope)
    assert "autonomous-verified" in {label["name"] for label in house.pulls(repo)[0]["labels"]}
    governance = house.home.store.governance.now()
    assert len(governance.pulls) == 1
    assert governance.grants[0].used == governance.pulls
    assert house.home.proof.verify(None).holds


def test_nothing_is_granted_so_a_person_is_asked(house: House):
    repo = house.repository("ungranted")
    autonomous(house)
    with house.working():
        name = house.start(repo)
        change = house.until(name, State.WAITING_USER_APPROVAL, and_=asked_person)
        assert not change.approvals
        assert house.branches(repo) == {"main"}
        house.approve(name)
        house.until(name, State.PR_OPEN)
    assert "earned" in declined(house, name)
    assert not house.home.store.governance.now().pulls, "a person approved it, so it is not counted"


def test_what_is_reserved_for_people_is_theirs(house: House):
    repo = house.repository("reserved")
    autonomous(house, "merge_to_main")
    granted(house)
    with house.working():
        name = house.start(repo)
        house.until(name, State.PR_OPEN, and_=lambda c: bool(lane_in(c, repo).forward.pull))
        house.report(house.change(name))
        waiting = house.until(name, State.VERIFYING_CI, and_=lambda c: len(c.answered) == 2)
        assert pending_digests(waiting, ApprovalScope.MERGE)
        assert not house.pulls(repo)[0]["merged_at"]
    assert "merge_to_main" in declined(house, name)


@pytest.mark.slow
def test_a_grant_that_is_taken_back_lets_nothing_more_be_written(house: House):
    repo = house.repository("taken-back")
    autonomous(house)
    grant = granted(house)
    with house.working():
        name = house.start(repo)
        house.until(name, State.PR_OPEN, and_=lambda c: bool(lane_in(c, repo).forward.pull))
        assert governing.revoke_grant(house.home.seat(interactive=True), grant, "second thoughts").recorded
        house.report(house.change(name))
        waiting = house.until(name, State.VERIFYING_CI, and_=lambda c: len(c.answered) == 2)
    assert {a.scope for a in waiting.approvals} == {ApprovalScope.CONTENT}
    assert not house.pulls(repo)[0]["merged_at"]


@pytest.mark.slow
def test_the_days_ceiling_makes_the_next_one_wait(house: House):
    repos = [house.repository(name) for name in ("first-today", "second-today")]
    autonomous(house)
    granted(house)
    house.holders = (Holder(name="test", max_prs_per_day=1),)
    with house.working():
        first = house.start(repos[0])
        house.until(first, State.PR_OPEN, and_=lambda c: bool(lane_in(c, repos[0]).forward.pull))
        second = house.start(repos[1])
        waits = house.until(
            second,
            State.APPLYING_PATCHES,
            State.PR_OPEN,
            and_=lambda c: bool(c.shipping and _retry(c, repos[1])),
        )
    assert lane_in(waits, repos[1]).trouble.reason == "pr_ceiling"
    assert _retry(waits, repos[1]) == tomorrow()
    assert not house.pulls(repos[1])
    assert len(house.home.store.governance.now().pulls) == 1


def _retry(change: Change, repo: RepoRef) -> datetime | None:
    return lane_in(change, repo).trouble.retry_at


def tomorrow() -> datetime:
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + timedelta(days=1)


def test_the_budget_survives_a_restart_and_a_clock_that_goes_back(house: House):
    autonomous(house)
    now = datetime.now(UTC)

    def count(at: datetime, name: str) -> bool:
        steering = replace(house.home.steering, clock=Fixed(at))
        verdict = steering.count_pull(ChangeId(name), lane, grant="", ceiling=2)
        return verdict.allows

    lane = house.repository("budget").node_id
    assert count(now, "c-1")
    assert count(now, "c-1"), "it has its place already"
    autonomous(house)
    assert count(now - timedelta(days=1), "c-2"), "yesterday's date is today still"
    assert not count(now - timedelta(days=3), "c-3")
    assert not count(now, "c-3")


class Fixed(Clock):
    def __init__(self, at: datetime) -> None:
        self._at = at

    def now(self) -> datetime:
        return self._at

    def sleep(self, seconds: float) -> None:
        raise AssertionError(seconds)


def test_failures_in_a_row_quarantine_it_until_a_person_says_why_not(house: House):
    repo = house.repository("failing")
    autonomy = house.settings.config.autonomy.model_copy(update={"quarantine_after": 2})
    house.configure(house.settings.config.model_copy(update={"autonomy": autonomy}))
    with house.working():
        names = [reject(house, repo, f"Try {number}") for number in range(2)]
        drafted = house.start(repo, title="Draft")
        house.until(drafted, State.WAITING_USER_APPROVAL)
        house.approve(drafted)
        house.until(drafted, State.PR_OPEN, and_=lambda c: bool(lane_in(c, repo).forward.pull))
    governance = house.home.store.governance.now()
    assert governance.quarantine
    assert governance.quarantine.failures == tuple(names)
    assert house.pulls(repo)[0]["draft"]
    assert house.toggles(None).quarantine
    seat = house.home.seat(interactive=True)
    stranger = replace(seat, desk=replace(seat.desk, person="stranger"))
    assert not governing.lift_quarantine(stranger, "let me").recorded
    refused = governing.lift_quarantine(seat, " ")
    assert [leaf.rule for leaf in failures(refused.verdict)] == ["reason"]
    assert house.toggles(None).quarantine
    assert governing.lift_quarantine(seat, "the runner was broken").recorded
    assert not house.toggles(None).quarantine
    assert not governing.lift_quarantine(seat, "again").recorded
    assert house.home.proof.verify(None).holds


def reject(house: House, repo: RepoRef, title: str) -> ChangeId:
    name = house.start(repo, title=title)
    waiting = house.until(name, State.WAITING_USER_APPROVAL)
    orders.reject(house.home.desk(interactive=True), waiting, digest_of(waiting), "no")
    house.until(name, State.FAILED)
    return name


def test_a_toggle_at_the_forge_stops_it_and_is_cleared_only_there(house: House):
    repo = house.repository("switched-off")
    variables = f"/repos/{repo.full_name}/actions/variables"
    assert house.home.toggles(repo).autonomy
    afresh(house)
    house.ask("POST", variables, {"name": "INFINITY_AUTONOMY_ENABLED", "value": "false"})
    assert not house.home.toggles(repo).autonomy
    assert house.home.toggles(None).autonomy, "it is that repository's alone"
    house.ask("PATCH", f"{variables}/INFINITY_AUTONOMY_ENABLED", {"value": "maybe"})
    afresh(house)
    assert not house.home.toggles(repo).autonomy, "what cannot be read counts as stopped"
    house.ask("DELETE", f"{variables}/INFINITY_AUTONOMY_ENABLED")
    afresh(house)
    assert house.home.toggles(repo).autonomy


def afresh(house: House) -> None:
    """As after the few seconds for which what was read is good."""
    house.configure(house.settings.config)
