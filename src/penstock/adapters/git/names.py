"""Names that mean `.git` to some file system. Git itself refuses them (CVE-2014-9390 and its successors)."""

import re

_HFS_IGNORES = re.compile("[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]")
"""Code points that HFS+ leaves out when it compares names (Git's utf8.c, `next_hfs_char`)."""


def means_git(name: bytes) -> bool:
    """Is this name of a file or folder `.git` on HFS+, NTFS (short names, streams, trailing dots) or here."""
    return any(_plain(part) in {".git", "git~1"} for part in name.split(b"\\"))


def _plain(part: bytes) -> str:
    text = _HFS_IGNORES.sub("", part.decode(errors="replace"))
    return text.partition(":")[0].rstrip(" .").lower()


def escapes(name: bytes) -> bool:
    """Is this component of a path no name at all; only a tree that was made by hand has such."""
    return name in {b"", b".", b".."} or b"/" in name or b"\0" in name


def shown(path: bytes) -> str:
    """A path in a sentence for a person: quoted where it has anything unusual."""
    text = path.decode(errors="backslashreplace")
    return text if text.isprintable() else ascii(text)
