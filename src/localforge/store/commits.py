"""Whether anything was committed: what SQLite's own readers look at, without a statement.

Before each read a connection compares the header of the WAL-index, which is shared memory, with the one that it saw last; each
commit of whichever process writes another one (sqlite.org/walformat.html, "The WAL-Index Header"). `PRAGMA data_version` is
that comparison, and asked where the header is not of the version described there. It lets other threads run meanwhile, often
enough to cost more than the answer it is asked for.
"""

import mmap
import os
import sqlite3
import threading
from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path

# Two copies of the header, of which a writer writes the second first: a look in the middle of that is like no other.
_HEADERS = slice(0, 2 * 48)
# `iVersion`, in the byte order of the machine.
_VERSION = slice(0, 4)
_KNOWN = {(3_007_000).to_bytes(4, order) for order in ("little", "big")}


@dataclass(slots=True)
class _Index:
    """A WAL-index as this process sees it, for all who look at it.

    The descriptor stays open as long as anybody does: to close any descriptor of the file ends the locks that SQLite has
    on it in this process.
    """

    descriptor: int
    memory: mmap.mmap
    users: int = 0


_indexes: dict[tuple[int, int], _Index] = {}
_lock = threading.Lock()


class Commits:
    """For a connection that never writes; whoever closes it closes this afterwards."""

    def __init__(self, database: Path, connection: sqlite3.Connection) -> None:
        connection.execute("PRAGMA query_only = ON")
        # Who asks would rather not know than wait.
        connection.execute("PRAGMA busy_timeout = 0")
        connection.execute("PRAGMA data_version").fetchone()
        self._connection = connection
        self._key, self._memory = _looked_at(f"{database}-shm")

    def version(self) -> Hashable:
        """Another value after each commit; None while it cannot be told. Not for two threads at once."""
        memory = self._memory
        if memory is not None and memory[_VERSION] in _KNOWN:
            return memory[_HEADERS]
        try:
            version: int = self._connection.execute("PRAGMA data_version").fetchone()[0]
        except sqlite3.Error:
            return None
        return version

    def close(self) -> None:
        """After every connection of its database."""
        self._memory = None
        with _lock:
            index = _indexes.get(self._key) if self._key else None
            self._key = None
            if index:
                index.users -= 1
                if not index.users:
                    _indexes.pop(_key_of(os.fstat(index.descriptor)))
                    index.memory.close()
                    os.close(index.descriptor)


def _looked_at(file: str) -> tuple[tuple[int, int] | None, mmap.mmap | None]:
    """The file's key and memory; None where there is no such file (the database is in no WAL mode)."""
    with _lock:
        try:
            key = _key_of(Path(file).stat())
            if key not in _indexes:
                descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
                memory = mmap.mmap(descriptor, _HEADERS.stop, prot=mmap.PROT_READ)
                _indexes[key] = _Index(descriptor=descriptor, memory=memory)
        except (OSError, ValueError):
            return None, None
        _indexes[key].users += 1
        return key, _indexes[key].memory


def _key_of(found: os.stat_result) -> tuple[int, int]:
    return found.st_dev, found.st_ino
