"""git over HTTP: who may fetch and push, and git's own `upload-pack` and `receive-pack` behind it."""

import asyncio
import tempfile
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any, TypeAlias

from localforge import access
from localforge.access import Actor, Need, Role
from localforge.call import TEXT, Answer
from localforge.credentials import authenticate
from localforge.dispatch import Request
from localforge.errors import ForgeError, NotFoundError, UnauthorizedError
from localforge.forge import Forge
from localforge.git.directory import environment
from localforge.git_push import LARGEST_PUSH, receive_pack
from localforge.store import accounts
from localforge.store.repos import Repository

Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]

CHUNK = 1 << 16
_NO_CACHE = (
    ("cache-control", "no-cache, max-age=0, must-revalidate"),
    ("expires", "Fri, 01 Jan 1980 00:00:00 GMT"),
    ("pragma", "no-cache"),
)
_READ = Need(permission="contents", level="read", role=Role.READ)
_WRITE = Need(permission="contents", level="write", role=Role.WRITE)


@dataclass(frozen=True, slots=True, kw_only=True)
class GitCall:
    """A request to `/{owner}/{repo}.git/…`: `service` is upload-pack or receive-pack."""

    owner: str
    name: str
    service: str
    advertises: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """The caller may use the service on the repository."""

    repo: Repository
    actor: Actor


def parse(request: Request) -> GitCall | None:
    """The git request that this is, or None for anything else."""
    match (request.method, *request.segments):
        case ("GET", owner, repo, "info", "refs") if request.query.startswith("service=git-"):
            service = request.query.removeprefix("service=git-").partition("&")[0]
            advertises = True
        case ("POST", owner, repo, "git-upload-pack" | "git-receive-pack" as command):
            service, advertises = command.removeprefix("git-"), False
        case _:
            return None
    if service not in {"upload-pack", "receive-pack"}:
        return None
    return GitCall(owner=owner, name=repo.removesuffix(".git"), service=service, advertises=advertises)


async def serve_git(
    forge: Forge, threads: Executor, call: GitCall, request: Request, channel: tuple[Receive, Send]
) -> Answer | None:
    """Serve a git request. Gives the answer to send, or None when it has been streamed."""
    receive, send = channel
    loop = asyncio.get_running_loop()
    granted = await loop.run_in_executor(threads, _admit, forge, call, request)
    if isinstance(granted, Answer):
        return granted
    if call.advertises:
        return await loop.run_in_executor(threads, _advertise, forge, call, request, granted.repo)
    body = _body(receive, request.headers)
    if call.service == "receive-pack":
        return await _push(forge, threads, granted, body)
    await _fetch(forge, granted.repo, request, body, send)
    return None


def _admit(forge: Forge, call: GitCall, request: Request) -> Granted | Answer:
    """Who may: 401 asks for a credential first, 404 hides, 403 explains, 301 follows a rename."""
    try:
        db = forge.store.db
        actor = authenticate(db, request.headers.get("authorization"), forge.clock)
        writing = call.service == "receive-pack"
        repo, old_name = _found(forge, call, actor)
        error = access.refusal(db, actor, repo, _WRITE if writing else _READ)
        if error is None and writing and repo.archived:
            return _said(403, "This repository was archived so it is read-only.")
    except UnauthorizedError as unauthorized:
        return _said(unauthorized.status, unauthorized.message)
    except NotFoundError:
        return _said(404, "Repository not found.")
    except ForgeError as other:
        return _said(other.status, other.message)
    if error is not None:
        return _refused(error, call, actor)
    if old_name and call.advertises:
        owner = accounts.by_id(db, repo.owner_id).login
        location = f"{request.origin}/{owner}/{repo.name}.git/info/refs?{request.query}"
        return Answer(status=301, headers=(("location", location),))
    return Granted(repo=repo, actor=actor)


def _found(forge: Forge, call: GitCall, actor: Actor) -> tuple[Repository, bool]:
    """The repository; a stranger is asked for a credential whether it is hidden or absent."""
    try:
        repo, old_name = access.find_repo(forge.store.db, call.owner, call.name)
    except NotFoundError:
        if actor.user is None:
            raise UnauthorizedError from None
        raise
    if not access.can_see(forge.store.db, actor, repo):
        raise NotFoundError if actor.user else UnauthorizedError
    return repo, old_name


