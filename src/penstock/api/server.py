"""Serving the application in a thread with an event loop of its own, beside a worker."""

import asyncio
import errno
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from fastapi import FastAPI
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.server.embed import Server

from penstock.ports import Permanent

CONNECTIONS = 256
"""At the same time, silent ones too. What they may hold in memory together is bounded where bodies are read."""
HEADER_SECONDS = 10
"""For the head of a request, the next one on a connection too."""
STARTING_SECONDS = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening:
    host: str
    port: int

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"


@contextmanager
def serving(app: FastAPI, host: str, port: int) -> Iterator[Listening]:
    """Answer at an address until the block ends; port 0 takes a free one.

    Raises Permanent `address_taken` or `cannot_listen`.
    """
    with _held(host, port) as holder:
        address, number = holder.getsockname()[:2]
        thread = _Thread(app, address, number)
        thread.start()
        try:
            thread.wait()
            yield Listening(host=address, port=number)
        finally:
            thread.end()


def _held(host: str, port: int) -> socket.socket:
    """A bound socket beside which granian can listen, as it does with SO_REUSEPORT, once nobody else listens there."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
        holder = socket.socket(family, socket.SOCK_STREAM)
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        holder.bind(address)
    except OSError as error:
        code = "address_taken" if error.errno == errno.EADDRINUSE else "cannot_listen"
        raise Permanent(code, f"cannot listen at {host}:{port}: {error.strerror}") from error
    return holder


class _Thread(threading.Thread):
    """granian and its loop."""

    def __init__(self, app: FastAPI, host: str, port: int) -> None:
        super().__init__(name="webhooks", daemon=True)
        self._address = (host, port)
        self._server = Server(
            app,
            address=host,
            port=port,
            interface=Interfaces.ASGINL,
            http=HTTPModes.http1,
            websockets=False,
            log_enabled=False,
            http1_settings=HTTP1Settings(header_read_timeout=HEADER_SECONDS * 1000),
            backpressure=CONNECTIONS,
        )
        self._loop = asyncio.new_event_loop()

    def run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._server.serve())
        finally:
            self._loop.close()

    def wait(self) -> None:
        """Until it listens. Raises Permanent `cannot_listen`."""
        deadline = time.monotonic() + STARTING_SECONDS
        while True:
            try:
                socket.create_connection(self._address, timeout=STARTING_SECONDS).close()
            except OSError as error:
                if not self.is_alive() or time.monotonic() > deadline:
                    host, port = self._address
                    raise Permanent("cannot_listen", f"cannot listen at {host}:{port}: {error}") from error
                time.sleep(0.005)
            else:
                return

    def end(self) -> None:
        with suppress(RuntimeError):  # the loop has ended by itself
            self._loop.call_soon_threadsafe(self._server.stop)
        self.join()
