"""Examples beside the rules: what must come of a signal, against what does.

Guards that a model would ask are taken to have nothing against it, and every agent to be well: rules are tested here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from penstock.core.routing.admission import Clear, Staff, admitted
from penstock.core.routing.agents import Load
from penstock.core.routing.documents import Example, Priority
from penstock.core.routing.facts import Facts
from penstock.core.routing.given import facts_given
from penstock.core.routing.loading import Ruleset
from penstock.core.routing.router import Route, Router
from penstock.core.routing.wire import NotFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Who runs, in this order; who waits behind a guard; how urgent it is (None where nobody runs)."""

    run: tuple[str, ...]
    held: tuple[str, ...] = ()
    priority: Priority | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """An example, and what came of it: `problem` where that could not even be asked."""

    name: str
    wanted: Outcome
    got: Outcome | None
    problem: str = ""

    @property
    def holds(self) -> bool:
        if self.got is None:
            return False
        same = (self.got.run, self.got.held) == (self.wanted.run, self.wanted.held)
        return same and self.wanted.priority in {None, self.got.priority}


def tried(router: Router, example: Example, now: datetime) -> Tried:
    """Ask the rules about one example."""
    wanted = Outcome(run=example.run, held=example.held, priority=example.priority)
    facts = facts_given(example.given, now)
    if isinstance(facts, NotFacts):
        hint = f"; did you mean `{facts.nearest}`?" if facts.nearest else ""
        problem = f"given.{facts.key}: {facts.message}{hint}"
        return Tried(name=example.name, wanted=wanted, got=None, problem=problem)
    return Tried(name=example.name, wanted=wanted, got=_outcome(router, facts))


def _outcome(router: Router, facts: Sequence[Facts]) -> Outcome:
    answer = router.route(facts)
    if not isinstance(answer, Route):
        return Outcome(run=())
    held = admitted(answer, router.rules, facts, _everybody_well(router.rules)).held
    names = tuple(run.agent for run in answer.runs)
    return Outcome(run=tuple(name for name in names if name not in held), held=held, priority=answer.priority)


def _everybody_well(rules: Ruleset) -> Staff:
    loads = {name: Load(agent=name, healthy=True) for name in rules.agents}
    return Staff(loads=loads, answers={name: Clear() for name in rules.agents})
