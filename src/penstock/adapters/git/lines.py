"""Which lines a content has that another has not; most of a file stays, and costs next to nothing."""

from bisect import bisect_left
from collections import Counter


def added_lines(old: bytes, new: bytes) -> list[tuple[int, str]]:
    """Number (from 0) and text of the lines that `new` has and `old` has not, or not as often; moving adds none.

    Of equal lines the last ones are those that were added.
    """
    start = _same_at_start(old, new)
    more = _more(old[start:], new[start:])
    left = sum(more.values())
    found: list[tuple[int, str]] = []
    lines = new[start:].split(b"\n") if left else []
    first = new.count(b"\n", 0, start)
    for number in range(len(lines) - 1, -1, -1):
        line = lines[number]
        if more.get(line):
            more[line] -= 1
            left -= 1
            found.append((first + number, line.decode(errors="replace")))
        if not left:
            break
    return found[::-1]


def _more(old: bytes, new: bytes) -> dict[bytes, int]:
    """How many more there are of each line; what both end with has no part in it."""
    end = _same_at_end(old, new)
    before = Counter(old[: len(old) - end].split(b"\n"))
    after = Counter(new[: len(new) - end].split(b"\n"))
    return {line: count - before[line] for line, count in after.items() if count > before[line]}


def _same_at_start(old: bytes, new: bytes) -> int:
    """Bytes of the whole lines that both begin with."""
    most = min(len(old), len(new))
    same = bisect_left(range(1, most + 1), 1, key=lambda size: old[:size] != new[:size])
    return old.rfind(b"\n", 0, same) + 1


def _same_at_end(old: bytes, new: bytes) -> int:
    """Bytes of the whole lines that both end with, and of the line end before them."""
    most = min(len(old), len(new))
    whole = len(old), len(new)
    same = bisect_left(
        range(1, most + 1), 1, key=lambda size: old[whole[0] - size :] != new[whole[1] - size :]
    )
    at = old.find(b"\n", len(old) - same)
    return 0 if at < 0 else len(old) - at
