"""Routing measured: a thousand rules against one pull request, beside two engines on the same rules in the same run.

The others get each rule translated from the checked tree, compiled before the clock starts, and whichever of their own
ways of being asked is the faster; all must come to the same rules.
"""

import json
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from math import isnan
from pathlib import Path
from typing import Any, assert_never

from benchmarks.measure import Measure
from benchmarks.routing_rules import FILE, RULES

from penstock.core.document import Rejected, parse_placed
from penstock.core.routing.compiling import compiled
from penstock.core.routing.documents import RULES_FILE
from penstock.core.routing.facts import Facts
from penstock.core.routing.glob import ONE, Glob
from penstock.core.routing.loading import Part, Rule, Ruleset, ruleset
from penstock.core.routing.names import Kind, Name
from penstock.core.routing.router import Router
from penstock.core.routing.tree import (
    Always,
    Condition,
    Equals,
    Every,
    Flag,
    Matches,
    Not,
    OneOf,
    Order,
    Some,
)

EVERY_RULE_US, INDEXED_US, AGAINST_ZEN, AGAINST_CEL = 256, 130, 8, 50
TURNS, SECONDS = 7, 0.2
EVENT = Facts(
    event="pull_request",
    action="synchronize",
    repo="acme/billing",
    org="acme",
    labels=("area/http", "web:forms", "size-queue", "needs-review"),
    paths=(
        "billing/db/migrations/0042_rates.sql",
        "billing/http/handlers.py",
        "billing/http/handlers_test.py",
        "docs/mail/templates.md",
        "web/forms/invoice.ts",
        "web/forms/invoice.test.ts",
        "pyproject.toml",
    ),
    branch="billing/rates",
    base="main",
    author="ivy",
    author_association="MEMBER",
    title="Invoice forms read rates over http, and cache them",
    body="As agreed.",
    files_changed=7.0,
    additions=412.0,
    deletions=57.0,
)
"""A typical pull request: a few labels, a few files."""
PUSH = Facts(event="push", repo="acme/billing", org="acme", branch="main", author="ivy")
Ask = Callable[[], list[int]]


