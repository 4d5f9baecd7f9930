"""What contents say, and what the policy makes of it: tables of what breaks, what is tangled, what a licence is."""

import ast
from dataclasses import replace
from typing import Any

import pytest
from tests.core.test_judging import PLAIN, SCOPE, diff

from penstock.core.evidence import DiffFacts, FileStatus
from penstock.core.gates import judge_patches
from penstock.core.policy.rules import ContentPolicy, Policy
from penstock.core.risk import assess
from penstock.core.sources.api import Break, Placed, Symbol, Unread, breaks, language_of
from penstock.core.sources.complexity import Span, Tangle, Tangled, counted, grown, tangles
from penstock.core.sources.licences import licence_id, licence_of
from penstock.core.sources.outline import exported, outline, stays_inside
from penstock.core.sources.statements import texts, words
from penstock.core.sources.workflows import Severity, WorkflowFinding, fresh, is_workflow
from penstock.core.verdict import Outcome, failures, render_text


def f(name: str, *parameters: str, required: int = 0, result: str = "", demanded: bool = False) -> Symbol:
    return Symbol(
        name=name,
        kind="function",
        line=1,
        parameters=parameters,
        required=required,
        result=result,
        demanded=demanded,
    )


T = Symbol(name="T", kind="class", line=1)
BREAKS = [
    ("nothing changed", [f("a", "x")], [f("a", "x")], True, []),
    ("one is gone", [f("a")], [], False, ["function removed"]),
    ("one came", [], [f("a")], True, []),
    ("another kind", [T], [replace(T, kind="enum")], True, ["was a class, is a enum"]),
    ("a type is gone, which says it of its members", [T, f("T.m")], [], True, ["class removed"]),
    ("a member is gone", [T, f("T.m")], [T], True, ["function removed"]),
    (
        "one more is asked for",
        [f("a", "x", required=1)],
        [f("a", "x", "y", required=2)],
        False,
        ["asks for 2 parameters, did for 1"],
    ),
    ("one more may be given", [f("a", "x", required=1)], [f("a", "x", "y", required=1)], False, []),
    (
        "but not where calls must fit",
        [f("a", "x")],
        [f("a", "x", "y")],
        True,
        ["parameters (x) became (x, y)"],
    ),
    ("fewer are taken", [f("a", "x", "y")], [f("a", "x")], False, ["parameters (x, y) became (x)"]),
    ("fewer are named, any are taken", [f("a", "x", "y")], [f("a", "...x")], False, []),
    ("another type", [f("a", "int")], [f("a", "string")], True, ["parameters (int) became (string)"]),
    ("another result", [f("a", result="int")], [f("a")], True, ["type int became none"]),
    ("a result that is not compared", [f("a", result="int")], [f("a")], False, []),
    ("newly demanded of implementations", [T], [T, f("T.m", demanded=True)], True, ["function added that"]),
    ("demanded of what is new itself", [], [T, f("T.m", demanded=True)], True, []),
]


@pytest.mark.parametrize(("what", "before", "after", "exact", "whys"), BREAKS, ids=[b[0] for b in BREAKS])
def test_what_breaks(what, before, after, exact, whys):
    sides = ([Placed(path="p", symbol=symbol) for symbol in side] for side in (before, after))
    found = [each.why for each in breaks(*sides, exact=exact)]
    assert len(found) == len(whys)
    assert all(why.startswith(wanted) for why, wanted in zip(found, whys, strict=True))


@pytest.mark.parametrize(
    ("path", "language"),
    [("a/b.py", "python"), ("B.MJS", "javascript"), ("x.d.ts", "typescript"), ("py", None), (".go", None)],
)
def test_a_language_is_known_by_the_name(path, language):
    assert language_of(path) == language


