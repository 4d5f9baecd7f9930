"""JSON as the forge reads and writes it: typed aliases and the one encoder."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias, cast

import pydantic_core

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"
JsonObject: TypeAlias = Mapping[str, Json]


def encode(value: Json) -> bytes:
    """JSON bytes of a value; compact, UTF-8. Bytes of git that are no UTF-8 become replacement characters."""
    try:
        return pydantic_core.to_json(value)
    except pydantic_core.PydanticSerializationError:
        return pydantic_core.to_json(_displayable(value))


def decode(text: bytes | str) -> Json:
    """The value of JSON text; raises ValueError when it is malformed or nested too deep."""
    return cast("Json", pydantic_core.from_json(text, allow_inf_nan=False))


def _displayable(value: Json) -> Json:
    match value:
        case str():
            return value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        case Mapping():
            return {name: _displayable(entry) for name, entry in value.items()}
        case Sequence():
            return [_displayable(entry) for entry in value]
        case _:
            return value
