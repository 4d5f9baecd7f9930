"""Statements of a Python module as they are written: what is the same on both sides needs no closer look."""

import ast
import re
import unicodedata
from collections.abc import Sequence

_WORD = re.compile(r"\w+")
HOLDERS = (ast.stmt, ast.Module, ast.ExceptHandler, ast.match_case)
"""What statements stand in."""


def texts(module: ast.Module, lines: Sequence[bytes]) -> frozenset[bytes]:
    """Each statement outside of functions, those that hold others and those that they hold."""
    found: set[bytes] = set()
    waiting: list[ast.AST] = [module]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.stmt):
            found.add(text_of(node, lines))
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            waiting.extend(child for child in ast.iter_child_nodes(node) if isinstance(child, HOLDERS))
    return frozenset(found)


def text_of(node: ast.stmt, lines: Sequence[bytes]) -> bytes:
    """Whole lines, from the first decorator on."""
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    first = decorators[0].lineno if decorators else node.lineno
    return b"\n".join(lines[first - 1 : node.end_lineno])


def words(source: bytes) -> frozenset[str]:
    """What may be a name in it, written as Python compares names (The Python Language Reference, 2.3)."""
    text = source.decode(errors="replace")
    return frozenset(_WORD.findall(text if text.isascii() else unicodedata.normalize("NFKC", text)))
