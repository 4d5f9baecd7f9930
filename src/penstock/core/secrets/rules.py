"""What a secret looks like, as data: each rule with its source, each source with its licence."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


class Match(Protocol):
    def span(self, group: int = 0, /) -> tuple[int, int]:
        """Where a group stands, in bytes; (-1, -1) where it took no part."""
        ...


class Expression(Protocol):
    """A compiled expression over bytes: Python's, or one of an engine that is linear by construction."""

    @property
    def groups(self) -> int: ...

    def search(self, data: bytes, at: int = 0, /) -> Match | None: ...


Compile = Callable[[str], Expression]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One kind of secret. Several rules may share an id: forms of the same kind.

    `group`: which group of the expression is the secret; 0: the first that took part, else the whole match.
    `keywords`: lower case; one of them stands on the lines of every match. None: anything may match.
    `until`: a literal that ends what the match began, `{}` standing for its first group; all that is between belongs
    to the secret, up to the end of the text where the literal is missing.
    `entropy`: bits per byte that the secret has at least.
    `exclude`, `require`: expressions that the secret may not, or must match; `exclude_match`, `exclude_line`: that
    the whole match, or its lines, may not.
    `literal`: the secret must be a value, not a placeholder for one or code; `random`: nor may it read as words.
    `rank`: of findings that overlap, the one of the highest rank names the whole.
    """

    id: str
    source: str
    expression: str
    group: int = 0
    keywords: tuple[str, ...] = ()
    until: str = ""
    entropy: float = 0.0
    exclude: tuple[str, ...] = ()
    exclude_match: tuple[str, ...] = ()
    exclude_line: tuple[str, ...] = ()
    require: tuple[str, ...] = ()
    literal: bool = False
    random: bool = False
    rank: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    name: str
    version: str
    licence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleBook:
    """`words`: lower case; no random value contains one of them."""

    sources: tuple[Source, ...]
    rules: tuple[Rule, ...]
    words: tuple[str, ...] = ()
