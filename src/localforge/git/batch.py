"""A long-lived `git cat-file --batch-command`: one process answers every read of a repository."""

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class GitObject:
    """An object as stored: `kind` is blob, tree, commit or tag."""

    sha: str
    kind: str
    data: bytes


class BatchEndedError(Exception):
    """The process is gone (the repository was removed, or the system is short of memory)."""


class CatFile:
    """The process. Not for use by two threads at once."""

    def __init__(self, path: Path, environment: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            ["git", f"--git-dir={path}", "cat-file", "--batch-command"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
        )
        if self._process.stdin is None or self._process.stdout is None:
            raise BatchEndedError
        self._questions, self._answers = self._process.stdin, self._process.stdout

    def info(self, name: str) -> tuple[str, str, int] | None:
        """(sha, kind, size) of what the name stands for; None when it is missing or ambiguous."""
        return self._ask("info", name)

    def contents(self, name: str) -> GitObject | None:
        """The object that the name stands for; None when it is missing or ambiguous."""
        header = self._ask("contents", name)
        if header is None:
            return None
        sha, kind, size = header
        data = self._answers.read(size + 1)
        if len(data) != size + 1:
            raise BatchEndedError
        return GitObject(sha=sha, kind=kind, data=data[:-1])

    def close(self) -> None:
        """End the process."""
        try:
            self._questions.close()
        except BrokenPipeError:
            self._process.kill()
        self._process.wait()
        self._answers.close()

    def _ask(self, command: str, name: str) -> tuple[str, str, int] | None:
        try:
            self._questions.write(f"{command} {name}\n".encode("utf-8", "surrogateescape"))
            self._questions.flush()
        except BrokenPipeError as error:
            raise BatchEndedError from error
        line = self._answers.readline()
        if not line:
            raise BatchEndedError
        fields = line.split()
        if len(fields) != 3 or not fields[2].isdigit():
            return None
        return fields[0].decode(), fields[1].decode(), int(fields[2])
