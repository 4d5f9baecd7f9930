"""Waiting for a process while its output, time and memory are bounded."""

import os
import select
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass

TICK_SECONDS = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What was seen; `limit` names the one that was broken, empty if the process ended by itself."""

    output: bytes
    limit: str


def watch(
    process: subprocess.Popen[bytes], *, deadline: float, output_limit: int, broken: Callable[[], str]
) -> Watched:
    """Read the process's output until it ends or breaks a limit; then it is for the caller to kill.

    `deadline` is by `time.monotonic`; `broken` is asked every tick for a limit that was broken. Output may end
    before the process and, where a grandchild holds the pipe, after it: only the process counts.
    """
    assert process.stdout is not None  # noqa: S101 - it is a pipe
    reading = process.stdout.fileno()
    os.set_blocking(reading, False)
    ended = os.pidfd_open(process.pid)
    poll = select.poll()
    poll.register(reading, select.POLLIN)
    poll.register(ended, select.POLLIN)
    output, limit, look = bytearray(), "", 0.0
    try:
        while True:
            ready = {handle for handle, _ in poll.poll(TICK_SECONDS * 1000)}
            if reading in ready and not _drain(reading, output, output_limit):
                poll.unregister(reading)
            if (now := time.monotonic()) >= look:
                look, limit = now + TICK_SECONDS, broken()
            limit = _exceeded(output, output_limit, late=now > deadline) or limit
            if limit or ended in ready:
                return Watched(output=bytes(output[:output_limit]), limit=limit)
    finally:
        os.close(ended)


def _exceeded(output: bytearray, output_limit: int, *, late: bool) -> str:
    if len(output) > output_limit:
        return "output"
    return "timeout" if late else ""


def _drain(reading: int, output: bytearray, limit: int) -> bool:
    """Read what is there, at most one byte above the limit; False at the end of the output."""
    while len(output) <= limit:
        try:
            part = os.read(reading, limit + 1 - len(output))
        except BlockingIOError:
            return True
        if not part:
            return False
        output += part
    return True
