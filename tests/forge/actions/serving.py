"""A forge that a process of its own serves, with its runner; and waiting for what happens there."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TypeVar

import httpx
from tests.forge.actions.flows import WIDGET, Json
from tests.forge.world import World

PATIENCE = 30
T = TypeVar("T")


class Served:
    """A forge served by a process of its own, on one state directory; `olga` is its client."""

    def __init__(self, world: World) -> None:
        self.state, self._token = world.forge.state, world.tokens["olga"]
        world.forge.close()
        self._cleanup = ExitStack()
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *options: str) -> httpx.Client:
        """Begin serving; the client of olga."""
        self.process, url = start(self.state, *options)
        headers = {"authorization": f"token {self._token}"}
        self.olga = self._cleanup.enter_context(httpx.Client(base_url=url, headers=headers, timeout=20))
        return self.olga

    @property
    def pid(self) -> int:
        """The serving process."""
        assert self.process is not None
        return self.process.pid

    def kill(self) -> None:
        """SIGKILL, as the end of memory or a power cut would."""
        os.kill(self.pid, signal.SIGKILL)
        assert self.process is not None
        self.process.wait()

    def stop(self) -> None:
        """End serving as an administrator does; nothing when it ended already."""
        self._cleanup.close()
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            assert self.process.wait(20) == 0


def start(state: Path, *options: str) -> tuple["subprocess.Popen[bytes]", str]:
    ready = state.parent / f"ready-{time.monotonic_ns()}"
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
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=os.environ | {"PYTHONPATH": "src"})
    deadline = time.monotonic() + PATIENCE
    while not ready.exists() or not ready.read_text():
        assert process.poll() is None, "the server ended"
        assert time.monotonic() < deadline, "the server does not come up"
        time.sleep(0.01)
    return process, ready.read_text().strip()


def until(found: Callable[[], T | None], what: str) -> T:
    deadline = time.monotonic() + PATIENCE
    while not (value := found()):
        assert time.monotonic() < deadline, f"never: {what}"
        time.sleep(0.02)
    return value


def begun(client: httpx.Client, **query: str) -> Json:
    """The newest run that the query finds, once there is one."""

    def listed() -> Json | None:
        found: list[Json] = client.get(f"{WIDGET}/actions/runs", params=query).json()["workflow_runs"]
        return found[0] if found else None

    return until(listed, "a run began")


def finished(client: httpx.Client, **query: str) -> Json:
    """The same, once it is complete."""

    def complete() -> Json | None:
        run = begun(client, **query)
        return run if run["status"] == "completed" else None

    return until(complete, "the run is complete")


def logs(client: httpx.Client, run: Json) -> str:
    found = client.get(f"{WIDGET}/actions/runs/{run['id']}/jobs").json()["jobs"]
    texts = (
        client.get(f"{WIDGET}/actions/jobs/{job['id']}/logs", follow_redirects=True).text for job in found
    )
    return "\n".join(texts)


def workflow(steps: str) -> str:
    indented = "\n".join("      " + line for line in steps.strip("\n").splitlines())
    return f"on: [push, pull_request]\njobs:\n  job:\n    runs-on: ubuntu-latest\n    steps:\n{indented}\n"
