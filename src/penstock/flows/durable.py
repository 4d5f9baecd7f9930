"""Driving changes under leases: claim what is due, perform its effects, append each outcome, give it back.

The only file that leases. One thread (`run`) watches the queue, keeps leases and rings timers; a few more perform
effects. Whichever of them lands an effect appends its outcome and goes on with what the change wants next, so a
change whose effects come one after the other never leaves its thread.
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

from penstock.core.change.effects import Effect
from penstock.core.change.events import NeedsHuman
from penstock.core.change.journal import Appended, Draft, Duplicate, Fenced, Lease, Rest
from penstock.core.change.model import Change
from penstock.core.ledger import Break
from penstock.core.refs import ChangeId, NodeId
from penstock.flows.driving import Journal, Perform, Probe, Queue, Watch
from penstock.flows.schedule import LONGEST_LOOK, agenda, fired, look_again
from penstock.flows.threads import Threads
from penstock.ports import Clock, Permanent, Transient

T = TypeVar("T")
log = logging.getLogger(__name__)

BURY_EVERY = timedelta(seconds=1)
FIRST_PAUSE_SECONDS, TROUBLE_SECONDS = 0.05, 1.0
REASONS = {
    "stuck": "workers claimed it several times, and each ended before anything came of it",
    "no_progress": "its outcome is on record, and yet the change wants it again",
}


def unwatched(point: str, key: str) -> None:
    """The probe of every process but the crash test's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How to drive. `stuck_after`: claims without progress after which a person is asked."""

    lease: timedelta = timedelta(seconds=30)
    changes_at_once: int = 8
    effects_at_once: int = 8
    poll_seconds: float = 0.035
    shortest_look: timedelta = timedelta(seconds=0.5)
    stuck_after: int = 5
    grace_seconds: float = 5.0
    probe: Probe = unwatched


class _Stop:
    """The flag of one running effect."""

    __slots__ = ("_clock", "_holding", "key", "told")

    def __init__(self, key: str, holding: "_Holding", clock: Clock) -> None:
        self.key = key
        self.told = False
        self._holding = holding
        self._clock = clock

    def wanted(self) -> bool:
        return not (self.told or self._holding.over) and self._clock.now() < self._holding.safe_until


class _Holding:
    """A change that this worker holds. Its fold and its effects are touched under `lock` only."""

    __slots__ = ("asleep", "change", "lease", "lock", "next_at", "over", "running", "safe_until")

    change: Change

    def __init__(self, lease: Lease, safe_until: datetime) -> None:
        self.lease = lease
        self.safe_until = safe_until
        """Until when a write may still be started: a third of the lease is left then, for the write itself."""
        self.over = False
        self.lock = threading.RLock()
        self.running: dict[NodeId | None, _Stop] = {}
        self.asleep: dict[str, datetime] = {}
        """Effects that found nothing new, by key, until when."""
        self.next_at: datetime | None = None


