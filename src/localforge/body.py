"""A JSON request body, read field by field with GitHub's refusals."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

from localforge.errors import InvalidError
from localforge.json_types import Json, JsonObject

T = TypeVar("T", bool, int, str)

# What becomes a file may hold any character.
_OF_FILES = frozenset({"content"})
_TYPE_WORDS = {bool: "a boolean", int: "an integer", str: "a string"}


class Body:
    """Typed access to a JSON object. `path` is where it lies in the request, for messages."""

    __slots__ = ("_path", "values")

    def __init__(self, values: JsonObject, path: str = "properties") -> None:
        self.values = values
        self._path = path

    def __contains__(self, name: str) -> bool:
        return name in self.values

    def text(self, name: str) -> str:
        """A required string."""
        return self._required(str, name)

    def number(self, name: str) -> int:
        """A required integer."""
        return self._required(int, name)

    def flag(self, name: str) -> bool:
        """A required boolean."""
        return self._required(bool, name)

    def maybe_text(self, name: str) -> str | None:
        """A string, or None when absent or null."""
        return self._optional(str, name)

    def maybe_number(self, name: str) -> int | None:
        """An integer, or None when absent or null."""
        return self._optional(int, name)

    def maybe_flag(self, name: str) -> bool | None:
        """A boolean, or None when absent or null."""
        return self._optional(bool, name)

    def choice(self, name: str, choices: tuple[str, ...], default: str | None = None) -> str:
        """One of the choices; required when there is no default."""
        value = self.maybe_text(name) if default is not None else self.text(name)
        if value is None:
            value = default or ""
        if value not in choices:
            quoted = ", ".join(f'"{choice}"' for choice in choices)
            raise self._wrong(name, value, f"a member of [{quoted}]")
        return value

    def texts(self, name: str) -> list[str] | None:
        """A list of strings, or None when absent or null."""
        items = self.items(name)
        if items is None:
            return None
        for item in items:
            if not isinstance(item, str) or "\0" in item:
                raise self._wrong(name, item, "a string")
        return [item for item in items if isinstance(item, str)]

    def items(self, name: str) -> Sequence[Json] | None:
        """A list, or None when absent or null."""
        value = self.values.get(name)
        if value is None:
            return None
        if isinstance(value, str) or not isinstance(value, Sequence):
            raise self._wrong(name, value, "an array")
        return value

    def object(self, name: str) -> "Body | None":
        """An object, or None when absent or null."""
        value = self.values.get(name)
        if value is None:
            return None
        if not isinstance(value, Mapping):
            raise self._wrong(name, value, "an object")
        return Body(value, f"{self._path}/{name}")

    def objects(self, name: str) -> "list[Body] | None":
        """A list of objects, or None when absent or null."""
        items = self.items(name)
        if items is None:
            return None
        bodies = []
        for index, item in enumerate(items):
            if not isinstance(item, Mapping):
                raise self._wrong(name, item, "an object")
            bodies.append(Body(item, f"{self._path}/{name}/{index}"))
        return bodies

    def _required(self, kind: type[T], name: str) -> T:
        if name not in self.values:
            raise InvalidError(f'Invalid request.\n\n"{name}" wasn\'t supplied.')
        value = self._optional(kind, name)
        if value is None:
            raise self._wrong(name, None, _TYPE_WORDS[kind])
        return value

    def _optional(self, kind: type[T], name: str) -> T | None:
        value = self.values.get(name)
        if value is None:
            return None
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise self._wrong(name, value, _TYPE_WORDS[kind])
        if kind is str and "\0" in str(value) and name not in _OF_FILES:
            raise self._wrong(name, value, "a string without null bytes")
        return value

    def _wrong(self, name: str, value: Json, wanted: str) -> InvalidError:
        shown = "null" if value is None else str(value)[:80]
        return InvalidError(f"Invalid request.\n\nFor '{self._path}/{name}', {shown} is not {wanted}.")
