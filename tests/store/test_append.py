"""The append path: one transaction, one key once, one holder, and nothing that happened is left out."""

import threading
from datetime import timedelta
from pathlib import Path

from sqlalchemy import text
from tests.clock import ManualClock
from tests.scripted import ADA, CHANGE, NOW, Names, created, decided, planned, ref

from penstock.adapters.store.heads import Queue
from penstock.adapters.store.owner import Owner, this_process
from penstock.adapters.store.store import Store, open_store
from penstock.core.change import events as e
from penstock.core.change.effects import Decide
from penstock.core.change.journal import (
    AlreadyOpen,
    Appended,
    Draft,
    Duplicate,
    Fenced,
    Lease,
    Refused,
    Rest,
    due_at,
)
from penstock.core.change.model import Action, Change, LegName, State
from penstock.core.ledger import Break
from penstock.core.refs import ChangeId

OTHER = ChangeId("c-other00001")
LEASE = timedelta(seconds=30)
GO = e.TriageDecided(decision=e.Triage.GO, recipe="rename", verdict=ref("G0"))


def begin(store: Store, change: ChangeId = CHANGE, signal: str = "issue:R_lib:7") -> Appended:
    texts = store.texts()
    draft = Draft(key="created", event=created(texts, signal=signal), blobs=texts.blobs)
    found = store.create(change, draft)
    assert isinstance(found, Appended), found
    return found


def cancelled(key: str = "cancel") -> Draft:
    return Draft(key=key, event=e.Cancelled(by=ADA, rollback=False, words=ref("stop")))


def keep(change: Change) -> Rest:
    return Rest(hold=True)


def give_back(change: Change) -> Rest:
    return Rest(hold=False, ready_at=due_at(change))


def claim(queue: Queue, clock: ManualClock) -> Lease:
    (lease,) = queue.claim(limit=9, now=clock.now(), until=clock.now() + LEASE)
    return lease


def refolded(state: Path, clock: ManualClock) -> Change | Break | None:
    """The change as a process reads it that knows nothing yet: only from a chain that holds."""
    other = open_store(state, clock)
    found = other.change(CHANGE)
    other.close()
    return found


def test_a_change_begins_due_and_is_read_back(store: Store) -> None:
    begun = begin(store)
    assert begun.change.state is State.INGESTED
    assert begun.change == store.change(CHANGE)
    (head,) = store.heads()
    assert (head.change, head.n, head.open, head.ready_at, head.owner) == (CHANGE, 1, True, NOW, None)
    assert store.texts().get(begun.change.title) == "Rename it"
    assert store.change(OTHER) is None


def test_one_change_is_open_for_a_signal(store: Store, clock: ManualClock) -> None:
    begin(store)
    texts = store.texts()
    again = Draft(key="created", event=created(texts), blobs=texts.blobs)
    assert store.create(OTHER, again) == AlreadyOpen(change=CHANGE)
    assert store.change(OTHER) is None
    assert store.of_signal("issue:R_lib:7") == (CHANGE,)

    clock.advance(1)
    store.record(CHANGE, cancelled())
    assert isinstance(store.create(OTHER, again), Appended)
    assert store.of_signal("issue:R_lib:7") == (CHANGE, OTHER)
    assert [head.change for head in store.heads(only_open=True)] == [OTHER]


def test_a_key_counts_once(store: Store) -> None:
    begin(store)
    assert isinstance(store.record(CHANGE, cancelled()), Appended)
    again = store.record(CHANGE, cancelled())
    assert isinstance(again, Duplicate)
    assert again.change == store.change(CHANGE)
    assert [entry.key for entry in store.reader.entries(CHANGE)] == ["created", "cancel"]


def test_what_the_change_does_not_accept_is_not_recorded(store: Store) -> None:
    begin(store)
    resumed = store.record(CHANGE, Draft(key="resume", event=e.Resumed(by=ADA, stale=())))
    assert isinstance(resumed, Refused)
    assert len(store.reader.entries(CHANGE)) == 1
    assert store.record(OTHER, cancelled()) is None


