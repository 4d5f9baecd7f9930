"""Documents to rules: all that is wrong is said with its place and nothing is loaded; what is right is asked in order."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.core.routing.language import CONDITIONS, SIGNALS

from penstock.core.document import Rejected, parse_placed
from penstock.core.routing.admission import Clear, Holds, Staff, admitted
from penstock.core.routing.agents import AgentKind, Load, Output, least_loaded, permits
from penstock.core.routing.documents import RULES_FILE, Example, Priority
from penstock.core.routing.explaining import explained
from penstock.core.routing.facts import Facts
from penstock.core.routing.given import facts_given
from penstock.core.routing.loading import Part, Refused, Ruleset, ruleset
from penstock.core.routing.meaning import holds
from penstock.core.routing.router import Ignored, Route, Router, Undecided
from penstock.core.routing.trying import tried
from penstock.core.routing.wire import NotFacts
from penstock.core.verdict import Outcome, render_text

NOW = datetime(2026, 1, 2, tzinfo=UTC)
DOCUMENTS_OWN = """
routing:
  - if: event == "pull_request" && label ~ "codex:route"
    run: [codex_router]
  - if: event == "pull_request" && !(label ~ "codex:route")
    run: [codex_triage]
  - if: event == "workflow_run" && job == "tests" && status == "failure"
    run: [ci_triage_guard, coverage_orchestrator]
agents:
  codex_router:
    ref: ./agents/router.md
    secrets: [CODEX_API_KEY]
    permissions: [route_agents, create_issue, apply_labels]

  coverage_orchestrator:
    ref: ./agents/coverage.md
    secrets: [CODEX_API_KEY]
    permissions: [read_ci_logs, open_pr]
"""
"""As the framework's description has them, letter by letter."""
STAFF = """
agents:
  fixer: {ref: ./recipes/fix.yml, permissions: [open_pr]}
  mender: {ref: ./recipes/mend.yml, permissions: [open_pr, read_ci_logs]}
  sorter: {ref: ./agents/sort.md, permissions: [apply_labels, comment]}
  freeze: {holds: 'label ~ "freeze*"'}
  doctor: {ref: ./agents/doctor.md, permissions: [hold_automation]}
"""


def part(text: str, source: str = "f.yml") -> Part:
    found = parse_placed(f"version: 1\n{text}", RULES_FILE)
    assert not isinstance(found, Rejected), [problem.shown(source) for problem in found.problems]
    file, document = found
    return Part(source=source, document=document, rules=file.routing, agents=file.agents)


def problems(*texts: str) -> list[str]:
    found = ruleset([part(text, f"f{n}.yml" if n else "f.yml") for n, text in enumerate(texts)])
    return list(found.problems) if isinstance(found, Refused) else []


def rules(text: str) -> Ruleset:
    found = ruleset([part(text)])
    assert isinstance(found, Ruleset), found
    return found


