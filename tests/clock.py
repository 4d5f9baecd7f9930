"""A clock that moves when told, or when somebody sleeps on it."""

from datetime import datetime, timedelta

from tests.scripted import NOW


class ManualClock:
    def __init__(self, start: datetime = NOW) -> None:
        self._now = start

    def now(self) -> datetime:
        return self._now

    def sleep(self, seconds: float) -> None:
        self.advance(seconds)

    def advance(self, seconds: float) -> datetime:
        self._now += timedelta(seconds=seconds)
        return self._now
