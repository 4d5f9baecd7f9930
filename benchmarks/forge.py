"""The embedded forge measured: reads beside a named peer, a thousand repositories, clones, waking up and waiting."""

import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
from benchmarks.load import CLIENT, answered
from benchmarks.measure import Measure

PEER = Path(__file__).parent / "npm" / "node_modules"
REPOSITORIES, ISSUES, TURNS, READS_AT_ONCE, IDLE_SECONDS = 1000, 10, 3, 1200, 10.0
READS = ("/repos/acme/widget", "/repos/acme/widget/issues", "/repos/acme/widget/issues/1")
PEERS_TOKEN = "test_token_admin"
LISTING = """query($after: String) { organization(login: "acme") { repositories(first: 100, after: $after) {
  pageInfo { hasNextPage endCursor } nodes { id nameWithOwner isArchived defaultBranchRef { name target { oid } } } } } }"""


def measures() -> Iterator[Measure]:
    """Of a seeded forge first, then of a small one beside its peer."""
    with TemporaryDirectory() as folder:
        yield from _large(Path(folder))
    with TemporaryDirectory() as folder:
        yield from _small(Path(folder))


def _large(folder: Path) -> Iterator[Measure]:
    issues = [{"title": f"Issue {number}"} for number in range(1, ISSUES + 1)]
    repository = {
        "name": "acme/repo-{n}",
        "repeat": REPOSITORIES,
        "files": {"README.md": "# A"},
        "issues": issues,
    }
    state, token = _seeded(folder, [repository])
    what = f"{REPOSITORIES:,} repositories, {REPOSITORIES * ISSUES:,} issues"
    began = time.perf_counter()
    with _served(state) as (url, pid):
        took = time.perf_counter() - began
        yield Measure(what=f"forge of {what}: start", aim="< 2 s", measured=f"{took:.1f} s", met=took < 2)
        began, used = time.perf_counter(), _cpu_seconds(pid)
        time.sleep(IDLE_SECONDS)
        idle = 100 * (_cpu_seconds(pid) - used) / (time.perf_counter() - began)
        yield Measure(what="the same: idle CPU", aim="< 1 %", measured=f"{idle:.2f} %", met=idle < 1)
        took = statistics.median(_listing(url, token) for _ in range(TURNS))
        yield Measure(
            what=f"{REPOSITORIES:,} repositories listed through GraphQL",
            aim="≤ 1.5 s",
            measured=f"{took:.2f} s",
            met=took <= 1.5,
        )


def _listing(url: str, token: str) -> float:
    began, after, count = time.perf_counter(), None, 0
    with httpx.Client(base_url=url, headers={"authorization": f"Bearer {token}"}, timeout=60) as client:
        while True:
            body = {"query": LISTING, "variables": {"after": after}}
            page = client.post("/graphql", json=body).json()["data"]["organization"]["repositories"]
            count += len(page["nodes"])
            if not page["pageInfo"]["hasNextPage"]:
                assert count == REPOSITORIES, f"{count} repositories were listed"
                return time.perf_counter() - began
            after = page["pageInfo"]["endCursor"]


def _small(folder: Path) -> Iterator[Measure]:
    issues = [{"title": f"Issue {number}", "body": "Text."} for number in range(1, 6)]
    source = _source(folder / "source")
    described: list[dict[str, object]] = [
        {"name": "acme/widget", "files": {"README.md": "# A"}, "issues": issues},
        {"name": "acme/large", "clone": str(source)},
    ]
    state, token = _seeded(folder, described)
    with _served(state) as (url, _):
        yield from _reads(folder, url, token)
        yield _clones(folder, url, token, source)


def _reads(folder: Path, url: str, token: str) -> Iterator[Measure]:
    if not (PEER.exists() and CLIENT):
        advice = "`npm ci --prefix benchmarks/npm` installs the peer, `apt-get install nghttp2-client` what asks both"
        yield Measure(
            what="reads beside emulate 0.12.2", aim="≥ 3×", measured=f"not measured: {advice}", met=None
        )
        return
    ours, theirs = [], []
    with _peer(folder) as other:
        for _ in range(TURNS):
            ours.append(answered(url, token, READS, READS_AT_ONCE))
            theirs.append(answered(other, PEERS_TOKEN, READS, READS_AT_ONCE))
    mine, peer = statistics.median(ours), statistics.median(theirs)
    ratio = mine / peer
    yield Measure(
        what="GET of a repository, its issues, one issue (emulate 0.12.2 beside it)",
        aim="≥ 3×",
        measured=f"{ratio:.1f}×: {mine:.0f}/s ({peer:.0f}/s)",
        met=ratio >= 3,
    )


