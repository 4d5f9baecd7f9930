"""What a query may cost at most: GitHub's nodes and points, from the query alone."""

from collections.abc import Mapping
from dataclasses import dataclass

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    VariableNode,
)

from localforge.json_types import Json

MOST_NODES = 500_000
# Fragments that spread fragments ask for many more fields than a document has words.
MOST_FIELDS = 20_000


@dataclass(slots=True)
class Cost:
    """`nodes` that may be asked for, and `requests` needed for them; a hundred requests are a point."""

    nodes: int = 0
    requests: int = 0

    @property
    def points(self) -> int:
        """What counts on the limit."""
        return max(1, self.requests // 100)


def fields(document: DocumentNode) -> int:
    """How many fields a validated document asks for, each fragment counted wherever it is spread."""
    fragments = {
        node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)
    }
    known: dict[str, int] = {}

    def of(selection: SelectionSetNode | None) -> int:
        return sum(map(of_one, selection.selections)) if selection else 0

    def of_one(node: SelectionNode) -> int:
        if not isinstance(node, FragmentSpreadNode):
            return isinstance(node, FieldNode) + of(node.selection_set)  # type: ignore[attr-defined]
        name = node.name.value
        if name not in known:
            known[name] = of(fragments[name].selection_set)
        return known[name]

    operations = (node for node in document.definitions if isinstance(node, OperationDefinitionNode))
    return sum(of(node.selection_set) for node in operations)


def measure(document: DocumentNode, variables: Mapping[str, Json], operation_name: str | None) -> Cost:
    """The cost of a validated document's operation."""
    fragments = {
        node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)
    }
    operations = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
    chosen = [node for node in operations if operation_name in {None, node.name.value if node.name else None}]
    cost = Cost()
    for node in chosen[:1]:
        _walk(node.selection_set, 1, cost, fragments, variables)
    return cost


def _walk(
    selection: SelectionSetNode,
    outer: int,
    cost: Cost,
    fragments: Mapping[str, FragmentDefinitionNode],
    variables: Mapping[str, Json],
) -> None:
    """`outer` is how many times this selection may be resolved."""
    for node in selection.selections:
        match node:
            case FragmentSpreadNode():
                _walk(fragments[node.name.value].selection_set, outer, cost, fragments, variables)
            case InlineFragmentNode():
                _walk(node.selection_set, outer, cost, fragments, variables)
            case FieldNode():
                times = _count(node, outer, cost, variables)
                if node.selection_set:
                    _walk(node.selection_set, times, cost, fragments, variables)


def _count(node: FieldNode, outer: int, cost: Cost, variables: Mapping[str, Json]) -> int:
    """Add a field's cost; gives how many times what it selects may be resolved."""
    size = _size(node, variables)
    if size is None:
        return outer
    cost.requests += outer
    cost.nodes = min(cost.nodes + outer * size, MOST_NODES * 2)
    return min(outer * size, MOST_NODES * 2)


def _size(node: FieldNode, variables: Mapping[str, Json]) -> int | None:
    """How many nodes `first` or `last` ask for; None where there is neither."""
    for argument in node.arguments or ():
        if argument.name.value in {"first", "last"}:
            match argument.value:
                case IntValueNode(value=text):
                    return max(0, int(text[:9]))
                case VariableNode(name=name) if isinstance(size := variables.get(name.value), int):
                    return max(0, size)
    return None
