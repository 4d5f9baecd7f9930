"""One request at a time: send it, remember the limits, and repeat only what may be repeated."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import httpx

from penstock.adapters.github.account import PATIENCE, Account
from penstock.adapters.github.failures import Limited, Refused, no_answer, refusal
from penstock.adapters.github.needs import Need
from penstock.adapters.github.transport import Http
from penstock.ports import Transient

TIMEOUT = httpx.Timeout(30.0, connect=10.0)
BACKOFF = (0.5, 2.0)
"""Pauses between attempts, in seconds; one attempt more than there are pauses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request. `repeatable`: asking twice is the same as asking once."""

    method: str
    url: str
    need: Need
    repeatable: bool
    content: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def asked(self) -> str:
        return f"{self.method} {httpx.URL(self.url).path}"


class Channel:
    """Carries an account's calls."""

    def __init__(self, http: Http, account: Account) -> None:
        self._http = http
        self._account = account

    def exchange(self, call: Call, before: Callable[[], None] = lambda: None) -> httpx.Response:
        """The answer, with a status below 400; redirects are answers too.

        `before` runs right before each attempt and may raise. Raises Transient or Refused.
        """
        attempt, renewed = 0, False
        while True:
            self._account.hold(call.url)
            before()
            try:
                return self._once(call)
            except Refused as refused:
                # Nothing was done, and an App can have another token: once.
                if refused.status != 401 or renewed or not self._account.credential.renew():
                    raise
                renewed = True
                continue
            except Transient as error:
                pause = _pause(error, attempt, repeatable=call.repeatable)
                if pause is None:
                    raise
            self._account.clock.sleep(pause)
            attempt += 1

    def _once(self, call: Call) -> httpx.Response:
        request = httpx.Request(
            call.method,
            call.url,
            headers={**self._account.headers(), **call.headers},
            content=call.content,
            extensions={"timeout": TIMEOUT.as_dict()},
        )
        try:
            response = self._http.send(request)
        except httpx.RequestError as error:
            raise no_answer(error, call.asked) from None
        self._account.note(response.headers)
        if response.status_code < 400:
            return response
        failure = refusal(
            response, call.asked, call.need, credential=self._account.credential, now=self._account.now
        )
        if isinstance(failure, Limited):
            self._account.close(failure.wait)
        raise failure


def _pause(error: Transient, attempt: int, *, repeatable: bool) -> float | None:
    """Seconds until the same request may be sent again; None: not here."""
    if attempt == len(BACKOFF):
        return None
    if isinstance(error, Limited):
        return error.wait if error.wait <= PATIENCE else None
    return BACKOFF[attempt] if repeatable else None
