"""Lines that a patch set takes from one file and puts into another: they are not new, whatever the counts say."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from penstock.core.evidence import FileFact

MOST_LINES = 100_000
"""Lines that are remembered; what is longer is over every ceiling, and nothing of it is said to have moved."""
SHORTEST = 4
"""Characters of a line that tells where it comes from: a brace may come from anywhere."""

Lines = Sequence[tuple[int, str]]


class Moves:
    """What came and went, file by file; told once all were seen."""

    def __init__(self) -> None:
        self._added: dict[str, list[str]] = {}
        self._removed: dict[str, Counter[str]] = {}
        self._seen = 0

    def see(self, path: str, added: Lines, removed: Lines) -> None:
        self._seen += len(added) + len(removed)
        if self._seen > MOST_LINES:
            self._added, self._removed = {}, {}
            return
        self._added[path] = _telling(added)
        self._removed[path] = Counter(_telling(removed))

    def told(self, files: Sequence[FileFact]) -> tuple[FileFact, ...]:
        """The same facts, each with how many of its added lines only moved there."""
        left = Counter[str]()
        for removed in self._removed.values():
            left.update(removed)
        return tuple(self._counted(fact, left) for fact in files)

    def _counted(self, fact: FileFact, left: Counter[str]) -> FileFact:
        """`left`: what went and was not found again yet. What went from the file itself is another version of it."""
        own, found = self._removed.get(fact.path, Counter[str]()), 0
        for line in self._added.get(fact.path, ()):
            if left[line] > own[line]:
                left[line] -= 1
                found += 1
        return replace(fact, moved=fact.moved + found) if found else fact


def _telling(lines: Lines) -> list[str]:
    stripped = (text.strip() for _, text in lines)
    return [text for text in stripped if len(text) >= SHORTEST]
