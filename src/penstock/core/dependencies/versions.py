"""Which of two versions is newer, as each ecosystem has it."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import zip_longest

from packaging.version import InvalidVersion, Version

from penstock.core.dependencies.facts import Ecosystem

LONGEST = 128
Order = Callable[[str, str], int]


class _NoVersionError(ValueError):
    pass


def compare(ecosystem: Ecosystem, one: str, other: str) -> int | None:
    """Below, at or above zero as `one` is older than, equal to or newer than `other`; None where one is no version."""
    if len(one) > LONGEST or len(other) > LONGEST:
        return None
    try:
        return _ORDERS[ecosystem](one.strip(), other.strip())
    except (_NoVersionError, InvalidVersion):
        return None


def semantic_order(one: str, other: str) -> int | None:
    """As `compare`, by Semantic Versioning whatever the ecosystem."""
    return compare(Ecosystem.NPM, one, other)


def semantic(one: str, other: str) -> int:
    """Semantic Versioning 2.0.0, item 11; a leading `v` and missing minor or patch numbers are let pass."""
    return _sign(_semantic(one), _semantic(other))


_SEMANTIC = re.compile(
    r"[vV=]?(\d+)(?:\.(\d+))?(?:\.(\d+))?(?:\.(\d+))?(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]*)?"
)
_Identifier = tuple[int, int, str]
_RELEASE: tuple[_Identifier, ...] = ((2, 0, ""),)


def _semantic(text: str, *, fold: bool = False) -> tuple[tuple[int, ...], tuple[_Identifier, ...]]:
    """`fold`: letters of any case are the same, and there may be a fourth number (NuGet)."""
    match = _SEMANTIC.fullmatch(text.lower() if fold else text)
    if not match or (match[4] and not fold):
        raise _NoVersionError(text)
    numbers = tuple(int(part or 0) for part in match.groups()[:4])
    return numbers, _identifiers(match[5]) if match[5] else _RELEASE


def _identifiers(text: str) -> tuple[_Identifier, ...]:
    """Numbers are below words, and whatever has more of them is above."""
    return tuple((0, int(part), "") if part.isdecimal() else (1, 0, part) for part in text.split("."))


_Semantic = tuple[tuple[int, ...], tuple[_Identifier, ...]]


def _sign(one: _Semantic, other: _Semantic) -> int:
    return (one > other) - (one < other)


def nuget(one: str, other: str) -> int:
    """Semantic Versioning with a fourth number, and without case (Microsoft Learn, "NuGet package version reference")."""
    return _sign(_semantic(one, fold=True), _semantic(other, fold=True))


def pypi(one: str, other: str) -> int:
    """PEP 440."""
    left, right = Version(one), Version(other)
    return (left > right) - (left < right)


_GEM = re.compile(r"[0-9]+(?:\.[0-9a-zA-Z]+)*(?:-[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?")


def rubygems(one: str, other: str) -> int:
    """`Gem::Version`: words are below numbers, and what is missing is 0."""
    for left, right in zip_longest(_segments(one), _segments(other), fillvalue=(1, 0, "")):
        if left != right:
            return 1 if left > right else -1
    return 0


def _segments(text: str) -> list[_Identifier]:
    if not _GEM.fullmatch(text):
        raise _NoVersionError(text)
    parts = re.findall(r"[0-9]+|[a-zA-Z]+", text.replace("-", ".pre."))
    return [(1, int(part), "") if part.isdecimal() else (0, 0, part) for part in parts]


_WORDS = {"dev": 1, "alpha": 2, "a": 2, "beta": 3, "b": 3, "rc": 4, "c": 4, "#": 5, "pl": 6, "p": 6}
"""Of PHP's `version_compare`; a word that is not among them is below all."""


def packagist(one: str, other: str) -> int:
    """PHP's `version_compare` (PHP manual), which Composer's order of normalized versions follows."""
    left, right = _php(one), _php(other)
    for mine, yours in zip_longest(left, right):
        order = _php_order(mine, yours)
        if order:
            return order
    return 0


