"""The demonstration as a person or a script runs it: real processes, real HTTP, real git, real CI jobs."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

pytestmark = [
    pytest.mark.timeout(240),
    pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed on this machine"),
]


@dataclass(frozen=True)
class Home:
    """A folder of its own, where the command runs without a terminal and without anybody's environment."""

    folder: Path

    def start(self, *words: str) -> subprocess.Popen[str]:
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "COLUMNS": "160"}
        command = [sys.executable, "-m", "penstock", *words]
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *words: str, expect: int = 0) -> str:
        process = self.start(*words)
        out, err = process.communicate(timeout=200)
        assert process.returncode == expect, (
            f"penstock {' '.join(words)}: exit {process.returncode}\n{out}\n{err}"
        )
        return out

    def ask(self, *words: str, expect: int = 0) -> Any:
        return json.loads(self.run(*words, "--json", expect=expect))

    def forge(self) -> httpx.Client:
        kept = json.loads((self.folder / ".penstock/embedded.json").read_text())
        headers = {"authorization": f"Bearer {kept['operator_token']}"}
        return httpx.Client(base_url=f"http://127.0.0.1:{kept['port']}", headers=headers)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    yield Home(tmp_path)
    if (tmp_path / ".penstock/embedded.json").exists():
        Home(tmp_path).run("demo", "--stop")


def written_once(forge: httpx.Client) -> None:
    """One branch, one pull request, one commit, one merge per repository; one comment on the issue."""
    for name in ("textkit", "linkbuilder", "newsdesk"):
        pulls = forge.get(f"/repos/acme/{name}/pulls?state=all").json()
        assert [pull["state"] for pull in pulls] == ["closed"], name
        assert pulls[0]["merged_at"], name
        assert len(forge.get(f"/repos/acme/{name}/pulls/{pulls[0]['number']}/commits").json()) == 1
        assert len(forge.get(f"/repos/acme/{name}/commits").json()) == 2, (
            "the first one, and the squashed change"
        )
    assert forge.get("/repos/acme/clockwork/pulls?state=all").json() == []
    assert len(forge.get("/repos/acme/clockwork/branches").json()) == 1
    comments = forge.get("/repos/acme/textkit/issues/1/comments").json()
    assert len([c for c in comments if "Done" in c["body"]]) == 1


def test_the_whole_way_and_everything_around_it(home: Home) -> None:
    """Without a terminal it waits at the approval and exits 4; told to, it goes all the way; then it all verifies."""
    said = home.run("demo", expect=4)
    assert f"{sys.executable} -m penstock approvals approve" in said
    assert "BLOCKED_POLICY" in said
    pending = home.ask("approvals", "list")["pending"]
    assert len(pending) == 3

    told = home.ask("demo", "--yes")
    assert told["ledger"]["breaks"] == []
    assert told["change"]["summary"]["state"] == "DONE"
    assert told["blocked"]["summary"]["state"] == "BLOCKED_POLICY"
    order = [repo["wave"] for repo in told["change"]["repositories"] if repo["repository"] == "acme/textkit"]
    assert order == [1]
    with home.forge() as forge:
        written_once(forge)
        assert forge.get("/repos/acme/textkit/issues/1").json()["state"] == "closed"
        pull = forge.get("/repos/acme/linkbuilder/pulls/1").json()
        assert "TAP-DECISION" in pull["body"]
        assert (
            "Penstock-Change" in forge.get("/repos/acme/linkbuilder/commits").json()[0]["commit"]["message"]
        )

    change = told["change"]["summary"]["id"]
    records = home.ask("tap", "verify", change)
    assert records["holds"]
    assert len(records["records"]) == 3
    home.run("tap", "verify", "acme/linkbuilder#1")
    kinds = [entry["event"]["kind"] for entry in home.ask("ledger", "show", change)]
    for write in ("E_PATCHES_APPLIED", "E_PR_OPENED", "E_ROLLBACK_POINT_PLACED", "E_MERGED"):
        assert kinds.count(write) == 3
        first = kinds.index(write)
        assert "E_TAP_DECIDED" in kinds[:first]
        assert "E_APPROVAL_RECORDED" in kinds[:first]

    home.run("ledger", "export", "evidence.jsonl")
    assert "agrees with itself" in home.run("ledger", "verify", "evidence.jsonl")
    key = ".penstock/keys/ledger.ed25519.pub"
    assert "holds" in home.run("ledger", "verify", "evidence.jsonl", "--key", key)
    forged = (home.folder / "evidence.jsonl").read_text().replace("operator", "somebody", 1)
    (home.folder / "forged.jsonl").write_text(forged)
    home.run("ledger", "verify", "forged.jsonl", expect=5)
    home.ask("demo", "--yes")
    with home.forge() as forge:
        written_once(forge)


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [1.5, 2.5, 4.0, 6.0, 8.0, 11.0, 14.0])
def test_interrupted_anywhere_it_continues(home: Home, seconds: float) -> None:
    process = home.start("demo", "--yes")
    time.sleep(seconds)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode in {0, 130}
    told = home.ask("demo", "--yes")
    assert told["change"]["summary"]["state"] == "DONE"
    with home.forge() as forge:
        written_once(forge)