def routed(text: str, *facts: Facts) -> list[str]:
    answer = Router(rules(text)).route(facts)
    return [run.agent for run in answer.runs] if isinstance(answer, Route) else []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            'routing: [{if: evnt == "x", run: [a]}]',
            ["f.yml:2:16: routing[0].if: unknown name `evnt`; did you mean `event`?"],
        ),
        (
            'routing:\n  - if: \'draft && labl ~ "x"\'\n    run: [a]\n  - if: >\n      fork ||\n      additions > "x"\n    run: [a]',
            [
                "f.yml:3:19: routing[0].if: unknown name `labl`; did you mean `label`?",
                "f.yml:7:19: routing[1].if: `>` compares numbers, and this is a text",
            ],
        ),
        (
            'routing:\n  - if: "title ~ \\"x\\" && bod ~ \\"y\\""\n    run: [a]',
            ["f.yml:3:27: routing[0].if: unknown name `bod`; did you mean `body`?"],
        ),
        (
            "routing:\n  - if: |\n      draft\n        && frok\n    run: [a]",
            ["f.yml:5:12: routing[0].if: unknown name `frok`; did you mean `fork`?"],
        ),
        (
            "routing:\n  - {if: draft, run: [a]}\n  - {if: fork, run: [a]}\n  - {if: (draft), run: [a]}",
            ["f.yml:5:6: routing[2].if: this rule stands at f.yml:3 already"],
        ),
        (
            'routing:\n  - {if: event == "push" && job == "x", run: [a]}',
            ["f.yml:3:6: routing[0].if: unreachable: no signal can make this true"],
        ),
        (
            'routing:\n  - {if: "false", run: [a]}',
            ["f.yml:3:6: routing[0].if: unreachable: no signal can make this true"],
        ),
        (
            'routing:\n  - {if: "draft", run: [a], stop: true}\n  - {if: draft && fork, run: [b]}',
            ["f.yml:4:6: routing[1].if: unreachable: the rule at f.yml:3 stops before it"],
        ),
        (
            'routing:\n  - {if: event == "push", run: [b]}\n  - {if: "true", run: [a], stop: true, order: -1}',
            ["f.yml:3:6: routing[0].if: unreachable: the rule at f.yml:4 stops before it"],
        ),
        (
            f"routing: [{{if: draft, run: [fixr]}}, {{if: fork, run: [fixer, fixer]}}]{STAFF}",
            [
                "f.yml:2:29: routing[0].run[0]: there is no agent fixr; did you mean `fixer`?",
                "f.yml:2:61: routing[1].run[1]: fixer runs once already",
            ],
        ),
        (
            f"routing: [{{if: draft, run: [guard]}}, {{if: fork, run: [router]}}]{STAFF}",
            [
                "f.yml:2:29: routing[0].run[0]: guards do not stand in for each other: name the one to ask",
                "f.yml:2:55: routing[1].run[0]: there is no agent of the kind router",
            ],
        ),
        (
            "agents:\n  a: {kind: triage, ref: ./a.md, permissions: [open_pr]}\n  guard: {ref: ./b.md}\n  c: {kind: router, holds: draft}",
            [
                "f.yml:3:34: agents.a.permissions: a triage is never permitted to open_pr",
                "f.yml:4:3: agents.guard: `guard` is a kind: `run` takes it for any agent of that kind",
                "f.yml:5:21: agents.c.holds: only a guard holds, and this is a router",
            ],
        ),
        (
            "agents:\n  a: {holds: drft}",
            ["f.yml:3:14: agents.a.holds: unknown name `drft`; did you mean `draft`?"],
        ),
    ],
)
def test_what_is_wrong_has_its_place(text: str, expected: list[str]) -> None:
    assert problems(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("routing: [{if: draft, run: []}]", "f:2:23: routing[0].run: Tuple should have at least 1 item"),
        ("routing: [{if: draft, runs: [a]}]", "routing[0].runs: unknown key; did you mean `run`?"),
        (
            "routing: [{if: draft, run: [a], priority: hihg}]",
            "routing[0].priority: Input should be 'low', 'normal' or 'high'; did you mean `high`?",
        ),
        ("agents: {a: {ref: ./a.md, permissions: [open_prs]}}", "did you mean `open_pr`?"),
        (
            "agents: {a: {ref: ./a.md, secrets: [GITHUB_TOKEN]}}",
            "an agent never gets a credential of Penstock's own",
        ),
        (
            "agents: {a: {ref: ./a.md, secrets: [PENSTOCK_APP_KEY]}}",
            "an agent never gets a credential of Penstock's own",
        ),
        ("agents: {a: {}}", "give a `ref`"),
        ("agents: {a: {ref: x, holds: draft}}", "give a `ref`"),
        ("agents: {'a b': {ref: x}}", "agents.a b"),
        ("routing:\n  - if: !(draft)\n    run: [a]", "a text that begins with `!` stands in quotes"),
        ("routing: [{if: true, run: [a]}]", "Input should be a valid string"),
    ],
)
def test_a_document_of_another_shape_is_rejected(text: str, expected: str) -> None:
    found = parse_placed(f"version: 1\n{text}", RULES_FILE)
    assert isinstance(found, Rejected)
    assert expected in "\n".join(problem.shown("f") for problem in found.problems)


