"""A Python source in pieces that are Python by themselves, so that only those that differ of two sources need be parsed.

A piece begins at the margin, where no bracket, text or line is open (The Python Language Reference, 2, "Lexical analysis"), with what
may begin a statement and continues none. A source is valid where each of its pieces is.
"""

import re
from bisect import bisect_left
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass

from penstock.core.sources.statements import words

_TOKEN = re.compile(
    rb"""\#[^\n]*+
    |"{3}(?:[^"\\]++|\\[\s\S]|"(?!""))*+"{3} | '{3}(?:[^'\\]++|\\[\s\S]|'(?!''))*+'{3}
    |(?P<endless>"{3}|'{3})
    |"(?:[^"\\\n]++|\\\r?[\s\S])*+" | '(?:[^'\\\n]++|\\\r?[\s\S])*+'
    |(?P<quote>["'])
    |[(\[{](?:[^()\[\]{}"'\#\\]++|"[^"\\\n]*+"(?!")|'[^'\\\n]*+'(?!'))*+[)\]}]
    |(?P<opening>[(\[{]) | (?P<closing>[)\]}])
    |\\\r?\n
    |(?P<begins>\n(?=@|(?!(?:elif|else|except|finally)\b)[A-Za-z_]))""",
    re.VERBOSE,
)
_FUNCTION = re.compile(rb"(?:@.*\n)*(?:async )?def ([A-Za-z_]\w*)\(")
_MARGIN = re.compile(rb"^[^\s#)]", re.MULTILINE)
"""Where something else than the function begins: behind it, nothing may but remarks and the end of its parameters."""
_STRANGE = re.compile(rb"\r(?!\n)|\x00")
"""Lines that end otherwise, and what no source has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """Two sources in pieces. What they share is not looked at: where it is not valid, neither source is."""

    before: Sequence[bytes]
    after: Sequence[bytes]
    shared: frozenset[bytes]

    @property
    def differing(self) -> tuple[bytes, bytes]:
        """Both with nothing but line ends in place of what they share."""
        return self._without(self.shared)

    def beside(self, named: Container[str]) -> tuple[bytes, bytes]:
        """Both without what they share of functions, unless one is named."""
        return self._without(
            {piece for piece in self.shared if (name := _function(piece)) and name not in named}
        )

    @property
    def imports(self) -> bytes:
        """What they share of them."""
        return b"".join(piece for piece in self.shared if piece.startswith((b"from ", b"import ")))

    @property
    def names(self) -> tuple[frozenset[str], frozenset[str]]:
        """What may be a name on each side, outside of functions: theirs, and what decorates them, are."""
        before, after = (
            words(b" ".join(piece[: _outside(piece)] for piece in side)) for side in (self.before, self.after)
        )
        return before, after

    def _without(self, pieces: Container[bytes]) -> tuple[bytes, bytes]:
        before, after = (
            b"".join(b"\n" * piece.count(b"\n") if piece in pieces else piece for piece in side)
            for side in (self.before, self.after)
        )
        return before, after


def sides_of(before: bytes, after: bytes) -> Sides | None:
    """None where what differs cannot be told without parsing."""
    if _STRANGE.search(before) or _STRANGE.search(after):
        return None
    both = _cuts_of_both(before, after)
    if both is None:
        return None
    old, new = (_pieces(source, cuts) for source, cuts in zip((before, after), both, strict=True))
    shared = frozenset(old).intersection(new)
    if [piece for piece in old if piece in shared] != [piece for piece in new if piece in shared]:
        return None
    return Sides(before=old, after=new, shared=shared)


def _function(piece: bytes) -> str:
    """The name of one that is all of a piece; else empty."""
    found = _whole_function(piece)
    return found[1].decode() if found else ""


def _outside(piece: bytes) -> int:
    """Where a function that is all of a piece begins to be its own."""
    found = _whole_function(piece)
    return found.end() if found else len(piece)


def _whole_function(piece: bytes) -> re.Match[bytes] | None:
    found = _FUNCTION.match(piece)
    return found if found and not _MARGIN.search(piece, found.end()) else None


def _pieces(source: bytes, cuts: Sequence[int]) -> list[bytes]:
    return [source[first:last] for first, last in zip(cuts, [*cuts[1:], len(source)], strict=True)]


def _cuts_of_both(before: bytes, after: bytes) -> tuple[list[int], list[int]] | None:
    """What is the same in front and behind is read once."""
    try:
        old = [0, *_cuts(before, 0)]
        front = _alike(before, after)
        new = old[: max(bisect_left(old, front), 1)]
        back = min(_alike(before[::-1], after[::-1]), len(before) - front, len(after) - front)
        known, moved = frozenset(old), len(before) - len(after)
        for cut in _cuts(after, new[-1]):
            if cut >= len(after) - back and cut + moved in known:
                return old, new + [each - moved for each in old[bisect_left(old, cut + moved) :]]
            new.append(cut)
    except _OpenError:
        return None
    return old, new


def _alike(one: bytes, other: bytes) -> int:
    """How many bytes both begin with."""
    most = min(len(one), len(other))
    return bisect_left(range(most), 1, key=lambda n: one[: n + 1] != other[: n + 1])


class _OpenError(Exception):
    """A text or a bracket has no end, or no beginning."""


def _cuts(source: bytes, start: int) -> Iterator[int]:
    """Where pieces begin after the one that begins at `start`. A decorator's goes on."""
    depth, decorated = 0, source.startswith(b"@", start)
    for token in _TOKEN.finditer(source, start):
        match token.lastgroup:
            case "opening":
                depth += 1
            case "closing":
                depth -= 1
                if depth < 0:
                    raise _OpenError
            case "begins" if not depth:
                if not decorated:
                    yield token.end()
                decorated = source.startswith(b"@", token.end())
            case "endless" | "quote":
                raise _OpenError
    if depth:
        raise _OpenError