def test_times_in_a_log_never_go_back(store: Store, clock: ManualClock) -> None:
    begin(store)
    clock.advance(-3600)
    found = store.record(CHANGE, cancelled())
    assert isinstance(found, Appended)
    assert found.entry.at == NOW


def test_an_outcome_lands_after_what_happened_meanwhile(
    tmp_path: Path, store: Store, clock: ManualClock
) -> None:
    begin(store)
    lease = claim(Queue(store.database, this_process()), clock)
    elsewhere = open_store(tmp_path, clock)
    assert isinstance(elsewhere.record(CHANGE, cancelled()), Appended)
    elsewhere.close()

    landed = store.append(lease, Draft(key="triage", event=GO), keep)
    assert isinstance(landed, Appended)
    assert landed.entry.n == 3
    assert landed.change.state is State.CANCELLED
    assert refolded(tmp_path, clock) == landed.change


def test_a_worker_that_was_overtaken_appends_nothing(store: Store, clock: ManualClock) -> None:
    begin(store)
    slow, quick = (Queue(store.database, this_process()) for _ in range(2))
    first = claim(slow, clock)
    assert quick.claim(limit=9, now=clock.now(), until=clock.now() + LEASE) == ()
    clock.advance(31)
    second = claim(quick, clock)
    assert second.epoch == first.epoch + 1

    assert store.append(first, Draft(key="triage", event=GO), keep) == Fenced(lease=first)
    assert slow.extend([first], clock.now() + LEASE) == {first}
    slow.release(first, now=clock.now(), ready_at=None)
    assert store.heads()[0].owner == second.owner
    assert isinstance(store.append(second, Draft(key="triage", event=GO), keep), Appended)


def test_an_expired_lease_that_nobody_took_still_counts(store: Store, clock: ManualClock) -> None:
    begin(store)
    queue = Queue(store.database, this_process())
    lease = claim(queue, clock)
    clock.advance(3600)
    assert queue.claim(limit=9, now=clock.now(), until=clock.now() + LEASE) == ()
    assert queue.extend([lease], clock.now() + LEASE) == frozenset()
    assert isinstance(store.append(lease, Draft(key="triage", event=GO), keep), Appended)


def test_the_last_append_gives_the_change_back(store: Store, clock: ManualClock) -> None:
    begin(store)
    queue = Queue(store.database, this_process())
    later = e.TriageDecided(decision=e.Triage.NO_GO, recipe="", verdict=ref("G0"))
    found = store.append(claim(queue, clock), Draft(key="triage", event=later), lambda _: Rest(hold=False))
    assert isinstance(found, Appended)
    (head,) = store.heads()
    assert (head.owner, head.ready_at, head.open) == (None, None, False)
    assert queue.next_ready() is None


def test_a_held_change_that_was_appended_to_is_due_when_given_back(store: Store, clock: ManualClock) -> None:
    """Otherwise an approval in between would be slept through."""
    begin(store)
    queue = Queue(store.database, this_process())
    lease = claim(queue, clock)
    far = clock.now() + timedelta(days=1)
    store.record(CHANGE, cancelled())
    queue.release(lease, now=clock.now(), ready_at=far)
    assert store.heads()[0].ready_at == clock.now()

    lease = claim(queue, clock)
    queue.wake(CHANGE, clock.now())
    assert queue.take_woken() == {CHANGE}
    assert queue.take_woken() == frozenset()
    queue.release(lease, now=clock.now(), ready_at=far)
    assert store.heads()[0].ready_at == far
    queue.wake(CHANGE, clock.now())
    assert store.heads()[0].ready_at == clock.now()


