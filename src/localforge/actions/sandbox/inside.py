"""The supervisor of one job. Runs *inside* the sandbox as a script (`python -I -S inside.py CONFIG`), standard library only.

It gives up root, starts the relay to the forge, then takes one JSON request per line on stdin and answers one JSON line
on stdout. What the job's commands print goes to stderr, as they print it. `{"stop": true}` ends the command at hand.
"""

import contextlib
import ctypes
import hashlib
import json
import os
import resource
import select
import signal
import socket
import stat
import subprocess
import sys
import threading
from pathlib import Path
from typing import TypedDict, cast

LARGEST_FILE = 1 << 20
CHUNK = 1 << 16
GRACE_SECONDS = 2
PR_CAPBSET_DROP = 24
PR_SET_CHILD_SUBREAPER = 36
LAST_CAPABILITY = 63
CAPABILITY_VERSION_3 = 0x20080522


class Config(TypedDict):
    home: str
    uid: int | None
    port: int
    socket: str
    reap: bool
    limits: dict[str, int]


class Request(TypedDict, total=False):
    argv: list[str]
    cwd: str
    env: dict[str, str]
    write: dict[str, str]
    scripts: dict[str, str]
    links: dict[str, str]
    read: list[str]
    hash: list[str]
    root: str


def main() -> None:
    config = cast("Config", json.loads(sys.argv[1]))
    home = Path(config["home"])
    if config["uid"] is not None:
        _give_up_root(home, config["uid"])
    if config["port"]:
        try:
            _start_relay(config["port"], config["socket"])
        except OSError as error:
            sys.exit(f"cannot listen on the forge's port {config['port']} inside the sandbox: {error}")
    os.umask(0o022)
    if config["reap"]:
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    _answer({"ready": True})
    requests = Requests()
    while request := requests.next():
        if "argv" in request:
            _answer(_run(request, config["limits"], requests))
        elif "hash" in request:
            _answer({"hash": _hash_files(Path(request["root"]), request["hash"])})
    if config["reap"]:
        _reap()


class Requests:
    """Lines of stdin, of which one may be waiting unread while a command runs."""

    def __init__(self) -> None:
        self.pending = b""

    def next(self) -> Request:
        while b"\n" not in self.pending:
            data = os.read(0, CHUNK)
            if not data:
                return {}
            self.pending += data
        line, _, self.pending = self.pending.partition(b"\n")
        return cast("Request", json.loads(line))

    def come_before(self, exited: int) -> bool:
        """Whether a request (or the end) comes before the process behind this descriptor exits."""
        return bool(self.pending) or exited not in select.select([exited, 0], [], [])[0]


def _answer(value: "dict[str, object]") -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


def _give_up_root(home: Path, uid: int) -> None:
    """Become an unprivileged user of the host, with no capability left to regain."""
    os.chown(home, uid, uid)
    libc = ctypes.CDLL(None, use_errno=True)
    for capability in range(LAST_CAPABILITY + 1):
        libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    libc.capset(
        ctypes.byref((ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)), ctypes.byref((ctypes.c_uint32 * 6)())
    )


def _reap() -> None:
    """Without a process namespace: kill every descendant. Orphans come to us; each round ends a generation."""
    children = Path(f"/proc/self/task/{os.getpid()}/children")
    while found := children.read_text().split():
        for pid in map(int, found):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def _prepare(request: Request) -> None:
    """Write the request's files, scripts and links."""
    for name, text in {**request["write"], **request["scripts"]}.items():
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.write_text(text, encoding="utf-8", errors="surrogateescape")
        if name in request["scripts"]:
            path.chmod(0o755)
    for name, target in request["links"].items():
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(target)


def _run(request: Request, limits: "dict[str, int]", requests: Requests) -> "dict[str, object]":
    """Run the request's command to the end and read back the files it asks for."""
    try:
        _prepare(request)
        child = subprocess.Popen(
            request["argv"],
            cwd=request["cwd"],
            env=request["env"],
            stdin=subprocess.DEVNULL,
            stdout=2,
            start_new_session=True,
            preexec_fn=lambda: _limit(limits),  # noqa: PLW1509 (this process has one thread)
        )
    except (OSError, ValueError) as error:
        return {"error": f"cannot start {request['argv'][0]}: {error}", "files": {}}
    code = _wait(child, requests)
    return {"exit": code, "files": {name: _read(Path(name)) for name in request["read"]}}


def _limit(limits: "dict[str, int]") -> None:
    for name, value in limits.items():
        _, hard = resource.getrlimit(getattr(resource, name))
        bound = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(getattr(resource, name), (bound, bound))


def _wait(child: "subprocess.Popen[bytes]", requests: Requests) -> int:
    """The exit code (negative: the signal); any request meanwhile, or the end of stdin, is the order to stop."""
    exited = os.pidfd_open(child.pid)
    try:
        if requests.come_before(exited):
            requests.next()
            _signal(child, signal.SIGINT)
            if not select.select([exited], [], [], GRACE_SECONDS)[0]:
                _signal(child, signal.SIGKILL)
    finally:
        os.close(exited)
    return child.wait()


def _signal(child: "subprocess.Popen[bytes]", number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, number)


def _read(path: Path) -> "str | None":
    """A small file's text; None when it is no regular file (a pipe would block us) or too large."""
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
            data = file.read(LARGEST_FILE + 1) if stat.S_ISREG(os.fstat(file.fileno()).st_mode) else None
    except OSError:
        return None
    if data is None:
        return None
    return None if len(data) > LARGEST_FILE else data.decode("utf-8", "replace")


def _hash_files(root: Path, patterns: "list[str]") -> str:
    """GitHub's hashFiles: SHA-256 over the SHA-256 of every file that a pattern names; empty when none does."""
    found: dict[Path, None] = {}
    for pattern in patterns:
        relative = pattern.removeprefix("!").removeprefix(f"{root}/").removeprefix("/")
        for path in sorted(root.glob(relative + "/*" if relative.endswith("**") else relative or "*")):
            if pattern.startswith("!"):
                found.pop(path, None)
            elif path.is_file():
                found[path] = None
    total = hashlib.sha256()
    for path in found:
        with path.open("rb") as file:
            total.update(hashlib.file_digest(file, "sha256").digest())
    return total.hexdigest() if found else ""


def _start_relay(port: int, path: str) -> None:
    """Listen where the forge listens outside; a child process passes every connection to the Unix socket."""
    listeners = [_listener(socket.AF_INET, "127.0.0.1", port)]
    with contextlib.suppress(OSError):
        listeners.append(_listener(socket.AF_INET6, "::1", port))
    if os.fork():
        for listener in listeners:
            listener.close()
        return
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    while True:
        for ready in select.select(listeners, [], [])[0]:
            inner, _ = ready.accept()
            threading.Thread(target=_relay, args=(inner, path), daemon=True).start()


def _listener(family: int, host: str, port: int) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    listener.listen(64)
    return listener


def _relay(inner: socket.socket, path: str) -> None:
    outer = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with inner, outer, contextlib.suppress(OSError):
        outer.connect(path)
        back = threading.Thread(target=_pump, args=(outer, inner), daemon=True)
        back.start()
        _pump(inner, outer)
        back.join()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(CHUNK):
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


if __name__ == "__main__":
    main()
