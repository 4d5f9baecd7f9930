"""The nodes of a workflow file, each with its line and column, and what they come to in an environment."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from localforge.actions.expressions import Environment, Value, to_text
from localforge.actions.workflow.template import Template


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A place in a file; both count from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Scalar:
    """A literal, or (once the grammar was applied) a template."""

    at: Mark
    value: bool | float | str | Template | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sequence:
    at: Mark
    items: tuple["Node", ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapping:
    at: Mark
    pairs: tuple[tuple[Scalar, "Node"], ...]


Node: TypeAlias = Scalar | Sequence | Mapping


def members(node: Node | None) -> dict[str, Node]:
    """The pairs of a mapping under their literal keys; nothing for any other node."""
    if not isinstance(node, Mapping):
        return {}
    return {literal(key): value for key, value in node.pairs if not isinstance(key.value, Template)}


def literal(node: Node) -> str:
    """The text of a scalar that the grammar lets be no template."""
    if not isinstance(node, Scalar) or isinstance(node.value, Template):
        raise TypeError(f"line {node.at.line}: the grammar allows only a literal here")
    return to_text(node.value)


def literals(node: Node | None) -> tuple[str, ...] | None:
    """The texts of a sequence of literals, or of the one literal that stands for it."""
    match node:
        case None:
            return None
        case Sequence():
            return tuple(literal(item) for item in node.items)
        case _:
            return (literal(node),)


def resolve(node: Node, environment: Environment) -> Value:
    """The value of `node` with every template evaluated. Raises ExpressionError."""
    match node:
        case Scalar(value=value):
            return value.evaluate(environment) if isinstance(value, Template) else value
        case Sequence():
            return [resolve(item, environment) for item in node.items]
        case Mapping():
            return dict(_resolved_pairs(node, environment))


def _resolved_pairs(node: Mapping, environment: Environment) -> Iterator[tuple[str, Value]]:
    for key, value in node.pairs:
        inserted = resolve(value, environment)
        if not isinstance(key.value, Template):
            yield literal(key), inserted
        elif isinstance(inserted, dict) and key.value.inserts:
            yield from inserted.items()
        else:
            yield to_text(key.value.evaluate(environment)), inserted
