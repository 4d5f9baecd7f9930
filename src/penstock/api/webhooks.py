"""Webhook deliveries: verified over their raw bytes, kept once, and answered at once. Nothing is parsed here.

Source: GitHub Docs, "Validating webhook deliveries" and "Best practices for using webhooks".
"""

import hmac
from collections.abc import Callable
from dataclasses import dataclass, field

from fastapi import APIRouter, HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse

MAX_BODY = 25 << 20
"""Bytes. GitHub sends no payload of more than 25 MB."""
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

    @router.post("/webhooks")
    async def receive(request: Request) -> JSONResponse:
        """202: kept, a worker acts on it. 200: it was kept before. 401, 413, 400, 503: nothing was kept."""
        body = await _verified(request, hooks)
        name, event = (request.headers.get(f"x-github-{part}", "") for part in ("delivery", "event"))
        if not name or not event:
            raise HTTPException(400, "X-GitHub-Delivery and X-GitHub-Event must name the delivery")
        if await run_in_threadpool(hooks.accept, name, event, body):
            return JSONResponse({"detail": "accepted"}, status_code=202)
        return JSONResponse({"detail": "this delivery is known"})

    return router


async def _verified(request: Request, hooks: Hooks) -> bytes:
    """The raw body, once its signature holds. Without a signature it is not even read."""
    if hooks.secret is None:
        raise HTTPException(503, UNVERIFIABLE)
    claimed = request.headers.get("x-hub-signature-256", "")
    if claimed.startswith("sha256="):
        body = await _body(request)
        made = "sha256=" + hmac.digest(hooks.secret, body, "sha256").hex()
        if hmac.compare_digest(made.encode(), claimed.encode()):
            return body
    hooks.refused()
    raise HTTPException(401, "X-Hub-Signature-256 is missing, or is not made with the configured secret")


async def _body(request: Request) -> bytes:
    """At most MAX_BODY bytes are ever held."""
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > MAX_BODY:
        raise _too_large()
    body = bytearray()
    async for chunk in request.stream():
        if len(body) + len(chunk) > MAX_BODY:
            raise _too_large()
        body += chunk
    return bytes(body)


def _too_large() -> HTTPException:
    return HTTPException(413, f"a delivery has at most {MAX_BODY >> 20} MiB")
