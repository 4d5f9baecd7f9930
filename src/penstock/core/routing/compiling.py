"""Checked rules to one function: Python's own syntax tree is built node by node, and no text is ever evaluated.

Strings of a condition end as constants of that tree. Facts become local variables once, and a list also a set and,
for globs, one text with its members between NULs, in which a glob with one star is a plain search.
"""

import ast
from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial
from typing import cast

from penstock.core.routing.facts import Facts
from penstock.core.routing.glob import ONE, Glob, matches, matches_any
from penstock.core.routing.meaning import atom_holds, payload_value
from penstock.core.routing.names import Kind, Name
from penstock.core.routing.tree import (
    Always,
    Atom,
    Condition,
    Equals,
    Every,
    Flag,
    Matches,
    Not,
    OneOf,
    Order,
    Sign,
    Some,
    Truth,
    atoms_in,
)

Matching = Callable[[Facts], list[int]]
"""The numbers of the rules that hold, in order, up to the first that stops."""
_SIGNS: dict[Sign, ast.cmpop] = {
    Sign.LESS: ast.Lt(),
    Sign.AT_MOST: ast.LtE(),
    Sign.MORE: ast.Gt(),
    Sign.AT_LEAST: ast.GtE(),
}


OFTEN = 3
"""An atom that so many rules share is asked once, before the first of them."""


def compiled(rules: Iterable[tuple[int, Condition, bool]]) -> Matching:
    """A function over (number, condition, does it stop) in the order in which they are asked."""
    asked = tuple(rules)
    writer = _Writer(Counter(atom for _, condition, _ in asked for atom in set(atoms_in(condition))))
    body = [
        statement
        for number, condition, stop in asked
        for statement in writer.rule(number, condition, stop=stop)
    ]
    function = ast.FunctionDef(
        name="matching",
        args=ast.arguments(
            posonlyargs=[], args=[ast.arg(arg="facts")], kwonlyargs=[], kw_defaults=[], defaults=[]
        ),
        body=[*writer.locals(), *body, ast.Return(value=_name("found"))],
        decorator_list=[],
    )
    module = ast.fix_missing_locations(ast.Module(body=[function], type_ignores=[]))
    scope: dict[str, object] = dict(writer.constants)
    exec(compile(module, "<routing rules>", "exec"), scope)  # noqa: S102 (a tree made here, of checked parts)
    return cast("Matching", scope["matching"])


