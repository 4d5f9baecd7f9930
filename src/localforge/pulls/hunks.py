"""Places in a file's patch: from a line to its position and the hunk above it, and back."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Side = Literal["LEFT", "RIGHT"]

_HEADER = re.compile(r"@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@")


@dataclass(frozen=True, slots=True, kw_only=True)
class PatchLine:
    """A line of a patch. `position` counts from the line after the first hunk's header; a header has no numbers."""

    text: str
    position: int
    left: int | None
    right: int | None
    hunk: int


def lines(patch: str) -> Iterator[PatchLine]:
    """Every line of the patch, hunk headers included."""
    left = right = hunk = 0
    for position, text in enumerate(patch.split("\n")):
        header = _HEADER.match(text)
        on_left = on_right = None
        if header:
            left, right, hunk = int(header[1]), int(header[2]), position
        elif not text.startswith("\\"):
            on_left = left if text[:1] in {" ", "-"} else None
            on_right = right if text[:1] in {" ", "+"} else None
            left += on_left is not None
            right += on_right is not None
        yield PatchLine(text=text, position=position, left=on_left, right=on_right, hunk=hunk)


def at_line(patch: str, side: Side, number: int) -> PatchLine | None:
    """The line with this number on this side, if the patch shows it."""
    return next(
        (line for line in lines(patch) if (line.left if side == "LEFT" else line.right) == number), None
    )


def at_position(patch: str, position: int) -> tuple[Side, int] | None:
    """The side and number of the line at a position; None for a header or beyond the end."""
    for line in lines(patch):
        if line.position == position and line.right is not None:
            return "RIGHT", line.right
        if line.position == position and line.left is not None:
            return "LEFT", line.left
    return None


def hunk_above(patch: str, found: PatchLine) -> str:
    """The hunk from its header to the line: `diff_hunk`."""
    return "\n".join(patch.split("\n")[found.hunk : found.position + 1])
