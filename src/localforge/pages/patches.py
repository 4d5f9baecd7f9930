"""A diff as rows of a table: what kind of line, its numbers on both sides, its text."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from localforge.git.diff import FileChange

LARGEST_OPEN = 600
LARGEST_TOTAL = 20_000
_HUNK = re.compile(r"@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@")
_GENERATED = re.compile(
    r"(^|/)(package-lock\.json|npm-shrinkwrap\.json|yarn\.lock|pnpm-lock\.yaml|poetry\.lock|uv\.lock|Pipfile\.lock"
    r"|Cargo\.lock|Gemfile\.lock|composer\.lock|go\.sum|[^/]*\.(lock|lockb|min\.js|min\.css))$"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """`kind` is added, removed, same, hunk or note; the numbers are empty where the line is not on that side."""

    kind: str
    old: str
    new: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Patch:
    """One file's part of a diff. `note` says why it is folded away or has no lines."""

    file: FileChange
    lines: Sequence[Line]
    note: str
    folded: bool


def patches(files: Sequence[FileChange]) -> list[Patch]:
    """The files' diffs; lock files and long ones folded, and no lines any more once the page is full."""
    shown, left = [], LARGEST_TOTAL
    for file in files:
        patch = _patch(file, left)
        left -= len(patch.lines)
        shown.append(patch)
    return shown


def _patch(file: FileChange, left: int) -> Patch:
    if file.patch is None:
        binary_or_moved = file.additions + file.deletions == 0
        note = "no lines to show" if binary_or_moved else "too large to show"
        return Patch(file=file, lines=(), note=note, folded=True)
    lines = list(_lines(file.patch))
    if len(lines) > left:
        return Patch(file=file, lines=(), note="not shown: the page is full", folded=True)
    generated = bool(_GENERATED.search(file.path))
    note = (
        "lock or generated file" if generated else f"{len(lines)} lines" if len(lines) > LARGEST_OPEN else ""
    )
    return Patch(file=file, lines=lines, note=note, folded=bool(note))


def _lines(patch: str) -> Iterator[Line]:
    old = new = 0
    for text in patch.split("\n"):
        if start := _HUNK.match(text):
            old, new = int(start[1]), int(start[2])
            yield Line(kind="hunk", old="", new="", text=text)
        elif text.startswith("+"):
            yield Line(kind="added", old="", new=str(new), text=text)
            new += 1
        elif text.startswith("-"):
            yield Line(kind="removed", old=str(old), new="", text=text)
            old += 1
        elif text.startswith("\\"):
            yield Line(kind="note", old="", new="", text=text)
        else:
            yield Line(kind="same", old=str(old), new=str(new), text=text)
            old, new = old + 1, new + 1
