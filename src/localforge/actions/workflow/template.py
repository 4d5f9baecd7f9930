"""Text with `${{ }}` in it."""

from collections.abc import Iterator
from dataclasses import dataclass

from localforge.actions.expressions import (
    Environment,
    Expr,
    ExpressionError,
    Fault,
    Scope,
    Value,
    evaluate,
    parse,
    to_text,
)

_OPEN = "${{"
_INSERT = "insert"


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """`source` as written, cut into literal text and parsed expressions. A lone expression keeps its value's type."""

    source: str
    parts: tuple[str | Expr, ...]

    @property
    def inserts(self) -> bool:
        """Whether this is the directive `${{ insert }}`, a mapping key that merges its value."""
        return not self.parts

    def evaluate(self, environment: Environment) -> Value:
        """Raises ExpressionError."""
        values = [part if isinstance(part, str) else evaluate(part, environment) for part in self.parts]
        return values[0] if len(values) == 1 else "".join(map(to_text, values))


def read_template(source: str, scope: Scope) -> Template | None:
    """The template in `source`, or None when it holds no `${{`. Raises ExpressionError."""
    if _OPEN not in source:
        return None
    segments = list(_segments(source))
    if len(segments) == 1 and isinstance(segments[0], _Hole) and segments[0].text == _INSERT:
        return Template(source=source, parts=())
    parts = (parse(s.text, scope) if isinstance(s, _Hole) else s for s in segments)
    return Template(source=source, parts=tuple(parts))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Hole:
    text: str


def _segments(source: str) -> Iterator[str | _Hole]:
    position = 0
    while (start := source.find(_OPEN, position)) >= 0:
        if start > position:
            yield source[position:start]
        end = _end(source, start + len(_OPEN))
        text = source[start + len(_OPEN) : end - 2].strip()
        if not text:
            raise ExpressionError(Fault.PARSING, "An expression was expected")
        yield _Hole(text=text)
        position = end
    if position < len(source):
        yield source[position:]


def _end(source: str, position: int) -> int:
    """Just past the `}}` that closes the expression; quotes hide braces, and a doubled quote stays inside."""
    quoted = False
    while position < len(source):
        if source[position] == "'":
            quoted = not quoted
        elif not quoted and source.startswith("}}", position):
            return position + 2
        position += 1
    raise ExpressionError(
        Fault.LEXING,
        "The expression is not closed. An unescaped ${{ sequence was found, but the closing }} sequence was not found.",
    )
