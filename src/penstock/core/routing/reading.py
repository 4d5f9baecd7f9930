"""The condition language: text to syntax tree, by a Pratt parser whose every step is bounded.

a || b     a && b     !a     name == "x"  != < <= > >= ~ !~     name in ["x", "y"]     "x" in name     ( )
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from penstock.core.routing.tree import Span

MAX_CHARACTERS = 10_000
MAX_DEPTH = 50
"""How deep parentheses and `!` may stand in each other."""
MAX_DIGITS = 15
"""What a double holds exactly."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What is wrong with a condition, and at which character."""

    offset: int
    message: str
    nearest: str = ""


class Faulty(Exception):
    """Ends reading and checking at the first fault; never leaves this package."""

    def __init__(self, offset: int, message: str, nearest: str = "") -> None:
        super().__init__(message)
        self.fault = Fault(offset=offset, message=message, nearest=nearest)


@dataclass(frozen=True, slots=True, kw_only=True)
class NameRead:
    name: str
    span: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Literal:
    value: str | float | bool
    span: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class ListRead:
    items: tuple[Literal, ...]
    span: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Negation:
    of: "Syntax"
    span: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """`at` is where the operator stands."""

    sign: str
    left: "Syntax"
    right: "Syntax"
    at: int
    span: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """Two or more parts joined by one operator, `&&` or `||`."""

    sign: str
    parts: "tuple[Syntax, ...]"
    span: Span


Syntax = NameRead | Literal | ListRead | Negation | Comparison | Chain

