"""Asking a rule set: facts in, a Route out."""

from collections.abc import Sequence
from dataclasses import dataclass

from penstock.core.routing.compiling import Matching, compiled
from penstock.core.routing.documents import Priority
from penstock.core.routing.facts import Facts
from penstock.core.routing.loading import Rule, Ruleset
from penstock.core.routing.names import EVENTS
from penstock.core.routing.reach import simplified


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """An agent, or a kind of which any agent will do, and the rule that asks for it."""

    agent: str
    rule: Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Who runs, in this order; each once, for the first rule that names it. `rules` are those that hold."""

    runs: tuple[Run, ...]
    rules: tuple[Rule, ...]

    @property
    def priority(self) -> Priority:
        """The most urgent of its rules'."""
        return max((rule.priority for rule in self.rules), key=lambda priority: priority.rank)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ignored:
    """Nobody runs, and why."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Undecided:
    """A rule looks at what could not be known: nobody runs until it can be."""

    names: tuple[str, ...]
    rule: Rule

    @property
    def reason(self) -> str:
        return f"{self.rule.where} looks at {', '.join(self.names)}, which cannot be known here"


Answer = Route | Ignored | Undecided


class Router:
    """A rule set that can be asked. What an event cannot change is left out of the function made for it."""

    def __init__(self, rules: Ruleset) -> None:
        self.rules = rules
        self._functions: dict[str, Matching] = {}

    def candidates(self, event: str) -> tuple[Rule, ...]:
        """The rules that this event can make true; of an event that is not known, all."""
        return tuple(rule for rule in self.rules.rules if event not in EVENTS or event in rule.events)

    def route(self, variants: Sequence[Facts]) -> Answer:
        """The answer for a signal. Its variants differ in one job each: a rule must hold of one and the same."""
        event = variants[0].event
        undecided = self._undecided(event, variants)
        if undecided:
            return undecided
        matched = self.matching(variants)
        if not matched:
            count = len(self.candidates(event))
            return Ignored(reason=f"none of the {count} rules that ask about {event} holds")
        first: dict[str, Run] = {}
        for rule in matched:
            for name in rule.run:
                first.setdefault(name, Run(agent=name, rule=rule))
        return Route(runs=tuple(first.values()), rules=matched)

    def matching(self, variants: Sequence[Facts]) -> tuple[Rule, ...]:
        """The rules that hold of any variant, up to the first that stops."""
        function, rules = self._function(variants[0].event), self.rules.rules
        if len(variants) == 1:
            return tuple([rules[number] for number in function(variants[0])])
        numbers = sorted({number for facts in variants for number in function(facts)})
        found: list[Rule] = []
        for number in numbers:
            found.append(rules[number])
            if found[-1].stop:
                break
        return tuple(found)

    def _function(self, event: str) -> Matching:
        known = event if event in EVENTS else ""
        if known not in self._functions:
            self._functions[known] = compiled(
                (rule.number, simplified(rule.condition, known) if known else rule.condition, rule.stop)
                for rule in self.candidates(event)
            )
        return self._functions[known]

    def _undecided(self, event: str, variants: Sequence[Facts]) -> Undecided | None:
        unknown = frozenset[str]().union(*(facts.unknown for facts in variants))
        if not unknown:
            return None
        for rule in self.candidates(event):
            if names := sorted(unknown & rule.reads):
                return Undecided(names=tuple(names), rule=rule)
        return None
