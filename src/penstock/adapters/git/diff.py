"""The difference of two trees as git's raw diff tells it; a patch's text is only read for the patch digest."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from penstock.adapters.git.command import Git
from penstock.adapters.git.names import shown
from penstock.adapters.git.objects import mode_of
from penstock.core.evidence import FileMode, FileStatus
from penstock.core.ledger import canonical, sha256
from penstock.core.refs import Digest, Sha
from penstock.ports import Permanent

_STATUS = {
    b"A": FileStatus.ADDED,
    b"M": FileStatus.MODIFIED,
    b"D": FileStatus.DELETED,
    b"T": FileStatus.TYPE_CHANGED,
}
_OPTIONS = ("-r", "--no-renames", "--no-abbrev", "--no-ext-diff", "--no-textconv", "--no-color")
_RAW = ("-z", "--raw", "--numstat")
_HUNK = re.compile(rb"@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@")


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """One path that differs. `raw` is the path's bytes; counts are of lines, 0 for binary content."""

    raw: bytes
    status: FileStatus
    old_mode: FileMode
    new_mode: FileMode
    old_sha: Sha | None
    new_sha: Sha | None
    additions: int
    deletions: int
    binary: bool

    @property
    def path(self) -> str:
        """Raises Permanent `unsafe_tree` where the path is not UTF-8: nothing could name it to a forge."""
        try:
            return self.raw.decode()
        except UnicodeDecodeError as error:
            raise Permanent("unsafe_tree", f"the changed name {shown(self.raw)} is not UTF-8") from error


def changes(git: Git, old: Sha, new: Sha) -> tuple[Changed, ...]:
    """Every path that differs between two trees (or commits' trees), in git's order."""
    return _told(git.run("diff-tree", *_OPTIONS, *_RAW, old, new))[0]


def compared(git: Git, old: Sha, new: Sha) -> tuple[tuple[Changed, ...], Digest]:
    """The same and the patch digest, of one look at the trees."""
    changed, patch = _told(git.run("diff-tree", *_OPTIONS, *_RAW, "-p", old, new))
    return changed, _patch_digest(patch, changed)


def _told(output: bytes) -> tuple[tuple[Changed, ...], bytes]:
    """The paths that differ, and the patch where one was asked for: it follows an empty field, and may have NULs."""
    raw: list[tuple[bytes, bytes]] = []
    counts: dict[bytes, tuple[bytes, bytes]] = {}
    at = 0
    while at < len(output) and (end := output.index(b"\0", at)) > at:
        field, at = output[at:end], end + 1
        if field.startswith(b":"):
            end = output.index(b"\0", at)
            raw.append((output[at:end], field))
            at = end + 1
        else:
            added, deleted, path = field.split(b"\t", 2)
            counts[path] = (added, deleted)
    return tuple(_changed(path, head, counts[path]) for path, head in raw), output[at + 1 :]


def _changed(path: bytes, head: bytes, counts: tuple[bytes, bytes]) -> Changed:
    old_mode, new_mode, old_sha, new_sha, status = head[1:].split()
    binary = counts[0] == b"-"
    return Changed(
        raw=path,
        status=_STATUS[status[:1]],
        old_mode=_mode(old_mode),
        new_mode=_mode(new_mode),
        old_sha=_sha(old_sha),
        new_sha=_sha(new_sha),
        additions=0 if binary else int(counts[0]),
        deletions=0 if binary else int(counts[1]),
        binary=binary,
    )


def _mode(written: bytes) -> FileMode:
    return FileMode.ABSENT if written == b"000000" else mode_of(written)


def _sha(written: bytes) -> Sha | None:
    return Sha(written.decode()) if written.strip(b"0") else None


def patch_text(git: Git, old: Sha, new: Sha) -> bytes:
    return git.run("diff-tree", *_OPTIONS, "-p", old, new)


def _patch_digest(patch: bytes, changed: tuple[Changed, ...]) -> Digest:
    """Names the normalized patch: paths, modes and hunks without line numbers; binary content by its ids.

    Equal patches to two repositories have equal digests, wherever in a file they apply.
    """
    bodies = _bodies(patch, changed)
    return sha256(
        canonical(
            [
                [
                    change.path,
                    change.old_mode.value,
                    change.new_mode.value,
                    [change.old_sha, change.new_sha] if change.binary else body,
                ]
                for change, body in zip(changed, bodies, strict=True)
            ]
        )
    )


def _bodies(patch: bytes, changed: tuple[Changed, ...]) -> list[str]:
    """The digest of each path's hunks. A change of type comes as two sections, a deletion and a creation."""
    sections = list(_sections(patch))
    assert len(sections) == sum(_sections_of(change) for change in changed), "a section for every raw change"  # noqa: S101
    remaining = iter(sections)
    return [sha256(b"".join(next(remaining) for _ in range(_sections_of(change)))) for change in changed]


def _sections_of(change: Changed) -> int:
    return 2 if change.status is FileStatus.TYPE_CHANGED else 1


def _sections(patch: bytes) -> Iterator[bytes]:
    """The hunks of each `diff --git`, a digest each. Hunks say their length, so no content can pose as a header."""
    lines = iter(patch.split(b"\n"))
    body = None
    for line in lines:
        if line.startswith(b"diff --git "):
            if body is not None:
                yield body.digest()
            body = hashlib.sha256()
        elif body is not None and (hunk := _HUNK.match(line)):
            body.update(b"@@\n")
            for part in _hunk(lines, *map(int, hunk.groups(b"1"))):
                body.update(part + b"\n")
        elif body is not None and line.startswith(b"\\"):
            body.update(line)  # "\\ No newline at end of file", which a hunk's length does not count
    if body is not None:
        yield body.digest()


def _hunk(lines: Iterator[bytes], old: int, new: int) -> Iterator[bytes]:
    while old or new:
        line = next(lines)
        old -= line[:1] in {b" ", b"-"}
        new -= line[:1] in {b" ", b"+"}
        yield line
