"""Text to tokens."""

import math
import re
from dataclasses import dataclass
from enum import Enum

from localforge.actions.expressions.errors import ExpressionError, Fault
from localforge.actions.expressions.values import number_from

MAX_LENGTH = 21_000


class Kind(Enum):
    """Token kinds; punctuation and operators carry their own spelling."""

    NUMBER = "number"
    STRING = "string"
    NAME = "name"
    CONSTANT = "constant"
    SYMBOL = "symbol"
    END = "end"


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """`text` as written (for a string: its unquoted value); `offset` in characters from 0."""

    kind: Kind
    text: str
    offset: int
    value: float | bool | None = None


_SPACE = re.compile(r"\s+")
_STRING = re.compile(r"'((?:[^']|'')*)'")
_SYMBOL = re.compile(r"==|!=|<=|>=|&&|\|\||[()\[\],!<>*]")
_WORD_END = re.compile(r"[\s(\[)\],.!><=&|]|\Z")
_NUMBER_END = re.compile(r"[\s(\[)\],!><=&|]|\Z")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_CONSTANTS: dict[str, float | bool | None] = {"true": True, "false": False, "null": None}
_NUMBER_NAMES = {"NaN": math.nan, "Infinity": math.inf}
_AFTER_VALUE = frozenset({")", "]", "*"})


def tokenize(source: str) -> list[Token]:
    """All tokens of `source`, the last one Kind.END. Raises ExpressionError (Fault.LEXING)."""
    if len(source) > MAX_LENGTH:
        raise ExpressionError(Fault.PARSING, f"Exceeded max expression length {MAX_LENGTH}")
    tokens: list[Token] = []
    offset = 0
    while offset < len(source):
        if space := _SPACE.match(source, offset):
            offset = space.end()
            continue
        token, offset = _next(source, offset, tokens[-1] if tokens else None)
        tokens.append(token)
    tokens.append(Token(kind=Kind.END, text="", offset=len(source)))
    return tokens


def _next(source: str, offset: int, before: Token | None) -> tuple[Token, int]:
    if string := _STRING.match(source, offset):
        unquoted = string[1].replace("''", "'")
        return Token(kind=Kind.STRING, text=unquoted, offset=offset), string.end()
    if source[offset] == "'":
        raise _unexpected(source, offset, source[offset:])
    if symbol := _SYMBOL.match(source, offset):
        return Token(kind=Kind.SYMBOL, text=symbol[0], offset=offset), symbol.end()
    if source[offset] == "." and before is not None and _ends_value(before):
        return Token(kind=Kind.SYMBOL, text=".", offset=offset), offset + 1
    if source[offset] in "+-.0123456789":
        return _number(source, offset)
    return _word(source, offset, before)


def _ends_value(token: Token) -> bool:
    return token.kind is Kind.NAME or (token.kind is Kind.SYMBOL and token.text in _AFTER_VALUE)


def _until(end: re.Pattern[str], source: str, offset: int) -> str:
    """From `offset`, whose character is taken in any case, up to what ends it."""
    found = end.search(source, offset + 1)
    return source[offset : found.start()] if found else source[offset:]


def _number(source: str, offset: int) -> tuple[Token, int]:
    text = _until(_NUMBER_END, source, offset)
    value = number_from(text)
    if math.isnan(value):
        raise _unexpected(source, offset, text)
    return Token(kind=Kind.NUMBER, text=text, offset=offset, value=value), offset + len(text)


def _word(source: str, offset: int, before: Token | None) -> tuple[Token, int]:
    text = _until(_WORD_END, source, offset)
    end = offset + len(text)
    if not _NAME.fullmatch(text):
        raise _unexpected(source, offset, text)
    is_property = before is not None and before.kind is Kind.SYMBOL and before.text == "."
    if not is_property and text in _CONSTANTS:
        return Token(kind=Kind.CONSTANT, text=text, offset=offset, value=_CONSTANTS[text]), end
    if not is_property and text in _NUMBER_NAMES:
        return Token(kind=Kind.NUMBER, text=text, offset=offset, value=_NUMBER_NAMES[text]), end
    return Token(kind=Kind.NAME, text=text, offset=offset), end


def _unexpected(source: str, offset: int, symbol: str) -> ExpressionError:
    return ExpressionError.at(Fault.LEXING, f"Unexpected symbol: '{symbol}'", offset, source)
