"""From a request and its operation to an answer: credential, limits, access, handler, errors, headers."""

import hashlib
import logging
import random
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import unquote

from localforge import access
from localforge.access import Actor, Need
from localforge.apps.assertions import UNREADABLE
from localforge.call import JSON, Answer, Call, Headers, Query
from localforge.credentials import authenticate
from localforge.errors import (
    BadRequestError,
    ForbiddenError,
    ForgeError,
    MovedError,
    NotFoundError,
    UnauthorizedError,
)
from localforge.forge import Forge
from localforge.json_types import decode, encode
from localforge.memory import Known
from localforge.operations import Operation
from localforge.pages.overview import FRONT
from localforge.pages.page import html
from localforge.store import accounts, repos
from localforge.store.database import Db
from localforge.store.repos import Repository
from localforge.urls import Urls
from localforge.versions import FIRST, SUPPORTED, in_second

log = logging.getLogger(__name__)

API_PREFIX = "/api/v3"


@dataclass(slots=True, kw_only=True)
class Request:
    """What arrived. `prefix` is `/api/v3` or empty, `path` (still encoded) and `segments` come after it.

    `identity` is all of a GET without a body that an answer can follow from (see `identified`); None for other requests.
    """

    method: str
    path: str
    prefix: str
    segments: Sequence[str]
    query: str
    headers: Mapping[str, str]
    origin: str
    address: str
    content: bytes = b""
    identity: Hashable = None

    @classmethod
    def of(
        cls, *, method: str, path: str, query: str, headers: Mapping[str, str], origin: str, address: str
    ) -> "Request":
        """A request for a percent-encoded path, under `/` or `/api/v3`. Header names are lower case."""
        prefix = API_PREFIX if path == API_PREFIX or path.startswith(API_PREFIX + "/") else ""
        path = path.removeprefix(prefix) or "/"
        return cls(
            method=method,
            path=path,
            prefix=prefix,
            segments=[unquote(segment) for segment in path.split("/") if segment],
            query=query,
            headers=headers,
            origin=origin,
            address=address,
        )

    @property
    def urls(self) -> Urls:
        """The forge's addresses as this caller sees it."""
        return Urls(origin=self.origin, api=self.origin + self.prefix)


def identified(target: Hashable, headers: Iterable[tuple[bytes, bytes]]) -> tuple[Hashable, str | None]:
    """Of a GET without a body: all that its answer can follow from, the address aside, and its If-None-Match.

    `target` is its address, `headers` are as they came, names in lower case. (None, None) where there is a body.
    """
    kept, known = [], None
    for header in headers:
        match header[0]:
            case b"content-length" | b"transfer-encoding":
                return None, None
            case b"if-none-match":
                known = header[1].decode("latin-1")
            case _:
                kept.append(header)
    return (target, tuple(kept)), known


# What a script of another origin may read of an answer, and ask with (docs.github.com, "Using CORS and JSONP").
_EXPOSED = (
    "ETag, Link, Location, Retry-After, X-GitHub-OTP, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Used,"
    " X-RateLimit-Resource, X-RateLimit-Reset, X-OAuth-Scopes, X-Accepted-OAuth-Scopes, X-Poll-Interval,"
    " X-GitHub-Media-Type, X-GitHub-SSO, X-GitHub-Request-Id, Deprecation, Sunset"
)
_ASKED_WITH = (
    "Authorization, Content-Type, If-Match, If-Modified-Since, If-None-Match, If-Unmodified-Since,"
    " Accept-Encoding, X-GitHub-OTP, X-Requested-With, User-Agent, X-GitHub-Api-Version"
)
_PREFLIGHT = (
    ("access-control-allow-headers", _ASKED_WITH),
    ("access-control-allow-methods", "GET, POST, PATCH, PUT, DELETE"),
    ("access-control-max-age", "86400"),
)

Found = tuple[Operation, Mapping[str, str]]


def repo_path(db: Db, number: str) -> Sequence[str] | None:
    """The segments of the repository with this id: `repos`, owner, name; None when there is none."""
    repo = repos.by_id(db, int(number)) if len(number) < 19 else None
    return ("repos", accounts.by_id(db, repo.owner_id).login, repo.name) if repo else None


def dispatch(forge: Forge, request: Request, found: Found | None) -> Answer:
    """The answer to a request, refusals included. Never raises."""
    if request.method == "OPTIONS":
        return Answer(status=204, headers=(_request_id(), *_standard_headers(), *_PREFLIGHT))
    if found and found[0].page and request.prefix:
        found = None
    browses = not request.prefix and "text/html" in request.headers.get("accept", "")
    if browses and found and not request.segments:
        found = (FRONT, {})
    page = browses and (found is None or found[0].page)
    if found is None:
        return refuse(NotFoundError(), page=page)
    try:
        actor = _authenticated(forge, request)
        serve = _page if found[0].page else _api
        return serve(forge, request, found, actor)
    except ForgeError as error:
        return refuse(error, page=page)
    except Exception:
        log.exception("%s %s", request.method, request.path)
        return refuse(ForgeError("Server Error"), page=page)


