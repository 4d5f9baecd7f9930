"""Requests pass side by side; whoever needs the forge for himself waits for them and keeps new ones out."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Gate:
    """Who passes must not pass again inside: somebody may be waiting in between."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._passing = 0
        self._closed = False

    @contextmanager
    def passing(self) -> Iterator[None]:
        """Beside others, once nobody is alone or waits to be."""
        with self._changed:
            self._changed.wait_for(lambda: not self._closed)
            self._passing += 1
        try:
            yield
        finally:
            with self._changed:
                self._passing -= 1
                self._changed.notify_all()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """After everybody who is passing, and before everybody who comes."""
        with self._changed:
            self._changed.wait_for(lambda: not self._closed)
            self._closed = True
            self._changed.wait_for(lambda: self._passing == 0)
        try:
            yield
        finally:
            with self._changed:
                self._closed = False
                self._changed.notify_all()
