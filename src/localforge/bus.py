"""Delivers the outbox to subscribers, in order, exactly once per subscriber, across restarts."""

import logging
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from localforge.events import Event, revive
from localforge.store import outbox
from localforge.store.database import Tx
from localforge.store.outbox import StoredEvent
from localforge.store.store import Store

log = logging.getLogger(__name__)

Reaction: TypeAlias = Callable[[Tx], None]

BATCH = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscriber:
    """Somebody who reacts to events, in the order they happened.

    `react(event, event_id, at)` decides outside any transaction (it may read the store and git) and returns
    what to write, or None. The write and the note that the event was dealt with are one transaction: killed
    anywhere, the reaction's rows exist exactly once. Slow effects (an HTTP delivery, a job) are rows that
    another thread works off.
    """

    name: str
    react: Callable[[Event, int, str], Reaction | None]


class Bus:
    """One thread per subscriber, woken by commits that emitted an event."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._subscribers: list[Subscriber] = []
        self._threads: list[threading.Thread] = []
        self._changed = threading.Condition()
        self._stopping = False
        self._commits = 0
        self._delivering: dict[str, threading.Lock] = {}
        store.on_events = self._wake

    def subscribe(self, subscriber: Subscriber) -> None:
        """Add a subscriber; before `start`."""
        self._subscribers.append(subscriber)
        self._delivering[subscriber.name] = threading.Lock()

    @property
    def running(self) -> bool:
        """Whether threads deliver."""
        return bool(self._threads)

    def start(self) -> None:
        """Begin delivering, from where each subscriber stopped."""
        self._stopping = False
        for subscriber in self._subscribers:
            thread = threading.Thread(target=self._run, args=(subscriber,), name=f"bus-{subscriber.name}")
            thread.start()
            self._threads.append(thread)

    def stop(self) -> None:
        """Finish the events in hand and end the threads."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()
        self._threads.clear()

    def drain(self) -> None:
        """Deal with everything in the outbox now, in this thread; what a running thread has in hand included."""
        while any(self._deliver(subscriber) for subscriber in self._subscribers):
            continue

    def _wake(self) -> None:
        with self._changed:
            self._commits += 1
            self._changed.notify_all()

    def _run(self, subscriber: Subscriber) -> None:
        seen = -1
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._stopping or self._commits != seen)  # noqa: B023
                if self._stopping:
                    return
                seen = self._commits
            while self._deliver(subscriber) and not self._stopping:
                continue

    def _deliver(self, subscriber: Subscriber) -> bool:
        """Deliver the next batch; False when there was none."""
        with self._delivering[subscriber.name]:
            events = outbox.after(self._store.db, outbox.last_read(self._store.db, subscriber.name), BATCH)
            for stored in events:
                self._deliver_one(subscriber, stored)
        return bool(events)

    def _deliver_one(self, subscriber: Subscriber, stored: StoredEvent) -> None:
        try:
            reaction = subscriber.react(revive(stored.kind, stored.payload), stored.id, stored.at)
            with self._store.write() as tx:
                if reaction is not None:
                    reaction(tx)
                outbox.mark_read(tx, subscriber.name, stored.id)
        except Exception:
            # One event that a subscriber cannot digest must not stop all that follow: it is kept and shown.
            log.exception("%s cannot digest event %d", subscriber.name, stored.id)
            with self._store.write() as tx:
                tx.insert(
                    "subscriber_failure",
                    subscriber=subscriber.name,
                    event_id=stored.id,
                    at=stored.at,
                    error=traceback.format_exc(),
                )
                outbox.mark_read(tx, subscriber.name, stored.id)
