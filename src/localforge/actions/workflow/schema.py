"""The definitions of `workflow-v1.0.json` (GitHub's, of workflows) and `action-v1.json` (ours, of actions), typed.

A definition says which YAML shapes are legal at a place and which contexts and functions its expressions may name
(inherited downwards). `one-of` is flattened here: what a place accepts is a set of scalars, at most one kind of
sequence, and mappings that are told apart by their keys.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal, NotRequired, TypeAlias, TypedDict, cast

from localforge.actions.expressions import Arity, Scope

ScalarType: TypeAlias = Literal["null", "boolean", "number", "string"]
_FUNCTION = re.compile(r"(?P<name>\w+)\((?P<least>\d+),(?P<most>\d+|MAX)\)")
_MANY = 255


_Json = TypedDict(
    "_Json",
    {
        "context": NotRequired[list[str]],
        "one-of": NotRequired[list[str]],
        "allowed-values": NotRequired[list[str]],
        "null": NotRequired[object],
        "boolean": NotRequired[object],
        "number": NotRequired[object],
        "string": NotRequired[Mapping[str, str | bool]],
        "sequence": NotRequired[Mapping[str, str]],
        "mapping": NotRequired["_MappingJson"],
    },
)


class _PropertyJson(TypedDict):
    type: str
    required: NotRequired[bool]


_MappingJson = TypedDict(
    "_MappingJson",
    {
        "properties": NotRequired[Mapping[str, str | _PropertyJson]],
        "loose-key-type": NotRequired[str],
        "loose-value-type": NotRequired[str],
    },
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalarRule:
    """One kind of literal; a string may have to be one of `values`, or at least not empty."""

    kind: ScalarType
    values: frozenset[str] | None = None
    non_empty: bool = False

    def accepts(self, value: bool | float | str | None) -> bool:  # noqa: FBT001  # a YAML literal, not a switch
        match value:
            case None:
                return self.kind == "null"
            case bool():
                return self.kind == "boolean"
            case int() | float():
                return self.kind == "number"
            case str() if self.kind == "string":
                return (self.values is None or value in self.values) and not (self.non_empty and not value)
            case _:
                return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Property:
    type: str
    required: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingRule:
    """Known `properties`; `loose` is the type of any other key and of its value."""

    properties: Mapping[str, Property]
    loose: tuple[str, str] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What may stand at one place of the file."""

    context: frozenset[str]
    scalars: tuple[ScalarRule, ...]
    sequence_of: str | None
    mappings: tuple[MappingRule, ...]


_BUILT_IN: Mapping[str, _Json] = {
    "null": {"null": {}},
    "boolean": {"boolean": {}},
    "number": {"number": {}},
    "string": {"string": {}},
    "sequence": {"sequence": {"item-type": "any"}},
    "mapping": {"mapping": {"loose-key-type": "string", "loose-value-type": "any"}},
    "any": {"one-of": ["null", "boolean", "number", "string", "sequence", "mapping"]},
}


@cache
def _definitions() -> Mapping[str, _Json]:
    found: dict[str, _Json] = dict(_BUILT_IN)
    for name in ("workflow-v1.0.json", "action-v1.json"):
        text = files(__package__).joinpath(name).read_text(encoding="utf-8")
        found |= cast("Mapping[str, _Json]", json.loads(text))
    return found


@cache
def place(name: str, inherited: frozenset[str]) -> Place:
    """The place of type `name` where the expressions above it may already name `inherited`."""
    leaves = list(_leaves(name))
    return Place(
        context=inherited | frozenset(_definitions()[name].get("context", ())),
        scalars=tuple(rule for leaf in leaves if (rule := _scalar_rule(leaf))),
        sequence_of=next((leaf["sequence"]["item-type"] for leaf in leaves if "sequence" in leaf), None),
        mappings=tuple(_mapping_rule(leaf["mapping"]) for leaf in leaves if "mapping" in leaf),
    )


def _leaves(name: str) -> list[_Json]:
    definition = _definitions()[name]
    if "one-of" not in definition:
        return [definition]
    return [leaf for alternative in definition["one-of"] for leaf in _leaves(alternative)]


def _scalar_rule(leaf: _Json) -> ScalarRule | None:
    if "allowed-values" in leaf:
        return ScalarRule(kind="string", values=frozenset(leaf["allowed-values"]))
    if "string" in leaf:
        constant = leaf["string"].get("constant")
        values = frozenset({str(constant)}) if constant else None
        return ScalarRule(
            kind="string", values=values, non_empty=bool(leaf["string"].get("require-non-empty"))
        )
    kinds: tuple[ScalarType, ...] = ("null", "boolean", "number")
    return next((ScalarRule(kind=kind) for kind in kinds if kind in leaf), None)


def _mapping_rule(mapping: _MappingJson) -> MappingRule:
    properties = {
        name: Property(type=spec, required=False)
        if isinstance(spec, str)
        else Property(type=spec["type"], required=spec.get("required", False))
        for name, spec in mapping.get("properties", {}).items()
    }
    loose = None
    if "loose-key-type" in mapping:
        loose = (mapping["loose-key-type"], mapping["loose-value-type"])
    return MappingRule(properties=properties, loose=loose)


@cache
def scope(context: frozenset[str]) -> Scope:
    """`github`, `hashFiles(1,255)` … as the expression parser's scope."""
    functions = {
        match["name"].lower(): Arity(
            least=int(match["least"]), most=_MANY if match["most"] == "MAX" else int(match["most"])
        )
        for entry in context
        if (match := _FUNCTION.fullmatch(entry))
    }
    return Scope(contexts=frozenset(e.lower() for e in context if "(" not in e), functions=functions)
