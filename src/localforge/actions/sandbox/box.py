"""One running sandbox, seen from outside: start it, run commands in it, stop or kill it.

Nothing the sandbox says is trusted: its answers are bounded, and its death is an error of the job alone.
"""

import contextlib
import json
import os
import select
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NotRequired, TypedDict, cast

from localforge.actions.sandbox.isolation import (
    FORGE_SOCKET,
    HOME,
    SUPERVISOR,
    Isolation,
    Limits,
    Walls,
    command,
    python_binds,
)

START_SECONDS = 20
STOP_SECONDS = 10
LARGEST_ANSWER = 32 << 20
CHUNK = 1 << 16
FIRST_UID = 1_700_000_000
UIDS = 100_000_000
USER_NAMESPACE_UID = 1001


class SandboxError(Exception):
    """The sandbox did not start, died, or broke its protocol; the message is for the job's log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A program to run. `files` are written before it starts (`scripts` executable), `read` is read after it ends."""

    argv: Sequence[str]
    cwd: str
    env: Mapping[str, str]
    files: Mapping[str, str] = field(default_factory=dict)
    scripts: Mapping[str, str] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)
    read: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """How a command ended. `code` is negative for a signal; a file that was not there or too large is absent."""

    code: int
    files: Mapping[str, str]
    stopped: bool = False
    error: str = ""


class _Answer(TypedDict):
    ready: NotRequired[bool]
    exit: NotRequired[int]
    files: NotRequired[dict[str, str | None]]
    error: NotRequired[str]
    hash: NotRequired[str]


class Sandbox:
    """A supervisor behind walls. One thread runs commands; any thread may `stop` the one at hand."""

    def __init__(self, process: "subprocess.Popen[bytes]", home: str, *, walled: bool) -> None:
        self.home = home
        self._walled = walled
        self._process = process
        self._answers = bytearray()
        self._stop = threading.Event()
        self._gone = threading.Event()
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        if process.stdin is not None:
            os.set_blocking(process.stdin.fileno(), False)

    def run(
        self, order: Command, on_output: Callable[[bytes], None], *, deadline: float | None = None
    ) -> Finished:
        """Run to the end, to the `time.monotonic()` deadline, or until `stop`. Raises SandboxError."""
        self._ask(
            {
                "argv": list(order.argv),
                "cwd": order.cwd,
                "env": dict(order.env),
                "write": dict(order.files),
                "scripts": dict(order.scripts),
                "links": dict(order.links),
                "read": list(order.read),
            }
        )
        answer, stopped = self._await(on_output, deadline)
        files = {name: text for name, text in answer.get("files", {}).items() if text is not None}
        return Finished(
            code=answer.get("exit", 127), files=files, stopped=stopped, error=answer.get("error", "")
        )

    def hash_files(self, root: str, patterns: Sequence[str]) -> str:
        """GitHub's hashFiles over files below `root`. Raises SandboxError."""
        self._ask({"hash": list(patterns), "root": root})
        answer, _ = self._await(_ignore, time.monotonic() + START_SECONDS)
        return answer.get("hash", "")

    def ready(self) -> None:
        """Wait for the supervisor. Raises SandboxError with its words when it does not come up."""
        words = bytearray()
        try:
            self._await(words.extend, time.monotonic() + START_SECONDS)
        except SandboxError as error:
            said = words.decode("utf-8", "replace").strip()
            raise SandboxError(f"cannot isolate on this host: {said or error}") from error

    def stop(self) -> None:
        """End the command at hand, and every later one at once."""
        self._stop.set()
        with contextlib.suppress(OSError):
            os.eventfd_write(self._wake, 1)

    def resume(self) -> None:
        """Take commands again after `stop`."""
        self._stop.clear()
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self._wake)

    def terminate(self) -> None:
        """From any thread: the command at hand and every later one raise SandboxError."""
        self._gone.set()
        self.stop()

    def kill(self) -> None:
        """Kill everything in the sandbox and wait for it.

        Behind walls the death of bubblewrap is that of every process; without, the supervisor kills what it began
        when its input ends.
        """
        if self._walled:
            self._process.kill()
        with contextlib.suppress(OSError):
            if self._process.stdin is not None:
                self._process.stdin.close()
        self._drain_until_closed()
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()
        os.close(self._wake)

    def _ask(self, request: Mapping[str, object]) -> None:
        pipe = self._process.stdin
        data = memoryview(json.dumps(request).encode() + b"\n")
        deadline = time.monotonic() + START_SECONDS
        try:
            while data and pipe is not None:
                left = max(0.0, deadline - time.monotonic())
                if not select.select([], [pipe], [], left)[1]:
                    raise SandboxError("the sandbox takes no more commands and was killed")
                data = data[os.write(pipe.fileno(), data) :]
        except OSError as error:
            raise SandboxError("the sandbox is gone") from error

    def _await(self, on_output: Callable[[bytes], None], deadline: float | None) -> tuple[_Answer, bool]:
        """The next answer, passing on output meanwhile; whether the command had to be stopped."""
        stopping = False
        if self._gone.is_set():
            raise SandboxError("the sandbox was ended")
        while (answer := self._parsed()) is None:
            if not stopping and (
                self._stop.is_set() or (deadline is not None and time.monotonic() >= deadline)
            ):
                stopping = True
                deadline = time.monotonic() + STOP_SECONDS
                self._ask({"stop": True})
            elif stopping and deadline is not None and time.monotonic() >= deadline:
                raise SandboxError("the sandbox did not stop and was killed")
            self._listen(on_output, deadline, heed_stop=not stopping)
            if self._gone.is_set():
                raise SandboxError("the sandbox was ended")
        self._drain(on_output)
        return answer, stopping

    def _listen(self, on_output: Callable[[bytes], None], deadline: float | None, *, heed_stop: bool) -> None:
        out, err = self._descriptors()
        watched = [out, err, self._wake] if heed_stop else [out, err]
        left = None if deadline is None else max(0.0, deadline - time.monotonic())
        ready, _, _ = select.select(watched, [], [], left)
        if err in ready and (data := os.read(err, CHUNK)):
            on_output(data)
        if out in ready:
            data = os.read(out, CHUNK)
            self._answers += data
            if not data or len(self._answers) > LARGEST_ANSWER:
                self._drain(on_output)
                raise SandboxError("the sandbox ended unexpectedly")

    def _drain(self, on_output: Callable[[bytes], None]) -> None:
        """What was printed before the answer came; bounded, for a background process may go on printing."""
        _, err = self._descriptors()
        for _ in range(1024):
            if not select.select([err], [], [], 0)[0] or not (data := os.read(err, CHUNK)):
                return
            on_output(data)

    def _drain_until_closed(self) -> None:
        """Until nobody holds the output pipe any more."""
        _, err = self._descriptors()
        deadline = time.monotonic() + STOP_SECONDS
        while (left := deadline - time.monotonic()) > 0:
            if not select.select([err], [], [], left)[0] or not os.read(err, CHUNK):
                return

    def _descriptors(self) -> tuple[int, int]:
        out, err = self._process.stdout, self._process.stderr
        if out is None or err is None:
            raise SandboxError("the sandbox has no pipes")
        return out.fileno(), err.fileno()

    def _parsed(self) -> _Answer | None:
        line, newline, rest = self._answers.partition(b"\n")
        if not newline:
            return None
        self._answers = rest
        try:
            answer = json.loads(line)
        except ValueError as error:
            raise SandboxError("the sandbox broke its protocol") from error
        if not isinstance(answer, dict):
            raise SandboxError("the sandbox broke its protocol")
        return cast("_Answer", answer)


