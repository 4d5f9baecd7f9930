"""What can be said of a condition before there is a signal: which events can make it true, and whether any can.

Sound, not complete: what is said to be impossible is; what is not may still be.
"""

from collections.abc import Sequence
from math import inf

from penstock.core.routing.facts import Facts
from penstock.core.routing.meaning import atom_holds, value_of
from penstock.core.routing.names import EVENTS, Kind, Name
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
)

EMPTY = {event: Facts(event=event) for event in EVENTS}


def events_of(condition: Condition) -> frozenset[str]:
    """The events that can make it true."""
    return frozenset(event for event in EVENTS if certainty(condition, event) is not False)


def certain_events(condition: Condition) -> frozenset[str]:
    """The events that make it true, whatever else there is to a signal."""
    return frozenset(event for event in EVENTS if certainty(condition, event) is True)


def certainty(condition: Condition, event: str) -> bool | None:
    """What it is for every signal of an event; None where that depends on the signal."""
    match condition:
        case Always(value=value):
            return value
        case Not(of=inner):
            found = certainty(inner, event)
            return None if found is None else not found
        case Every(of=parts):
            found = _first([certainty(part, event) for part in parts], decisive=False)
            return False if found is None and contradicts(parts) else found
        case Some(of=parts):
            return _first([certainty(part, event) for part in parts], decisive=True)
        case _:
            name = condition.name
            if name.kind is Kind.ANY or (
                name.fact in EVENTS[event].has and name.fact not in {"event", "kind"}
            ):
                return None
            return atom_holds(condition, value_of(name, EMPTY[event]))


def simplified(condition: Condition, event: str) -> Condition:
    """What is left to ask of a signal, given its event."""
    known = certainty(condition, event)
    if known is not None:
        return Always(value=known, span=condition.span)
    match condition:
        case Every(of=parts, span=span):
            left = tuple(simplified(part, event) for part in parts if certainty(part, event) is not True)
            return left[0] if len(left) == 1 else Every(of=left, span=span)
        case Some(of=parts, span=span):
            left = tuple(simplified(part, event) for part in parts if certainty(part, event) is not False)
            return left[0] if len(left) == 1 else Some(of=left, span=span)
        case Not(of=inner, span=span):
            return Not(of=simplified(inner, event), span=span)
        case _:
            return condition


def _first(found: Sequence[bool | None], *, decisive: bool) -> bool | None:
    if decisive in found:
        return decisive
    return None if None in found else not decisive


def implies(condition: Condition, other: Condition) -> bool:
    """Does whatever makes the first true make the second true, as far as their parts tell."""
    parts = set(condition.of) if isinstance(condition, Every) else {condition}
    wanted = set(other.of) if isinstance(other, Every) else {other}
    options = set(other.of) if isinstance(other, Some) else set()
    return wanted <= parts or bool(options & parts)


def contradicts(parts: Sequence[Condition]) -> bool:
    """Can these never hold together: a part and its opposite, two values for one name, an empty range."""
    flat = list(_flattened(parts))
    held = set(flat)
    if any(isinstance(part, Not) and part.of in held for part in flat):
        return True
    names = {
        part.name for part in flat if isinstance(part, Equals | OneOf | Order) and part.name.kind in _SINGLE
    }
    return any(_no_value(name, flat) for name in names)


_SINGLE = {Kind.TEXT, Kind.NUMBER, Kind.LEVEL}
"""Kinds of which a signal has one value."""


def _flattened(parts: Sequence[Condition]) -> list[Condition]:
    return [
        inner for part in parts for inner in (_flattened(part.of) if isinstance(part, Every) else (part,))
    ]


def _no_value(name: Name, parts: Sequence[Condition]) -> bool:
    """Is no value left for a name. Without a value that is asked for by name, only ranges can exclude each other."""
    about = [part for part in parts if _name_of(part) == name]
    wanted = [set(_values(part)) for part in about if isinstance(part, Equals | OneOf)]
    if wanted:
        left = set[Scalar].intersection(*wanted)
        return not any(all(_allows(part, value) for part in about) for value in left)
    return _empty_range([part for part in about if isinstance(part, Order)])


def _name_of(part: Condition) -> Name | None:
    inner = part.of if isinstance(part, Not) else part
    return inner.name if isinstance(inner, Flag | Equals | OneOf | Order | Matches) else None


def _values(part: Equals | OneOf) -> tuple[Scalar, ...]:
    return (part.value,) if isinstance(part, Equals) else part.values


def _allows(part: Condition, value: Scalar) -> bool:
    match part:
        case Not(of=inner):
            return not _allows(inner, value)
        case Flag() | Equals() | OneOf() | Order() | Matches():
            return atom_holds(part, value)
        case _:
            return True


def _empty_range(orders: Sequence[Order]) -> bool:
    lowest, highest, strict = -inf, inf, False
    for order in orders:
        match order.sign:
            case Sign.MORE | Sign.AT_LEAST:
                lowest = max(lowest, order.value)
            case Sign.LESS | Sign.AT_MOST:
                highest = min(highest, order.value)
    strict = any(
        order.sign in {Sign.MORE, Sign.LESS} and order.value in {lowest, highest} for order in orders
    )
    return lowest > highest or (lowest == highest and strict)
