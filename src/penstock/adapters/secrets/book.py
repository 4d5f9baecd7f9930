"""The rule book as it ships: a header line (sources, words), then one rule a line."""

from pathlib import Path

from pydantic import TypeAdapter

from penstock.core.secrets.built_in import BOOK
from penstock.core.secrets.rules import Rule, RuleBook

_HEADER = TypeAdapter(RuleBook)
_RULE = TypeAdapter(Rule)


def shipped() -> bytes:
    return Path(__file__).with_name("rules.jsonl").read_bytes()


def book(document: bytes) -> RuleBook:
    """The built-in rules, then those of a document. Raises ValueError where a line is not one."""
    first, *lines = document.splitlines()
    header = _HEADER.validate_json(first)
    rules = (*BOOK.rules, *map(_RULE.validate_json, lines))
    return RuleBook(sources=(*BOOK.sources, *header.sources), rules=rules, words=header.words)
