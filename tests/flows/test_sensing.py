"""Failed runs and alerts start work where a rule routes them: on a real store, with what stands at the forge as data."""

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from types import SimpleNamespace
from typing import cast

import pytest
from tests.core.routing.test_rules import part

from penstock.adapters.clock import SystemClock
from penstock.adapters.store.memory import Delivery, Inbox, Tallies
from penstock.adapters.store.overview import Overview
from penstock.adapters.store.store import Store, open_store
from penstock.bootstrap import Installation
from penstock.cli import signals as command
from penstock.cli.exits import Exit
from penstock.core.change import events as e
from penstock.core.change.journal import Draft
from penstock.core.change.model import Change, Origin, State
from penstock.core.change.next import next_effects
from penstock.core.evidence import IssueFacts, RepositoryFacts
from penstock.core.policy.layers import Layered
from penstock.core.policy.rules import Mode, Policy
from penstock.core.proposal import RecipeCard
from penstock.core.refs import ChangeId, NodeId, RepoRef
from penstock.core.routing.loading import Ruleset, ruleset
from penstock.core.routing.names import EVENTS
from penstock.core.routing.router import Router
from penstock.core.signal import ForgeEvent, ForgeSignal
from penstock.flows.discovery import Fleet
from penstock.flows.hub import Hub, forge_facts
from penstock.flows.intake import Circumstances, Ignored, take_forge_signal
from penstock.flows.listening import BEING_STARTED, HELD, POLL_FAILS, Door, Listener
from penstock.flows.preparing import triage
from penstock.flows.views import summarize
from penstock.flows.world import World
from penstock.ports import ForgeReader, Permanent, PortError, Recipes, Transient

RULES = """routing:
  - if: event == "workflow_run" && job == "tests" && status == "failure" && branch == "main"
    run: [freeze, fixer]
  - if: event == "dependabot_alert" && severity >= "high"
    run: [fixer]
    priority: high
  - if: event == "secret_scanning_alert"
    run: [reader]
agents:
  fixer: {ref: ./recipes/fix.yml, permissions: [open_pr]}
  reader: {kind: triage, ref: ./agents/read.md, permissions: [apply_labels]}
  freeze: {holds: 'workflow == "Nightly"'}
"""


@dataclass
class Forge:
    """One repository: what stands there, and its issues. `failure` in place of an answer about what stands."""

    repo: RepoRef
    signals: list[ForgeSignal] = field(default_factory=list)
    issues_there: tuple[IssueFacts, ...] = ()
    failure: PortError | None = None
    asked: list[ForgeEvent] = field(default_factory=list)

    def standing(self, repo: RepoRef, facts: RepositoryFacts, event: ForgeEvent) -> tuple[ForgeSignal, ...]:
        self.asked.append(event)
        if self.failure:
            raise self.failure
        return tuple(one for one in self.signals if (one.repo, one.event) == (repo, event))

    def repository(self, repo: RepoRef) -> RepositoryFacts | None:
        name = self.repo.full_name
        found = RepositoryFacts(
            node_id=self.repo.node_id, full_name=name, default_branch="main", archived=False, clone_url="x"
        )
        return found if repo.full_name == name else None

    def repositories(self, owner: str) -> tuple[RepositoryFacts, ...]:
        found = self.repository(self.repo)
        return (found,) if found and owner == self.repo.owner else ()

    def issues(self, repo: RepoRef, labels: object) -> tuple[IssueFacts, ...]:
        return self.issues_there

    def card(self, name: str) -> RecipeCard | None:
        return RecipeCard(
            name=name, title="Fix", description="", complexity=1, allowed_paths=("*",), text="name: fix"
        )


class Unchanging:
    layered = Layered(policy=Policy())

    def refresh(self) -> None:
        """The rules are those that the test has."""


