"""Tokens to a tree. Unknown names and wrong argument counts are refused here, as GitHub does, not when evaluated."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeAlias

from localforge.actions.expressions.errors import ExpressionError, Fault
from localforge.actions.expressions.lexer import Kind, Token, tokenize
from localforge.actions.expressions.values import Value

MAX_DEPTH = 50
MAX_ARGUMENTS = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class Arity:
    """How many arguments a function takes; `odd` demands an odd count."""

    least: int
    most: int
    odd: bool = False


BUILT_INS: Mapping[str, Arity] = {
    "case": Arity(least=3, most=MAX_ARGUMENTS, odd=True),
    "contains": Arity(least=2, most=2),
    "endswith": Arity(least=2, most=2),
    "format": Arity(least=1, most=MAX_ARGUMENTS),
    "fromjson": Arity(least=1, most=1),
    "join": Arity(least=1, most=2),
    "startswith": Arity(least=2, most=2),
    "tojson": Arity(least=1, most=1),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Which contexts and which further functions an expression may name; all names in lower case."""

    contexts: frozenset[str] = frozenset()
    functions: Mapping[str, Arity] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Literal:
    value: Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """`target[key]`, `target.key`; key None is the star."""

    target: "Expr"
    key: "Expr | None"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    name: str
    arguments: tuple["Expr", ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Not:
    operand: "Expr"


@dataclass(frozen=True, slots=True, kw_only=True)
class Compare:
    operator: str
    left: "Expr"
    right: "Expr"


@dataclass(frozen=True, slots=True, kw_only=True)
class Logical:
    """A chain of one operator, `&&` or `||`."""

    operator: str
    operands: tuple["Expr", ...]


Expr: TypeAlias = Literal | Context | Index | Call | Not | Compare | Logical


def parse(source: str, scope: Scope) -> Expr:
    """The tree of `source`; empty text is null. Raises ExpressionError (LEXING or PARSING)."""
    return _Parser(source, scope).whole()


def calls(tree: Expr) -> Iterator[Call]:
    """Every function call in `tree`."""
    if isinstance(tree, Call):
        yield tree
    for child in _children(tree):
        yield from calls(child)


def _children(tree: Expr) -> tuple[Expr, ...]:
    match tree:
        case Literal() | Context():
            return ()
        case Index(target=target, key=key):
            return (target,) if key is None else (target, key)
        case Call(arguments=arguments):
            return arguments
        case Not(operand=operand):
            return (operand,)
        case Compare(left=left, right=right):
            return (left, right)
        case Logical(operands=operands):
            return operands


class _Parser:
    """Recursive descent; every level of nesting counts towards MAX_DEPTH."""

    def __init__(self, source: str, scope: Scope) -> None:
        self.source = source
        self.scope = scope
        self.tokens = tokenize(source)
        self.position = 0
        self.depth = 0

    @property
    def token(self) -> Token:
        return self.tokens[self.position]

    def whole(self) -> Expr:
        if len(self.tokens) == 1:
            return Literal(value=None)
        tree = self.expression()
        if self.token.kind is not Kind.END:
            raise self.unexpected(self.token)
        return tree

    def unexpected(self, token: Token) -> ExpressionError:
        if token.kind is Kind.END and self.position:
            last = self.tokens[self.position - 1]
            return self._error("Unexpected end of expression", last)
        return self._error("Unexpected symbol", token)

    def expression(self) -> Expr:
        with self._deeper():
            return self._chain("||")

    def _chain(self, symbol: str) -> Expr:
        first = self._operand(symbol)
        if not self._at(symbol):
            return first
        operands = [first]
        with self._deeper():
            while self._take(symbol):
                operands.append(self._operand(symbol))
        return Logical(operator=symbol, operands=tuple(operands))

    def _operand(self, symbol: str) -> Expr:
        return self._chain("&&") if symbol == "||" else self._equality()

    def _equality(self) -> Expr:
        left = self._comparison()
        while symbol := self._take("==", "!="):
            left = Compare(operator=symbol, left=left, right=self._comparison())
        return left

    def _comparison(self) -> Expr:
        left = self._unary()
        while symbol := self._take("<", "<=", ">", ">="):
            left = Compare(operator=symbol, left=left, right=self._unary())
        return left

    def _unary(self) -> Expr:
        if self._take("!"):
            with self._deeper():
                return Not(operand=self._unary())
        return self._postfix()

    def _postfix(self) -> Expr:
        indexable = self.token.kind is Kind.NAME or self._at("(")
        tree = self._primary()
        levels = self.depth
        while indexable and (symbol := self._take(".", "[")):
            key = self._property() if symbol == "." else self._subscript()
            tree = Index(target=tree, key=key)
            self._descend()
        self.depth = levels
        return tree

    def _property(self) -> Expr | None:
        if self._take("*"):
            return None
        token = self.token
        if token.kind is not Kind.NAME:
            raise self.unexpected(token)
        self.position += 1
        return Literal(value=token.text)

    def _subscript(self) -> Expr | None:
        key = None if self._take("*") else self.expression()
        self._expect("]")
        return key

    def _primary(self) -> Expr:
        token = self.token
        match token.kind:
            case Kind.NUMBER | Kind.CONSTANT:
                self.position += 1
                return Literal(value=token.value)
            case Kind.STRING:
                self.position += 1
                return Literal(value=token.text)
            case Kind.NAME:
                self.position += 1
                return self._call(token) if self._take("(") else self._context(token)
            case Kind.SYMBOL | Kind.END:
                return self._group()

    def _group(self) -> Expr:
        if not self._take("("):
            raise self.unexpected(self.token)
        tree = self.expression()
        self._expect(")")
        return tree

    def _context(self, name: Token) -> Context:
        if name.text.lower() not in self.scope.contexts:
            raise self._error("Unrecognized named-value", name)
        return Context(name=name.text.lower())

    def _call(self, name: Token) -> Call:
        arguments: list[Expr] = []
        while not self._take(")"):
            arguments.append(self.expression())
            if not self._at(")"):
                self._expect(",")
        lowered = name.text.lower()
        arity = BUILT_INS.get(lowered) or self.scope.functions.get(lowered)
        if arity is None:
            raise self._error("Unrecognized function", name)
        if len(arguments) < arity.least:
            raise self._error("Too few parameters supplied", name)
        if len(arguments) > arity.most:
            raise self._error("Too many parameters supplied", name)
        if arity.odd and len(arguments) % 2 == 0:
            raise self._error(
                "Even number of parameters supplied, requires an odd number of parameters", name
            )
        return Call(name=lowered, arguments=tuple(arguments))

    def _at(self, symbol: str) -> bool:
        return self.token.kind is Kind.SYMBOL and self.token.text == symbol

    def _take(self, *symbols: str) -> str:
        """The symbol at hand if it is one of these, and step past it; else the empty string."""
        token = self.token
        if token.kind is not Kind.SYMBOL or token.text not in symbols:
            return ""
        self.position += 1
        return token.text

    def _expect(self, symbol: str) -> None:
        if not self._take(symbol):
            raise self.unexpected(self.token)

    @contextmanager
    def _deeper(self) -> Iterator[None]:
        self._descend()
        yield
        self.depth -= 1

    def _descend(self) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self._error(f"Exceeded max expression depth {MAX_DEPTH}", self.token)

    def _error(self, message: str, token: Token) -> ExpressionError:
        return ExpressionError.at(Fault.PARSING, f"{message}: '{token.text}'", token.offset, self.source)
