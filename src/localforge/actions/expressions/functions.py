"""The functions every expression may call; those that know the run (`success`, `hashFiles`) come from the caller."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Never

from localforge.actions.expressions.errors import ExpressionError, Fault
from localforge.actions.expressions.values import (
    Value,
    fold_case,
    is_array,
    order,
    to_json,
    to_text,
)

Function = Callable[[Sequence[Value]], Value]

_PLACEHOLDER = re.compile(r"\{\{|\}\}|\{(\d+)\}|[{}]", re.ASCII)
_NOT_TEXT = (Mapping, list, tuple)


def _contains(arguments: Sequence[Value]) -> Value:
    container, item = arguments
    if is_array(container):
        return any(order(element, item) == 0 for element in container)
    if isinstance(container, Mapping) or isinstance(item, _NOT_TEXT):
        return False
    return fold_case(to_text(item)) in fold_case(to_text(container))


def _starts_with(arguments: Sequence[Value]) -> Value:
    text, prefix = arguments
    if isinstance(text, _NOT_TEXT) or isinstance(prefix, _NOT_TEXT):
        return False
    return fold_case(to_text(text)).startswith(fold_case(to_text(prefix)))


def _ends_with(arguments: Sequence[Value]) -> Value:
    text, suffix = arguments
    if isinstance(text, _NOT_TEXT) or isinstance(suffix, _NOT_TEXT):
        return False
    return fold_case(to_text(text)).endswith(fold_case(to_text(suffix)))


def _format(arguments: Sequence[Value]) -> Value:
    pattern = to_text(arguments[0])

    def fill(hole: re.Match[str]) -> str:
        if hole[0] in {"{{", "}}"}:
            return hole[0][0]
        if hole[1] is None:
            raise _refuse(f"The following format string is invalid: {pattern}")
        if int(hole[1]) + 1 >= len(arguments):
            raise _refuse(
                f"The following format string references more arguments than were supplied: {pattern}"
            )
        return to_text(arguments[int(hole[1]) + 1])

    return _PLACEHOLDER.sub(fill, pattern)


def _from_json(arguments: Sequence[Value]) -> Value:
    try:
        parsed: Value = json.loads(to_text(arguments[0]), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise _refuse(f"Error parsing fromJSON: {error}") from error
    return parsed


def _no_constant(name: str) -> Never:
    raise ValueError(f"{name} is not JSON")


def _join(arguments: Sequence[Value]) -> Value:
    items = arguments[0]
    if isinstance(items, Mapping):
        return ""
    if isinstance(items, str) or not isinstance(items, Sequence):
        return to_text(items)
    separator = arguments[1] if len(arguments) > 1 else ","
    return ("," if isinstance(separator, _NOT_TEXT) else to_text(separator)).join(map(to_text, items))


def _to_json(arguments: Sequence[Value]) -> Value:
    return to_json(arguments[0])


def _refuse(message: str) -> ExpressionError:
    return ExpressionError(Fault.EVALUATION, message)


FUNCTIONS: Mapping[str, Function] = {
    "contains": _contains,
    "endswith": _ends_with,
    "format": _format,
    "fromjson": _from_json,
    "join": _join,
    "startswith": _starts_with,
    "tojson": _to_json,
}