SAME_OUTLINE = [
    ("def f(a):\n return 1", "def f(a):\n '''doc'''\n return 2"),
    ("V = '1.0'", "V = '1.1'"),
    ("class A:\n x: int = 1", "class A:\n x: int = 2"),
    ("class A:\n def m(self): self.x = 1", "class A:\n def m(self): self.y = 1"),
    ("class A:\n def _m(self): ...\n x: int", "class A:\n def _n(self, a): ...\n x: int"),
]
OTHER_OUTLINE = [
    ("def f(a): ...", "def f(a, b): ..."),
    ("def f(a): ...", "def f(a=1): ..."),
    ("def f(*, a): ...", "def f(*, a=1): ..."),
    ("__all__ = ['a']", "__all__ = ['b']"),
    ("__all__ = ['a']", "__all__ = ['a']\n__all__.extend(b)"),
    ("class A:\n x: int = 1", "class A:\n x: int"),
    ("class A(B): ...", "class A: ..."),
    ("class A:\n def __init__(self): self.x = 1", "class A:\n def __init__(self): self.y = 1"),
    ("from a import b", "from a import c"),
    ("if x:\n def f(): ...", "if x:\n def g(): ..."),
    ("try:\n import a\nexcept E:\n b = 1", "try:\n import a\nexcept E:\n c = 1"),
    ("def f(): ...", "async def f(): ..."),
]


@pytest.mark.parametrize(("before", "after"), SAME_OUTLINE)
def test_what_nobody_outside_notices_has_the_same_outline(before, after):
    assert outline(ast.parse(before)) == outline(ast.parse(after))


@pytest.mark.parametrize(("before", "after"), OTHER_OUTLINE)
def test_what_somebody_may_notice_has_another(before, after):
    assert outline(ast.parse(before)) != outline(ast.parse(after))


INSIDE = [
    ("def _f(a): ...", "def _f(b): ..."),
    ("def _f(a): ...\nx = 1", "x = 1"),
    ("x = 1", "x = 1\ndef g(): ...\nclass A: ..."),
    ("import a\nx = 1", "x = 1"),
    ("from a import b, c\nx = c", "from a import c, d\nx = c"),
    ("x = 1", "x = 1\nY = 2\nz: int = 3"),
    ("class A:\n x: int", "class A:\n x: int\n def m(self): ..."),
]
OUTSIDE = [
    ("a function that others may call is gone", "def f(): ...", ""),
    ("what a class may derive from comes from elsewhere", "from a import B\nclass A(B): ...", "from b import B\nclass A(B): ..."),
    ("everything of a module", "from a import *", ""),
    ("everything of another", "x = 1", "from a import *\nx = 1"),
    ("a name that there was", "def f(a): ...", "def f(a): ...\ndef f(b): ..."),
    ("the same, in other letters", "def \uff46(a): ...", "def \uff46(a): ...\ndef f(b): ..."),
    ("what was a private class", "class _A: ...\nclass B(_A): ...", "class _A: ...\ndef _A(): ...\nclass B(_A): ..."),
    ("another order", "def f(a): ...\ndef f(): ...", "def f(): ...\ndef f(a): ..."),
    ("under a condition", "if x:\n def _f(): ...", "if x:\n def _f(a): ..."),
    ("a method", "class A:\n def m(self): ...", "class A:\n def m(self, a): ..."),
    ("a method under an old name", "class A:\n m = 1", "class A:\n m = 1\n def m(self): ..."),
    ("a method that hides an inherited one", "class A(B): ...", "class A(B):\n def m(self): ..."),
    ("a field", "class A:\n x: int", "class A:\n x: int\n y: int"),
    ("how a thing is made", "@dataclass\nclass A:\n x: int", "@dataclass\nclass A:\n x: int\n def __init__(self): ..."),
    ("several names at once", "x = 1", "x = 1\na, b = 1, 2"),
    ("a special method", "class A:\n def __call__(self): ...", "class A:\n def __call__(self, a): ..."),
    ("a value", "X = f()", "Y = f()"),
    ("what is exported", "__all__ = ['a']", "__all__ = ['b']"),
]  # fmt: skip


