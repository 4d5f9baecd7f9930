"""`penstock start` as a person runs it, against a forge that is not its own."""

import hashlib
import hmac
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from tests.flows.house import ORG, House

from penstock.adapters import embedded as embedding
from penstock.adapters.clock import SystemClock
from penstock.adapters.git.mirrors import Mirrors
from penstock.adapters.github import channel
from penstock.bootstrap import Installation
from penstock.cli import app
from penstock.cli.options import Options
from penstock.core.refs import NodeId, RepoRef
from penstock.ports import Transient
from penstock.settings import load, network

RECIPE = """
name: add-a-line
title: Add a line
description: As the test says.
match: {labels: [bot-task], title: "Add*", files: ["*.py"]}
run: printf 'x = 2\\n' > src/a.py
allowed_paths: ["src/**"]
timeout_seconds: 60
complexity: 1
"""
SECRET = "w" * 32


@dataclass
class Desk:
    """A person's folder, with a configuration for the repositories whose names begin with `name`."""

    folder: Path
    url: str
    name: str
    environment: dict[str, str]
    capsys: pytest.CaptureFixture[str]
    monkeypatch: pytest.MonkeyPatch

    def configure(self, url: str = "", extra: str = "") -> None:
        (self.folder / "config").mkdir(exist_ok=True)
        (self.folder / "config" / "orchestrator.yml").write_text(
            f"version: 1\nforge: {{api_url: '{url or self.url}', poll_seconds: 1}}\n"
            f"discovery: {{organization: {ORG}, include: ['{self.name}*']}}\n{extra}"
        )

    def run(self, *words: str) -> tuple[int, str]:
        """A command in this process: its exit code, and all that it said on one line."""
        self.monkeypatch.setattr(sys, "argv", ["penstock", *words])
        self.monkeypatch.setattr(Options, "state", None)
        code = app.run()
        out, err = self.capsys.readouterr()
        return code, " ".join((out + err).split())

    @contextmanager
    def started(self, *words: str) -> Iterator["subprocess.Popen[str]"]:
        """A `start` of its own, once it works."""
        process = subprocess.Popen(
            [sys.executable, "-m", "penstock", "start", *words],
            cwd=self.folder,
            env={"PATH": os.environ["PATH"], "HOME": str(self.folder), **self.environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            yield process
        finally:
            process.kill()
            process.communicate()

    def database(self, query: str) -> list[tuple[object, ...]]:
        with closing(sqlite3.connect(self.folder / ".penstock" / "penstock.db")) as connection:
            return connection.execute(query).fetchall()


@pytest.fixture
def desk(
    forge: embedding.Embedded,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Desk:
    name = re.sub(r"[^a-z0-9]+", "-", request.node.name)[-60:].strip("-")
    environment = {
        "INFINITY_APP_TOKEN": forge.writer_token,
        "PENSTOCK_READ_TOKEN": forge.reader_token,
        "PENSTOCK_OPERATOR_TOKEN": forge.operator_token,
    }
    for key, value in environment.items():
        monkeypatch.setenv(key, value)
    folder = tmp_path / "desk"
    (folder / "recipes").mkdir(parents=True)
    (folder / "recipes" / "add-a-line.yml").write_text(RECIPE)
    monkeypatch.chdir(folder)
    made = Desk(folder, forge.url, name, environment, capsys, monkeypatch)
    made.configure()
    return made


def issue(house: House, repository: str, title: str) -> int:
    body = {"title": title, "body": "", "labels": ["bot-task"]}
    return int(house.ask("POST", f"/repos/{ORG}/{repository}/issues", body).json()["number"])


WRONG = [
    ("an unknown mode", ("--mode", "supervized"), "", "did you mean `supervised`?"),
    ("a mode like no other", ("--mode", "zzz"), "", "manual, supervised, autonomous"),
    ("an unknown key", (), "safty: {}\n", "orchestrator.yml:4:1: safty: unknown key; did you mean `safety`?"),
    ("bad cron", (), "monitoring: {health_check_interval: nope}\n", "orchestrator.yml:4:"),
]


@pytest.mark.parametrize(("what", "words", "extra", "said"), WRONG, ids=[row[0] for row in WRONG])
def test_what_is_misspelled_is_said_and_nothing_starts(desk: Desk, what, words, extra, said):
    desk.configure(extra=extra)
    code, told = desk.run("start", "--once", *words)
    assert code == 2
    assert said in told
    assert not (desk.folder / ".penstock").exists()


def test_without_an_organization_nothing_starts(desk: Desk):
    (desk.folder / "config" / "orchestrator.yml").write_text("version: 1\n")
    code, told = desk.run("start", "--once")
    assert code == 2
    assert "discovery.organization" in told


def test_without_a_token_nothing_starts_and_it_says_where_to_put_one(desk: Desk):
    for name in desk.environment:
        desk.monkeypatch.delenv(name)
    code, told = desk.run("start", "--once")
    assert code == 2
    assert "GITHUB_TOKEN" in told


LITTLE = [
    (
        "only metadata",
        ("--permission", "metadata=read"),
        ("Contents (read) is missing, to read branches", "Issues (read) is missing, to read issues"),
    ),
    (
        "no workflow scope",
        ("--scope", "repo"),
        ("Workflows (read and write) is missing, to change workflow files where a person approved it",),
    ),
    (
        "no scope for the repository",
        ("--scope", "workflow"),
        ("Metadata (read) is missing, to read repositories",),
    ),
]


@pytest.mark.parametrize(("what", "may", "said"), LITTLE, ids=[row[0] for row in LITTLE])
def test_a_token_that_may_too_little_is_told_which_permission_and_for_what(
    desk: Desk, house: House, what, may, said
):
    house.ask("POST", f"/orgs/{ORG}/repos", {"name": desk.name, "auto_init": True, "private": True})
    number = issue(house, desk.name, "Add a line")
    (token,) = embedding._admin(house.embedded.forge_state, ("token", embedding.BOT, *may))
    desk.monkeypatch.setenv("INFINITY_APP_TOKEN", token)
    code, told = desk.run("start", "--once")
    assert code == 3, told
    for words in (f"{ORG}/{desk.name}: ", "INFINITY_APP_TOKEN", "Nothing was started", *said):
        assert words in told
    assert desk.database("SELECT count(*) FROM change_head") == [(0,)]
    assert house.ask("GET", f"/repos/{ORG}/{desk.name}/issues/{number}/comments").json() == []


def test_a_token_that_nobody_knows_is_said(desk: Desk):
    desk.monkeypatch.setenv("PENSTOCK_READ_TOKEN", "ghp_" + "0" * 36)
    code, told = desk.run("start", "--once")
    assert code == 3
    assert "PENSTOCK_READ_TOKEN is wrong, expired or revoked" in told


def test_once_drives_what_is_due_and_says_what_waits(desk: Desk, house: House):
    """One token for all is warned of. In mode manual the issue waits for a person's command."""
    house.repository(desk.name)
    number = issue(house, desk.name, "Add a line")
    code, told = desk.run("start", "--once", "--mode", "manual")
    assert (code, desk.database("SELECT state FROM change_head")) == (0, [])
    assert "single_credential" not in told
    assert "GITHUB_TOKEN" not in told
    for name in desk.environment:
        desk.monkeypatch.delenv(name)
    desk.monkeypatch.setenv("GITHUB_TOKEN", house.embedded.writer_token)
    code, told = desk.run("start", "--once")
    assert code == 4, told
    assert "Writing with GITHUB_TOKEN" in told
    assert "single_credential" in told
    assert f"{ORG}/{desk.name}#{number} starts change c-" in told
    assert "Waiting for you" in told
    assert "penstock approvals approve" in told
    assert desk.database("SELECT state, owner FROM change_head") == [("WAITING_USER_APPROVAL", None)]
    assert house.ask("GET", f"/repos/{ORG}/{desk.name}/pulls?state=all").json() == []
    assert desk.run("start", "--once")[0] == 4
    assert len(desk.database("SELECT 1 FROM change_head")) == 1


@pytest.mark.slow
def test_a_host_that_cannot_isolate_is_met_only_by_what_is_to_run_on_it(desk: Desk, house: House):
    house.repository(desk.name)
    issue(house, desk.name, "Add a line")
    tools = desk.folder / "tools"
    tools.mkdir()
    for tool in ("git", "tar"):
        (tools / tool).symlink_to(shutil.which(tool) or "")
    desk.monkeypatch.setenv("PATH", str(tools))
    code, told = desk.run("start", "--once")
    assert code == 4, told
    (change,) = desk.database("SELECT change_id FROM change_head WHERE state = 'NEEDS_HUMAN'")
    code, told = desk.run("changes", "show", str(change[0]))
    assert (code, "bwrap is not installed" in told) == (0, True), told
    assert desk.run("start", "--once")[0] == 4


@pytest.mark.slow
def test_branches_that_demand_what_only_people_give_are_named_at_the_start(desk: Desk, house: House):
    for suffix in ("-plain", "-reviewed", "-strict"):
        house.repository(desk.name + suffix)
    protection = {"enforce_admins": False, "restrictions": None}
    checks = {"strict": True, "contexts": ["test"]}
    for suffix, demand in (
        ("-reviewed", {"required_status_checks": None, "required_pull_request_reviews": {}}),
        ("-strict", {"required_status_checks": checks, "required_pull_request_reviews": None}),
    ):
        path = f"/repos/{ORG}/{desk.name}{suffix}/branches/main/protection"
        house.ask("PUT", path, protection | demand)
    code, told = desk.run("start", "--once")
    assert code == 0, told
    assert f"{ORG}/{desk.name}-reviewed: merging demands an approving review" in told
    assert f"{ORG}/{desk.name}-strict: merging demands an up-to-date branch" in told
    assert told.count("merging demands") == 2


@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY"])
def test_git_goes_through_the_proxy_that_requests_go_through(desk: Desk, name: str):
    repo = RepoRef(forge="forge", node_id=NodeId("R_1"), owner="acme", name="lib")
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        desk.monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.getsockname()[1]}")
        mirrors = Installation(load()).mirrors
        fetching = threading.Thread(target=fails, args=(mirrors, repo))
        fetching.start()
        proxy.settimeout(10)
        asked, _ = proxy.accept()
        with asked:
            assert asked.recv(4096).startswith(b"GET http://forge.invalid/acme/lib.git/info/refs?")
        fetching.join(10)
    assert not fetching.is_alive()


def fails(mirrors: Mirrors, repo: RepoRef) -> None:
    with pytest.raises(Transient):
        mirrors.sync(repo, "http://forge.invalid/acme/lib.git", ("main",))


def test_certificates_are_known_to_git_by_its_own_names(monkeypatch: pytest.MonkeyPatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("SSL_CERT_FILE", "/ca.pem")
    monkeypatch.setenv("SSL_CERT_DIR", "/ca")
    monkeypatch.setenv("NO_PROXY", "localhost")
    assert network() == {"GIT_SSL_CAINFO": "/ca.pem", "GIT_SSL_CAPATH": "/ca", "no_proxy": "localhost"}


def test_an_unreachable_forge_ends_a_single_run_with_its_own_code(desk: Desk):
    desk.configure(url="http://127.0.0.1:1")
    desk.monkeypatch.setattr(channel, "BACKOFF", ())
    code, told = desk.run("start", "--once")
    assert code == 3
    assert "cannot be reached" in told


def test_an_address_that_is_not_ours_is_refused_before_anything_starts(desk: Desk):
    code, told = desk.run("start", "--host", "192.0.2.1")
    assert code == 2
    assert "cannot listen at 192.0.2.1:8740" in told
    assert "nothing was started" in told


def read_until(process: "subprocess.Popen[str]", said: str) -> str:
    """Everything up to the line with these words."""
    assert process.stdout
    told = ""
    for line in process.stdout:
        told += line
        if said in line:
            return told
    raise AssertionError(f"it ended without saying {said!r}:\n{told}")


def ended(process: "subprocess.Popen[str]", number: signal.Signals) -> str:
    process.send_signal(number)
    out, _ = process.communicate(timeout=20)
    assert process.returncode == 0, out
    return out


def test_a_start_waits_for_a_forge_that_is_away_until_it_is_told_to_end(desk: Desk):
    waits: list[float] = []

    def wait(_clock: SystemClock, seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 3:
            raise KeyboardInterrupt

    desk.configure(url="http://127.0.0.1:1")
    desk.monkeypatch.setattr(channel, "BACKOFF", ())
    desk.monkeypatch.setattr(SystemClock, "sleep", wait)
    code, told = desk.run("start", "--port", "0")
    assert (code, waits) == (130, [2, 4, 8])
    assert "tried again in 8 s" in told
    code, told = desk.run("status")
    assert code == 0
    assert re.search(r"polling fails since 20.+ UTC, 3 times: .+ cannot be reached", told)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.slow
def test_two_starts_side_by_side_take_webhooks_and_end_when_told(desk: Desk, house: House):
    house.repository(desk.name)
    desk.configure(extra="issue_processing: {max_concurrent: 1}\n")
    desk.environment["PENSTOCK_WEBHOOK_SECRET"] = SECRET
    port = free_port()
    with desk.started("--port", str(port)) as first:
        at = read_until(first, "Webhooks are taken at")
        with desk.started("--port", str(port)) as second:
            read_until(second, "this one takes no webhooks")
            number = issue(house, desk.name, "Add a line")
            hook = webhook(f"{ORG}/{desk.name}", number)
            headers = {
                "x-github-event": "issues",
                "x-github-delivery": "d-1",
                "x-hub-signature-256": sign(hook),
            }
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers) as client:
                assert client.post("/webhooks", content=hook).status_code == 202
                assert client.post("/webhooks", content=hook).status_code == 200
                assert client.post("/webhooks", content=hook + b" ").status_code == 401
            read_until(first, "gates")
            read_until(second, "gates")
            wait_for(
                lambda: (
                    desk.database("SELECT state, owner FROM change_head") == [("WAITING_USER_APPROVAL", None)]
                )
            )
            assert "Nothing is lost" in ended(second, signal.SIGINT)
        assert "Nothing is lost" in ended(first, signal.SIGTERM)
    assert at.count("Webhooks") == 1
    _, told = desk.run("status", "--json")
    assert json.loads(told)["tallies"]["webhooks refused"]["count"] == 1
    assert desk.database("SELECT count(*), sum(processed) FROM delivery") == [(1, 1)]


def webhook(repository: str, number: int) -> bytes:
    labelled = {"number": number, "state": "open", "labels": [{"name": "bot-task"}]}
    event = {"action": "labeled", "issue": labelled, "repository": {"full_name": repository}}
    return json.dumps(event).encode()


def sign(body: bytes) -> str:
    return "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()


def wait_for(reached) -> None:
    deadline = time.monotonic() + 20
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.02)
