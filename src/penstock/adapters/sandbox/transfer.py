"""Bringing a folder's files into the sandbox and its result back, without following a link or trusting a size."""

import os
import shutil
import stat
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from penstock.ports import Permanent

MAX_DEPTH = 100
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
    """Replace what the folder has by a copy of an open folder that `fits`. Nothing may write there meanwhile.

    Pipes and sockets arrive as pipes, for whoever judges the folder to see them.
    """
    for path in folder.iterdir():
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    with _opened(str(folder), None) as target:
        _copy(source, target)


def _copy(source: int, target: int) -> None:
    with os.scandir(source) as entries:
        for entry in entries:
            mode = entry.stat(follow_symlinks=False).st_mode
            if stat.S_ISDIR(mode):
                os.mkdir(entry.name, dir_fd=target)
                with _opened(entry.name, source) as below, _opened(entry.name, target) as copy:
                    _copy(below, copy)
            elif stat.S_ISLNK(mode):
                os.symlink(os.readlink(entry.name, dir_fd=source), entry.name, dir_fd=target)
            elif stat.S_ISREG(mode):
                _copy_file(entry.name, source, target, 0o755 if mode & stat.S_IXUSR else 0o644)
            else:
                os.mkfifo(entry.name, dir_fd=target)


def _copy_file(name: str, source: int, target: int, permissions: int) -> None:
    reading = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=source)
    with os.fdopen(reading, "rb") as original:
        writing = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, permissions, dir_fd=target)
        with os.fdopen(writing, "wb") as copy:
            shutil.copyfileobj(original, copy)


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
