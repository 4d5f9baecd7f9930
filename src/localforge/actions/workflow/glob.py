"""GitHub's filter patterns, matched in time proportional to pattern × name whatever the pattern.

Source: docs.github.com, "Workflow syntax", filter pattern cheat sheet. `*` stops at a slash and `**` does not; `?` and
`+` repeat the character before them (none or one, one or more); `[]` is a class of characters and ranges.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Literal, TypeAlias

_Repeat: TypeAlias = Literal["once", "optional", "some", "many", "folders"]
_TOKEN = re.compile(r"(\*\*/|\*\*|\*|\\.|\[[^\]]+\]|.)([?+]?)", re.DOTALL)
_REPEATS: dict[str, _Repeat] = {"": "once", "?": "optional", "+": "some"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Piece:
    """A set of characters and how often it may stand; "folders" is nothing, or anything that ends with a slash."""

    accepts: Callable[[str], bool]
    repeat: _Repeat


def fits(pattern: str, name: str) -> bool:
    """Whether the whole of `name` is as `pattern` says."""
    tail = [False] * len(name) + [True]
    for piece in reversed(_pieces(pattern)):
        tail = _step(piece, name, tail)
    return tail[0]


def _step(piece: _Piece, name: str, rest: list[bool]) -> list[bool]:
    """From "the rest of the pattern fits name[j:]" to the same with `piece` in front of it, for every j."""
    here = [False] * (len(name) + 1)
    inside = False
    for j in range(len(name), -1, -1):
        taken = j < len(name) and piece.accepts(name[j])
        match piece.repeat:
            case "once":
                here[j] = taken and rest[j + 1]
            case "optional":
                here[j] = rest[j] or (taken and rest[j + 1])
            case "some":
                here[j] = taken and (rest[j + 1] or here[j + 1])
            case "many":
                here[j] = rest[j] or (taken and here[j + 1])
            case "folders":
                inside = taken and (inside or (name[j] == "/" and rest[j + 1]))
                here[j] = rest[j] or inside
    return here


@cache
def _pieces(pattern: str) -> tuple[_Piece, ...]:
    return tuple(piece for match in _TOKEN.finditer(pattern) for piece in _read(match[1], match[2]))


def _read(token: str, suffix: str) -> tuple[_Piece, ...]:
    wild: dict[str, _Piece] = {
        "**/": _Piece(accepts=_anything, repeat="folders"),
        "**": _Piece(accepts=_anything, repeat="many"),
        "*": _Piece(accepts=_no_slash, repeat="many"),
    }
    if token in wild:
        literal_suffix = (_Piece(accepts=suffix.__eq__, repeat="once"),) if suffix else ()
        return (wild[token], *literal_suffix)
    return (_Piece(accepts=_characters(token), repeat=_REPEATS[suffix]),)


def _anything(_: str) -> bool:
    return True


def _no_slash(character: str) -> bool:
    return character != "/"


def _characters(token: str) -> Callable[[str], bool]:
    if token[0] == "[" and len(token) > 1:
        return _class(token[1:-1])
    return token[-1].__eq__


def _class(body: str) -> Callable[[str], bool]:
    """The characters and `a-z` ranges of a `[]`."""
    ranges = [(match[0][0], match[0][-1]) for match in re.finditer(r".-.|.", body, re.DOTALL)]
    return lambda character: any(low <= character <= high for low, high in ranges)