def _ignore(_: bytes) -> None:
    return None


@contextmanager
def isolated(isolation: Isolation, walls: Walls, *, port: int, slot: int) -> Iterator[Sandbox]:
    """A sandbox in bubblewrap, killed at the end. `slot` tells jobs of this process apart. Raises SandboxError."""
    uid = FIRST_UID + (os.getpid() * 64 + slot) % UIDS if isolation.as_root else None
    etc = _etc(uid or USER_NAMESPACE_UID, walls.hosts)
    descriptors = {f"/etc/{name}": _memory_file(text) for name, text in etc.items()}
    config = {
        "home": HOME,
        "uid": uid,
        "port": port if walls.forge_socket else 0,
        "socket": FORGE_SOCKET,
        "reap": False,
        "limits": walls.limits.rlimits(),
    }
    wrapped = command(isolation, walls, binds=(*python_binds(), *walls.shown), files=descriptors)
    try:
        process = _spawn([*wrapped, *_supervisor(SUPERVISOR, config)], tuple(descriptors.values()))
    finally:
        for descriptor in descriptors.values():
            os.close(descriptor)
    with _running(process, HOME, walled=True) as sandbox:
        yield sandbox


@contextmanager
def unprotected(limits: Limits) -> Iterator[Sandbox]:
    """The same supervisor without walls, in a directory that is removed at the end: `--unsafe-no-sandbox`."""
    with tempfile.TemporaryDirectory(prefix="localforge-job-", ignore_cleanup_errors=True) as home:
        config = {
            "home": home,
            "uid": None,
            "port": 0,
            "socket": "",
            "reap": True,
            "limits": limits.rlimits(),
        }
        process = _spawn(_supervisor(str(Path(__file__).with_name("inside.py")), config), ())
        with _running(process, home, walled=False) as sandbox:
            yield sandbox


@contextmanager
def _running(process: "subprocess.Popen[bytes]", home: str, *, walled: bool) -> Iterator[Sandbox]:
    sandbox = Sandbox(process, home, walled=walled)
    try:
        sandbox.ready()
        yield sandbox
    finally:
        sandbox.kill()


def _spawn(argv: Sequence[str], keep: Sequence[int]) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        argv,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        pass_fds=tuple(keep),
        env={},
        cwd="/",
        start_new_session=True,
    )


def _supervisor(path: str, config: Mapping[str, object]) -> list[str]:
    return [str(Path(sys.executable).resolve()), "-I", "-S", path, json.dumps(config)]


def _etc(uid: int, hosts: Sequence[str]) -> dict[str, str]:
    names = " ".join(dict.fromkeys(("localhost", "runner", *hosts)))
    return {
        "passwd": f"root:x:0:0:root:/root:/bin/sh\nrunner:x:{uid}:{uid}:runner:{HOME}:/bin/bash\n",
        "group": f"root:x:0:\nrunner:x:{uid}:\n",
        "hosts": f"127.0.0.1 {names}\n::1 localhost\n",
    }


def _memory_file(text: str) -> int:
    descriptor = os.memfd_create("etc")
    os.write(descriptor, text.encode())
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor
