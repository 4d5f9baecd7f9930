"""What an atom means: the one definition, which explanations use and the generated code must equal."""

from penstock.core.routing.facts import RANKS, Facts, at_path
from penstock.core.routing.glob import Glob, matches
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
    Scalar,
    Sign,
    Some,
    Truth,
)

Value = None | str | float | Truth | tuple["Value", ...]
"""A fact as conditions compare it. None is what a payload does not have, and what is no text, number or list."""


def holds(condition: Condition, facts: Facts) -> bool:
    """The plain reading of a tree."""
    match condition:
        case Always(value=value):
            return value
        case Not(of=inner):
            return not holds(inner, facts)
        case Every(of=parts):
            return all(holds(part, facts) for part in parts)
        case Some(of=parts):
            return any(holds(part, facts) for part in parts)
        case _:
            return atom_holds(condition, value_of(condition.name, facts))


def atom_holds(atom: Atom, value: Value) -> bool:
    match atom:
        case Flag():
            return value is Truth.YES
        case Equals(value=wanted):
            return equals(value, wanted)
        case OneOf(values=wanted):
            return any(equals(value, one) for one in wanted)
        case Order(name=name, sign=sign, value=bound):
            return in_order(_ranked(name, value), sign, bound)
        case Matches(glob=pattern):
            return fits(value, pattern)


def value_of(name: Name, facts: Facts) -> Value:
    if name.kind is Kind.ANY:
        return payload_value(facts, name.fact)
    value: Value | bool = getattr(facts, name.fact)
    return Truth(value) if isinstance(value, bool) else value


def payload_value(facts: Facts, fact: str) -> Value:
    """What stands at `payload.a.b`; whole numbers are floats here, as in conditions."""
    return _valued(at_path(facts.payload, tuple(fact.split(".")[1:])))


def _valued(plain: object) -> Value:
    match plain:
        case bool():
            return Truth(plain)
        case str():
            return plain
        case int() | float():
            return float(plain) if abs(plain) < 1e300 else None
        case list():
            return tuple(_valued(item) for item in plain)
        case _:
            return None


def equals(value: Value, wanted: Scalar) -> bool:
    """Of the same kind, and equal; of a list, any member."""
    if isinstance(value, tuple):
        return any(equals(item, wanted) for item in value if not isinstance(item, tuple))
    return type(value) is type(wanted) and value == wanted


def fits(value: Value, pattern: Glob) -> bool:
    if isinstance(value, tuple):
        return any(fits(item, pattern) for item in value if not isinstance(item, tuple))
    return isinstance(value, str) and matches(pattern, value)


def in_order(value: Value, sign: Sign, bound: float) -> bool:
    if not isinstance(value, float):
        return False
    match sign:
        case Sign.LESS:
            return value < bound
        case Sign.AT_MOST:
            return value <= bound
        case Sign.MORE:
            return value > bound
        case Sign.AT_LEAST:
            return value >= bound


def _ranked(name: Name, value: Value) -> Value:
    return RANKS.get(str(value)) if name.kind is Kind.LEVEL else value
