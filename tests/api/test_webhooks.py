"""Taking webhook deliveries over real HTTP into a real store: what is kept, and what never is."""

import hashlib
import hmac
import json
import socket
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime

import httpx
import pytest

from penstock.adapters.store.database import Database
from penstock.adapters.store.memory import Delivery, Inbox, Tallies
from penstock.api import webhooks as api
from penstock.api.app import make_app
from penstock.api.refusals import Refusals
from penstock.api.server import serving
from penstock.api.webhooks import MAX_BODY, Hooks
from penstock.ports import Permanent

SECRET = b"s" * 32
BODY = json.dumps({"action": "opened"}).encode()
NOBODY = Hooks(secret=None, accept=lambda *_: False, refused=lambda: None)


def sign(body: bytes, secret: bytes = SECRET, algorithm: str = "sha256") -> str:
    return f"{algorithm}=" + hmac.new(secret, body, getattr(hashlib, algorithm)).hexdigest()


@dataclass
class Served:
    """A served application, its inbox, and how many deliveries it refused."""

    client: httpx.Client
    inbox: Inbox
    refused: list[int] = field(default_factory=list)

    def send(self, body: bytes | Iterator[bytes] = BODY, name: str = "d-1", **headers: str) -> httpx.Response:
        """A delivery with these headers, underscores for dashes; without a signature unless one is given."""
        usual = {"x-github-delivery": name, "x-github-event": "issues", "content-type": "application/json"}
        given = {key.replace("_", "-"): value for key, value in headers.items()}
        return self.client.post("/webhooks", content=body, headers=usual | given)

    def signed(self, body: bytes = BODY, name: str = "d-1") -> httpx.Response:
        return self.send(body, name, x_hub_signature_256=sign(body))

    @property
    def kept(self) -> list[tuple[str, bytes]]:
        return [(delivery.id, delivery.body) for delivery in self.inbox.pending()]


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    made = Database(tmp_path_factory.mktemp("store") / "penstock.db", busy_seconds=0.2)
    yield made
    made.close()


@pytest.fixture
def inbox(database: Database) -> Inbox:
    with database.writing() as connection:
        connection.exec_driver_sql("DELETE FROM delivery")
    return Inbox(database)


@contextmanager
def serve(inbox: Inbox, secret: bytes | None = SECRET) -> Iterator[Served]:
    def accept(name: str, event: str, body: bytes) -> bool:
        return inbox.accept(Delivery(id=name, received_at=datetime.now(UTC), event=event, body=body))

    refused: list[int] = []
    app = make_app(Hooks(secret=secret, accept=accept, refused=lambda: refused.append(1)))
    with serving(app, "127.0.0.1", 0) as at, httpx.Client(base_url=at.url) as client:
        yield Served(client=client, inbox=inbox, refused=refused)


@pytest.fixture
def served(inbox: Inbox) -> Iterator[Served]:
    with serve(inbox) as one:
        yield one


def test_a_signed_delivery_is_kept_as_it_came_and_again_is_no_second_one(served: Served):
    body = b"{ not even json \xff"
    assert served.signed(body).status_code == 202
    assert served.kept == [("d-1", body)]
    assert served.signed(body).status_code == 200
    assert served.kept == [("d-1", body)]
    served.inbox.done("d-1")
    assert served.signed(body).status_code == 200
    assert served.kept == []
    assert served.refused == []


FORGED = [
    ("none", {}),
    ("empty", {"x_hub_signature_256": ""}),
    ("only the old one", {"x_hub_signature": sign(BODY, algorithm="sha1")}),
    ("of another algorithm", {"x_hub_signature_256": sign(BODY, algorithm="sha1")}),
    ("of another algorithm, renamed", {"x_hub_signature_256": "sha256=" + sign(BODY, algorithm="sha1")[5:]}),
    ("with another secret", {"x_hub_signature_256": sign(BODY, b"x" * 32)}),
    ("with no secret", {"x_hub_signature_256": sign(BODY, b"")}),
    ("of another body", {"x_hub_signature_256": sign(BODY + b" ")}),
    ("of nothing", {"x_hub_signature_256": sign(b"")}),
    ("without its name", {"x_hub_signature_256": sign(BODY)[7:]}),
    ("cut off", {"x_hub_signature_256": sign(BODY)[:-1]}),
    ("with more behind it", {"x_hub_signature_256": sign(BODY) + "0"}),
]


@pytest.mark.parametrize(("what", "headers"), FORGED, ids=[row[0] for row in FORGED])
def test_a_signature_that_does_not_hold_is_refused_and_counted(served: Served, what, headers):
    answer = served.send(**headers)
    assert answer.status_code == 401
    assert "X-Hub-Signature-256" in answer.json()["detail"]
    assert served.kept == []
    assert len(served.refused) == 1


def test_letters_that_no_signature_has_are_refused_too(served: Served):
    headers = [(b"x-hub-signature-256", b"sha256=\xe9"), (b"x-github-delivery", b"d-1")]
    assert served.client.post("/webhooks", content=BODY, headers=headers).status_code == 401
    assert served.kept == []


def test_the_largest_delivery_is_kept_and_one_byte_more_is_not(served: Served):
    largest = b"x" * MAX_BODY
    assert served.signed(largest).status_code == 202
    assert served.signed(largest + b"x", "d-2").status_code == 413
    assert [name for name, _ in served.kept] == ["d-1"]


