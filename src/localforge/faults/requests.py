"""Faults of requests: each kind wraps the way to the answer; none knows what the request does."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from localforge.call import Answer
from localforge.dispatch import Found, Request, refuse
from localforge.errors import ForgeError, RateLimitedError, UnauthorizedError
from localforge.faults import world
from localforge.faults.past import Past
from localforge.faults.rules import Rule, Subject
from localforge.forge import Forge

Proceed: TypeAlias = Callable[[Forge], Answer]
SECONDARY = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."


class LostAnswerError(Exception):
    """The request has been dealt with, and nobody is told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Struck:
    """A request that a rule strikes, on the forge it is meant for. `found` None: git's own."""

    forge: Forge
    past: Past
    request: Request
    found: Found | None
    rule: Rule


Wrapper: TypeAlias = Callable[[Struck, Proceed], Answer]


def answer(forge: Forge, past: Past, request: Request, found: Found | None, proceed: Proceed) -> Answer:
    """The answer as the rules let it become. Raises LostAnswerError when the connection is to be closed."""
    for rule in reversed(forge.faults.strike(subject(request, found))):
        struck = Struck(forge=forge, past=past, request=request, found=found, rule=rule)
        proceed = _wrapped(_WRAPPERS[rule.kind], struck, proceed)
    return proceed(forge)


def subject(request: Request, found: Found | None) -> Subject:
    """The request as rules see it; its path is the one under `/` also where it came under `/api/v3`."""
    operation = found[0].id if found else ""
    return Subject(
        channel="request",
        method=request.method,
        path=request.path,
        operation=operation,
        reads=not changes(request),
    )


def changes(request: Request) -> bool:
    """Whether the request may change anything."""
    if request.path in {"/graphql", "/api/graphql"}:
        return b"mutation" in request.content
    return request.method not in {"GET", "HEAD"} and not request.path.endswith("/git-upload-pack")


def _wrapped(wrapper: Wrapper, struck: Struck, proceed: Proceed) -> Proceed:
    return lambda forge: wrapper(
        Struck(forge=forge, past=struck.past, request=struck.request, found=struck.found, rule=struck.rule),
        proceed,
    )


def _status(struck: Struck, _proceed: Proceed) -> Answer:
    error = ForgeError("Server Error")
    error.status = struck.rule.status
    return refuse(error)


def _lost_answer(struck: Struck, proceed: Proceed) -> Answer:
    proceed(struck.forge)
    raise LostAnswerError


def _secondary_limit(struck: Struck, _proceed: Proceed) -> Answer:
    wait = max(1, int(struck.rule.seconds))
    return refuse(RateLimitedError(SECONDARY, status=403, retry_after=wait, secondary=True))


def _expired_token(_struck: Struck, _proceed: Proceed) -> Answer:
    return refuse(UnauthorizedError("Bad credentials"))


def _stale(struck: Struck, proceed: Proceed) -> Answer:
    return proceed(struck.past.forge() or struck.forge)


def _slow(struck: Struck, proceed: Proceed) -> Answer:
    time.sleep(struck.rule.seconds)
    return proceed(struck.forge)


def _rename(struck: Struck, proceed: Proceed) -> Answer:
    world.rename(struck.forge, struck.request.segments, struck.rule.name)
    return proceed(struck.forge)


def _archive(struck: Struck, proceed: Proceed) -> Answer:
    world.archive(struck.forge, struck.request.segments)
    return proceed(struck.forge)


def _move_base(struck: Struck, proceed: Proceed) -> Answer:
    world.move_base(struck.forge, struck.request.segments)
    return proceed(struck.forge)


_WRAPPERS: Mapping[str, Wrapper] = {
    "status": _status,
    "lost_answer": _lost_answer,
    "secondary_limit": _secondary_limit,
    "expired_token": _expired_token,
    "stale": _stale,
    "slow": _slow,
    "rename": _rename,
    "archive": _archive,
    "move_base": _move_base,
}
