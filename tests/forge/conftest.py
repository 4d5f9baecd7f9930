"""Fixtures: a populated forge mounted in process, and one that runs as a server of its own."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.forge.openapi import JudgedForge
from tests.forge.proposing import open_pull, propose
from tests.forge.receiving import Receiver, listening
from tests.forge.world import World, build, copied, make_clone

from localforge import seed
from localforge.access import Role


@pytest.fixture(scope="session")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A local git clone that nobody changes."""
    return make_clone(tmp_path_factory.mktemp("clones") / "widget")


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory, clone: Path) -> World:
    """A populated forge that is closed: copies of it are cheaper than making each anew."""
    built = build(tmp_path_factory.mktemp("worlds") / "state", clone)
    built.forge.close()
    return built


@pytest.fixture
def world(tmp_path: Path, template: World) -> Iterator[World]:
    """A populated forge, mounted in process."""
    own = copied(template, tmp_path / "state")
    yield own
    own.forge.close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A server to deliver webhooks to."""
    with listening() as server:
        yield server


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., str]]:
    """Start `python -m localforge serve` on a state directory; gives the URL once it answers."""
    processes: list[subprocess.Popen[bytes]] = []

    def start(state: Path, *options: str) -> str:
        ready = tmp_path / f"ready-{len(processes)}"
        command = [
            sys.executable,
            "-m",
            "localforge",
            "serve",
            "--state",
            str(state),
            "--ready-file",
            str(ready),
            *options,
        ]
        processes.append(
            subprocess.Popen(command, stdout=subprocess.PIPE, env=os.environ | {"PYTHONPATH": "src"})
        )
        deadline = time.monotonic() + 20
        while not ready.exists() or not ready.read_text():
            assert processes[-1].poll() is None, "the server ended"
            assert time.monotonic() < deadline, "the server does not come up"
            time.sleep(0.01)
        return ready.read_text().strip()

    yield start
    for process in processes:
        process.terminate()
        assert process.wait(10) == 0
        assert process.stdout is not None
        process.stdout.close()


@pytest.fixture
def topic(world: World) -> World:
    """A world whose branch `topic` changes two files in two commits."""
    propose(
        world,
        "topic",
        {"src/widget.py": "def spin():\n    return 3\n", "new.txt": "new\n"},
        messages=("Prepare", "Spin faster\n\nMuch faster."),
    )
    return world


@pytest.fixture
def proposed(world: World) -> World:
    """Olga proposes `topic` as number 1; `mia` and `wim` may write."""
    seed.add_collaborator(world.forge, world.widget, world.people["mia"], role=Role.WRITE)
    propose(world, "topic", {"src/widget.py": "def spin():\n    return 3\n\n\ndef stop():\n    return 0\n"})
    open_pull(world, head="topic")
    return world


def pytest_sessionfinish() -> None:
    """Where `FORGE_SEEN` names a folder, note which operations answered with which status in this process."""
    folder = os.environ.get("FORGE_SEEN")
    if folder and JudgedForge.seen:
        (Path(folder) / f"{os.getpid()}.json").write_text(json.dumps(sorted(JudgedForge.seen)))
