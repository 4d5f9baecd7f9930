"""Whether a rule's match is one: its keywords, how random the value is, and what it must not be."""

from collections.abc import Iterator
from functools import cached_property

from penstock.core.secrets.likeness import Likeness, entropy
from penstock.core.secrets.rules import Compile, Expression, Match, Rule

_AROUND = 200
"""Bytes of a line that are looked at on either side of a match: a line may be as long as the file."""
_SAMPLE = 4096
"""Bytes of a value that say how random it is."""

Place = tuple[int, int]


class Confirmed:
    """One rule, its expressions compiled when they are first needed."""

    def __init__(self, rule: Rule, likeness: Likeness, compile_: Compile) -> None:
        self.rule = rule
        self._likeness = likeness
        self._compile = compile_
        self._keywords = tuple(word.encode() for word in rule.keywords)

    def places(self, data: bytes) -> Iterator[Place]:
        """From where to where each secret of this rule is; they do not overlap."""
        at = 0
        while match := self._expression.search(data, at):
            whole = match.span()
            start, end = self._secret(data, match)
            at = max(at + 1, end, whole[1] - 1)  # what ended one may begin the next
            if start < end and self._holds(data, whole, (start, end)):
                yield _characters(data, start, end)

    @cached_property
    def _expression(self) -> Expression:
        return self._compile(self.rule.expression)

    @cached_property
    def _groups(self) -> range:
        return range(1, self._expression.groups + 1)

    @cached_property
    def _exclude(self) -> Expression | None:
        return self._one_of(self.rule.exclude)

    @cached_property
    def _exclude_match(self) -> Expression | None:
        return self._one_of(self.rule.exclude_match)

    @cached_property
    def _exclude_line(self) -> Expression | None:
        return self._one_of(self.rule.exclude_line)

    @cached_property
    def _require(self) -> tuple[Expression, ...]:
        return tuple(map(self._compile, self.rule.require))

    def _one_of(self, expressions: tuple[str, ...]) -> Expression | None:
        return self._compile("|".join(f"(?:{each})" for each in expressions)) if expressions else None

    def _secret(self, data: bytes, match: Match) -> Place:
        if self.rule.until:
            start, end = match.span()
            kind = data[slice(*match.span(1))] if self._groups else b""
            mark = self.rule.until.encode().replace(b"{}", kind)
            closed = data.find(mark, end)
            return start, len(data) if closed < 0 else closed + len(mark)
        if self.rule.group:
            return match.span(self.rule.group)
        for group in self._groups:
            place = match.span(group)
            if place[0] < place[1]:
                return place
        return match.span()

    def _holds(self, data: bytes, whole: Place, secret: Place) -> bool:
        value, match = data[slice(*secret)], data[slice(*whole)]
        line = _line(data, whole)
        return (
            self._has_keyword(line)
            and (not self.rule.entropy or entropy(value[:_SAMPLE]) >= self.rule.entropy)
            and not (self._exclude and self._exclude.search(value))
            and not (self._exclude_match and self._exclude_match.search(match))
            and not (self._exclude_line and self._exclude_line.search(line))
            and all(each.search(value) for each in self._require)
            and not (self.rule.literal and self._likeness.stands_for_one(value))
            and not (self.rule.random and self._likeness.reads_as_words(value))
        )

    def _has_keyword(self, line: bytes) -> bool:
        low = line.lower()
        return not self._keywords or any(word in low for word in self._keywords)


def _line(data: bytes, match: Place) -> bytes:
    """The lines that a match is on, as far as they are near."""
    before, after = max(0, match[0] - _AROUND), match[1] + _AROUND
    first = data.rfind(b"\n", before, match[0]) + 1 or before
    last = data.find(b"\n", match[1], after)
    return data[first : last if last >= 0 else after]


def _characters(data: bytes, start: int, end: int) -> Place:
    """As many bytes more as make it whole characters."""
    while start and _continues(data, start):
        start -= 1
    while end < len(data) and _continues(data, end):
        end += 1
    return start, end


def _continues(data: bytes, at: int) -> bool:
    return data[at] & 0xC0 == 0x80
