"""The leased loop in one process: what it starts, what it stops, and what it survives."""

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from tests.clock import ManualClock
from tests.scripted import ADA, CHANGE, NOW, created, ref, success

from penstock.adapters.clock import SystemClock
from penstock.adapters.store.database import Database
from penstock.adapters.store.heads import Queue
from penstock.adapters.store.owner import this_process
from penstock.adapters.store.seal import open_seal
from penstock.adapters.store.store import Store, open_store
from penstock.core.change import events as e
from penstock.core.change.effects import Effect, Propose, TriageSignal
from penstock.core.change.journal import Appended, Draft, Lease, Settle
from penstock.core.change.model import Change, State
from penstock.core.refs import ChangeId, NodeId
from penstock.flows.driving import Perform
from penstock.flows.durable import Durable, Options
from penstock.flows.inline import Inline
from penstock.ports import Clock, Permanent, StopFlag, Texts, Transient

QUICK = Options(poll_seconds=0.002, shortest_look=timedelta(milliseconds=5), grace_seconds=1)


def well(effect: Effect, change: Change, texts: Texts, stop: StopFlag) -> e.Event | None:
    return success(effect, change, texts)


def begin(store: Store, change: ChangeId = CHANGE) -> ChangeId:
    texts = store.texts()
    draft = Draft(key="created", event=created(texts, signal=f"signal of {change}"), blobs=texts.blobs)
    assert isinstance(store.create(change, draft), Appended)
    return change


def worker(store: Store, perform: Perform, clock: Clock | None = None, options: Options = QUICK) -> Durable:
    queue = Queue(store.database, this_process())
    return Durable(store, queue, perform, clock or SystemClock(), options)


@contextmanager
def running(*workers: Durable) -> Iterator[None]:
    stop = threading.Event()
    threads = [threading.Thread(target=one.run, args=(stop,)) for one in workers]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join(10)
    assert not any(thread.is_alive() for thread in threads)


def until(found: Callable[[], object], seconds: float = 5) -> None:
    deadline = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.002)


def state_of(store: Store, change: ChangeId = CHANGE) -> State:
    found = store.change(change)
    assert isinstance(found, Change)
    return found.state


def resting(store: Store, state: State, change: ChangeId = CHANGE) -> Callable[[], bool]:
    """Is it in that state, and given back."""
    return lambda: any(h.change == change and h.state is state and h.owner is None for h in store.heads())


def keys(store: Store) -> list[str]:
    return [entry.key for entry in store.reader.entries(CHANGE)]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(tmp_path, SystemClock())
    yield opened
    opened.close()


def test_it_tells_the_same_story_as_the_fold_without_memory(store: Store) -> None:
    begin(store)
    with running(worker(store, well, options=replace(QUICK, effects_at_once=1))):
        until(resting(store, State.WAITING_USER_APPROVAL))
    texts = store.texts()
    inline = Inline(CHANGE, Draft(key="created", event=created(texts)), well, texts, ManualClock())
    assert inline.run(NOW).state is State.WAITING_USER_APPROVAL
    assert keys(store) == [entry.key for entry in inline.log]
    (head,) = store.heads()
    assert head.ready_at is None, "a change that waits for people costs nothing"


def test_the_row_is_given_back_in_the_last_append(store: Store) -> None:
    points: list[str] = []
    begin(store)
    options = replace(QUICK, probe=lambda name, key: points.append(name))
    with running(worker(store, well, options=options)):
        until(resting(store, State.WAITING_USER_APPROVAL))
    assert points.count("claimed") == 1
    assert "releasing" not in points


@dataclass(slots=True)
class Busy:
    """Performs slowly, and notes what runs at the same time."""

    seconds: float = 0.05
    now: list[NodeId | None] = field(default_factory=list)
    most: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, effect: Effect, change: Change, texts: Texts, stop: StopFlag) -> e.Event | None:
        with self.lock:
            assert effect.repo not in self.now, "two effects on one repository at a time"
            self.now.append(effect.repo)
            self.most = max(self.most, len(self.now))
        time.sleep(self.seconds)
        with self.lock:
            self.now.remove(effect.repo)
        return success(effect, change, texts)


@pytest.mark.parametrize(("threads", "most"), [(1, 1), (2, 2), (8, 3)])
def test_repositories_advance_side_by_side(store: Store, threads: int, most: int) -> None:
    begin(store)
    busy = Busy()
    with running(worker(store, busy, options=replace(QUICK, effects_at_once=threads))):
        until(resting(store, State.WAITING_USER_APPROVAL))
    assert busy.most == most


@dataclass(slots=True)
class Waiting:
    """One effect that goes on until it is told to stop, or let go; the others go well."""

    effect: type[Effect]
    begun: threading.Event = field(default_factory=threading.Event)
    go: threading.Event = field(default_factory=threading.Event)
    told: list[str] = field(default_factory=list)

    def __call__(self, effect: Effect, change: Change, texts: Texts, stop: StopFlag) -> e.Event | None:
        if isinstance(effect, self.effect):
            self.begun.set()
            while not self.go.wait(0.002):
                if not stop.wanted():
                    self.told.append(effect.key)
                    raise Transient("stopped", "not wanted any more")
        return success(effect, change, texts)


