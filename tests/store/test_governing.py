"""The governance log: one of two gets the last place, what does not hold counts as stopped, old stores are brought up to it."""

from pathlib import Path
from types import SimpleNamespace
from typing import cast

from sqlalchemy import text
from tests.clock import ManualClock
from tests.scripted import ADA, CHANGE, approval, created, ref, success

from penstock.adapters.store.outcomes import Outcomes
from penstock.adapters.store.proof import Proof
from penstock.adapters.store.store import Store, open_store
from penstock.core.approval import ApprovalScope
from penstock.core.autonomy.events import Noted, QuarantineLifted, QuarantineSet
from penstock.core.autonomy.model import Governance
from penstock.core.change import events as e
from penstock.core.change.journal import Appended, Draft
from penstock.core.change.model import Change, State
from penstock.core.change.next import next_effects
from penstock.core.change.proposing import open_digests
from penstock.core.refs import ChangeId, NodeId
from penstock.core.risk import History, of_its_kind
from penstock.flows.steering import Steering


def steering(store: Store, clock: ManualClock) -> Steering:
    outcomes = Outcomes(store.database, store.reader)
    return Steering(log=store.governance, outcomes=outcomes, clock=clock, quarantine_after=3)


def test_of_two_processes_one_gets_the_last_place(tmp_path: Path, store: Store, clock: ManualClock):
    ours, theirs = steering(store, clock), steering(other := open_store(tmp_path, clock), clock)
    ours.log.now()
    answers = [
        one.count_pull(ChangeId(name), NodeId("R_1"), grant="", ceiling=1).allows
        for one, name in ((theirs, "c-1"), (ours, "c-2"), (theirs, "c-1"))
    ]
    assert answers == [True, False, True]
    assert len(store.governance.entries()) == 1
    other.database.close()


def test_a_decision_is_taken_again_where_the_log_moved_meanwhile(
    tmp_path: Path, store: Store, clock: ManualClock
):
    """The other process gets in between the decision and the append."""
    other, seen = open_store(tmp_path, clock), []

    def decide(now: Governance) -> Noted:
        seen.append(now.n)
        if now.n == 0:
            other.governance.record(lambda _: Noted(key="theirs", event=QUARANTINE))
        return Noted(key="ours", event=QUARANTINE)

    assert store.governance.record(decide).n == 2
    assert seen == [0, 1]
    other.database.close()


QUARANTINE = QuarantineSet(failures=(CHANGE,), threshold=1)


def test_a_log_that_was_edited_counts_as_stopped(tmp_path: Path, store: Store, clock: ManualClock):
    store.governance.record(lambda _: Noted(key="q", event=QUARANTINE))
    with store.database.writing() as connection:
        edited = text("UPDATE ledger SET body = replace(body, '1', '9') WHERE change_id = 'governance'")
        assert connection.execute(edited).rowcount == 1
    again = open_store(tmp_path, clock)
    assert not steering(again, clock).system().readable
    assert not Proof(again.database, again.seal).verify(None).holds
    again.database.close()


def test_a_reason_can_be_erased_on_record(store: Store):
    texts = store.governance.texts()
    reason = texts.put("the runner of Bob was broken")
    lifted = QuarantineLifted(by=ADA, reason=reason)
    store.governance.record(lambda _: Noted(key="l", event=lifted, blobs=texts.blobs))
    assert store.governance.holds(reason)
    store.governance.erase(reason, by=ADA, reason="a name")
    assert store.texts().get(reason) is None
    report = Proof(store.database, store.seal).verify(None)
    assert (report.holds, report.erased) == (True, 1)


def test_a_store_of_before_is_brought_up_and_holds(tmp_path: Path, store: Store, clock: ManualClock):
    texts = store.texts()
    store.create(CHANGE, Draft(key="created", event=created(texts), blobs=texts.blobs))
    with store.database.writing() as connection:
        connection.execute(text("DROP INDEX ledger_outcomes"))
        connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    store.database.close()
    again = open_store(tmp_path, clock)
    with again.database.reading() as connection:
        names = text("SELECT name FROM sqlite_master WHERE name = 'ledger_outcomes'")
        assert connection.execute(names).scalar() == "ledger_outcomes"
    assert steering(again, clock).system().quarantine is None
    assert Proof(again.database, again.seal).verify(None).holds
    again.database.close()


def done(store: Store, name: ChangeId) -> None:
    """Drive it to its end: everything goes well, and everybody approves."""
    texts = store.texts()
    begun = Draft(key="created", event=created(texts, signal=f"issue:{name}"), blobs=texts.blobs)
    assert isinstance(store.create(name, begun), Appended)
    for step in range(80):
        change = store.change(name)
        assert isinstance(change, Change)
        if change.state is State.DONE:
            return
        found = next_effects(change)
        events: list[e.Event] = []
        if isinstance(found, tuple):
            told = (success(effect, change, texts) for effect in found)
            events = [outcome for outcome in told if outcome][:1]
        for scope in () if events else tuple(ApprovalScope):
            events += [
                approval(digest, scope, at=change.updated_at) for digest in open_digests(change, scope)
            ]
        for number, event in enumerate(events):
            store.record(name, Draft(key=f"{step}.{number}", event=event, blobs=texts.blobs))
    raise AssertionError(f"{name} never ends")


def test_the_risk_of_the_next_one_knows_how_the_last_ones_went(
    tmp_path: Path, store: Store, clock: ManualClock
):
    ours = steering(store, clock)
    next_one = cast("Change", SimpleNamespace(agent="", recipe="rename"))
    assert ours.of_its_kind(next_one) == of_its_kind("rename", History())
    first, second = ChangeId("c-first00001"), ChangeId("c-second0001")
    done(store, first)
    done(store, second)
    assert ours.of_its_kind(next_one) == of_its_kind("rename", History(merged=2))
    back = Draft(key="back", event=e.Cancelled(by=ADA, rollback=True, words=ref("back")))
    assert isinstance(store.record(second, back), Appended)
    assert ours.of_its_kind(next_one) == of_its_kind("rename", History(merged=2, taken_back=1))
    other = cast("Change", SimpleNamespace(agent="tidy", recipe="rename"))
    assert ours.of_its_kind(other) == of_its_kind("tidy", History())
    with store.database.writing() as connection:
        spoilt = text("UPDATE ledger SET body = replace(body, 'ada', 'eve') WHERE change_id = :name")
        assert connection.execute(spoilt, {"name": first}).rowcount
    again = open_store(tmp_path, clock)
    assert steering(again, clock).of_its_kind(next_one) == of_its_kind("rename", None), "it is not left out"
    again.database.close()
