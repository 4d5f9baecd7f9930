"""The bubblewrap command line: what a command sees of the machine.

Its folder is a file system of its own in memory, of limited size: nothing it writes can fill a disk, and the host
reads the result only when every process is gone. The user inside is never the machine's root: the kernel lets root's
processes write `/proc/sys` and exempts them from process limits, with or without capabilities.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

from penstock.adapters.sandbox.limits import Limits

WORK = "/penstock/work"
HOME = "/penstock/home"
NOBODY = "65534"

_SYSTEM_LINKS = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
_ETC = ("alternatives", "ld.so.cache", "ld.so.conf", "ld.so.conf.d")
_SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"

SCRIPT = """
echo ready
tar --extract --file=- --directory=. || exit 1
echo go
prlimit "$@" </dev/null
exit $?
"""
"""Process 1 of the sandbox: takes the folder's files, runs the command under its limits, ends with its exit code.

When it ends, the kernel ends every other process in there.
"""


def command_line(command: str, limits: Limits, *, cpu_seconds: int, root: bool) -> list[str]:
    """`cpu_seconds` are per process; `root` says who starts it."""
    inside = [
        *("bwrap", "--as-pid-1", "--die-with-parent", "--new-session"),
        *("--unshare-user", "--unshare-all", "--disable-userns", "--cap-drop", "ALL"),
        *("--uid", "1000", "--gid", "1000", "--hostname", "sandbox"),
        *_environment(),
        *_file_systems(limits),
        *("--chdir", WORK, "--", "/bin/sh", "-c", SCRIPT, "sandbox"),
        *_kernel_limits(limits, cpu_seconds),
        *("--", "/bin/sh", "-e", "-c", command),
    ]
    return [*_as_nobody(), *inside] if root else inside


def _as_nobody() -> Iterator[str]:
    """Root becomes nobody first, where nobody can reach what is about to be mounted (a Python below /root, say).

    The process namespace is for what happens when Penstock is killed: its root part ends, and the kernel ends
    nobody's processes with it, which no signal between the two users could.
    """
    yield from ("bwrap", "--die-with-parent", "--unshare-pid", *_system(), *_python())
    yield from ("--dir", "/tmp", "--dev-bind", "/proc", "/proc", "--dev-bind", "/dev", "/dev", "--")  # noqa: S108
    yield from ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
    yield from ("--inh-caps=-all", "--bounding-set=-all", "--no-new-privs", "--")


def _environment() -> Iterator[str]:
    yield "--clearenv"
    path = ":".join([*(f"{folder}/bin" for folder in _python_folders()), _SYSTEM_PATH])
    for name, value in (("PATH", path), ("HOME", HOME), ("LANG", "C.UTF-8"), ("TMPDIR", "/tmp")):  # noqa: S108
        yield from ("--setenv", name, value)


def _file_systems(limits: Limits) -> Iterator[str]:
    yield from _system()
    yield from ("--proc", "/proc", "--dev", "/dev")
    yield from ("--size", str(limits.scratch), "--tmpfs", "/dev/shm", "--remount-ro", "/dev")  # noqa: S108
    yield from ("--size", str(limits.scratch), "--tmpfs", "/tmp")  # noqa: S108
    yield from ("--size", str(limits.scratch), "--tmpfs", HOME)
    yield from _python()
    yield from ("--size", str(limits.disk), "--tmpfs", WORK)
    yield from ("--remount-ro", "/")


def _system() -> Iterator[str]:
    yield from ("--ro-bind", "/usr", "/usr")
    for name in _SYSTEM_LINKS:
        path = Path("/") / name
        if path.is_symlink():
            yield from ("--symlink", str(path.readlink()), str(path))
        elif path.exists():
            yield from ("--ro-bind", str(path), str(path))
    yield from ("--dir", "/etc")
    for name in _ETC:
        yield from ("--ro-bind-try", f"/etc/{name}", f"/etc/{name}")


def _python() -> Iterator[str]:
    for folder in _python_folders():
        for parent in reversed(folder.parents[:-1]):
            yield from ("--dir", str(parent))
        yield from ("--ro-bind", str(folder), str(folder))


def _python_folders() -> list[Path]:
    """The Python that runs Penstock, so that recipes can use the same."""
    folders = dict.fromkeys((Path(sys.prefix), Path(sys.base_prefix)))
    return [folder for folder in folders if not folder.is_relative_to("/usr")]


def _kernel_limits(limits: Limits, cpu_seconds: int) -> Iterator[str]:
    """Set inside, where processes are counted apart from all others of the same user."""
    yield f"--nproc={limits.processes}"
    yield f"--as={limits.address_space}"
    yield f"--fsize={limits.disk}"
    yield f"--nofile={limits.open_files}"
    yield f"--cpu={cpu_seconds}"
    yield "--core=0"