def test_an_effect_that_is_not_wanted_any_more_is_told(store: Store) -> None:
    """Long before the next heartbeat: the append wakes its holder."""
    begin(store)
    waiting = Waiting(Propose)
    with running(worker(store, waiting)):
        assert waiting.begun.wait(5)
        store.record(CHANGE, Draft(key="stop", event=e.Cancelled(by=ADA, rollback=False, words=ref("no"))))
        until(resting(store, State.CANCELLED))
    assert sorted(waiting.told) == ["propose:R_app:0.0", "propose:R_lib:0.0", "propose:R_site:0.0"]
    assert keys(store)[-1] == "stop"


def test_an_outcome_is_kept_whatever_happened_meanwhile(store: Store) -> None:
    begin(store)
    waiting = Waiting(TriageSignal)
    with running(worker(store, waiting)):
        assert waiting.begun.wait(5)
        waiting.go.set()
        store.record(CHANGE, Draft(key="stop", event=e.Cancelled(by=ADA, rollback=False, words=ref("no"))))
        until(resting(store, State.CANCELLED))
        until(lambda: "triage:-:0.0" in keys(store) or waiting.told)


def test_a_worker_whose_lease_is_over_writes_and_records_nothing(tmp_path: Path) -> None:
    """It gets no heartbeat in; meanwhile another one takes the change."""
    clock = ManualClock()
    store = open_store(tmp_path, clock)
    begin(store)
    begun, go, wanted = threading.Event(), threading.Event(), []

    def frozen(effect: Effect, change: Change, texts: Texts, stop: StopFlag) -> e.Event | None:
        wanted.append(stop.wanted())
        begun.set()
        assert go.wait(5)
        wanted.append(stop.wanted())
        return success(effect, change, texts)

    with running(worker(store, frozen, clock, replace(QUICK, poll_seconds=3600))):
        assert begun.wait(5)
        clock.advance(31)
        later = clock.now() + timedelta(seconds=30)
        taken = Queue(store.database, this_process()).claim(limit=1, now=clock.now(), until=later)
        go.set()
        until(lambda: len(wanted) == 2)
    assert wanted == [True, False]
    assert [lease.epoch for lease in taken] == [2]
    assert keys(store) == ["created"]
    assert store.heads()[0].owner == taken[0].owner
    store.close()


def test_a_change_that_kills_its_workers_is_parked(store: Store) -> None:
    begin(store)
    now = SystemClock().now()
    claims = [
        lease.claims
        for _ in range(5)
        for lease in Queue(store.database, this_process()).claim(limit=1, now=now, until=now)
    ]
    assert claims == [1, 2, 3, 4, 5]
    with running(worker(store, _never)):
        until(lambda: state_of(store) is State.NEEDS_HUMAN)
    change = store.change(CHANGE)
    assert isinstance(change, Change)
    assert change.reason == "stuck"
    assert change.detail is not None
    assert "triage:-:0.0" in str(store.texts().get(change.detail))


def _never(effect: Effect, change: Change, texts: Texts, stop: StopFlag) -> e.Event | None:
    assert not isinstance(effect, TriageSignal), "performed although stuck"
    return success(effect, change, texts)


def test_an_outcome_that_changes_nothing_asks_a_person(store: Store) -> None:
    """It is recorded, and once more found recorded; then it stops, instead of going on for ever."""
    tried: list[str] = []

    def useless(effect: Effect, change: Change, texts: Texts, stop: StopFlag) -> e.Event | None:
        if isinstance(effect, TriageSignal):
            tried.append(effect.key)
            return e.Woken(by=ADA)
        return success(effect, change, texts)

    begin(store)
    with running(worker(store, useless)):
        until(lambda: state_of(store) is State.NEEDS_HUMAN)
    assert len(tried) == 2
    assert [key for key in keys(store) if "no_progress" in key] == ["no_progress:triage:-:0.0"]


def test_a_change_whose_log_does_not_hold_stops_alone(store: Store) -> None:
    begin(store)
    sound = begin(store, ChangeId("c-sound00001"))
    with store.database.writing() as connection:
        forged = f"UPDATE ledger SET at = 'yesterday' WHERE change_id = '{CHANGE}'"
        connection.execute(text(forged))
    elsewhere = open_store(store.database.path.parent, SystemClock())
    one = worker(elsewhere, well)
    with running(one):
        until(resting(elsewhere, State.WAITING_USER_APPROVAL, sound))
        until(lambda: CHANGE in one.broken)
        until(resting(elsewhere, State.INGESTED, CHANGE))
    assert one.broken[CHANGE].n == 1
    assert {head.change: head.ready_at for head in elsewhere.heads()} == {CHANGE: None, sound: None}
    elsewhere.close()


