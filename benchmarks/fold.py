"""The durable loop measured: throughput against bare commits, the cost of waiting, wakes, and coming back."""

import os
import sqlite3
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.measure import Measure
from tests.scripted import ADA, Names, approval, created, gates, planned, proposed, success

from penstock.adapters.clock import SystemClock
from penstock.adapters.store.heads import Queue
from penstock.adapters.store.owner import this_process
from penstock.adapters.store.store import Store, open_store
from penstock.core.approval import ApprovalScope
from penstock.core.change import events as e
from penstock.core.change.effects import Effect
from penstock.core.change.journal import Appended, Draft
from penstock.core.change.model import Change, State
from penstock.core.change.proposing import open_digests
from penstock.core.refs import ChangeId
from penstock.flows.durable import Durable
from penstock.ports import StopFlag, Texts

CHANGES, WAITING, WAKES, KILLS = 40, 10_000, 200, 5
IDLE_SECONDS = 10
NAMES = Names()


def measures() -> Iterator[Measure]:
    with TemporaryDirectory() as folder:
        yield from _throughput(Path(folder))
    with TemporaryDirectory() as folder:
        state = Path(folder)
        changes = _waiting(state)
        yield from _idle(state)
        yield from _wakes(state, changes)
        yield from _comebacks(state, changes[-KILLS:])


def _throughput(folder: Path) -> Iterator[Measure]:
    """Both in the same run, in turns, on the same disk; the medians of three."""
    bare, fold = [], []
    for turn in range(3):
        bare.append(_bare_loop(folder / f"bare{turn}.db"))
        fold.append(_through_the_fold(folder / f"fold{turn}"))
    loop, effects = statistics.median(bare), statistics.median(fold)
    yield Measure(what="bare loop of the same commits", aim="", measured=f"{loop:.0f} commits/s", met=None)
    yield Measure(
        what="effects and approvals through the fold", aim="", measured=f"{effects:.0f} records/s", met=None
    )
    ratio = effects / loop
    yield Measure(what="fold against bare loop", aim="≥ 0.6", measured=f"{ratio:.2f}", met=ratio >= 0.6)


def _bare_loop(path: Path, count: int = 2000) -> float:
    """Hash, two statements, commit; `synchronous=FULL`; bodies as long as the ledger's are on average."""
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute("CREATE TABLE head (change_id TEXT PRIMARY KEY, n INT, hash TEXT) WITHOUT ROWID")
        columns = "change_id TEXT, n INT, key TEXT, body TEXT, hash TEXT, PRIMARY KEY (change_id, n), UNIQUE (change_id, key)"
        db.execute(f"CREATE TABLE ledger ({columns}) WITHOUT ROWID")
        db.execute("INSERT INTO head VALUES ('c', 0, '')")
        db.commit()
        body, last = "x" * 400, ""
        began = time.perf_counter()
        for n in range(1, count + 1):
            last = sha256(f"{n}{body}{last}".encode()).hexdigest()
            db.execute("UPDATE head SET n = ?, hash = ? WHERE change_id = 'c' AND n = ?", (n, last, n - 1))
            db.execute("INSERT INTO ledger VALUES ('c', ?, ?, ?, ?)", (n, f"effect:{n}", body, last))
            db.commit()
        return count / (time.perf_counter() - began)


def _through_the_fold(state: Path) -> float:
    """Whole lives of changes to three repositories whose effects cost nothing; this thread approves them."""
    store = open_store(state, SystemClock())
    for number in range(CHANGES):
        _begin(store, number)

    def perform(effect: Effect, change: Change, _texts: Texts, _stop: StopFlag) -> e.Event | None:
        return success(effect, change, NAMES)

    stop = threading.Event()
    worker = Durable(store, Queue(store.database, this_process()), perform, SystemClock())
    thread = threading.Thread(target=worker.run, args=(stop,))
    began = time.perf_counter()
    thread.start()
    seen: dict[ChangeId, int] = {}
    while open_heads := store.heads(only_open=True):
        for head in open_heads:
            if head.owner is None and seen.get(head.change) != head.n:
                seen[head.change] = _approve(store, head.change)
        time.sleep(0.01)
    took = time.perf_counter() - began
    stop.set()
    thread.join()
    records = sum(head.n - 1 for head in store.heads())
    store.close()
    return records / took


def _approve(store: Store, name: ChangeId) -> int:
    """Approve whatever it waits for; the answer is how many records it has."""
    change = store.change(name)
    assert isinstance(change, Change)
    for scope in ApprovalScope:
        for digest in open_digests(change, scope) - {a.digest for a in change.approvals}:
            event = approval(digest, scope, at=SystemClock().now())
            store.record(name, Draft(key=f"approval:{event.approval.id}", event=event))
    return change.n


def _begin(store: Store, number: int) -> ChangeId:
    change = ChangeId(f"c-{number:010}")
    event = created(NAMES, signal=f"issue:{number}")
    assert isinstance(store.create(change, Draft(key="created", event=event)), Appended)
    return change


