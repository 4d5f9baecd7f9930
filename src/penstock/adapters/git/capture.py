"""Reading a folder that untrusted code wrote: without following links, without running anything in it."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from penstock.adapters.git.checkout import leads_out
from penstock.adapters.git.command import Git
from penstock.adapters.git.names import means_git, shown
from penstock.adapters.git.objects import (
    Entry,
    Tree,
    blob_id,
    blobs,
    clashes,
    folders_of,
    quarantine,
    write_tree,
)
from penstock.core.evidence import FileMode
from penstock.core.refs import Sha
from penstock.ports import Permanent


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptureLimits:
    """Sizes in bytes. `file_bytes` is what GitHub takes in one file; `depth` counts folders in folders."""

    files: int = 200_000
    total_bytes: int = 2 << 30
    file_bytes: int = 100 << 20
    depth: int = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    path: bytes
    mode: FileMode
    content: bytes


def capture_tree(git: Git, base: Tree, folder: Path, limits: CaptureLimits) -> Sha:
    """The tree that `git add --all --force` would make of the folder, did nothing in it have a say.

    What a checkout does not write as a file stays as in `base`: submodules, and links that lead out. New blobs
    reach the repository only once the whole folder was accepted.
    """
    known = {entry.sha for entry in base.values()}
    captured: dict[bytes, Entry] = {}
    with quarantine(git) as waiting:
        waiting.add(_new_contents(_Walk(limits).files(folder), captured, known))
        tree = {**captured, **_kept(git, base, captured)}
        _refuse_names(tree, base)
        made = write_tree(waiting.git, tree)
        waiting.promote()
    return made


def _new_contents(found: Iterator[_Found], captured: dict[bytes, Entry], known: set[Sha]) -> Iterator[bytes]:
    """Enters every file in `captured` and hands on the contents that are not known yet."""
    for file in found:
        sha = blob_id(file.content)
        captured[file.path] = Entry(mode=file.mode, sha=sha, size=len(file.content))
        if sha not in known:
            known.add(sha)
            yield file.content


def _kept(git: Git, base: Tree, captured: Tree) -> Tree:
    folders = folders_of(captured)
    links = [path for path, entry in base.items() if entry.mode is FileMode.SYMLINK and path not in captured]
    targets = blobs(git, (base[path].sha for path in links))
    out = {path for path, (_, target) in zip(links, targets, strict=True) if leads_out(path, target)}
    kept = {path: base[path] for path in out if not clashes(path, captured, folders)}
    for path, entry in base.items():
        if entry.mode is FileMode.SUBMODULE:
            if path in captured or clashes(path, captured, folders):
                raise Permanent("unsafe_tree", f"{shown(path)} is a submodule; nothing may be written there")
            kept[path] = entry
    return kept


def _refuse_names(tree: Tree, base: Tree) -> None:
    """No forge's API can take a path that is not UTF-8, so a change must not make one."""
    for path in tree.keys() - base.keys():
        try:
            path.decode()
        except UnicodeDecodeError as error:
            raise Permanent("unsafe_tree", f"the name {shown(path)} is not UTF-8") from error


class _Walk:
    """One pass over a folder with open folder handles, so that nothing can be swapped for a link underway."""

    def __init__(self, limits: CaptureLimits) -> None:
        self._limits = limits
        self._count = 0
        self._bytes = 0

    def files(self, folder: Path) -> Iterator[_Found]:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            yield from self._below(handle, b"")
        finally:
            os.close(handle)

    def _below(self, handle: int, prefix: bytes) -> Iterator[_Found]:
        with os.scandir(handle) as scan:
            entries = sorted(scan, key=lambda entry: entry.name)
        for entry in entries:
            path = prefix + os.fsencode(entry.name)
            self._admit(path)
            try:
                yield from self._one(handle, entry, path)
            except OSError as error:
                raise Permanent("unsafe_tree", f"{shown(path)} cannot be read: {error.strerror}") from error

    def _admit(self, path: bytes) -> None:
        self._count += 1
        if self._count > self._limits.files:
            raise Permanent("too_large", f"more than {self._limits.files} files and folders")
        if path.count(b"/") > self._limits.depth:
            raise Permanent("unsafe_tree", f"folders nested more than {self._limits.depth} deep")
        if means_git(path.rpartition(b"/")[2]):
            raise Permanent(
                "unsafe_tree", f"{shown(path)} would be a repository of its own; git refuses that name"
            )

    def _one(self, handle: int, entry: os.DirEntry[str], path: bytes) -> Iterator[_Found]:
        info = entry.stat(follow_symlinks=False)
        if stat.S_ISDIR(info.st_mode):
            below = os.open(entry.name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=handle)
            try:
                yield from self._below(below, path + b"/")
            finally:
                os.close(below)
        elif stat.S_ISLNK(info.st_mode):
            target = os.fsencode(os.readlink(entry.name, dir_fd=handle))
            yield _Found(path=path, mode=FileMode.SYMLINK, content=target)
        elif stat.S_ISREG(info.st_mode):
            yield self._file(handle, entry.name, path)
        else:
            raise Permanent(
                "unsafe_tree",
                f"{shown(path)} is a {_kind(info.st_mode)}; only files, folders and links can be kept",
            )

    def _file(self, handle: int, name: str, path: bytes) -> _Found:
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
        with os.fdopen(os.open(name, flags, dir_fd=handle), "rb") as file:
            content = file.read(self._limits.file_bytes + 1)
            executable = os.fstat(file.fileno()).st_mode & stat.S_IXUSR
        self._bytes += len(content)
        if len(content) > self._limits.file_bytes:
            raise Permanent("too_large", f"{shown(path)} has more than {self._limits.file_bytes >> 20} MiB")
        if self._bytes > self._limits.total_bytes:
            raise Permanent(
                "too_large", f"the files have more than {self._limits.total_bytes >> 20} MiB together"
            )
        return _Found(path=path, mode=FileMode.EXECUTABLE if executable else FileMode.FILE, content=content)


def _kind(mode: int) -> str:
    kinds = ((stat.S_ISFIFO, "named pipe"), (stat.S_ISSOCK, "socket"))
    return next((name for test, name in kinds if test(mode)), "device")
