"""What of a Python module others could notice: two modules with equal outlines have the same API.

Bodies of functions, documentation, private methods and the values of constants are left out, so that most changes need no closer look.
"""

import ast
import re
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from penstock.core.sources.statements import text_of

Said = tuple[object, ...]


class Kind(Enum):
    """What a statement does for a module or class."""

    PRIVATE = auto()
    """A function whose name has an underscore in front: of no consequence to others, unless it is exported."""
    IMPORTED = auto()
    """The same goes for a name from elsewhere, but what derives from it inherits."""
    FUNCTION = auto()
    CLASS = auto()
    """One that derives from nothing."""
    NAMED = auto()
    """What else has one name: another class, a constant."""
    OTHER = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A statement, or one name that it imports. `name` is empty where it is of the other kind. Of a class, what it `holds`."""

    kind: Kind
    name: str = ""
    says: Said
    holds: tuple["Part", ...] = ()


Outline = tuple[Part, ...]
_EVERYTHING = re.compile(rb"import[\s\\]*\*")


def outline(
    module: ast.Module, lines: Sequence[bytes] = (), known: frozenset[bytes] = frozenset()
) -> Outline:
    """A statement that is written like a known one is its text. Raises RecursionError for what is nested too deeply."""
    parts: list[Part] = []
    for node in module.body:
        text = text_of(node, lines)
        parts += (Part(kind=Kind.OTHER, says=(text,)),) if text in known else _parts(node)
    return tuple(parts)


def stays_inside(was: Outline, now: Outline, names: tuple[Container[str], Container[str]]) -> bool:
    """Do two outlines of a module differ only in ways that break nobody while nothing of it is `exported`: private functions, imports
    that are not used any more, and what is new, of the module or of a class that derives from nothing, and has a new name.

    `names` are those that occurred and that occur outside of functions.
    """
    gone, new = _lacking(was, now), _lacking(now, was)
    grown = {old.name for old in gone for part in new if _grew(old, part, names[0])}
    gone, new = (tuple(part for part in side if part.name not in grown) for side in (gone, new))
    if [part for part in was if part not in gone and part.name not in grown] != [
        part for part in now if part not in new and part.name not in grown
    ]:
        return False
    replaced = {part.name for part in gone if part.kind is Kind.PRIVATE}
    return all(_is_over(part, names[1]) for part in gone) and all(
        part.kind is not Kind.OTHER
        and (part.name not in names[0] or (part.kind is Kind.PRIVATE and part.name in replaced))
        for part in new
    )


def _grew(old: Part, new: Part, names: Container[str]) -> bool:
    """Is it the same class, with methods of new names."""
    if (old.kind, old.name, old.says) != (Kind.CLASS, new.name, new.says) or new.kind is not Kind.CLASS:
        return False
    more = _lacking(new.holds, old.holds)
    return _lacking(new.holds, more) == old.holds and all(
        part.kind is Kind.FUNCTION and not part.name.startswith("__") and part.name not in names
        for part in more
    )


def exported(source: bytes) -> bool:
    """May a source make public what is private or imported."""
    return b"__all__" in source or imports_everything(source)


def imports_everything(source: bytes) -> bool:
    """Of another module, whatever it has."""
    return _EVERYTHING.search(source) is not None


def _lacking(parts: Outline, others: Outline) -> Outline:
    known = frozenset(others)
    return tuple(part for part in parts if part not in known)


def _is_over(part: Part, names: Container[str]) -> bool:
    return part.kind is Kind.PRIVATE or (part.kind is Kind.IMPORTED and part.name not in names)


def _parts(node: ast.stmt) -> Iterator[Part]:
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
            kind = Kind.PRIVATE if _is_private(name) else Kind.FUNCTION
            yield Part(kind=kind, name=name, says=(*_of([node]),))
        case ast.ClassDef(name=name):
            header = tuple(ast.dump(each) for each in (*node.bases, *node.keywords, *node.decorator_list))
            holds = tuple(
                part for each in node.body for part in _parts(each) if part.kind is not Kind.PRIVATE
            )
            kind = Kind.NAMED if node.bases or node.keywords else Kind.CLASS
            yield Part(kind=kind, name=name, says=header, holds=holds)
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            place = (node.module, node.level) if isinstance(node, ast.ImportFrom) else ()
            for each in names:
                name = each.asname or each.name.partition(".")[0]
                kind = Kind.OTHER if name == "*" else Kind.IMPORTED
                yield Part(kind=kind, name=name, says=(*place, each.name, each.asname))
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)) if (
            name != "__all__"
        ):
            yield Part(kind=Kind.NAMED, name=name, says=(*_of([node]),))
        case _:
            if said := tuple(_of([node])):
                yield Part(kind=Kind.OTHER, says=said)


def _is_private(name: str) -> bool:
    return name.startswith("_") and not (name.startswith("__") and name.endswith("__"))


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


def _signature(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Said:
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
