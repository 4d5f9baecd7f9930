"""The hub: signals to agents, by the rules in force. It knows who is busy and who is well; it runs nobody."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from penstock.core.change.model import Change
from penstock.core.refs import ChangeId
from penstock.core.routing.admission import Admission, Staff, admitted
from penstock.core.routing.agents import Agent, Backend, Load, Output, permits
from penstock.core.routing.documents import Priority
from penstock.core.routing.facts import Facts, clean
from penstock.core.routing.router import Ignored, Route, Router, Undecided
from penstock.core.routing.wire import only_known, with_jobs
from penstock.core.signal import ALERTS, ForgeEvent, ForgeSignal, IssueSignal
from penstock.core.verdict import Verdict, all_of, blocked, passed
from penstock.flows.driving import ChangeLog
from penstock.ports import Recipes

UNREAD = frozenset({"action", "age_hours", "fork", "payload"})
"""What an issue, run or alert as it is read from the forge does not tell: a poll and a webhook must come to the same."""
NO_MODEL = "its `ref` is a prompt, and no language model is configured"


class InForce(Protocol):
    @property
    def router(self) -> Router:
        """Of the rules in force; another one once they are read again."""
        ...


@dataclass(frozen=True, slots=True)
class Hub:
    """`rules` are those in force; `working` counts, by agent, the changes that are being prepared."""

    rules: InForce
    recipes: Recipes
    working: Callable[[], Mapping[str, int]]

    @property
    def decides(self) -> bool:
        """Are there rules at all. Without any, whatever is labelled for us is worked on, by the recipe that fits."""
        return bool(self.rules.router.rules.rules)

    def asks(self, event: ForgeEvent) -> bool:
        """Can any rule be made true by this event. Of what none asks about, nothing need be read."""
        return bool(self.rules.router.candidates(event))

    def admit(self, signal: IssueSignal | ForgeSignal) -> Admission | Ignored | Undecided:
        """Who may work on it."""
        router, variants = self.rules.router, facts_about(signal)
        answer = router.route(variants)
        return admitted(answer, router.rules, variants, self.staff()) if isinstance(answer, Route) else answer

    def urgency(self, signal: IssueSignal | ForgeSignal) -> int:
        """How urgent its route is; of what is not routed, as usual."""
        answer = self.rules.router.route(facts_about(signal)) if self.decides else None
        return (answer.priority if isinstance(answer, Route) else Priority.NORMAL).rank

    def staff(self) -> Staff:
        """The agents as they are now."""
        working = self.working()
        agents = self.rules.router.rules.agents.values()
        return Staff(loads={agent.name: self._load(agent, working.get(agent.name, 0)) for agent in agents})

    def _load(self, agent: Agent, running: int) -> Load:
        match agent.backend:
            case Backend.RECIPE:
                there = self.recipes.card(agent.recipe) is not None
                why = "" if there else f"there is no recipe {agent.recipe}"
                return Load(agent=agent.name, running=running, healthy=there, why=why)
            case Backend.LLM | Backend.NONE:
                return Load(agent=agent.name, running=running, healthy=False, why=NO_MODEL)
            case Backend.RULE:
                return Load(agent=agent.name, running=running, healthy=True)

    def permits(self, name: str, output: Output) -> Verdict:
        """May what this agent hands over become an effect. The only place where that is asked is `flows.preparing`.

        Without a name it was not routed: a recipe that a person asked for, or that an issue's label did.
        """
        if not name:
            return all_of("agent", (passed("permission", "a recipe without an agent proposes, and no more"),))
        agent = self.rules.router.rules.agents.get(name)
        if agent is None:
            return all_of("agent", (blocked("permission", f"there is no agent {name} any more"),))
        return all_of("agent", (permits(agent, output),))


def at_work(log: ChangeLog, preparing: Iterable[ChangeId]) -> Mapping[str, int]:
    """How many of these changes each agent has."""
    found = map(log.change, preparing)
    return Counter(change.agent for change in found if isinstance(change, Change) and change.agent)


def facts_about(signal: IssueSignal | ForgeSignal) -> tuple[Facts, ...]:
    """A signal as conditions ask about it; of a run, a variant for each of its jobs."""
    return (issue_facts(signal),) if isinstance(signal, IssueSignal) else forge_facts(signal)


def forge_facts(signal: ForgeSignal) -> tuple[Facts, ...]:
    run = signal.event is ForgeEvent.WORKFLOW_RUN
    status = "open" if signal.event in ALERTS else signal.conclusion
    untold = (() if run else ("author",)) + (("severity",) if signal.severity is None else ())
    facts = Facts(
        event=signal.event.value,
        repo=clean(signal.repo.full_name),
        org=clean(signal.repo.owner),
        title=clean(signal.title),
        body=clean(signal.body),
        author=clean(signal.author),
        branch=clean(signal.branch),
        workflow=clean(signal.workflow),
        status=clean(status),
        job=clean(signal.subject) if signal.event is ForgeEvent.CHECK_RUN else "",
        conclusion=clean(signal.conclusion),
        severity=signal.severity or "",
        paths=(clean(signal.path),) if signal.path else (),
        unknown=UNREAD.union(untold),
    )
    return with_jobs(only_known(facts), signal.jobs) if run else (only_known(facts),)


def issue_facts(signal: IssueSignal) -> Facts:
    """An issue as conditions ask about it."""
    return Facts(
        event="issues",
        repo=clean(signal.repo.full_name),
        org=clean(signal.repo.owner),
        labels=tuple(sorted(map(clean, signal.labels))),
        title=clean(signal.title),
        body=clean(signal.body),
        author=clean(signal.author),
        author_association=clean(signal.author_association),
        unknown=UNREAD,
    )
