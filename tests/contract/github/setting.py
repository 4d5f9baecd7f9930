"""What these tests share: a clock that nobody waits for, a recorded GitHub, and a server that follows a script."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
from tests.contract.github.memory import MemoryCache, MemoryTimes

from penstock.adapters.github.account import Account
from penstock.adapters.github.content import Author, BlobSource
from penstock.adapters.github.credential import Credential
from penstock.adapters.github.limits import UNPACED, Pace
from penstock.adapters.github.reader import GitHubReader
from penstock.adapters.github.reading import ReadClient
from penstock.adapters.github.writer import GitHubWriter
from penstock.adapters.github.writing import WriteClient
from penstock.core.refs import Digest, NodeId, RepoRef, Sha
from penstock.core.tap import TapDecision
from penstock.core.verdict import passed
from penstock.core.write import AuthorizedWrite, Wanted, authorize, subject_of

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
TOKEN = "ghp_" + "a" * 36
BOT = Author(name="penstock[bot]", email="penstock@example.test")
REPO = RepoRef(forge="github", node_id=NodeId("R_1"), owner="acme", name="widget")


class TestClock:
    """Time that passes only by sleeping."""

    __test__ = False

    def __init__(self) -> None:
        self.at = NOW
        self.slept: list[float] = []

    def now(self) -> datetime:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.at += timedelta(seconds=seconds)


class Going:
    """A write that stays wanted."""

    def wanted(self) -> bool:
        return True


class StopAfter:
    """A write that is wanted for so many checks."""

    def __init__(self, checks: int) -> None:
        self.left = checks

    def wanted(self) -> bool:
        self.left -= 1
        return self.left >= 0


def no_blob(_repo: RepoRef, wanted: Sha) -> bytes:
    raise AssertionError(f"blob {wanted} was not to be sent")


@dataclass(slots=True, kw_only=True)
class Kit:
    """A whole adapter over one wire."""

    http: httpx.Client
    base_url: str
    token: str = TOKEN
    pace: Pace = UNPACED
    blob: BlobSource = no_blob
    clock: TestClock = field(default_factory=TestClock)
    cache: MemoryCache = field(default_factory=MemoryCache)
    times: MemoryTimes = field(default_factory=MemoryTimes)

    @property
    def account(self) -> Account:
        return Account(self.base_url, Credential(token=self.token, source="PENSTOCK_TOKEN"), self.clock)

    @property
    def reads(self) -> ReadClient:
        return ReadClient(self.http, self.account, self.cache)

    @property
    def writes(self) -> WriteClient:
        return WriteClient(self.http, self.account, self.pace, self.times)

    @property
    def reader(self) -> GitHubReader:
        return GitHubReader(self.reads)

    @property
    def writer(self) -> GitHubWriter:
        return GitHubWriter(self.reads, self.writes, author=BOT, blob=self.blob)


def authorized(wanted: Wanted) -> AuthorizedWrite:
    """The write as the gate lets it through."""
    verdict = passed("test")
    decision = TapDecision(
        subject=subject_of(wanted),
        policy=verdict,
        authority=verdict,
        truth=verdict,
        policy_digest=Digest("sha256:" + "0" * 64),
    )
    write = authorize(wanted, decision=decision, recorded=True, key="k", stopped=False)
    assert isinstance(write, AuthorizedWrite)
    return write


RECORDINGS = Path(__file__).with_name("octokit-fixtures.71.json")


class Recorded(httpx.BaseTransport):
    """Replays one recorded scenario in order: another request than the recorded one fails the test."""

    def __init__(self, scenario: str) -> None:
        self.left = list(json.loads(RECORDINGS.read_text())[scenario])

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        exchange = self.left.pop(0)
        asked = (request.method.lower(), request.url.raw_path.decode())
        assert asked == (exchange["method"], exchange["path"])
        body = request.read()
        assert (json.loads(body) if body else "") == exchange["body"]
        headers = {
            name: str(value)
            for name, value in exchange["headers"].items()
            if name not in {"content-length", "content-encoding", "transfer-encoding", "connection"}
        }
        answer = exchange["response"]
        content = answer.encode() if isinstance(answer, str) else json.dumps(answer).encode()
        return httpx.Response(exchange["status"], headers=headers, content=content)


def recorded(scenario: str) -> tuple[Kit, Recorded]:
    transport = Recorded(scenario)
    return Kit(http=httpx.Client(transport=transport), base_url="https://api.github.com"), transport


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """`status` 0: the connection is cut without an answer."""

    status: int = 200
    body: object = None
    headers: Mapping[str, str] = field(default_factory=dict)


CUT = Reply(status=0)
Script = Callable[[Asked], Reply]


@contextmanager
def serving(script: Script) -> Iterator[tuple[Kit, list[Asked]]]:
    """A server on a real socket that answers as the script says, an adapter for it, and what was asked."""
    asked: list[Asked] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            length = int(self.headers.get("content-length", 0))
            body = self.rfile.read(length)
            request = Asked(
                method=self.command,
                path=self.path,
                headers={name.lower(): value for name, value in self.headers.items()},
                body=body,
            )
            asked.append(request)
            reply = script(request)
            self.close_connection = True
            if reply.status == 0:
                return
            content = b"" if reply.body is None else json.dumps(reply.body).encode()
            self.send_response(reply.status)
            for name, value in {
                **reply.headers,
                "content-length": str(len(content)),
                "connection": "close",
            }.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Silence."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    http = httpx.Client()
    try:
        yield Kit(http=http, base_url=f"http://127.0.0.1:{server.server_address[1]}"), asked
    finally:
        http.close()
        server.shutdown()
        thread.join()
        server.server_close()


def sequence(*replies: Reply) -> Script:
    """Each reply once, in order."""
    left = list(replies)
    return lambda _asked: left.pop(0)


def sha(text: str) -> Sha:
    """A made-up object id."""
    return Sha((text * 40)[:40])
