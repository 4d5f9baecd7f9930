"""Strict documents: YAML text to typed values, where every problem has a line, a column and a way out.

The YAML is the core schema of YAML 1.2 (`yes` and `on` are texts, `0755` is no number), without aliases, merge
keys and tags. Unknown and repeated keys are problems, and an unknown one names the nearest known.
"""

import difflib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import yaml
from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

T = TypeVar("T")
Plain = None | bool | int | float | str | list["Plain"] | dict[str, "Plain"]
KeyPath = tuple[str | int, ...]

MAX_CHARACTERS = 1 << 20
MAX_BYTES = 4 * MAX_CHARACTERS
"""Nothing longer can be a document; who reads one reads one byte more, and no endless file to its end."""
MAX_DIGITS = 19
HINTS = 20
"""How many problems get a nearest known key: looking for one takes time, and a person reads the first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where something is written, both counted from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing wrong with a document. `key` is dotted (`rules[0].replace.word`), empty for the whole."""

    place: Place
    key: str
    message: str
    nearest: str = ""

    def shown(self, source: str) -> str:
        """One line for a person; `source` is what the document is called."""
        where = f"{source}:{self.place.line}:{self.place.column}: "
        about = f"{self.key}: " if self.key else ""
        hint = f"; did you mean `{self.nearest}`?" if self.nearest else ""
        return f"{where}{about}{self.message}{hint}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """Why a document has no value: at least one problem, in the order of lines."""

    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """Plain data and where each of its parts is written."""

    data: Plain
    places: Mapping[KeyPath, Place]
    text: str = ""
    spans: Mapping[KeyPath, tuple[int, int]] = field(default_factory=dict)
    """Of each scalar value: from which character of `text` to which, quotes and all."""

    def place_within(self, path: KeyPath, offset: int) -> Place:
        """Where the character at `offset` of the text value at `path` is written, however it is quoted or folded."""
        if path not in self.spans:
            return self.places.get(path, Place(line=1, column=1))
        value: Plain = self.data
        for part in path:
            value = value[part] if isinstance(value, list | dict) else None  # type: ignore[index]
        start, end = self.spans[path]
        at = _aligned(str(value)[: offset + 1], self.text, start, end)
        return Place(line=self.text.count("\n", 0, at) + 1, column=at - self.text.rfind("\n", 0, at))


def parse(source: str | bytes, shape: TypeAdapter[T]) -> T | Rejected:
    """A document's typed value, from its text, or from the first MAX_BYTES + 1 bytes of its file.

    Dataclasses of the shape must forbid extra keys themselves (`STRICT`).
    """
    found = parse_placed(source, shape)
    return found if isinstance(found, Rejected) else found[0]


def parse_placed(source: str | bytes, shape: TypeAdapter[T]) -> tuple[T, Document] | Rejected:
    """As `parse`, with the document, which says where each part of the value is written."""
    document = read(source) if isinstance(source, str) else read_bytes(source)
    if isinstance(document, Rejected):
        return document
    value = validate(document, shape)
    return value if isinstance(value, Rejected) else (value, document)


def read_bytes(raw: bytes) -> Document | Rejected:
    """The first MAX_BYTES + 1 bytes of a file as plain data with places."""
    if len(raw) > MAX_BYTES:
        return _rejected(Place(line=1, column=1), f"longer than {MAX_CHARACTERS} characters")
    try:
        return read(raw.decode())
    except UnicodeDecodeError as error:
        before = raw[: error.start]
        place = Place(line=before.count(b"\n") + 1, column=error.start - before.rfind(b"\n"))
        return _rejected(place, "not UTF-8")


def read(text: str) -> Document | Rejected:
    """YAML text as plain data with places."""
    start = Place(line=1, column=1)
    if len(text) > MAX_CHARACTERS:
        return _rejected(start, f"longer than {MAX_CHARACTERS} characters")
    try:
        node = _CoreLoader(text).get_single_node()
        if node is None:
            return Document(data=None, places={(): start})
        reader = _Reader()
        data = reader.plain(node, ())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        return _rejected(_place(mark) if mark else start, error.problem or "not YAML")
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        place = Place(line=before.count("\n") + 1, column=error.position - before.rfind("\n"))
        return _rejected(place, "a control character, which YAML does not allow")
    except RecursionError:
        return _rejected(start, "nested too deeply")
    if reader.problems:
        return Rejected(problems=tuple(reader.problems))
    return Document(data=data, places=reader.places, text=text, spans=reader.spans)


def validate(document: Document, shape: TypeAdapter[T]) -> T | Rejected:
    """The document's data as the shape's type: no coercion, no key that the shape does not know."""
    try:
        return shape.validate_json(json.dumps(document.data), strict=True)
    except ValidationError as error:
        found = [
            _problem(details, document, shape, hinted=number < HINTS)
            for number, details in enumerate(error.errors(include_url=False))
        ]
        return Rejected(problems=tuple(sorted(found, key=lambda p: (p.place.line, p.place.column, p.key))))


class _CoreLoader(yaml.SafeLoader):
    """Composes nodes with the core schema's scalars."""


