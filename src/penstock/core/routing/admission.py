"""Who of the routed may run: guards are asked in their place, and what stands behind one that holds waits.

Whatever cannot be known counts as holding: a guard that did not answer, an agent that is declared nowhere.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from penstock.core.routing.agents import Agent, AgentKind, Load, available, least_loaded
from penstock.core.routing.facts import Facts
from penstock.core.routing.loading import Ruleset
from penstock.core.routing.meaning import holds
from penstock.core.routing.router import Route, Run
from penstock.core.verdict import Outcome, Verdict, blocked, passed, unknown, warned


@dataclass(frozen=True, slots=True, kw_only=True)
class Clear:
    """A guard has nothing against it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holds:
    """A guard stops what stands behind it."""

    reason: str


GuardAnswer = Clear | Holds


@dataclass(frozen=True, slots=True, kw_only=True)
class Staff:
    """The agents as they are now: how busy and well each is, and what guards answered, by name."""

    loads: Mapping[str, Load] = field(default_factory=dict)
    answers: Mapping[str, GuardAnswer] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """`agents` may run, in this order; `held` wait for `holder`, by name. The verdict says all of it."""

    agents: tuple[Agent, ...]
    held: tuple[str, ...]
    holder: str
    verdict: Verdict

    def first(self, kind: AgentKind) -> Agent | None:
        return next((agent for agent in self.agents if agent.kind is kind), None)


def admitted(route: Route, rules: Ruleset, variants: Sequence[Facts], staff: Staff) -> Admission:
    """Judge a route from front to back."""
    desk = _Desk(rules, variants, staff)
    leaves = tuple(desk.judge(run) for run in route.runs)
    outcome = _outcome(desk, leaves)
    return Admission(
        agents=tuple(desk.admitted),
        held=tuple(desk.held),
        holder=desk.holder,
        verdict=Verdict(rule="routing", outcome=outcome, reason=_summary(route, desk), children=leaves),
    )


class _Desk:
    def __init__(self, rules: Ruleset, variants: Sequence[Facts], staff: Staff) -> None:
        self._rules, self._variants, self._staff = rules, variants, staff
        self.admitted: list[Agent] = []
        self.held: list[str] = []
        self.holder = ""

    def judge(self, run: Run) -> Verdict:
        if self.holder:
            self.held.append(run.agent)
            return blocked(run.agent, f"waits behind {self.holder}")
        agent = self._rules.agents.get(run.agent)
        if agent is None and run.agent in {*AgentKind}:
            return self._any_of(run)
        if agent is None:
            self.holder = run.agent
            return unknown(run.agent, f"declared nowhere, so it cannot run ({run.rule.where})")
        if agent.kind is AgentKind.GUARD:
            return self._guarded(agent)
        return self._able(agent, run)

    def _any_of(self, run: Run) -> Verdict:
        """Any agent of a kind: the one with the least to do."""
        agents = [agent for agent in self._rules.agents.values() if agent.kind == run.agent]
        agent = least_loaded(agents, self._staff.loads)
        if agent is None:
            whys = "; ".join(f"{one.name}: {self._why_not(one)}" for one in agents)
            return warned(run.agent, f"no agent of this kind can run ({whys})")
        self.admitted.append(agent)
        running = self._staff.loads[agent.name].running
        return passed(run.agent, f"{agent.name} has the least to do of {len(agents)} ({running} running)")

    def _able(self, agent: Agent, run: Run) -> Verdict:
        if not available(self._staff.loads.get(agent.name)):
            return warned(agent.name, f"cannot run: {self._why_not(agent)}")
        self.admitted.append(agent)
        return passed(agent.name, f"{agent.kind}, priority {run.rule.priority} ({run.rule.where})")

    def _guarded(self, guard: Agent) -> Verdict:
        match self._answer(guard):
            case Clear():
                self.admitted.append(guard)
                return passed(guard.name, "guard: holds nothing")
            case Holds(reason=reason):
                self.holder = guard.name
                return blocked(guard.name, f"guard holds: {reason}")
            case None:
                self.holder = guard.name
                return unknown(guard.name, f"guard did not answer: {self._why_not(guard)}")

    def _answer(self, guard: Agent) -> GuardAnswer | None:
        """Its own condition's, where it has one; of a signal's jobs, any makes it hold."""
        if guard.holds is None:
            return self._staff.answers.get(guard.name)
        condition = guard.holds
        if any(holds(condition, facts) for facts in self._variants):
            return Holds(reason="its condition is true of this signal")
        return Clear()

    def _why_not(self, agent: Agent) -> str:
        load = self._staff.loads.get(agent.name)
        return (load.why if load else "") or "nobody knows whether it works"


def _outcome(desk: _Desk, leaves: tuple[Verdict, ...]) -> Outcome:
    """Something runs: it passes, with a warning where not all does. Nothing does: as the reason for that."""
    worked = [agent for agent in desk.admitted if agent.kind is not AgentKind.GUARD]
    if worked:
        return Outcome.PASS if all(leaf.outcome is Outcome.PASS for leaf in leaves) else Outcome.WARN
    stopper = next((leaf for leaf in leaves if not leaf.allows), None)
    return stopper.outcome if stopper else Outcome.BLOCK


def _summary(route: Route, desk: _Desk) -> str:
    names = ", ".join(agent.name for agent in desk.admitted if agent.kind is not AgentKind.GUARD) or "nobody"
    held = f"; {desk.holder} holds {', '.join(desk.held)}" if desk.held else ""
    return f"{names} may run, priority {route.priority}{held}"
