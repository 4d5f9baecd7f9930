"""Applies the grammar to a YAML tree: every problem in GitHub's words, and the tree with its templates parsed."""

from collections import Counter
from collections.abc import Sequence as AbstractSequence

from localforge.actions.expressions import ExpressionError, to_text
from localforge.actions.workflow.model import Problem
from localforge.actions.workflow.schema import MappingRule, Place, place, scope
from localforge.actions.workflow.template import Template, read_template
from localforge.actions.workflow.tree import Mapping, Node, Scalar, Sequence

_NO_EXPRESSION = "A template expression is not allowed in this context"


def apply_grammar(root: Node, kind: str = "workflow-root-strict") -> tuple[Node, tuple[Problem, ...]]:
    """The tree with templates in place of the text that holds `${{`, and every problem in file order."""
    reader = _Reader()
    tree = reader.read(root, place(kind, frozenset()))
    return tree, tuple(reader.problems)


class _Reader:
    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def read(self, node: Node, here: Place) -> Node:
        match node:
            case Scalar():
                return self._scalar(node, here)
            case Sequence():
                return self._sequence(node, here)
            case Mapping():
                return self._mapping(node, here)

    def _refuse(self, node: Node, message: str) -> None:
        self.problems.append(Problem(message=message, at=node.at))

    def _scalar(self, node: Scalar, here: Place) -> Scalar:
        return self._checked(self._template(node, here), here)

    def _template(self, node: Scalar, here: Place) -> Scalar:
        if not isinstance(node.value, str):
            return node
        try:
            template = read_template(node.value, scope(here.context))
        except ExpressionError as error:
            self._refuse(node, error.message)
            return node
        return Scalar(at=node.at, value=template) if template else node

    def _checked(self, node: Scalar, here: Place) -> Scalar:
        value = node.value
        if isinstance(value, Template):
            if not here.context:
                self._refuse(node, _NO_EXPRESSION)
            return node
        if any(rule.accepts(value) for rule in here.scalars):
            return node
        text = to_text(value)
        if any(rule.accepts(text) for rule in here.scalars):
            return Scalar(at=node.at, value=text)
        self._refuse(node, f"Unexpected value '{text}'")
        return node

    def _sequence(self, node: Sequence, here: Place) -> Node:
        if here.sequence_of is None:
            self._refuse(node, "A sequence was not expected")
            return node
        item = place(here.sequence_of, here.context)
        return Sequence(at=node.at, items=tuple(self.read(child, item) for child in node.items))

    def _mapping(self, node: Mapping, here: Place) -> Node:
        if not here.mappings:
            self._refuse(node, "A mapping was not expected")
            return node
        rules = list(here.mappings)
        seen: set[str] = set()
        pairs: list[tuple[Scalar, Node]] = []
        inserts = False
        for raw, value in node.pairs:
            key = self._template(raw, here)
            if isinstance(key.value, Template):
                inserts = True
                pairs += self._inserted(key, value, here)
            elif (name := to_text(key.value)).upper() in seen:
                self._refuse(key, f"'{name}' is already defined")
            else:
                seen.add(name.upper())
                rules = _narrowed(rules, name)
                pairs += self._pair(Scalar(at=key.at, value=name), value, rules, here)
        self._complete(node, rules, seen, inserts=inserts)
        return Mapping(at=node.at, pairs=tuple(pairs))

    def _inserted(self, key: Scalar, value: Node, here: Place) -> list[tuple[Scalar, Node]]:
        if not here.context:
            self._refuse(key, _NO_EXPRESSION)
            return []
        return [(key, self.read(value, place("any", here.context)))]

    def _pair(
        self, key: Scalar, value: Node, rules: AbstractSequence[MappingRule], here: Place
    ) -> list[tuple[Scalar, Node]]:
        name = to_text(key.value) if not isinstance(key.value, Template) else ""
        known = next((rule.properties[name] for rule in rules if name in rule.properties), None)
        if known:
            return [(key, self.read(value, place(known.type, here.context)))]
        loose = next((rule.loose for rule in rules if rule.loose), None)
        if loose is None:
            self._refuse(key, f"Unexpected value '{name}'")
            return []
        self._checked(key, place(loose[0], here.context))
        return [(key, self.read(value, place(loose[1], here.context)))]

    def _complete(
        self, node: Mapping, rules: AbstractSequence[MappingRule], seen: set[str], *, inserts: bool
    ) -> None:
        if len(rules) > 1:
            told = Counter(name for rule in rules for name in rule.properties)
            telling = ", ".join(sorted(name for name, count in told.items() if count == 1))
            self._refuse(
                node,
                f"There's not enough info to determine what you meant. Add one of these properties: {telling}",
            )
        elif not inserts:
            for name, known in rules[0].properties.items():
                if known.required and name.upper() not in seen:
                    self._refuse(node, f"Required property is missing: {name}")


def _narrowed(rules: list[MappingRule], name: str) -> list[MappingRule]:
    """Only the mappings that have `name`, if any has; a property one alternative alone knows decides for it."""
    return [rule for rule in rules if name in rule.properties] or rules
