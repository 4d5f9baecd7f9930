"""Does a file's content parse in the language that its name says. Nothing of it is executed or constructed."""

import ast
import json
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePosixPath
from threading import Lock

import tomli
import yaml

from penstock.core.sources.pieces import Sides, sides_of

MAX_BYTES = 1 << 20
_PYTHON = (".py", ".pyi")
_WARNINGS = Lock()


def newly_invalid(path: str, old: bytes | None, new: bytes) -> str | None:
    """Why new content is not valid in its language; None where it is, or where the language or size keeps from telling.

    None as well where the old content was not valid: a template, or a test's bad example, is not what its name says.
    """
    kind = PurePosixPath(path).suffix.lower()
    if len(new) > MAX_BYTES:
        return None
    known = old if old and len(old) <= MAX_BYTES else None
    if kind in _PYTHON:
        sides = pythons(known, new)
        return sides.after if isinstance(sides.after, str) and not isinstance(sides.before, str) else None
    check = _CHECKS.get(kind)
    problem = _problem(check, new) if check else None
    return None if check and problem and known and _problem(check, known) else problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Pythons:
    """What differs of two sides of a Python source, as syntax trees with the lines' numbers of the whole.

    A side that is not valid is the reason why; None where it is not there. Statements that both have may be left out: where they are
    not valid, neither side is. `sides` is None where nothing was left out.
    """

    before: ast.Module | str | None
    after: ast.Module | str | None
    sides: Sides | None = None


@lru_cache(maxsize=1)  # the last ones are asked for again: are they valid, and what do they say
def pythons(before: bytes | None, after: bytes | None) -> Pythons:
    """Both sides, of which no more is parsed than must be."""
    differing = None if before is None or after is None else _differing(before, after)
    return differing or Pythons(before=_python_of(before), after=_python_of(after))


def _differing(before: bytes, after: bytes) -> Pythons | None:
    """None where parts are not valid by themselves, or a line may tell how the whole is encoded."""
    if any(
        b"coding" in line or not line.isascii()
        for side in (before, after)
        for line in side.split(b"\n", 2)[:2]
    ):
        return None
    sides = sides_of(before, after)
    if sides is None:
        return None
    was, now = map(_python_of, sides.differing)
    if isinstance(was, str) or isinstance(now, str):
        return None
    return Pythons(before=was, after=now, sides=sides)


def _python_of(content: bytes | None) -> ast.Module | str | None:
    if content is None:
        return None
    try:
        with _unwarned():
            return ast.parse(content)
    except (SyntaxError, ValueError) as error:
        return _sentence(error)
    except (RecursionError, MemoryError):
        return _TOO_DEEP


def _problem(check: Callable[[bytes], object], content: bytes) -> str | None:
    try:
        check(content)
    except (ValueError, yaml.YAMLError) as error:
        return _sentence(error)
    except (RecursionError, MemoryError):
        return _TOO_DEEP
    return None


_TOO_DEEP = "nested too deeply to parse"


@contextmanager
def _unwarned() -> Iterator[None]:
    with _WARNINGS, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _sentence(error: Exception) -> str:
    match error:
        case SyntaxError(msg=message, lineno=line):
            return f"{message}, line {line}"
        case yaml.MarkedYAMLError(problem=problem, problem_mark=mark) if mark is not None:
            return f"{problem}, line {mark.line + 1}"
        case _:
            return str(error).partition("\n")[0]


def _json(content: bytes) -> None:
    json.loads(content)


def _toml(content: bytes) -> None:
    tomli.loads(content.decode())


def _yaml(content: bytes) -> None:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    for _ in yaml.parse(content, Loader=loader):
        continue


_CHECKS: dict[str, Callable[[bytes], object]] = {
    ".json": _json,
    ".toml": _toml,
    ".yml": _yaml,
    ".yaml": _yaml,
}
