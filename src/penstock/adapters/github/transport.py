"""The wire: who carries requests, and the one that carries only reads."""

import json
from typing import Protocol

import httpx

from penstock.adapters.github.queries import ALLOWED


class Http(Protocol):
    """An `httpx.Client`, or whatever else sends a request and brings back the whole answer."""

    def send(self, request: httpx.Request) -> httpx.Response: ...


class NotAReadError(Exception):
    """A bug: something tried to write through what only reads."""


class ReadOnly:
    """Passes GET, HEAD, and GraphQL documents of the allow-list; raises NotAReadError before anything is sent."""

    __slots__ = ("_send",)

    def __init__(self, http: Http) -> None:
        self._send = http.send

    def send(self, request: httpx.Request) -> httpx.Response:
        if not (request.method in {"GET", "HEAD"} or _is_allowed_query(request)):
            raise NotAReadError(f"{request.method} {request.url.path} is no read")
        return self._send(request)


def _is_allowed_query(request: httpx.Request) -> bool:
    if request.method != "POST" or request.url.path.rpartition("/")[2] != "graphql":
        return False
    try:
        body = json.loads(request.content)
    except ValueError:
        return False
    if not isinstance(body, dict) or not body.keys() <= {"query", "variables"}:
        return False
    query = body.get("query")
    return isinstance(query, str) and query in ALLOWED
