"""YAML text to a tree whose every node knows its line and column.

Scalars follow the YAML 1.2 core schema, so `on` and `yes` are strings. Aliases share the node they name; the depth and
the expanded size of the tree are bounded.
"""

import math
import re
from collections.abc import Iterator

import yaml

from localforge.actions.expressions.values import number_from
from localforge.actions.workflow.tree import Mapping, Mark, Node, Scalar, Sequence

MAX_DEPTH = 50
MAX_NODES = 100_000


class YamlError(Exception):
    """Text that is no YAML, or YAML that GitHub does not read."""

    def __init__(self, message: str, at: Mark | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.at = at


_TAG = "tag:yaml.org,2002:"
_NULL = re.compile(r"~|null|Null|NULL|")
_BOOL = re.compile(r"true|True|TRUE|false|False|FALSE")
_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_INFINITY = re.compile(r"([-+]?)\.(inf|Inf|INF)")
_NAN = re.compile(r"\.(nan|NaN|NAN)")


def read_yaml(
    text: str, *, max_depth: int = MAX_DEPTH, max_nodes: int = MAX_NODES, fast: bool = False
) -> Node:
    """The only document in `text`. Raises YamlError. `fast`: by libyaml, whose words about mistakes differ."""
    loader = yaml.CSafeLoader if fast and yaml.__with_libyaml__ else yaml.SafeLoader
    try:
        return _Builder(yaml.parse(text, Loader=loader), max_depth, max_nodes).document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        at = Mark(line=mark.line + 1, column=mark.column + 1) if mark else None
        raise YamlError(f"You have an error in your yaml syntax: {error.problem}", at) from error
    except yaml.YAMLError as error:
        raise YamlError(f"You have an error in your yaml syntax: {error}") from error


class _Builder:
    """The tree from PyYAML's event stream, whose own composer is recursive without a bound."""

    def __init__(self, events: Iterator[yaml.Event], max_depth: int, max_nodes: int) -> None:
        self.events = events
        self.max_depth = max_depth
        self.max_nodes = max_nodes
        self.anchors: dict[str, tuple[Node, int]] = {}
        self.size = 0

    def document(self) -> Node:
        root: Node | None = None
        for event in self.events:
            match event:
                case yaml.DocumentStartEvent() if root is not None:
                    raise YamlError("Only one YAML document is allowed", _mark(event))
                case yaml.NodeEvent():
                    root = self._node(event, 1)
                case _:
                    continue
        if root is None:
            raise YamlError("No YAML content was found")
        return root

    def _node(self, event: yaml.Event, depth: int) -> Node:
        if depth > self.max_depth:
            raise YamlError("Maximum object depth exceeded")
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        before = self.size
        self._grow(1)
        node = self._built(event, depth)
        anchor = getattr(event, "anchor", None)
        if anchor:
            self.anchors[anchor] = (node, self.size - before)
        return node

    def _built(self, event: yaml.Event, depth: int) -> Node:
        match event:
            case yaml.ScalarEvent():
                return Scalar(at=_mark(event), value=_scalar(event))
            case yaml.SequenceStartEvent():
                items = tuple(self._node(item, depth + 1) for item in self._until(yaml.SequenceEndEvent))
                return Sequence(at=_mark(event), items=items)
            case _:
                return Mapping(at=_mark(event), pairs=tuple(self._pairs(depth + 1)))

    def _pairs(self, depth: int) -> Iterator[tuple[Scalar, Node]]:
        for event in self._until(yaml.MappingEndEvent):
            key = self._node(event, depth)
            if not isinstance(key, Scalar):
                raise YamlError("A mapping key must be a scalar", key.at)
            yield key, self._node(next(self.events), depth)

    def _until(self, end: type[yaml.Event]) -> Iterator[yaml.Event]:
        while not isinstance(event := next(self.events), end):
            yield event

    def _alias(self, event: yaml.AliasEvent) -> Node:
        if event.anchor not in self.anchors:
            raise YamlError(f"Unknown anchor '{event.anchor}'", _mark(event))
        node, size = self.anchors[event.anchor]
        self._grow(size)
        return node

    def _grow(self, nodes: int) -> None:
        self.size += nodes
        if self.size > self.max_nodes:
            raise YamlError("Maximum object size exceeded")


def _mark(event: yaml.Event) -> Mark:
    start = event.start_mark
    return Mark(line=start.line + 1, column=start.column + 1) if start else Mark(line=1, column=1)


def _scalar(event: yaml.ScalarEvent) -> bool | float | str | None:
    text: str = event.value
    if event.tag in {None, "!"}:
        return _plain(text) if event.implicit[0] else text
    value = _plain(text)
    tag = event.tag.removeprefix(_TAG)
    match tag:
        case "str":
            return text
        case "null":
            fits = value is None
        case "bool":
            fits = isinstance(value, bool)
        case "int":
            fits = _INT.fullmatch(text) is not None
        case "float":
            fits = isinstance(value, float)
        case _:
            raise YamlError(f"Unexpected tag '{event.tag}'")
    if not fits:
        at = _mark(event)
        raise YamlError(
            f"The value '{text}' on line {at.line} and column {at.column} is invalid for the type '{_TAG}{tag}'"
        )
    return value


def _plain(text: str) -> bool | float | str | None:
    if _NULL.fullmatch(text):
        return None
    if _BOOL.fullmatch(text):
        return text.lower() == "true"
    if _INT.fullmatch(text) or _FLOAT.fullmatch(text):
        return number_from(text)
    if infinity := _INFINITY.fullmatch(text):
        return -math.inf if infinity[1] == "-" else math.inf
    return math.nan if _NAN.fullmatch(text) else text
