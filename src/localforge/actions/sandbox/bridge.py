"""The jobs' way to the forge: a Unix socket outside the sandboxes whose every connection ends at the forge's address."""

import contextlib
import socket
import tempfile
import threading
from pathlib import Path

MAX_CONNECTIONS = 256
CHUNK = 1 << 16
CONNECT_SECONDS = 10


class Bridge:
    """Accepts on `path` until closed; forwards to one address and nothing else."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._directory = tempfile.TemporaryDirectory(prefix="localforge-", ignore_cleanup_errors=True)
        self.path = Path(self._directory.name) / "forge.sock"
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(self.path))
        # Only sandboxes see the socket, whose users are strangers to this host; its directory is private.
        self.path.chmod(0o666)
        self._listener.listen(64)
        self._free = threading.BoundedSemaphore(MAX_CONNECTIONS)
        self._thread = threading.Thread(target=self._accept, name="actions-bridge", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop accepting; connections at hand end with their sandboxes."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()
        self._directory.cleanup()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                inner, _ = self._listener.accept()
                if not self._free.acquire(blocking=False):
                    inner.close()
                    continue
                threading.Thread(
                    target=self._forward, args=(inner,), name="actions-relay", daemon=True
                ).start()

    def _forward(self, inner: socket.socket) -> None:
        try:
            with (
                inner,
                contextlib.suppress(OSError),
                socket.create_connection(self._target, CONNECT_SECONDS) as outer,
            ):
                outer.settimeout(None)
                back = threading.Thread(target=_pump, args=(outer, inner), name="actions-relay", daemon=True)
                back.start()
                _pump(inner, outer)
                back.join()
        finally:
            self._free.release()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(CHUNK):
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