class Durable:
    """A worker. `trouble` is what keeps it from its database just now; `broken` names logs that do not hold."""

    def __init__(
        self, journal: Journal, queue: Queue, perform: Perform, clock: Clock, options: Options | None = None
    ) -> None:
        self._journal = journal
        self._queue = queue
        self._perform = perform
        self._clock = clock
        self._options = options or Options()
        self._threads = Threads(self._options.effects_at_once)
        self._held: dict[ChangeId, _Holding] = {}
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._failure: Permanent | None = None
        self._claim_at: datetime | None = None
        self._beat_at = self._bury_at = clock.now()
        self.trouble: Transient | None = None
        self.broken: dict[ChangeId, Break] = {}

    def wake(self, change: ChangeId, at: datetime) -> None:
        """Have a change looked at by then."""
        self._queue.wake(change, at)

    def run(self, stop: threading.Event) -> None:
        """Drive whatever is due until told to stop; then give back what it holds. Raises Permanent port errors."""
        self._stopping = stop
        watch = self._queue.watch()
        try:
            while not stop.is_set() and not self._threads.broken.is_set():
                stop.wait(self._turn(watch))
        finally:
            stop.set()
            self._tell_all()
            self._threads.close(self._options.grace_seconds)
            self._give_all_back()
            watch.close()
        if self._failure:
            raise self._failure
        assert not self._threads.broken.is_set(), "a bug in the driver ended it; see above"  # noqa: S101

    # The watching thread: what is due, what is ours, whose time has come.

    def _turn(self, watch: Watch) -> float:
        """One look around; the answer is how many seconds to wait until the next."""
        now = self._clock.now()
        try:
            changed = watch.changed()
            if now >= self._beat_at:
                self._keep_leases(now)
            if now >= self._bury_at:
                self._bury_at = now + BURY_EVERY
                changed = self._queue.bury(now) or changed
            if changed:
                self._pass_on_wakes()
            self._ring(now)
            if changed or (self._claim_at is not None and now >= self._claim_at):
                self._claim(now)
        except Transient as trouble:
            self._note(trouble)
            return TROUBLE_SECONDS
        self.trouble = None
        return self._options.poll_seconds

    def _keep_leases(self, now: datetime) -> None:
        third = self._options.lease / 3
        self._beat_at = now + third
        until = now + self._options.lease
        with self._lock:
            holdings = tuple(self._held.values())
        lost = self._queue.extend([holding.lease for holding in holdings], until) if holdings else frozenset()
        for holding in holdings:
            if holding.lease in lost:
                self._let_go(holding)
            else:
                holding.safe_until = until - third

    def _pass_on_wakes(self) -> None:
        """Somebody appended to a change we hold, or asked for a look: its effects may be unwanted by now."""
        for change in self._queue.take_woken():
            with self._lock:
                holding = self._held.get(change)
            if holding:
                self._start(partial(self._look, holding))

    def _ring(self, now: datetime) -> None:
        with self._lock:
            holdings = tuple(self._held.values())
        for holding in holdings:
            if holding.next_at is not None and now >= holding.next_at:
                holding.next_at = None
                self._start(partial(self._go_on, holding))

    def _claim(self, now: datetime) -> None:
        """Take what is due, as far as there is room."""
        with self._lock:
            room = self._options.changes_at_once - len(self._held)
            if room <= 0:
                return
            until = now + self._options.lease
            leases = self._queue.claim(limit=room, now=now, until=until)
            claimed = [_Holding(lease, until - self._options.lease / 3) for lease in leases]
            self._held.update({holding.lease.change: holding for holding in claimed})
            self._claim_at = self._queue.next_ready()
        for holding in claimed:
            self._start(partial(self._begin, holding))

    def _tell_all(self) -> None:
        """Effects stop before their next write, and get a moment to land; what does not is found dead."""
        with self._lock:
            holdings = tuple(self._held.values())
        for holding in holdings:
            for stop in tuple(holding.running.values()):
                stop.told = True

    def _give_all_back(self) -> None:
        with self._lock:
            holdings = tuple(self._held.values())
        now = self._clock.now()
        for holding in holdings:
            if not holding.over and not holding.running:
                self._persisted(partial(self._queue.release, holding.lease, now=now, ready_at=now))

    # The effects' threads: one held change at a time, each step under its lock.

    def _begin(self, holding: _Holding) -> None:
        if self._read(holding):
            self._probe("claimed", holding)
            if holding.lease.claims > self._options.stuck_after:
                self._ask_person(holding, "stuck", agenda(holding.change, self._clock.now()).wanted)
            self._go_on(holding)

    def _look(self, holding: _Holding) -> None:
        with holding.lock:
            holding.asleep.clear()
            known = not holding.over and self._read(holding)
        if known:
            self._go_on(holding)

    def _read(self, holding: _Holding) -> bool:
        found = self._persisted(partial(self._journal.change, holding.lease.change))
        if isinstance(found, Break):
            self._shelve(holding, found)
        if not isinstance(found, Change):
            return False
        holding.change = found
        return True

    def _go_on(self, holding: _Holding, first: Effect | None = None) -> None:
        """Perform `first`, then whatever the change wants next, until nothing is left for this thread."""
        effect = first or self._next(holding)
        while effect is not None:
            self._run(holding, effect)
            effect = self._next(holding)
        if holding.over and not self._stopping.is_set():
            self._persisted(lambda: self._claim(self._clock.now()))

    def _next(self, holding: _Holding) -> Effect | None:
        """The next effect for this thread. More that may run at once go to other threads; with none at all, and
        none running, the change is given back."""
        with holding.lock:
            while not holding.over and not self._stopping.is_set():
                todo = agenda(holding.change, self._clock.now(), busy=holding.running, asleep=holding.asleep)
                holding.next_at = todo.next_at
                for stop in holding.running.values():
                    stop.told = stop.told or stop.key not in todo.wanted
                if todo.fires is not None:
                    if not self._append(holding, fired(holding.change, todo.fires)) and not holding.over:
                        self._release(holding, None)
                    continue
                for effect in todo.start:
                    holding.running[effect.repo] = _Stop(effect.key, holding, self._clock)
                for effect in todo.start[1:]:
                    self._start(partial(self._go_on, holding, effect))
                if not todo.start and not holding.running:
                    self._release(holding, todo.next_at)
                return todo.start[0] if todo.start else None
        return None

    def _run(self, holding: _Holding, effect: Effect) -> None:
        probe = self._options.probe
        texts = self._journal.texts()
        stop = holding.running[effect.repo]
        probe("before", effect.key)
        try:
            event = self._perform(effect, holding.change, texts, stop) if stop.wanted() else None
        except Transient:
            event = None
        probe("performed", effect.key)
        with holding.lock:
            del holding.running[effect.repo]
            if event is None:
                now, shortest = self._clock.now(), self._options.shortest_look
                holding.asleep[effect.key] = look_again(holding.change, effect, now, shortest)
            else:
                self._append(holding, Draft(key=effect.key, event=event, blobs=texts.blobs))
        probe("recorded", effect.key)

    def _append(self, holding: _Holding, draft: Draft) -> bool:
        """Whatever it was, it is kept; where nothing else is to be done just now, the change is given back with it.
        False where nothing was appended."""

        def settle(change: Change) -> Rest:
            todo = agenda(change, self._clock.now(), busy=holding.running, asleep=holding.asleep)
            return Rest(hold=bool(holding.running) or not todo.idle, ready_at=todo.next_at)

        match self._persisted(lambda: self._journal.append(holding.lease, draft, settle)):
            case Appended(change=change, rest=rest):
                holding.change = change
                if not rest.hold:
                    self._let_go(holding)
                return True
            case Duplicate(change=change):
                holding.change = change
                if draft.key in agenda(change, self._clock.now()).wanted:
                    self._ask_person(holding, "no_progress", frozenset({draft.key}))
            case Fenced():
                self._let_go(holding)
            case Break() as found:
                self._shelve(holding, found)
        return False

    def _ask_person(self, holding: _Holding, reason: str, keys: frozenset[str]) -> None:
        """What is tried over and over in vain is put on record, which stops an open change, and put off in any case."""
        with holding.lock:
            holding.asleep.update(dict.fromkeys(keys, self._clock.now() + LONGEST_LOOK))
            texts = self._journal.texts()
            detail = texts.put(f"{REASONS[reason]}: {', '.join(sorted(keys))}")
            event = NeedsHuman(reason=reason, repo=None, detail=detail)
            self._append(
                holding, Draft(key=f"{reason}:{min(keys, default='-')}", event=event, blobs=texts.blobs)
            )

    def _release(self, holding: _Holding, ready_at: datetime | None) -> None:
        self._probe("releasing", holding)
        now = self._clock.now()
        self._persisted(partial(self._queue.release, holding.lease, now=now, ready_at=ready_at))
        self._let_go(holding)
        self._probe("released", holding)

    def _probe(self, point: str, holding: _Holding) -> None:
        self._options.probe(point, f"{holding.lease.change}@{holding.change.n}")

    def _shelve(self, holding: _Holding, found: Break) -> None:
        """Nothing is done by a log that does not hold; it is looked at again when somebody wakes it."""
        log.error("%s", found.sentence)
        self.broken[found.change] = found
        self._persisted(partial(self._queue.release, holding.lease, now=self._clock.now(), ready_at=None))
        self._let_go(holding)

    def _let_go(self, holding: _Holding) -> None:
        """Not ours any more: given back, or lost. Effects that still run are told by `over`."""
        with self._lock:
            holding.over = True
            if self._held.get(holding.lease.change) is holding:
                del self._held[holding.lease.change]

    def _start(self, task: Callable[[], None]) -> None:
        def guarded() -> None:
            try:
                task()
            except Permanent as failure:
                self._failure = failure
                self._stopping.set()

        self._threads.start(guarded)

    def _persisted(self, write: Callable[[], T]) -> T | None:
        """Tried until the database takes it, so that no outcome is lost; None only when told to stop meanwhile."""
        pause = FIRST_PAUSE_SECONDS
        while True:
            try:
                return write()
            except Transient as trouble:
                self._note(trouble)
            if self._stopping.wait(pause):
                return None
            pause = min(pause * 2, TROUBLE_SECONDS)

    def _note(self, trouble: Transient) -> None:
        if self.trouble is None:
            log.warning("%s: %s", trouble.code, trouble)
        self.trouble = trouble
