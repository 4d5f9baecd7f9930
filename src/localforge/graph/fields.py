"""Fields as a table: type name and field name to a function of the node and of what was asked."""

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias, TypeVar

from graphql import GraphQLError, GraphQLResolveInfo

from localforge.body import Body
from localforge.call import Call
from localforge.json_types import Json
from localforge.render.view import View
from localforge.store.database import Db

N = TypeVar("N")
T = TypeVar("T")

LARGEST_PAGE = 100


class QueryError(GraphQLError):
    """A refusal with GitHub's `type`: NOT_FOUND, FORBIDDEN, UNPROCESSABLE …"""

    def __init__(self, message: str, kind: str) -> None:
        super().__init__(message)
        self.kind = kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What a resolver is given besides the node: the request, the field's name and its arguments."""

    call: Call
    view: View
    name: str
    args: Body

    @property
    def db(self) -> Db:
        """The store's reader."""
        return self.view.db


Resolver: TypeAlias = Callable[[N, Ask], object]


@dataclass(frozen=True, slots=True)
class Fields:
    """The resolvers of one file: `fields = Fields()`, then `fields.of("Repository", {"name": …})`."""

    table: dict[tuple[str, str], Callable[..., object]] = field(default_factory=dict)

    def of(self, type_name: str, _node: type[N], resolvers: Mapping[str, Callable[[N, Ask], object]]) -> None:
        """Add fields of a type, given as small functions of its nodes."""
        self.table.update({(type_name, name): resolver for name, resolver in resolvers.items()})

    def __call__(
        self, type_name: str, name: str
    ) -> Callable[[Callable[[N, Ask], object]], Callable[[N, Ask], object]]:
        """Add the decorated function as a field."""

        def add(resolver: Callable[[N, Ask], object]) -> Callable[[N, Ask], object]:
            self.table[type_name, name] = resolver
            return resolver

        return add


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """One window of a list: its nodes, where they begin, and the size of the whole. `more`: fields of its own."""

    nodes: Sequence[object]
    start: int
    total: int
    more: Mapping[str, object] = field(default_factory=dict)

    def field(self, name: str) -> object:
        """A field of the connection; KeyError when it has no such field."""
        match name:
            case "nodes":
                return self.nodes
            case "totalCount":
                return self.total
            case "edges":
                return [
                    {"cursor": cursor(self.start + index), "node": node}
                    for index, node in enumerate(self.nodes)
                ]
            case "pageInfo":
                return self._page_info()
            case _:
                return self.more[name]

    def _page_info(self) -> Mapping[str, object]:
        end = self.start + len(self.nodes)
        return {
            "hasNextPage": end < self.total,
            "hasPreviousPage": self.start > 0,
            "startCursor": cursor(self.start) if self.nodes else None,
            "endCursor": cursor(end - 1) if self.nodes else None,
        }


def cursor(index: int) -> str:
    """The opaque position of an entry."""
    return base64.b64encode(f"cursor:v2:{index}".encode()).decode()


def connect(ask: Ask, items: Sequence[T], node: Callable[[T], object], **more: object) -> Connection:
    """The window asked for of a list that is at hand."""
    start, end = _window(ask, len(items))
    return Connection(
        nodes=[node(item) for item in items[start:end]], start=start, total=len(items), more=more
    )


def connect_from(
    ask: Ask,
    total: int,
    fetch: Callable[[int, int], Sequence[T]],
    node: Callable[[T], object],
    **more: object,
) -> Connection:
    """The window asked for of a list of `total` items, fetched by (limit, offset)."""
    start, end = _window(ask, total)
    found = fetch(end - start, start) if end > start else []
    return Connection(nodes=[node(item) for item in found], start=start, total=total, more=more)


def _window(ask: Ask, total: int) -> tuple[int, int]:
    """First and behind-last position that first/after/last/before ask for; GitHub's refusals otherwise."""
    first, last = ask.args.maybe_number("first"), ask.args.maybe_number("last")
    if first is None and last is None:
        raise QueryError(
            f"You must provide a `first` or `last` value to properly paginate the `{ask.name}` connection.",
            "MISSING_PAGINATION_BOUNDARIES",
        )
    for name, size in (("first", first), ("last", last)):
        if size is not None and not 0 <= size <= LARGEST_PAGE:
            raise QueryError(
                f"Requesting {size} records on the `{ask.name}` connection exceeds the `{name}` limit of"
                f" {LARGEST_PAGE} records.",
                "EXCESSIVE_PAGINATION",
            )
    start = _position(ask, "after", -1) + 1
    end = min(_position(ask, "before", total), total)
    if first is not None:
        end = min(end, start + first)
    if last is not None:
        start = max(start, end - last)
    return min(start, total), max(end, 0)


def _position(ask: Ask, name: str, default: int) -> int:
    text = ask.args.maybe_text(name)
    if text is None:
        return default
    try:
        prefix, _, number = base64.b64decode(text, validate=True).decode().rpartition(":")
        if prefix == "cursor:v2" and number.isdigit() and len(number) < 10:
            return int(number)
    except (binascii.Error, UnicodeDecodeError, ValueError):
        number = ""
    raise QueryError(f"`{text[:40]}` does not appear to be a valid cursor.", "INVALID_CURSOR_ARGUMENTS")


def resolver_of(table: Mapping[tuple[str, str], Callable[..., object]], call: Call) -> Callable[..., object]:
    """The one resolver that graphql-core is given: it looks every field up."""
    view = call.view

    def resolve(source: object, info: GraphQLResolveInfo[None], **args: Json) -> object:
        found = table.get((info.parent_type.name, info.field_name))
        if found:
            return found(
                source, Ask(call=call, view=view, name=info.field_name, args=Body(args, "arguments"))
            )
        match source:
            case Connection():
                return source.field(info.field_name)
            case Mapping() if info.field_name in source:
                return source[info.field_name]
        raise QueryError(
            f"Field '{info.field_name}' on '{info.parent_type.name}' is not served by this forge.",
            "UNSUPPORTED",
        )

    return resolve