_TAG = "tag:yaml.org,2002:"
_SCALARS = {
    "null": (re.compile(r"^(?:~|null|Null|NULL|)$"), ["~", "n", "N", ""]),
    "bool": (re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF")),
    "int": (re.compile(r"^(?:[-+]?(?:0|[1-9][0-9]*)|0o[0-7]+|0x[0-9a-fA-F]+)$"), list("-+0123456789")),
    "float": (
        re.compile(r"^[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*)(?:[eE][-+]?[0-9]+)?$|^[-+]?[0-9]+[eE][-+]?[0-9]+$"),
        list("-+.0123456789"),
    ),
}
_CoreLoader.yaml_implicit_resolvers = {}
for _name, (_pattern, _first) in _SCALARS.items():
    _CoreLoader.add_implicit_resolver(_TAG + _name, _pattern, _first)


class _Reader:
    """Turns nodes into plain data, noting places and problems on the way."""

    def __init__(self) -> None:
        self.places: dict[KeyPath, Place] = {}
        self.spans: dict[KeyPath, tuple[int, int]] = {}
        self.problems: list[Problem] = []
        self._seen: set[int] = set()

    def plain(self, node: yaml.Node, path: KeyPath) -> Plain:
        if id(node) in self._seen:
            self._add(node, path, "aliases are not supported: write the value out where it is used")
            return None
        self._seen.add(id(node))
        self.places.setdefault(path, _place(node.start_mark))
        if isinstance(node, yaml.ScalarNode):
            self.spans[path] = (node.start_mark.index, node.end_mark.index)
        match node:
            case yaml.MappingNode(tag=tag) if tag == _TAG + "map":
                return dict(self._members(node, path))
            case yaml.SequenceNode(tag=tag) if tag == _TAG + "seq":
                return [self.plain(item, (*path, index)) for index, item in enumerate(node.value)]
            case yaml.ScalarNode(tag=tag, value=word) if tag == _TAG + "int" and len(word) > MAX_DIGITS:
                self._add(node, path, f"a number has at most {MAX_DIGITS} digits")
                return None
            case yaml.ScalarNode(tag=tag) if tag.removeprefix(_TAG) in {*_SCALARS, "str"}:
                return _scalar(tag.removeprefix(_TAG), node.value)
        quoted = "; a text that begins with `!` stands in quotes" if node.tag.startswith("!") else ""
        self._add(node, path, f"the tag {node.tag} is not supported{quoted}")
        return None

    def _members(self, node: yaml.MappingNode, path: KeyPath) -> Iterator[tuple[str, Plain]]:
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self._add(key, path, "a key must be a plain word")
                continue
            member = (*path, key.value)
            if member in self.places:
                self._add(key, member, "this key is given twice")
                continue
            self.places[member] = _place(key.start_mark)
            yield key.value, self.plain(value, member)

    def _add(self, node: yaml.Node, path: KeyPath, message: str) -> None:
        self.problems.append(Problem(place=_place(node.start_mark), key=dotted(path), message=message))


def _aligned(read: str, text: str, start: int, end: int) -> int:
    """Where in `text` the last character of `read` is, whose beginning is written from `start` on.

    What quoting, indenting and escaping add is passed over; a line break may be read as a blank.
    """
    at = start - 1
    for char in read:
        at += 1
        while at < end and text[at] != char and not (char.isspace() and text[at].isspace()):
            at += 1
    return min(max(at, start), max(end - 1, start))


def _scalar(kind: str, text: str) -> Plain:
    match kind:
        case "null":
            return None
        case "bool":
            return text.lower() == "true"
        case "int":
            return int(text, 0)
        case "float":
            return float(text)
        case _:
            return text


def _place(mark: yaml.Mark) -> Place:
    return Place(line=mark.line + 1, column=mark.column + 1)


def _rejected(place: Place, message: str) -> Rejected:
    return Rejected(problems=(Problem(place=place, key="", message=message),))


def dotted(path: KeyPath) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")


_UNKNOWN_KEY = frozenset({"extra_forbidden", "unexpected_keyword_argument"})
_ONE_OF = frozenset({"enum", "literal_error"})


def _problem(details: ErrorDetails, document: Document, shape: TypeAdapter[T], *, hinted: bool) -> Problem:
    path = _written(details["loc"], document)
    place = document.places[path]
    if details["type"] in _UNKNOWN_KEY:
        *parent, name = details["loc"]
        near = nearest(str(name), _known_keys(shape, tuple(parent))) if hinted else ""
        return Problem(place=place, key=dotted(path), message="unknown key", nearest=near)
    if details["type"] == "missing":
        return Problem(place=place, key=dotted(path), message=f"the key `{details['loc'][-1]}` is missing")
    message = details["msg"].removeprefix("Value error, ")
    near = ""
    if hinted and details["type"] in _ONE_OF:
        choices = re.findall(r"'([^']*)'", str(details.get("ctx", {}).get("expected", "")))
        near = nearest(str(details["input"]), choices)
    return Problem(place=place, key=dotted(path), message=message, nearest=near)


def _written(location: KeyPath, document: Document) -> KeyPath:
    """The part of a validator's location that the document has (a missing key, a union's branch are not written)."""
    path: KeyPath = ()
    for part in location:
        if (*path, part) in document.places:
            path = (*path, part)
    return path


def nearest(word: str, known: list[str]) -> str:
    """The known word that was probably meant; empty where none is near."""
    return next(iter(difflib.get_close_matches(word, known, n=1, cutoff=0.5)), "")


def _known_keys(shape: TypeAdapter[T], location: KeyPath) -> list[str]:
    """Keys that the shape's JSON Schema has at a location."""
    root: Mapping[str, object] = shape.json_schema()
    nodes = list(_variants(root, root))
    for part in location:
        nodes = [
            variant for node in nodes for child in _children(node, part) for variant in _variants(child, root)
        ]
    return sorted({str(key) for node in nodes for key in _mapping(node.get("properties"))})


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _variants(node: Mapping[str, object], root: Mapping[str, object]) -> Iterator[Mapping[str, object]]:
    """A schema node with its reference followed and its alternatives laid out."""
    reference = node.get("$ref")
    if isinstance(reference, str):
        node = _mapping(_mapping(root.get("$defs")).get(reference.removeprefix("#/$defs/")))
    yield node
    for keyword in ("anyOf", "oneOf"):
        alternatives = node.get(keyword)
        for alternative in alternatives if isinstance(alternatives, list) else []:
            yield from _variants(_mapping(alternative), root)


def _children(node: Mapping[str, object], part: str | int) -> Iterator[Mapping[str, object]]:
    if isinstance(part, int):
        yield _mapping(node.get("items"))
        return
    yield _mapping(_mapping(node.get("properties")).get(part))
    yield _mapping(node.get("additionalProperties"))
