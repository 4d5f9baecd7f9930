"""No sandbox at all: only after a person's explicit order (`--unsafe-no-sandbox`), and recorded as `none`."""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from penstock.adapters.sandbox.limits import Limits
from penstock.adapters.sandbox.watching import watch
from penstock.ports import SandboxResult


class Unsandboxed:
    """Runs commands as the user that runs Penstock, with the network and with every file that user can read.

    Time and output are bounded and the environment is cleared; a process that leaves its session survives.
    """

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()

    def run(self, command: str, folder: Path, *, timeout_seconds: int) -> SandboxResult:
        with tempfile.TemporaryDirectory(prefix="penstock-home-") as home:
            return self._run(command, folder, home, timeout_seconds)

    def _run(self, command: str, folder: Path, home: str, timeout_seconds: int) -> SandboxResult:
        began = time.monotonic()
        process = subprocess.Popen(
            ["/bin/sh", "-e", "-c", command],
            bufsize=0,
            cwd=folder,
            env={"PATH": f"{sys.prefix}/bin:/usr/local/bin:/usr/bin:/bin", "HOME": home, "LANG": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        with process:
            try:
                watched = watch(
                    process,
                    deadline=began + timeout_seconds,
                    output_limit=self._limits.output,
                    broken=lambda: "",
                )
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                exit_code = process.wait()
        return SandboxResult(
            exit_code=None if watched.limit else exit_code,
            limit=watched.limit,
            output=watched.output.decode(errors="replace"),
            duration_ms=int((time.monotonic() - began) * 1000),
        )
