"""Answers to reads, kept while nothing that they follow from has changed.

The contract: what `recall` gives follows from the database as it is now. An answer is kept only if it was made under a
`Watch` that began before anything was read for it, and it is forgotten as soon as anything at all is committed to the
database, by whichever thread or process. What is read elsewhere must say so: a file through `Watch.text`, which is compared
at each recall, anything else through `Memory.spoil`, and then the answer is not kept. Time is nobody's business here: whoever
keeps an answer that ends with a date looks at the date when it is recalled.
"""

import threading
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

EncodedHeaders = tuple[tuple[bytes, bytes], ...]

MOST_ANSWERS = 4096
MOST_BYTES = 32 << 20

# Of a file: inode, size, times of its content and of its inode in nanoseconds. None: it could not be looked at.
Mark = tuple[int, int, int, int] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """An answer to a read before it is counted: its content, and its headers ready to be sent.

    `whole` are the headers of a 200, `same` those of the 304 for who knows the `etag`. `key` is what limits are counted on
    (None: the address that asks), `resource` the limit. After `expires_at` the credential that it was made for is none.
    """

    content: bytes
    etag: str
    whole: EncodedHeaders
    same: EncodedHeaders
    key: str | None
    resource: str
    expires_at: str | None


class Versions(Protocol):
    """Where the answers come from."""

    def version(self) -> Hashable:
        """Something that differs once anything has been committed; None when it cannot be known."""


@dataclass(slots=True)
class Watch:
    """Over one answer while it is made: since when, and of which files."""

    version: Hashable
    files: dict[Path, Mark] = field(default_factory=dict)

    def text(self, path: Path) -> str:
        """A small file's text, on which the answer depends from now on."""
        # Looked at before it is read: should it be replaced in between, the answer is forgotten rather than kept too long.
        seen = _mark(path)
        if self.files.setdefault(path, seen) != seen:
            self.version = None
        return path.read_text()


@dataclass(frozen=True, slots=True)
class _Kept:
    answer: Known
    files: tuple[tuple[Path, Mark], ...]


class Memory:
    """Bounded in number and bytes; the oldest answer goes first."""

    def __init__(self, versions: Versions) -> None:
        self._versions = versions
        self._lock = threading.Lock()
        self._kept: dict[Hashable, _Kept] = {}
        self._bytes = 0
        self._version: Hashable = None
        self._watching = threading.local()

    def recall(self, key: Hashable) -> Known | None:
        """The answer that was kept under this key, if it would be made the same way now."""
        if key not in self._kept:
            return None
        with self._lock:
            if not self._current(self._versions.version()):
                return None
            kept = self._kept.get(key)
        if kept is None or any(_mark(path) != mark for path, mark in kept.files):
            return None
        return kept.answer

    def keep(self, key: Hashable, answer: Known) -> None:
        """Keep the answer that the open watch of this thread saw being made."""
        watch = self._watch()
        if watch is None or watch.version is None:
            return
        kept = _Kept(answer=answer, files=tuple(watch.files.items()))
        with self._lock:
            if not self._current(self._versions.version()) or self._version != watch.version:
                return
            self._drop(key)
            self._kept[key] = kept
            self._bytes += len(answer.content)
            while len(self._kept) > MOST_ANSWERS or self._bytes > MOST_BYTES:
                self._drop(next(iter(self._kept)))

    @contextmanager
    def watching(self) -> Iterator[None]:
        """An answer is made in this thread; begin before anything is read for it."""
        with self._lock:
            watch = Watch(self._versions.version())
        outer, self._watching.watch = self._watch(), watch
        try:
            yield
        finally:
            self._watching.watch = outer

    def spoil(self) -> None:
        """The answer that is being made depends on what nobody watches."""
        watch = self._watch()
        if watch:
            watch.version = None

    def text(self, path: Path) -> str:
        """A small file's text, watched if an answer is being made with it."""
        watch = self._watch()
        return watch.text(path) if watch else path.read_text()

    def _watch(self) -> Watch | None:
        watch: Watch | None = getattr(self._watching, "watch", None)
        return watch

    def _current(self, version: Hashable) -> bool:
        """Whether the version is known; everything of another one is forgotten."""
        if version is None or version != self._version:
            self._kept.clear()
            self._bytes = 0
            self._version = version
        return version is not None

    def _drop(self, key: Hashable) -> None:
        kept = self._kept.pop(key, None)
        if kept:
            self._bytes -= len(kept.answer.content)


def _mark(path: Path) -> Mark:
    try:
        seen = path.stat()
    except OSError:
        return None
    return seen.st_ino, seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns
