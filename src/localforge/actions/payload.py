"""The event's JSON as a run keeps it: what `github.event` and the event file show.

The forge's address may change between restarts, so stored payloads name it by a placeholder.
"""

from collections.abc import Mapping
from typing import cast

from localforge.forge import Forge
from localforge.json_types import Json, decode, encode
from localforge.render.view import View
from localforge.urls import Urls

_NOWHERE = "http://forge.invalid"
PLACEHOLDER = Urls(origin=_NOWHERE, api=f"{_NOWHERE}/api/v3")


def stored_view(forge: Forge) -> View:
    """What renders a payload that is stored."""
    return View(forge=forge, urls=PLACEHOLDER)


def at_address(payload: Mapping[str, Json], origin: str) -> Mapping[str, Json]:
    """The payload with the forge's present address."""
    text = encode(payload).decode().replace(_NOWHERE, origin)
    return cast("Mapping[str, Json]", decode(text))
