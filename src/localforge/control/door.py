"""`/_forge/…`: faults, snapshots and an examination over HTTP, for who knows the secret. Closed unless asked for.

| request | what |
|---|---|
| `GET /_forge/faults` | the rules, with how often each matched and struck |
| `POST /_forge/faults` | a rule (see `faults.rules`); 201 with its `id` |
| `DELETE /_forge/faults`, `/_forge/faults/ID` | all rules, or one |
| `GET /_forge/snapshots` | their names |
| `POST /_forge/snapshots` | `{"name": …}`: take one |
| `POST /_forge/snapshots/NAME/restore` | bring it back |
| `DELETE /_forge/snapshots/NAME` | forget it |
| `GET /_forge/fsck` | the report |
"""

import secrets
from collections.abc import Sequence

from pydantic import ValidationError

from localforge.call import JSON, Answer
from localforge.dispatch import Request, refuse
from localforge.errors import BadRequestError, ForgeError, InvalidError, NotFoundError, UnauthorizedError
from localforge.faults.rules import ADAPTER, KINDS
from localforge.forge import Forge
from localforge.integrity import fsck, snapshots
from localforge.json_types import Json, decode, encode

DOOR = "_forge"


class Control:
    """The door of one forge. `secret` is its only key."""

    def __init__(self, forge: Forge, secret: str) -> None:
        self._forge = forge
        self._secret = secret

    def answer(self, request: Request) -> Answer:
        """The answer to a request below `/_forge`; refusals look like GitHub's."""
        given = request.headers.get("authorization", "").partition(" ")[2]
        try:
            if not secrets.compare_digest(given.encode(), self._secret.encode()):
                raise UnauthorizedError
            status, document = self._answer(request)
        except ForgeError as error:
            return refuse(error)
        except ValueError as error:
            return refuse(InvalidError(str(error)))
        return Answer(status=status, content=encode(document), media_type=JSON)

    def _answer(self, request: Request) -> tuple[int, Json]:
        match request.method, list(request.segments[1:]):
            case (("GET" | "POST" | "DELETE"), ["faults", *rest]):
                return self._faults(request, rest)
            case (("GET" | "POST" | "DELETE"), ["snapshots", *rest]):
                return self._snapshots(request, rest)
            case "GET", ["fsck"]:
                return 200, self._examined()
            case _:
                raise NotFoundError

    def _faults(self, request: Request, rest: Sequence[str]) -> tuple[int, Json]:
        faults = self._forge.faults
        match request.method, list(rest):
            case "GET", []:
                return 200, faults.json()
            case "POST", []:
                try:
                    rule = ADAPTER.validate_json(request.content)
                except ValidationError as error:
                    raise InvalidError(_told(error)) from error
                return 201, {"id": faults.add(rule)}
            case "DELETE", []:
                faults.clear()
                return 200, []
            case "DELETE", [number] if number.isdecimal() and faults.remove(int(number)):
                return 200, faults.json()
            case _:
                raise NotFoundError

    def _snapshots(self, request: Request, rest: Sequence[str]) -> tuple[int, Json]:
        match request.method, list(rest):
            case "GET", []:
                return 200, snapshots.names(self._forge)
            case "POST", []:
                snapshots.take(self._forge, _name(request))
                return 201, snapshots.names(self._forge)
            case "POST", [name, "restore"]:
                snapshots.restore(self._forge, name)
                return 200, snapshots.names(self._forge)
            case "DELETE", [name]:
                snapshots.remove(self._forge, name)
                return 200, snapshots.names(self._forge)
            case _:
                raise NotFoundError

    def _examined(self) -> Json:
        with self._forge.gate.alone(), self._forge.store.quiet():
            return fsck.examine(self._forge).json()


def _name(request: Request) -> str:
    try:
        body = decode(request.content)
    except ValueError as error:
        raise BadRequestError from error
    name = body.get("name") if isinstance(body, dict) else None
    if not isinstance(name, str):
        raise InvalidError('a snapshot needs a name: {"name": "before"}')
    return name


def _told(error: ValidationError) -> str:
    """Each mistake in a rule, with its key."""
    entries = error.errors(include_url=False, include_input=False)
    if any(entry["loc"][:1] == ("kind",) for entry in entries):
        return f"kind: one of {', '.join(KINDS)}"
    return "; ".join(f"{'.'.join(map(str, entry['loc']))}: {entry['msg']}" for entry in entries)
