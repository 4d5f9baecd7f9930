"""A running sandbox: started, filled with files, and gone with every process in it at the end of a block."""

import contextlib
import io
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from penstock.adapters.sandbox.processes import innermost_first
from penstock.adapters.sandbox.transfer import send
from penstock.adapters.sandbox.walls import WORK
from penstock.ports import Permanent

ADVICE = (
    "Penstock runs a recipe only where it can isolate it. It needs bubblewrap 0.8 or newer and unprivileged user "
    "namespaces (sysctl kernel.unprivileged_userns_clone=1; on Ubuntu an AppArmor profile for bwrap; in a "
    "container an unmasked /proc). Set these up, or use a machine that has them."
)


def cannot_isolate(reason: str) -> Permanent:
    return Permanent("cannot_isolate", f"this machine cannot isolate a command: {reason}. {ADVICE}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cage:
    """`first` is the host's id of process 1 inside; `work` an open handle of the folder, which outlives them all."""

    process: subprocess.Popen[bytes]
    first: int
    first_handle: int
    work: int

    def fill(self, folder: Path) -> bool:
        """Bring the folder's files in, which starts the command; False where there is no room for them."""
        assert self.process.stdin is not None  # noqa: S101 - it is a pipe
        with contextlib.suppress(BrokenPipeError), io.BufferedWriter(self.process.stdin) as stream:
            send(folder, stream)
        return _next_line(self.process) == b"go\n"

    def end(self) -> int:
        """Kill process 1 if it lives, with which the kernel kills all others; the exit code when all are gone."""
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.first_handle, signal.SIGKILL)
        return self.process.wait()


@contextmanager
def caged(line: list[str]) -> Iterator[Cage]:
    """Run a sandbox's command line; at the end of the block nothing of it is left.

    Raises Permanent `cannot_isolate` where it does not get inside its walls.
    """
    with ExitStack() as stack:
        process = stack.enter_context(_started(line))
        said = _next_line(process)
        first = innermost_first(process.pid)
        if said != b"ready\n" or first is None:
            process.kill()
            rest = said + (process.stdout.read() if process.stdout else b"")
            raise cannot_isolate(rest.decode(errors="replace").strip() or "bubblewrap ended without a word")
        first_handle = os.pidfd_open(first)
        stack.callback(os.close, first_handle)
        work = _work_of(first)
        stack.callback(os.close, work)
        cage = Cage(process=process, first=first, first_handle=first_handle, work=work)
        stack.callback(cage.end)
        yield cage


@contextmanager
def _started(line: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        line,
        bufsize=0,
        env={"PATH": "/usr/local/bin:/usr/bin:/bin"},
        cwd="/",
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,  # an interrupt at the terminal is for Penstock, not a failure of what runs here
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def _work_of(first: int) -> int:
    try:
        return os.open(f"/proc/{first}/root{WORK}", os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise cannot_isolate(f"the sandbox's folder cannot be opened ({error.strerror})") from error


def _next_line(process: subprocess.Popen[bytes]) -> bytes:
    """One line of output, without reading ahead."""
    assert process.stdout is not None  # noqa: S101 - it is a pipe
    return process.stdout.readline()
