"""The ways a request fails, as the ports' two errors.

Transient
├── Limited     refused for a rate limit: nothing was done
└── Ambiguous   no answer, or the server's own failure: it may have been done
Permanent
└── Refused     the forge understood and said no, with a status and its words
"""

import httpx
import pydantic_core

from penstock.adapters.github.credential import Bearer
from penstock.adapters.github.limits import limited_for
from penstock.adapters.github.needs import Need, accepted
from penstock.ports import Permanent, PortError, Transient

SHOWN = 300
"""How much of the forge's own words is repeated."""


class Limited(Transient):
    """A primary or secondary limit; `retry_after` is always known."""

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__("rate_limited", message, retry_after)
        self.wait = retry_after


class Ambiguous(Transient):
    """Who asked for a write must look before asking again."""


class Refused(Permanent):
    """`status` and `said` are the forge's own; `code` is ours."""

    def __init__(self, code: str, message: str, *, status: int, said: str) -> None:
        super().__init__(code, message)
        self.status = status
        self.said = said


CODES = {
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "not_allowed",
    409: "conflict",
    410: "gone",
    422: "invalid",
    423: "locked",
    451: "unavailable_for_legal_reasons",
}


def no_answer(error: httpx.RequestError, asked: str) -> Transient:
    """A request that got no whole answer: never sent, or lost after it was."""
    reason = type(error).__name__
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout):
        host = error.request.url.netloc.decode()
        why = f"{reason}: {error}" if str(error) else reason
        return Transient("unreachable", f"{asked}: the forge at {host} cannot be reached ({why})")
    return Ambiguous("unreachable", f"{asked}: the connection was lost or timed out ({reason})")


def refusal(response: httpx.Response, asked: str, need: Need, *, credential: Bearer, now: float) -> PortError:
    """What an answer of status 400 and above means; `now` is in Unix seconds."""
    status, said, source = response.status_code, credential.hidden(_words(response)), credential.source
    wait = limited_for(status, response.headers, said, now)
    if wait is not None:
        return Limited(f"{asked}: rate limited for {wait:.0f} s ({said})", wait)
    if status >= 500:
        return Ambiguous("server_error", f"{asked}: the forge failed ({status} {said})".rstrip())
    code = CODES.get(status, f"http_{status}")
    message = f"{asked}: {status} {said}".rstrip()
    if status == 401:
        message += f"; the token in {source} is wrong, expired or revoked: put a valid one there"
    if status == 404 and response.request.method != "GET":
        message += f"; it is gone, or the token in {source} lacks {accepted(response.headers, need)}"
    if status == 403:
        message += f"; to {need.purpose} the token in {source} needs {accepted(response.headers, need)}"
    return Refused(code, message, status=status, said=said)


def _words(response: httpx.Response) -> str:
    """GitHub's `message` and the messages or fields of its `errors`, on one line."""
    try:
        body = pydantic_core.from_json(response.content)
    except ValueError:
        return response.reason_phrase
    if not isinstance(body, dict):
        return response.reason_phrase
    errors = body.get("errors")
    parts = [body.get("message"), *map(_error_words, errors if isinstance(errors, list) else [errors])]
    line = "; ".join(part for part in parts if isinstance(part, str) and part)
    return "".join(char if char.isprintable() else " " for char in line)[:SHOWN]


def _error_words(error: object) -> object:
    if not isinstance(error, dict):
        return error
    return error.get("message") or " ".join(str(error[key]) for key in ("field", "code") if key in error)


def not_protected(refusal: Refused) -> bool:
    """The branch is there and has no protection."""
    return refusal.status == 404 and refusal.said.startswith("Branch not protected")


def not_in_plan(refusal: Refused) -> bool:
    """Private repositories of GitHub's free plan cannot be protected, and GitHub says so with a 403."""
    return refusal.status == 403 and refusal.said.startswith("Upgrade to ")


_PROTECTING = ("protected branch", "rule violation", "required status check", "review is required")


def by_protection(refusal: Refused) -> bool:
    """Branch protection or a ruleset refused it."""
    said = refusal.said.lower()
    return refusal.status in {403, 405, 409, 422} and any(words in said for words in _PROTECTING)
