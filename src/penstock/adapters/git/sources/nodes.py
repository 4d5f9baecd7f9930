"""Small questions about nodes of a syntax tree."""

from collections.abc import Iterable, Iterator

from ast_grep_py import SgNode


def line_of(node: SgNode) -> int:
    """From 1."""
    return node.range().start.line + 1


def name_of(node: SgNode, field: str = "name") -> str:
    """The text of a field, empty without it."""
    found = node.field(field)
    return found.text() if found else ""


def has(node: SgNode, kind: str) -> bool:
    return any(child.kind() == kind for child in node.children())


def only(node: SgNode | None, *kinds: str) -> Iterator[SgNode]:
    """The children of these kinds; none of no node."""
    return (child for child in node.children() if child.kind() in kinds) if node else iter(())


def plain(node: SgNode | None) -> str:
    """A node's text without what separates words being told apart; empty for none."""
    return " ".join(node.text().split()) if node else ""


def named(nodes: Iterable[SgNode]) -> list[SgNode]:
    """Without punctuation and remarks."""
    return [node for node in nodes if node.is_named() and "comment" not in node.kind()]
