"""The official cases of the expression language, and what they leave open."""

import json
import math
from pathlib import Path
from typing import NotRequired, TypedDict, cast

import pytest

from localforge.actions.expressions import (
    Arity,
    Environment,
    ExpressionError,
    Scope,
    Value,
    evaluate,
    parse,
)

OFFICIAL = Path(__file__).parents[3] / "../shared/actions/expressions"


class Expected(TypedDict):
    kind: str
    value: Value


class Error(TypedDict):
    kind: str
    value: str


class Case(TypedDict):
    expr: str
    result: NotRequired[Expected]
    err: NotRequired[Error]
    contexts: NotRequired[dict[str, Value]]


def official_cases() -> list[tuple[str, Case]]:
    found: list[tuple[str, Case]] = []
    for path in sorted(OFFICIAL.glob("*.json")):
        groups = cast("dict[str, list[Case]]", json.loads(path.read_text(encoding="utf-8")))
        found += [
            (f"{path.stem}/{name}/{n}", case)
            for name, cases in groups.items()
            for n, case in enumerate(cases)
        ]
    return found


def kind_of(value: Value) -> str:
    match value:
        case None:
            return "Null"
        case bool():
            return "Boolean"
        case int() | float():
            return "Number"
        case str():
            return "String"
        case dict():
            return "Object"
        case _:
            return "Array"


def check(case: Case) -> str:
    """What is wrong with our answer to `case`; empty when nothing is."""
    contexts = {name.lower(): value for name, value in case.get("contexts", {}).items()}
    try:
        tree = parse(case["expr"], Scope(contexts=frozenset(contexts)))
        value = evaluate(tree, Environment(contexts=contexts))
    except ExpressionError as error:
        expected = case.get("err", {"kind": "none", "value": ""})
        agrees = error.fault.value == expected["kind"] and expected["value"] in error.message
        return "" if agrees else f"{error.fault.value}: {error.message}; expected {expected}"
    if "result" not in case:
        return f"{value!r}; expected {case.get('err')}"
    agrees = kind_of(value) == case["result"]["kind"] and value == case["result"]["value"]
    return "" if agrees else f"{kind_of(value)} {value!r}; expected {case['result']}"


@pytest.mark.skipif(
    not OFFICIAL.is_dir(), reason="the official cases are not beside this checkout (../shared)"
)
def test_official_cases() -> None:
    """Every case of GitHub's cross-language suite gives GitHub's answer."""
    cases = official_cases()
    wrong = {name: problem for name, case in cases if (problem := check(case))}
    assert not wrong, f"{len(wrong)} of {len(cases)}: {wrong}"
    assert len(cases) >= 544


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("toJSON(null)", "null"),
        ("format('{0}', 1e15)", "1E+15"),
        ("format('{0}', 100000000000000)", "100000000000000"),
        ("'ß' == 'SS'", False),
        ("'1_000' == 1000", False),
        ("'inf' == Infinity", False),
        ("'it''s ''quoted'''", "it's 'quoted'"),
        ("github.missing.deeper", None),
        ("github[github.key]", "found"),
        ("case(true, 1, fromJSON('not json'))", 1),
        ("hashFiles('a', 'b')", 2),
        ("success() && 'yes'", "yes"),
        ("contains(fromJSON('{}'), '')", False),
        ("startsWith(fromJSON('[]'), '')", False),
        ("true && NaN || 'fallback'", "fallback"),
    ],
)
def test_evaluates(source: str, expected: Value) -> None:
    scope = Scope(
        contexts=frozenset({"github"}),
        functions={"success": Arity(least=0, most=0), "hashfiles": Arity(least=1, most=255)},
    )
    environment = Environment(
        contexts={"github": {"key": "there", "there": "found"}},
        functions={"success": lambda _: True, "hashfiles": len},
    )
    assert evaluate(parse(source, scope), environment) == expected


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("fromJSON('{')", "Error parsing fromJSON"),
        ("fromJSON('NaN')", "Error parsing fromJSON"),
        ("fromJSON(join(fromJSON('[]'), ''))", "Error parsing fromJSON"),
        ("success(1)", "Unrecognized function: 'success'"),
        ("case(true, 1, false, 2)", "Even number of parameters"),
        ("(1", "Unexpected end of expression"),
        ("'open", "Unexpected symbol: ''open'"),
        ("1.2.3", "Unexpected symbol: '1.2.3'"),
        ("x" * 21_001, "Exceeded max expression length"),
        ("format(1,", "Unexpected end of expression: ','"),
    ],
)
def test_refuses(source: str, message: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        evaluate(parse(source, Scope()), Environment())
    assert message in caught.value.message


def test_deep_json_is_refused_not_crashed() -> None:
    """A context string of a hundred thousand brackets ends in a refusal."""
    tree = parse("fromJSON(x)", Scope(contexts=frozenset({"x"})))
    with pytest.raises(ExpressionError, match="Error parsing fromJSON"):
        evaluate(tree, Environment(contexts={"x": "[" * 100_000}))


def test_not_a_number_is_never_equal() -> None:
    assert evaluate(parse("NaN == NaN", Scope()), Environment()) is False
    assert math.isnan(cast("float", evaluate(parse("NaN", Scope()), Environment())))