def _stays_inside(before: str, after: str) -> bool:
    was, now = (outline(ast.parse(side)) for side in (before, after))
    assert was != now
    return stays_inside(was, now, (words(before.encode()), words(after.encode())))


@pytest.mark.parametrize(("before", "after"), INSIDE)
def test_what_breaks_nobody_unless_it_is_exported(before, after):
    assert _stays_inside(before, after)


@pytest.mark.parametrize(("what", "before", "after"), OUTSIDE, ids=[row[0] for row in OUTSIDE])
def test_what_may_break_somebody(what, before, after):
    assert not _stays_inside(before, after)


@pytest.mark.parametrize(
    ("source", "is_so"),
    [
        (b"__all__ = []", True),
        (b"from a import *", True),
        (b"from a import \\\n  *", True),
        (b"import a\nx = y * z", False),
    ],
)
def test_what_exports(source, is_so):
    assert exported(source) is is_so


WAYS = [
    ("def f(): pass", {"f": 1}),
    ("def f(a):\n if a and b or c: return 1 if d else 2", {"f": 5}),
    ("def f():\n for x in y:\n  while z: assert w", {"f": 4}),
    ("def f():\n try: pass\n except E: pass\n except F: pass", {"f": 3}),
    ("def f(x):\n match x:\n  case 1: pass\n  case _: pass", {"f": 3}),
    ("def f(): return [x for x in y if x]", {"f": 2}),
    ("class A:\n def m(self):\n  def inner():\n   if x: pass", {"A.m": 1, "A.m.inner": 2}),
    ("if x: y = 1", {}),
]


@pytest.mark.parametrize(("source", "ways"), WAYS)
def test_ways_through_a_function(source, ways):
    assert {tangle.name: tangle.ways for tangle in tangles(ast.parse(source))} == ways


def test_functions_that_are_written_as_before_are_left_alone():
    old = b"class A:\n def m(self):\n  if a: pass\ndef f():\n if a: pass\n"
    new = old.replace(b"def f():\n if a", b"def f():\n if a and b")
    known = texts(ast.parse(old), old.splitlines())
    assert tangles(ast.parse(new), new.splitlines(), known) == (Tangle(name="f", line=4, ways=3),)


SAME = b"@d\nclass A:\n def m(self): pass\nif x:\n def g(): pass\n"


@pytest.mark.parametrize(
    ("old", "new", "equal"),
    [
        (b"def f(a): return 1\n", b"def f(a): return 2\n", True),
        (b"def f(a): pass\n", b"def f(a, b): pass\n", False),
        (b"", b"def f(): pass\n", False),
        (b"@e\ndef f(): pass\n", b"def f(): pass\n", False),
        (b"x = 1\rdef f(a): pass\n", b"x = 1\rdef f(): pass\n", False),
    ],
)
def test_statements_that_are_written_as_before_are_the_same_in_an_outline(old, new, equal):
    sides = [(ast.parse(side), side.splitlines()) for side in (SAME + old, SAME + new)]
    known = texts(*sides[0]) & texts(*sides[1])
    was, now = (outline(*side, known) for side in sides)
    assert (was == now) is equal
    assert (b"@d\nclass A:\n def m(self): pass",) in [part.says for part in was]


def test_a_decision_counts_for_the_innermost_function():
    spans = [
        Span(name=n, line=1, start=a, end=b) for n, a, b in (("out", 0, 50), ("in", 10, 20), ("next", 60, 70))
    ]
    assert {t.name: t.ways for t in counted(spans, [5, 12, 15, 30, 55, 60, 99])} == {
        "out": 3,
        "in": 3,
        "next": 2,
    }


def test_only_what_grew_is_told():
    def side(**ways: int) -> list[Tangle]:
        return [Tangle(name=name, line=1, ways=count) for name, count in ways.items()]

    found = grown("p", side(same=9, less=9, more=2), side(same=9, less=3, more=5, new=4))
    assert {each.name: (each.before, each.ways) for each in found} == {"more": (2, 5), "new": (0, 4)}


