"""What of a Python module others could notice: two modules with equal outlines have the same API.

Bodies of functions, documentation and the values of constants are left out, so that most changes need no closer look.
"""

import ast
from collections.abc import Iterator, Sequence

from penstock.core.sources.statements import text_of

Outline = tuple[object, ...]


def outline(
    module: ast.Module, lines: Sequence[bytes] = (), known: frozenset[bytes] = frozenset()
) -> Outline:
    """A statement that is written like a known one is its text. Raises RecursionError for what is nested too deeply."""
    parts: list[object] = []
    for node in module.body:
        text = text_of(node, lines)
        parts += (text,) if text in known else _of([node])
    return tuple(parts)


def _of(body: list[ast.stmt]) -> Iterator[object]:
    for node in body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                yield (node.name, _signature(node), _attributes(node) if node.name == "__init__" else ())
            case ast.ClassDef():
                bases = [ast.dump(each) for each in (*node.bases, *node.keywords, *node.decorator_list)]
                yield (node.name, *bases, tuple(_of(node.body)))
            case ast.Assign():
                yield (*map(ast.dump, node.targets), _value(node.targets, node.value))
            case ast.AnnAssign():
                yield (ast.dump(node.target), ast.dump(node.annotation), _default(node.value))
            case ast.Import() | ast.ImportFrom() | ast.AugAssign():
                yield ast.dump(node)
            case ast.Expr(value=ast.Call()):
                yield ast.dump(node)  # `__all__.extend(…)`
            case _:
                yield from _inside(node)


def _inside(node: ast.stmt) -> Iterator[object]:
    """What is defined under a condition, or on trial."""
    for field in ("body", "orelse", "finalbody"):
        yield from _of(getattr(node, field, []))
    for handler in getattr(node, "handlers", []):
        yield from _of(handler.body)


def _signature(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Outline:
    given = node.args
    kinds = (given.posonlyargs, given.args, given.kwonlyargs)
    return (
        type(node).__name__,
        *(tuple(argument.arg for argument in kind) for kind in kinds),
        len(given.defaults),
        tuple(default is None for default in given.kw_defaults),
        given.vararg is None,
        given.kwarg is None,
        ast.dump(node.returns) if node.returns else "",
        *map(ast.dump, node.decorator_list),
    )


def _attributes(node: ast.FunctionDef | ast.AsyncFunctionDef) -> frozenset[str]:
    """What an object gets when it is made."""
    return frozenset(
        each.attr
        for each in ast.walk(node)
        if isinstance(each, ast.Attribute) and isinstance(each.ctx, ast.Store)
    )


def _value(targets: list[ast.expr], value: ast.expr) -> str:
    """`__all__` says what is public; another value is not part of the outline, but a call may be `field(default=…)`."""
    names = {target.id for target in targets if isinstance(target, ast.Name)}
    return ast.dump(value) if "__all__" in names else ""


def _default(value: ast.expr | None) -> str:
    """Of a dataclass' field."""
    return ast.dump(value) if isinstance(value, ast.Call) else str(value is not None)
