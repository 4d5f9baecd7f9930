"""A tree with some paths changed: the one way the forge makes trees."""

from collections.abc import Mapping
from dataclasses import dataclass

from localforge.git.directory import GitDir
from localforge.git.objects import EMPTY_TREE, TreeEntry, tree, write_tree


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """What a path shall be: an octal mode (`100644`, `040000` …) and an object."""

    mode: str
    sha: str


Edits = Mapping[str, "Leaf | None"]


def malformed(path: str) -> bool:
    """Whether git would refuse a component of the path."""
    return any(part in {"", ".", ".."} or part.lower() == ".git" or "\0" in part for part in path.split("/"))


def edit_tree(git: GitDir, base: str | None, edits: Edits) -> str:
    """Write the tree `base` (None: empty) with each path set to its leaf, or removed where that is None.

    A folder left without entries vanishes, as git has no empty folders. Returns the tree's sha.
    """
    return _edited(git, base, edits) or write_tree(git, [])


def entry_at(git: GitDir, root: str, path: str) -> TreeEntry | None:
    """What lies at a path below a tree, with its mode; None when nothing does."""
    folder, _, name = path.rpartition("/")
    entries = tree(git, f"{root}:{folder}" if folder else root)
    return next((entry for entry in entries or () if entry.name == name), None)


def _edited(git: GitDir, base: str | None, edits: Edits) -> str | None:
    entries = {entry.name: entry for entry in (tree(git, base) if base else None) or ()}
    below: dict[str, dict[str, Leaf | None]] = {}
    for path, leaf in edits.items():
        name, _, rest = path.partition("/")
        if rest:
            below.setdefault(name, {})[rest] = leaf
        elif leaf is None:
            entries.pop(name, None)
        else:
            entries[name] = TreeEntry(mode=leaf.mode, name=name, sha=leaf.sha)
    for name, deeper in below.items():
        present = entries.pop(name, None)
        sha = _edited(git, present.sha if present and present.kind == "tree" else None, deeper)
        if sha:
            entries[name] = TreeEntry(mode="040000", name=name, sha=sha)
    empty = [name for name, entry in entries.items() if entry.sha == EMPTY_TREE and entry.kind == "tree"]
    for name in empty:
        del entries[name]
    return write_tree(git, entries.values()) if entries else None
