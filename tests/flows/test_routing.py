"""Signals become work through the rules, where there are some: on a real forge, with the rules in a file that changes."""

import os
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from tests.flows.house import House
from tests.flows.test_listening import Post

from penstock.bootstrap import Installation
from penstock.cli.working import door_of
from penstock.core.change import events as e
from penstock.core.change.effects import Propose
from penstock.core.change.journal import Appended, Draft
from penstock.core.change.model import Change, State
from penstock.core.routing.loading import Part, Refused, Ruleset, ruleset
from penstock.core.routing.router import Router
from penstock.core.signal import ForgeEvent
from penstock.flows.hub import Hub, at_work
from penstock.flows.listening import HELD, REJECTED, Listener
from penstock.flows.preparing import propose, triage
from penstock.settings import read_config, reread

FIX = """routing:
  - if: event == "issues" && label ~ "fix*"
    run: [freeze, fixer]
agents:
  fixer: {ref: ./recipes/fix.yml, permissions: [open_pr]}
  freeze: {holds: 'label == "freeze"'}
"""
RECIPE = """name: NAME
title: Fix
match: {labels: [no-issue-has-this]}
rules: [{replace: {files: [README.md], word: x, with: y}}]
allowed_paths: ["*"]
"""


class Ruled(Post):
    """A Penstock whose configuration has rules, and whose recipes are asked for by agents alone."""

    def __init__(self, house: House, folder: Path, name: str) -> None:
        super().__init__(house, folder / "away", name)
        self.config = folder / "orchestrator.yml"
        self.written = 0
        recipes = self.state / "recipes"
        recipes.mkdir(parents=True, exist_ok=True)
        for recipe in ("fix", "mend"):
            (recipes / f"{recipe}.yml").write_text(RECIPE.replace("NAME", recipe))

    def write(self, text: str) -> None:
        self.config.write_text(f"version: 1\n{text}")
        self.written += 1
        os.utime(self.config, (self.written, self.written))

    def rule(self, text: str, places: int = 2) -> None:
        """Begin anew with these rules."""
        self.write(text)
        self.become(places=places)
        self.home.close()
        settings = replace(
            self.home.settings, rules=read_config(self.config)[1].rules, config_path=self.config
        )
        self.home = Installation(settings)
        self.door = door_of(self.home, self.home.worker())
        self.listener = Listener(self.door)

    def poll(self) -> int:
        """How many changes a poll starts."""
        before = len(self.changes)
        assert self.listener.checked_poll() is None
        return len(self.changes) - before

    def triaged(self) -> e.TriageDecided:
        event = triage(self.home.world, self.change, self.home.store.texts())
        assert isinstance(event, e.TriageDecided)
        return event

    def note(self, tally: str) -> str:
        found = self.home.tallies.get(tally)
        return found.note if found else ""


@pytest.fixture
def ruled(house: House, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Ruled]:
    name = re.sub(r"[^a-z0-9]+", "-", request.node.name)[-60:].strip("-")
    made = Ruled(house, tmp_path, name)
    yield made
    made.home.close()


def test_what_a_rule_routes_is_worked_on_by_its_agent(ruled: Ruled):
    ruled.rule(FIX)
    ruled.issue(ruled.repository(), "bot-task", "fix-it")
    assert ruled.poll() == 1
    told = ruled.triaged()
    assert (told.decision, told.agent, told.recipe) == (e.Triage.GO, "fixer", "fix")


def test_of_two_issues_that_ask_for_the_same_the_older_is_worked_on(ruled: Ruled):
    """A recipe would propose the same for both; once the older one has ended, the next may."""
    ruled.rule(FIX)
    repo = ruled.repository()
    ruled.issue(repo, "bot-task", "fix-it")
    ruled.issue(repo, "bot-task", "fix-it")
    assert ruled.poll() == 2
    store, world = ruled.home.store, ruled.home.world

    def triaged(change: Change) -> e.TriageDecided:
        texts = store.texts()
        event = triage(world, change, texts)
        assert isinstance(event, e.TriageDecided)
        assert isinstance(
            store.record(change.id, Draft(key="triage", event=event, blobs=texts.blobs)), Appended
        )
        return event

    found = [change for name in ruled.changes if isinstance(change := store.change(name), Change)]
    older, newer = sorted(found, key=lambda change: (change.created_at, change.id))
    assert triaged(older).decision is e.Triage.GO
    declined = triaged(newer)
    assert declined.decision is e.Triage.NO_GO
    assert f"{older.id} is open with the same recipe" in (store.texts().get(declined.verdict) or "")