def _waiting(state: Path) -> list[ChangeId]:
    """Changes that wait for approval. Their logs are made without waiting for the disk; all else is as ever."""
    store = open_store(state, SystemClock())
    with store.database.writing() as connection:
        connection.exec_driver_sql("PRAGMA synchronous = OFF")
    changes = [_begin(store, number) for number in range(WAITING)]
    for change in changes:
        _to_approval(store, change)
    waiting = [
        head for head in store.heads() if head.state is State.WAITING_USER_APPROVAL and not head.ready_at
    ]
    assert len(waiting) == WAITING
    store.close()
    return changes


def _to_approval(store: Store, change: ChangeId) -> None:
    go = e.TriageDecided(decision=e.Triage.GO, recipe="rename", verdict=NAMES.put("G0"))
    _put(store, change, "triage", go)
    now = _put(store, change, "plan", planned(NAMES))
    for lane in now.lanes:
        now = _put(store, change, f"propose:{lane.repo.name}", proposed(lane, NAMES, 0))
    _put(store, change, "gates", gates(now, NAMES))


def _put(store: Store, change: ChangeId, key: str, event: e.Event) -> Change:
    found = store.record(change, Draft(key=key, event=event))
    assert isinstance(found, Appended), found
    return found.change


class Worker:
    """A worker process, and when its effects began: CLOCK_MONOTONIC is one clock for all processes."""

    def __init__(self, state: Path, *flags: str) -> None:
        self.started = time.monotonic_ns()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker", str(state), *flags],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def next_effect(self) -> tuple[int, ChangeId]:
        """When the next effect began (nanoseconds), and whose."""
        assert self.process.stdout
        at, change = self.process.stdout.readline().split()
        return int(at), ChangeId(change)

    def end(self) -> None:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.close()
        self.process.stdout.read()
        self.process.stdout.close()
        self.process.wait(30)


@contextmanager
def _working(state: Path, *flags: str) -> Iterator[Worker]:
    worker = Worker(state, *flags)
    try:
        yield worker
    finally:
        worker.end()


def _idle(state: Path) -> Iterator[Measure]:
    with _working(state) as worker:
        time.sleep(3)
        before = _cpu_seconds(worker.process.pid)
        time.sleep(IDLE_SECONDS)
        share = (_cpu_seconds(worker.process.pid) - before) / IDLE_SECONDS
        memory = _resident_bytes(worker.process.pid) / 1e6
    what = f"{WAITING:,} changes waiting for approval"
    yield Measure(what=f"{what}: CPU of the worker", aim="< 1 %", measured=f"{share:.2%}", met=share < 0.01)
    yield Measure(what=f"{what}: memory (RSS)", aim="< 80 MB", measured=f"{memory:.0f} MB", met=memory < 80)


def _cpu_seconds(pid: int) -> float:
    """User and system time, all threads. Source: proc_pid_stat(5), fields 14 and 15."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _resident_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _wakes(state: Path, changes: list[ChangeId]) -> Iterator[Measure]:
    """From the return of the append in this process to the beginning of the effect in the other."""
    store = open_store(state, SystemClock())
    delays = []
    with _working(state) as worker:
        time.sleep(2)
        for change in changes[:WAKES]:
            _send_back(store, change)
            appended = time.monotonic_ns()
            at, woken = worker.next_effect()
            while woken != change:
                at, woken = worker.next_effect()
            delays.append((at - appended) / 1e6)
            time.sleep(0.1)
    store.close()
    p50, p99 = statistics.median(delays), statistics.quantiles(delays, n=100)[98]
    what = "wake from another process"
    yield Measure(what=f"{what}, p50 of {WAKES}", aim="", measured=f"{p50:.1f} ms", met=None)
    yield Measure(what=f"{what}, p99", aim="< 50 ms", measured=f"{p99:.1f} ms", met=p99 < 50)


def _send_back(store: Store, change: ChangeId) -> None:
    """A person asks for changes: the worker proposes anew, and the change waits again."""
    waiting = store.change(change)
    assert isinstance(waiting, Change)
    patch_set = waiting.lanes[0].patch_set
    assert patch_set
    event = e.ChangesRequested(digest=patch_set.digest, by=ADA, words=NAMES.put("again"))
    _put(store, change, "words", event)


def _comebacks(state: Path, changes: list[ChangeId]) -> Iterator[Measure]:
    """From the start of a new process to its first event, on a change that its killed predecessor held."""
    store = open_store(state, SystemClock())
    took = []
    for change in changes:
        hanging = Worker(state, "hang")
        _send_back(store, change)
        while hanging.next_effect()[1] != change:
            pass
        hanging.process.kill()
        hanging.end()
        held = _records(store, change)
        with _working(state) as worker:
            while _records(store, change) == held:
                time.sleep(0.001)
            took.append((time.monotonic_ns() - worker.started) / 1e9)
    store.close()
    slowest = max(took)
    measured = f"{slowest:.2f} s (the slowest of {len(took)}; median {statistics.median(took):.2f} s)"
    what = "first event after SIGKILL, from the new process's start"
    yield Measure(what=what, aim="< 1 s", measured=measured, met=slowest < 1)


def _records(store: Store, change: ChangeId) -> int:
    found = store.change(change)
    assert isinstance(found, Change)
    return found.n
