"""Python sources in pieces: what two of them share is left out, and nothing else."""

import ast
import os
from pathlib import Path

import pytest

from penstock.core.sources.pieces import sides_of

F, G = "def f():\n    pass\n", "def g():\n    pass\n"
APART = [
    ("a function of two", F + G, F + G.replace("pass", "x"), "\n\n" + G),
    ("one that comes in between", F + G, F + "y = 1\n" + G, "\n\n\n\n"),
    ("a decorator belongs to what it decorates", "@d\n" + F, "@d\n" + F.replace("()", "(a)"), "@d\n" + F),
    ("two decorators, shared", "x = 1\n@d\n@e(\n1,\n)\n" + F, "x = 2\n@d\n@e(\n1,\n)\n" + F, "x = 1\n" + "\n" * 6),
    ("code in a text", 't = """\ndef f(): pass\n"""\nx = 1\n', 't = """\ndef g(): pass\n"""\nx = 1\n', 't = """\ndef f(): pass\n"""\n\n'),
    ("a text after code", f"x = 1\nt = '''\n{F}'''\n", f"x = 2\nt = '''\n{F}'''\n", "x = 1\n\n\n\n\n"),
    ("quotes in texts", "t = \"'\" + '\"' + '\\''\nx = 1\n", "t = \"'\" + '\"' + '\\''\nx = 2\n", "\nx = 1\n"),
    ("quotes in a long text", 't = """a"b""c\\"""\nx = 1\n"""\nx = 1\n', 't = """a"b""c\\"""\nx = 1\n"""\nx = 2\n', "\n\n\nx = 1\n"),
    ("quotes and brackets in remarks", "# don't (\nx = 1\ny = 1\n", "# don't (\nx = 1\ny = 2\n", "\n\ny = 1\n"),
    ("an alternative", "if a:\n    b = 1\nelse:\n    b = 2\n", "if a:\n    b = 1\nelse:\n    b = 3\n", "if a:\n    b = 1\nelse:\n    b = 2\n"),
    ("what begins like a keyword", "x = 1\nelsewhere = 1\n", "x = 1\nelsewhere = 2\n", "\nelsewhere = 1\n"),
    ("an open bracket", "v = (\na,\n)\nx = 1\n", "v = (\nb,\n)\nx = 1\n", "v = (\na,\n)\n\n"),
    ("a line that goes on", "v = 1 + \\\na\nx = 1\n", "v = 1 + \\\nb\nx = 1\n", "v = 1 + \\\na\n\n"),
    ("the same with other line ends", "v = 1 + \\\r\na\r\nx = 1\r\n", "v = 1 + \\\r\nb\r\nx = 1\r\n", "v = 1 + \\\r\na\r\n\n"),
    ("a text that goes on", "v = 'a\\\nb'\nx = 1\n", "v = 'a\\\nc'\nx = 1\n", "v = 'a\\\nb'\n\n"),
    ("a text in the place of code", "x = 1\ny = 123\nc = 1\nzzz\n", 'x = 2\nt = """\nc = 1\n"""\n', "x = 1\ny = 123\nc = 1\nzzz\n"),
    ("what comes twice in another number", F + F, F, None),
    ("another order", F + G, G + F, None),
    ("a text without an end", 't = """\nx = 1\n', 't = """\nx = 2\n', None),
    ("a short text without an end", "t = '\nx = 1\n", "t = '\nx = 2\n", None),
    ("a bracket without an end", "v = (\nx = 1\n", "v = (\nx = 2\n", None),
    ("a bracket without a beginning", ")\nx = 1\n", ")\nx = 2\n", None),
    ("lines that end otherwise", "# a\rx = 1\ny = 1\n", "# a\rx = 1\ny = 2\n", None),
    ("a zero byte", "x = 1\0\ny = 1\n", "x = 1\0\ny = 2\n", None),
]  # fmt: skip


@pytest.mark.parametrize(("what", "before", "after", "left"), APART, ids=[row[0] for row in APART])
def test_what_differs_of_a_source(what: str, before: str, after: str, left: str | None) -> None:
    sides = sides_of(before.encode(), after.encode())
    told = sides.differing if sides else None
    assert (told[0].decode() if told else None) == left
    if told and left:
        assert [side.count(b"\n") for side in told] == [before.count("\n"), after.count("\n")]


BESIDE = "import a\n@d\ndef f(): pass\n# g\nasync def g():\n    pass\nclass A:\n    b = 1\nclass B(A):\n    c = 1\nx = 1\ny = 1\n"


@pytest.mark.parametrize(
    ("what", "named", "left_out"),
    [
        ("functions", (), ("@d\ndef f(): pass\n# g\n", "async def g():\n    pass\n")),
        ("but what is named", ("f",), ("async def g():\n    pass\n",)),
    ],
)  # fmt: skip
def test_what_is_left_beside_what_differs(
    what: str, named: tuple[str, ...], left_out: tuple[str, ...]
) -> None:
    sides = sides_of(BESIDE.encode(), BESIDE.replace("y = 1", "y = 2").encode())
    assert sides
    left = BESIDE
    for each in left_out:
        left = left.replace(each, "\n" * each.count("\n"))
    assert sides.beside(named)[0].decode() == left


@pytest.mark.parametrize("more", ["(b) = 1\n", "ü = 1\n", '"text"\n'])
def test_what_follows_a_function_at_the_margin_keeps_it(more: str) -> None:
    source = f"def f(): pass\n{more}x = 1\n"
    sides = sides_of(source.encode(), source.replace("x", "y").encode())
    assert sides
    assert sides.beside(())[0].decode() == source


def test_pieces_are_whole_statements_of_python_s_own_library() -> None:
    read = 0
    for path in sorted(Path(os.__file__).parent.glob("*.py"))[::12]:
        source = path.read_bytes()
        if not source.isascii():
            continue
        sides = sides_of(source, source.replace(b"\ndef ", b"\ndef _"))
        assert sides is not None, path
        told = sides.differing
        whole = {ast.dump(each) for each in ast.parse(source).body}
        assert {ast.dump(each) for each in ast.parse(told[0]).body} <= whole, path
        read += 1
    assert read > 5


def test_names_are_those_outside_of_functions() -> None:
    source = "@d(a)\ndef f(b):\n    c = 1\nclass E:\n    def g(self): h\nx = 1\n"
    sides = sides_of(source.encode(), source.replace("x", "y").encode())
    assert sides
    before, after = sides.names
    assert before - after == {"x"}
    assert after - before == {"y"}
    assert {"d", "a", "f", "E", "g", "h"} <= before
    assert before.isdisjoint({"b", "c"})
