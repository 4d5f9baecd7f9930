"""Facts computed from a repository: bytes per language and size on disk."""

import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path, PurePosixPath

from localforge.git.directory import GitDir


@cache
def _language_of_suffix() -> dict[str, str]:
    table: dict[str, list[str]] = json.loads((Path(__file__).parent / "languages.json").read_text())
    return {suffix: language for language, suffixes in table.items() for suffix in suffixes}


def languages(git: GitDir) -> dict[str, int]:
    """Bytes per programming language at HEAD, most first; by file suffix (`languages.json`)."""
    status, listing, _ = git.attempt("ls-tree", "-r", "-l", "-z", "HEAD")
    return {} if status else by_language(_sized(listing.decode("utf-8", "replace")))


def by_language(files: Iterable[tuple[str, str, int]]) -> dict[str, int]:
    """The same of (path, mode, bytes)."""
    totals: dict[str, int] = {}
    suffixes = _language_of_suffix()
    for path, mode, size in files:
        name = PurePosixPath(path)
        language = suffixes.get(name.suffix.lower()) or suffixes.get(name.name)
        if language and mode.startswith("100"):
            totals[language] = totals.get(language, 0) + size
    return dict(sorted(totals.items(), key=lambda item: (-item[1], item[0])))


def _sized(listing: str) -> Iterable[tuple[str, str, int]]:
    for entry in listing.split("\0")[:-1]:
        facts, _, path = entry.partition("\t")
        mode, _, _, size = facts.split()
        yield path, mode, int(size) if size.isdigit() else 0


def size_kb(git: GitDir) -> int:
    """Kilobytes that the objects take on disk."""
    objects = git.path / "objects"
    return sum(file.stat().st_size for file in objects.rglob("*") if file.is_file()) // 1024
