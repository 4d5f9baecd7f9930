"""Manifests and lock files of two trees: those that differ, and what stands beside and above them."""

from collections.abc import Iterator

from penstock.adapters.git.command import Git
from penstock.adapters.git.diff import Changed
from penstock.adapters.git.objects import Entry, blobs, folders_of, read_tree
from penstock.core.dependencies.facts import DependencyFile, FilePair
from penstock.core.dependencies.files import kind_of, read, unreadable
from penstock.core.dependencies.parsing import MAX_BYTES
from penstock.core.evidence import FileMode
from penstock.core.refs import Sha

MOST = 200
MOST_BYTES = 2 * MAX_BYTES
"""How many such files, and how much in all, are read of one tree; the others are unreadable."""
_FILES = frozenset({FileMode.FILE, FileMode.EXECUTABLE})


def dependency_pairs(git: Git, base: Sha, tree: Sha, changed: tuple[Changed, ...]) -> tuple[FilePair, ...]:
    """None are looked for where none is touched."""
    touched = {change.path for change in changed if kind_of(change.path)}
    if not touched:
        return ()
    folders = frozenset({b"", *folders_of(path.encode() for path in touched)})
    before, after = (_files(git, side, folders) for side in (base, tree))
    paths = sorted(before.keys() | after.keys(), key=lambda path: (path not in touched, path))
    old, new = (dict(_read(git, side, paths)) for side in (before, after))
    return tuple(
        FilePair(before=old.get(path), after=new.get(path), touched=path in touched) for path in paths
    )


def _files(git: Git, tree: Sha, folders: frozenset[bytes]) -> dict[str, Entry]:
    """The manifests and lock files right in these folders."""
    return {
        path: entry
        for raw, entry in read_tree(git, tree).items()
        if raw.rpartition(b"/")[0] in folders and kind_of(path := raw.decode(errors="replace"))
    }


def _read(git: Git, entries: dict[str, Entry], paths: list[str]) -> Iterator[tuple[str, DependencyFile]]:
    """In the order of `paths`, those that are touched first, so that they are the ones within the bound."""
    there = [path for path in paths if path in entries]
    chosen = _within_bounds(entries, there)
    contents = blobs(git, (entries[path].sha for path in chosen))
    for path, (_, content) in zip(chosen, contents, strict=True):
        if kind := kind_of(path):
            yield path, read(path, kind, content)
    for path in there:
        if path not in chosen and (kind := kind_of(path)):
            yield path, unreadable(path, kind, _why(entries[path]))


def _within_bounds(entries: dict[str, Entry], paths: list[str]) -> dict[str, None]:
    chosen: dict[str, None] = {}
    size = 0
    for path in paths:
        entry = entries[path]
        fits = entry.mode in _FILES and entry.size <= MAX_BYTES and len(chosen) < MOST
        if fits and size + entry.size <= MOST_BYTES:
            size += entry.size
            chosen[path] = None
    return chosen


def _why(entry: Entry) -> str:
    if entry.mode not in _FILES:
        return "no regular file"
    if entry.size > MAX_BYTES:
        return f"longer than {MAX_BYTES >> 20} MiB"
    return f"more than {MOST} such files, or {MOST_BYTES >> 20} MiB of them"
