"""What a client remembers, for one process."""

import threading
from collections import OrderedDict
from collections.abc import Callable

from penstock.adapters.github.limits import Times


class MemoryCache:
    """The most recently used responses, in this process."""

    def __init__(self, entries: int = 1000) -> None:
        self._entries = entries
        self._kept: OrderedDict[tuple[str, str], tuple[str, str, bytes]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, credential: str, url: str) -> tuple[str, str, bytes] | None:
        with self._lock:
            if (credential, url) in self._kept:
                self._kept.move_to_end((credential, url))
            return self._kept.get((credential, url))

    def put(self, credential: str, url: str, response: tuple[str, str, bytes]) -> None:
        with self._lock:
            self._kept[credential, url] = response
            self._kept.move_to_end((credential, url))
            if len(self._kept) > self._entries:
                self._kept.popitem(last=False)


class MemoryTimes:
    """Lanes of this process alone."""

    def __init__(self) -> None:
        self._times: dict[str, Times] = {}
        self._lock = threading.Lock()

    def update(self, lane: str, step: Callable[[Times], Times]) -> None:
        with self._lock:
            self._times[lane] = step(self._times.get(lane, ()))
