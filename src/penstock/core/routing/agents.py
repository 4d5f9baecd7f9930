"""Agents: what kinds there are, what each may do, and which of several runs."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from penstock.core.routing.tree import Condition
from penstock.core.verdict import Verdict, blocked, passed


class AgentKind(StrEnum):
    """A router sends on, triage prepares work for people, a guard stops what is unsafe, a specialist proposes."""

    ROUTER = "router"
    TRIAGE = "triage"
    GUARD = "guard"
    SPECIALIST = "specialist"


class Permission(StrEnum):
    """What an agent's output may become, and what it may be shown."""

    ROUTE_AGENTS = "route_agents"
    CREATE_ISSUE = "create_issue"
    APPLY_LABELS = "apply_labels"
    COMMENT = "comment"
    HOLD_AUTOMATION = "hold_automation"
    READ_CI_LOGS = "read_ci_logs"
    OPEN_PR = "open_pr"


class Backend(StrEnum):
    """How an agent is run."""

    RECIPE = "recipe"
    LLM = "llm"
    RULE = "rule"
    NONE = "none"


NEVER: Mapping[AgentKind, frozenset[Permission]] = {
    AgentKind.ROUTER: frozenset({Permission.OPEN_PR, Permission.HOLD_AUTOMATION}),
    AgentKind.TRIAGE: frozenset({Permission.OPEN_PR, Permission.HOLD_AUTOMATION, Permission.ROUTE_AGENTS}),
    AgentKind.GUARD: frozenset({Permission.OPEN_PR, Permission.ROUTE_AGENTS}),
    AgentKind.SPECIALIST: frozenset({Permission.HOLD_AUTOMATION, Permission.ROUTE_AGENTS}),
}
"""What an agent of a kind is never permitted: triage cannot modify code, a guard only stops."""


def kind_of(permissions: frozenset[Permission]) -> AgentKind:
    """The kind that permissions make, where none is written."""
    if Permission.OPEN_PR in permissions:
        return AgentKind.SPECIALIST
    if Permission.HOLD_AUTOMATION in permissions:
        return AgentKind.GUARD
    return AgentKind.ROUTER if Permission.ROUTE_AGENTS in permissions else AgentKind.TRIAGE


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """`ref` is where its prompt or recipe is, relative to its document; `secrets` are names in the environment.

    A guard with `holds` answers itself: it holds where that condition does.
    """

    name: str
    kind: AgentKind
    ref: str = ""
    secrets: tuple[str, ...] = ()
    permissions: frozenset[Permission] = frozenset()
    holds: Condition | None = None

    @property
    def backend(self) -> Backend:
        if self.holds is not None:
            return Backend.RULE
        if self.recipe:
            return Backend.RECIPE
        return Backend.LLM if self.ref else Backend.NONE

    @property
    def recipe(self) -> str:
        """The recipe that its `ref` names (`./recipes/NAME.yml`); empty where it is a prompt."""
        last = self.ref.rpartition("/")[2]
        stem, _, suffix = last.rpartition(".")
        return stem if suffix in {"yml", "yaml"} else ""


class Output(StrEnum):
    """What an agent can hand over, each to become one kind of effect."""

    ROUTE = "route"
    ISSUE = "issue"
    LABELS = "labels"
    WORDS = "words"
    HOLD = "hold"
    PROPOSAL = "proposal"


NEEDS: Mapping[Output, Permission] = {
    Output.ROUTE: Permission.ROUTE_AGENTS,
    Output.ISSUE: Permission.CREATE_ISSUE,
    Output.LABELS: Permission.APPLY_LABELS,
    Output.WORDS: Permission.COMMENT,
    Output.HOLD: Permission.HOLD_AUTOMATION,
    Output.PROPOSAL: Permission.OPEN_PR,
}


def permits(agent: Agent, output: Output) -> Verdict:
    """May what an agent hands over become an effect. Its declaration alone says so, never the output."""
    needed = NEEDS[output]
    if needed in agent.permissions:
        return passed("permission", f"{agent.name} has {needed}, which a {output} needs")
    held = ", ".join(sorted(agent.permissions)) or "none"
    return blocked("permission", f"a {output} needs {needed}, and {agent.name} has {held}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """How an agent is now. `running` counts what it works on; `healthy` None: nobody knows; `why` is for people."""

    agent: str
    running: int = 0
    healthy: bool | None = None
    why: str = ""


def available(load: Load | None) -> bool:
    """An agent of which nobody knows whether it works is not sent work."""
    return load is not None and load.healthy is True


def least_loaded(agents: Iterable[Agent], loads: Mapping[str, Load]) -> Agent | None:
    """Of the agents that work, the one with the least to do; of equals, the first by name."""
    able = [agent for agent in agents if available(loads.get(agent.name))]
    return min(able, key=lambda agent: (loads[agent.name].running, agent.name), default=None)
