"""One paced lane for each credential, whoever writes in it."""

import threading
import time

import httpx
import pytest
from tests.contract.github.setting import Going, Kit, Reply, serving

from penstock.adapters.github import needs, wire
from penstock.adapters.github.limits import GITHUB_PACE, Pace, Window
from penstock.adapters.github.writing import Mutation, WriteClient
from penstock.ports import Transient

WRITE = Mutation(method="PATCH", path="repos/a/b/issues/1", need=needs.WRITE_ISSUES, body={"state": "closed"})
CREATE = Mutation(
    method="POST",
    path="repos/a/b/issues/1/comments",
    need=needs.WRITE_ISSUES,
    body={"body": "x"},
    creates=True,
)
FINE = Reply(body={})


def started(kit: Kit, mutations: list[Mutation], clients: list[WriteClient]) -> list[float]:
    """When each write was sent, in seconds after the first."""
    first = kit.clock.now()
    starts = []
    for number, mutation in enumerate(mutations):
        clients[number % len(clients)].send(mutation, wire.Anything, Going())
        starts.append((kit.clock.now() - first).total_seconds())
    return starts


def test_writes_are_a_second_apart_and_reads_are_not() -> None:
    with serving(lambda _: Reply(body={"login": "x"})) as (kit, _):
        kit.pace = GITHUB_PACE
        assert started(kit, [WRITE] * 4, [kit.writes]) == pytest.approx([0.0, 1.0, 2.0, 3.0])
        slept = len(kit.clock.slept)
        for _ in range(3):
            kit.reads.get("user", wire.Login, needs.IDENTITY)
        assert len(kit.clock.slept) == slept


def test_two_processes_share_the_lane_through_the_log() -> None:
    """Two clients that share only the log stand for two processes."""
    with serving(lambda _: FINE) as (kit, _):
        kit.pace = GITHUB_PACE
        assert started(kit, [WRITE] * 4, [kit.writes, kit.writes]) == pytest.approx([0.0, 1.0, 2.0, 3.0])


def test_another_credential_has_its_own_lane() -> None:
    with serving(lambda _: FINE) as (kit, _):
        kit.pace = GITHUB_PACE
        one = kit.writes
        kit.token = "ghp_" + "b" * 36
        assert started(kit, [WRITE] * 2, [one, kit.writes]) == pytest.approx([0.0, 0.0])


def test_creating_content_is_bounded_by_the_minute_and_the_hour() -> None:
    """A short wait is slept through; a long one says when to come back, and is not sent."""
    with serving(lambda _: FINE) as (kit, asked):
        kit.pace = Pace(
            spacing=0.0, creations=(Window(count=2, seconds=8.0), Window(count=4, seconds=3600.0))
        )
        client = kit.writes
        assert started(kit, [CREATE] * 4, [client]) == pytest.approx([0.0, 0.0, 8.0, 8.0])
        with pytest.raises(Transient) as limited:
            client.send(CREATE, wire.Anything, Going())
        assert limited.value.code == "rate_limited"
        assert limited.value.retry_after == pytest.approx(3592.0)
        client.send(WRITE, wire.Anything, Going())
    assert [request.method for request in asked] == ["POST"] * 4 + ["PATCH"]


def test_a_secondary_limit_holds_every_process_back() -> None:
    replies = [Reply(status=403, headers={"retry-after": "30"}), FINE]
    with serving(lambda _: replies.pop(0)) as (kit, asked):
        kit.pace = GITHUB_PACE
        with pytest.raises(Transient):
            kit.writes.send(WRITE, wire.Anything, Going())
        with pytest.raises(Transient) as held:
            kit.writes.send(WRITE, wire.Anything, Going())
        assert held.value.retry_after == pytest.approx(30.0)
        kit.clock.sleep(25)
        kit.writes.send(WRITE, wire.Anything, Going())
        assert kit.clock.slept[-1] == pytest.approx(5.0)
    assert len(asked) == 2


@pytest.mark.parametrize("after", ["99999999999", "9" * 400])
def test_no_answer_closes_the_lane_for_longer_than_an_hour(after: str) -> None:
    replies = [Reply(status=429, headers={"retry-after": after}), FINE]
    with serving(lambda _: replies.pop(0)) as (kit, _):
        kit.pace = GITHUB_PACE
        for _ in range(2):
            with pytest.raises(Transient) as held:
                kit.writes.send(WRITE, wire.Anything, Going())
            assert held.value.retry_after == pytest.approx(3600.0)
        kit.clock.sleep(3600)
        kit.writes.send(WRITE, wire.Anything, Going())


def test_reservations_that_no_limit_made_are_forgotten() -> None:
    with serving(lambda _: FINE) as (kit, _):
        kit.pace = GITHUB_PACE
        for lane in ("writes", "creations"):
            kit.times.update(f"{kit.account.credential.id}:{lane}", lambda _: (9e15,) * 500)
        assert started(kit, [CREATE] * 2, [kit.writes]) == pytest.approx([0.0, 1.0])


def test_writes_of_one_credential_never_overlap() -> None:
    """GitHub asks for one request at a time."""
    going, most, lock = 0, 0, threading.Lock()
    crowd = threading.Barrier(4)

    def handle(_request: httpx.Request) -> httpx.Response:
        nonlocal going, most
        with lock:
            going += 1
            most = max(most, going)
        time.sleep(0.001)
        with lock:
            going -= 1
        return httpx.Response(200, json={})

    with httpx.Client(transport=httpx.MockTransport(handle)) as http:
        kit = Kit(http=http, base_url="https://forge.test")
        account = kit.account

        def work() -> None:
            client = WriteClient(http, account, kit.pace, kit.times)
            crowd.wait()
            for _ in range(25):
                client.send(WRITE, wire.Anything, Going())

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert most == 1
