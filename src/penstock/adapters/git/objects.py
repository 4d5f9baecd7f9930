"""Trees as mappings of paths, blobs in bulk, and the quarantine in which new objects wait until they are accepted."""

import hashlib
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from penstock.adapters.git.command import Git
from penstock.core.evidence import FileMode
from penstock.core.refs import Sha
from penstock.ports import Permanent

MAX_READ_BYTES = 1 << 20
_FILES = frozenset({FileMode.FILE, FileMode.EXECUTABLE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What a tree has at a path. `size` is bytes of a blob, 0 for a submodule."""

    mode: FileMode
    sha: Sha
    size: int = 0


Tree = Mapping[bytes, Entry]
"""Every file of a tree by its full path; a path is bytes, as git has it."""


def blob_id(content: bytes) -> Sha:
    """The object id git gives a blob (Git's documentation, "gitformat-object": SHA-1 of header and content)."""
    return Sha(hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest())


def mode_of(written: bytes) -> FileMode:
    """A tree entry's mode; other permissions of a plain file (old repositories have 100664) count as 100644."""
    text = written.decode()
    return FileMode.FILE if text.startswith("100") and text != FileMode.EXECUTABLE else FileMode(text)


def read_tree(git: Git, treeish: Sha) -> Tree:
    """All files of a commit's tree or of a tree."""
    entries: dict[bytes, Entry] = {}
    for line in git.run("ls-tree", "-r", "-z", "-l", "--full-tree", treeish).split(b"\0")[:-1]:
        head, path = line.split(b"\t", 1)
        mode, _, sha, size = head.split()
        entries[path] = Entry(
            mode=mode_of(mode), sha=Sha(sha.decode()), size=0 if size == b"-" else int(size)
        )
    return entries


def files_at(git: Git, commit: Sha, paths: Sequence[str]) -> Mapping[str, bytes]:
    """Contents of those of these paths that are ordinary files of at most MAX_READ_BYTES."""
    tree = read_tree(git, commit)
    found = {path: entry for path in paths if (entry := tree.get(path.encode())) and _readable(entry)}
    contents = blobs(git, (entry.sha for entry in found.values()))
    return {path: content for path, (_, content) in zip(found, contents, strict=True)}


def paths_at(git: Git, commit: Sha) -> tuple[str, ...]:
    """Of every file; a name that is not UTF-8 has no place in a text, and nothing could ask for it."""
    return tuple(path.decode() for path in read_tree(git, commit) if _is_text(path))


def _readable(entry: Entry) -> bool:
    return entry.mode in _FILES and entry.size <= MAX_READ_BYTES


def _is_text(path: bytes) -> bool:
    try:
        path.decode()
    except UnicodeDecodeError:
        return False
    return True


def write_tree(git: Git, tree: Tree) -> Sha:
    """The id of a tree of these entries, whose blobs git has. Raises Permanent `unsafe_tree` for a path git refuses."""
    listing = b"".join(
        b"%s %s\t%s\0" % (entry.mode.value.encode(), entry.sha.encode(), path) for path, entry in tree.items()
    )
    with tempfile.TemporaryDirectory(prefix="index-", dir=git.directory) as place:
        indexed = git.with_environment(GIT_INDEX_FILE=f"{place}/index")
        ended = indexed.end("update-index", "-z", "--index-info", stdin=listing)
        if ended.code or ended.complaint:
            raise Permanent("unsafe_tree", f"git refuses this tree: {ended.complaint}")
        return Sha(indexed.run("write-tree").decode().strip())


def clashes(path: bytes, tree: Tree, folders: frozenset[bytes]) -> bool:
    """Would a file at `path` need a name that the tree has as the other of file and folder."""
    return path in folders or any(parent in tree for parent in parents(path))


def folders_of(paths: Iterable[bytes]) -> frozenset[bytes]:
    return frozenset(parent for path in paths for parent in parents(path))


def parents(path: bytes) -> Iterator[bytes]:
    """The folders that hold a path, innermost first."""
    while b"/" in path:
        path = path.rpartition(b"/")[0]
        yield path


def blobs(git: Git, shas: Iterable[Sha]) -> Iterator[tuple[Sha, bytes]]:
    """Contents of blobs, in the order asked."""
    with tempfile.TemporaryFile() as asked:
        asked.write(b"".join(b"%s\n" % sha.encode() for sha in shas))
        asked.seek(0)
        with git.piped("cat-file", "--batch", stdin=asked, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None  # noqa: S101 - it is a pipe
            yield from _batch(process.stdout)


def _batch(stream: IO[bytes]) -> Iterator[tuple[Sha, bytes]]:
    for header in stream:
        words = header.decode().split()
        if len(words) != 3 or words[1] != "blob":
            raise Permanent("no_object", f"the mirror has no blob {words[0]}; sync it again")
        size = int(words[2])
        content = stream.read(size + 1)[:-1]
        if len(content) != size:
            raise Permanent("no_object", f"git ended in the middle of blob {words[0]}")
        yield Sha(words[0]), content


class Quarantine:
    """New objects beside a repository: its git sees both, the repository does not see them until `promote`."""

    def __init__(self, git: Git, folder: Path) -> None:
        self._objects = git.directory / "objects"
        self._folder = folder
        self.git = git.with_environment(
            GIT_OBJECT_DIRECTORY=str(folder), GIT_ALTERNATE_OBJECT_DIRECTORIES=_quoted(self._objects)
        )

    def add(self, contents: Iterable[bytes]) -> None:
        """Store blobs."""
        importing = self.git.piped("fast-import", "--quiet", stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        with importing as process:
            assert process.stdin is not None  # noqa: S101 - it is a pipe
            try:
                for content in contents:
                    process.stdin.write(b"blob\ndata %d\n" % len(content) + content + b"\n")
                process.stdin.close()
            except BrokenPipeError as broken:
                raise Permanent("git_failed", "git fast-import ended early; is the disk full?") from broken
            if process.wait():
                raise Permanent(
                    "git_failed", f"git fast-import failed with {process.returncode}; is the disk full?"
                )

    def promote(self) -> None:
        """Move the objects into the repository; an index goes after its pack, or git would miss objects."""
        for path in sorted(self._folder.rglob("*"), key=lambda path: (path.suffix == ".idx", path)):
            if path.is_file():
                target = self._objects / path.relative_to(self._folder)
                target.parent.mkdir(exist_ok=True)
                path.replace(target)


def _quoted(path: Path) -> str:
    """A path in a list that colons separate (git(1), GIT_ALTERNATE_OBJECT_DIRECTORIES)."""
    escaped = str(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


@contextmanager
def quarantine(git: Git) -> Iterator[Quarantine]:
    """A quarantine that is thrown away with all that was not promoted."""
    folder = Path(tempfile.mkdtemp(prefix="quarantine-", dir=git.directory))
    try:
        yield Quarantine(git, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
