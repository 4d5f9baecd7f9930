"""A tree and its contexts to a value."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from localforge.actions.expressions.errors import ExpressionError, Fault
from localforge.actions.expressions.functions import FUNCTIONS, Function
from localforge.actions.expressions.parser import Call, Compare, Context, Expr, Index, Literal, Logical, Not
from localforge.actions.expressions.values import Value, is_array, lookup, order, truthy

MAX_MEMORY = 1_048_576
_STRING_OVERHEAD = 26

_ACCEPTED: Mapping[str, frozenset[int | None]] = {
    "==": frozenset({0}),
    "!=": frozenset({-1, 1, None}),
    "<": frozenset({-1}),
    "<=": frozenset({-1, 0}),
    ">": frozenset({1}),
    ">=": frozenset({0, 1}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """Contexts by lower-case name, and the functions beyond the built-in ones."""

    contexts: Mapping[str, Value] = field(default_factory=dict)
    functions: Mapping[str, Function] = field(default_factory=dict)


class _Filtered(list[Value]):
    """What a star selects: further indexing applies to each item, and items without a match fall away."""


def evaluate(tree: Expr, environment: Environment) -> Value:
    """The value of `tree`. Raises ExpressionError (EVALUATION)."""
    return _Evaluator(environment).value(tree)


class _Evaluator:
    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self.memory = 0

    def value(self, tree: Expr) -> Value:
        match tree:
            case Literal(value=value):
                return value
            case Context(name=name):
                return self.environment.contexts.get(name)
            case Index():
                return self._index(tree)
            case Call(name="case"):
                return self._case(tree.arguments)
            case Call():
                return self._call(tree)
            case Not(operand=operand):
                return not truthy(self.value(operand))
            case Compare(operator=symbol, left=left, right=right):
                return order(self.value(left), self.value(right)) in _ACCEPTED[symbol]
            case Logical(operator=symbol, operands=operands):
                return self._logical(operands, stop=symbol == "||")

    def _logical(self, operands: tuple[Expr, ...], *, stop: bool) -> Value:
        value: Value = None
        for operand in operands:
            value = self.value(operand)
            if truthy(value) is stop:
                break
        return value

    def _index(self, tree: Index) -> Value:
        target = self.value(tree.target)
        if tree.key is None:
            parts = target if isinstance(target, _Filtered) else [target]
            return _Filtered(item for part in parts for item in _items(part))
        key = self.value(tree.key)
        if isinstance(target, _Filtered):
            found = (lookup(item, key) for item in target)
            return _Filtered(item for item in found if item is not None)
        return lookup(target, key)

    def _case(self, arguments: tuple[Expr, ...]) -> Value:
        for predicate, result in zip(arguments[:-1:2], arguments[1::2], strict=True):
            chosen = self.value(predicate)
            if not isinstance(chosen, bool):
                raise ExpressionError(Fault.EVALUATION, "case predicate must evaluate to a boolean value")
            if chosen:
                return self.value(result)
        return self.value(arguments[-1])

    def _call(self, tree: Call) -> Value:
        held = self.memory
        arguments = [self.value(argument) for argument in tree.arguments]
        result = (FUNCTIONS.get(tree.name) or self.environment.functions[tree.name])(arguments)
        self.memory = held + (_STRING_OVERHEAD + 2 * len(result) if isinstance(result, str) else 0)
        if self.memory > MAX_MEMORY:
            raise ExpressionError(Fault.EVALUATION, "The maximum allowed memory size was exceeded")
        return result


def _items(value: Value) -> Sequence[Value]:
    if isinstance(value, Mapping):
        return list(value.values())
    if is_array(value):
        return value
    return ()