def test_agents_and_rules_of_several_documents_are_one_set() -> None:
    first, second = "routing: [{if: draft, run: [fixer]}]", STAFF
    assert problems(first, second) == []
    assert problems(STAFF, "agents: {fixer: {ref: x.md}}") == [
        "f1.yml:2:10: agents.fixer: this agent is declared at f.yml:4 already"
    ]
    assert problems(first, f"routing: [{{if: draft, run: [fixer]}}]{STAFF}") == [
        "f1.yml:2:12: routing[0].if: this rule stands at f.yml:2 already"
    ]


def test_the_descriptions_own_example_loads_and_routes() -> None:
    found = rules(DOCUMENTS_OWN)
    assert [agent.kind for agent in found.agents.values()] == [AgentKind.ROUTER, AgentKind.SPECIALIST]
    assert [note.split(": ")[2].split(" ")[0] for note in found.notes] == ["codex_triage", "ci_triage_guard"]
    assert routed(DOCUMENTS_OWN, Facts(event="pull_request", labels=("codex:route",))) == ["codex_router"]
    assert routed(DOCUMENTS_OWN, Facts(event="pull_request")) == ["codex_triage"]
    jobs = [
        Facts(event="workflow_run", job=job, status=status)
        for job, status in (("lint", "failure"), ("tests", "success"))
    ]
    assert routed(DOCUMENTS_OWN, *jobs) == [], "job and status must hold of the same job"
    failing = Facts(event="workflow_run", job="tests", status="failure")
    assert routed(DOCUMENTS_OWN, *jobs, failing) == ["ci_triage_guard", "coverage_orchestrator"]


def test_every_matching_rule_runs_in_order_until_one_stops() -> None:
    text = f"""
routing:
  - {{if: draft, run: [fixer, sorter], priority: low}}
  - {{if: 'label ~ "x"', run: [sorter, mender], priority: high}}
  - {{if: fork, run: [doctor], stop: true}}
  - {{if: 'author == "ada"', run: [freeze]}}
  - {{if: 'author ~ "a*"', run: [mender], order: -1}}{STAFF}"""
    everything = Facts(event="pull_request", draft=True, labels=("x",), author="ada")
    assert routed(text, everything) == ["mender", "fixer", "sorter", "freeze"]
    answer = Router(rules(text)).route((everything,))
    assert isinstance(answer, Route)
    assert answer.priority is Priority.HIGH
    stopped = Facts(event="pull_request", fork=True, author="ada")
    assert routed(text, stopped) == ["mender", "doctor"]
    assert routed(text, Facts(event="push")) == []
    assert Router(rules(text)).route((Facts(event="push"),)) == Ignored(
        reason="none of the 3 rules that ask about push holds"
    )


def test_an_unknown_fact_that_a_rule_looks_at_decides_nothing() -> None:
    text = f'routing: [{{if: draft, run: [fixer]}}, {{if: event == "pull_request" && path ~ "x", run: [mender]}}]{STAFF}'
    unsure = Facts(event="pull_request", draft=True, unknown=frozenset({"paths", "additions"}))
    answer = Router(rules(text)).route((unsure,))
    assert isinstance(answer, Undecided)
    assert answer.reason == "f.yml:2 looks at paths, which cannot be known here"
    elsewhere = Facts(event="push", unknown=frozenset({"paths"}))
    assert isinstance(Router(rules(text)).route((elsewhere,)), Ignored)


@given(
    st.lists(st.tuples(CONDITIONS, st.booleans()), min_size=1, max_size=5, unique_by=lambda one: one[0]),
    SIGNALS,
)
@settings(max_examples=50)
def test_the_index_loses_no_match(given_rules: list[tuple[str, bool]], facts: Facts) -> None:
    """Asked through the index, a rule set answers as if every rule were read against the signal."""
    given = [{"if": text, "run": [f"a{n}"], "stop": stop} for n, (text, stop) in enumerate(given_rules)]
    found = ruleset([part(f"routing: {_flow(given)}")])
    if isinstance(found, Refused):
        assert all("unreachable" in problem or "already" in problem for problem in found.problems)
        return
    expected = []
    for rule in found.rules:
        if holds(rule.condition, facts):
            expected.append(rule.number)
            if rule.stop:
                break
    router = Router(found)
    assert [rule.number for rule in router.matching((facts,))] == expected
    answer = router.route((facts,))
    tree = explained(router, (facts,), answer, None)
    assert tree.allows is bool(expected)
    assert render_text(tree)


