"""Where tests have webhooks delivered: a real HTTP server, and deliveries made in the test's own thread."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.forge.world import World

from localforge.hooks.delivering import Deliverer


@dataclass
class Receiver:
    """A real HTTP server that keeps what it is sent, and answers as it is told."""

    url: str
    received: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    came: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    def names(self) -> list[str]:
        return [headers["x-github-event"] for headers, _ in self.received]

    def payloads(self, name: str) -> list[dict[str, Any]]:
        return [json.loads(body) for headers, body in self.received if headers["x-github-event"] == name]


@contextmanager
def listening() -> Iterator[Receiver]:
    """The receiver, listening on the loopback."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            kept.received.append(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(kept.statuses.pop(0) if kept.statuses else 200)
            self.end_headers()
            self.wfile.write(b"thanks")
            kept.came.release()

        def log_message(self, *_arguments: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    kept = Receiver(url=f"http://127.0.0.1:{server.server_port}/hook")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield kept
    server.shutdown()
    thread.join()
    server.server_close()


def deliver(world: World) -> None:
    """Deal with every event and make every delivery, in this thread."""
    world.forge.bus.drain()
    deliverer = Deliverer(world.forge)
    deliverer.drain()
    deliverer.stop()
    assert world.forge.store.db.column(str, "SELECT error FROM subscriber_failure") == []
