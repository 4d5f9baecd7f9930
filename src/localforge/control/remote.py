"""The door of a forge that some process serves: found by what `serve` left in the state directory."""

import json
from dataclasses import dataclass
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from localforge.json_types import Json

FILE = "forge.door"


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """Where it is and what opens it."""

    url: str
    secret: str

    def ask(self, method: str, path: str, body: Json = None) -> Json:
        """The document that is answered; ValueError with the forge's words when it refuses."""
        content = None if body is None else json.dumps(body).encode()
        headers = {"authorization": f"Bearer {self.secret}"}
        request = Request(f"{self.url}/_forge/{path}", content, headers, method=method)  # noqa: S310 (ours)
        try:
            with urlopen(request) as response:  # noqa: S310 (ours)
                document: Json = json.loads(response.read())
        except HTTPError as error:
            with error:
                raise ValueError(json.loads(error.read())["message"]) from error
        except URLError as error:
            raise ValueError(f"the forge at {self.url} does not answer: {error.reason}") from error
        return document


def announce(state: Path, door: Door) -> None:
    """Leave the way to the door for this user's commands."""
    path = state / FILE
    path.touch(mode=0o600)
    path.write_text(json.dumps({"url": door.url, "secret": door.secret}))


def withdraw(state: Path) -> None:
    """The door is closed."""
    (state / FILE).unlink(missing_ok=True)


def find(state: Path) -> Door | None:
    """The door of the forge that is served from here, if it has one."""
    path = state / FILE
    if not path.exists():
        return None
    found = json.loads(path.read_text())
    return Door(url=found["url"], secret=found["secret"])