class _Writer:
    """Writes conditions as expressions, and remembers which locals and constants they need."""

    def __init__(self, uses: Counter[Atom]) -> None:
        self._uses = uses
        self._needs: dict[str, ast.expr] = {}
        self._shared: dict[Atom, tuple[str, ast.expr]] = {}
        self.constants: dict[str, object] = {}

    def locals(self) -> list[ast.stmt]:
        """The facts that are needed, each read once, and what of them many rules ask."""
        found = _assign("found", ast.List(elts=[], ctx=ast.Load()))
        append = _assign("append", ast.Attribute(value=_name("found"), attr="append", ctx=ast.Load()))
        facts = [_assign(name, value) for name, value in self._needs.items()]
        shared = [_assign(name, asked) for name, asked in self._shared.values()]
        return [found, append, *facts, *shared]

    def rule(self, number: int, condition: Condition, *, stop: bool) -> list[ast.stmt]:
        take: list[ast.stmt] = [ast.Expr(value=_call(_name("append"), ast.Constant(value=number)))]
        if stop:
            take.append(ast.Return(value=_name("found")))
        return [ast.If(test=self._condition(condition), body=take, orelse=[])]

    def _condition(self, condition: Condition) -> ast.expr:
        match condition:
            case Always(value=value):
                return ast.Constant(value=value)
            case Not(of=inner):
                return ast.UnaryOp(op=ast.Not(), operand=self._condition(inner))
            case Every(of=parts):
                return ast.BoolOp(op=ast.And(), values=[self._condition(part) for part in parts])
            case Some(of=parts):
                return ast.BoolOp(op=ast.Or(), values=[self._condition(part) for part in parts])
            case _:
                return self._asked(condition)

    def _asked(self, atom: Atom) -> ast.expr:
        """An atom where it stands, or the answer that many share."""
        written = self._payload(atom) if atom.name.kind is Kind.ANY else self._atom(atom)
        if self._uses[atom] < OFTEN or isinstance(atom, Flag):
            return written
        return _name(self._shared.setdefault(atom, (f"atom_{len(self._shared)}", written))[0])

    def _atom(self, atom: Atom) -> ast.expr:
        match atom:
            case Flag(name=name):
                return self._fact(name)
            case Equals(name=name, value=value):
                assert not isinstance(value, Truth), "only a payload's values are compared with these"  # noqa: S101
                if name.kind is Kind.LIST:
                    return _compare(ast.Constant(value=value), ast.In(), self._members(name))
                return _compare(self._fact(name), ast.Eq(), ast.Constant(value=value))
            case OneOf(name=Name(kind=Kind.LIST) as name, values=values):
                apart = ast.Attribute(value=self._members(name), attr="isdisjoint", ctx=ast.Load())
                wanted = ast.Constant(value=frozenset(values))  # type: ignore[arg-type] # compile() takes it
                return ast.UnaryOp(op=ast.Not(), operand=_call(apart, wanted))
            case OneOf(name=name, values=values):
                wanted = ast.Constant(value=frozenset(values))  # type: ignore[arg-type] # as above
                return _compare(self._fact(name), ast.In(), wanted)
            case Order(name=name, sign=sign, value=value):
                fact = self._rank(name) if name.kind is Kind.LEVEL else self._fact(name)
                return _compare(fact, _SIGNS[sign], ast.Constant(value=value))
            case Matches(name=name, glob=pattern):
                return self._list_glob(name, pattern) if name.kind is Kind.LIST else self._glob(name, pattern)

    def _payload(self, atom: Atom) -> ast.expr:
        """Only what the payload turns out to have says how it compares, so its meaning is asked."""
        return _call(
            self._constant("holds", partial(atom_holds, atom)),
            _call(
                self._constant("payload_value", payload_value),
                _name("facts"),
                ast.Constant(value=atom.name.fact),
            ),
        )

    def _glob(self, name: Name, pattern: Glob) -> ast.expr:
        """A glob over one text: as a comparison, where its shape has one."""
        fact, first, last = self._fact(name), pattern.segments[0], pattern.segments[-1]
        match pattern.segments:
            case segments if any(ONE in segment for segment in segments):
                pass
            case (only,):
                return _compare(fact, ast.Eq(), ast.Constant(value=only))
            case ("", ""):
                return ast.Constant(value=True)
            case (_, ""):
                return _call(
                    ast.Attribute(value=fact, attr="startswith", ctx=ast.Load()), ast.Constant(value=first)
                )
            case ("", _):
                return _call(
                    ast.Attribute(value=fact, attr="endswith", ctx=ast.Load()), ast.Constant(value=last)
                )
            case ("", middle, ""):
                return _compare(ast.Constant(value=middle), ast.In(), fact)
            case _:
                begins = _call(
                    ast.Attribute(value=fact, attr="startswith", ctx=ast.Load()), ast.Constant(value=first)
                )
                ends = _call(
                    ast.Attribute(value=fact, attr="endswith", ctx=ast.Load()), ast.Constant(value=last)
                )
                return _both(begins, ends, _call(self._constant("fits", partial(matches, pattern)), fact))
        return _call(self._constant("fits", partial(matches, pattern)), fact)

    def _list_glob(self, name: Name, pattern: Glob) -> ast.expr:
        """A glob over a list's members: as a search in their joined text, where its shape allows."""
        first, last = pattern.segments[0], pattern.segments[-1]
        match pattern.segments:
            case segments if any(ONE in segment for segment in segments):
                pass
            case (only,):
                return _compare(ast.Constant(value=only), ast.In(), self._members(name))
            case ("", ""):
                return _call(_name("bool"), self._fact(name))
            case (_, ""):
                return _compare(ast.Constant(value=f"\0{first}"), ast.In(), self._joined(name))
            case ("", _):
                return _compare(ast.Constant(value=f"{last}\0"), ast.In(), self._joined(name))
            case ("", middle, ""):
                return _compare(ast.Constant(value=middle), ast.In(), self._joined(name))
            case _:
                begins = _compare(ast.Constant(value=f"\0{first}"), ast.In(), self._joined(name))
                ends = _compare(ast.Constant(value=f"{last}\0"), ast.In(), self._joined(name))
                fits = _call(self._constant("fits", partial(matches_any, pattern)), self._fact(name))
                return _both(begins, ends, fits)
        return _call(self._constant("fits", partial(matches_any, pattern)), self._fact(name))

    def _fact(self, name: Name) -> ast.expr:
        return self._local(name.fact, _field(name.fact))

    def _rank(self, name: Name) -> ast.expr:
        return self._local(f"{name.fact}_rank", _field(f"{name.fact}_rank"))

    def _members(self, name: Name) -> ast.expr:
        return self._local(f"{name.fact}_set", _call(_name("frozenset"), _field(name.fact)))

    def _joined(self, name: Name) -> ast.expr:
        bounded = ast.Tuple(
            elts=[
                ast.Constant(value=""),
                ast.Starred(value=_field(name.fact), ctx=ast.Load()),
                ast.Constant(value=""),
            ],
            ctx=ast.Load(),
        )
        join = ast.Attribute(value=ast.Constant(value="\0"), attr="join", ctx=ast.Load())
        return self._local(f"{name.fact}_joined", _call(join, bounded))

    def _local(self, name: str, value: ast.expr) -> ast.expr:
        self._needs.setdefault(name, value)
        return _name(name)

    def _constant(self, stem: str, value: object) -> ast.expr:
        name = f"{stem}_{len(self.constants)}"
        self.constants[name] = value
        return _name(name)


def _both(*tests: ast.expr) -> ast.expr:
    return ast.BoolOp(op=ast.And(), values=list(tests))


def _name(name: str) -> ast.Name:
    return ast.Name(id=name, ctx=ast.Load())


def _field(name: str) -> ast.expr:
    return ast.Attribute(value=_name("facts"), attr=name, ctx=ast.Load())


def _assign(name: str, value: ast.expr) -> ast.stmt:
    return ast.Assign(targets=[ast.Name(id=name, ctx=ast.Store())], value=value)


def _call(function: ast.expr, *arguments: ast.expr) -> ast.expr:
    return ast.Call(func=function, args=list(arguments), keywords=[])


def _compare(left: ast.expr, sign: ast.cmpop, right: ast.expr) -> ast.expr:
    return ast.Compare(left=left, ops=[sign], comparators=[right])
