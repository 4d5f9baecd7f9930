"""A load of GET requests over connections that stay open, and how many were answered with 200 in a second."""

import socket
import threading
import time
from collections.abc import Sequence
from urllib.parse import urlsplit

CONNECTIONS, CHUNK = 4, 1 << 18


def answered(url: str, token: str, paths: Sequence[str], count: int) -> float:
    """Answers per second to `count` requests for the paths in turns. Raises ValueError where one is not a 200."""
    address = urlsplit(url)
    place = (address.hostname or "", address.port or 80)
    head = f"Host: {address.netloc}\r\nAuthorization: Bearer {token}\r\nAccept: application/vnd.github+json\r\n\r\n"
    requests = [f"GET {path} HTTP/1.1\r\n{head}".encode() for path in paths]
    failures: list[Exception] = []

    def work() -> None:
        try:
            with socket.create_connection(place) as connection:
                _ask(connection, requests, count // CONNECTIONS)
        except (OSError, ValueError) as error:
            failures.append(error)

    began = time.perf_counter()
    threads = [threading.Thread(target=work) for _ in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise ValueError(f"{url}: {failures[0]}")
    return count / (time.perf_counter() - began)


def _ask(connection: socket.socket, requests: Sequence[bytes], count: int) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    left = b""
    for number in range(count):
        connection.sendall(requests[number % len(requests)])
        left = _answer(connection, left)


def _answer(connection: socket.socket, left: bytes) -> bytes:
    """Read one whole answer; what came after it is given back."""
    while (end := left.find(b"\r\n\r\n")) < 0:
        left += _more(connection)
    head = left[:end].lower()
    status = head.split(b" ", 2)[1]
    if status != b"200":
        raise ValueError(f"answered with {status.decode()}")
    if b"transfer-encoding: chunked" in head:
        while (close := left.find(b"\r\n0\r\n\r\n", end)) < 0:
            left += _more(connection)
        return left[close + 7 :]
    size = end + 4 + int(head.split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
    while len(left) < size:
        left += _more(connection)
    return left[size:]


def _more(connection: socket.socket) -> bytes:
    part = connection.recv(CHUNK)
    if not part:
        raise ValueError("the server hung up")
    return part
