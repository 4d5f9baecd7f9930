"""Does a file's content parse in the language that its name says. Nothing of it is executed or constructed."""

import ast
import json
import tomllib
import warnings
from collections.abc import Callable
from functools import lru_cache
from pathlib import PurePosixPath
from threading import Lock

import yaml

MAX_BYTES = 1 << 20
_WARNINGS = Lock()


def problem_of(path: str, content: bytes) -> str | None:
    """Why content is not valid in its language; None where it is, or where the language or size keeps from telling."""
    check = _CHECKS.get(PurePosixPath(path).suffix.lower())
    if check is None or len(content) > MAX_BYTES:
        return None
    try:
        check(content)
    except (SyntaxError, ValueError, yaml.YAMLError) as error:
        return _sentence(error)
    except (RecursionError, MemoryError):
        return "nested too deeply to parse"
    return None


def python_of(content: bytes | None) -> ast.Module | str | None:
    """The syntax tree of a Python source, or why there is none; None for none."""
    if content is None:
        return None
    try:
        return _python(content)
    except (SyntaxError, ValueError) as error:
        return _sentence(error)
    except (RecursionError, MemoryError):
        return "nested too deeply to parse"


def _sentence(error: Exception) -> str:
    match error:
        case SyntaxError(msg=message, lineno=line):
            return f"{message}, line {line}"
        case yaml.MarkedYAMLError(problem=problem, problem_mark=mark) if mark is not None:
            return f"{problem}, line {mark.line + 1}"
        case _:
            return str(error).partition("\n")[0]


@lru_cache(maxsize=1)  # the last one is asked for again: does it parse, and what does it say
def _python(content: bytes) -> ast.Module:
    with _WARNINGS, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(content)


def _json(content: bytes) -> None:
    json.loads(content)


def _toml(content: bytes) -> None:
    tomllib.loads(content.decode())


def _yaml(content: bytes) -> None:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    for _ in yaml.parse(content, Loader=loader):
        continue


_CHECKS: dict[str, Callable[[bytes], object]] = {
    ".py": _python,
    ".pyi": _python,
    ".json": _json,
    ".toml": _toml,
    ".yml": _yaml,
    ".yaml": _yaml,
}
