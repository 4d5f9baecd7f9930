"""Writes: one at a time for each credential, paced, and never repeated blindly."""

from dataclasses import dataclass
from typing import TypeVar

import pydantic_core
from pydantic import BaseModel

from penstock.adapters.github.account import Account
from penstock.adapters.github.channel import Call, Channel
from penstock.adapters.github.failures import Limited, Refused
from penstock.adapters.github.lane import WriterLane
from penstock.adapters.github.limits import Pace
from penstock.adapters.github.memory import TimeLog
from penstock.adapters.github.needs import Need
from penstock.adapters.github.transport import Http
from penstock.adapters.github.wire import Body, parsed
from penstock.ports import Permanent, StopFlag, Transient

A = TypeVar("A", bound=BaseModel)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutation:
    """One request that changes the forge. `creates`: it makes content that people are notified of."""

    method: str
    path: str
    need: Need
    body: Body | None = None
    creates: bool = False


class WriteClient:
    """Sends an account's mutations."""

    def __init__(self, http: Http, account: Account, pace: Pace, log: TimeLog) -> None:
        self._account = account
        self._channel = Channel(http, account)
        self._lane = WriterLane(account, pace, log)

    def send(self, mutation: Mutation, kind: type[A], stop: StopFlag) -> A:
        """Ask once; again only after a refusal for a rate limit.

        Raises Transient `stopped` without asking where it is no longer wanted, Ambiguous where it may have
        happened, Refused where the forge says no.
        """
        call = self._call(mutation)

        def before() -> None:
            self._lane.wait_turn(creates=mutation.creates)
            if not stop.wanted():
                raise Transient("stopped", f"{call.asked} was not sent: it is no longer wanted")

        with self._account.writing:
            try:
                response = self._channel.exchange(call, before)
            except Limited as limit:
                self._lane.close(limit.wait)
                raise
        if response.has_redirect_location:
            said = "the forge has it at another address"
            raise Refused("moved", f"{call.asked}: {said}", status=response.status_code, said=said)
        return parsed(response.content or b"{}", kind, call.asked)

    def _call(self, mutation: Mutation) -> Call:
        return Call(
            method=mutation.method,
            url=self._account.url(mutation.path, {}),
            need=mutation.need,
            repeatable=False,
            content=_encoded(mutation),
            headers={} if mutation.body is None else {"content-type": "application/json"},
        )


def _encoded(mutation: Mutation) -> bytes | None:
    """The body as JSON; Permanent `unsendable` for text that is no Unicode, such as a path of stray bytes."""
    try:
        return None if mutation.body is None else pydantic_core.to_json(mutation.body)
    except pydantic_core.PydanticSerializationError as error:
        message = f"{mutation.method} {mutation.path}: its text cannot be sent as JSON; rename paths that are no UTF-8"
        raise Permanent("unsendable", message) from error