def test_what_no_rule_routes_is_left_alone(ruled: Ruled):
    every = '  - {if: status == "failure" || severity == "high", run: [fixer]}\nagents:'
    ruled.rule(FIX.replace("agents:", every))
    ruled.issue(ruled.repository(), "bot-task")
    ruled.issue(f"{ruled.name}", "fix-it")
    assert ruled.poll() == 0, "one is routed by no rule, the other claimed by no label"
    assert all(ruled.door.circumstances.hub.asks(event) for event in ForgeEvent), "runs and alerts were read"


def test_without_rules_the_recipes_own_labels_decide(ruled: Ruled):
    ruled.rule("agents: {fixer: {ref: ./recipes/fix.yml, permissions: [open_pr]}}")
    ruled.issue(ruled.repository(), "bot-task", "fix-it")
    assert ruled.poll() == 1
    told = ruled.triaged()
    assert (told.decision, told.agent, told.recipe) == (e.Triage.NO_GO, "", "")


def test_a_guard_that_holds_keeps_the_issue_until_it_does_not(ruled: Ruled):
    ruled.rule(FIX)
    number = ruled.issue(repository := ruled.repository(), "bot-task", "fix-it", "freeze")
    assert ruled.poll() == 0
    assert "freeze: guard holds" in ruled.note(HELD)
    ruled.edit(repository, number, labels=["bot-task", "fix-it"])
    assert ruled.poll() == 1
    assert ruled.note(HELD) == ""


def test_a_guard_that_holds_later_puts_the_change_off(ruled: Ruled):
    ruled.rule(FIX)
    number = ruled.issue(repository := ruled.repository(), "bot-task", "fix-it")
    assert ruled.poll() == 1
    ruled.edit(repository, number, labels=["bot-task", "fix-it", "freeze"])
    told = ruled.triaged()
    assert told.decision is e.Triage.DEFER
    assert told.wake_at
    wait = told.wake_at - ruled.home.clock.now()
    assert timedelta(minutes=55) < wait <= timedelta(hours=1)


def test_a_rule_about_what_an_issue_does_not_tell_starts_nothing(ruled: Ruled):
    ruled.rule(FIX.replace('label ~ "fix*"', 'action == "labeled"'))
    ruled.issue(ruled.repository(), "bot-task", "fix-it")
    assert ruled.poll() == 0
    assert "orchestrator.yml:3 looks at action, which cannot be known here" in ruled.note(HELD)


def test_an_agent_without_a_model_cannot_run(ruled: Ruled):
    ruled.rule(FIX.replace("./recipes/fix.yml", "./agents/fix.md"))
    ruled.issue(ruled.repository(), "bot-task", "fix-it")
    assert ruled.poll() == 0


def test_the_urgent_comes_first(ruled: Ruled):
    ruled.rule(FIX + "  mender: {ref: ./recipes/mend.yml, permissions: [open_pr]}\n", places=1)
    ruled.write(FIX.replace("agents:", "  - {if: 'label == \"now\"', run: [fixer], priority: high}\nagents:"))
    repository = ruled.repository()
    ruled.issue(repository, "bot-task", "fix-it", title="Sooner")
    urgent = ruled.issue(repository, "bot-task", "fix-it", "now")
    ruled.issue(repository, "bot-task", "fix-it", title="Later")
    assert ruled.poll() == 1
    assert ruled.change.issue
    assert ruled.change.issue.number == urgent


