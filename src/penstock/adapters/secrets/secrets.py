"""The scanner of an installation: made when the first text comes, since its rules and engines take time and memory."""

import threading
from collections.abc import Callable, Iterable
from pathlib import Path

from penstock.core.secrets.scanner import Finding, Scanner


class Secrets:
    """What looks like a secret, and taking it out, with every rule there is.

    `known`: the credentials of this process. `kept`: a folder for what the engine compiles, so that it does so once.
    """

    def __init__(self, known: Callable[[], Iterable[str]] = tuple, kept: Path | None = None) -> None:
        self._known = known
        self._kept = kept
        self._scanner: Scanner | None = None
        self._making = threading.Lock()

    def find(self, text: str) -> tuple[Finding, ...]:
        return self._made().find(text, self._known())

    def redact(self, text: str) -> str:
        return self._made().redact(text, self._known())

    def _made(self) -> Scanner:
        with self._making:
            if self._scanner is None:
                self._scanner = scanner(self._kept)
            return self._scanner


def scanner(kept: Path | None = None) -> Scanner:
    """The whole book on hyperscan, or on keywords where this machine has none: with the same findings."""
    from penstock.adapters.secrets import engines
    from penstock.adapters.secrets.book import book, shipped

    rules = book(shipped())
    try:
        candidates = engines.by_hyperscan(rules.rules, kept)
    except ImportError:
        candidates = engines.by_keywords(rules.rules)
    return Scanner(rules, engines.linear, candidates)
