"""Operations as a table: one row per endpoint, matched by a trie of path segments."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from localforge.access import SENSITIVE, Level, Need, Role
from localforge.call import Answer, Call

Handler: TypeAlias = Callable[[Call], Answer]

MEBIBYTE = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One endpoint.

    `need` is checked before the handler runs, on the repository of the path. `login` refuses anonymous
    callers. `page` marks a web page: HTML, outside the API's limits and headers. `resource` is the rate
    limit it counts on, `content` that it creates what GitHub calls content (a secondary limit).
    `app` takes an App's own JSON web token and nothing else.
    `memorable` marks a read whose answer follows from the request, the database and what is read through the forge's
    `memory`: not from the clock, the address, a limit, or anything else in the process or on the disk.
    """

    method: str
    path: str
    id: str
    handler: Handler
    need: Need | None = None
    login: bool = False
    page: bool = False
    app: bool = False
    content: bool = False
    memorable: bool = False
    resource: str = "core"
    body_limit: int = 25 * MEBIBYTE


@dataclass(frozen=True, slots=True)
class Area:
    """The operations of one file: `area = Area()`, then `@area("GET", "/user", "users/get-authenticated")`."""

    operations: list[Operation] = field(default_factory=list)

    def __call__(
        self,
        method: str,
        path: str,
        operation_id: str,
        needs: str | None = None,
        **options: bool | int | str | Role,
    ) -> Callable[[Handler], Handler]:
        """Add the decorated function as an operation.

        `needs` is `permission:level` (`contents:write`). The least role follows from it (read: READ,
        write: WRITE; ADMIN for what is sensitive) unless `role=` says otherwise. In a path `{name}` takes one
        segment and `{name*}` one or more. Other options are `Operation`'s fields.
        """

        def add(handler: Handler) -> Handler:
            role, archived_too = options.pop("role", None), bool(options.pop("archived_too", False))
            if "{owner}/{repo}" in path and needs is None and not {"page", "app"} & options.keys():
                raise ValueError(f"{operation_id} has a repository in its path and must say what it needs")
            need = (
                parse_need(needs, role if isinstance(role, Role) else None, archived_too=archived_too)
                if needs
                else None
            )
            row = Operation(method=method, path=path, id=operation_id, handler=handler, need=need, **options)  # type: ignore[arg-type]
            self.operations.append(row)
            return handler

        return add


def parse_need(text: str, role: Role | None = None, *, archived_too: bool = False) -> Need:
    """`contents:write` as a Need."""
    permission, _, level_text = text.partition(":")
    level: Level = "write" if level_text == "write" else "read"
    if level_text not in {"read", "write"}:
        raise ValueError(f"{text}: the level of a permission is read or write")
    if role is None:
        role = _least_role(permission, level)
    return Need(permission=permission, level=level, role=role, archived_too=archived_too)


def _least_role(permission: str, level: Level) -> Role:
    if permission in SENSITIVE:
        return Role.ADMIN
    return Role.WRITE if level == "write" else Role.READ


@dataclass(slots=True)
class _Node:
    literals: "dict[str, _Node]" = field(default_factory=dict)
    single: "_Node | None" = None
    greedy: "_Node | None" = None
    operations: dict[str, tuple[Operation, tuple[str, ...]]] = field(default_factory=dict)


class Router:
    """Finds the operation of a method and path. A literal wins over a parameter, one segment over many."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        self._root = _Node()
        for operation in operations:
            self._add(operation)

    def _add(self, operation: Operation) -> None:
        node, names = self._root, []
        for part in operation.path.strip("/").split("/"):
            if part == "":
                continue
            if part.endswith("*}"):
                names.append(part[1:-2])
                node.greedy = node = node.greedy or _Node()
            elif part.startswith("{"):
                names.append(part[1:-1])
                node.single = node = node.single or _Node()
            else:
                node = node.literals.setdefault(part, _Node())
        if operation.method in node.operations:
            raise ValueError(f"{operation.method} {operation.path} is declared twice")
        node.operations[operation.method] = (operation, tuple(names))

    def match(self, method: str, segments: Sequence[str]) -> tuple[Operation, Mapping[str, str]] | None:
        """The operation and the path's parameters; None when nothing matches.

        A first segment that some operation names (`repos`, `orgs`) is no owner: pages begin with a parameter there.
        """
        values: list[str] = []
        method = "GET" if method == "HEAD" else method
        named = self._root.literals.get(segments[0]) if segments else None
        found = (
            _walk(named, method, segments[1:], values)
            if named
            else _walk(self._root, method, segments, values)
        )
        if found is None:
            return None
        operation, names = found
        return operation, dict(zip(names, values, strict=True))


def _walk(
    node: _Node, method: str, segments: Sequence[str], values: list[str]
) -> tuple[Operation, tuple[str, ...]] | None:
    """Depth first; `values` holds the parameters of the successful way, in path order."""
    if not segments:
        return node.operations.get(method)
    literal = node.literals.get(segments[0])
    if literal and (found := _walk(literal, method, segments[1:], values)):
        return found
    for follower, longest in ((node.single, 1), (node.greedy, len(segments))):
        if follower is None:
            continue
        for taken in range(1, longest + 1):
            values.append("/".join(segments[:taken]))
            if found := _walk(follower, method, segments[taken:], values):
                return found
            values.pop()
    return None
