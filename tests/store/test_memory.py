"""What clients and webhooks remember: across restarts, and across processes."""

import threading
from pathlib import Path

from tests.clock import ManualClock
from tests.scripted import NOW

from penstock.adapters.store.memory import Delivery, Inbox, Responses, TimeLogs
from penstock.adapters.store.store import Store, open_store


def delivery(number: int, body: bytes = b"{}") -> Delivery:
    return Delivery(id=f"d{number}", received_at=NOW, event="issues", body=body)


def test_a_delivery_is_kept_once(tmp_path: Path, store: Store, clock: ManualClock) -> None:
    inbox = Inbox(store.database)
    assert inbox.accept(delivery(1, b'{"a": 1}'))
    assert not inbox.accept(delivery(1, b'{"a": 2}'))
    assert inbox.accept(delivery(2))
    assert [found.id for found in inbox.pending()] == ["d1", "d2"]
    assert inbox.pending()[0].body == b'{"a": 1}'

    inbox.done("d1")
    again = open_store(tmp_path, clock)
    assert not Inbox(again.database).accept(delivery(1))
    assert [found.id for found in Inbox(again.database).pending()] == ["d2"]
    again.close()


def test_responses_are_kept_up_to_a_number(store: Store, clock: ManualClock) -> None:
    responses = Responses(store.database, clock, entries=3)
    for number in range(5):
        clock.advance(1)
        responses.put("token", f"/{number}", (f'"{number}"', "", b"body"))
    assert [responses.get("token", f"/{n}") is not None for n in range(5)] == [False, False, True, True, True]
    assert responses.get("another", "/4") is None
    responses.put("token", "/4", ('"new"', '<x>; rel="next"', b"\x00\xff"))
    assert responses.get("token", "/4") == ('"new"', '<x>; rel="next"', b"\x00\xff")


def test_a_lane_is_shared_by_processes(tmp_path: Path, store: Store, clock: ManualClock) -> None:
    """Each takes the next free second; none is given twice."""
    taken: list[float] = []

    def take(times: tuple[float, ...]) -> tuple[float, ...]:
        taken.append(times[-1] + 1 if times else 1.0)
        return (*times, taken[-1])

    def working() -> None:
        own = open_store(tmp_path, clock)
        for _ in range(15):
            TimeLogs(own.database).update("writes", take)
        own.close()

    threads = [threading.Thread(target=working) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == [float(n) for n in range(1, 46)]
    TimeLogs(store.database).update("other lane", take)
    assert taken[-1] == 1.0
