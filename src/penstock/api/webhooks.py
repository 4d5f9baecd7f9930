"""Webhook deliveries: verified over their raw bytes, kept once, and answered at once. Nothing is parsed here.

Source: GitHub Docs, "Validating webhook deliveries" and "Best practices for using webhooks".
"""

import asyncio
import hmac
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from fastapi import APIRouter, HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse

MAX_BODY = 25 << 20
"""Bytes. GitHub sends no payload of more than 25 MB."""
MAX_HELD = 8 * MAX_BODY
"""Bytes of all bodies that are being read. Nobody is known before the last of them, so who sends little takes little."""
BODY_SECONDS = 10.0
"""For a whole body. GitHub gives a delivery up after as long."""
UNVERIFIABLE = "no webhook secret is configured, so nothing can be verified: set PENSTOCK_WEBHOOK_SECRET, here and at the forge"

Accept = Callable[[str, str, bytes], bool]
"""Keeps a delivery (id, event, body) for a worker; false where it was kept before. Raises port errors."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hooks:
    """What taking deliveries needs. `refused` is told of each one whose signature is missing or wrong."""

    secret: bytes | None = field(repr=False)
    accept: Accept
    refused: Callable[[], None]


def webhooks(hooks: Hooks) -> APIRouter:
    router = APIRouter()
    room = _Room()

    @router.post("/webhooks")
    async def receive(request: Request) -> JSONResponse:
        """202: kept, a worker acts on it. 200: it was kept before. 400, 401, 408, 413, 503: nothing was kept."""
        with room.share() as take:
            body = await _verified(request, hooks, take)
            name, event = (request.headers.get(f"x-github-{part}", "") for part in ("delivery", "event"))
            if not name or not event:
                raise HTTPException(400, "X-GitHub-Delivery and X-GitHub-Event must name the delivery")
            if await run_in_threadpool(hooks.accept, name, event, body):
                return JSONResponse({"detail": "accepted"}, status_code=202)
            return JSONResponse({"detail": "this delivery is known"})

    return router


Take = Callable[[int], None]
"""Takes room for so many more bytes. Raises HTTPException 503 where there is none."""


class _Room:
    """How much the bodies hold together. Used in one event loop, so nothing comes in between."""

    def __init__(self) -> None:
        self._held = 0

    @contextmanager
    def share(self) -> Iterator[Take]:
        """One delivery's part, which is given back at the end."""
        mine = 0

        def take(size: int) -> None:
            nonlocal mine
            if self._held + size > MAX_HELD:
                raise HTTPException(503, "too many deliveries at once: send this one again")
            self._held += size
            mine += size

        try:
            yield take
        finally:
            self._held -= mine


async def _verified(request: Request, hooks: Hooks, take: Take) -> bytes:
    """The raw body, once its signature holds. Without a signature it is not even read."""
    if hooks.secret is None:
        raise HTTPException(503, UNVERIFIABLE)
    claimed = request.headers.get("x-hub-signature-256", "")
    if claimed.startswith("sha256="):
        body = await _body(request, take)
        made = "sha256=" + hmac.digest(hooks.secret, body, "sha256").hex()
        if hmac.compare_digest(made.encode(), claimed.encode()):
            return body
    hooks.refused()
    raise HTTPException(401, "X-Hub-Signature-256 is missing, or is not made with the configured secret")


async def _body(request: Request, take: Take) -> bytes:
    """At most MAX_BODY bytes, within BODY_SECONDS."""
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > MAX_BODY:
        raise _too_large()
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.stream():
                if len(body) + len(chunk) > MAX_BODY:
                    raise _too_large()
                take(len(chunk))
                body += chunk
    except TimeoutError:
        raise HTTPException(408, f"a delivery comes within {BODY_SECONDS:.0f} seconds") from None
    return bytes(body)


def _too_large() -> HTTPException:
    return HTTPException(413, f"a delivery has at most {MAX_BODY >> 20} MiB")