def _php(text: str) -> list[str]:
    bare = text.lower().removeprefix("v")
    if not re.fullmatch(r"\d[\w.+-]*", bare):
        raise _NoVersionError(text)
    return re.findall(r"\d+|[a-z]+", bare.partition("+")[0])


def _php_order(one: str | None, other: str | None) -> int:
    """A part that only one has counts as its rank against that of a number."""
    if one is None or other is None:
        present = one if one is not None else other
        assert present is not None, "one of two has a part"  # noqa: S101
        above = 1 if present.isdecimal() or _WORDS.get(present, 0) >= _WORDS["#"] else -1
        return above if other is None else -above
    if one.isdecimal() and other.isdecimal():
        return (int(one) > int(other)) - (int(one) < int(other))
    left, right = (_WORDS["#"] if p.isdecimal() else _WORDS.get(p, 0) for p in (one, other))
    return (left > right) - (left < right)


_QUALIFIERS = {
    "alpha": 0,
    "beta": 1,
    "milestone": 2,
    "rc": 3,
    "cr": 3,
    "snapshot": 4,
    "": 5,
    "final": 5,
    "ga": 5,
    "release": 5,
    "sp": 6,
}
_SHORT = {"a": "alpha", "b": "beta", "m": "milestone"}


@dataclass(frozen=True, slots=True)
class _Token:
    """A part of a Maven version and the separator before it."""

    separator: str
    text: str

    @property
    def is_null(self) -> bool:
        return self.rank == (0, 5, 0, "") or (self.text.isdecimal() and not int(self.text))

    @property
    def rank(self) -> tuple[int, int, int, str]:
        """Words are below numbers; after a hyphen numbers are below those after a dot."""
        if self.text.isdecimal():
            return (2 if self.separator == "." else 1, 0, int(self.text), "")
        known = _QUALIFIERS.get(self.text)
        return (0, 7 if known is None else known, 0, self.text if known is None else "")


def maven(one: str, other: str) -> int:
    """Maven's POM reference, "Version Order Specification"."""
    left, right = _tokens(one), _tokens(other)
    for mine, yours in zip_longest(left, right):
        a, b = mine or _null(yours), yours or _null(mine)
        if a.rank != b.rank:
            return 1 if a.rank > b.rank else -1
    return 0


def _null(beside: _Token | None) -> _Token:
    """What stands where one version is shorter than the other."""
    assert beside is not None, "one of two has a token"  # noqa: S101
    return _Token(beside.separator, "0" if beside.text.isdecimal() else "")


def _tokens(text: str) -> list[_Token]:
    if not re.fullmatch(r"[\w.+-]+", text, re.ASCII) or text.lower() in {"latest", "release"}:
        raise _NoVersionError(text)
    found: list[_Token] = []
    separator = ""
    for part in re.split(r"([.-])", text.lower()):
        if part in {".", "-"}:
            separator = part
            continue
        pieces = re.findall(r"\d+|\D+", part) or ["0"]
        for number, piece in enumerate(pieces):
            followed = number + 1 < len(pieces)
            word = _SHORT.get(piece, piece) if followed else piece
            found.append(_Token("-" if number else separator, word))
    return _trimmed(found)


def _trimmed(tokens: list[_Token]) -> list[_Token]:
    """Without what says nothing at the end, and before each hyphen."""
    kept: list[_Token] = []
    for token in tokens:
        if token.separator == "-":
            while len(kept) > 1 and kept[-1].is_null:
                kept.pop()
        kept.append(token)
    while len(kept) > 1 and kept[-1].is_null:
        kept.pop()
    return kept


_ORDERS: dict[Ecosystem, Order] = {
    Ecosystem.NPM: semantic,
    Ecosystem.PYPI: pypi,
    Ecosystem.GO: semantic,
    Ecosystem.CRATES: semantic,
    Ecosystem.MAVEN: maven,
    Ecosystem.RUBYGEMS: rubygems,
    Ecosystem.PACKAGIST: packagist,
    Ecosystem.NUGET: nuget,
}