def test_claims_without_progress_are_counted(store: Store, clock: ManualClock) -> None:
    begin(store)
    counts = []
    for _ in range(3):
        counts.append(claim(Queue(store.database, this_process()), clock).claims)
        clock.advance(31)
    assert counts == [1, 2, 3]
    queue = Queue(store.database, this_process())
    lease = claim(queue, clock)
    store.append(lease, Draft(key="triage", event=GO), give_back)
    assert claim(queue, clock).claims == 1


def test_what_a_dead_process_held_is_due_at_once(store: Store, clock: ManualClock) -> None:
    begin(store)
    me = this_process()
    dead = Owner(host=me.host, pid=me.pid, started="1", nonce="dead")
    elsewhere = Owner(host="another machine", pid=me.pid, started="1", nonce="away")
    claim(Queue(store.database, dead), clock)
    assert Queue(store.database, me).bury(clock.now())
    claim(Queue(store.database, elsewhere), clock)
    assert not Queue(store.database, me).bury(clock.now())
    assert Queue(store.database, this_process()).claim(limit=1, now=clock.now(), until=clock.now()) == ()


def test_appenders_at_the_same_moment_make_one_chain(
    tmp_path: Path, store: Store, clock: ManualClock
) -> None:
    """Four connections of as many stores append to one change, half of the keys twice."""
    begin(store)
    decide = Decide(key="x", action=Action.COMMENT, repo=None, leg=LegName.FORWARD, notice="n")

    def appending(number: int) -> None:
        own = open_store(tmp_path, clock)
        for n in range(20):
            event = decided(decide, Names())
            own.record(CHANGE, Draft(key=f"{number // 2}:{n}", event=event))
        own.close()

    threads = [threading.Thread(target=appending, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    entries = store.reader.entries(CHANGE)
    assert [entry.n for entry in entries] == list(range(1, 42))
    assert len({entry.key for entry in entries}) == 41
    assert refolded(tmp_path, clock) == store.change(CHANGE)


def test_an_append_is_all_or_nothing(store: Store) -> None:
    """A text that cannot be stored takes its event with it, and the head stays where it was."""
    begun = begin(store)
    with store.database.reading() as connection:
        ref_of_title = begun.change.title
    texts = store.texts()
    event = e.NeedsHuman(reason="a", repo=None, detail=texts.put("why"))
    (blob,) = texts.blobs
    clash = Draft(key="stop", event=event, blobs=(blob, blob))
    try:
        store.record(CHANGE, clash)
    except AssertionError:
        pass
    else:
        raise AssertionError("a text was stored twice")
    assert len(store.reader.entries(CHANGE)) == 1
    assert store.heads()[0].n == 1
    assert store.texts().get(ref_of_title) == "Rename it"
    with store.database.reading() as connection:
        assert connection.execute(text("SELECT count(*) FROM blob WHERE text = 'why'")).scalar() == 0


def test_events_are_counted_since_a_time(store: Store, clock: ManualClock) -> None:
    begin(store)
    clock.advance(60)
    posted = e.NoticePosted(notice="done.0", action=Action.COMMENT)
    store.record(CHANGE, Draft(key="posted", event=posted))
    assert store.count_since("E_NOTICE_POSTED", NOW) == 1
    assert store.count_since("E_NOTICE_POSTED", clock.now() + timedelta(seconds=1)) == 0
    assert store.count_since("E_WORKFLOW_CREATED", NOW) == 1


def test_the_fold_is_read_on_from_where_it_was_known(
    tmp_path: Path, store: Store, clock: ManualClock
) -> None:
    begin(store)
    before = store.change(CHANGE)
    other = open_store(tmp_path, clock)
    queue = Queue(store.database, this_process())
    other.append(claim(queue, clock), Draft(key="triage", event=GO), give_back)
    other.append(claim(queue, clock), Draft(key="plan", event=planned(Names())), give_back)
    other.close()
    after = store.change(CHANGE)
    assert isinstance(before, Change)
    assert isinstance(after, Change)
    assert (before.n, after.n, after.state) == (1, 3, State.PLANNED)
