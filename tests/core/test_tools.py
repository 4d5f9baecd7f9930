"""Versions of tools: what a policy requires, what changed files declare, and what cannot be told."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.test_judging import PLAIN, diff

from penstock.core.evidence import Declared
from penstock.core.policy.rules import Policy
from penstock.core.policy.tools import contradicts, declared, intervals, judge_tools, lacking, requirement
from penstock.core.verdict import Outcome

PIN, RANGE = False, True
FITS = [
    ("3.11", PIN, "3.11", Outcome.PASS),
    ("3.11.4", PIN, "3.11", Outcome.PASS),
    ("3.12", PIN, "3.11", Outcome.BLOCK),
    ("3.1", PIN, "3.11", Outcome.BLOCK),
    ("3", PIN, "3.11", Outcome.UNKNOWN),
    ("20.11.1", PIN, "20.x", Outcome.PASS),
    ("v20", PIN, "20.x", Outcome.PASS),
    ("18", PIN, "20.x", Outcome.BLOCK),
    ("lts/*", PIN, "20.x", Outcome.UNKNOWN),
    ("${{ matrix.node }}", PIN, "20.x", Outcome.UNKNOWN),
    ("20.0.0-rc.1", PIN, "20.x", Outcome.UNKNOWN),
    ("20", PIN, ">=20.10", Outcome.UNKNOWN),
    ("20.10.0", PIN, ">=20.10", Outcome.PASS),
    (">=3.11", RANGE, "3.11", Outcome.PASS),
    (">=3.9,<4", RANGE, "3.11", Outcome.PASS),
    (">=3.12", RANGE, "3.11", Outcome.BLOCK),
    ("<3.11", RANGE, "3.11", Outcome.BLOCK),
    ("~=3.11", RANGE, "3.11", Outcome.PASS),
    ("==3.11.*", RANGE, "3.11", Outcome.PASS),
    (">=3.9,!=3.10.1", RANGE, "3.11", Outcome.UNKNOWN),
    ("^18 || ^20", RANGE, "20.x", Outcome.PASS),
    ("^18 || ^19", RANGE, "20.x", Outcome.BLOCK),
    (">= 18", RANGE, "20.x", Outcome.PASS),
    ("*", RANGE, "20.x", Outcome.PASS),
    ("~20.1", RANGE, "20.x", Outcome.PASS),
    ("^0.2.3", RANGE, "0.3", Outcome.BLOCK),
    ("", RANGE, "20.x", Outcome.UNKNOWN),
    (">5 <3", RANGE, "20.x", Outcome.UNKNOWN),
]


@pytest.mark.parametrize(("text", "ranged", "wanted", "outcome"), FITS)
def test_a_declaration_fits_or_not_or_cannot_be_told(text, ranged, wanted, outcome):
    fact = replace(PLAIN, path="a", tools=(Declared(tool="node", text=text, range=ranged),))
    assert judge_tools(diff(fact), Policy(tools=(("node", wanted),))).outcome is outcome


DECLARED = [
    (".python-version", "3.11.4\n", [("python", "3.11.4", PIN)]),
    ("sub/.python-version", "# which\n3.12\n3.11\n", [("python", "3.12", PIN), ("python", "3.11", PIN)]),
    (".nvmrc", "lts/iron\n", [("node", "lts/iron", PIN)]),
    (
        ".tool-versions",
        "nodejs 20.1.0 # x\npython 3.11\nelm 0.19\n",
        [("node", "20.1.0", PIN), ("python", "3.11", PIN)],
    ),
    ("pyproject.toml", '[project]\nrequires-python = ">=3.11"\n', [("python", ">=3.11", RANGE)]),
    ("pyproject.toml", "[project\n", []),
    ("package.json", '{"engines": {"node": ">=20"}}', [("node", ">=20", RANGE)]),
    ("package.json", '{"engines": []}', []),
    ("package.json", "[" * 100_000, []),
    (
        ".github/workflows/ci.yml",
        "        with:\n          python-version: '3.12' # new\n          node-version: [18, \"20\"]\n",
        [("python", "3.12", PIN), ("node", "18", PIN), ("node", "20", PIN)],
    ),
    (".github/workflows/ci.yml", "  with: {go-version: 1.22}\n", [("go", "1.22", PIN)]),
    (
        ".github/workflows/ci.yml",
        "  python-version: ${{ matrix.python }}\n",
        [("python", "${{ matrix.python }}", PIN)],
    ),
    ("docs/ci.yml", "python-version: '3.12'\n", []),
    ("notes.python-version", "3.11\n", []),
]


@pytest.mark.parametrize(("path", "text", "wanted"), DECLARED)
def test_what_files_declare(path, text, wanted):
    assert [(one.tool, one.text, one.range) for one in declared(path, text.encode())] == wanted


def test_no_file_declares_nothing():
    assert declared(".nvmrc", None) == ()


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("gh_version>=2.0.0", ("gh", ">=2.0.0")),
        ("node_version==20.x", ("node", "==20.x")),
        ("lockfile_integrity", None),
        ("gh_version", None),
    ],
)
def test_requirements(text, answer):
    assert requirement(text) == answer


def test_a_tool_that_nobody_knows_is_refused_with_the_nearest():
    with pytest.raises(ValueError, match="did you mean `python_version`"):
        requirement("pyhton_version>=3")


def test_what_no_file_touches_is_said_to_be_untouched():
    facts = replace(diff(PLAIN), host=(("git", "2.47.3"),))
    verdict = judge_tools(facts, Policy(tools=(("node", "20.x"), ("gh", ">=2.0.0"), ("git", ">=2"))))
    assert [(leaf.rule, leaf.outcome) for leaf in verdict.children] == [
        ("node_version", Outcome.PASS),
        ("gh_version", Outcome.WARN),
        ("git_version", Outcome.PASS),
    ]
    assert "unknown" in verdict.children[1].reason


@pytest.mark.parametrize(
    ("host", "outcome", "said"),
    [
        ((("git", "2.47.3"),), Outcome.PASS, "2.47.3 of this host is >=2.40"),
        ((("git", "2.30.1"),), Outcome.BLOCK, "this host has 2.30.1"),
        ((("git", None),), Outcome.UNKNOWN, "tells none here"),
        ((("git", "next"),), Outcome.UNKNOWN, "tells none here"),
        ((), Outcome.UNKNOWN, "tells none here"),
    ],
)
def test_a_program_of_this_host(host, outcome, said):
    policy = Policy(tools=(("git", ">=2.40"), ("node", "20.x")))
    judged = judge_tools(replace(diff(PLAIN), host=host), policy).children[0]
    assert (judged.rule, judged.outcome) == ("git_version", outcome)
    assert said in judged.reason
    assert lacking(host, policy) == (() if judged.allows else (judged,))


@pytest.mark.parametrize(
    ("wider", "narrower", "wrong"),
    [("20.x", "20.11", False), ("20.x", ">=20", True), (">=18", "20.x", False), ("20.x", "18.x", True)],
)
def test_which_versions_tighten(wider, narrower, wrong):
    assert contradicts(wider, narrower) is wrong


@given(st.text(max_size=60))
def test_any_text_is_versions_or_cannot_be_told(text):
    for one in intervals(text) or ():
        assert one.low < one.high
        assert one.within(one)
        assert one.meets(one)
