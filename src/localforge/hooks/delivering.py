"""The worker that delivers: in order for each hook, hooks beside each other, no attempt repeated by itself."""

import hashlib
import hmac
import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from urllib.parse import urlencode

import httpx

from localforge.forge import Forge
from localforge.store import hooks
from localforge.store.hooks import Delivery, Hook

log = logging.getLogger(__name__)

TIMEOUT = 10.0
BESIDE_EACH_OTHER = 8
ANSWER_KEPT = 1 << 20
USER_AGENT = "GitHub-Hookshot/localforge"
_INTERRUPTED = "the forge stopped while it was delivering"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of an attempt: GitHub's words, the code (0: no answer), seconds, and the answer."""

    status: str
    code: int
    duration: float
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""


def request_body(hook: Hook, payload: str) -> tuple[str, bytes]:
    """Content type and bytes of a request to the hook."""
    if hook.content_type == "form":
        return "application/x-www-form-urlencoded", urlencode({"payload": payload}).encode()
    return "application/json", payload.encode()


def request_headers(hook: Hook, delivery: Delivery, content_type: str, body: bytes) -> dict[str, str]:
    """GitHub's headers, signed with the hook's secret where it has one."""
    targets = (("repository", hook.repo_id), ("organization", hook.org_id), ("integration", hook.app_id))
    target = next(pair for pair in targets if pair[1])
    headers = {
        "Accept": "*/*",
        "Content-Type": content_type,
        "User-Agent": USER_AGENT,
        "X-GitHub-Delivery": delivery.guid,
        "X-GitHub-Event": delivery.event,
        "X-GitHub-Hook-ID": str(hook.id),
        "X-GitHub-Hook-Installation-Target-ID": str(target[1]),
        "X-GitHub-Hook-Installation-Target-Type": target[0],
    }
    if hook.secret:
        key = hook.secret.encode()
        headers["X-Hub-Signature"] = f"sha1={hmac.new(key, body, hashlib.sha1).hexdigest()}"
        headers["X-Hub-Signature-256"] = f"sha256={hmac.new(key, body, hashlib.sha256).hexdigest()}"
    return headers


def new_client(*, verify: bool) -> httpx.Client:
    """What attempts are made with: a connection for each, no redirects followed, no proxy of the host asked."""
    limits = httpx.Limits(max_keepalive_connections=0)
    return httpx.Client(timeout=TIMEOUT, trust_env=False, verify=verify, limits=limits)


def send(client: httpx.Client, url: str, headers: Mapping[str, str], body: bytes) -> Outcome:
    """One attempt."""
    begun = time.monotonic()
    try:
        with client.stream("POST", url, headers=dict(headers), content=body) as response:
            text = _read(response, begun + TIMEOUT)
            return Outcome(
                status="OK" if response.is_success else f"Invalid HTTP Response: {response.status_code}",
                code=response.status_code,
                duration=time.monotonic() - begun,
                headers=dict(response.headers),
                body=text,
            )
    except httpx.TimeoutException:
        return Outcome(status="timed out", code=0, duration=time.monotonic() - begun)
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        words = f"failed to connect to host: {error}"
        return Outcome(status=words, code=0, duration=time.monotonic() - begun)


def _read(response: httpx.Response, until: float) -> str:
    """The beginning of the answer; httpx.ReadTimeout when it trickles in for longer than we wait."""
    parts, size = [], 0
    for part in response.iter_bytes():
        parts.append(part)
        size += len(part)
        if size > ANSWER_KEPT:
            break
        if time.monotonic() > until:
            raise httpx.ReadTimeout("the answer takes too long")
    return b"".join(parts)[:ANSWER_KEPT].decode("utf-8", "replace")


class Deliverer:
    """One thread that looks for work when the store says that there is some; a pool that does it."""

    def __init__(self, forge: Forge) -> None:
        self._forge = forge
        self._changed = threading.Condition()
        self._wakes = 0
        self._stopping = False
        self._busy: set[int] = set()
        self._heard: Callable[[], None] = forge.store.on_events
        self._thread = threading.Thread(target=self._look, name="hooks")
        self._pool = ThreadPoolExecutor(BESIDE_EACH_OTHER, thread_name_prefix="hook")
        self._clients: dict[bool, httpx.Client] = {}

    def start(self) -> None:
        """Record what a crash interrupted, then deliver."""
        with self._forge.store.write() as tx:
            tx.execute(
                "UPDATE delivery SET state = 'done', status = ?, status_code = 0, duration = 0, delivered_at = ?"
                " WHERE state = 'sending'",
                _INTERRUPTED,
                self._forge.clock(),
            )
        self._heard = self._forge.store.on_events
        self._forge.store.on_events = self._on_events
        self._thread.start()

    def stop(self) -> None:
        """Finish the attempts in hand; what is queued stays queued."""
        self._forge.store.on_events = self._heard
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join()
        self._pool.shutdown()
        for client in self._clients.values():
            client.close()

    def drain(self) -> None:
        """Deliver everything that is queued now, in this thread."""
        while waiting := hooks.waiting_hooks(self._forge.store.db):
            for hook_id in waiting:
                while self._deliver_next(hook_id):
                    continue

    def _on_events(self) -> None:
        self._heard()
        self._wake()

    def _wake(self) -> None:
        with self._changed:
            self._wakes += 1
            self._changed.notify_all()

    def _look(self) -> None:
        seen = -1
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._stopping or self._wakes != seen)  # noqa: B023
                if self._stopping:
                    return
                seen = self._wakes
            try:
                self._hand_out(hooks.waiting_hooks(self._forge.store.db))
            except sqlite3.Error:
                # A full or locked disk: nothing was taken, and the next write that succeeds wakes us again.
                log.exception("deliveries cannot be read")

    def _hand_out(self, waiting: Sequence[int]) -> None:
        with self._changed:
            free = [hook_id for hook_id in waiting if hook_id not in self._busy]
            self._busy.update(free)
        for hook_id in free:
            self._pool.submit(self._work, hook_id)

    def _work(self, hook_id: int) -> None:
        try:
            while not self._stopping and self._deliver_next(hook_id):
                continue
        except Exception:
            # A bug must not end deliveries for good: the hook is free again, and the log says why.
            log.exception("delivering to hook %d", hook_id)
        finally:
            with self._changed:
                self._busy.discard(hook_id)
            self._wake()

    def _deliver_next(self, hook_id: int) -> bool:
        """One attempt, recorded; False when nothing is queued."""
        with self._forge.store.write() as tx:
            delivery = hooks.claim(tx, hook_id)
        hook = hooks.by_id(self._forge.store.db, hook_id)
        if delivery is None or hook is None:
            return False
        content_type, body = request_body(hook, delivery.payload)
        headers = request_headers(hook, delivery, content_type, body)
        outcome = send(self._client(verify=not hook.insecure_ssl), hook.url, headers, body)
        with self._forge.store.write() as tx:
            tx.update(
                "delivery",
                delivery.id,
                state="done",
                delivered_at=self._forge.clock(),
                duration=round(outcome.duration, 2),
                status=outcome.status,
                status_code=outcome.code,
                request_headers=headers,
                response_headers=outcome.headers,
                response_body=outcome.body,
            )
        return True

    def _client(self, *, verify: bool) -> httpx.Client:
        """Made when first needed: reading the certificates takes a while."""
        with self._changed:
            if verify not in self._clients:
                self._clients[verify] = new_client(verify=verify)
            return self._clients[verify]


def worker(forge: Forge) -> Deliverer:
    """The forge's deliverer, for `running`."""
    return Deliverer(forge)