GPL = b"GNU GENERAL PUBLIC LICENSE\n  Version 3, 29 June 2007"
MIT = b"Permission is hereby granted, free of charge, to any person obtaining a copy\n * of this software"
LICENCES = [
    ("a.py", b"# SPDX-License-Identifier: mit\n", "MIT"),
    ("a.html", b"<!-- SPDX-License-Identifier: Apache-2.0 -->", "Apache-2.0"),
    ("a.c", b"/* SPDX-License-Identifier: GPL-2.0-only WITH Classpath-exception-2.0 */", "GPL-2.0-only WITH Classpath-exception-2.0"),
    ("a.c", b"// SPDX-License-Identifier: Nonsense-9", "?"),
    ("a.py", b"x = 1", ""),
    ("a.py", b"x" * 9000 + b"SPDX-License-Identifier: MIT", ""),
    ("a.md", GPL, ""),
    ("COPYING", GPL, "GPL-3.0-only"),
    ("lib/LICENSE.txt", MIT, "MIT"),
    ("LICENSE-APACHE", b"Apache License\n Version 2.0, January 2004", "Apache-2.0"),
    ("LICENSE", b"Redistribution and use in source and binary forms, ...", "BSD-2-Clause"),
    ("LICENSE", b"Redistribution and use in source and binary forms: Neither the name of X may be used to endorse", "BSD-3-Clause"),
    ("LICENCE", b"All rights reserved. Ask us.", "?"),
    ("licensing.py", GPL, ""),
]  # fmt: skip


@pytest.mark.parametrize(("path", "content", "licence"), LICENCES)
def test_the_licence_that_a_file_names(path, content, licence):
    assert licence_of(path, content) == licence


@pytest.mark.parametrize("text", ["MIT OR ISC", "nonsense", ""])
def test_what_is_no_licence_id_is_refused(text):
    with pytest.raises(ValueError, match="licence"):
        licence_id(text)


def finding(rule: str = "unpinned-uses", severity: Severity = Severity.HIGH, **other: str) -> WorkflowFinding:
    given = {"path": ".github/workflows/a.yml", "what": "w", "mark": "m", **other}
    return WorkflowFinding(line=3, rule=rule, severity=severity, **given)


def test_what_moved_is_not_new_and_what_came_twice_is():
    old = finding()
    assert fresh([old], [replace(old, line=9)]) == ()
    assert fresh([old], [old, replace(old, line=9)]) == (replace(old, line=9),)
    assert fresh([old], [finding(mark="other")]) == (finding(mark="other"),)


def test_which_files_are_audited():
    assert is_workflow(".github/workflows/a.yaml")
    assert is_workflow("deep/in/action.yml")
    assert not is_workflow(".github/workflows/sub/a.yml")
    assert not is_workflow("workflows/a.yml")


def facts(**other: Any) -> DiffFacts:
    return replace(diff(PLAIN), **other)


def added(licence: str, path: str = "src/lib/new.py") -> DiffFacts:
    file = replace(PLAIN, path=path, status=FileStatus.ADDED, old_sha=None, licence=licence)
    return replace(diff(file), own_licence="MIT")


