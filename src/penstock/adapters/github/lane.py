"""The one lane in which a credential writes: when it is whose turn, in this process and in others."""

from penstock.adapters.github.account import PATIENCE, Account
from penstock.adapters.github.limits import Pace, Times, Window, admitted, believable, earliest
from penstock.adapters.github.memory import TimeLog
from penstock.ports import Transient


class WriterLane:
    """Turns are reserved in the shared log, so that processes that never meet keep GitHub's limits together."""

    def __init__(self, account: Account, pace: Pace, log: TimeLog) -> None:
        self._account = account
        self._pace = pace
        self._log = log

    def wait_turn(self, *, creates: bool) -> None:
        """Sleep until one more write may start. Raises Transient `rate_limited` where that takes too long."""
        if creates:
            self._reserve("creations", self._pace.creations)
        self._reserve("writes", self._pace.writes)

    def close(self, seconds: float) -> None:
        """Nothing before so many seconds have passed: the forge refused for a limit."""
        if self._pace.spacing:
            last = self._account.now + seconds - self._pace.spacing
            self._log.update(self._name("writes"), lambda times: admitted(times, last, self._pace.writes))

    def _reserve(self, lane: str, windows: tuple[Window, ...]) -> None:
        if not windows:
            return
        now = at = self._account.now

        def step(times: Times) -> Times:
            nonlocal at
            times = believable(times, now, windows)
            at = earliest(times, now, windows)
            return admitted(times, at, windows) if at - now <= PATIENCE else times

        self._log.update(self._name(lane), step)
        wait = at - now
        if wait > PATIENCE:
            source = self._account.credential.source
            raise Transient("rate_limited", f"writes with {source} have their turn in {wait:.0f} s", wait)
        if wait > 0:
            self._account.clock.sleep(wait)

    def _name(self, lane: str) -> str:
        return f"{self._account.credential.id}:{lane}"
