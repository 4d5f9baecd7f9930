"""What a client remembers between requests, as the store keeps it."""

from collections.abc import Callable
from typing import Protocol

from penstock.adapters.github.limits import Times


class ResponseCache(Protocol):
    """Bodies by credential id and URL, to be revalidated by ETag: a 304 costs nothing of the primary limit."""

    def get(self, credential: str, url: str) -> tuple[str, str, bytes] | None:
        """ETag, `Link` header and body."""
        ...

    def put(self, credential: str, url: str, response: tuple[str, str, bytes]) -> None: ...


class TimeLog(Protocol):
    """Times of writes by lane, shared by every process that writes with the same credential."""

    def update(self, lane: str, step: Callable[[Times], Times]) -> None:
        """Replace what is logged by `step` of it, atomically; an unknown lane is empty."""
        ...