class Sensing:
    """A Penstock that senses one repository, over a store that others use, too."""

    def __init__(self, store: Store, number: int) -> None:
        self.store, self.number, self.deliveries = store, number, 0
        self.repo = RepoRef(forge="forge", node_id=NodeId(f"R_{number}"), owner="acme", name=f"lib{number}")
        self.forge = Forge(self.repo)
        self.inbox, self.tallies = Inbox(store.database), Tallies(store.database)
        self.tallies.clear(HELD)
        self.rule(RULES)

    def rule(self, text: str, *, places: int = 1000, mode: Mode = Mode.SUPERVISED) -> None:
        """Begin anew with these rules."""
        rules = ruleset([part(text)])
        assert isinstance(rules, Ruleset)
        hub = Hub(SimpleNamespace(router=Router(rules)), cast("Recipes", self.forge), dict)
        self.circumstances = Circumstances(
            policy=replace(Policy(), mode=mode), hub=hub, single_credential=False, unsafe_sandbox=False
        )
        overview = Overview(self.store.database)
        self.listener = Listener(
            Door(
                reader=cast("ForgeReader", self.forge),
                signals=self.forge,
                log=self.store,
                inbox=self.inbox,
                tallies=self.tallies,
                wake=lambda change, at: None,
                clock=SystemClock(),
                fleet=self.fleet,
                circumstances_now=lambda: self.circumstances,
                starting=partial(overview.in_states, BEING_STARTED, besides="request:"),
                max_starting=places,
                rules=Unchanging(),
            )
        )

    @property
    def fleet(self) -> Fleet:
        return Fleet(forge="forge", owner="acme", include=("*",), exclude=())

    def poll(self) -> int:
        """How many changes a poll starts."""
        polled = self.listener.poll()
        assert polled.failures == ()
        return len(polled.started)

    def run(self, **changed: object) -> ForgeSignal:
        usual = ForgeSignal(
            event=ForgeEvent.WORKFLOW_RUN,
            repo=self.repo,
            subject="9",
            occurrence="41",
            title="Add a feature",
            author="ada",
            branch="main",
            workflow="CI",
            conclusion="failure",
            jobs=(("lint", "completed", "success"), ("tests", "completed", "failure")),
        )
        return replace(usual, **changed)  # type: ignore[arg-type]

    def alert(self, event: ForgeEvent = ForgeEvent.DEPENDENCY_ALERT, **changed: object) -> ForgeSignal:
        usual = ForgeSignal(
            event=event, repo=self.repo, subject="3", title="left-pad is bad", severity="high"
        )
        return replace(usual, **changed)  # type: ignore[arg-type]

    def deliver(self, *signals: ForgeSignal) -> None:
        """Deliveries about these are kept, and acted on."""
        for signal in signals:
            self.deliveries += 1
            about: dict[str, object]
            match signal.event:
                case ForgeEvent.WORKFLOW_RUN:
                    about = {"workflow_run": {"head_branch": "main", "workflow_id": int(signal.subject)}}
                case ForgeEvent.CHECK_RUN:
                    about = {"check_run": {"name": signal.subject, "check_suite": {"head_branch": "main"}}}
                case _:
                    about = {"alert": {"number": int(signal.subject)}}
            place = {"repository": {"full_name": self.repo.full_name}}
            told = {"action": "completed"} | about | place
            self.inbox.accept(
                Delivery(
                    id=f"{self.number}-{self.deliveries}",
                    received_at=SystemClock().now(),
                    event=signal.event,
                    body=json.dumps(told).encode(),
                )
            )
        self.listener.deliver()
        assert not self.inbox.pending()

    @property
    def changes(self) -> list[ChangeId]:
        found = (self.store.change(head.change) for head in self.store.heads())
        return [one.id for one in found if isinstance(one, Change) and self.repo in one.targets]

    @property
    def change(self) -> Change:
        """The only one."""
        (name,) = self.changes
        found = self.store.change(name)
        assert isinstance(found, Change)
        return found

    def triaged(self) -> e.TriageDecided:
        world = SimpleNamespace(
            reader=self.forge,
            signals=self.forge,
            recipes=self.forge,
            hub=self.circumstances.hub,
            policy=self.circumstances.policy,
            clock=SystemClock(),
        )
        event = triage(cast("World", world), self.change, self.store.texts())
        assert isinstance(event, e.TriageDecided)
        return event

    def record(self, event: e.Event) -> None:
        self.store.record(self.change.id, Draft(key="as-the-test-says", event=event))

    def note(self, tally: str) -> str:
        found = self.tallies.get(tally)
        return found.note if found else ""


NUMBERS = itertools.count(1)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    opened = open_store(tmp_path_factory.mktemp("state"), SystemClock())
    yield opened
    opened.close()


@pytest.fixture
def sensing(store: Store) -> Sensing:
    return Sensing(store, next(NUMBERS))