def chunks() -> Iterator[bytes]:
    yield from (b"x" * (1 << 20) for _ in range(30))


@pytest.mark.parametrize("body", [b"x" * (30 << 20), chunks], ids=["told", "not told"])
def test_thirty_megabytes_are_too_much_before_they_are_all_there(served: Served, body):
    whole = b"x" * (30 << 20)
    answer = served.send(body() if callable(body) else body, x_hub_signature_256=sign(whole))
    assert answer.status_code == 413
    assert "25 MiB" in answer.json()["detail"]
    assert served.kept == []


def slow(served: Served, sent: bytes = b"xx") -> socket.socket:
    """A client whom nobody knows, and who does not send all of the body that it announces."""
    at = served.client.base_url
    client = socket.create_connection((at.host, at.port))
    client.settimeout(5)
    head = f"POST /webhooks HTTP/1.1\r\nHost: x\r\nX-Hub-Signature-256: sha256=00\r\nContent-Length: {MAX_BODY}\r\n\r\n"
    client.sendall(head.encode() + sent)
    return client


def test_clients_that_are_slow_or_silent_keep_nobody_else_out(served: Served):
    at = served.client.base_url
    with ExitStack() as open_:
        for _ in range(40):
            open_.enter_context(slow(served))
            open_.enter_context(socket.create_connection((at.host, at.port)))
        assert served.client.get("/healthz", timeout=2).status_code == 200
        assert served.signed().status_code == 202


def test_a_body_that_does_not_come_is_not_waited_for(served: Served, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(api, "BODY_SECONDS", 0.1)
    with slow(served) as client:
        assert client.recv(100).startswith(b"HTTP/1.1 408 ")
    assert served.kept == []


def test_bodies_take_a_bounded_room_together(served: Served, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(api, "MAX_HELD", 2 * len(BODY))
    with slow(served, b"x" * (len(BODY) + 1)):
        wait_until(lambda: served.signed().status_code == 503)
        assert served.kept == []
    wait_until(lambda: served.signed().status_code == 202)


def wait_until(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("missing", ["x_github_delivery", "x_github_event"])
def test_a_delivery_without_a_name_is_not_kept(served: Served, missing: str):
    answer = served.send(BODY, "d-1", **{"x_hub_signature_256": sign(BODY), missing: ""})
    assert answer.status_code == 400
    assert served.kept == []


def test_without_a_secret_nothing_is_accepted_signed_or_not(inbox: Inbox):
    with serve(inbox, secret=None) as served:
        for answer in (served.send(), served.signed(), served.send(x_hub_signature_256=sign(BODY, b""))):
            assert answer.status_code == 503
            assert "PENSTOCK_WEBHOOK_SECRET" in answer.json()["detail"]
        assert served.kept == []


def test_a_locked_database_is_said_and_the_delivery_can_come_again(served: Served, database: Database):
    with closing(sqlite3.connect(database.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        answer = served.signed()
        assert answer.status_code == 503
        assert "locked" in answer.json()["detail"]
        other.execute("ROLLBACK")
    assert served.signed().status_code == 202


def test_it_answers_that_it_is_there_and_shows_nothing_else(served: Served):
    assert served.client.get("/healthz").json() == {"status": "ok"}
    for path in ("/docs", "/redoc", "/openapi.json", "/"):
        assert served.client.get(path).status_code == 404
    assert served.client.get("/webhooks").status_code == 405


def test_an_address_is_taken_once():
    with (
        serving(make_app(NOBODY), "127.0.0.1", 0) as first,
        pytest.raises(Permanent) as taken,
        serving(make_app(NOBODY), "127.0.0.1", first.port),
    ):
        raise AssertionError("two listen at one address")
    assert taken.value.code == "address_taken"
    with serving(make_app(NOBODY), "127.0.0.1", first.port) as again:
        assert again == first, "free again at once"


@pytest.mark.parametrize("host", ["192.0.2.1", "nowhere.invalid"])
def test_an_address_that_is_not_ours_is_refused(host: str):
    with pytest.raises(Permanent) as refused, serving(make_app(NOBODY), host, 0):
        raise AssertionError("it cannot listen there")
    assert refused.value.code == "cannot_listen"


def test_it_ends_while_a_client_is_still_connected():
    with serving(make_app(NOBODY), "127.0.0.1", 0) as at:
        client = socket.create_connection((at.host, at.port))
    with client:
        client.settimeout(5)
        # Reset, where the server ended before it had taken the connection.
        with suppress(ConnectionResetError):
            assert client.recv(1) == b"", "the connection is closed"


def test_a_flood_of_forgeries_is_counted_whole_and_written_seldom(database: Database):
    tallies, writes = Tallies(database), []

    def keep(count: int) -> None:
        writes.append(count)
        tallies.add("flood", datetime.now(UTC), count=count)

    refusals = Refusals(keep)
    for _ in range(500):
        refusals.add()
    refusals.flush()
    refusals.flush()
    found = tallies.get("flood")
    assert found
    assert found.count == 500
    assert len(writes) <= 2


def test_a_count_that_cannot_be_kept_is_kept_with_the_next(database: Database):
    tallies = Tallies(database)
    refusals = Refusals(lambda count: tallies.add("late", datetime.now(UTC), count=count))
    refusals.add()
    with closing(sqlite3.connect(database.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        refusals.flush()
    assert tallies.get("late") is None
    refusals.add()
    refusals.flush()
    found = tallies.get("late")
    assert found
    assert found.count == 2
