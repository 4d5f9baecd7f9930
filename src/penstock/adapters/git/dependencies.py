"""Manifests and lock files of two trees: those that differ, and what stands beside and above them."""

from collections.abc import Iterator
from dataclasses import dataclass

from penstock.adapters.git.asking import Objects, Tree
from penstock.adapters.git.diff import Changed
from penstock.adapters.git.objects import folders_of
from penstock.core.dependencies.facts import DependencyFile, FilePair
from penstock.core.dependencies.files import Kind, kind_of, read, unreadable
from penstock.core.dependencies.parsing import MAX_BYTES
from penstock.core.evidence import FileMode
from penstock.core.refs import Sha

MOST = 200
MOST_BYTES = 2 * MAX_BYTES
"""How many such files, and how much in all, are read of one tree; the others are unreadable."""
_FILES = frozenset({FileMode.FILE, FileMode.EXECUTABLE})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """A manifest or lock file of one tree, unread; `size` is bytes, 0 for what is no file."""

    kind: Kind
    mode: FileMode
    sha: Sha
    size: int


def dependency_pairs(
    asked: Objects, base: Sha, tree: Sha, changed: tuple[Changed, ...]
) -> tuple[FilePair, ...]:
    """None are looked for where none is touched."""
    touched = {change.path for change in changed if kind_of(change.path)}
    if not touched:
        return ()
    folders = sorted({b"", *folders_of(path.encode() for path in touched)})
    before, after = (_in_folders(asked, side, folders) for side in (base, tree))
    paths = sorted(before.keys() | after.keys(), key=lambda path: (path not in touched, path))
    old, new = (dict(_read(asked, side, paths)) for side in (before, after))
    return tuple(
        FilePair(before=old.get(path), after=new.get(path), touched=path in touched) for path in paths
    )


def _in_folders(asked: Objects, treeish: Sha, folders: list[bytes]) -> dict[str, _Found]:
    """The manifests and lock files right in these folders, of which one comes after the one that it is in."""
    tree = Tree(asked, treeish)
    found = {
        f"{folder.decode()}/{name}" if folder else name: (kind, node.mode, node.sha)
        for folder in folders
        for raw, node in tree.at(folder).items()
        if node.mode and (kind := kind_of(name := raw.decode(errors="replace")))
    }
    sizes = asked.sizes(sha for _, mode, sha in found.values() if mode is not FileMode.SUBMODULE)
    return {
        path: _Found(kind=kind, mode=mode, sha=sha, size=0 if mode is FileMode.SUBMODULE else next(sizes))
        for path, (kind, mode, sha) in found.items()
    }


def _read(asked: Objects, there: dict[str, _Found], paths: list[str]) -> Iterator[tuple[str, DependencyFile]]:
    """In the order of `paths`, those that are touched first, so that they are the ones within the bound."""
    ours = [path for path in paths if path in there]
    chosen = _within_bounds(there, ours)
    contents = asked.contents(there[path].sha for path in chosen)
    for path, content in zip(chosen, contents, strict=True):
        yield path, read(path, there[path].kind, content)
    for path in ours:
        if path not in chosen:
            yield path, unreadable(path, there[path].kind, _why(there[path]))


def _within_bounds(there: dict[str, _Found], paths: list[str]) -> dict[str, None]:
    chosen: dict[str, None] = {}
    size = 0
    for path in paths:
        found = there[path]
        fits = found.mode in _FILES and found.size <= MAX_BYTES and len(chosen) < MOST
        if fits and size + found.size <= MOST_BYTES:
            size += found.size
            chosen[path] = None
    return chosen


def _why(found: _Found) -> str:
    if found.mode not in _FILES:
        return "no regular file"
    if found.size > MAX_BYTES:
        return f"longer than {MAX_BYTES >> 20} MiB"
    return f"more than {MOST} such files, or {MOST_BYTES >> 20} MiB of them"