def test_a_poll_and_a_webhook_of_a_failed_run_are_one_change_of_its_repository(sensing: Sensing):
    sensing.forge.signals = [sensing.run()]
    for _ in range(2):
        sensing.deliver(sensing.run())
        sensing.poll()
        sensing.rule(RULES)
    change = sensing.change
    assert change.signal == f"workflow_run:{sensing.repo.node_id}:9"
    assert change.origin == Origin(
        event=ForgeEvent.WORKFLOW_RUN, repo=sensing.repo, subject="9", occurrence="41"
    )
    assert (change.issue, change.requester, change.targets) == (None, "penstock", (sensing.repo,))
    shown = summarize(change, sensing.store.texts())
    assert (shown.title, shown.origin) == ("CI fails on main", f"{sensing.repo.full_name} workflow_run 41")
    told = sensing.triaged()
    assert (told.decision, told.agent, told.recipe) == (e.Triage.GO, "fixer", "fix")
    sensing.forge.signals = [sensing.run(occurrence="42")]
    sensing.deliver(sensing.run())
    assert sensing.poll() == 0
    assert sensing.change == change, "that it fails once more is no other work while this is open"


def test_a_run_that_fails_again_after_its_change_ended_is_news_and_the_same_run_is_not(sensing: Sensing):
    sensing.forge.signals = [sensing.run()]
    assert sensing.poll() == 1
    first = sensing.change
    sensing.record(replace(sensing.triaged(), decision=e.Triage.NO_GO))
    sensing.rule(RULES)
    assert sensing.poll() == 0
    sensing.forge.signals = [sensing.run(occurrence="42")]
    assert sensing.poll() == 1
    assert len(sensing.store.of_signal(first.signal)) == 2


def test_what_is_over_by_triage_is_declined_and_told_to_nobody(sensing: Sensing):
    sensing.forge.signals = [sensing.run()]
    assert sensing.poll() == 1
    sensing.forge.signals = []
    told = sensing.triaged()
    assert (told.decision, told.recipe) == (e.Triage.NO_GO, "")
    sensing.record(told)
    assert sensing.change.state is State.DECLINED
    assert next_effects(sensing.change) is None, "there is no issue to comment on"


def test_alerts_start_work_as_the_rules_say_and_their_words_stay_inside(sensing: Sensing):
    mild, odd = sensing.alert(subject="4", severity="medium"), sensing.alert(subject="5", severity=None)
    leak, code = sensing.alert(ForgeEvent.LEAK_ALERT), sensing.alert(ForgeEvent.CODE_ALERT)
    sensing.forge.signals = [mild, leak, code, odd, sensing.alert()]
    sensing.deliver(*sensing.forge.signals)
    assert sensing.poll() == 0
    assert "looks at severity, which cannot be known here" in sensing.note(HELD)
    change = sensing.change
    assert change.signal == f"dependabot_alert:{sensing.repo.node_id}:3"
    assert sensing.store.texts().get(change.title) == "Dependabot alert 3"
    assert ForgeEvent.CODE_ALERT not in sensing.forge.asked, "no rule asks about it, so nobody need read it"


def test_a_check_that_fails_starts_a_change_by_its_name(sensing: Sensing):
    sensing.rule(
        RULES.replace(
            'event == "secret_scanning_alert"', 'event == "check_run" && job == "lint" && status == "failure"'
        ).replace("[reader]", "[fixer]")
    )
    usual = sensing.run(event=ForgeEvent.CHECK_RUN, subject="lint", occurrence="a" * 40, jobs=())
    sensing.forge.signals = [usual, replace(usual, subject="other")]
    sensing.deliver(*sensing.forge.signals)
    assert sensing.poll() == 0
    change = sensing.change
    assert change.signal == f"check_run:{sensing.repo.node_id}:lint"
    assert change.origin
    assert change.origin.name == f"{sensing.repo.full_name} check_run lint"
    assert sensing.store.texts().get(change.title) == "lint fails on main"
    assert sensing.triaged().decision is e.Triage.GO


def test_a_guard_holds_a_run_at_intake_and_at_triage(sensing: Sensing):
    sensing.forge.signals = [sensing.run(workflow="Nightly")]
    assert sensing.poll() == 0
    assert "freeze: guard holds" in sensing.note(HELD)
    sensing.forge.signals = [sensing.run()]
    assert sensing.poll() == 1
    sensing.forge.signals = [sensing.run(workflow="Nightly")]
    assert sensing.triaged().decision is e.Triage.DEFER
    sensing.rule(AGENTS)
    assert sensing.triaged().decision is e.Triage.NO_GO, "the rules are gone, and with them whose it was"


AGENTS = "agents: {fixer: {ref: ./recipes/fix.yml, permissions: [open_pr]}}\n"
QUIET = [
    ("no rules at all", AGENTS, False),
    ("rules about issues alone", 'routing: [{if: event == "issues", run: [fixer]}]\n' + AGENTS, False),
    ("nobody but a guard", RULES.replace("run: [freeze, fixer]", "run: [freeze]"), True),
    ("nobody who proposes", RULES.replace("[open_pr]", "[apply_labels]"), True),
    ("an agent that cannot run", RULES.replace("./recipes/fix.yml", "./agents/fix.md"), True),
    ("a green job", RULES.replace('job == "tests"', 'job == "lint"'), True),
]