def measures() -> Iterator[Measure]:
    rules = load(FILE)
    conditions = [(rule.number, rule.condition, rule.stop) for rule in rules.rules]
    every, router = compiled(conditions), Router(rules)
    able = len(router.candidates(EVENT.event))
    assert (len(conditions), able) == (RULES, RULES // 2)
    ways = {
        "every rule": lambda: every(EVENT),
        "index": lambda: [rule.number for rule in router.matching((EVENT,))],
        **_zen(rules.rules),
        **_cel(rules.rules),
    }
    expected = every(EVENT)
    for name, ask in ways.items():
        assert ask() == expected, f"{name} comes to other rules"
    took = _timed(ways | {"push": lambda: [rule.number for rule in router.matching((PUSH,))]})
    what = f"routing: {RULES:,} rules, {able} that can match, {len(expected)} that do"
    mine = took["every rule"]
    yield _absolute(f"{what}; every rule evaluated", mine, EVERY_RULE_US)
    yield _absolute("the same with the event index", took["index"], INDEXED_US)
    few = f"an event that {len(router.candidates(PUSH.event))} of them ask about, with the index"
    yield Measure(what=few, aim="", measured=f"{took['push']:.1f} µs", met=None)
    yield from _against("zen-engine", "zen", took, mine, AGAINST_ZEN)
    yield from _against("cel-expr-python", "cel", took, mine, AGAINST_CEL)


def load(path: Path) -> Ruleset:
    found = parse_placed(path.read_text(), RULES_FILE)
    assert not isinstance(found, Rejected), found
    file, document = found
    rules = ruleset((Part(source=path.name, document=document, rules=file.routing, agents=file.agents),))
    assert isinstance(rules, Ruleset), rules
    return rules


def _absolute(what: str, took: float, most: int) -> Measure:
    return Measure(what=what, aim=f"≤ {most} µs", measured=f"{took:.0f} µs", met=took <= most)


def _against(engine: str, prefix: str, took: dict[str, float], mine: float, least: int) -> Iterator[Measure]:
    theirs = {name: us for name, us in took.items() if name.startswith(prefix)}
    what = f"every rule evaluated, against {engine}"
    if not theirs:
        yield Measure(what=what, aim=f"≥ {least}×", measured="not installed here", met=None)
        return
    best = min(theirs, key=lambda name: theirs[name])
    ratio = theirs[best] / mine
    measured = f"{ratio:.1f}× ({best}: {theirs[best]:,.0f} µs)"
    yield Measure(what=what, aim=f"≥ {least}×", measured=measured, met=ratio >= least)


def _timed(ways: dict[str, Ask]) -> dict[str, float]:
    """Microseconds of processor time for one event: the medians of turns that the ways take one after another."""
    found: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(TURNS):
        for name, ask in ways.items():
            began, times = time.process_time(), 0
            while (now := time.process_time()) - began < SECONDS:
                ask()
                times += 1
            found[name].append((now - began) / times * 1e6)
    return {name: statistics.median(turns) for name, turns in found.items()}


def context() -> dict[str, Any]:
    """The event as the other engines take it."""
    names = (
        "event action repo org labels paths branch base author author_association title body status conclusion "
        "job workflow draft fork severity_rank severity age_hours files_changed additions deletions"
    )
    values = {name: getattr(EVENT, name) for name in names.split()}
    plain = {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}
    return {
        name: -1.0 if isinstance(value, float) and isnan(value) else value for name, value in plain.items()
    }


def _zen(rules: Sequence[Rule]) -> dict[str, Ask]:
    """Compiled expressions one by one, and all of them as the outputs of one decision."""
    try:
        import zen
    except ImportError:
        return {}
    texts = [_said(rule.condition, _ZEN) for rule in rules]
    each = [zen.compile_expression(text) for text in texts]
    given = context()
    encoded = json.dumps(given)
    table = zen.ZenEngine().create_decision(json.dumps(_decision(texts)))

    def one_by_one() -> list[int]:
        return [number for number, one in enumerate(each) if one.evaluate(given)]

    def as_a_table() -> list[int]:
        return [int(row["rule"]) for row in table.evaluate(encoded)["result"]]

    return {"zen, compiled expressions": one_by_one, "zen, one decision table": as_a_table}


def _decision(texts: Sequence[str]) -> dict[str, Any]:
    """A decision table that collects the number of each rule that holds."""
    rows = [{"_id": str(number), "when": text, "then": str(number)} for number, text in enumerate(texts)]
    table = {
        "hitPolicy": "collect",
        "inputs": [{"id": "when", "name": "when"}],
        "outputs": [{"id": "then", "name": "rule", "field": "rule"}],
        "rules": rows,
    }
    nodes = [
        {"id": "in", "type": "inputNode", "name": "in"},
        {"id": "table", "type": "decisionTableNode", "name": "table", "content": table},
        {"id": "out", "type": "outputNode", "name": "out"},
    ]
    edges = [
        {"id": "1", "type": "edge", "sourceId": "in", "targetId": "table"},
        {"id": "2", "type": "edge", "sourceId": "table", "targetId": "out"},
    ]
    return {"nodes": nodes, "edges": edges}


def _cel(rules: Sequence[Rule]) -> dict[str, Ask]:
    try:
        from cel_expr_python import cel  # type: ignore[import-untyped] # its stubs lack their marker
    except ImportError:
        return {}
    given = context()
    kinds = {bool: cel.Type.BOOL, float: cel.Type.DOUBLE, str: cel.Type.STRING}
    types = {
        name: cel.Type.List(cel.Type.STRING) if isinstance(value, list) else kinds[type(value)]
        for name, value in given.items()
    }
    environment = cel.NewEnv(variables=types)
    each = [environment.compile(_said(rule.condition, _CEL)) for rule in rules]
    activation = environment.Activation(given)

    def one_by_one() -> list[int]:
        return [number for number, one in enumerate(each) if one.eval(activation).value()]

    return {"cel, one activation": one_by_one}


class _Zen:
    """The ZEN expression language. Source: docs.gorules.io, "ZEN language"."""

    both, either = "and", "or"

    def negated(self, inner: str) -> str:
        return f"not ({inner})"

    def member(self, value: str, values: str) -> str:
        return f"{value} in {values}"

    def some(self, values: str, test: Callable[[str], str]) -> str:
        return f"some({values}, {test('#')})"

    def test(self, how: str, text: str, part: str) -> str:
        return f"{how}({text}, {part})"


class _Cel(_Zen):
    """The Common Expression Language. Source: its specification."""

    both, either = "&&", "||"

    def negated(self, inner: str) -> str:
        return f"!({inner})"

    def some(self, values: str, test: Callable[[str], str]) -> str:
        return f"{values}.exists(m, {test('m')})"

    def test(self, how: str, text: str, part: str) -> str:
        return f"{text}.{how}({part})"


_ZEN, _CEL = _Zen(), _Cel()


def _said(condition: Condition, language: _Zen) -> str:
    """A checked condition in another language."""
    match condition:
        case Always(value=value):
            return json.dumps(value)
        case Not(of=inner):
            return language.negated(_said(inner, language))
        case Every(of=parts):
            return f" {language.both} ".join(f"({_said(part, language)})" for part in parts)
        case Some(of=parts):
            return f" {language.either} ".join(f"({_said(part, language)})" for part in parts)
        case Flag(name=name):
            return name.fact
        case Equals(name=name, value=value):
            return f"{name.fact} == {_value(value)}"
        case OneOf(name=name, values=values):
            return language.member(name.fact, f"[{', '.join(map(_value, values))}]")
        case Order(name=name, sign=sign, value=value):
            fact = f"{name.fact}_rank" if name.kind is Kind.LEVEL else name.fact
            return f"{fact} {sign} {_value(value)}"
        case Matches(name=name, glob=pattern):
            return _glob(name, pattern, language)
        case _:
            assert_never(condition)


def _glob(name: Name, pattern: Glob, language: _Zen) -> str:
    assert not any(ONE in segment for segment in pattern.segments), "no rule of the set has a `?`"
    if pattern.literal and name.kind is Kind.LIST:
        return language.member(_value(pattern.pattern), name.fact)
    if pattern.literal:
        return f"{name.fact} == {_value(pattern.pattern)}"
    first, *middle, last = pattern.segments

    def test(text: str) -> str:
        parts = [language.test("startsWith", text, _value(first))] if first else []
        parts += [language.test("contains", text, _value(part)) for part in middle]
        parts += [language.test("endsWith", text, _value(last))] if last else []
        return f" {language.both} ".join(parts)

    return language.some(name.fact, test) if name.kind is Kind.LIST else test(name.fact)


def _value(value: object) -> str:
    return json.dumps(value)
