"""A few threads that run what they are given, in order. They die with the process: no effect needs a goodbye."""

import threading
import time
from collections.abc import Callable
from queue import SimpleQueue

Task = Callable[[], None]


class Threads:
    """Started as they are needed. `broken` once a task raised; what it raised goes to `threading.excepthook`."""

    def __init__(self, count: int) -> None:
        self.broken = threading.Event()
        self._count = count
        self._tasks: SimpleQueue[Task | None] = SimpleQueue()
        self._started: list[threading.Thread] = []
        self._idle = threading.Semaphore(0)
        self._lock = threading.Lock()

    def start(self, task: Task) -> None:
        self._tasks.put(task)
        if self._idle.acquire(blocking=False):
            return
        with self._lock:
            if len(self._started) < self._count:
                thread = threading.Thread(target=self._work, daemon=True)
                self._started.append(thread)
                thread.start()

    def close(self, patience: float) -> None:
        """Let them end after what they are doing; that is waited for, but for no more than so many seconds."""
        for _ in self._started:
            self._tasks.put(None)
        deadline = time.monotonic() + patience
        for thread in self._started:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _work(self) -> None:
        while (task := self._tasks.get()) is not None:
            unfinished = True
            try:
                task()
                unfinished = False
            finally:
                if unfinished:
                    self.broken.set()
            self._idle.release()
