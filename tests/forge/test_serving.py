"""The forge as a process: it starts, survives a restart, and ends when told."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from tests.forge.world import World

from localforge import seed
from localforge.app import App
from localforge.forge import Forge
from localforge.mounted import MountedForge


def administer(state: Path, *arguments: str | Path, lines: str = "") -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "localforge", "admin", "--state", str(state), *map(str, arguments)]
    return subprocess.run(
        command,
        input=lines,
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": "src", "PATH": "/usr/bin:/bin"},
    )


@pytest.mark.slow
def test_administer_then_serve(tmp_path: Path, clone: Path, serve: Callable[[Path], str]) -> None:
    """Accounts, tokens and repositories made on the command line are there when the forge is served."""
    state = tmp_path / "state"
    assert administer(state, "user", "ann", "--name", "Ann").returncode == 0
    assert administer(state, "org", "acme", "--owner", "ann").returncode == 0
    assert administer(state, "repo", "acme/widget", "--from", clone).returncode == 0
    token = administer(state, "token", "ann", "--scope", "repo").stdout.strip()
    url = serve(state)
    user = httpx.get(f"{url}/user", headers={"authorization": f"token {token}"})
    assert user.json()["login"] == "ann"
    assert user.json()["url"] == f"{url}/users/ann"
    assert user.headers["x-oauth-scopes"] == "repo"


def test_several_things_are_made_in_one_go(tmp_path: Path) -> None:
    """Answers in their order; what is refused ends it, and says so, and nothing after it is made."""
    state = tmp_path / "state"
    done = administer(state, "lines", lines="user ann --name 'Ann B'\ntoken ann --scope repo\ntoken ann")
    assert (done.returncode, len(set(done.stdout.split()))) == (0, 2)
    done = administer(state, "lines", lines="user ben\ntoken nobody\nuser cy")
    assert (done.returncode, done.stdout) == (1, "")
    assert "there is no account nobody" in done.stderr
    forge = Forge(state)
    ann = seed.account(forge, "ann")
    assert ann.name == "Ann B"
    assert seed.account(forge, "ben").login == "ben"
    with pytest.raises(ValueError, match="there is no account cy"):
        seed.account(forge, "cy")
    forge.close()


@pytest.mark.slow
def test_refusals_of_the_command_line(tmp_path: Path, serve: Callable[[Path], str]) -> None:
    """A wrong argument is one sentence on stderr and exit 1, never a traceback."""
    state = tmp_path / "state"
    serve(state)
    for arguments, words in (
        (("org", "acme", "--owner", "nobody"), "there is no account nobody"),
        (("token", "nobody"), "there is no account nobody"),
    ):
        done = administer(state, *arguments)
        assert done.returncode == 1
        assert words in done.stderr
        assert "Traceback" not in done.stderr
    second = subprocess.run(
        [sys.executable, "-m", "localforge", "serve", "--state", str(state)],
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
        env={"PYTHONPATH": "src", "PATH": "/usr/bin:/bin"},
    )
    assert second.returncode == 1
    assert "another process serves" in second.stderr


def test_everything_survives_a_restart(world: World, tmp_path: Path) -> None:
    """What one process wrote, the next one has."""
    token = seed.create_token(world.forge, world.people["olga"], "repo")
    world.forge.close()
    again = Forge(tmp_path / "state")
    assert seed.account(again, "ACME").kind == "Organization"
    client = httpx.Client(transport=MountedForge(App(again)), base_url="http://forge.test")
    assert client.get("/user", headers={"authorization": f"token {token}"}).json()["login"] == "olga"
    again.close()
