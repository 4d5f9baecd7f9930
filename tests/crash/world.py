"""A scripted world: a forge in one SQLite file that any process can write to, and never takes anything back.

It looks before it writes, in two steps as against a real forge: two workers that write at once would both be seen.
"""

import sqlite3
import threading
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from sqlalchemy import Connection
from sqlalchemy.event import listen
from tests.crash.scenario import Drive, Line, story_of
from tests.scripted import CHANGE, approval, created, success

from penstock.adapters.clock import SystemClock
from penstock.adapters.store.heads import Queue
from penstock.adapters.store.owner import this_process
from penstock.adapters.store.proof import Proof
from penstock.adapters.store.store import Store, open_store
from penstock.core.approval import ApprovalScope
from penstock.core.change import events as e
from penstock.core.change.effects import Effect, Observe, TriageSignal, Watch, Write
from penstock.core.change.journal import Draft
from penstock.core.change.model import ENDS, Change
from penstock.core.change.next import next_effects
from penstock.core.change.proposing import open_digests
from penstock.flows.driving import Probe
from penstock.flows.durable import Durable, Options
from penstock.ports import StopFlag, Texts, Transient

NAP = timedelta(seconds=0.1)
"""How long the change is deferred at first, so that a timer is part of every run."""


class World:
    """The forge as this process reaches it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with closing(self._open()) as db, db:
            db.execute("CREATE TABLE IF NOT EXISTS written (what TEXT)")
            db.execute("CREATE TABLE IF NOT EXISTS looked (what TEXT PRIMARY KEY)")

    def _open(self) -> sqlite3.Connection:
        db = sqlite3.connect(self._path, timeout=30)
        db.execute("PRAGMA synchronous = OFF")
        return db

    def write_once(self, what: str, stop: StopFlag, probe: Probe) -> None:
        """Look, then write. Raises Transient `stopped` where the write is not wanted any more."""
        with closing(self._open()) as db, db:
            there = db.execute("SELECT 1 FROM written WHERE what = ?", (what,)).fetchone()
        probe("looked", what)
        if there:
            return
        if not stop.wanted():
            raise Transient("stopped", "not wanted any more")
        with closing(self._open()) as db, db:
            db.execute("INSERT INTO written VALUES (?)", (what,))

    def first_look(self, what: str) -> bool:
        with closing(self._open()) as db, db:
            return db.execute("INSERT OR IGNORE INTO looked VALUES (?)", (what,)).rowcount == 1

    def writes(self) -> Counter[str]:
        with closing(self._open()) as db, db:
            return Counter(row[0] for row in db.execute("SELECT what FROM written"))


def perform(
    world: World, probe: Probe, effect: Effect, change: Change, texts: Texts, stop: StopFlag
) -> e.Event | None:
    """All goes well: but checks take two looks, and the signal is deferred once."""
    match effect:
        case TriageSignal() if change.generation == 0:
            later = datetime.now(UTC) + NAP
            return e.TriageDecided(
                decision=e.Triage.DEFER, recipe="", verdict=texts.put("later"), wake_at=later
            )
        case Observe(key=key) if world.first_look(key):
            return None
        case Write():
            lane = change.lane(effect.repo) if effect.repo else None
            where = lane.repo.name if lane else f"issue {effect.notice}"
            world.write_once(f"{where}: {effect.leg} {effect.action}", stop, probe)
    return success(effect, change, texts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scripted:
    """A change to three repositories, from its signal to its last notice, against the scripted world."""

    def _store(self, folder: Path) -> Store:
        return open_store(folder, SystemClock())

    def _world(self, folder: Path) -> World:
        return World(folder / "world.db")

    def prepare(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._world(folder)
        store = self._store(folder)
        texts = store.texts()
        store.create(CHANGE, Draft(key="created", event=created(texts), blobs=texts.blobs))
        store.close()

    def work(self, folder: Path, drive: Drive, probe: Probe, stop: threading.Event) -> None:
        store = self._store(folder)
        options = Options(
            lease=drive.lease,
            effects_at_once=drive.effects_at_once,
            shortest_look=timedelta(milliseconds=5),
            poll_seconds=0.002,
            probe=probe,
        )
        act = partial(perform, self._world(folder), probe)
        listen(store.database.engine, "commit", partial(_committing, probe))
        Durable(store, Queue(store.database, this_process()), act, SystemClock(), options).run(stop)
        store.close()

    def person(self, folder: Path, *, eager: bool = False) -> None:
        store = self._store(folder)
        change = store.change(CHANGE)
        assert isinstance(change, Change)
        for scope in ApprovalScope:
            for of in _ready(change, scope):
                event = approval(of, scope, at=datetime.now(UTC))
                draft = Draft(key=f"approval:{event.approval.id}", event=event)
                for _ in range(2 if eager else 1):
                    store.record(CHANGE, draft)
        if eager:
            Queue(store.database, this_process()).wake(CHANGE, datetime.now(UTC))
        store.close()

    def finished(self, folder: Path) -> bool:
        store = self._store(folder)
        change = store.change(CHANGE)
        store.close()
        return isinstance(change, Change) and change.state in ENDS and _is_quiet(change)

    def story(self, folder: Path) -> tuple[Line, ...]:
        store = self._store(folder)
        report = Proof(store.database, store.seal).verify()
        assert report.holds, report
        told = story_of(store, CHANGE)
        store.close()
        return told

    def writes(self, folder: Path) -> Counter[str]:
        return self._world(folder).writes()

    def end(self, folder: Path) -> None:
        """Nothing runs beside its worker."""


def _committing(probe: Probe, connection: Connection) -> None:
    """Inside the transaction: everything is written, and nothing is committed."""
    row = connection.exec_driver_sql("SELECT n, owner IS NULL FROM change_head").one()
    probe("committing", f"{row[0]} {'given back' if row[1] else 'held'}")


def _ready(change: Change, scope: ApprovalScope) -> list[str]:
    """What this person approves now: all patch sets; a merge only once every preview is there, and in its wave."""
    found = open_digests(change, scope)
    given = {a.digest for a in change.approvals}
    if scope is ApprovalScope.MERGE:
        if not all(lane.forward.preview for lane in change.to_verify):
            return []
        wave = [lane.forward.preview for lane in change.to_verify if lane.wave == change.wave]
        found &= {preview.digest for preview in wave if preview}
    return sorted(found - given)


def _is_quiet(change: Change) -> bool:
    """At most it is looked, in the weeks to come, whether what was merged stays."""
    wanted = next_effects(change)
    effects = wanted if isinstance(wanted, tuple) else ()
    return all(isinstance(effect, Watch) and effect.until for effect in effects)
