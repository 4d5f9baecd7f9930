"""The outbox and its subscribers: in order, exactly once, across restarts and failures."""

import threading
import time
from pathlib import Path

import pytest

from localforge.bus import Reaction, Subscriber
from localforge.events import CreateEvent, Event, RepositoryEvent
from localforge.forge import Forge
from localforge.running import start
from localforge.store import outbox
from localforge.store.database import Tx


def happened(number: int) -> RepositoryEvent:
    return RepositoryEvent(repo_id=number, actor_id=1, action="edited")


def emit(forge: Forge, *numbers: int) -> None:
    with forge.store.write() as tx:
        for number in numbers:
            tx.emit(happened(number))


def recorder(forge: Forge, name: str = "recorder") -> Subscriber:
    """Writes each event's repository id into a table of its own; digests everything but 1313."""
    with forge.store.write() as tx:
        tx.execute("CREATE TABLE IF NOT EXISTS seen (id INTEGER PRIMARY KEY, name TEXT, number INTEGER)")

    def react(event: Event, event_id: int, _at: str) -> Reaction | None:
        if event.repo_id == 1313:
            raise ValueError("unlucky")
        if event.repo_id < 0:
            return None

        def write(tx: Tx) -> None:
            tx.insert("seen", name=name, number=event.repo_id)

        return write

    return Subscriber(name=name, react=react)


def seen(forge: Forge) -> list[int]:
    return forge.store.db.column(int, "SELECT number FROM seen ORDER BY id")


def test_in_order_and_once(tmp_path: Path) -> None:
    """A drained outbox is not delivered again, also by the next process."""
    forge = Forge(tmp_path)
    forge.bus.subscribe(recorder(forge))
    emit(forge, *range(110), -1)
    forge.bus.drain()
    forge.bus.drain()
    assert seen(forge) == list(range(110))
    forge.close()
    again = Forge(tmp_path)
    again.bus.subscribe(recorder(again))
    emit(again, 110)
    again.bus.drain()
    assert seen(again) == list(range(111))
    again.close()


def test_one_indigestible_event_stops_nobody(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It is logged, kept, and passed by; the other subscriber has it."""
    forge = Forge(tmp_path)
    forge.bus.subscribe(recorder(forge))
    emit(forge, 12, 1313, 14)
    forge.bus.drain()
    assert seen(forge) == [12, 14]
    failures = forge.store.db.column(str, "SELECT error FROM subscriber_failure")
    assert len(failures) == 1
    assert "ValueError: unlucky" in failures[0]
    assert "recorder cannot digest event 2" in caplog.text
    forge.close()


def test_nothing_is_published_that_was_not_committed(tmp_path: Path) -> None:
    """A transaction that fails leaves no event, and its write lock is free again."""
    forge = Forge(tmp_path)

    def fail() -> None:
        with forge.store.write() as tx:
            tx.emit(happened(1))
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert outbox.after(forge.store.db, 0, 10) == []
    emit(forge, 2)
    assert len(outbox.after(forge.store.db, 0, 10)) == 1
    forge.close()


def test_running_threads_wake_by_themselves(tmp_path: Path) -> None:
    """A commit with an event wakes subscribers; closing waits for what is in hand."""
    forge = Forge(tmp_path)
    forge.bus.subscribe(recorder(forge, "one"))
    forge.bus.subscribe(recorder(forge, "two"))
    emit(forge, 1)
    start(forge)
    emit(forge, 2)
    deadline = time.monotonic() + 10
    while len(seen(forge)) < 4 and time.monotonic() < deadline:
        time.sleep(0.005)
    assert sorted(seen(forge)) == [1, 1, 2, 2]
    forge.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("bus-")]


def test_an_event_survives_storage(tmp_path: Path) -> None:
    """What is revived equals what was emitted."""
    from localforge.events import revive

    forge = Forge(tmp_path)
    event = CreateEvent(repo_id=7, actor_id=1, ref="refs/heads/ünï")
    with forge.store.write() as tx:
        tx.emit(event)
    (stored,) = outbox.after(forge.store.db, 0, 10)
    assert revive(stored.kind, stored.payload) == event
    forge.close()
