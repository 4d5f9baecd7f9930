"""Git directories kept beside the forge: one kept copy serves every snapshot in which the repository was the same.

A directory is known to be as it was by the times of the folders in it: git adds, renames and removes files, and never
changes one. A time that is too fresh to tell a later change from an earlier one is waited out first.
"""

import hashlib
import json
import os
import shutil
import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

# Longer than the grain of a file system's times.
GRAIN = 0.02
_UNFINISHED = (".lock", "tmp_obj", "tmp_pack", "tmp_idx")


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A directory's folders as they were: a digest of their times, and the newest of these (nanoseconds)."""

    digest: str
    newest: int


class Keeper:
    """Keeps and brings back git directories. `present` remembers which kept copy each of them is like, and when."""

    def __init__(self, repositories: Path, kept: Path) -> None:
        self._repositories = repositories
        self._kept = kept
        self._memory = kept / "present.json"
        kept.mkdir(parents=True, exist_ok=True)
        self._present: dict[str, tuple[str, str]] = {}
        if self._memory.exists():
            self._present = {
                name: (copy, seen) for name, (copy, seen) in json.loads(self._memory.read_text()).items()
            }

    def keep(self) -> dict[str, str]:
        """Keep every repository: the name of its kept copy, by the name of its directory."""
        for name, found in self._settled(self._names()).items():
            copy, seen = self._present.get(name, ("", ""))
            if seen != found.digest or not (self._kept / copy).is_dir():
                copy = uuid.uuid4().hex
                link_tree(self._repositories / name, self._kept / copy)
                self._present[name] = (copy, found.digest)
        names = set(self._names())
        self._present = {name: entry for name, entry in self._present.items() if name in names}
        self._remember()
        return {name: copy for name, (copy, _) in self._present.items()}

    def bring_back(self, wanted: dict[str, str], aside: Path) -> None:
        """Make the repositories what was kept; those that are not any more go `aside`. Can be done again."""
        aside.mkdir(parents=True, exist_ok=True)
        for name in self._names():
            copy, seen = self._present.get(name, ("", ""))
            if wanted.get(name) != copy or look(self._repositories / name).digest != seen:
                (self._repositories / name).rename(aside / uuid.uuid4().hex)
        missing = sorted(set(wanted) - set(self._names()))
        for name in missing:
            fresh = aside / uuid.uuid4().hex
            link_tree(self._kept / wanted[name], fresh)
            fresh.rename(self._repositories / name)
        for name, found in self._settled(missing).items():
            self._present[name] = (wanted[name], found.digest)
        self._remember()

    def forget_all_but(self, needed: Iterable[str]) -> None:
        """Remove the kept copies that no snapshot needs."""
        for name in {path.name for path in self._kept.iterdir()} - set(needed) - {self._memory.name}:
            shutil.rmtree(self._kept / name)

    def _names(self) -> list[str]:
        return sorted(path.name for path in self._repositories.iterdir())

    def _settled(self, names: Iterable[str]) -> dict[str, Seen]:
        """Each directory as it is, once none has changed too recently."""
        found = {name: look(self._repositories / name) for name in names}
        newest = max((seen.newest for seen in found.values()), default=0)
        fresh = newest + GRAIN * 1e9 - time.time_ns()
        if 0 < fresh <= GRAIN * 1e9:
            time.sleep(fresh / 1e9)
        return found

    def _remember(self) -> None:
        fresh = self._memory.with_suffix(".new")
        fresh.write_text(json.dumps(self._present))
        fresh.replace(self._memory)


def look(path: Path) -> Seen:
    """The times of all folders of a directory."""
    digest, newest, waiting = hashlib.sha256(), 0, [str(path)]
    while waiting:
        folder = waiting.pop()
        facts = os.stat(folder)  # noqa: PTH116 (of thousands)
        newest = max(newest, facts.st_mtime_ns)
        digest.update(f"{folder[len(str(path)) :]} {facts.st_ino} {facts.st_mtime_ns}\n".encode())
        with os.scandir(folder) as entries:
            waiting += sorted(entry.path for entry in entries if entry.is_dir(follow_symlinks=False))
    return Seen(digest=digest.hexdigest(), newest=newest)


def link_tree(source: Path, target: Path, *, immutable: bool = False) -> None:
    """A copy of a git directory in which objects are links; what a git process is still writing is left out."""
    target.mkdir()
    with os.scandir(source) as entries:
        for entry in entries:
            if entry.name.startswith(_UNFINISHED[1:]) or entry.name.endswith(_UNFINISHED[0]):
                continue
            if entry.is_dir(follow_symlinks=False):
                inside = immutable or entry.name == "objects"
                link_tree(Path(entry.path), target / entry.name, immutable=inside)
            elif immutable:
                os.link(entry.path, target / entry.name)
            else:
                shutil.copyfile(entry.path, target / entry.name)
