"""Checked conditions: a closed union in which every name, type and operator is known to fit.

`!=` and `!~` are a Not; `"x" in labels` is an Equals. Where something was written is no part of what it is.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum, StrEnum

from penstock.core.routing.glob import Glob
from penstock.core.routing.names import Name


class Truth(Enum):
    """True and false among a condition's values, where they must not be the numbers 1 and 0, as Python has them."""

    YES = True
    NO = False


Scalar = str | float | Truth


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """From which character of the condition to which."""

    start: int
    end: int


class Sign(StrEnum):
    """How a number or a level is compared."""

    LESS = "<"
    AT_MOST = "<="
    MORE = ">"
    AT_LEAST = ">="


@dataclass(frozen=True, slots=True, kw_only=True)
class Always:
    value: bool
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    name: Name
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Equals:
    """Of a list: any member equals."""

    name: Name
    value: Scalar
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class OneOf:
    """Of a list: any member is one of these."""

    name: Name
    values: tuple[Scalar, ...]
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Of a level, `value` is its rank."""

    name: Name
    sign: Sign
    value: float
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Matches:
    """Of a list: any member matches."""

    name: Name
    glob: Glob
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Not:
    of: "Condition"
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Every:
    of: "tuple[Condition, ...]"
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Some:
    of: "tuple[Condition, ...]"
    span: Span = field(compare=False)


Atom = Flag | Equals | OneOf | Order | Matches
Condition = Always | Atom | Not | Every | Some


def atoms_in(condition: Condition) -> Iterator[Atom]:
    """Every atom, as often as it stands there."""
    match condition:
        case Always():
            return
        case Not(of=inner):
            yield from atoms_in(inner)
        case Every(of=parts) | Some(of=parts):
            for part in parts:
                yield from atoms_in(part)
        case _:
            yield condition


def names_in(condition: Condition) -> frozenset[str]:
    """The facts that it reads; whatever it reads of a payload is the payload."""
    return frozenset(atom.name.fact.partition(".")[0] for atom in atoms_in(condition))
