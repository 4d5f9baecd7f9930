"""The Actions expression language: `parse` text under a `Scope`, then `evaluate` the tree against contexts."""

from localforge.actions.expressions.errors import ExpressionError, Fault
from localforge.actions.expressions.evaluator import Environment, evaluate
from localforge.actions.expressions.parser import Arity, Call, Expr, Scope, calls, parse
from localforge.actions.expressions.values import Value, lookup, to_number, to_text, truthy

__all__ = [
    "Arity",
    "Call",
    "Environment",
    "Expr",
    "ExpressionError",
    "Fault",
    "Scope",
    "Value",
    "calls",
    "evaluate",
    "lookup",
    "parse",
    "to_number",
    "to_text",
    "truthy",
]
