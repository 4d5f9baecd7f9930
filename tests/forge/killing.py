"""A forge's process that does one thing and is killed at a point of it.

A point is reached before every statement that the database is given, and before and after every git process: between
two of them nothing of the forge's reaches the disk but objects, which are written under another name and renamed.
"""

import os
import signal
import sqlite3
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from localforge.access import Actor
from localforge.app import App
from localforge.forge import Forge
from localforge.git_push import receive_pack
from localforge.integrity.recovery import mend
from localforge.mounted import MountedForge
from localforge.store import accounts, repos
from localforge.store.store import Store

ZERO = "0" * 40
MOMENT = "2026-01-02T03:04:05Z"


class Points:
    """Counts the points of this process, names them in a file, and dies at one."""

    def __init__(self, trace: Path, deadly: int, *, together: bool) -> None:
        self._trace = os.open(trace, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._deadly, self._together, self._count = deadly, together, 0
        self.armed = False

    def tell(self, text: str) -> None:
        os.write(self._trace, f"{text}\n".encode())

    def __call__(self, name: str) -> None:
        if not self.armed:
            return
        if self._count == self._deadly:
            os.kill(0 if self._together else os.getpid(), signal.SIGKILL)
        self.tell(f"{self._count} {name}")
        self._count += 1


def watch(points: Points) -> None:
    """Put a point before every statement and around every git process."""
    connect = Store._connect

    def connected(store: Store) -> sqlite3.Connection:
        connection = connect(store)
        connection.set_trace_callback(
            lambda text: (
                points(f"sql {' '.join(text.split()[:3])}") if not text.startswith("SELECT") else None
            )
        )
        return connection

    class Watched(subprocess.Popen[Any]):
        def __init__(self, arguments: list[str], **options: Any) -> None:
            self._name = next((a for a in map(str, arguments[1:]) if not a.startswith("-")), "")
            points(f"before {self._name}")
            super().__init__(arguments, **options)
            points(f"begun {self._name}")

        def wait(self, timeout: float | None = None) -> int:
            done = self.returncode is not None
            status = super().wait(timeout)
            if not done:
                points(f"ended {self._name}")
            return status

    setattr(Store, "_connect", connected)  # noqa: B010 (a type checker would object)
    subprocess.Popen = Watched  # type: ignore[misc,assignment]


def pushed(source: Path, branch: str, before: str, after: str) -> bytes:
    """The request of a push of one branch, with the objects of another repository."""
    line = f"{before} {after} refs/heads/{branch}\0report-status delete-refs\n".encode()
    head = f"{len(line) + 4:04x}".encode() + line + b"0000"
    if after == ZERO:
        return head
    listing = f"{after}\n^{before}\n".encode()
    command = ["git", "-C", str(source), "pack-objects", "--revs", "--stdout", "-q"]
    return head + subprocess.run(command, input=listing, capture_output=True, check=True).stdout


def push(forge: Forge, request: bytes) -> None:
    """`olga` pushes to `acme/widget`."""
    repo = repos.by_name(forge.store.db, "acme", "widget")
    assert repo
    actor = Actor(user=accounts.by_login(forge.store.db, "olga"), credential=None)
    with tempfile.TemporaryFile() as spool:
        spool.write(request)
        spool.seek(0)
        receive_pack(forge, repo, actor, spool)


def ask(forge: Forge, token: str, method: str, path: str, body: dict[str, object]) -> None:
    """One request to the API."""
    headers = {"authorization": f"token {token}"}
    with httpx.Client(
        transport=MountedForge(App(forge)), base_url="http://forge.test", headers=headers
    ) as http:
        http.request(method, path, json=body)


Deed = Callable[[Forge], None]


def live(state: Path, deed: Deed, points: Points) -> None:
    """The whole life of the process, in one thread: open, do the deed, deal with its events, end well if not killed."""
    watch(points)
    forge = Forge(state, clock=lambda: MOMENT)
    App(forge)
    mend(forge, killed=forge.claim())
    points.armed = True
    deed(forge)
    forge.bus.drain()
    points.armed = False
    forge.close()


def killed_at(state: Path, deed: Deed, deadly: int, *, together: bool = False) -> bool:
    """Run it in a process group of its own, and kill it (with its git processes: `together`) at its nth point.

    False: it has fewer points, and ended well.
    """
    points = Points(state / "points", deadly, together=together)
    pid = os.fork()
    if pid == 0:
        try:
            os.setpgid(0, 0)
            live(state, deed, points)
        except BaseException as error:  # noqa: BLE001 (this process must not go on as pytest)
            points.tell(repr(error))
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(pid, 0)
    killed = os.WIFSIGNALED(status)
    assert killed or os.WEXITSTATUS(status) == 0, (state / "points").read_text()
    return killed


def memory() -> Path | None:
    """A folder in memory, where there is one: a killed process needs no disk that is slow to be certain."""
    return next((path for path in (Path("/dev/shm"),) if os.access(path, os.W_OK)), None)


def restarted(state: Path) -> Forge:
    """The forge as the next process opens it, its events dealt with and nothing delivered."""
    forge = Forge(state, clock=lambda: MOMENT)
    App(forge)
    mend(forge, killed=forge.claim())
    forge.bus.drain()
    return forge