def test_a_locked_database_delays_and_loses_nothing(tmp_path: Path) -> None:
    open_store(tmp_path, SystemClock()).close()
    database = Database(tmp_path / "penstock.db", busy_seconds=0.02)
    store = Store(database, open_seal(tmp_path, may_make=False), SystemClock())
    begin(store)
    performed: list[str] = []

    def locking(effect: Effect, change: Change, texts: Texts, stop: StopFlag) -> e.Event | None:
        performed.append(effect.key)
        if isinstance(effect, TriageSignal):
            other.execute("BEGIN IMMEDIATE")
        return success(effect, change, texts)

    path = tmp_path / "penstock.db"
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        one = worker(store, locking)
        with running(one):
            until(lambda: one.trouble)
            assert one.trouble is not None
            assert one.trouble.code == "database_locked"
            other.execute("ROLLBACK")
            until(resting(store, State.WAITING_USER_APPROVAL))
            until(lambda: one.trouble is None)
    assert len(performed) == len(set(performed))
    store.close()


class Failing:
    """A journal whose database turns out to be damaged at an append."""

    def __init__(self, store: Store) -> None:
        self.texts = store.texts
        self.change = store.change

    def append(self, lease: Lease, draft: Draft, settle: Settle) -> Appended:
        raise Permanent("database_corrupt", "damaged")


def test_a_damaged_database_ends_the_worker(store: Store) -> None:
    begin(store)
    queue = Queue(store.database, this_process())
    one = Durable(Failing(store), queue, well, SystemClock(), QUICK)
    with pytest.raises(Permanent, match="damaged"):
        one.run(threading.Event())


def test_another_process_wakes_it(store: Store) -> None:
    """Another connection's commit is noticed, and a look that was put off is made at once."""
    begin(store)
    looks: list[float] = []

    def patient(effect: Effect, change: Change, texts: Texts, stop: StopFlag) -> e.Event | None:
        looks.append(time.monotonic())
        return None

    options = replace(QUICK, shortest_look=timedelta(hours=1))
    elsewhere = open_store(store.database.path.parent, SystemClock())
    one = worker(store, patient, options=options)
    with running(one):
        until(lambda: looks)
        until(resting(store, State.INGESTED))
        time.sleep(0.05)
        assert len(looks) == 1
        began = time.monotonic()
        worker(elsewhere, well).wake(CHANGE, SystemClock().now())
        until(lambda: len(looks) == 2)
    assert looks[1] - began < 0.5
    elsewhere.close()


def test_a_deferred_change_wakes_at_its_time(store: Store) -> None:
    def deferring(effect: Effect, change: Change, texts: Texts, stop: StopFlag) -> e.Event | None:
        if isinstance(effect, TriageSignal) and not change.generation:
            later = SystemClock().now() + timedelta(seconds=0.2)
            return e.TriageDecided(decision=e.Triage.DEFER, recipe="", verdict=texts.put("-"), wake_at=later)
        return success(effect, change, texts)

    begin(store)
    with running(worker(store, deferring)):
        until(resting(store, State.WAITING_USER_APPROVAL))
    entries = {entry.event.kind: entry for entry in store.reader.entries(CHANGE)}
    woken = entries["E_WOKEN"]
    assert isinstance(woken.event, e.Woken)
    assert woken.event.by.kind == "timer"
    deferred = next(x for x in store.reader.entries(CHANGE) if x.key == "triage:-:0.0")
    assert isinstance(deferred.event, e.TriageDecided)
    assert deferred.event.wake_at is not None
    late = woken.at - deferred.event.wake_at
    assert timedelta(0) <= late < timedelta(seconds=0.5)


def test_told_to_end_it_gives_back_what_it_holds(store: Store) -> None:
    begin(store)
    waiting = Waiting(Propose)
    with running(worker(store, waiting)):
        assert waiting.begun.wait(5)
    assert waiting.told
    (head,) = store.heads()
    assert head.owner is None
    assert head.ready_at is not None
    assert head.ready_at <= SystemClock().now()
    with running(worker(store, well)):
        until(resting(store, State.WAITING_USER_APPROVAL))


def test_two_workers_never_hold_one_change(store: Store) -> None:
    changes = [begin(store, ChangeId(f"c-many{n:06}")) for n in range(12)]
    elsewhere = open_store(store.database.path.parent, SystemClock())
    held: list[tuple[ChangeId, str]] = []
    lock = threading.Lock()

    def counted(effect: Effect, change: Change, texts: Texts, stop: StopFlag) -> e.Event | None:
        with lock:
            held.append((change.id, effect.key))
        return success(effect, change, texts)

    with running(worker(store, counted), worker(elsewhere, counted)):
        until(lambda: all(resting(store, State.WAITING_USER_APPROVAL, change)() for change in changes), 20)
    assert len(held) == len(set(held)), "an effect was performed twice"
    elsewhere.close()
