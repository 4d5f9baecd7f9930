"""A worker process for measuring: effects cost nothing, and each tells on standard output when it begins.

`python -m benchmarks.worker STATE` drives until standard input ends. With `hang`, its first effect never ends.
"""

import os
import sys
import threading
import time
from pathlib import Path

from tests.scripted import Names, success

from penstock.adapters.clock import SystemClock
from penstock.adapters.store.heads import Queue
from penstock.adapters.store.owner import this_process
from penstock.adapters.store.store import open_store
from penstock.core.change.effects import Effect
from penstock.core.change.events import Event
from penstock.core.change.model import Change
from penstock.flows.durable import Durable
from penstock.ports import StopFlag, Texts


def main(state: Path, *, hang: bool) -> None:
    stop = threading.Event()

    def perform(effect: Effect, change: Change, _texts: Texts, _stop: StopFlag) -> Event | None:
        os.write(sys.stdout.fileno(), f"{time.monotonic_ns()} {change.id}\n".encode())
        if hang:
            stop.wait()
        return success(effect, change, Names())

    store = open_store(state, SystemClock())
    worker = Durable(store, Queue(store.database, this_process()), perform, SystemClock())

    def listen() -> None:
        sys.stdin.read()
        stop.set()

    threading.Thread(target=listen, daemon=True).start()
    worker.run(stop)


if __name__ == "__main__":
    main(Path(sys.argv[1]), hang="hang" in sys.argv[2:])
