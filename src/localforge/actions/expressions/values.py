"""Values of the expression language and GitHub's coercions between them.

Loose equality follows ECMAScript's, except that strings compare without case and arrays and objects compare by
identity (docs.github.com, "Evaluate expressions in workflows and actions", operators).
"""

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import TypeAlias, TypeGuard

Value: TypeAlias = "bool | int | float | str | Sequence[Value] | Mapping[str, Value] | None"

_DECIMAL = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_RADIX = re.compile(r"0x([0-9a-fA-F]+)|0o([0-7]+)", re.ASCII)
_MAX_BITS = 1023
_INFINITIES = {"Infinity": math.inf, "+Infinity": math.inf, "-Infinity": -math.inf}


def is_array(value: Value) -> TypeGuard[Sequence[Value]]:
    return isinstance(value, Sequence) and not isinstance(value, str)


def number_from(text: str) -> float:
    """The number that `text` spells; 0 for blank text, NaN for anything else."""
    text = text.strip()
    if not text:
        return 0.0
    if radix := _RADIX.fullmatch(text):
        digits, base = (radix[1], 16) if radix[1] else (radix[2], 8)
        number = int(digits, base)
        return float(number) if number.bit_length() <= _MAX_BITS else math.inf
    if _DECIMAL.fullmatch(text):
        return float(text)
    return _INFINITIES.get(text, math.nan)


def to_number(value: Value) -> float:
    match value:
        case None:
            return 0.0
        case bool() | int() | float():
            return float(value)
        case str():
            return number_from(value)
        case _:
            return math.nan


def _number_text(number: float) -> str:
    """A number as .NET's "G15" prints it, minus zero as "0" (the evaluator GitHub runs is .NET)."""
    if math.isnan(number):
        return "NaN"
    if math.isinf(number):
        return "Infinity" if number > 0 else "-Infinity"
    return format(number + 0.0 if number else 0.0, ".15G")


def to_text(value: Value) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case int() | float():
            return _number_text(value)
        case str():
            return value
        case Mapping():
            return "Object"
        case _:
            return "Array"


def truthy(value: Value) -> bool:
    match value:
        case None:
            return False
        case bool() | str():
            return bool(value)
        case int() | float():
            return bool(value) and not math.isnan(value)
        case _:
            return True


def to_json(value: Value, indent: str = "") -> str:
    """Indented JSON as `toJSON` prints it: two spaces, empty containers closed at once."""
    deeper = indent + "  "
    match value:
        case None:
            return "null"
        case bool() | int() | float():
            return to_text(value)
        case str():
            return json.dumps(value, ensure_ascii=False)
        case Mapping():
            rows = [f"{json.dumps(k, ensure_ascii=False)}: {to_json(v, deeper)}" for k, v in value.items()]
            brackets = "{}"
        case _:
            rows = [to_json(item, deeper) for item in value]
            brackets = "[]"
    if not rows:
        return brackets
    body = ",\n".join(deeper + row for row in rows)
    return f"{brackets[0]}\n{body}\n{indent}{brackets[1]}"


def fold_case(text: str) -> str:
    """Upper case as .NET's OrdinalIgnoreCase: one character to one character, the dotless i left alone."""
    return "".join(up if len(up := c.upper()) == 1 and c != "ı" else c for c in text)


def _coerced(left: Value, right: Value) -> tuple[Value, Value]:
    """Both sides made comparable: a null, a boolean, or a string facing a number becomes a number."""
    if left is None and right is None:
        return left, right
    if isinstance(left, bool) and isinstance(right, bool):
        return left, right
    if isinstance(left, str) and isinstance(right, str):
        return left, right
    scalar = (bool, int, float, str)
    if (left is None or isinstance(left, scalar)) and (right is None or isinstance(right, scalar)):
        return to_number(left), to_number(right)
    return left, right


def order(left: Value, right: Value) -> int | None:
    """-1, 0 or 1 as `left` is less than, loosely equal to or greater than `right`; None when neither holds."""
    left, right = _coerced(left, right)
    if isinstance(left, str) and isinstance(right, str):
        left_key, right_key = fold_case(left), fold_case(right)
        return (left_key > right_key) - (left_key < right_key)
    if isinstance(left, int | float) and isinstance(right, int | float):
        return None if math.isnan(left) or math.isnan(right) else (left > right) - (left < right)
    return 0 if left is right else None


def lookup(container: Value, key: Value) -> Value:
    """`container[key]`: null for what is not there; object keys ignore case, array indices are floored numbers."""
    match container:
        case Mapping():
            return None if isinstance(key, Mapping) or is_array(key) else _member(container, to_text(key))
        case str() | None | bool() | int() | float():
            return None
        case _:
            index = to_number(key)
            if math.isfinite(index) and 0 <= index < len(container):
                return container[math.floor(index)]
            return None


def _member(mapping: Mapping[str, Value], name: str) -> Value:
    if name in mapping:
        return mapping[name]
    wanted = fold_case(name)
    return next((value for key, value in mapping.items() if fold_case(key) == wanted), None)
