"""How git is run: trusted environment, no hooks, no prompts, bounded time."""

import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

from penstock.ports import Permanent, Transient

LOCAL_SECONDS = 120
EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"

_SETTINGS = (
    "core.hooksPath=/dev/null",
    "core.attributesFile=/dev/null",
    "core.compression=1",
    "core.protectHFS=true",
    "core.protectNTFS=true",
    "gc.auto=0",
    "maintenance.auto=false",
    "http.followRedirects=false",
    "http.lowSpeedLimit=1000",
    "http.lowSpeedTime=60",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A git command that ran to its end."""

    code: int
    output: bytes
    complaint: str


def trusted_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Everything git sees of the world; `extra` is proxy and certificate variables for the network."""
    git = shutil.which("git")
    if git is None:
        raise Permanent(
            "no_git", "git is not installed. Install it (Debian, Ubuntu: apt install git) and try again."
        )
    return {
        **(extra or {}),
        "PATH": f"{Path(git).parent}:/usr/bin:/bin",
        "HOME": "/nonexistent",
        "LC_ALL": "C",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_ATTR_SOURCE": EMPTY_TREE,
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_ALLOW_PROTOCOL": "http:https:file",
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Git:
    """Git in one bare repository that Penstock made."""

    directory: Path
    environment: Mapping[str, str]

    def with_environment(self, **extra: str) -> "Git":
        return replace(self, environment={**self.environment, **extra})

    def end(self, *arguments: str, stdin: bytes = b"", seconds: int = LOCAL_SECONDS) -> Ended:
        """Run to the end, whatever comes of it. Raises Transient `git_timeout`."""
        try:
            done = subprocess.run(
                self._line(arguments),
                env=dict(self.environment),
                cwd="/",
                input=stdin,
                capture_output=True,
                timeout=seconds,
                check=False,
            )
        except subprocess.TimeoutExpired as late:
            raise Transient("git_timeout", f"git {arguments[0]} took longer than {seconds} s") from late
        return Ended(
            code=done.returncode, output=done.stdout, complaint=done.stderr.decode(errors="replace").strip()
        )

    def run(self, *arguments: str, stdin: bytes = b"") -> bytes:
        """What a command that has to succeed prints."""
        ended = self.end(*arguments, stdin=stdin)
        if ended.code:
            raise Permanent("git_failed", f"git {arguments[0]} in {self.directory.name}: {ended.complaint}")
        return ended.output

    @contextmanager
    def piped(
        self, *arguments: str, stdin: IO[bytes] | int, stdout: int
    ) -> Iterator[subprocess.Popen[bytes]]:
        """A running command to stream through; it is gone at the end of the block."""
        process = subprocess.Popen(
            self._line(arguments),
            env=dict(self.environment),
            cwd="/",
            stdin=stdin,
            stdout=stdout,
            stderr=subprocess.DEVNULL,
        )
        try:
            yield process
        finally:
            for stream in (process.stdin, process.stdout):
                if stream:
                    stream.close()
            process.kill()
            process.wait()

    def _line(self, arguments: tuple[str, ...]) -> list[str]:
        settings = [word for setting in _SETTINGS for word in ("-c", setting)]
        return ["git", f"--git-dir={self.directory}", *settings, *arguments]
