"""Bringing a folder's files into the sandbox and its result back, without following a link or trusting a size."""

import os
import shutil
import stat
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, BinaryIO

from penstock.ports import Permanent

MAX_DEPTH = 100
_PART = 1 << 20
_READING = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
_WHEN = 946_684_800
"""2000-01-01: when every file was last changed, for commands to give the same result each time."""


def send(folder: Path, stream: IO[bytes]) -> None:
    """Write the folder as a tar archive: names as they are, permissions only as far as git knows them."""
    with tarfile.open(fileobj=stream, mode="w|", format=tarfile.GNU_FORMAT) as archive:
        archive.add(folder, arcname=".", filter=_plain)


def _plain(info: tarfile.TarInfo) -> tarfile.TarInfo:
    info.uid = info.gid = 0
    info.uname = info.gname = ""
    info.mtime = _WHEN
    info.mode = 0o755 if info.isdir() or info.mode & stat.S_IXUSR else 0o644
    return info


def fits(source: int, *, size: int, files: int) -> bool:
    """Would a copy of an open folder stay within bounds: files with holes and second names cost more than here.

    Raises Permanent `unsafe_tree` for what cannot be read.
    """
    total = 0
    for count, info in enumerate(_infos(source, MAX_DEPTH), start=1):
        total += info.st_size if stat.S_ISREG(info.st_mode) else 0
        if total > size or count > files:
            return False
    return True


def _infos(source: int, depth: int) -> Iterator[os.stat_result]:
    if not depth:
        raise Permanent("unsafe_tree", f"folders nested more than {MAX_DEPTH} deep")
    with os.scandir(source) as entries:
        for entry in entries:
            yield entry.stat(follow_symlinks=False)
            if entry.is_dir(follow_symlinks=False):
                with _opened(entry.name, source) as below:
                    yield from _infos(below, depth - 1)


def receive(source: int, folder: Path) -> None:
    """Make a folder equal to an open one that `fits`. Nothing may write to either meanwhile.

    What is equal already is not written again. Pipes and sockets arrive as pipes, for whoever judges the folder.
    """
    with _opened(str(folder), None) as target:
        _match(source, target)


def _match(source: int, target: int) -> None:
    left = set(os.listdir(target))
    with os.scandir(source) as entries:
        for entry in entries:
            left.discard(entry.name)
            mode = entry.stat(follow_symlinks=False).st_mode
            if stat.S_ISDIR(mode):
                _match_folder(entry.name, source, target)
            elif stat.S_ISREG(mode):
                _match_file(entry.name, source, target)
            else:
                _remove(entry.name, target)
                _make_special(entry.name, source, target)
    for name in left:
        _remove(name, target)


def _match_folder(name: str, source: int, target: int) -> None:
    if not stat.S_ISDIR(_mode(name, target)):
        _remove(name, target)
        os.mkdir(name, dir_fd=target)
    with _opened(name, source) as below, _opened(name, target) as copy:
        _match(below, copy)


def _match_file(name: str, source: int, target: int) -> None:
    with os.fdopen(os.open(name, _READING, dir_fd=source), "rb") as original:
        executable = os.fstat(original.fileno()).st_mode & stat.S_IXUSR
        present = _mode(name, target)
        if stat.S_ISREG(present) and bool(present & stat.S_IXUSR) == bool(executable):
            with os.fdopen(os.open(name, _READING, dir_fd=target), "rb") as copy:
                if _equal(original, copy):
                    return
            original.seek(0)
        _remove(name, target)
        writing = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        with os.fdopen(os.open(name, writing, 0o755 if executable else 0o644, dir_fd=target), "wb") as copy:
            shutil.copyfileobj(original, copy)


def _equal(one: BinaryIO, other: BinaryIO) -> bool:
    if os.fstat(one.fileno()).st_size != os.fstat(other.fileno()).st_size:
        return False
    return all(part == other.read(_PART) for part in iter(lambda: one.read(_PART), b""))


def _make_special(name: str, source: int, target: int) -> None:
    if stat.S_ISLNK(_mode(name, source)):
        os.symlink(os.readlink(name, dir_fd=source), name, dir_fd=target)
    else:
        os.mkfifo(name, dir_fd=target)


def _mode(name: str, parent: int) -> int:
    """The mode of what has this name, never of what a link names; 0 where there is nothing."""
    try:
        return os.lstat(name, dir_fd=parent).st_mode
    except FileNotFoundError:
        return 0


def _remove(name: str, parent: int) -> None:
    mode = _mode(name, parent)
    if stat.S_ISDIR(mode):
        shutil.rmtree(name, dir_fd=parent)
    elif mode:
        os.unlink(name, dir_fd=parent)


@contextmanager
def _opened(name: str, parent: int | None) -> Iterator[int]:
    try:
        handle = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=parent)
    except PermissionError as error:
        raise Permanent("unsafe_tree", f"the folder {name!r} cannot be read") from error
    try:
        yield handle
    finally:
        os.close(handle)
