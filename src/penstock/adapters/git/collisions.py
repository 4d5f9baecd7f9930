"""Names that some checkouts take for one: they differ in case or Unicode composition only."""

from collections.abc import Iterator

from penstock.adapters.git.asking import Objects, Tree
from penstock.adapters.git.objects import folders_of
from penstock.core.proposal import folded
from penstock.core.refs import Sha


def collisions(asked: Objects, base: Sha, tree: Sha, added: list[bytes]) -> tuple[tuple[str, str], ...]:
    """(new name, other name) of files and folders of `tree`, sorted; `added` are the paths that come in.

    Only of names that are new: what was there before is not this patch's doing. Folders are read only where a new
    name leads.
    """
    before, alike = Tree(asked, base), _Alike(asked, asked.root(tree))
    found: list[tuple[str, str]] = []
    for name in sorted({*added, *folders_of(added)}):  # a folder comes before what is in it
        folder, _, last = name.rpartition(b"/")
        others = alike.others(name)
        if last not in before.at(folder):
            found += ((name.decode(), other) for other in others)
    return tuple(sorted(found))


class _Alike:
    """The spellings that one tree has of a name, in any of its components."""

    def __init__(self, asked: Objects, root: Sha) -> None:
        self._asked = asked
        self._folders: dict[bytes, tuple[tuple[str, Sha], ...]] = {b"": (("", root),)}
        self._spellings: dict[Sha, dict[str, list[bytes]]] = {}

    def others(self, name: bytes) -> list[str]:
        """Without the name itself."""
        own = name.decode()
        return [other for other, _ in self._of(name) if other != own]

    def _of(self, name: bytes) -> Iterator[tuple[str, Sha | None]]:
        """Every spelling, and the folder that it names, if it does."""
        place, _, last = name.rpartition(b"/")
        wanted = folded(last.decode())
        for prefix, sha in self._spelt(place):
            folder = self._asked.folder(sha)
            for found in self._by_folding(sha).get(wanted, ()):
                node = folder[found]
                yield prefix + found.decode(errors="replace"), None if node.mode else node.sha

    def _spelt(self, path: bytes) -> tuple[tuple[str, Sha], ...]:
        """Every folder that a path may mean, with a slash behind its name."""
        if path not in self._folders:
            self._folders[path] = tuple((f"{name}/", sha) for name, sha in self._of(path) if sha)
        return self._folders[path]

    def _by_folding(self, sha: Sha) -> dict[str, list[bytes]]:
        if sha not in self._spellings:
            spellings: dict[str, list[bytes]] = {}
            for name in self._asked.folder(sha):
                spellings.setdefault(folded(name.decode(errors="replace")), []).append(name)
            self._spellings[sha] = spellings
        return self._spellings[sha]
