"""Approvals that unlock nothing: a clear refusal, or one record, and never a write."""

import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.flows.house import House, digest_of
from tests.flows.test_tightening import grant

from localforge.access import Role
from penstock.core.approval import ApprovalScope
from penstock.core.change.model import Change, State
from penstock.core.policy.rules import Separation
from penstock.core.refs import ChangeId, Digest
from penstock.core.verdict import first_reason
from penstock.flows import orders

UNKNOWN = Digest("sha256:" + "0" * 64)


def answer(desk: orders.Desk, change: Change, digest: Digest) -> orders.Answer:
    (one,) = orders.approve(desk, change, (digest,), ApprovalScope.CONTENT)
    return one


def recorded(house: House, name: ChangeId) -> int:
    return house.kinds(name).count("E_APPROVAL_RECORDED")


def test_what_is_refused_says_why_and_records_nothing(house: House):
    """A digest that is unknown, of another kind, changed since; somebody without the right, or who asked for it."""
    repo = house.repository("refused-approvals")
    with house.working():
        name = house.start(repo)
        change = house.until(name, State.WAITING_USER_APPROVAL)
        desk = house.home.desk(interactive=True)
        digest = digest_of(change)
        stranger = replace(desk, person="stranger")
        required = replace(desk, policy=replace(desk.policy, separation=Separation.REQUIRED))
        (merge,) = orders.approve(desk, change, (digest,), ApprovalScope.MERGE)
        refused = {
            "stale: nothing with this digest waits": answer(desk, change, UNKNOWN),
            "stale: nothing with this digest waits for merge": merge,
            "write_permission: stranger has write permission": answer(stranger, change, digest),
            "separation_of_duties: operator asked for this": answer(required, change, digest),
        }
        house.script.edit = lambda folder: (folder / "src" / "a.py").write_text("x = 7\n")
        orders.request_changes(desk, change, digest, "say seven")
        changed = house.until(name, State.WAITING_USER_APPROVAL, and_=lambda c: c.rounds == 1)
        refused["stale: nothing with this digest waits for content"] = answer(desk, changed, digest)
    for why, told in refused.items():
        assert not told.recorded
        assert not told.verdict.allows
        assert why in first_reason(told.verdict)
    assert recorded(house, name) == 0
    assert house.branches(repo) == {"main"}


@pytest.mark.slow
def test_an_approval_that_has_expired_lets_nothing_through(house: House):
    """Given long ago, and acted on too late: denied at the write, void, and to be given anew."""
    repo = house.repository("expired-approvals")
    with house.working():
        name = house.start(repo)
        change = house.until(name, State.WAITING_USER_APPROVAL)

    class Earlier:
        def now(self):
            return house.home.clock.now() - timedelta(days=14) + timedelta(seconds=1)

        def sleep(self, seconds: float) -> None:
            raise AssertionError("nobody waits")

    desk = replace(house.home.desk(interactive=True), clock=Earlier())
    assert answer(desk, change, digest_of(change)).recorded
    threading.Event().wait(1.1)
    with house.working():
        stopped = house.until(name, State.NEEDS_HUMAN)
    assert stopped.reason == "branch_denied"
    assert stopped.approvals == ()
    assert house.branches(repo) == {"main"}


@pytest.mark.parametrize("people", [("ben", "ben"), ("ben", "cleo")])
def test_two_at_the_same_moment_are_one_record_or_one_refusal(house: House, people: tuple[str, str]):
    """The same person twice is one record; of two people, the second finds that nothing waits any more."""
    repo = house.repository("same-moment-" + "-".join(people))
    for login in people:
        grant(house, repo, Role.WRITE, login)
    with house.working():
        name = house.start(repo)
        change = house.until(name, State.WAITING_USER_APPROVAL)
    desks = [replace(house.home.desk(interactive=True), person=login) for login in people]
    together = threading.Barrier(2)
    told: list[orders.Answer] = []

    def give(desk: orders.Desk) -> None:
        together.wait()
        told.append(answer(desk, change, digest_of(change)))

    threads = [threading.Thread(target=give, args=(desk,)) for desk in desks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(one.recorded for one in told) == [False, True]
    assert recorded(house, name) == len(house.change(name).approvals) == 1
    (second,) = [one for one in told if not one.recorded]
    assert second.verdict.allows is (people[0] == people[1])
    assert second.verdict.allows or "it has moved on meanwhile" in first_reason(second.verdict)