def refuse(error: ForgeError, *, page: bool = False) -> Answer:
    """The answer that a refusal becomes; a page for somebody who reads pages."""
    if page:
        answer = html("refused", error.status, message=error.message, full_name=None)
        return replace(answer, headers=(*answer.headers, *error.headers))
    answer = _refusal(error)
    return replace(answer, headers=(*answer.headers, _request_id(), *_standard_headers()))


def _refusal(error: ForgeError) -> Answer:
    return Answer(status=error.status, content=encode(error.json()), media_type=JSON, headers=error.headers)


def _authenticated(forge: Forge, request: Request) -> Actor:
    return authenticate(forge.store.db, request.headers.get("authorization"), forge.clock)


def _page(forge: Forge, request: Request, found: Found, actor: Actor) -> Answer:
    answer = found[0].handler(_call(forge, request, found, actor))
    return replace(answer, headers=(*answer.headers, ("cache-control", "no-cache")))


def _api(forge: Forge, request: Request, found: Found, actor: Actor) -> Answer:
    operation = found[0]
    version = _version(request.headers.get("x-github-api-version"))
    key = actor.key or f"address:{request.address}"
    anonymous = actor.user is None and actor.app is None
    quota = forge.limiter.quota(key, operation.resource, anonymous=anonymous)
    exhausted = bool(operation.resource) and quota.remaining == 0
    standing = (*_standard_headers(version), *_accepted(operation, actor))
    try:
        if exhausted:
            forge.limiter.refuse_beyond(key, quota)
        answer = _versioned(operation.handler(_call(forge, request, found, actor)), version)
        caching = _caching(request, answer)
        if caching and operation.memorable and request.identity is not None and not actor.app:
            _keep(forge, request, (operation, actor), (answer, caching, standing))
        answer = _revalidated(answer, caching, request.headers.get("if-none-match"))
    except ForgeError as error:
        answer = _refusal(error)
    if not operation.resource:
        return _finished(answer, (), standing)
    if answer.status != 304 and not exhausted:
        forge.limiter.spend(key, operation.resource)
        quota = forge.limiter.quota(key, operation.resource, anonymous=anonymous)
    return _finished(answer, quota.headers(), standing)


def _finished(answer: Answer, limits: Headers, standing: Headers) -> Answer:
    return _with(answer, (*limits, _request_id(), *standing))


def _with(answer: Answer, headers: Headers) -> Answer:
    """The answer with headers added."""
    return Answer(
        status=answer.status,
        content=answer.content,
        media_type=answer.media_type,
        headers=answer.headers + headers,
        stream=answer.stream,
    )


def _keep(
    forge: Forge, request: Request, asked: tuple[Operation, Actor], made: tuple[Answer, Headers, Headers]
) -> None:
    (operation, actor), (answer, caching, standing) = asked, made
    known = Known(
        content=answer.content,
        etag=caching[0][1],
        whole=tuple(_with(answer, (*caching, *standing)).encoded()),
        same=tuple(Answer(status=304, headers=(*caching, *standing)).encoded()),
        key=actor.key,
        resource=operation.resource,
        expires_at=actor.credential.expires_at if actor.credential else None,
    )
    forge.memory.keep(request.identity, known)


def recalled(forge: Forge, identity: Hashable, known: str | None, address: str) -> Answer | None:
    """The answer that the forge remembers of a request, counted like any other. `known`: its If-None-Match.

    None where there is none, and where the long way may end otherwise: a limit is used up, a token has expired, a rule for
    faults is set.
    """
    if identity is None or forge.faults.active:
        return None
    kept = forge.memory.recall(identity)
    if kept is None or (kept.expires_at is not None and kept.expires_at <= forge.clock()):
        return None
    same = known is not None and _names(known, kept.etag)
    cost, key = 0 if same else 1, kept.key or f"address:{address}"
    quota = forge.limiter.take(key, kept.resource, cost, anonymous=kept.key is None)
    if quota is None:
        return None
    headers = (*quota.headers(), _request_id())
    if same:
        return Answer(status=304, headers=headers, ready=kept.same)
    return Answer(status=200, content=kept.content, headers=headers, ready=kept.whole)


