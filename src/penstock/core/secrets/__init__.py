"""What looks like a secret, and taking it out of texts.

A `Scanner` is made of rules, which are data, and of two engines that are handed in. `BUILT_IN` needs neither: a last
net of few rules. What a whole installation uses reads every rule (`adapters.secrets`).
"""

from collections.abc import Iterable

from penstock.core.secrets.built_in import BUILT_IN
from penstock.core.secrets.rules import Rule, RuleBook, Source
from penstock.core.secrets.scanner import Finding, Scanner

__all__ = ["BUILT_IN", "Finding", "Rule", "RuleBook", "Scanner", "Source", "find_secrets", "redact"]


def find_secrets(text: str, known: Iterable[str] = ()) -> tuple[str, ...]:
    """Ids of the built-in rules that a text matches, as it stands or as it looks; `known` for any of these in it."""
    return tuple(dict.fromkeys(finding.rule for finding in BUILT_IN.find(text, known)))


def redact(text: str, known: Iterable[str] = ()) -> str:
    """`Scanner.redact` with the built-in rules."""
    return BUILT_IN.redact(text, known)