def _flow(given: list[dict[str, object]]) -> str:
    import json

    return json.dumps(given)


WELL = {name: Load(agent=name, healthy=True) for name in ("fixer", "mender", "sorter", "freeze", "doctor")}
PULL = Facts(event="pull_request")
FROZEN = Facts(event="pull_request", labels=("freeze-2026",))


@pytest.mark.parametrize(
    ("run", "facts", "staff", "agents", "held", "outcome"),
    [
        ("fixer", PULL, Staff(loads=WELL), ["fixer"], [], Outcome.PASS),
        ("fixer, sorter", PULL, Staff(loads={"fixer": WELL["fixer"]}), ["fixer"], [], Outcome.WARN),
        ("fixer", PULL, Staff(), [], [], Outcome.BLOCK),
        ("freeze, fixer", PULL, Staff(loads=WELL), ["freeze", "fixer"], [], Outcome.PASS),
        ("freeze, fixer, sorter", FROZEN, Staff(loads=WELL), [], ["fixer", "sorter"], Outcome.BLOCK),
        ("fixer, freeze, sorter", FROZEN, Staff(loads=WELL), ["fixer"], ["sorter"], Outcome.WARN),
        ("doctor, fixer", PULL, Staff(loads=WELL), [], ["fixer"], Outcome.UNKNOWN),
        (
            "doctor, fixer",
            PULL,
            Staff(loads=WELL, answers={"doctor": Clear()}),
            ["doctor", "fixer"],
            [],
            Outcome.PASS,
        ),
        (
            "doctor, fixer",
            PULL,
            Staff(loads=WELL, answers={"doctor": Holds(reason="no runners")}),
            [],
            ["fixer"],
            Outcome.BLOCK,
        ),
        ("nobody_known, fixer", PULL, Staff(loads=WELL), [], ["fixer"], Outcome.UNKNOWN),
        ("freeze", PULL, Staff(loads=WELL), ["freeze"], [], Outcome.BLOCK),
        ("specialist", PULL, Staff(loads=WELL), ["fixer"], [], Outcome.PASS),
        (
            "specialist",
            PULL,
            Staff(loads=WELL | {"fixer": Load(agent="fixer", running=1, healthy=True)}),
            ["mender"],
            [],
            Outcome.PASS,
        ),
        (
            "specialist",
            PULL,
            Staff(loads=WELL | {"fixer": Load(agent="fixer", healthy=None)}),
            ["mender"],
            [],
            Outcome.PASS,
        ),
        (
            "specialist",
            PULL,
            Staff(loads={"fixer": Load(agent="fixer", healthy=False, why="gone")}),
            [],
            [],
            Outcome.BLOCK,
        ),
    ],
)
def test_who_may_run_and_who_waits(run, facts, staff, agents, held, outcome) -> None:
    found = rules(f"routing: [{{if: 'true', run: [{run}]}}]{STAFF}")
    answer = Router(found).route((facts,))
    assert isinstance(answer, Route)
    admission = admitted(answer, found, (facts,), staff)
    assert [agent.name for agent in admission.agents] == agents
    assert list(admission.held) == held
    assert admission.verdict.outcome is outcome
    assert not held or all(f"waits behind {admission.holder}" in render_text(admission.verdict) for _ in held)


def test_a_guard_that_holds_says_why() -> None:
    found = rules(f"routing: [{{if: 'true', run: [doctor, fixer]}}]{STAFF}")
    answer = Router(found).route((PULL,))
    assert isinstance(answer, Route)
    held = admitted(answer, found, (PULL,), Staff(loads=WELL, answers={"doctor": Holds(reason="no runners")}))
    assert "✗ doctor: guard holds: no runners" in render_text(held.verdict)


