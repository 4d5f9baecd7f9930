"""Refs and objects read from a repository's own files, where these are plain. None always means "ask git", never "there is none".

Source of the two formats: gitrepository-layout(5), and "Object Storage" of git's user manual.
"""

import os
import re
import zlib
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISREG

_SHA = re.compile(r"[0-9a-f]{40}")
_HEADER = re.compile(rb"(commit|tree|blob|tag) (0|[1-9][0-9]{0,17})\0")
# More than the longest header has.
_HEADER_SIZE = 64
# Bytes; a larger file, or an object that inflates to more, is git's to read.
LARGEST = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class LooseObject:
    """An object in a file of its own: kind, size in bytes, and the deflated bytes, which begin with a header."""

    kind: str
    size: int
    deflated: bytes
    header: int

    def data(self) -> bytes | None:
        """The object's bytes; None when they are too many, or not what the header says."""
        if self.size > LARGEST:
            return None
        inflate, whole = zlib.decompressobj(), self.header + self.size
        try:
            # One byte more than there may be is asked for, so that the checksum behind the last one is read, too.
            found = inflate.decompress(self.deflated, whole + 1)
        except zlib.error:
            return None
        if len(found) != whole or not inflate.eof or inflate.unused_data:
            return None
        return found[self.header :]


def ref_sha(path: Path, name: str) -> str | None:
    """The sha in the file of a ref, by its full and valid name (`refs/heads/main`); None for a symbolic or packed one."""
    content = _content(f"{path}/{name}")
    if content is None:
        return None
    sha = content.decode("ascii", "replace").removesuffix("\n")
    return sha if _SHA.fullmatch(sha) else None


def no_ref(path: Path, name: str) -> bool:
    """Whether a ref with this full and valid name is surely nowhere: no file, none packed, no other folder of refs."""
    # In this order: a ref is packed before its file goes.
    return not any(os.path.lexists(f"{path}/{file}") for file in (name, "packed-refs", "commondir"))


def loose_object(path: Path, sha: str) -> LooseObject | None:
    """The object with this sha (40 digits), where it lies in a file of its own."""
    deflated = _content(f"{path}/objects/{sha[:2]}/{sha[2:]}")
    if deflated is None:
        return None
    try:
        start = zlib.decompressobj().decompress(deflated, _HEADER_SIZE)
    except zlib.error:
        return None
    header = _HEADER.match(start)
    if header is None:
        return None
    return LooseObject(kind=header[1].decode(), size=int(header[2]), deflated=deflated, header=header.end())


def _content(file: str) -> bytes | None:
    """What a regular file holds; a link is none (to git it is a symbolic ref)."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except (OSError, ValueError):
        return None
    try:
        found = os.fstat(descriptor)
        whole = S_ISREG(found.st_mode) and found.st_size <= LARGEST
        # Should this be cut short, neither a sha nor a stream is whole, and git is asked.
        return os.read(descriptor, found.st_size) if whole else None
    except OSError:
        return None
    finally:
        os.close(descriptor)
