"""Fetching into mirrors: what a credential may touch, and which failures are worth another try."""

import base64
import contextlib
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from tests.contract.git.origin import REPO, Origin, git, mirrored

from penstock.adapters.git.command import Git, trusted_environment
from penstock.adapters.git.mirrors import Mirrors
from penstock.adapters.git.remote import Shown, push
from penstock.bootstrap import Installation
from penstock.core.refs import NodeId
from penstock.ports import Permanent, Transient
from penstock.settings import Config, Forge, Settings

TOKEN = "ghs_" + "t" * 36


class Server(ThreadingHTTPServer):
    """Serves a bare repository as plain files (git's "dumb" protocol), to those who show the token."""

    daemon_threads = True
    answer = 0
    moved_to = ""
    seen: list[str]
    command_lines: str = ""


class Handler(SimpleHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.seen.append(self.headers.get("Authorization", ""))
        self.server.command_lines += "".join(
            path.read_bytes().decode(errors="replace")
            for path in Path("/proc").glob("[0-9]*/cmdline")
            if path.exists()
        )
        expected = "Basic " + base64.b64encode(f"x-access-token:{TOKEN}".encode()).decode()
        if self.server.moved_to:
            self.send_response(302)
            self.send_header("Location", self.server.moved_to + self.path)
            self.end_headers()
        elif self.server.answer or self.headers.get("Authorization") != expected:
            self.send_error(self.server.answer or 401)
        else:
            super().do_GET()

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Quiet."""

    def log_error(self, *args: object) -> None:
        """Quiet."""


@contextmanager
def served(folder: Path, answer: int = 0) -> Iterator[Server]:
    git(folder, "update-server-info")
    with Server(("127.0.0.1", 0), partial(Handler, directory=str(folder))) as server:
        server.answer, server.seen = answer, []
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def url_of(server: Server) -> str:
    return f"http://127.0.0.1:{server.server_port}/"


def knowing(server: Server, root: Path) -> Mirrors:
    """Mirrors whose token is for this server."""
    return Mirrors(root, lambda: Shown(token=TOKEN, to=url_of(server)))


@pytest.fixture
def origin(tmp_path: Path) -> Origin:
    return Origin(tmp_path / "origin")


def test_the_token_is_shown_to_the_server_and_to_nobody_else(tmp_path: Path, origin: Origin) -> None:
    commit = origin.commit({"a": b"1"})
    with served(origin.folder / ".git") as server:
        mirrors = knowing(server, tmp_path / "mirrors")
        mirrors.sync(REPO, url_of(server), ("main",))
        assert mirrors.paths(REPO, commit) == ("a",)
        assert any(server.seen)
        assert "fetch" in server.command_lines
        assert TOKEN not in server.command_lines
        assert base64.b64encode(TOKEN.encode()).decode()[4:40] not in server.command_lines
    stored = [path.read_bytes() for path in (tmp_path / "mirrors").rglob("*") if path.is_file()]
    assert not [content for content in stored if TOKEN.encode() in content or b"uthorization" in content]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_the_token_does_not_follow_to_another_server(tmp_path: Path, origin: Origin, host: str) -> None:
    origin.commit({"a": b"1"})
    with served(origin.folder / ".git") as forge, served(origin.folder / ".git") as other:
        mirrors = knowing(forge, tmp_path / "mirrors")
        elsewhere = url_of(other).replace("127.0.0.1", host)
        with pytest.raises(Permanent) as refused:
            mirrors.sync(REPO, elsewhere, ("main",))
        assert (refused.value.code, set(other.seen)) == ("no_access", {""})
        forge.moved_to = elsewhere.rstrip("/")
        other.seen.clear()
        with pytest.raises(Permanent) as refused:
            mirrors.sync(REPO, url_of(forge), ("main",))
        assert (refused.value.code, other.seen) == ("redirected", [])
        assert any(forge.seen)


@pytest.mark.parametrize(
    ("api", "web"),
    [
        ("https://api.github.com", "https://github.com"),
        ("https://api.octocorp.ghe.com/", "https://octocorp.ghe.com"),
        ("https://git.example.test/api/v3", "https://git.example.test"),
        ("https://api.example.test/api/v3", "https://api.example.test"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
    ],
)
def test_the_server_that_may_see_it_stands_beside_the_api(tmp_path: Path, api: str, web: str) -> None:
    config = Config(version=1, forge=Forge(api_url=api))
    settings = Settings(
        state=tmp_path, config=config, writer=None, reader=None, operator=None, webhook_secret=None
    )
    home = Installation(settings)
    assert home.address.web == web


@pytest.mark.parametrize(
    ("answer", "kind", "code"),
    [
        (401, Permanent, "no_access"),
        (403, Permanent, "no_access"),
        (404, Permanent, "no_repository"),
        (500, Transient, "unreachable"),
        (502, Transient, "unreachable"),
    ],
)
def test_failures_are_told_apart(
    tmp_path: Path, origin: Origin, answer: int, kind: type[Permanent | Transient], code: str
) -> None:
    origin.commit({})
    with served(origin.folder / ".git", answer) as server:
        mirrors, address = knowing(server, tmp_path / "mirrors"), url_of(server)
        with pytest.raises(kind) as failed:
            mirrors.sync(REPO, address.replace("//", "//user:word@"), ("main",))
    assert failed.value.code == code
    assert "word" not in str(failed.value)
    assert TOKEN not in str(failed.value)


def test_a_server_that_does_not_answer_is_tried_again_later(tmp_path: Path, origin: Origin) -> None:
    with served(origin.folder / ".git") as server:
        url = url_of(server)
    with pytest.raises(Transient, match="cannot fetch"):
        Mirrors(tmp_path / "mirrors", lambda: None).sync(REPO, url, ("main",))


@pytest.mark.parametrize(
    ("url", "refs", "code"),
    [
        ("{url}", ("gone",), "no_ref"),
        ("{url}", ("1" * 40,), "no_ref"),
        ("{url}-moved", ("main",), "no_repository"),
        ("ssh://git@localhost/x", ("main",), "bad_url"),
        ("ext::sh -c touch% {marker}", ("main",), "bad_url"),
        ("{url}", ("--upload-pack=touch {marker}",), "bad_ref"),
        ("{url}", ("a:refs/heads/b",), "bad_ref"),
        ("--upload-pack=touch {marker}", ("main",), "bad_url"),
    ],
)
def test_what_cannot_be_fetched_is_said_and_nothing_runs(
    tmp_path: Path, origin: Origin, url: str, refs: tuple[str, ...], code: str
) -> None:
    origin.commit({"a": b"1"})
    marker = tmp_path / "ran"
    mirrors = Mirrors(tmp_path / "mirrors", lambda: None)
    with pytest.raises(Permanent) as failed:
        mirrors.sync(
            REPO, url.format(url=origin.url, marker=marker), tuple(ref.format(marker=marker) for ref in refs)
        )
    assert failed.value.code == code
    assert not marker.exists()


def test_branches_tags_and_commits_are_fetched_and_followed(tmp_path: Path, origin: Origin) -> None:
    old = origin.commit({"a": b"1"})
    git(origin.folder, "tag", "--annotate", "--message", "one", "main")
    mirrors = mirrored(tmp_path / "mirrors", origin, "main", "refs/tags/main")
    new = origin.commit({"a": b"2"})
    mirrors.sync(REPO, origin.url, ("main",))
    assert mirrors.files(REPO, new, ("a",)) == {"a": b"2"}, "a tag of the same name is not the branch"
    git(origin.folder, "checkout", "--quiet", "-B", "main", old)
    rewritten = origin.commit({"a": b"3"})
    mirrors.sync(REPO, origin.url, (rewritten,))
    assert mirrors.files(REPO, rewritten, ("a",)) == {"a": b"3"}
    origin.folder.rename(tmp_path / "elsewhere")
    mirrors.sync(REPO, origin.url, (old, new, rewritten))


def test_a_branch_may_turn_into_a_folder_of_branches(tmp_path: Path, origin: Origin) -> None:
    origin.commit({"a": b"1"})
    git(origin.folder, "branch", "topic")
    mirrors = mirrored(tmp_path / "mirrors", origin, "topic")
    git(origin.folder, "branch", "--delete", "topic")
    git(origin.folder, "branch", "topic/one")
    mirrors.sync(REPO, origin.url, ("topic/one",))


def test_the_machines_git_configuration_is_not_obeyed(
    tmp_path: Path, origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    marker = tmp_path / "ran"
    home = tmp_path / "home"
    home.mkdir()
    (home / ".gitconfig").write_text(
        f'[core]\n\thooksPath = {home}\n\tfsmonitor = touch {marker}\n[url "{tmp_path}/other"]\n\tinsteadOf = {origin.url}\n'
    )
    (home / "reference-transaction").write_text(f"#!/bin/sh\ntouch {marker}\n")
    (home / "reference-transaction").chmod(0o755)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(home / ".gitconfig"))
    commit = origin.commit({"a": b"1"})
    mirrors = mirrored(tmp_path / "mirrors", origin, commit)
    assert mirrors.paths(REPO, commit) == ("a",)
    assert not marker.exists()


def test_two_forges_and_odd_ids_do_not_share_a_mirror(tmp_path: Path) -> None:
    mirrors = Mirrors(tmp_path, lambda: None)
    ids = ("R_1", "R/1", "../../R_1", "r_1")
    repos = [replace(REPO, node_id=NodeId(i), forge=f) for i in ids for f in ("one.test", "two.test")]
    paths = {mirrors.path_of(repo) for repo in repos}
    assert len(paths) == len(repos)
    assert {path.parent for path in paths} == {tmp_path}


def test_many_may_make_one_mirror_at_once(tmp_path: Path, origin: Origin) -> None:
    commit = origin.commit({"a": b"1"})
    mirrors = Mirrors(tmp_path / "mirrors", lambda: None)

    def sync(_: int) -> None:
        with contextlib.suppress(Transient):
            mirrors.sync(REPO, origin.url, (commit,))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(sync, range(4)))
    assert mirrors.paths(REPO, commit) == ("a",)


def test_git_that_is_missing_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Permanent, match="apt install git"):
        Mirrors(tmp_path / "mirrors", lambda: None)


def test_a_push_shows_its_token_to_the_forge_alone(origin: Origin) -> None:
    """Refused or answered, the forge sees the token; another server, however it is reached, never does."""
    first, second = origin.commit({"a": b"1"}), origin.commit({"a": b"2"})
    shown = Shown(token=TOKEN, to="")
    local = Git(directory=origin.folder / ".git", environment=trusted_environment())
    with served(origin.folder / ".git", answer=403) as forge, served(origin.folder / ".git") as other:
        credential = partial(replace, shown, to=url_of(forge))
        with pytest.raises(Permanent, match="cannot push to") as refused:
            push(local, url_of(forge), "main", credential)
        assert refused.value.code == "no_access"
        assert any(forge.seen)
        with pytest.raises(Permanent):
            push(local, url_of(other), "main", credential)
        assert set(other.seen) == {""}
    target = origin.folder.parent / "target.git"
    git(origin.folder, "init", "--quiet", "--bare", str(target))
    push(local, f"file://{target}", "main", lambda: None)
    assert git(target, "rev-parse", "main") == second
    git(origin.folder, "reset", "--quiet", "--hard", first)
    push(local, f"file://{target}", "main", lambda: None)
    assert git(target, "for-each-ref", "--format=%(objectname) %(refname)") == f"{first} refs/heads/main"
    with pytest.raises(Permanent) as bad:
        push(local, "ext::sh -c true", "main", lambda: None)
    assert bad.value.code == "bad_url"
