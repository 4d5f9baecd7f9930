"""A directory of JSON files of the OSV schema, such as an unpacked export of a database."""

import os
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from threading import Lock

from penstock.core.dependencies.advisories import Advisory, NotCovered, names_of, read_advisory
from penstock.core.dependencies.facts import Ecosystem
from penstock.core.dependencies.parsing import MAX_BYTES, UnreadableError

_Stamp = tuple[int, int]
"""A file's time of change (ns) and size."""


class OsvDirectory:
    """Implements `Advisories`. Which file is about which package is kept in memory, the advisories stay in their files.

    A file that came or changed is read at the next question. While one cannot be read, nothing is covered: it could
    be about any package. Without a folder there is nothing to ask.
    """

    def __init__(self, folder: str) -> None:
        self._root = Path(folder).absolute() if folder else None
        self._stamps: dict[Path, _Stamp] = {}
        self._about: dict[Path, frozenset[tuple[Ecosystem, str]]] = {}
        self._files: dict[tuple[Ecosystem, str], set[Path]] = defaultdict(set)
        self._problems: dict[Path, str] = {}
        self._lock = Lock()

    def about(
        self, packages: frozenset[tuple[Ecosystem, str]]
    ) -> dict[tuple[Ecosystem, str], tuple[Advisory, ...] | NotCovered]:
        if self._root is None:
            reason = NotCovered(reason="no database is configured (policies.advisories)")
            return dict.fromkeys(packages, reason)
        with self._lock:
            try:
                self._refresh(self._root)
            except OSError as error:
                reason = NotCovered(reason=f"{self._root} cannot be read: {error.strerror}")
                return dict.fromkeys(packages, reason)
            covered = {ecosystem for ecosystem, _ in self._files}
            return {package: self._of(package, covered) for package in packages}

    def _of(
        self, package: tuple[Ecosystem, str], covered: set[Ecosystem]
    ) -> tuple[Advisory, ...] | NotCovered:
        if package[0] not in covered and not self._problems:
            return NotCovered(reason=f"{self._root} has no advisory of {package[0]}")
        found = [self._read(path) for path in sorted(self._files.get(package, ()))]
        if self._problems:
            path, problem = next(iter(sorted(self._problems.items())))
            return NotCovered(reason=f"{path} cannot be read: {problem}")
        return tuple(advisory for advisory in found if advisory)

    def _refresh(self, root: Path) -> None:
        now = dict(_walk(root))
        for path in self._stamps.keys() - now.keys():
            self._forget(path)
        for path, stamp in now.items():
            if self._stamps.get(path) != stamp:
                self._forget(path)
                advisory = self._read(path)
                self._about[path] = frozenset(names_of(advisory)) if advisory else frozenset()
                for package in self._about[path]:
                    self._files[package].add(path)
        self._stamps = now

    def _forget(self, path: Path) -> None:
        self._problems.pop(path, None)
        for package in self._about.pop(path, ()):
            self._files[package].discard(path)
            if not self._files[package]:
                del self._files[package]

    def _read(self, path: Path) -> Advisory | None:
        """None for one that was withdrawn, and for a problem, which is kept."""
        try:
            with path.open("rb") as file:
                return read_advisory(file.read(MAX_BYTES + 1))
        except UnreadableError as error:
            self._problems[path] = str(error)
        except OSError as error:
            self._problems[path] = error.strerror or "the disk refuses"
        return None


def _walk(folder: Path) -> Iterator[tuple[Path, _Stamp]]:
    """Every `.json` file below a folder; links are not followed. Raises OSError."""
    for entry in os.scandir(folder):
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(Path(entry.path))
        elif entry.name.endswith(".json") and entry.is_file(follow_symlinks=False):
            state = entry.stat()
            yield Path(entry.path), (state.st_mtime_ns, state.st_size)
