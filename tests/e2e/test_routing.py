"""`penstock route` and the rules as files: what is right answers, what is wrong is named and nothing starts."""

import json

import pytest
from tests.e2e.calling import Caller

from penstock.adapters.clock import SystemClock
from penstock.adapters.store.store import open_store
from penstock.cli.exits import Exit

RULES = """version: 1
include: [routing/more.yml]
routing:
  - if: event == "pull_request" && label ~ "codex:*"
    run: [sorter]
  - if: event == "workflow_run" && job == "tests" && status == "failure"
    run: [freeze, fixer]
    priority: high
agents:
  sorter: {ref: ./agents/sort.md, permissions: [apply_labels]}
  freeze: {holds: 'branch == "main"'}
"""
MORE = """version: 1
routing:
  - if: event == "issues" && label ~ "fix*"
    run: [fixer]
agents:
  fixer: {ref: ./recipes/trim-trailing-whitespace.yml, permissions: [open_pr]}
"""
EXAMPLES = """version: 1
examples:
  - name: what is labelled is sorted
    given: {event: pull_request, labels: ["codex:route"]}
    run: [sorter]
  - name: a red main branch is frozen
    given: {event: workflow_run, branch: main, jobs: [{name: tests, conclusion: failure}]}
    run: [freeze]
    held: [fixer]
    priority: high
  - name: nobody answers a push
    given: {event: push}
    run: []
"""
FAILED = {"workflow_run": {"status": "completed", "conclusion": "failure", "head_branch": "fix"}}


@pytest.fixture
def ruled(elsewhere: Caller) -> Caller:
    (elsewhere.folder / "config" / "routing").mkdir(parents=True)
    write(elsewhere, "orchestrator.yml", RULES)
    write(elsewhere, "routing/more.yml", MORE)
    write(elsewhere, "routing-examples.yml", EXAMPLES)
    return elsewhere


def write(caller: Caller, name: str, text: str) -> None:
    (caller.folder / "config" / name).write_text(text)


def event(caller: Caller, given: object) -> str:
    (caller.folder / "event.json").write_text(json.dumps(given))
    return "event.json"


def test_a_signal_is_explained_and_no_state_is_made(ruled: Caller) -> None:
    red = {"event": "workflow_run", "payload": FAILED, "jobs": [{"name": "tests", "conclusion": "failure"}]}
    told = ruled.ask("route", "explain", event(ruled, red))
    assert (told["run"], told["held"], told["priority"]) == (["freeze", "fixer"], [], "high")
    said = ruled("route", "explain", "event.json").out
    assert '✓ job == "tests"  job is "tests"' in said
    assert "config/orchestrator.yml:6" in said
    assert "✗ others  2 rules that workflow_run can never make true" in said
    assert not (ruled.folder / ".penstock").exists()


def test_what_is_negated_is_quoted_whole(ruled: Caller) -> None:
    write(ruled, "orchestrator.yml", RULES.replace('label ~ "codex:*"', '!(label ~ "codex:*")'))
    told = ruled(
        "route", "explain", event(ruled, {"event": "pull_request", "labels": ["codex:x"]}), expect=Exit.NO
    )
    assert '✗ !(label ~ "codex:*")  labels is ["codex:x"]' in told.out


def test_a_guard_that_holds_is_explained(ruled: Caller) -> None:
    red = {"event": "workflow_run", "branch": "main", "jobs": [{"name": "tests", "conclusion": "failure"}]}
    told = ruled.ask("route", "explain", event(ruled, red), expect=Exit.NO)
    assert (told["run"], told["held"]) == ([], ["fixer"])
    assert "freeze holds fixer" in ruled("route", "explain", "event.json", expect=Exit.NO).out


def test_a_raw_payload_needs_its_event_named(ruled: Caller) -> None:
    name = event(ruled, FAILED)
    said = ruled("route", "explain", name, expect=Exit.WRONG_USE).err
    assert "event.json: event: the name of the `event` is missing; --event NAME says" in said
    told = ruled.ask("route", "explain", name, "--event", "workflow_run", expect=Exit.NO)
    reasons = json.dumps(told["verdict"])
    assert "looks at job, status, which cannot be known here" in reasons
    said = ruled("route", "explain", name, "--event", "workflow_runs", expect=Exit.WRONG_USE).err
    assert "did you mean `workflow_run`?" in said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "not JSON"),
        ("[1]", "one JSON object"),
        ('{"event": "push", "lables": []}', "lables: there is no such name; did you mean `labels`?"),
        ("[" * 100_000, "not JSON"),
    ],
)
def test_an_event_that_is_none_is_named(ruled: Caller, text: str, said: str) -> None:
    (ruled.folder / "event.json").write_text(text)
    assert said in ruled("route", "explain", "event.json", expect=Exit.WRONG_USE).err


def test_an_event_that_is_not_there_is_named(ruled: Caller) -> None:
    said = ruled("route", "explain", "none.json", expect=Exit.WRONG_USE).err
    assert "none.json: cannot be read: No such file or directory" in said


def test_without_rules_nobody_runs_and_that_is_said(elsewhere: Caller) -> None:
    said = elsewhere("route", "explain", event(elsewhere, {"event": "push"}), expect=Exit.NO).out
    assert "There are no rules" in said
    assert "there are no examples" in elsewhere("route", "test", expect=Exit.WRONG_USE).err


