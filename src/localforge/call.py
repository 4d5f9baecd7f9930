"""What a handler is given (`Call`) and what it gives back (`Answer`)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import parse_qsl

from localforge.access import Actor, Need, can
from localforge.body import Body
from localforge.errors import BadRequestError, InvalidError, NotFoundError
from localforge.forge import Forge
from localforge.git.directory import GitDir
from localforge.json_types import Json, decode, encode
from localforge.memory import EncodedHeaders
from localforge.render.view import View
from localforge.store.database import Db
from localforge.store.repos import Repository
from localforge.urls import Urls

Headers = tuple[tuple[str, str], ...]

JSON = "application/json; charset=utf-8"
TEXT = "text/plain; charset=utf-8"
HTML = "text/html; charset=utf-8"

_NUMBER = re.compile(r"-?[0-9]{1,18}")
_VARIANTS = frozenset({"diff", "patch", "raw", "html", "sha", "full", "text", "object"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Status, encoded content and headers. Made by the functions below rather than directly.

    `stream`: arguments of git, whose output is the content, sent as it comes. `ready`: more headers, as they are sent; where
    there are any, those of the content are among them.
    """

    status: int
    content: bytes = b""
    media_type: str | None = None
    headers: Headers = ()
    stream: tuple[str, ...] = ()
    ready: EncodedHeaders = ()

    def encoded(self) -> list[tuple[bytes, bytes]]:
        """The headers as they are sent."""
        headers = [
            (name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in self.headers
        ]
        if self.ready:
            return [*self.ready, *headers]
        if self.media_type:
            headers.append((b"content-type", self.media_type.encode()))
        if self.status not in {204, 304} and not self.stream:
            headers.append((b"content-length", str(len(self.content)).encode()))
        return headers


def ok(value: Json, *, status: int = 200, headers: tuple[tuple[str, str], ...] = ()) -> Answer:
    """A JSON answer."""
    return Answer(status=status, content=encode(value), media_type=JSON, headers=headers)


def created(value: Json, *, location: str | None = None) -> Answer:
    """201 with the new resource and where it is."""
    return ok(value, status=201, headers=(("location", location),) if location else ())


def no_content() -> Answer:
    """204."""
    return Answer(status=204)


def text(value: str | bytes, media_type: str = TEXT) -> Answer:
    """200 with text (or raw bytes) of a media type."""
    content = value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value
    return Answer(status=200, content=content, media_type=media_type)


def redirect(url: str, *, status: int = 302) -> Answer:
    """A redirect, e.g. to an archive or a log."""
    return Answer(status=status, headers=(("location", url),))


class Query:
    """The query string: last value wins, as on GitHub."""

    __slots__ = ("_values", "raw")

    def __init__(self, raw: str) -> None:
        self.raw = raw
        self._values = dict(parse_qsl(raw, keep_blank_values=True))

    def get(self, name: str) -> str | None:
        """The parameter's text, or None."""
        return self._values.get(name)

    def flag(self, name: str) -> bool:
        """Whether the parameter is present and neither `0` nor `false` nor empty."""
        return self._values.get(name, "").lower() not in {"", "0", "false"}

    def number(self, name: str, default: int) -> int:
        """The parameter as an integer; the default when absent or not a number."""
        value = self._values.get(name, "")
        return int(value) if _NUMBER.fullmatch(value) else default

    def choice(self, name: str, choices: tuple[str, ...], default: str) -> str:
        """The parameter, which must be one of the choices; 422 otherwise."""
        value = self._values.get(name, default)
        if value not in choices:
            raise InvalidError(
                f'Invalid request.\n\n"{value}" is not a valid value for {name}: {", ".join(choices)}.'
            )
        return value


@dataclass(frozen=True, kw_only=True)
class Call:
    """One request. `params` are the path's parameters, decoded; header names are lower case."""

    forge: Forge
    operation_id: str
    path: str
    params: Mapping[str, str]
    query: Query
    headers: Mapping[str, str]
    content: bytes
    actor: Actor
    address: str
    urls: Urls
    found_repo: Repository | None = field(default=None)

    @property
    def db(self) -> Db:
        """The store's reader."""
        return self.forge.store.db

    @property
    def view(self) -> View:
        """What rendering for this caller needs."""
        return View(forge=self.forge, urls=self.urls, actor=self.actor)

    @property
    def limit_key(self) -> str:
        """What the caller's limits are counted on."""
        return self.actor.key or f"address:{self.address}"

    @property
    def repo(self) -> Repository:
        """The repository of the path; its operation declared what it needs, so access is settled."""
        if self.found_repo is None:
            raise RuntimeError(f"{self.operation_id} has no repository in its path")
        return self.found_repo

    @property
    def git(self) -> GitDir:
        """The git directory of `repo`."""
        return self.forge.git(self.repo.id)

    @cached_property
    def body(self) -> Body:
        """The JSON object of the request (empty when there is none); 400 when it is not one."""
        if not self.content.strip():
            return Body({})
        try:
            value = decode(self.content)
        except ValueError as error:
            raise BadRequestError("Problems parsing JSON") from error
        if not isinstance(value, Mapping):
            raise BadRequestError("Body should be a JSON object")
        return Body(value)

    @cached_property
    def accept(self) -> str:
        """The media type asked for: `json`, `diff`, `patch`, `raw`, `html`, `sha`, `full`, `text` or `object`."""
        for entry in self.headers.get("accept", "").split(","):
            media_type = entry.partition(";")[0].strip().removesuffix("+json")
            if media_type.startswith("application/vnd.github."):
                kind = media_type.rpartition(".")[2]
                if kind in _VARIANTS:
                    return kind
        return "json"

    def number(self, name: str) -> int:
        """A path parameter that is a number or id; 404 when it is none that anything could have."""
        value = self.params[name]
        if not _NUMBER.fullmatch(value):
            raise NotFoundError
        return int(value)

    def may(self, need: Need) -> bool:
        """Whether the caller may also do this on the path's repository."""
        return can(self.db, self.actor, self.repo, need)