def _refused(error: ForgeError, call: GitCall, actor: Actor) -> Answer:
    if call.service == "receive-pack" and actor.user and error.status in {403, 404}:
        return _said(403, f"Permission to {call.owner}/{call.name}.git denied to {actor.user.login}.")
    return _said(error.status, error.message)


def _said(status: int, message: str) -> Answer:
    """A refusal that git shows to its user as `remote: …`; 401 makes git ask for, or send, a credential."""
    challenge = (("www-authenticate", 'Basic realm="GitHub"'),) if status == 401 else ()
    return Answer(status=status, content=f"{message}\n".encode(), media_type=TEXT, headers=challenge)


def _protocol(service: str, request: Request) -> Mapping[str, str]:
    version = request.headers.get("git-protocol", "")
    known = service == "upload-pack" and version in {"version=1", "version=2"}
    return {"GIT_PROTOCOL": version} if known else {}


def _advertise(forge: Forge, call: GitCall, request: Request, repo: Repository) -> Answer:
    """What the service offers: its refs, or (protocol 2) its capabilities."""
    protocol = _protocol(call.service, request)
    command = [call.service, "--stateless-rpc", "--http-backend-info-refs", str(forge.git_path(repo.id))]
    content = forge.git(repo.id).run(*command, extra=protocol)
    if protocol.get("GIT_PROTOCOL") != "version=2":
        banner = f"# service=git-{call.service}\n".encode()
        content = f"{len(banner) + 4:04x}".encode() + banner + b"0000" + content
    media_type = f"application/x-git-{call.service}-advertisement"
    return Answer(status=200, content=content, media_type=media_type, headers=_NO_CACHE)


async def _push(forge: Forge, threads: Executor, granted: Granted, body: AsyncIterator[bytes]) -> Answer:
    """Spool the request to disk, then let one thread judge, journal and receive it."""
    with tempfile.TemporaryFile(dir=forge.state) as spool:
        size = 0
        async for part in body:
            size += len(part)
            if size > LARGEST_PUSH:
                return _said(413, f"A push may be at most {LARGEST_PUSH >> 30} GiB.")
            spool.write(part)
        spool.seek(0)
        loop = asyncio.get_running_loop()
        content = await loop.run_in_executor(threads, receive_pack, forge, granted.repo, granted.actor, spool)
    media_type = "application/x-git-receive-pack-result"
    return Answer(status=200, content=content, media_type=media_type, headers=_NO_CACHE)


async def _fetch(
    forge: Forge, repo: Repository, request: Request, body: AsyncIterator[bytes], send: Send
) -> None:
    """Stream the request into `git upload-pack` and its packs out."""
    process = await asyncio.create_subprocess_exec(
        "git",
        "upload-pack",
        "--stateless-rpc",
        str(forge.git_path(repo.id)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=environment(_protocol("upload-pack", request)),
    )
    feeding = asyncio.create_task(_feed(process, body))
    headers = [(b"content-type", b"application/x-git-upload-pack-result")]
    headers += [(name.encode(), value.encode()) for name, value in _NO_CACHE]
    try:
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        while process.stdout and (part := await process.stdout.read(CHUNK)):
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
        await process.wait()
    finally:
        feeding.cancel()
        if process.returncode is None:
            process.kill()  # the client is gone
            await process.wait()


async def _feed(process: asyncio.subprocess.Process, body: AsyncIterator[bytes]) -> None:
    if process.stdin is None:
        return
    try:
        async for part in body:
            process.stdin.write(part)
            await process.stdin.drain()
    except (BrokenPipeError, ConnectionResetError):
        return  # git has what it needs
    finally:
        process.stdin.close()


async def _body(receive: Receive, headers: Mapping[str, str]) -> AsyncIterator[bytes]:
    """The request's body as it arrives, unzipped where it is gzip."""
    unzip = zlib.decompressobj(31) if headers.get("content-encoding") in {"gzip", "x-gzip"} else None
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        part = message.get("body", b"")
        more = message.get("more_body", False)
        while unzip and part:
            yield unzip.decompress(part, CHUNK)
            part = unzip.unconsumed_tail
        if part:
            yield part
