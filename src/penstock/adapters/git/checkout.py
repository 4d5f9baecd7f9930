"""Writing a tree's files below an empty folder, byte for byte: no attributes, no filters, no repository."""

import os
from functools import partial
from pathlib import Path

from penstock.adapters.git.command import Git
from penstock.adapters.git.names import escapes, means_git, shown
from penstock.adapters.git.objects import Tree, blobs, folders_of, parents
from penstock.core.evidence import FileMode
from penstock.ports import Permanent

_PERMISSIONS = {FileMode.FILE: 0o644, FileMode.EXECUTABLE: 0o755}


def write_files(git: Git, tree: Tree, into: Path) -> None:
    """Folders first, then files, links last: nothing is ever written through a link of the tree itself.

    A link that leads out of the folder is not written, a submodule is an empty folder; `capture` keeps both.
    """
    if any(into.iterdir()):
        raise Permanent("not_empty", f"{into} is not empty; a checkout needs an empty folder")
    for path in tree:
        if any(escapes(name) or means_git(name) for name in path.split(b"/")):
            raise Permanent(
                "unsafe_tree", f"the repository has the path {shown(path)}, which git would refuse"
            )
    submodules = [path for path, entry in tree.items() if entry.mode is FileMode.SUBMODULE]
    try:
        for folder in sorted(folders_of(tree) | set(submodules)):
            (into / os.fsdecode(folder)).mkdir()
        _write(git, tree, into)
    except FileExistsError as clash:
        raise Permanent("unsafe_tree", f"the repository has a path twice: {clash.filename!r}") from clash


def _write(git: Git, tree: Tree, into: Path) -> None:
    links: list[tuple[bytes, bytes]] = []
    wanted = [(path, entry) for path, entry in tree.items() if entry.mode is not FileMode.SUBMODULE]
    contents = blobs(git, (entry.sha for _, entry in wanted))
    for (path, entry), (_, content) in zip(wanted, contents, strict=True):
        if entry.mode is FileMode.SYMLINK:
            links.append((path, content))
            continue
        opener = partial(os.open, mode=_PERMISSIONS[entry.mode])
        with open(into / os.fsdecode(path), "xb", opener=opener) as file:
            file.write(content)
    for path, target in links:
        if not leads_out(path, target):
            (into / os.fsdecode(path)).symlink_to(os.fsdecode(target))


def leads_out(path: bytes, target: bytes) -> bool:
    """Could a link at `path` end outside the folder that its tree is written to.

    `..` counts only at the target's start, where it walks up real folders; after a name it could walk up from
    wherever that name links to.
    """
    if target.startswith(b"/") or not target or b"\0" in target:
        return True
    names = [name for name in target.split(b"/") if name not in {b"", b"."}]
    ups = next((at for at, name in enumerate(names) if name != b".."), len(names))
    return ups > len(list(parents(path))) or b".." in names[ups:]
