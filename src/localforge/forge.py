"""The forge: its state directory, store, git directories, limits and bus. Everything else hangs on it."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from localforge.bus import Bus
from localforge.faults.injector import Faults
from localforge.gate import Gate
from localforge.git.directory import GitDir
from localforge.git.refnames import branch_in
from localforge.integrity.claim import Claim, StateInUseError
from localforge.memory import Memory
from localforge.moment import Clock, now
from localforge.ratelimit import Limits, RateLimiter
from localforge.store.store import Store

__all__ = ["Forge", "Settings", "StateInUseError", "Worker"]

OPEN_REPOSITORIES = 64


class Worker(Protocol):
    """Background work that begins and ends with the forge's serving."""

    def start(self) -> None:
        """Begin."""

    def stop(self) -> None:
        """End, and wait for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How a forge behaves; GitHub's own limits by default."""

    limits: Limits = field(default_factory=Limits)


class Forge:
    """An open forge: `Forge(state)` opens or creates the directory. `running.start` begins its background work."""

    def __init__(self, state: Path, settings: Settings | None = None, clock: Clock = now) -> None:
        self.state = state.resolve()
        self.settings = settings or Settings()
        self.clock = clock
        (self.state / "git").mkdir(parents=True, exist_ok=True)
        self.store = Store(self.state / "forge.sqlite", clock)
        self.memory = Memory(self.store.commits)
        # Where the forge is reached, for addresses in what it sends by itself (webhooks); set when it is served.
        self.origin = "http://localhost"
        self.limiter = RateLimiter(self.settings.limits, time.time)
        self.bus = Bus(self.store)
        self.gate = Gate()
        self.faults = Faults()
        self.workers: list[Worker] = []
        self._employers: list[Callable[[], Worker]] = []
        self._repositories: OrderedDict[int, GitDir] = OrderedDict()
        self._repositories_lock = threading.Lock()
        self._ref_locks: dict[int, threading.RLock] = {}
        self._claim = Claim(self.state)

    def git(self, repo_id: int) -> GitDir:
        """The repository's git directory; the least recently used ones give back their processes."""
        self.memory.spoil()  # What git is asked here, nobody watches.
        with self._repositories_lock:
            directory = self._repositories.get(repo_id)
            if directory is None:
                directory = self._repositories[repo_id] = GitDir(self.git_path(repo_id), self._claim)
            self._repositories.move_to_end(repo_id)
            evicted = None
            if len(self._repositories) > OPEN_REPOSITORIES:
                _, evicted = self._repositories.popitem(last=False)
        if evicted:
            evicted.close()
        return directory

    def forget(self, repo_id: int) -> None:
        """The repository is gone: end what reads it."""
        with self._repositories_lock:
            directory = self._repositories.pop(repo_id, None)
        if directory:
            directory.close()

    def let_go(self) -> None:
        """End whatever reads any repository; the next read starts another."""
        with self._repositories_lock:
            for directory in self._repositories.values():
                directory.close()
            self._repositories.clear()

    def default_branch(self, repo_id: int) -> str:
        """The repository's default branch, whether or not it exists yet."""
        return branch_in(self.memory.text(self.git_path(repo_id) / "HEAD"))

    def git_path(self, repo_id: int) -> Path:
        """Where the repository's bare git directory is."""
        return self.state / "git" / f"{repo_id}.git"

    def ref_lock(self, repo_id: int) -> threading.RLock:
        """Held by whoever changes refs of the repository, from judging to settling."""
        with self._repositories_lock:
            return self._ref_locks.setdefault(repo_id, threading.RLock())

    @property
    def inherited(self) -> tuple[int, ...]:
        """Descriptors that a git process which writes takes along (see `Claim`)."""
        return self._claim.inherited

    def claim(self, *, looking: bool = False) -> bool:
        """Take the state directory for this process; StateInUseError when another serves it.

        Tells whether the process before this one was killed. `looking`: to read only, so that mark stays.
        """
        return self._claim.take(looking=looking)

    def employ(self, employer: Callable[[], Worker]) -> None:
        """Begin background work that ends with the forge."""
        self._employers.append(employer)
        self._set_to_work(employer)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Without background work for a while; afterwards it is begun anew, as by a restart."""
        running = self.bus.running
        self._rest()
        try:
            yield
        finally:
            if running:
                self.bus.start()
            for employer in self._employers:
                self._set_to_work(employer)

    def _set_to_work(self, employer: Callable[[], Worker]) -> None:
        worker = employer()
        worker.start()
        self.workers.append(worker)

    def _rest(self) -> None:
        while self.workers:
            self.workers.pop().stop()
        self.bus.stop()

    def close(self) -> None:
        """End the background work and close everything."""
        self._rest()
        self.let_go()
        self.store.close()
        self._claim.release()