def _clones(folder: Path, url: str, token: str, source: Path) -> Measure:
    """Over HTTP with a credential, and over `git daemon`, in turns."""
    ours, daemons = [], []
    with _daemon(source.parent) as other:
        for turn in range(TURNS):
            address = url.replace("://", f"://x-access-token:{token}@") + "/acme/large.git"
            ours.append(_clone(address, folder / f"ours{turn}"))
            daemons.append(_clone(f"{other}/{source.name}", folder / f"daemon{turn}"))
    mine, peer = statistics.median(ours), statistics.median(daemons)
    size = sum(file.stat().st_size for file in (folder / "ours0").rglob("*.pack")) / (1 << 20)
    return Measure(
        what=f"clone of {size:.0f} MiB (`git daemon` beside it)",
        aim="≤ 1.3×",
        measured=f"{mine / peer:.2f}×: {mine:.2f} s ({peer:.2f} s)",
        met=mine / peer <= 1.3,
    )


def _clone(address: str, into: Path) -> float:
    began = time.perf_counter()
    subprocess.run(["git", "clone", "--quiet", address, str(into)], check=True, capture_output=True)
    return time.perf_counter() - began


def _source(folder: Path) -> Path:
    """A repository whose pack is 6 MB: text that does not compress away."""
    folder.mkdir()
    for number in range(60):
        (folder / f"data-{number}.txt").write_text(os.urandom(66_000).hex())
    author = ("-c", "user.name=Benchmark", "-c", "user.email=benchmark@localhost")
    for words in (("init", "--quiet"), ("add", "."), (*author, "commit", "--quiet", "-m", "Data")):
        subprocess.run(["git", *words], cwd=folder, check=True)
    return folder


def _seeded(folder: Path, repositories: Sequence[dict[str, object]]) -> tuple[Path, str]:
    state, file = folder / "state", folder / "forge.yml"
    organizations = [{"login": "acme", "members": {"ann": "admin"}}]
    described = {
        "users": [{"login": "ann"}],
        "organizations": organizations,
        "repositories": list(repositories),
    }
    file.write_text(json.dumps(described))
    _localforge("seed", str(file), "--state", str(state))
    return state, _localforge("admin", "--state", str(state), "token", "ann", "--scope", "repo")


def _localforge(*words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "localforge", *words], check=True, stdout=subprocess.PIPE, text=True
    )
    return done.stdout.strip()


@contextmanager
def _served(state: Path) -> Iterator[tuple[str, int]]:
    ready = state.with_name("forge.url")
    line = [sys.executable, "-m", "localforge", "serve", "--state", str(state), "--ready-file", str(ready)]
    with _running(line) as process:
        while not (ready.exists() and ready.read_text().endswith("\n")):
            assert process.poll() is None, "the forge did not start"
            time.sleep(0.005)
        yield ready.read_text().strip(), process.pid
    ready.unlink()


@contextmanager
def _peer(folder: Path) -> Iterator[str]:
    """emulate with the same repository and issues."""
    seed = folder / "peer.json"
    members = [{"login": "ann", "role": "admin"}]
    repos = [{"owner": "acme", "name": "widget", "auto_init": True}]
    orgs = [{"login": "acme", "members": members}]
    seed.write_text(json.dumps({"github": {"users": [{"login": "ann"}], "orgs": orgs, "repos": repos}}))
    port = _free_port()
    where = ["--service", "github", "--port", str(port), "--seed", str(seed)]
    line = [str(PEER / ".bin" / "node"), str(PEER / "emulate" / "dist" / "index.js"), "start", *where]
    url = f"http://127.0.0.1:{port}"
    with (
        _running(line),
        httpx.Client(base_url=url, headers={"authorization": f"Bearer {PEERS_TOKEN}"}) as client,
    ):
        _until_open(port)
        for number in range(1, 6):
            body = {"title": f"Issue {number}", "body": "Text."}
            client.post("/repos/acme/widget/issues", json=body).raise_for_status()
        yield url


@contextmanager
def _daemon(base: Path) -> Iterator[str]:
    port = _free_port()
    where = ["--listen=127.0.0.1", f"--port={port}", f"--base-path={base}", "--export-all", "--reuseaddr"]
    with _running(["git", "daemon", *where]):
        _until_open(port)
        yield f"git://127.0.0.1:{port}"


@contextmanager
def _running(line: Sequence[str]) -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen(
        line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        yield process
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def _until_open(port: int) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            with socket.create_connection(("127.0.0.1", port)):
                return
        except OSError:
            time.sleep(0.05)
    raise TimeoutError(f"nothing listens on port {port}")


def _cpu_seconds(pid: int) -> float:
    """Of the process and those that it has waited for."""
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, words[11:15])) / os.sysconf("SC_CLK_TCK")
