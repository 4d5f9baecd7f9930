"""Who holds a lease: a process, named so that others on the same machine can tell when it is dead."""

import os
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex

PROC = Path("/proc")


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """`host` is one boot and one process namespace: elsewhere, the same process id means another process."""

    host: str
    pid: int
    started: str
    nonce: str

    def __str__(self) -> str:
        return "/".join((self.host, str(self.pid), self.started, self.nonce))


def this_process() -> Owner:
    """A name for a worker in this process; two workers in one process get two names."""
    boot = (PROC / "sys/kernel/random/boot_id").read_text().strip()
    namespace = (PROC / "self/ns/pid").readlink()
    return Owner(
        host=f"{boot}:{namespace}",
        pid=os.getpid(),
        started=_started(os.getpid()) or "",
        nonce=token_hex(4),
    )


def is_dead(name: str, me: Owner) -> bool:
    """Certainly dead: same machine and namespace, and no such process runs. Of anybody else nothing is known."""
    host, pid, started, _nonce = name.rsplit("/", 3)
    return host == me.host and _started(int(pid)) != started


def _started(pid: int) -> str | None:
    """Start time in clock ticks since boot, which a reused process id does not share; None for no living process.

    Source: proc_pid_stat(5), fields 3 (state) and 22 (starttime). The command in field 2 may contain anything.
    """
    try:
        fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in {"Z", "X"} else fields[19]
