"""What changed between two trees, as git sees it: renames found, submodules and binaries as such."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from localforge.git.directory import GitDir
from localforge.git.objects import EMPTY_TREE, Commit

Status = Literal["added", "removed", "modified", "renamed", "copied", "changed"]

_STATUS: dict[str, Status] = {
    "A": "added",
    "D": "removed",
    "M": "modified",
    "R": "renamed",
    "C": "copied",
    "T": "changed",
}
_OPTIONS = ("-r", "-M", "--no-ext-diff", "--no-textconv", "--ignore-submodules=none")
LARGEST_PATCH = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class FileChange:
    """One changed path. `sha` is the new blob (the old one when removed); `patch` the hunks, or None.

    There is no patch for a binary file, a pure rename, or hunks larger than a mebibyte.
    """

    path: str
    old_path: str | None
    status: Status
    sha: str
    old_mode: str
    new_mode: str
    additions: int
    deletions: int
    patch: str | None


def parent_tree(commit: Commit) -> str:
    """What a commit is compared with: its first parent, or nothing at all."""
    return commit.parents[0] if commit.parents else EMPTY_TREE


def changed_files(git: GitDir, base: str, head: str) -> list[FileChange]:
    """The files that differ between two trees or commits, in path order."""
    listing = git.run("diff-tree", *_OPTIONS, "--raw", "--numstat", "--no-abbrev", "-z", base, head)
    patches = _sections(git.run("diff-tree", *_OPTIONS, "-p", "--full-index", base, head))
    fields = iter(listing.decode("utf-8", "surrogateescape").split("\0")[:-1])
    entries: list[tuple[list[str], str | None, str]] = []
    counts: list[tuple[int, int]] = []
    for field in fields:
        if field.startswith(":"):
            facts = field[1:].split(" ")
            path = next(fields)
            entries.append((facts, path, next(fields)) if facts[4][0] in "RC" else (facts, None, path))
        else:
            additions, deletions, path = field.split("\t", 2)
            if not path:
                next(fields)
                next(fields)
            counts.append((_count(additions), _count(deletions)))
    return [
        _change(facts, old_path, path, count, _patch(patches, facts))
        for (facts, old_path, path), count in zip(entries, counts, strict=True)
    ]


def unified(git: GitDir, base: str, head: str) -> bytes:
    """The whole difference as one patch, as `Accept: …diff` gives it."""
    return git.run("diff-tree", *_OPTIONS, "-p", base, head)


def mailbox(git: GitDir, base: str, head: str) -> bytes:
    """The commits of `base..head` as mails, as `Accept: …patch` gives them."""
    return git.run("format-patch", "--stdout", "--no-signature", f"{base}..{head}")


def mail(git: GitDir, sha: str) -> bytes:
    """One commit as a mail."""
    return git.run("format-patch", "--stdout", "--no-signature", "--root", "-1", sha)


def _change(
    facts: list[str], old_path: str | None, path: str, count: tuple[int, int], patch: str | None
) -> FileChange:
    old_mode, new_mode, old_sha, new_sha, letter = facts
    status = _STATUS[letter[0]]
    return FileChange(
        path=path,
        old_path=old_path,
        status=status,
        sha=old_sha if status == "removed" else new_sha,
        old_mode=old_mode,
        new_mode=new_mode,
        additions=count[0],
        deletions=count[1],
        patch=patch,
    )


def _count(text: str) -> int:
    return 0 if text == "-" else int(text)


def _sections(patch: bytes) -> Iterator[bytes]:
    """The patch of each file, in order."""
    return iter(re.split(rb"^diff --git ", patch, flags=re.MULTILINE)[1:])


def _patch(sections: Iterator[bytes], facts: list[str]) -> str | None:
    """The hunks of the next entry. A change of type (file to link) is two sections: away and anew."""
    number = 2 if facts[4] == "T" else 1
    hunks = b"".join(_hunks(next(sections)) for _ in range(number))
    if not hunks or len(hunks) > LARGEST_PATCH:
        return None
    return hunks.decode("utf-8", "replace").removesuffix("\n")


def _hunks(section: bytes) -> bytes:
    start = section.find(b"\n@@ ")
    return section[start + 1 :] if start >= 0 else b""
