"""How many ways there are through a function (McCabe, "A Complexity Measure", 1976): one, and one more for each decision."""

import ast
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from penstock.core.sources.statements import HOLDERS, text_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Tangle:
    """A function's complexity. `name` is qualified by what it is inside of; `line` counts from 1."""

    name: str
    line: int
    ways: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Tangled:
    """A function that a change added (`before` 0) or made more complex."""

    path: str
    name: str
    line: int
    ways: int
    before: int

    def __str__(self) -> str:
        was = f", was {self.before}" if self.before else ""
        return f"{self.path}:{self.line} {self.name} has {self.ways} ways through it{was}"


def grown(path: str, before: Iterable[Tangle], after: Iterable[Tangle]) -> Iterator[Tangled]:
    """Functions of one file that have more ways than before; of several with one name, the worst on each side counts."""
    old = _worst(before)
    for name, tangle in _worst(after).items():
        was = old[name].ways if name in old else 0
        if tangle.ways > was:
            yield Tangled(path=path, name=name, line=tangle.line, ways=tangle.ways, before=was)


def _worst(tangles: Iterable[Tangle]) -> dict[str, Tangle]:
    found: dict[str, Tangle] = {}
    for tangle in tangles:
        if tangle.name not in found or found[tangle.name].ways < tangle.ways:
            found[tangle.name] = tangle
    return found


_DECISIONS = frozenset(
    {
        ast.If,
        ast.IfExp,
        ast.For,
        ast.AsyncFor,
        ast.While,
        ast.ExceptHandler,
        ast.Assert,
        ast.comprehension,
        ast.match_case,
    }
)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef
_LEAVES = frozenset({ast.Name, ast.Constant, ast.Load, ast.Store, ast.Del, ast.alias})
"""Most nodes of a tree, with nothing to count in them."""
_NEVER_NODES = frozenset(
    {"arg", "attr", "ctx", "id", "level", "module", "name", "names", "op", "ops", "type_comment"}
)
"""Fields of nodes that are names, numbers and operators."""
_FIELDS = {
    kind: tuple(name for name in kind._fields if name not in _NEVER_NODES)
    for kind in vars(ast).values()
    if isinstance(kind, type) and issubclass(kind, ast.AST)
}


def tangles(
    module: ast.Module, lines: Sequence[bytes] = (), known: frozenset[bytes] = frozenset()
) -> tuple[Tangle, ...]:
    """Of every function of a Python module but those in statements that are written just like a known one.

    What is nested in one counts for itself alone. In time by the module's size.
    """
    found: list[Tangle] = []
    waiting: list[tuple[ast.AST, str]] = [(module, "")]
    while waiting:
        node, scope = waiting.pop()
        if known and isinstance(node, ast.stmt) and text_of(node, lines) in known:
            continue
        if isinstance(node, _FUNCTIONS):
            found.extend(_inside(node, scope))
        elif isinstance(node, HOLDERS):
            inner = _within(scope, node) if isinstance(node, ast.ClassDef) else scope
            waiting.extend((child, inner) for child in ast.iter_child_nodes(node))
    return tuple(found)


def _inside(function: _Function, scope: str) -> Iterator[Tangle]:
    """Of a function and of those in it."""
    functions: list[tuple[_Function, str]] = [(function, scope)]
    while functions:
        each, scope = functions.pop()
        name, ways = _within(scope, each), 1
        waiting: list[tuple[ast.AST, str]] = [(each, name)]
        while waiting:
            node, place = waiting.pop()
            for child in _children(node):
                if isinstance(child, _FUNCTIONS):
                    functions.append((child, place))
                else:
                    ways += _ways(child)
                    inner = _within(place, child) if isinstance(child, ast.ClassDef) else place
                    waiting.append((child, inner))
        yield Tangle(name=name, line=each.lineno, ways=ways)


def _children(node: ast.AST) -> Iterator[ast.AST]:
    """Those in which something may be to be counted."""
    for name in _FIELDS[type(node)]:
        value = getattr(node, name, None)
        for child in value if type(value) is list else (value,):
            if type(child) not in _LEAVES and isinstance(child, ast.AST):
                yield child


def _within(scope: str, node: _Function | ast.ClassDef) -> str:
    return f"{scope}.{node.name}" if scope else node.name


def _ways(node: ast.AST) -> int:
    if isinstance(node, ast.BoolOp):
        return len(node.values) - 1
    return int(type(node) in _DECISIONS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A function in a text, by the offsets of its first and one past its last character."""

    name: str
    line: int
    start: int
    end: int


def counted(functions: Sequence[Span], decisions: Iterable[int]) -> tuple[Tangle, ...]:
    """Each decision, by its offset, counts for the innermost function around it."""
    spans = sorted(functions, key=lambda span: (span.start, -span.end))
    counts = [1] * len(spans)
    open_: list[int] = []
    at = 0
    for offset in sorted(decisions):
        while at < len(spans) and spans[at].start <= offset:
            open_.append(at)
            at += 1
        while open_ and spans[open_[-1]].end <= offset:
            open_.pop()
        if open_:
            counts[open_[-1]] += 1
    return tuple(
        Tangle(name=span.name, line=span.line, ways=count) for span, count in zip(spans, counts, strict=True)
    )
