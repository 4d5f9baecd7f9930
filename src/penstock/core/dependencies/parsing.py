"""Text of strangers to plain data: bounded in size and depth, without aliases, entities or repeated keys.

Whatever is wrong with it is one exception, whose text is for people.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit
from xml.parsers import expat

import tomli
import yaml

Plain = None | bool | int | float | str | Sequence["Plain"] | Mapping[str, "Plain"]

MAX_BYTES = 4 << 20
MAX_LINES = 100_000
MAX_DEPTH = 64
MAX_LINE = 1 << 16
_DOTTED = re.compile(r"(?<![\w. \t-])(?:[\w-]*[ \t]*\.[ \t]*){64}")
"""A TOML key of so many parts; the standard library's reader takes time by the square of their number."""


class UnreadableError(Exception):
    """Why a file has no facts; the message is a clause for people."""


def text_of(content: bytes) -> str:
    if len(content) > MAX_BYTES:
        raise UnreadableError(f"longer than {MAX_BYTES >> 20} MiB")
    if content.count(b"\n") > MAX_LINES:
        raise UnreadableError(f"more than {MAX_LINES} lines")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableError("not UTF-8") from error


def lines_of(content: bytes) -> Iterator[tuple[int, str]]:
    """Number (from 1) and text of each line."""
    for number, line in enumerate(re.split(r"\r?\n", text_of(content)), start=1):
        if len(line) > MAX_LINE:
            raise UnreadableError(f"line {number} is longer than {MAX_LINE} characters")
        yield number, line


def json_of(content: bytes) -> Plain:
    text = text_of(content)
    try:
        data: Plain = json.loads(text, object_pairs_hook=_once)
    except RecursionError as error:
        raise UnreadableError("nested too deeply") from error
    except ValueError as error:
        raise UnreadableError(f"not JSON: {error}") from error
    return data


def _once(pairs: list[tuple[str, Plain]]) -> Mapping[str, Plain]:
    """Readers differ in which of two equal keys they take."""
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        raise UnreadableError(f"the key `{next(k for k in found if keys.count(k) > 1)[:80]}` is given twice")
    return found


def toml_of(content: bytes) -> Mapping[str, Plain]:
    for number, line in lines_of(content):
        if _DOTTED.search(line.replace('"', "").replace("'", "")):
            raise UnreadableError(f"line {number}: a key of too many parts")
    try:
        data: Mapping[str, Plain] = tomli.loads(text_of(content))
    except RecursionError as error:
        raise UnreadableError("nested too deeply") from error
    except ValueError as error:
        raise UnreadableError(f"not TOML: {error}") from error
    return data


def yaml_of(content: bytes) -> tuple[Plain, ...]:
    """Its documents. Every scalar is its text: a version `1.10` is no number."""
    documents: list[Plain] = []
    stack: list[_Open] = []
    try:
        for event in yaml.parse(text_of(content), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
            match event:
                case yaml.AliasEvent():
                    raise UnreadableError("has aliases")
                case yaml.MappingStartEvent() | yaml.SequenceStartEvent() if len(stack) >= MAX_DEPTH:
                    raise UnreadableError("nested too deeply")
                case yaml.MappingStartEvent():
                    stack.append(_Open(value={}))
                case yaml.SequenceStartEvent():
                    stack.append(_Open(value=[]))
                case yaml.ScalarEvent(value=value):
                    _keep(str(value), stack, documents)
                case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                    _keep(stack.pop().value, stack, documents)
    except (yaml.YAMLError, ValueError) as error:
        raise UnreadableError(f"not YAML: {str(error).partition(chr(10))[0]}") from error
    return tuple(documents)


@dataclass(slots=True)
class _Open:
    """A mapping or sequence whose end has not come; `key` waits for its value."""

    value: dict[str, Plain] | list[Plain]
    key: str | None = None


def _keep(value: Plain, stack: list[_Open], documents: list[Plain]) -> None:
    if not stack:
        documents.append(value)
        return
    top = stack[-1]
    if isinstance(top.value, list):
        top.value.append(value)
    elif top.key is not None:
        top.value[top.key], top.key = value, None
    elif not isinstance(value, str):
        raise UnreadableError("a key is not a plain word")
    elif value in top.value:
        raise UnreadableError(f"the key `{value[:80]}` is given twice")
    else:
        top.key = value


@dataclass(slots=True, kw_only=True)
class Element:
    """An XML element; `tag` without its namespace."""

    tag: str
    attributes: Mapping[str, str]
    text: str = ""
    children: list["Element"] = field(default_factory=list)

    def child(self, tag: str) -> str:
        """The text of the first child of that name; empty where there is none."""
        return next((c.text.strip() for c in self.children if c.tag == tag), "")

    def below(self, *tags: str) -> Iterator["Element"]:
        """Elements at this path of tags."""
        if not tags:
            yield self
        for child in self.children if tags else ():
            if child.tag == tags[0]:
                yield from child.below(*tags[1:])


def xml_of(content: bytes) -> Element:
    """The root. A document type is refused, so no entity can be declared, let alone expanded."""
    if len(content) > MAX_BYTES:
        raise UnreadableError(f"longer than {MAX_BYTES >> 20} MiB")
    outside = Element(tag="", attributes={})
    stack = [outside]

    def start(tag: str, attributes: dict[str, str]) -> None:
        if len(stack) > MAX_DEPTH:
            raise UnreadableError("nested too deeply")
        element = Element(tag=tag.rpartition(":")[2], attributes=attributes)
        stack[-1].children.append(element)
        stack.append(element)

    def end(_: str) -> None:
        parts = pieces.pop(id(stack[-1]), [])
        stack.pop().text = "".join(parts)

    def text(data: str) -> None:
        pieces.setdefault(id(stack[-1]), []).append(data)

    def doctype(*_: object) -> None:
        raise UnreadableError("has a document type")

    pieces: dict[int, list[str]] = {}
    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler, parser.StartDoctypeDeclHandler = text, doctype
    try:
        parser.Parse(content, True)  # noqa: FBT003 - expat takes no names
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise UnreadableError(f"not XML: {error}") from error
    return outside.children[0]


def table(value: Plain, what: str = "the file") -> Mapping[str, Plain]:
    """A mapping; nothing is an empty one."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise UnreadableError(f"{what} is not a table")
    return value


def items(value: Plain, what: str) -> Sequence[Plain]:
    """A list; nothing is an empty one."""
    if value is None:
        return ()
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise UnreadableError(f"{what} is not a list")
    return value


def word(value: Plain, what: str) -> str:
    """A text; nothing is an empty one."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise UnreadableError(f"{what} is not a text")
    return value


def host_of(address: str) -> str:
    """Whose machine an address names, in lower case; empty where it names none (a path, a bare word).

    `git@host:owner/name` and `git+ssh://…` count as addresses too.
    """
    short = re.fullmatch(r"(?:git\+)?(?:ssh://)?[\w.-]+@([\w.-]+):(?!\d+/).*", address)
    if short:
        return short[1].lower()
    try:
        return (urlsplit(address).hostname or "").lower()
    except ValueError as error:
        raise UnreadableError(f"no address: {address[:80]}") from error
