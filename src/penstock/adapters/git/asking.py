"""One git process that is asked for objects, one after another: a judgement needs many, and each process costs more."""

import re
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import IO

from penstock.adapters.git.command import Git
from penstock.adapters.git.objects import mode_of
from penstock.core.evidence import FileMode
from penstock.core.refs import Sha
from penstock.ports import Permanent

AT_ONCE = 256
"""Questions before their answers are read: few enough that a pipe holds them while git waits to be listened to."""
_ENTRY = re.compile(rb"([0-7]{5,6}) ([^\0]+)\0(.{20})", re.DOTALL)
_FOLDER = b"40000"


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """What a folder has under a name. `mode` None: a folder itself."""

    mode: FileMode | None
    sha: Sha


Folder = Mapping[bytes, Node]
"""What is right in it, by name."""


class Objects:
    """Answers of `git cat-file --batch-command` (git 2.36). Folders are kept, contents are not."""

    def __init__(self, stdin: IO[bytes], stdout: IO[bytes]) -> None:
        self._stdin = stdin
        self._stdout = stdout
        self._folders: dict[Sha, Folder] = {}

    def contents(self, shas: Iterable[Sha]) -> Iterator[bytes]:
        """Of blobs, in the order asked. Nothing else may be asked until the last was taken."""
        left = iter(shas)
        while asked := list(islice(left, AT_ONCE)):
            self._ask("contents", asked)
            for sha in asked:
                yield self._body(sha, "blob")

    def sizes(self, shas: Iterable[Sha]) -> Iterator[int]:
        """Of blobs, in bytes."""
        left = iter(shas)
        while asked := list(islice(left, AT_ONCE)):
            self._ask("info", asked)
            for sha in asked:
                yield self._size(sha, "blob")

    def root(self, treeish: Sha) -> Sha:
        """The tree of a commit or a tree."""
        self._ask("info", [Sha(f"{treeish}^{{tree}}")])
        return Sha(self._header(treeish)[0])

    def folder(self, tree: Sha) -> Folder:
        """What is right in a folder."""
        if tree not in self._folders:
            self._ask("contents", [tree])
            self._folders[tree] = _read_folder(self._body(tree, "tree"))
        return self._folders[tree]

    def _ask(self, command: str, shas: list[Sha]) -> None:
        try:
            self._stdin.write("".join(f"{command} {sha}\n" for sha in shas).encode())
            self._stdin.flush()
        except BrokenPipeError as broken:
            raise Permanent("git_failed", "git cat-file ended early") from broken

    def _header(self, asked: Sha) -> tuple[str, str, int]:
        words = self._stdout.readline().decode().split()
        if len(words) != 3:
            raise Permanent("no_object", f"the mirror has no object {asked}; sync it again")
        return words[0], words[1], int(words[2])

    def _size(self, asked: Sha, kind: str) -> int:
        _, found, size = self._header(asked)
        if found != kind:
            raise Permanent("no_object", f"{asked} is a {found} where a {kind} is expected")
        return size

    def _body(self, asked: Sha, kind: str) -> bytes:
        size = self._size(asked, kind)
        content = self._stdout.read(size + 1)[:-1]
        if len(content) != size:
            raise Permanent("no_object", f"git ended in the middle of {asked}")
        return content


class Tree:
    """The folders of one tree by their paths. Whoever asks for a folder has asked for the one that it is in."""

    def __init__(self, asked: Objects, treeish: Sha) -> None:
        self._asked = asked
        self._at: dict[bytes, Folder] = {b"": asked.folder(asked.root(treeish))}

    def at(self, path: bytes) -> Folder:
        """What is right in the folder at `path` (empty: the root); nothing where there is no folder."""
        if path not in self._at:
            place, _, name = path.rpartition(b"/")
            node = self.at(place).get(name)
            self._at[path] = self._asked.folder(node.sha) if node and node.mode is None else {}
        return self._at[path]


@contextmanager
def objects(git: Git) -> Iterator[Objects]:
    """The process ends with the block."""
    with git.piped("cat-file", "--batch-command", stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None  # noqa: S101 - both are pipes
        assert process.stdout is not None  # noqa: S101
        yield Objects(process.stdin, process.stdout)


def _read_folder(content: bytes) -> Folder:
    """Git's own format of a tree (gitformat-pack and the user manual, "Object Storage")."""
    entries = _ENTRY.findall(content)
    if sum(len(mode) + len(name) + 22 for mode, name, _ in entries) != len(content):
        raise Permanent("git_failed", "a tree is not as git writes trees")
    return {
        name: Node(mode=None if mode == _FOLDER else mode_of(mode), sha=Sha(sha.hex()))
        for mode, name, sha in entries
    }