def test_examples_hold_or_fail_with_what_came(ruled: Caller) -> None:
    assert "3 of 3 examples hold." in ruled("route", "test").out
    write(
        ruled,
        "orchestrator.yml",
        RULES.replace("priority: high", "priority: low").replace("codex:", "kodex:"),
    )
    told = ruled.ask("route", "test", expect=Exit.NO)
    assert told["failed"] == 2
    assert [one["holds"] for one in told["examples"]] == [False, False, True]
    said = ruled("route", "test", expect=Exit.NO).out
    assert "wanted: sorter\n    got:    nobody" in said
    assert "got:    freeze; held fixer; priority low" in said


def test_examples_are_checked_with_the_configuration(ruled: Caller) -> None:
    assert ruled.ask("validate-config")["problems"] == []
    write(ruled, "routing-examples.yml", EXAMPLES.replace("event: push", "event: psh"))
    (problem,) = ruled.ask("validate-config", expect=Exit.WRONG_USE)["problems"]
    assert problem == (
        "config/routing-examples.yml: nobody answers a push: given.event: there is no event 'psh' here; "
        "did you mean `push`?"
    )
    write(ruled, "routing-examples.yml", EXAMPLES.replace("examples:", "exmples:"))
    (problem,) = ruled.ask("validate-config", expect=Exit.WRONG_USE)["problems"]
    assert problem == "config/routing-examples.yml:2:1: exmples: unknown key; did you mean `examples`?"
    assert "exmples" in ruled("route", "test", expect=Exit.WRONG_USE).err


def test_agents_that_cannot_run_are_told(ruled: Caller) -> None:
    write(ruled, "routing/more.yml", MORE + "  lost: {ref: ./recipes/gone.yml, permissions: [open_pr]}\n")
    (prompt, recipe, *_) = ruled.ask("validate-config")["notes"]
    assert "agents.lost cannot run: there is no recipe gone; there are: " in prompt + recipe
    assert "agents.sorter cannot run: its `ref` is a prompt" in prompt + recipe
    assert "fixer" not in prompt + recipe


WRONG = [
    (
        "routing/more.yml",
        MORE.replace('label ~ "fix*"', 'labl ~ "fix*"'),
        "config/routing/more.yml:3:30: routing[0].if: unknown name `labl`; did you mean `label`?",
    ),
    (
        "routing/more.yml",
        MORE.replace("routing:", "rooting:"),
        "config/routing/more.yml:2:1: rooting: unknown key; did you mean `routing`?",
    ),
    (
        "routing/more.yml",
        MORE + "include: [routing/more.yml]\n",
        "config/routing/more.yml:7:11: include[0]: a cycle: routing/more.yml → routing/more.yml",
    ),
    (
        "routing/more.yml",
        MORE + "include: [routing/gone.yml]\n",
        "config/routing/more.yml:7:11: include[0]: there is no file config/routing/gone.yml",
    ),
    (
        "orchestrator.yml",
        RULES.replace("more.yml]", "more.yml, routing/more.yml]"),
        "config/orchestrator.yml:2:29: include[1]: routing/more.yml is included at config/orchestrator.yml:2 already",
    ),
    (
        "orchestrator.yml",
        RULES.replace("[routing/more.yml]", "[../more.yml]"),
        "config/orchestrator.yml:2:11: include[0]: String should match pattern",
    ),
    (
        "orchestrator.yml",
        RULES.replace("run: [freeze, fixer]", "run: [freeze, fixr]"),
        "config/orchestrator.yml:7:19: routing[1].run[1]: there is no agent fixr; did you mean `fixer`?",
    ),
    (
        "orchestrator.yml",
        RULES.replace('"codex:*"', "x" * 100_000),
        "config/orchestrator.yml:4:10009: routing[0].if: a condition has at most 10000 characters",
    ),
]


@pytest.mark.parametrize(("name", "text", "expected"), WRONG, ids=[one[2][:60] for one in WRONG])
@pytest.mark.parametrize("words", ["validate-config", "route test", "start --once", "list-issues"])
def test_nothing_starts_on_wrong_rules(
    ruled: Caller, words: str, name: str, text: str, expected: str
) -> None:
    write(ruled, name, text)
    said = ruled(*words.split(), expect=Exit.WRONG_USE)
    assert expected in said.err
    assert not (ruled.folder / ".penstock").exists()


def test_status_tells_what_was_begun_and_what_is_wrong_with_the_rules(ruled: Caller) -> None:
    open_store(ruled.folder / ".penstock", SystemClock()).close()
    assert ruled.ask("status")["configuration"] == []
    write(ruled, "orchestrator.yml", RULES.replace("event ==", "evnt =="))
    told = ruled.ask("status", expect=Exit.WRONG_USE)
    assert told["states"] == {}
    assert [problem.split(": ")[0] for problem in told["configuration"]] == [
        "config/orchestrator.yml:4:9",
        "config/orchestrator.yml:6:9",
    ]
    said = ruled("status", expect=Exit.WRONG_USE)
    assert "did you mean `event`?" in said.err
    assert "what runs already keeps the rules and the policy that it has" in said.err
    assert "No changes yet." in said.out


def test_a_longer_cycle_is_named_whole(ruled: Caller) -> None:
    write(ruled, "routing/more.yml", MORE + "include: [routing/a.yml]\n")
    write(ruled, "routing/a.yml", "version: 1\ninclude: [routing/more.yml]\n")
    (problem,) = ruled.ask("validate-config", expect=Exit.WRONG_USE)["problems"]
    cycle = "routing/more.yml → routing/a.yml → routing/more.yml"
    assert problem == f"config/routing/a.yml:2:11: include[0]: a cycle: {cycle}"


@pytest.mark.parametrize("name", ["rules", "routing-examples", "orchestrator"])
def test_formats_have_schemas(elsewhere: Caller, name: str) -> None:
    schema = elsewhere("schema", name).document
    assert "version" in schema["properties"]
    assert schema["additionalProperties"] is False