@given(
    st.dictionaries(
        st.sampled_from(sorted(WELL)),
        st.tuples(st.integers(0, 9), st.sampled_from([True, False, None])),
        max_size=5,
    )
)
def test_work_goes_to_the_least_loaded_of_those_that_work(state: dict[str, tuple[int, bool | None]]) -> None:
    agents = rules(STAFF.strip()).agents
    loads = {
        name: Load(agent=name, running=running, healthy=healthy) for name, (running, healthy) in state.items()
    }
    chosen = least_loaded(agents.values(), loads)
    able = {name: running for name, (running, healthy) in state.items() if healthy}
    assert (chosen is None) == (not able)
    assert chosen is None or able[chosen.name] == min(able.values())
    assert chosen == least_loaded(reversed(list(agents.values())), loads), "whatever order they come in"


@pytest.mark.parametrize(
    ("name", "output", "allowed"),
    [
        ("fixer", Output.PROPOSAL, True),
        ("fixer", Output.LABELS, False),
        ("fixer", Output.ROUTE, False),
        ("sorter", Output.LABELS, True),
        ("sorter", Output.WORDS, True),
        ("sorter", Output.PROPOSAL, False),
        ("sorter", Output.ISSUE, False),
        ("doctor", Output.HOLD, True),
        ("doctor", Output.PROPOSAL, False),
        ("freeze", Output.WORDS, False),
    ],
)
def test_an_output_needs_its_permission(name: str, output: Output, allowed: bool) -> None:
    verdict = permits(rules(STAFF.strip()).agents[name], output)
    assert verdict.allows is allowed
    assert name in verdict.reason


@pytest.mark.parametrize(
    ("given", "key", "message", "nearest"),
    [
        ({}, "event", "missing", ""),
        ({"event": "pull_reqest"}, "event", "no event 'pull_reqest'", "pull_request"),
        ({"event": "push", "labels": ["x"]}, "labels", "a push has no `labels`", ""),
        ({"event": "push", "kind": "push"}, "kind", "follows from the event", ""),
        ({"event": "issues", "lables": ["x"]}, "lables", "no such name", "labels"),
        ({"event": "issues", "labels": [1]}, "labels", "a list of texts", ""),
        ({"event": "pull_request", "draft": "yes"}, "draft", "true or false", ""),
        ({"event": "pull_request", "additions": True}, "additions", "a number", ""),
        ({"event": "pull_request", "risk": "hgh"}, "risk", "never 'hgh'", "high"),
        ({"event": "push", "jobs": []}, "jobs", "workflow_run", ""),
        ({"event": "workflow_run", "jobs": [{"status": "x"}]}, "jobs", "{name, status, conclusion}", ""),
        ({"event": "issues", "payload": 3}, "payload", "an object", ""),
    ],
)
def test_facts_that_no_signal_has_are_refused(given, key: str, message: str, nearest: str) -> None:
    found = facts_given(given, NOW)
    assert isinstance(found, NotFacts)
    assert (found.key, found.nearest) == (key, nearest)
    assert message in found.message


def test_an_example_holds_or_says_what_came_instead() -> None:
    router = Router(rules(f"routing: [{{if: draft, run: [freeze, doctor, fixer], priority: high}}]{STAFF}"))

    def example(run: tuple[str, ...], **more: object) -> Example:
        given = {"event": "pull_request", "draft": True, "label": more.pop("label", [])}
        return Example(name="one", given=given, run=run, **more)  # type: ignore[arg-type]

    assert tried(router, example(("freeze", "doctor", "fixer")), NOW).holds
    assert tried(router, example(("freeze", "doctor", "fixer"), priority=Priority.HIGH), NOW).holds
    assert not tried(router, example(("freeze", "doctor", "fixer"), priority=Priority.LOW), NOW).holds
    assert not tried(router, example(("doctor", "freeze", "fixer")), NOW).holds, "the order counts"
    assert not tried(router, example(()), NOW).holds
    held = example(("freeze",), label=["freeze"], held=("doctor", "fixer"))
    assert tried(router, held, NOW).holds
    wrong = tried(router, Example(name="two", given={"event": "psh"}, run=()), NOW)
    assert (wrong.holds, wrong.problem) == (
        False,
        "given.event: there is no event 'psh' here; did you mean `push`?",
    )