@pytest.mark.parametrize(("what", "rules", "read"), QUIET, ids=[row[0] for row in QUIET])
def test_without_a_rule_and_somebody_who_can_nothing_but_issues_starts_work(sensing, what, rules, read):
    sensing.rule(rules)
    sensing.forge.signals = [sensing.run(), sensing.alert(severity="low")]
    sensing.deliver(*sensing.forge.signals)
    assert sensing.poll() == 0
    assert sensing.changes == []
    assert bool(sensing.forge.asked) == read
    taken = take_forge_signal(sensing.store, sensing.run(), sensing.circumstances, ordered_by="ada")
    assert isinstance(taken, Ignored), "nor by a person's order"
    assert ("without one" in taken.reason) == ("routing:" not in rules)


def test_places_are_shared_and_what_cannot_be_read_keeps_nothing_else(sensing: Sensing):
    rules = RULES.replace("agents:", '  - {if: event == "issues", run: [fixer]}\nagents:')
    sensing.rule(rules, places=100)
    sensing.forge.issues_there = (issue(6),)
    sensing.poll()
    taken = Overview(sensing.store.database).in_states(BEING_STARTED, besides="request:")
    assert taken, "one at least"
    sensing.rule(rules, places=taken + 1)
    sensing.forge.issues_there = (issue(7),)
    sensing.forge.failure = Permanent("forbidden", "it takes Actions (read)")
    polled = sensing.listener.poll()
    assert len(polled.started) == 1
    assert set(polled.failures) == {sensing.forge.failure}
    assert sensing.listener.checked_poll() is sensing.forge.failure
    assert sensing.note(POLL_FAILS) == "it takes Actions (read)"
    sensing.forge.failure, sensing.forge.signals = None, [sensing.run()]
    assert sensing.poll() == 0, "the last place is taken"
    sensing.forge.failure = Transient("unreachable", "x")
    sensing.deliver(sensing.run())
    assert sensing.changes == []


def issue(number: int) -> IssueFacts:
    return IssueFacts(
        number=number,
        title="T",
        body="",
        labels=frozenset({"bot-task"}),
        author="ada",
        author_association="MEMBER",
        open=True,
        url="",
    )


def test_in_mode_manual_a_person_orders_it_and_nothing_else_does(sensing: Sensing, capsys):
    sensing.rule(RULES, mode=Mode.MANUAL)
    sensing.forge.signals = [sensing.run(), sensing.alert(subject="4", severity="low")]
    sensing.deliver(sensing.run())
    assert sensing.listener.poll().started == ()
    assert sensing.changes == []
    home = cast(
        "Installation",
        SimpleNamespace(
            fleet=sensing.fleet,
            reader=sensing.forge,
            signals=sensing.forge,
            store=sensing.store,
            circumstances=sensing.circumstances,
            operator="ada",
            organization="acme",
        ),
    )

    def order(event: ForgeEvent, number: str) -> Exit:
        return command.process_signal(home, event, f"{sensing.repo.name}#{number}", json=False)

    assert order(ForgeEvent.WORKFLOW_RUN, "40") is Exit.NO
    assert order(ForgeEvent.DEPENDENCY_ALERT, "4") is Exit.NO, "no rule routes it"
    assert order(ForgeEvent.WORKFLOW_RUN, "4x") is Exit.NO
    assert sensing.changes == []
    assert order(ForgeEvent.WORKFLOW_RUN, "41") is Exit.DONE
    assert sensing.change.requester == "ada"
    assert order(ForgeEvent.WORKFLOW_RUN, "41") is Exit.NO
    assert command.list_signals(home, None, json=False) is Exit.DONE
    said = capsys.readouterr()
    assert "a change for it is already open" in said.err
    assert "left-pad is bad" in said.out
    assert "CI fails on main" in said.out


def test_facts_have_no_more_than_their_event_can(sensing: Sensing):
    found = sensing.run(body="b", path="p", severity="high")
    alerts = (sensing.alert(event, body="b", branch="main", path="p") for event in ForgeEvent)
    for facts in (facts for signal in (found, *alerts) for facts in forge_facts(signal)):
        names = ("branch", "workflow", "conclusion", "severity", "author", "job", "body", "paths", "status")
        assert {name for name in names if getattr(facts, name)} <= EVENTS[facts.event].has
