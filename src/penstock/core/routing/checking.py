"""Syntax tree to checked condition: every name known, every comparison of two things that compare."""

from penstock.core.document import nearest
from penstock.core.routing.glob import Glob, glob
from penstock.core.routing.names import LEVELS, NAMES, PAYLOAD, Kind, Name, resolved
from penstock.core.routing.reading import (
    Chain,
    Comparison,
    Fault,
    Faulty,
    ListRead,
    Literal,
    NameRead,
    Negation,
    Syntax,
    read,
)
from penstock.core.routing.tree import (
    Always,
    Condition,
    Equals,
    Every,
    Flag,
    Matches,
    Not,
    OneOf,
    Order,
    Scalar,
    Sign,
    Some,
    Span,
    Truth,
)

_FLIPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}
_SIGNS = frozenset(sign.value for sign in Sign)


def condition(text: str) -> Condition | Fault:
    """A condition's checked tree, or the first thing that is wrong with it."""
    tree = read(text)
    if isinstance(tree, Fault):
        return tree
    try:
        return _condition(tree)
    except Faulty as faulty:
        return faulty.fault


def _condition(tree: Syntax) -> Condition:
    match tree:
        case Chain(sign=sign, parts=parts, span=span):
            kind = Every if sign == "&&" else Some
            return kind(of=tuple(map(_condition, parts)), span=span)
        case Negation(of=inner, span=span):
            return Not(of=_negated(inner), span=span)
        case Comparison():
            return _comparison(tree)
        case NameRead(span=span):
            name = _known(tree)
            if name.kind is not Kind.FLAG:
                raise Faulty(
                    span.start, f"`{tree.name}` is {name.kind.value}, and must be compared with something"
                )
            return Flag(name=name, span=span)
        case Literal(value=bool(value), span=span):
            return Always(value=value, span=span)
        case Literal(span=span) | ListRead(span=span):
            raise Faulty(span.start, "a condition should stand here, not a value alone")


def _negated(inner: Syntax) -> Condition:
    if isinstance(inner, NameRead) and _known(inner).kind is not Kind.FLAG:
        raise _negates(inner)
    return _condition(inner)


def _negates(read_name: NameRead) -> Faulty:
    """`!` binds more tightly than any comparison, so `!label ~ "x"` would negate a list."""
    kind = _known(read_name).kind.value
    why = f"`!` takes a condition, and `{read_name.name}` is {kind}: write `!(…)` around the comparison"
    return Faulty(read_name.span.start, why)


def _known(read_name: NameRead) -> Name:
    name = resolved(read_name.name)
    if name is None:
        root = read_name.name.partition(".")[0]
        if root == PAYLOAD:
            raise Faulty(read_name.span.start, "`payload` goes on with a path, as in `payload.sender.type`")
        if root in NAMES:
            raise Faulty(read_name.span.start, f"`{root}` has no parts; only `payload` has", root)
        known = [*NAMES, PAYLOAD, "true", "false"]
        raise Faulty(read_name.span.start, f"unknown name `{read_name.name}`", nearest(root, known))
    return name


def _comparison(tree: Comparison) -> Condition:
    match tree.left, tree.right:
        case NameRead() as left, Literal() as right:
            return _compared(_known(left), left.name, tree, right)
        case Literal() as left, NameRead() as right:
            return _turned(tree, left, right)
        case NameRead() as left, ListRead() as right:
            return _listed(_known(left), left.name, tree, right)
        case ((NameRead() | Literal() | ListRead()), (NameRead() | Literal() | ListRead())):
            why = "a comparison has a name on one side and a value on the other"
            raise Faulty(tree.span.start, why)
        case ((NameRead() | Literal() | ListRead()), inner):
            raise Faulty(
                inner.span.start, f"`{tree.sign}` compares a name with a value, not with a condition"
            )
        case Negation(of=NameRead() as negated), _ if _known(negated).kind is not Kind.FLAG:
            raise _negates(negated)
        case inner, _:
            raise Faulty(
                inner.span.start, f"`{tree.sign}` compares a name with a value, not with a condition"
            )


