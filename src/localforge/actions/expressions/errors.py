"""What can be wrong with an expression.

ExpressionError
├─ Fault.LEXING       a character sequence that is no token
├─ Fault.PARSING      tokens in an impossible order, unknown names, wrong argument counts, too deep or too long
└─ Fault.EVALUATION   a function refused its arguments, or the result grew too large
"""

from enum import Enum


class Fault(Enum):
    """The stage that refused the expression."""

    LEXING = "lexing"
    PARSING = "parsing"
    EVALUATION = "evaluation"


class ExpressionError(Exception):
    """An expression GitHub would refuse, in GitHub's words."""

    def __init__(self, fault: Fault, message: str) -> None:
        super().__init__(message)
        self.fault = fault
        self.message = message

    @classmethod
    def at(cls, fault: Fault, message: str, offset: int, source: str) -> "ExpressionError":
        """The error with its place; `offset` counts characters from 0, the message counts from 1."""
        return cls(fault, f"{message}. Located at position {offset + 1} within expression: {source}")