OR, AND, COMPARE, NOT = 1, 2, 3, 4
"""How tightly operators bind."""
_BINDING = {"||": OR, "&&": AND} | dict.fromkeys(("==", "!=", "<", "<=", ">", ">=", "~", "!~", "in"), COMPARE)
_TOKEN = re.compile(
    r"(?P<blank>[ \t\r\n]+)"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z0-9_-]+)*)"
    r"|(?P<number>-?[0-9]+(?:\.[0-9]+)?)"
    r"|(?P<text>\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*')"
    r"|(?P<sign>&&|\|\||==|!=|<=|>=|!~|[<>~!(),\[\]])",
    re.DOTALL,
)
"""Alternatives that begin differently, each a loop over one class of characters: linear, whatever the text."""
_MEANT = {"=": "==", "&": "&&", "|": "||"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Token:
    kind: str
    text: str
    span: Span


def read(text: str) -> Syntax | Fault:
    """A condition's syntax tree. Bounded: by its length and depth, whatever it says."""
    if len(text) > MAX_CHARACTERS:
        message = f"a condition has at most {MAX_CHARACTERS} characters, and this one has {len(text)}"
        return Fault(offset=MAX_CHARACTERS, message=message)
    try:
        return _Parser(tuple(_tokens(text))).whole()
    except Faulty as faulty:
        return faulty.fault


def _tokens(text: str) -> Iterator[_Token]:
    at = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise _unreadable(text, at)
        kind = found.lastgroup or ""
        if kind != "blank":
            yield _Token(kind=kind, text=found[0], span=Span(start=at, end=found.end()))
        at = found.end()
    yield _Token(kind="end", text="", span=Span(start=at, end=at))


def _unreadable(text: str, at: int) -> Faulty:
    char = text[at]
    if char in "\"'":
        return Faulty(at, "this text has no end: a quote is missing")
    return Faulty(at, f"{char!r} is no part of the condition language", _MEANT.get(char, ""))


class _Parser:
    def __init__(self, tokens: tuple[_Token, ...]) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0

    def whole(self) -> Syntax:
        if self._next.kind == "end":
            raise Faulty(0, "a condition is missing here; `true` holds always")
        tree = self._expression(0)
        if self._next.kind != "end":
            raise self._surprised("the condition should end here, or go on with `&&` or `||`")
        return tree

    @property
    def _next(self) -> _Token:
        return self._tokens[self._at]

    def _take(self) -> _Token:
        token = self._next
        self._at += 1
        return token

    def _surprised(self, expected: str) -> Faulty:
        token = self._next
        found = f"`{token.text[:40]}`" if token.text else "the end"
        return Faulty(token.span.start, f"{expected}; found {found}")

    def _expression(self, binding: int) -> Syntax:
        """The longest expression whose operators all bind more tightly than `binding`."""
        left = self._operand()
        while (tightness := self._tightness()) > binding:
            left = self._compared(left) if tightness == COMPARE else self._chained(left, tightness)
        return left

    def _tightness(self) -> int:
        token = self._next
        return _BINDING.get(token.text, 0) if token.kind in {"sign", "name"} else 0

    def _compared(self, left: Syntax) -> Comparison:
        sign = self._take()
        right = self._expression(COMPARE)
        if self._tightness() == COMPARE:
            raise self._surprised("comparisons do not chain: join two with `&&`")
        span = Span(start=left.span.start, end=right.span.end)
        return Comparison(sign=sign.text, left=left, right=right, at=sign.span.start, span=span)

    def _chained(self, first: Syntax, tightness: int) -> Chain:
        sign = self._next.text
        parts = [first]
        while self._next.text == sign and self._next.kind == "sign":
            self._take()
            parts.append(self._expression(tightness))
        span = Span(start=first.span.start, end=parts[-1].span.end)
        return Chain(sign=sign, parts=tuple(parts), span=span)

    def _operand(self) -> Syntax:
        token = self._next
        match token.kind, token.text:
            case "name", "true" | "false":
                return Literal(value=token.text == "true", span=self._take().span)
            case "name", text if text != "in":
                return NameRead(name=text, span=self._take().span)
            case (("text" | "number"), _):
                return _literal(self._take())
            case "sign", "!":
                return self._deeper(self._negation)
            case "sign", "(":
                return self._deeper(self._group)
            case "sign", "[":
                return self._list()
        raise self._surprised("a name, a text, a number or `(` should stand here")

    def _deeper(self, inner: Callable[[], Syntax]) -> Syntax:
        if self._depth == MAX_DEPTH:
            raise Faulty(self._next.span.start, f"nested more than {MAX_DEPTH} deep")
        self._depth += 1
        tree = inner()
        self._depth -= 1
        return tree

    def _negation(self) -> Syntax:
        start = self._take().span.start
        inner = self._expression(NOT)
        last = self._tokens[self._at - 1]  # the parenthesis that closes what is negated, where there is one
        return Negation(of=inner, span=Span(start=start, end=last.span.end))

    def _group(self) -> Syntax:
        opened = self._take()
        inner = self._expression(0)
        if self._next.text != ")":
            raise self._surprised(f"the `(` at character {opened.span.start + 1} is not closed")
        self._take()
        return inner

    def _list(self) -> ListRead:
        start = self._take().span.start
        items: list[Literal] = []
        while self._next.text != "]":
            if items and self._take().text != ",":
                self._at -= 1
                raise self._surprised("a list goes on with `,` or ends with `]`")
            item = self._operand()
            if not isinstance(item, Literal):
                raise Faulty(item.span.start, "a list holds texts, numbers, `true` and `false`")
            items.append(item)
        return ListRead(items=tuple(items), span=Span(start=start, end=self._take().span.end))


def _literal(token: _Token) -> Literal:
    start = token.span.start
    if token.kind == "number":
        if len(token.text) > MAX_DIGITS:
            raise Faulty(start, f"a number has at most {MAX_DIGITS} digits")
        return Literal(value=float(token.text), span=token.span)
    return Literal(value="".join(_characters(token.text[1:-1], start + 1)), span=token.span)


def _characters(quoted: str, start: int) -> Iterator[str]:
    """A text's characters: a backslash takes a quote or a backslash as it is, and nothing else."""
    characters = iter(enumerate(quoted, start))
    for at, char in characters:
        if char < " " or char == "\x7f":
            raise Faulty(at, "a text holds no control character")
        taken = next(characters)[1] if char == "\\" else char
        if char == "\\" and taken not in "\\\"'":
            raise Faulty(at, f"`\\{taken}` is no escape; a backslash itself is written `\\\\`")
        yield taken
