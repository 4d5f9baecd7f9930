"""CODEOWNERS: which lines count, which paths they own, and who must approve."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.core.policy.owners import (
    InvalidLine,
    OwnerRule,
    judge_owners,
    named_owners,
    owned,
    owns,
    read_owners,
    to_be_asked,
)
from penstock.core.verdict import Outcome, failures

CORPUS = Path("../shared/corpora/codeowners_patterns.json")


def test_every_outside_case():
    if not CORPUS.exists():
        pytest.skip("the outside cases of CODEOWNERS patterns are not beside this checkout")
    cases = [
        (case["pattern"], path, fits)
        for case in json.loads(CORPUS.read_text())
        for path, fits in case["paths"].items()
    ]
    assert len(cases) == 153
    assert [case for case in cases if owns(case[0], case[1]) != case[2]] == []


PATTERNS = [
    ("*", "a/b/c", True),
    ("/*", "a/b", False),
    ("docs/*", "docs/a.md", True),
    ("docs/*", "docs/x/a.md", False),
    ("docs/", "docs", False),
    ("docs/", "x/docs/a", True),
    ("/docs/", "x/docs/a", False),
    ("**", "a", True),
    ("/**", "a/b", True),
    ("**/logs", "deep/build/logs/x", True),
    ("a/**/z", "a/z", True),
    ("a/**/z", "a/b/c/z", True),
    ("a/**", "a", False),
    ("*.js", "src/a.js", True),
    ("*.js", "src/a.js.map", False),
    ("r?adme", "readme", True),
    ("a\\*b", "axb", False),
    ("[ab].py", "a.py", False),
    ("", "a", False),
    ("/", "a", False),
]


@pytest.mark.parametrize(("pattern", "path", "fits"), PATTERNS, ids=[f"{p} {q}" for p, q, _ in PATTERNS])
def test_patterns(pattern: str, path: str, fits: bool):
    assert owns(pattern, path) is fits


FILE = """
# Everything
*            @org/all   # inline
*.py         @ann dev@example.org
docs/
!secret      @ann
\\#odd       @ann
lib/         ann
/build/      @-bad
"""


def test_lines():
    found = read_owners(FILE)
    assert found.rules == (
        OwnerRule(line=3, pattern="*", owners=("@org/all",)),
        OwnerRule(line=4, pattern="*.py", owners=("@ann", "dev@example.org")),
        OwnerRule(line=5, pattern="docs/", owners=()),
    )
    assert [line.line for line in found.invalid] == [6, 7, 8, 9]
    assert found.invalid[2] == InvalidLine(
        line=8, problem="`ann` is no @user, @organization/team or e-mail address"
    )


@pytest.mark.parametrize(
    "line",
    [
        "docs/ @alice\x0csrc/ @bob",
        "docs/ @alice\x85src/ @bob",
        "docs/ @alice\u2028src/ @bob",
        "docs/\u00a0@alice",
        "docs\u200b/ @alice",
        b"caf\xe9/ @alice".decode(errors="replace"),
        "\ufeffdocs/ @alice",
    ],
    ids=ascii,
)
def test_a_line_is_one_line_whatever_is_in_it(line: str):
    """The forge reads one rule there at most; two, or another one, would give paths to nobody."""
    known = read_owners(f"* @ada\n{line}\n")
    assert [rule.pattern for rule in known.rules] == ["*"]
    assert [bad.line for bad in known.invalid] == [2]


def test_the_last_line_that_matches_decides():
    found = read_owners("* @all\n*.py @ann\ndocs/\n")
    assert found.owners_of("a.py") == ("@ann",)
    assert found.owners_of("a.txt") == ("@all",)
    assert found.owners_of("docs/a.py") == (), "a line without owners takes them away"


RULES = read_owners("*.py @ann @org/team\n*.md bob@example.org\n")
PEOPLE = {"@ann": frozenset({"ann"}), "@org/team": frozenset({"tim", "tom"}), "bob@example.org": None}
JUDGED = [
    ("nobody approved", {"a.py"}, set(), Outcome.PENDING),
    ("an owner approved", {"a.py"}, {"ann"}, Outcome.PASS),
    ("a member of the team approved", {"a.py", "b/c.py"}, {"tom"}, Outcome.PASS),
    ("somebody else approved", {"a.py"}, {"eve"}, Outcome.PENDING),
    ("an address says nothing of a login", {"a.md"}, {"bob"}, Outcome.UNKNOWN),
    ("one of two groups", {"a.py", "a.md"}, {"ann"}, Outcome.UNKNOWN),
    ("nothing owned", {"a.txt"}, set(), Outcome.PASS),
]


@pytest.mark.parametrize(("what", "paths", "approvers", "outcome"), JUDGED, ids=[row[0] for row in JUDGED])
def test_owners_approve(what: str, paths: set[str], approvers: set[str], outcome: Outcome):
    assert judge_owners(RULES, owned(RULES, paths, PEOPLE), frozenset(approvers)).outcome is outcome


def test_a_team_that_could_not_be_read_is_nobodys_approval():
    people = {**PEOPLE, "@org/team": None}
    assert not judge_owners(RULES, owned(RULES, {"a.py"}, people), frozenset({"ann"})).allows


def test_a_team_without_members_is_nobody_to_ask():
    people = {**PEOPLE, "@ann": frozenset[str](), "@org/team": frozenset[str]()}
    groups = owned(RULES, {"a.py"}, people)
    assert to_be_asked(RULES, groups).outcome is Outcome.UNKNOWN
    assert not judge_owners(RULES, groups, frozenset({"eve"})).allows


def test_a_pattern_longer_than_any_path_is_reported():
    (line,) = read_owners("*" * 5000 + " @ann\n").invalid
    assert line.problem == "a pattern of more than 4096 characters fits no path"


def test_an_invalid_line_fails_closed_and_is_named():
    known = read_owners("*.py @ann\n!x @ann\n")
    verdict = judge_owners(known, owned(known, {"a.py"}, PEOPLE), frozenset({"ann"}))
    assert not verdict.allows
    assert [leaf.rule for leaf in failures(verdict)] == ["line 2"]


def test_who_has_to_be_looked_up():
    assert named_owners(RULES, {"a.py", "x.txt"}) == {"@ann", "@org/team"}


@given(st.text(max_size=60), st.text(min_size=1, max_size=60))
def test_whatever_is_written_something_is_read(text: str, path: str):
    found = read_owners(text)
    assert isinstance(found.owners_of(path), tuple)


@given(st.text("ab*?/\\", max_size=200), st.text("ab/", min_size=1, max_size=200))
def test_hostile_patterns_end(pattern: str, path: str):
    assert owns(pattern, path) in {True, False}
