"""Counting refused deliveries."""

import threading
from collections.abc import Callable

from penstock.ports import Transient

PAUSE_SECONDS = 1.0


class Refusals:
    """Keeps the count at most once a second, so that a flood of forgeries does not keep the disk busy."""

    def __init__(self, keep: Callable[[int], None]) -> None:
        self._keep = keep
        self._count = 0
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None

    def add(self) -> None:
        with self._lock:
            self._count += 1
            if self._timer is None:
                self._timer = threading.Timer(PAUSE_SECONDS, self.flush)
                self._timer.daemon = True
                self._timer.start()

    def flush(self) -> None:
        """Keep what was counted; where the database does not take it just now, with the next."""
        with self._lock:
            count, self._count = self._count, 0
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
        try:
            if count:
                self._keep(count)
        except Transient:
            with self._lock:
                self._count += count