def test_a_kind_is_whichever_of_its_agents_has_the_least_to_do(ruled: Ruled):
    text = FIX.replace("[freeze, fixer]", "[specialist]")
    ruled.rule(f"{text}  mender: {{ref: ./recipes/mend.yml, permissions: [open_pr]}}\n", places=3)
    ruled.issue(ruled.repository(), "bot-task", "fix-it")
    assert ruled.poll() == 1
    first = ruled.triaged()
    assert first.agent == "fixer"
    busy = replace(ruled.change, agent="fixer")
    assert at_work(_Log(busy), (busy.id,)) == {"fixer": 1}  # type: ignore[arg-type]
    hub = ruled.home.hub
    ruled.home.world  # noqa: B018 (made before its hub is another)
    vars(ruled.home)["_world"] = replace(
        ruled.home.world, hub=Hub(hub.rules, hub.recipes, lambda: {"fixer": 1})
    )
    assert ruled.triaged().agent == "mender"


class _Log:
    """A log of one change."""

    def __init__(self, change: Change) -> None:
        self._change = change

    def change(self, _name: str) -> Change:
        return self._change


def test_edited_rules_come_into_force_and_wrong_ones_do_not(ruled: Ruled):
    ruled.rule(FIX)
    ruled.issue(ruled.repository(), "bot-task", "mend-it")
    assert ruled.poll() == 0
    ruled.write(FIX.replace("fix*", "mend*").replace("label ~", "labl ~"))
    assert ruled.poll() == 0
    assert ruled.note(REJECTED).endswith(
        "orchestrator.yml:3:30: routing[0].if: unknown name `labl`; did you mean `label`?"
    )
    assert len(ruled.home.rules.router.rules.rules) == 1, "the previous rules are in force"
    ruled.listener.deliver()
    assert ruled.note(REJECTED), "it is told as long as it is so"
    ruled.write(FIX.replace("fix*", "mend*"))
    assert ruled.poll() == 1
    assert ruled.note(REJECTED) == ""


def test_a_configuration_that_goes_away_leaves_the_rules_in_force(ruled: Ruled):
    ruled.rule(FIX)
    ruled.config.unlink()
    ruled.issue(ruled.repository(), "bot-task", "fix-it")
    assert ruled.poll() == 1
    assert "cannot be read" in ruled.note(REJECTED)


@pytest.mark.parametrize(
    ("name", "allowed"), [("fixer", True), ("", True), ("sorter", False), ("gone", False)]
)
def test_only_an_agent_that_may_open_pull_requests_proposes(house: House, name: str, allowed: bool):
    """Asked where its output becomes an event, whatever led there."""
    repo = house.repository(f"permitted-{name or 'none'}")
    with house.working():
        change = house.until(house.start(repo), State.WAITING_USER_APPROVAL)
    found = ruleset([_part()])
    assert isinstance(found, Ruleset)
    world = replace(
        house.home.world,
        proposer=house.script,
        recipes=house.script,
        hub=Hub(_Fixed(found), house.script, dict),
    )
    effect = Propose(key="again", repo=repo.node_id)
    outcome = propose(world, replace(change, agent=name), effect, house.home.store.texts())
    if allowed:
        assert isinstance(outcome, e.PatchSetsProposed)
        assert outcome.run.agent == (name or "scripted")
    else:
        assert isinstance(outcome, e.NeedsHuman)
        assert outcome.reason == "not_permitted"


class _Fixed:
    def __init__(self, rules: Ruleset) -> None:
        self.router = Router(rules)


def _part() -> Part:
    from tests.core.routing.test_rules import part

    return part(
        "agents:\n  fixer: {ref: ./recipes/fix.yml, permissions: [open_pr]}\n"
        "  sorter: {kind: triage, ref: ./agents/sort.md, permissions: [apply_labels]}\n"
    )


def test_proposals_are_made_in_one_place_after_the_permission_is_asked():
    sources = Path(__file__).parents[2] / "src" / "penstock"
    making = [
        path
        for path in sources.rglob("*.py")
        if re.search(r"\bPatchSetsProposed\((?!patch_set)", path.read_text())
    ]
    assert [path.name for path in making if "events" not in path.parts] == ["preparing.py"]
    text = (sources / "flows" / "preparing.py").read_text()
    assert text.index(".permits(") < text.index("return PatchSetsProposed(")
    assert text.count("PatchSetsProposed(") == 1


def test_reading_again_what_is_wrong_is_a_refusal_and_no_error(tmp_path: Path):
    assert isinstance(reread(tmp_path / "none.yml"), Refused)
