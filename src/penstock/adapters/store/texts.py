"""Texts beside the ledger: sealed with a salt when put, kept with the event that names them."""

import os
from collections.abc import Callable

from penstock.core.ledger import Blob, seal_text
from penstock.core.refs import BlobRef
from penstock.core.secrets import redact

SALT_BYTES = 16


Clean = Callable[[str], str]
"""Takes secrets out of a text before it is used, hashed or stored (invariant 7)."""


class Sealing:
    """The texts of one event. `blobs` is handed to the append; what is not appended is never stored."""

    def __init__(self, stored: Callable[[BlobRef], str | None], clean: Clean = redact) -> None:
        self._stored = stored
        self._clean = clean
        self._put: dict[BlobRef, Blob] = {}

    def put(self, text: str) -> BlobRef:
        kept = storable(self._clean(text))
        salt = os.urandom(SALT_BYTES)
        ref = seal_text(salt, kept)
        self._put[ref] = Blob(ref=ref, salt=salt, text=kept)
        return ref

    def get(self, ref: BlobRef) -> str | None:
        return self._put[ref].text if ref in self._put else self._stored(ref)

    @property
    def blobs(self) -> tuple[Blob, ...]:
        return tuple(self._put.values())


def storable(text: str) -> str:
    """What UTF-8 or a database cannot hold (lone surrogates, NUL) as U+FFFD: outside text may have either."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").replace("\0", "\ufffd")
