"""One process at a time has a state directory, its git processes included, and leaves a mark until it ends well."""

import fcntl
import os
import time
from io import TextIOWrapper
from pathlib import Path

ORPHANS_END_WITHIN = 30.0


class StateInUseError(Exception):
    """Another process serves this state directory."""


class Claim:
    """Two locks in the state directory.

    `forge.lock` is the process's own. It holds the process id until a clean end: who finds one there knows that its
    predecessor was killed. `forge.leash` is shared with every git process that may write (they inherit it), so a new
    forge waits until those of a killed one have ended and nothing moves behind its back.
    """

    def __init__(self, state: Path) -> None:
        self._state = state
        self._lock: TextIOWrapper | None = None
        self._leash: TextIOWrapper | None = None
        self._marked = False

    @property
    def inherited(self) -> tuple[int, ...]:
        """The descriptors that a writing git process takes along."""
        return (self._leash.fileno(),) if self._leash else ()

    def take(self, *, looking: bool) -> bool:
        """Take the directory; StateInUseError when another has it. Tells whether the one before was killed.

        Who is only looking mends nothing and leaves the mark of a killed process to the next one.
        """
        lock = (self._state / "forge.lock").open("a+")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.close()
            raise StateInUseError(f"another process serves {self._state}: stop it first") from error
        self._lock = lock
        lock.seek(0)
        killed = bool(lock.read())
        self._marked = not looking
        if self._marked:
            lock.truncate(0)
            lock.write(f"{os.getpid()}\n")
            lock.flush()
        self._leash = self._last_orphan_gone()
        return killed

    def release(self) -> None:
        """Give the directory back, as whole as it should be."""
        if self._leash:
            self._leash.close()
            self._leash = None
        if self._lock:
            if self._marked:
                self._lock.truncate(0)
            self._lock.close()
            self._lock = None

    def _last_orphan_gone(self) -> TextIOWrapper:
        leash = (self._state / "forge.leash").open("a")
        deadline = time.monotonic() + ORPHANS_END_WITHIN
        while True:
            try:
                fcntl.flock(leash, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError as error:
                if time.monotonic() > deadline:
                    leash.close()
                    words = f"git processes of a forge that was killed still write to {self._state}: end them first"
                    raise StateInUseError(words) from error
                time.sleep(0.005)
        fcntl.flock(leash, fcntl.LOCK_SH)
        return leash