def _turned(tree: Comparison, value: Literal, read_name: NameRead) -> Condition:
    name = _known(read_name)
    if tree.sign == "in":
        if name.kind not in {Kind.LIST, Kind.ANY}:
            why = f"`in` looks into a list, and `{read_name.name}` is {name.kind.value}"
            raise Faulty(read_name.span.start, why)
        return Equals(name=name, value=_fitting(name, read_name.name, value), span=tree.span)
    if tree.sign not in _FLIPPED:
        raise Faulty(tree.at, f"the name stands left of `{tree.sign}`, and the glob right of it")
    turned = Comparison(sign=_FLIPPED[tree.sign], left=read_name, right=value, at=tree.at, span=tree.span)
    return _compared(name, read_name.name, turned, value)


def _compared(name: Name, said: str, tree: Comparison, value: Literal) -> Condition:
    span = tree.span
    match tree.sign:
        case "==":
            return _equals(name, said, value, span)
        case "!=":
            return Not(of=_equals(name, said, value, span), span=span)
        case "~":
            return Matches(name=name, glob=_glob(name, said, tree, value), span=span)
        case "!~":
            return Not(of=Matches(name=name, glob=_glob(name, said, tree, value), span=span), span=span)
        case "in":
            raise Faulty(value.span.start, '`in` takes a list, as in `["a", "b"]`, or a list\'s name')
        case sign:
            return Order(name=name, sign=Sign(sign), value=_ordered(name, said, tree, value), span=span)


def _equals(name: Name, said: str, value: Literal, span: Span) -> Condition:
    fitting = _fitting(name, said, value)
    if name.kind is Kind.FLAG:
        flag = Flag(name=name, span=span)
        return flag if fitting is Truth.YES else Not(of=flag, span=span)
    return Equals(name=name, value=fitting, span=span)


def _glob(name: Name, said: str, tree: Comparison, value: Literal) -> Glob:
    if name.kind not in {Kind.TEXT, Kind.LIST, Kind.ANY}:
        raise Faulty(tree.at, f"`{tree.sign}` matches texts, and `{said}` is {name.kind.value}")
    if not isinstance(value.value, str):
        raise Faulty(value.span.start, f"`{tree.sign}` takes a glob, which is a text")
    try:
        pattern = glob(value.value)
    except ValueError as error:
        raise Faulty(value.span.start, str(error)) from error
    if pattern.literal:
        _fitting(name, said, value)
    return pattern


def _ordered(name: Name, said: str, tree: Comparison, value: Literal) -> float:
    match name.kind:
        case Kind.LEVEL:
            return float(LEVELS.index(str(_fitting(name, said, value))))
        case Kind.NUMBER | Kind.ANY:
            fitting = value.value
            if isinstance(fitting, float):
                return fitting
            raise Faulty(value.span.start, f"`{tree.sign}` compares numbers, and this is {_kind_of(fitting)}")
        case _:
            raise Faulty(
                tree.at, f"`{tree.sign}` compares numbers and levels, and `{said}` is {name.kind.value}"
            )


def _listed(name: Name, said: str, tree: Comparison, values: ListRead) -> Condition:
    if tree.sign != "in":
        raise Faulty(values.span.start, f"`{tree.sign}` takes one value; `in` takes a list")
    if not values.items:
        raise Faulty(values.span.start, "nothing is in an empty list")
    if name.kind is Kind.FLAG:
        raise Faulty(tree.at, f"`{said}` is {name.kind.value}, which needs no list")
    fitting = tuple(dict.fromkeys(_fitting(name, said, item) for item in values.items))
    return OneOf(name=name, values=fitting, span=tree.span)


def _fitting(name: Name, said: str, literal: Literal) -> Scalar:
    """The literal's value, if it is of the name's kind and one that the name can have."""
    value = literal.value
    wanted = {Kind.FLAG: bool, Kind.NUMBER: float, Kind.ANY: object}.get(name.kind, str)
    if not isinstance(value, wanted):
        raise Faulty(literal.span.start, f"`{said}` is {name.kind.value}, and this is {_kind_of(value)}")
    if name.choices and value not in name.choices:
        near = nearest(str(value), list(name.choices))
        raise Faulty(literal.span.start, f"`{said}` is never {value!r}", f'"{near}"' if near else "")
    return Truth(value) if isinstance(value, bool) else value


def _kind_of(value: str | float | bool) -> str:  # noqa: FBT001 (a value, not a switch)
    match value:
        case bool():
            return "true or false"
        case float():
            return "a number"
        case str():
            return "a text"
