"""Whether and how this host can isolate a job, and the bubblewrap command line that does it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

HOME = "/home/runner"
SUPERVISOR = "/run/inside.py"
FORGE_SOCKET = "/run/forge.sock"

_PROBE_SECONDS = 10
_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_CONFIGURATION = (
    *(
        "alternatives",
        "ld.so.cache",
        "ld.so.conf",
        "ld.so.conf.d",
        "localtime",
        "mime.types",
        "nsswitch.conf",
    ),
    *("os-release", "debian_version", "protocols", "services", "ssl/certs", "ssl/openssl.cnf"),
)
# What the supervisor needs to become an unprivileged user; gone before the job's first command.
_STEP_DOWN = ("CAP_SETUID", "CAP_SETGID", "CAP_CHOWN", "CAP_SETPCAP")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one job may use. Bytes, except `processes` and `open_files`; disk is memory (tmpfs) and vanishes with it."""

    disk: int = 2 << 30
    temporary: int = 1 << 30
    shared_memory: int = 256 << 20
    data: int = 8 << 30
    address_space: int = 256 << 30
    processes: int = 2048
    open_files: int = 16_384

    @classmethod
    def of_host(cls, slots: int) -> "Limits":
        """What `slots` jobs at a time may use of this machine's memory without taking all of it."""
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        disk = max(256 << 20, min(cls().disk, memory // (4 * slots)))
        return cls(disk=disk, temporary=disk // 2, data=max(1 << 30, min(cls().data, memory // 2)))

    def rlimits(self) -> dict[str, int]:
        return {
            "RLIMIT_AS": self.address_space,
            "RLIMIT_CORE": 0,
            "RLIMIT_DATA": self.data,
            "RLIMIT_FSIZE": self.disk,
            "RLIMIT_NOFILE": self.open_files,
            "RLIMIT_NPROC": self.processes,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Isolation:
    """What works here. As root the job becomes an unprivileged user of the host; else it gets a user namespace.

    `proc`: a /proc of its own can be mounted. `nested`: the job may make user namespaces (an old bubblewrap).
    """

    as_root: bool
    proc: bool
    nested: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CannotIsolate:
    """Why jobs cannot run here, and what to do about it."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Walls:
    """What one sandbox shows of the host: the way to the forge, directories to read, and ones that must not be seen."""

    limits: Limits
    forge_socket: Path | None = None
    hosts: Sequence[str] = ()
    shown: Sequence[Path] = ()
    hidden: Sequence[Path] = ()


@cache
def probe() -> Isolation | CannotIsolate:
    """Try the real thing once: the strictest command line that runs `true`."""
    if shutil.which("bwrap") is None:
        return CannotIsolate(
            reason="bubblewrap (bwrap) is not installed. Install it: apt-get install bubblewrap"
        )
    words = ""
    as_root = os.geteuid() == 0
    for proc, nested in ((True, False), (True, True), (False, False), (False, True)):
        candidate = Isolation(as_root=as_root, proc=proc, nested=nested)
        tried = subprocess.run(
            [*command(candidate, Walls(limits=Limits())), "/usr/bin/env", "true"],
            capture_output=True,
            text=True,
            timeout=_PROBE_SECONDS,
            check=False,
        )
        if tried.returncode == 0:
            return candidate
        words = words or tried.stderr.strip()
    return CannotIsolate(reason=f"bubblewrap cannot make a sandbox here: {words}")


def python_binds() -> tuple[Path, ...]:
    """The Python installation in use: its base and its virtual environment, unless the system's own holds them."""
    roots = (Path(sys.base_prefix).resolve(), Path(sys.base_prefix), Path(sys.prefix))
    return tuple(dict.fromkeys(path for path in roots if not path.is_relative_to("/usr")))


def command(
    isolation: Isolation, walls: Walls, *, binds: Sequence[Path] = (), files: Mapping[str, int] | None = None
) -> list[str]:
    """The bubblewrap command line up to the command to run.

    `binds` are shown read-only where they are; `files` are made from open descriptors.
    """
    shown = [path for path in binds if path.exists()]
    limits = walls.limits
    return [
        shutil.which("bwrap") or "bwrap",
        *_namespaces(isolation),
        *("--die-with-parent", "--new-session", "--clearenv", "--hostname", "runner"),
        *_system(),
        *(("--proc", "/proc") if isolation.proc else ("--perms", "0755", "--dir", "/proc")),
        *("--dev", "/dev"),
        *_memory("/dev/shm", limits.shared_memory),  # noqa: S108 (its own)
        *("--remount-ro", "/dev"),
        *_memory("/tmp", limits.temporary),  # noqa: S108 (its own)
        *_parents([Path(HOME), Path(SUPERVISOR), *shown]),
        *("--perms", "0755", "--size", str(limits.disk), "--tmpfs", HOME),
        *(argument for path in shown for argument in ("--ro-bind", str(path), str(path))),
        *("--ro-bind", str(Path(__file__).with_name("inside.py")), SUPERVISOR),
        *(a for path, fd in (files or {}).items() for a in ("--perms", "0644", "--file", str(fd), path)),
        *(("--bind", str(walls.forge_socket), FORGE_SOCKET) if walls.forge_socket else ()),
        *_hide(walls.hidden, [*map(Path, _SYSTEM), *shown]),
        *("--remount-ro", "/", "--"),
    ]


def _namespaces(isolation: Isolation) -> list[str]:
    others = ["--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"]
    if isolation.as_root:
        added = [argument for name in _STEP_DOWN for argument in ("--cap-add", name)]
        return [*others, "--cap-drop", "ALL", *added]
    user = ["--unshare-user", "--uid", "1001", "--gid", "1001"]
    return [*user, *([] if isolation.nested else ["--disable-userns"]), *others, "--cap-drop", "ALL"]


def _system() -> Iterator[str]:
    for name in _SYSTEM:
        path = Path(name)
        if path.is_symlink():
            yield from ("--symlink", str(path.readlink()), name)
        elif path.is_dir():
            yield from ("--ro-bind", name, name)
    yield from ("--perms", "0755", "--dir", "/etc", "--perms", "0755", "--dir", "/etc/ssl")
    for name in _CONFIGURATION:
        yield from ("--ro-bind-try", f"/etc/{name}", f"/etc/{name}")


def _memory(path: str, size: int) -> tuple[str, ...]:
    return ("--perms", "1777", "--size", str(size), "--tmpfs", path)


def _parents(paths: Sequence[Path]) -> Iterator[str]:
    """Every directory above `paths`, readable by all (bubblewrap makes them private to root)."""
    above = {parent for path in paths for parent in path.parents if parent != Path("/")}
    for parent in sorted(above):
        if not parent.is_relative_to("/usr"):
            yield from ("--perms", "0755", "--dir", str(parent))


def _hide(hidden: Sequence[Path], shown: Sequence[Path]) -> Iterator[str]:
    for path in hidden:
        if path.exists() and any(path.is_relative_to(root) for root in shown):
            yield from ("--tmpfs", str(path), "--remount-ro", str(path))
