"""The one place that asks the rules. Without rules it costs a look at an empty dict."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from localforge.faults.rules import Rule, Subject, Tallies, Tally, decide
from localforge.json_types import Json


class Faults:
    """The rules of a forge, in memory: a restart has none."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rules: dict[int, Rule] = {}
        self._tallies: Tallies = {}
        self._last = 0

    @property
    def active(self) -> bool:
        """Whether there are rules at all."""
        return bool(self._rules)

    def strike(self, subject: Subject) -> Sequence[Rule]:
        """The rules that strike this subject, each counted."""
        if not self._rules:
            return ()
        with self._lock:
            striking, self._tallies = decide(self._rules, self._tallies, subject)
            return striking

    def add(self, rule: Rule) -> int:
        """Add a rule; its number."""
        with self._lock:
            self._last += 1
            self._rules = {**self._rules, self._last: rule}
            return self._last

    def remove(self, number: int) -> bool:
        """Forget a rule; False when there is none."""
        with self._lock:
            found = number in self._rules
            self._rules = {key: rule for key, rule in self._rules.items() if key != number}
            return found

    def clear(self) -> None:
        """Forget every rule and count; the next rule is number 1 again."""
        with self._lock:
            self._rules, self._tallies, self._last = {}, {}, 0

    def wants_past(self) -> bool:
        """Whether some rule answers from before the last change."""
        return any(rule.kind == "stale" for rule in self._rules.values())

    def json(self) -> list[Json]:
        """Rules with their counts."""
        with self._lock:
            rules: Mapping[int, Rule] = self._rules
            return [
                {"id": number, **asdict(rule), **asdict(self._tallies.get(number, Tally()))}
                for number, rule in rules.items()
            ]
