"""One bare repository: run git in it, read its objects from their files or through a long-lived `cat-file`."""

import os
import re
import subprocess
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol, TypeVar

from localforge.git.batch import BatchEndedError, CatFile, GitObject
from localforge.git.loose import LooseObject, loose_object, ref_sha

T = TypeVar("T")

_SHA = re.compile(r"[0-9a-f]{40}")
# The full name of a branch or tag in which nothing has a meaning for git: a part of the letters that most have.
_PLAIN_REF = re.compile(r"refs/(?:heads|tags)(?:/[0-9A-Za-z_-]+(?:\.[0-9A-Za-z_-]+)*(?<!\.lock))+")

# Nothing of the host's or a user's configuration counts, and nothing in a repository can name a program.
_CONFIG = {
    "safe.directory": "*",
    "core.hooksPath": os.devnull,
    "core.fsync": "objects,reference",
    "core.fsyncMethod": "batch",
    # Two threads that move the same ref wait for each other.
    "core.filesRefLockTimeout": "10000",
    "core.packedRefsTimeout": "10000",
    "gc.auto": "0",
    "receive.autogc": "false",
    "transfer.fsckObjects": "true",
    "uploadpack.allowFilter": "true",
    "uploadpack.allowAnySHA1InWant": "true",
    "uploadpack.hideRefs": "refs/localforge",
    "receive.hideRefs": "refs/pull",
}


def environment(
    extra: Mapping[str, str] | None = None, config: Mapping[str, str] | None = None
) -> dict[str, str]:
    """The whole environment of a git process of the forge."""
    settings = {**_CONFIG, **(config or {})}
    env = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": os.devnull,
        "LC_ALL": "C",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_CONFIG_COUNT": str(len(settings)),
    }
    for index, (key, value) in enumerate(settings.items()):
        env[f"GIT_CONFIG_KEY_{index}"] = key
        env[f"GIT_CONFIG_VALUE_{index}"] = value
    return env | dict(extra or {})


class GitError(Exception):
    """git refused: its exit status and what it said."""

    def __init__(self, arguments: tuple[str, ...], status: int, stderr: bytes) -> None:
        self.status = status
        self.stderr = stderr.decode("utf-8", "replace").strip()
        super().__init__(f"git {' '.join(arguments)} exited {status}: {self.stderr}")


def find(path: Path) -> "GitDir":
    """The git directory of a working clone or bare repository; GitError when the path is neither."""
    arguments = ("-C", str(path), "rev-parse", "--absolute-git-dir")
    done = subprocess.run(["git", *arguments], capture_output=True, env=environment(), check=False)
    if done.returncode:
        raise GitError(arguments, done.returncode, done.stderr)
    return GitDir(Path(done.stdout.decode("utf-8", "surrogateescape").strip()))


class Leash(Protocol):
    """What ties git processes to the forge that began them."""

    @property
    def inherited(self) -> tuple[int, ...]:
        """Descriptors that they take along."""


class GitDir:
    """A git directory, bare unless found in somebody's clone."""

    def __init__(self, path: Path, leash: Leash | None = None) -> None:
        self.path = path
        self._leash = leash
        self._batch: CatFile | None = None
        self._batch_lock = threading.Lock()

    def create(self, default_branch: str) -> None:
        """Make the empty repository."""
        command = ["git", "init", "--quiet", "--bare", "--template=", f"--initial-branch={default_branch}"]
        subprocess.run([*command, str(self.path)], check=True, env=environment(), stdin=subprocess.DEVNULL)

    def run(self, *arguments: str, stdin: bytes = b"", extra: Mapping[str, str] | None = None) -> bytes:
        """Standard output of a git command; GitError when it fails."""
        status, output, errors = self.attempt(*arguments, stdin=stdin, extra=extra)
        if status:
            raise GitError(arguments, status, errors)
        return output

    def attempt(
        self, *arguments: str, stdin: bytes = b"", extra: Mapping[str, str] | None = None
    ) -> tuple[int, bytes, bytes]:
        """Exit status, standard output and standard error of a git command."""
        done = subprocess.run(
            ["git", f"--git-dir={self.path}", *arguments],
            input=stdin,
            capture_output=True,
            env=environment(extra),
            check=False,
            pass_fds=self._leash.inherited if self._leash else (),
        )
        return done.returncode, done.stdout, done.stderr

    def text(self, *arguments: str, stdin: bytes = b"") -> str:
        """Standard output as stripped text."""
        return self.run(*arguments, stdin=stdin).decode("utf-8", "surrogateescape").strip()

    def info(self, name: str) -> tuple[str, str, int] | None:
        """(sha, kind, size) of what a name (a sha, a full ref) stands for; None when it is missing."""
        sha, found = self._plain(name)
        return (sha, found.kind, found.size) if found else self._read(name, CatFile.info)

    def object(self, name: str) -> GitObject | None:
        """The object that a name (a sha, a full ref, `<sha>:path`) stands for; None when it is missing."""
        sha, found = self._plain(name)
        data = found.data() if found else None
        if found is None or data is None:
            return self._read(name, CatFile.contents)
        return GitObject(sha=sha, kind=found.kind, data=data)

    def _plain(self, name: str) -> tuple[str, LooseObject | None]:
        """What needs no process: a loose object by its sha or by a plain ref."""
        sha: str | None = name
        if not _SHA.fullmatch(name):
            sha = ref_sha(self.path, name) if _PLAIN_REF.fullmatch(name) else None
        return (sha, loose_object(self.path, sha)) if sha else ("", None)

    def close(self) -> None:
        """Give back the process; the next read starts another."""
        with self._batch_lock:
            if self._batch:
                self._batch.close()
                self._batch = None

    def _read(self, name: str, read: Callable[[CatFile, str], T]) -> T | None:
        if "\n" in name or "\0" in name or _beyond(name):
            return None
        with self._batch_lock:
            if self._batch is None:
                self._batch = CatFile(self.path, environment())
            try:
                return read(self._batch, name)
            except BatchEndedError as error:
                self._batch.close()
                self._batch = None
                raise GitError(("cat-file", name), -1, b"the process ended") from error


def _beyond(name: str) -> bool:
    """Whether a name means something that a bare repository has not, over which git ends: an index, a reflog, a working tree.

    A search through messages is not asked for, either.
    """
    revision, _, path = name.partition(":")
    return not revision or "@{" in revision or "^{/" in revision or path.split("/")[0] in {".", ".."}
