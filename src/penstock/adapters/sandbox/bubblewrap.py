"""`Sandbox` on bubblewrap: namespaces for everything, no network, no capabilities, no environment."""

import os
import shutil
import tempfile
import time
from pathlib import Path

from penstock.adapters.sandbox.cage import Cage, caged, cannot_isolate
from penstock.adapters.sandbox.limits import Limits
from penstock.adapters.sandbox.processes import resident_bytes
from penstock.adapters.sandbox.transfer import fits, receive
from penstock.adapters.sandbox.walls import command_line
from penstock.adapters.sandbox.watching import Watched, watch
from penstock.ports import SandboxResult, Transient

_TOOLS = {"bwrap": "bubblewrap", "prlimit": "util-linux", "setpriv": "util-linux", "tar": "tar"}


class Bubblewrap:
    """Isolates by user, process, network, IPC, host-name, cgroup and mount namespaces.

    The command, run by `sh -e`, finds its files in the current folder and the Python that runs Penstock on its
    path. When a limit ends it, the folder is as before.
    """

    def __init__(self, limits: Limits | None = None) -> None:
        """Raises Permanent `cannot_isolate` where this machine cannot: a trial run tells."""
        self._limits = limits or Limits()
        for tool, package in _TOOLS.items():
            if shutil.which(tool) is None:
                raise cannot_isolate(f"{tool} is not installed (Debian, Ubuntu: apt install {package})")
        with tempfile.TemporaryDirectory(prefix="penstock-probe-") as folder:
            trial = self.run("true", Path(folder), timeout_seconds=30)
        if trial.exit_code != 0:
            raise cannot_isolate(
                trial.output.strip() or f"a trial run ended with {trial.limit or trial.exit_code}"
            )

    def run(self, command: str, folder: Path, *, timeout_seconds: int) -> SandboxResult:
        began = time.monotonic()
        cpu_seconds = timeout_seconds * (os.cpu_count() or 1)
        line = command_line(command, self._limits, cpu_seconds=cpu_seconds, root=os.geteuid() == 0)
        with caged(line) as cage:
            watched = self._watch(cage, folder, began + timeout_seconds)
            exit_code = cage.end()
            limit = watched.limit or self._overfull(cage.work)
            if not limit:
                _keep(cage.work, folder)
        return SandboxResult(
            exit_code=None if limit else exit_code,
            limit=limit,
            output=watched.output.decode(errors="replace"),
            duration_ms=int((time.monotonic() - began) * 1000),
        )

    def _watch(self, cage: Cage, folder: Path, deadline: float) -> Watched:
        if not cage.fill(folder):
            return Watched(output=b"the files of the repository do not fit into the sandbox\n", limit="disk")

        def broken() -> str:
            if resident_bytes(cage.first) > self._limits.memory:
                return "memory"
            disk = os.fstatvfs(cage.work)
            return "disk" if disk.f_files - disk.f_ffree > self._limits.files else ""

        return watch(cage.process, deadline=deadline, output_limit=self._limits.output, broken=broken)

    def _overfull(self, work: int) -> str:
        """A file system without a free page has lost something; one with holes may be larger than it is."""
        full = os.fstatvfs(work).f_bavail == 0
        return "disk" if full or not fits(work, size=self._limits.disk, files=self._limits.files) else ""


def _keep(work: int, folder: Path) -> None:
    try:
        receive(work, folder)
    except OSError as error:
        raise Transient(
            "disk", f"what the command wrote cannot be kept in {folder}: {error.strerror}"
        ) from error
