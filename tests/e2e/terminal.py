"""`penstock` at a terminal of a given size: a process of its own at the other end of a pseudo-terminal."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
from pathlib import Path

from tests.e2e.calling import COMMAND

COLUMNS, LINES = 80, 24
_STYLE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def at_terminal(folder: Path, *words: str, typed: str = "", seconds: float = 60) -> tuple[int, str]:
    """The exit code, and everything that was shown, without colours. `typed` is typed ahead."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "TERM": "xterm-256color"}
    process = subprocess.Popen(
        [*COMMAND, *words], cwd=folder, env=environment, stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    os.write(ours, typed.encode())
    shown = b""
    try:
        while chunk := _read(ours):
            shown += chunk
        code = process.wait(seconds)
    finally:
        process.kill()
        os.close(ours)
    return code, _STYLE.sub("", shown.decode()).replace("\r\n", "\n")


def _read(end: int) -> bytes:
    try:
        return os.read(end, 65536)
    except OSError:  # how Linux says that nobody has the other end open any more
        return b""
