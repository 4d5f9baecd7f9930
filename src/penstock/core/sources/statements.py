"""Statements of a Python module as they are written: what is the same on both sides needs no closer look."""

import ast
import re
from collections.abc import Sequence

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


_BEGINS = re.compile(rb"@|(?!(?:elif|else|except|finally)\b)[A-Za-z_]")


def alike(before: Sequence[bytes], after: Sequence[bytes]) -> tuple[int, int]:
    """How many lines two sources share in front and behind, cut where a statement seems to begin at the margin.

    Lines cannot tell a statement from a text that looks like one. But where what is in front, what differs and what is behind
    are each valid Python by themselves, the whole is these three one after another: nothing is open at either cut, and a clause that
    continued a statement before it would not be valid alone.
    """
    most = min(len(before), len(after))
    front = next((n for n in range(most) if before[n] != after[n]), most)
    while front and not (_begins(before, front) and _begins(after, front)):
        front -= 1
    left = most - front
    shared = next((n for n in range(left) if before[-1 - n] != after[-1 - n]), left)
    cuts = ((len(before) - n, len(after) - n, n) for n in range(shared, 0, -1))
    return front, next((n for old, new, n in cuts if _begins(before, old) and _begins(after, new)), 0)


def _begins(lines: Sequence[bytes], number: int) -> bool:
    """May a statement begin there that is none of the one before. The end counts as well."""
    if number and lines[number - 1].startswith(b"@"):
        return False
    return number == len(lines) or _BEGINS.match(lines[number]) is not None