def _call(forge: Forge, request: Request, found: Found, actor: Actor) -> Call:
    """The handler's argument, once the caller is known to be allowed."""
    operation, params = found
    error = _misplaced(operation, actor)
    if error:
        raise error
    call = Call(
        forge=forge,
        operation_id=operation.id,
        path=request.path,
        params=params,
        query=Query(request.query),
        headers=request.headers,
        content=request.content,
        actor=actor,
        address=request.address,
        urls=request.urls,
        found_repo=_repository(forge, request, found, actor, operation.need) if operation.need else None,
    )
    if operation.content:
        forge.limiter.create_content(call.limit_key)
    return call


def _misplaced(operation: Operation, actor: Actor) -> ForgeError | None:
    """The refusal of who is not of the kind that the operation is for."""
    if operation.app:
        return None if actor.app else UnauthorizedError(UNREADABLE)
    if actor.app:
        return ForbiddenError(access.OF_INTEGRATIONS) if operation.login or operation.need else None
    if operation.login and actor.user is None:
        return UnauthorizedError()
    of_user = operation.path == "/user" or operation.path.startswith("/user/")
    return ForbiddenError(access.OF_INTEGRATIONS) if of_user and actor.installation else None


def _repository(forge: Forge, request: Request, found: Found, actor: Actor, need: Need) -> Repository:
    db, (operation, params) = forge.store.db, found
    repo, old_name = access.find_repo(db, params["owner"], params["repo"].removesuffix(".git"))
    error = access.refusal(db, actor, repo, need)
    if error:
        raise error
    if old_name:
        full_name = f"{accounts.by_id(db, repo.owner_id).login}/{repo.name}"
        base, depth = (
            (request.urls.page(full_name), 3) if operation.page else (request.urls.repo_by_id(repo.id), 4)
        )
        url = "/".join([base, *request.path.split("/")[depth:]])
        query = f"?{request.query}" if request.query else ""
        raise MovedError(url + query, status=301 if request.method in {"GET", "HEAD"} else 307)
    if repo.archived and request.method not in {"GET", "HEAD"} and not need.archived_too:
        raise ForbiddenError(access.ARCHIVED)
    return repo


def _version(asked: str | None) -> str:
    if asked is not None and asked not in SUPPORTED:
        supported = ", ".join(SUPPORTED)
        raise BadRequestError(
            f'"{asked[:40]}" is not a supported API version. Supported versions: {supported}.'
        )
    return asked or FIRST


def _versioned(answer: Answer, version: str) -> Answer:
    if version == FIRST or answer.media_type != JSON or not answer.content:
        return answer
    return replace(answer, content=encode(in_second(decode(answer.content))))


def _caching(request: Request, answer: Answer) -> Headers:
    """The headers that let the caller keep an answer, its ETag first; none for what is not to be kept."""
    if request.method not in {"GET", "HEAD"} or answer.status != 200:
        return ()
    visibility = "private" if "authorization" in request.headers else "public"
    return (
        ("etag", f'W/"{hashlib.sha256(answer.content).hexdigest()}"'),
        ("cache-control", f"{visibility}, max-age=60, s-maxage=60"),
        ("vary", "Accept, Authorization, Cookie, X-GitHub-OTP"),
    )


def _revalidated(answer: Answer, caching: Headers, known: str | None) -> Answer:
    """The answer with these headers, or 304 when its ETag is among those that the caller knows."""
    if known is not None and caching and _names(known, caching[0][1]):
        return Answer(status=304, headers=caching)
    return _with(answer, caching)


def _names(known: str, etag: str) -> bool:
    """Whether an If-None-Match names the ETag, weak or not."""
    return etag.removeprefix("W/") in {entry.strip().removeprefix("W/") for entry in known.split(",")}


def _request_id() -> tuple[str, str]:
    number = f"{random.getrandbits(128):032X}"
    parts = (number[:4], number[4:10], number[10:17], number[17:24], number[24:])
    return ("x-github-request-id", ":".join(parts))


def _standard_headers(version: str = FIRST) -> Headers:
    return (
        ("x-github-media-type", "github.v3; format=json"),
        ("x-github-api-version-selected", version),
        ("x-content-type-options", "nosniff"),
        ("access-control-allow-origin", "*"),
        ("access-control-expose-headers", _EXPOSED),
    )


def _accepted(operation: Operation, actor: Actor) -> Headers:
    """What the token has and what the operation takes: scopes of a classic token, permissions of any other."""
    need, credential = operation.need, actor.credential
    if credential is None:
        return ()
    if credential.scopes is None:
        return (("x-accepted-github-permissions", f"{need.permission}={need.level}"),) if need else ()
    accepted = access.accepted_scopes(need) if need else ()
    return (
        ("x-oauth-scopes", ", ".join(sorted(credential.scopes))),
        ("x-accepted-oauth-scopes", ", ".join(accepted)),
    )
