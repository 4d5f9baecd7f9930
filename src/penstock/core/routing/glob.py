"""Globs over texts: `*` is any run of characters (a slash, too), `?` any one, `\\` takes the next as it is.

Matching is linear in the text: what stands between stars is found from left to right, and never looked for again.
"""

from dataclasses import dataclass
from functools import lru_cache

MAX_CHARACTERS = 1000
ONE = "\0"
"""In a segment: any one character. Neither patterns nor facts have a NUL of their own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Glob:
    """`segments` are what stands between the pattern's stars: one segment, no star."""

    pattern: str
    segments: tuple[str, ...]

    @property
    def literal(self) -> bool:
        return len(self.segments) == 1 and ONE not in self.segments[0]


def glob(pattern: str) -> Glob:
    """A pattern as its segments. Raises ValueError where it is too long or ends in the middle of an escape."""
    if len(pattern) > MAX_CHARACTERS:
        raise ValueError(f"a glob has at most {MAX_CHARACTERS} characters")
    segments, characters = [""], iter(pattern)
    for char in characters:
        match char:
            case "*":
                segments.append("")
            case "?":
                segments[-1] += ONE
            case "\\":
                taken = next(characters, None)
                if taken is None:
                    raise ValueError("a glob cannot end with a backslash")
                segments[-1] += taken
            case _:
                segments[-1] += char
    first, *middle, last = segments if len(segments) > 1 else (segments[0], "")
    kept = (first,) if len(segments) == 1 else (first, *filter(None, middle), last)
    return Glob(pattern=pattern, segments=kept)


def matches(it: Glob, text: str) -> bool:
    """Does the whole text match."""
    first, *rest = it.segments
    if not rest:
        return len(text) == len(first) and _fits(first, text, 0)
    *middle, last = rest
    end = len(text) - len(last)
    if end < len(first) or not (_fits(first, text, 0) and _fits(last, text, end)):
        return False
    at = len(first)
    for segment in middle:
        found = _find(segment, text, at, end)
        if found < 0:
            return False
        at = found + len(segment)
    return True


def matches_any(it: Glob, texts: tuple[str, ...]) -> bool:
    return any(matches(it, text) for text in texts)


def _fits(segment: str, text: str, at: int) -> bool:
    if ONE not in segment:
        return text.startswith(segment, at)
    return len(text) >= at + len(segment) and all(
        want in (ONE, has) for want, has in zip(segment, text[at : at + len(segment)], strict=True)
    )


def _find(segment: str, text: str, start: int, end: int) -> int:
    """Where the segment first stands within [start, end); -1 where it does not."""
    if ONE not in segment:
        return text.find(segment, start, end)
    anything, bits = _bits(segment)
    done, state = 1 << (len(segment) - 1), 0
    for at in range(start, end):  # every bit is a beginning of the segment that ends here
        state = (state << 1 | 1) & bits.get(text[at], anything)
        if state & done:
            return at - len(segment) + 1
    return -1


@lru_cache(maxsize=1024)
def _bits(segment: str) -> tuple[int, dict[str, int]]:
    """For each character the places of the segment that it fits: first for those that the segment does not name."""
    anything = sum(1 << place for place, char in enumerate(segment) if char == ONE)
    named = dict.fromkeys(segment, anything)
    for place, char in enumerate(segment):
        named[char] |= 1 << place
    return anything, named
