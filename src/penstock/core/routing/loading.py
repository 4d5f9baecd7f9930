"""Documents to a rule set: everything that can be known to be wrong before there is a signal is said here, with its place.

One problem anywhere, and there is no rule set.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher

from penstock.core.document import Document, KeyPath, Place, Problem, dotted
from penstock.core.routing.agents import NEVER, Agent, AgentKind, kind_of
from penstock.core.routing.checking import condition
from penstock.core.routing.documents import AgentText, Priority, RuleText
from penstock.core.routing.reach import certain_events, events_of, implies
from penstock.core.routing.reading import Fault
from penstock.core.routing.tree import Condition, names_in

MISSPELT = 0.85
"""From which likeness on an undeclared agent's name is taken for a declared one misspelt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One document's share. `source` is what the document is called."""

    source: str
    document: Document
    rules: tuple[RuleText, ...] = ()
    agents: Mapping[str, AgentText] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """`number` is its place in the order in which rules are asked, `where` that in its document."""

    number: int
    where: str
    text: str
    condition: Condition
    run: tuple[str, ...]
    priority: Priority
    stop: bool
    events: frozenset[str]
    """The events that can change what comes of it."""
    reads: frozenset[str]
    """The facts that it looks at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruleset:
    """Rules in the order in which they are asked, and agents by name. `notes` are for people: nothing is wrong."""

    rules: tuple[Rule, ...] = ()
    agents: Mapping[str, Agent] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """One line for each problem: document, line, column, key, what is wrong, and what was probably meant."""

    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Draft:
    """A rule whose condition is checked, before it has its place among the others."""

    part: Part
    index: int
    given: RuleText
    condition: Condition
    events: frozenset[str]

    @property
    def path(self) -> KeyPath:
        return ("routing", self.index, "if")

    @property
    def line(self) -> str:
        return f"{self.part.source}:{_place(self.part, self.path).line}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stop:
    """A rule that stops, and the events of which it always holds."""

    draft: _Draft
    always: frozenset[str]

    def always_before(self, later: _Draft) -> bool:
        """Does it hold whenever a later one would."""
        return later.events <= self.always or implies(later.condition, self.draft.condition)


def ruleset(parts: Sequence[Part]) -> Ruleset | Refused:
    """The rules of all documents together."""
    reading = _Reading()
    agents = {name: agent for part in parts for name, agent in reading.agents(part)}
    drafts = [draft for part in parts for draft in reading.drafts(part)]
    drafts.sort(key=lambda draft: draft.given.order)  # stable: of one order, as they stand
    reading.people(drafts, agents)
    reading.repeated(drafts)
    reading.unreachable(drafts)
    if reading.problems:
        return Refused(problems=reading.told(parts))
    return Ruleset(
        rules=tuple(_rule(number, draft) for number, draft in enumerate(drafts)),
        agents=agents,
        notes=tuple(reading.notes),
    )


def _rule(number: int, draft: _Draft) -> Rule:
    return Rule(
        number=number,
        where=draft.line,
        text=draft.given.condition,
        condition=draft.condition,
        run=draft.given.run,
        priority=draft.given.priority,
        stop=draft.given.stop,
        events=draft.events,
        reads=names_in(draft.condition),
    )