BROKEN, UNREAD = Break(path="a.py", line=2, symbol="a.f", why="removed"), Unread(path="b.py", why="not UTF-8")
KNOT = Tangled(path="a.py", name="f", line=1, ways=41, before=12)
STRICT = Policy(require=("breaking_api",))
LISTED = Policy(contents=ContentPolicy(licences=("Apache-2.0", "MIT")))
RULES = [
    ("a break", facts(breaking=(BROKEN,)), Policy(), Outcome.WARN, "a.py:2 a.f: removed"),
    ("a break that must not be", facts(breaking=(BROKEN,)), STRICT, Outcome.BLOCK, "breaking_api"),
    ("what was not compared", facts(unread=(UNREAD,)), Policy(), Outcome.WARN, "not_compared"),
    ("and had to be", facts(unread=(UNREAD,)), STRICT, Outcome.UNKNOWN, "not_compared"),
    ("many", facts(breaking=(BROKEN,) * 50), Policy(), Outcome.WARN, "and 30 more"),
    ("too tangled", facts(tangled=(KNOT,)), Policy(), Outcome.BLOCK, "41 ways through it, was 12"),
    ("just not too tangled", facts(tangled=(replace(KNOT, ways=40),)), Policy(), Outcome.PASS, "40 ways"),
    ("a dangerous workflow", facts(workflows=(finding(),)), Policy(), Outcome.BLOCK, "actions_security"),
    ("a doubtful one", facts(workflows=(finding(severity=Severity.MEDIUM),)), Policy(), Outcome.WARN, "(medium)"),
    ("one that nobody audited", facts(unaudited=(UNREAD,)), Policy(), Outcome.UNKNOWN, "not_audited"),
    ("a licence", added("Apache-2.0"), Policy(), Outcome.PASS, "Apache-2.0"),
    ("strong copyleft", added("GPL-3.0-only"), Policy(), Outcome.WARN, "in a repository under MIT"),
    ("a choice", added("GPL-3.0-only OR MIT"), Policy(), Outcome.PASS, "licences"),
    ("no choice", added("GPL-3.0-only AND MIT"), Policy(), Outcome.WARN, "in a repository under MIT"),
    ("at home there", replace(added("GPL-3.0-only"), own_licence="GPL-3.0-only"), Policy(), Outcome.PASS, "licences"),
    ("unknown", added("?"), Policy(), Outcome.WARN, "could not be told"),
    ("listed", added("MIT"), LISTED, Outcome.PASS, "licences"),
    ("one of a choice is listed", added("MIT OR GPL-2.0-only"), LISTED, Outcome.PASS, "licences"),
    ("not listed", added("ISC"), LISTED, Outcome.BLOCK, "not in the list"),
    ("only half listed", added("MIT AND ISC"), LISTED, Outcome.BLOCK, "not in the list"),
    ("unknown where there is a list", added("?"), LISTED, Outcome.UNKNOWN, "could not be told"),
    ("vendored without", added("", "src/vendor/left/pad.py"), Policy(), Outcome.WARN, "src/vendor/left: no licence"),
    ("vendored with", added("MIT", "src/vendor/left/LICENSE"), Policy(), Outcome.PASS, "licences"),
    (
        "a binary under the ceiling",
        diff(replace(PLAIN, binary=True, size=1000)),
        Policy(contents=ContentPolicy(max_binary_bytes=1000)),
        Outcome.PASS,
        "no_surprises",
    ),
    (
        "two that are above it together",
        diff(*[replace(PLAIN, path=f"src/{n}", binary=True, size=600) for n in "ab"]),
        Policy(contents=ContentPolicy(max_binary_bytes=1000)),
        Outcome.BLOCK,
        "600 bytes",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("what", "found", "policy", "outcome", "says"), RULES, ids=[r[0] for r in RULES])
def test_what_the_policy_says(what, found, policy, outcome, says):
    verdict = judge_patches(found, SCOPE, policy)
    assert verdict.outcome is outcome, render_text(verdict)
    assert says in render_text(verdict)
    assert bool(list(failures(verdict))) is (outcome in {Outcome.BLOCK, Outcome.UNKNOWN})


def test_a_break_raises_the_risk_and_so_does_what_was_not_compared():
    def score(found: DiffFacts) -> int:
        return assess((found,), dependents=0, policy=Policy()).score

    assert score(facts()) < score(facts(unread=(UNREAD,))) < score(facts(breaking=(BROKEN,)))
    items = assess((facts(breaking=(BROKEN,)),), dependents=0, policy=Policy()).items
    assert "public API changes: a.f" in [item.reason for item in items]
