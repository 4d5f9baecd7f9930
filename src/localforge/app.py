"""The ASGI application: reads a request, finds its operation, runs it in a thread, sends the answer."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeAlias

from localforge.call import Answer
from localforge.control.door import DOOR, Control
from localforge.dispatch import Found, Request, dispatch, identified, recalled, refuse, repo_path
from localforge.errors import ForgeError, NotFoundError, TooLargeError
from localforge.faults.past import Past
from localforge.faults.requests import LostAnswerError, Proceed, changes
from localforge.faults.requests import answer as answered
from localforge.forge import Forge
from localforge.git.directory import environment
from localforge.git_http import CHUNK, GitCall, parse, serve_git
from localforge.operations import MEBIBYTE, Router
from localforge.running import assemble

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]

THREADS = 16
# What stands for an answer that git's own process has streamed.
SENT = Answer(status=200)


class App:
    """The forge behind HTTP. Its background work is started and stopped by `running`, not by the app."""

    def __init__(self, forge: Forge) -> None:
        self.forge = forge
        self.operations = assemble(forge)
        self.router = Router(self.operations)
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="forge")
        self._past = Past(forge)
        # The forge's own door, beside GitHub's operations; there is none unless `serve` is asked for it.
        self.control: Control | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI HTTP request."""
        identity, known = _identity(scope)
        remembered = recalled(self.forge, identity, known, _address(scope))
        if remembered:
            await _send(send, remembered, head=False)
            return
        request = _request(scope, identity)
        git = parse(request)
        try:
            if git:
                await self._git(git, request, (receive, send))
            else:
                await self._api(request, receive, send)
        except LostAnswerError:
            await _hang_up(send)

    async def _git(self, call: GitCall, request: Request, channel: tuple[Receive, Send]) -> None:
        if not self.forge.faults.active:
            unsent = await serve_git(self.forge, self._threads, call, request, channel)
            if unsent:
                await _send(channel[1], unsent, head=False)
            return
        loop = asyncio.get_running_loop()

        def proceed(forge: Forge) -> Answer:
            serving = serve_git(forge, self._threads, call, request, channel)
            return asyncio.run_coroutine_threadsafe(serving, loop).result() or SENT

        answering = partial(self._faulty, request, None, proceed)
        answer = await loop.run_in_executor(None, answering)
        if answer is not SENT:
            await _send(channel[1], answer, head=False)

    async def _api(self, request: Request, receive: Receive, send: Send) -> None:
        try:
            if request.identity is None:
                limit = self.body_limit(request)
                request.content = await _read(receive, limit, request.headers.get("content-length"))
            loop = asyncio.get_running_loop()
            answer = await loop.run_in_executor(self._threads, self.answer, request)
        except ForgeError as error:
            answer = refuse(error)
        await _send(send, answer, head=request.method == "HEAD")

    def body_limit(self, request: Request) -> int:
        """How many bytes of body the request's operation takes."""
        found = self._found(request)
        return found[0].body_limit if found else MEBIBYTE

    def answer(self, request: Request) -> Answer:
        """The answer to a request whose body has been read. Raises LostAnswerError where a fault loses it."""
        if request.segments[:1] == [DOOR] and not request.prefix:
            return self.control.answer(request) if self.control else refuse(NotFoundError())
        if request.identity is None:
            return self._made(request)
        with self.forge.memory.watching():
            return self._made(request)

    def _made(self, request: Request) -> Answer:
        found = self._found(request)
        return self._faulty(request, found, partial(_dispatched, request, found))

    def _found(self, request: Request) -> Found | None:
        """The operation; `/repositories/{id}`, to which GitHub's own links lead, is the repository's `/repos/{owner}/{repo}`."""
        match request.segments:
            case ("repositories", number, *rest) if number.isascii() and number.isdigit():
                named = repo_path(self.forge.store.db, number)
                return self.router.match(request.method, [*named, *rest]) if named else None
        return self.router.match(request.method, request.segments)

    def _faulty(self, request: Request, found: Found | None, proceed: Proceed) -> Answer:
        if self.forge.faults.wants_past() and changes(request):
            self._past.capture()
        return answered(self.forge, self._past, request, found, proceed)


def _dispatched(request: Request, found: Found | None, forge: Forge) -> Answer:
    with forge.gate.passing():
        return dispatch(forge, request, found)


async def _hang_up(send: Send) -> None:
    """Close the connection in the middle of an answer, which is how the client learns nothing."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"{", "more_body": True})
    raise ConnectionAbortedError


def _identity(scope: Scope) -> tuple[Hashable, str | None]:
    """See `dispatch.identified`. HTTP/2 has bodies that no header tells of."""
    if scope["method"] != "GET" or not scope["http_version"].startswith("1"):
        return None, None
    target = (scope.get("raw_path") or scope["path"], scope["query_string"], scope.get("scheme"))
    return identified(target, scope["headers"])


def _address(scope: Scope) -> str:
    client = scope.get("client")
    return client[0] if client else ""


def _request(scope: Scope, identity: Hashable) -> Request:
    path = (scope.get("raw_path") or scope["path"].encode()).partition(b"?")[0].decode("ascii", "replace")
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    request = Request.of(
        method=scope["method"],
        path=path,
        query=scope["query_string"].decode("latin-1"),
        headers=headers,
        origin=f"{scope.get('scheme', 'http')}://{headers.get('host', 'localhost')}",
        address=_address(scope),
    )
    request.identity = identity
    return request


async def _read(receive: Receive, limit: int, declared: str | None) -> bytes:
    """The request's body; 413 as soon as it is known to be larger than the limit (bytes)."""
    if declared and declared.isdigit() and int(declared) > limit:
        raise TooLargeError
    parts, size, more = [], 0, True
    while more:
        message = await receive()
        part = message.get("body", b"")
        parts.append(part)
        size += len(part)
        if size > limit:
            raise TooLargeError
        more = message.get("more_body", False)
    return b"".join(parts)


async def _send(send: Send, answer: Answer, *, head: bool) -> None:
    headers = answer.encoded()
    if answer.stream and not head:
        await _stream(send, answer, headers)
        return
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if head else answer.content})


async def _stream(send: Send, answer: Answer, headers: list[tuple[bytes, bytes]]) -> None:
    """What git writes, as it comes; a client that is gone ends git."""
    process = await asyncio.create_subprocess_exec(
        "git",
        *answer.stream,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=environment(),
    )
    try:
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        while process.stdout and (part := await process.stdout.read(CHUNK)):
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await process.wait()
        if process.returncode:
            raise ConnectionError(f"git {answer.stream[1]} failed")  # the client must not take it for whole
        await send({"type": "http.response.body", "body": b""})
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