class _Reading:
    """Collects what is wrong on the way."""

    def __init__(self) -> None:
        self.problems: list[tuple[str, Problem]] = []
        self.notes: list[str] = []
        self._declared: dict[str, str] = {}

    def agents(self, part: Part) -> Iterator[tuple[str, Agent]]:
        for name, given in part.agents.items():
            path: KeyPath = ("agents", name)
            permissions = frozenset(given.permissions)
            kind = given.kind or (AgentKind.GUARD if given.holds else kind_of(permissions))
            if name in self._declared:
                self._wrong(part, path, f"this agent is declared at {self._declared[name]} already")
            if name in {*AgentKind}:
                self._wrong(part, path, f"`{name}` is a kind: `run` takes it for any agent of that kind")
            for extra in sorted(permissions & NEVER[kind]):
                why = f"a {kind} is never permitted to {extra}"
                self._wrong(part, (*path, "permissions"), why)
            if given.holds and kind is not AgentKind.GUARD:
                self._wrong(part, (*path, "holds"), f"only a guard holds, and this is a {kind}")
            self._declared[name] = f"{part.source}:{_place(part, path).line}"
            holds = self._condition(part, (*path, "holds"), given.holds) if given.holds else None
            yield (
                name,
                Agent(
                    name=name,
                    kind=kind,
                    ref=given.ref,
                    secrets=given.secrets,
                    permissions=permissions,
                    holds=holds,
                ),
            )

    def drafts(self, part: Part) -> Iterator[_Draft]:
        for index, given in enumerate(part.rules):
            found = self._condition(part, ("routing", index, "if"), given.condition)
            if found is not None:
                yield _Draft(part=part, index=index, given=given, condition=found, events=events_of(found))

    def _condition(self, part: Part, path: KeyPath, text: str) -> Condition | None:
        found = condition(text)
        if isinstance(found, Fault):
            place = part.document.place_within(path, found.offset)
            self._wrong(part, path, found.message, place=place, nearest=found.nearest)
            return None
        return found

    def people(self, drafts: Sequence[_Draft], agents: Mapping[str, Agent]) -> None:
        """Every name in `run`: an agent's, a kind's, or one declared nowhere, which runs nothing."""
        known = {*agents, *AgentKind}
        for draft in drafts:
            for position, name in enumerate(draft.given.run):
                path: KeyPath = ("routing", draft.index, "run", position)
                if name in draft.given.run[:position]:
                    self._wrong(draft.part, path, f"{name} runs once already")
                elif name == AgentKind.GUARD:
                    self._wrong(
                        draft.part, path, "guards do not stand in for each other: name the one to ask"
                    )
                elif name in known:
                    self._staffed(draft, path, name, agents)
                elif near := _misspelt(name, agents):
                    self._wrong(draft.part, path, f"there is no agent {name}", nearest=near)
                else:
                    note = Problem(
                        place=_place(draft.part, path), key=dotted(path), message=_undeclared(name)
                    )
                    self.notes.append(note.shown(draft.part.source))

    def _staffed(self, draft: _Draft, path: KeyPath, name: str, agents: Mapping[str, Agent]) -> None:
        """A kind needs at least one agent of it."""
        if name not in agents and not any(agent.kind == name for agent in agents.values()):
            self._wrong(draft.part, path, f"there is no agent of the kind {name}")

    def repeated(self, drafts: Sequence[_Draft]) -> None:
        """The same condition again, for nobody new."""
        first: dict[Condition, _Draft] = {}
        for draft in drafts:
            earlier = first.setdefault(draft.condition, draft)
            if earlier is not draft and set(draft.given.run) <= set(earlier.given.run):
                self._wrong(draft.part, draft.path, f"this rule stands at {earlier.line} already")

    def unreachable(self, drafts: Sequence[_Draft]) -> None:
        """No signal can make it true, or one before it always stops first."""
        stops: list[_Stop] = []
        for draft in drafts:
            if not draft.events:
                self._wrong(draft.part, draft.path, "unreachable: no signal can make this true")
                continue
            stopper = next((stop for stop in stops if stop.always_before(draft)), None)
            if stopper is not None:
                why = f"unreachable: the rule at {stopper.draft.line} stops before it"
                self._wrong(draft.part, draft.path, why)
            if draft.given.stop:
                stops.append(_Stop(draft=draft, always=certain_events(draft.condition)))

    def _wrong(
        self, part: Part, path: KeyPath, message: str, *, place: Place | None = None, nearest: str = ""
    ) -> None:
        at = place or _place(part, path)
        problem = Problem(place=at, key=dotted(path), message=message, nearest=nearest)
        self.problems.append((part.source, problem))

    def told(self, parts: Sequence[Part]) -> tuple[str, ...]:
        """Every problem in a line, document by document, from top to bottom."""
        order = [part.source for part in parts]
        found = sorted(
            self.problems, key=lambda one: (order.index(one[0]), one[1].place.line, one[1].place.column)
        )
        return tuple(problem.shown(source) for source, problem in found)


def _place(part: Part, path: KeyPath) -> Place:
    return part.document.places.get(path) or Place(line=1, column=1)


def _misspelt(name: str, agents: Mapping[str, Agent]) -> str:
    likely = [(SequenceMatcher(None, name, other).ratio(), other) for other in (*agents, *AgentKind)]
    likeness, nearest = max(likely)
    return nearest if likeness >= MISSPELT else ""


def _undeclared(name: str) -> str:
    return f"{name} is declared nowhere: it cannot run, and what stands behind it in `run` waits"
