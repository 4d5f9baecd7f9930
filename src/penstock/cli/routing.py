"""`penstock route`: what the routing rules make of a signal, and whether they do what their examples say."""

import json as jsonlib
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.text import Text

from penstock.adapters.store.store import DATABASE
from penstock.bootstrap import Installation
from penstock.cli import output
from penstock.cli.exits import Exit
from penstock.core.document import Plain
from penstock.core.routing.admission import Admission, admitted
from penstock.core.routing.explaining import explained
from penstock.core.routing.facts import Facts
from penstock.core.routing.given import facts_given
from penstock.core.routing.loading import Refused
from penstock.core.routing.router import Answer, Route
from penstock.core.routing.trying import Outcome, Tried, tried
from penstock.core.routing.wire import NotFacts
from penstock.flows.hub import Hub
from penstock.rulebook import EXAMPLES, read_examples
from penstock.settings import CONFIG_PATH, Misconfigured

LONGEST_EVENT = 25 * 1024 * 1024
"""What a delivery can be. Source: GitHub Docs, "Webhook events and payloads", payload cap."""


def explain(home: Installation, file: str, event: str, *, json: bool) -> Exit:
    router = home.rules.router
    facts = _facts(home, file, event)
    answer = router.route(facts)
    admission = _admission(home, answer, facts)
    verdict = explained(router, facts, answer, admission)
    if json:
        route = {"run": [], "held": [], "priority": None} if admission is None else _routed(answer, admission)
        output.as_json({"event": facts[0].event, **route, "verdict": verdict})
    else:
        output.out.print(output.whole_lines(verdict))
        if not router.rules.rules:
            output.say("\nThere are no rules: `routing` in the configuration is empty.")
    return Exit.DONE if verdict.allows else Exit.NO


def _admission(home: Installation, answer: Answer, facts: Sequence[Facts]) -> Admission | None:
    """As it would be now: agents' health and work are looked up, without beginning a state where there is none."""
    if not isinstance(answer, Route):
        return None
    begun = (home.settings.state / DATABASE).exists()
    hub = home.hub if begun else Hub(home.rules, home.recipes, dict)
    return admitted(answer, home.rules.router.rules, facts, hub.staff())


def _routed(answer: Answer, admission: Admission) -> Mapping[str, object]:
    priority = answer.priority if isinstance(answer, Route) else None
    return {
        "run": [agent.name for agent in admission.agents],
        "held": list(admission.held),
        "priority": priority,
    }


def _facts(home: Installation, file: str, event: str) -> tuple[Facts, ...]:
    """The signal in a file. Raises Misconfigured for what is none."""
    given = _read(file)
    if event:
        given = {"event": event, "payload": dict(given)}
    facts = facts_given(given, home.clock.now())
    if isinstance(facts, NotFacts):
        hint = f"; did you mean `{facts.nearest}`?" if facts.nearest else ""
        more = "" if event or facts.key != "event" else "; --event NAME says whose payload the file is"
        raise Misconfigured(problems=(f"{file}: {facts.key}: {facts.message}{hint}{more}",))
    return facts


def _read(file: str) -> Mapping[str, Plain]:
    try:
        raw = sys.stdin.buffer.read(LONGEST_EVENT + 1) if file == "-" else _bytes(Path(file))
        found = jsonlib.loads(raw) if len(raw) <= LONGEST_EVENT else None
    except OSError as error:
        raise Misconfigured(problems=(f"{file}: cannot be read: {error.strerror}",)) from error
    except (ValueError, RecursionError) as error:
        raise Misconfigured(problems=(f"{file}: not JSON: {error}",)) from error
    if not isinstance(found, dict):
        raise Misconfigured(problems=(f"{file}: an event is one JSON object of at most 25 MiB",))
    return found


def _bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(LONGEST_EVENT + 1)


def test(home: Installation, *, json: bool) -> Exit:
    path = home.settings.config_path or CONFIG_PATH
    found = read_examples(path)
    if isinstance(found, Refused):
        raise Misconfigured(problems=found.problems)
    if found is None:
        absent = f"there are no examples: {path.with_name(EXAMPLES)} is not there; `penstock schema routing-examples` says what it holds"
        raise Misconfigured(problems=(absent,))
    results = [tried(home.rules.router, example, home.clock.now()) for example in found.examples]
    failed = [one for one in results if not one.holds]
    if json:
        output.as_json({"examples": [_as_data(one) for one in results], "failed": len(failed)})
    else:
        for one in results:
            output.out.print(_line(one))
        output.say(f"{len(results) - len(failed)} of {len(results)} examples hold.")
    return Exit.NO if failed else Exit.DONE


def _as_data(one: Tried) -> Mapping[str, object]:
    return {
        "name": one.name,
        "holds": one.holds,
        "wanted": one.wanted,
        "got": one.got,
        "problem": one.problem,
    }


def _line(one: Tried) -> Text:
    if one.holds:
        return Text.assemble(("✓ ", "green"), one.name)
    got = one.problem or (_said(one.got) if one.got else "")
    return Text.assemble(("✗ ", "red"), one.name, f"\n    wanted: {_said(one.wanted)}\n    got:    {got}")


def _said(outcome: Outcome) -> str:
    held = f"; held {', '.join(outcome.held)}" if outcome.held else ""
    urgent = f"; priority {outcome.priority}" if outcome.priority else ""
    return f"{', '.join(outcome.run) or 'nobody'}{held}{urgent}"
