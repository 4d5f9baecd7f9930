"""Worker processes: started, told where to record, die or freeze, and asked to end."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from tests.crash.scenario import Drive, Scenario

from penstock.flows.driving import Probe

PATIENCE = 120.0
TOGETHER = 0.15
"""How long effects wait for those of other repositories, to be killed together with them."""
FORKSERVER = get_context("forkserver")
FORKSERVER.set_forkserver_preload(["tests.crash.world", "tests.crash.forge"])


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Point:
    """A place in a worker: the probe's name and the key."""

    name: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Disturbance:
    """What happens to a process at a point. `together`: only once the other effects under way are there as well."""

    at: Point
    signal: int = signal.SIGKILL
    together: bool = False


class _Prober:
    """Writes down every point it passes, and stops its own process at one."""

    def __init__(self, trace: Path, disturbance: Disturbance | None) -> None:
        self._trace = os.open(trace, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._disturbance = disturbance
        self._done = False

    def __call__(self, name: str, key: str) -> None:
        os.write(self._trace, f"{name}\t{key}\n".encode())
        disturbance = self._disturbance
        if disturbance is None or self._done:
            return
        if Point(name=name, key=key) == disturbance.at:
            if disturbance.together:
                time.sleep(TOGETHER)
            self._done = True
            os.write(self._trace, b"disturbed\t-\n")
            # To this thread: a signal to the process may be taken by another one a little later.
            signal.pthread_kill(threading.get_ident(), disturbance.signal)
        elif disturbance.together and name == disturbance.at.name:
            time.sleep(2 * TOGETHER)


def _main(
    scenario: Scenario, folder: Path, drive: Drive, disturbance: Disturbance | None, line: Connection
) -> None:
    stop = threading.Event()

    def listen() -> None:
        try:
            line.recv()
        except EOFError:
            pass
        finally:
            stop.set()

    threading.Thread(target=listen, daemon=True).start()
    probe: Probe = _Prober(folder / "trace", disturbance)
    scenario.work(folder, drive, probe, stop)


class Worker:
    """One worker process."""

    def __init__(
        self, scenario: Scenario, folder: Path, drive: Drive, disturbance: Disturbance | None = None
    ) -> None:
        self._line, theirs = FORKSERVER.Pipe()
        self.process: ForkServerProcess = FORKSERVER.Process(
            target=_main, args=(scenario, folder, drive, disturbance, theirs), daemon=True
        )
        self.process.start()
        theirs.close()

    @property
    def died(self) -> bool:
        return self.process.exitcode is not None

    @property
    def frozen(self) -> bool:
        pid = self.process.pid
        return not self.died and Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"

    def thaw(self) -> None:
        assert self.process.pid
        os.kill(self.process.pid, signal.SIGCONT)

    def end(self) -> None:
        """Ask it to end, and see that it does."""
        self._line.close()
        self.process.join(PATIENCE)
        assert self.process.exitcode is not None, "the worker did not end when asked"

    def kill(self) -> None:
        self.process.kill()
        self.process.join()
        self._line.close()


@contextmanager
def working(*workers: Worker) -> Iterator[None]:
    """None of these processes outlives the test."""
    try:
        yield
    finally:
        for worker in workers:
            if not worker.died:
                worker.kill()


def points(folder: Path) -> list[Point]:
    """Every point that was passed, each once, in order."""
    lines = (folder / "trace").read_text().splitlines()
    found = (Point(name=name, key=key) for name, key in (line.split("\t") for line in lines))
    return list(dict.fromkeys(point for point in found if point.name != "disturbed"))


def was_disturbed(folder: Path) -> bool:
    trace = folder / "trace"
    return trace.exists() and "disturbed\t-" in trace.read_text()
