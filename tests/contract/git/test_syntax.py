"""Two sides of a Python source, of which only what differs is parsed: as true as if each had been parsed whole."""

import ast
from collections.abc import Sequence

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from penstock.adapters.git.syntax import newly_invalid, pythons

PIECES = (
    "import os\n",
    "from __future__ import annotations\n",
    "def f(a):\n    return a\n",
    "@decorated\ndef g():\n    pass\n",
    "@decorated(\n    1\n)\n",
    "@decorated\n",
    "class A:\n    x = 1\n\n    def m(self):\n        if self:\n            pass\n",
    "if x:\n    y = 1\n",
    "else:\n    y = 2\n",
    "elif z:\n    y = 3\n",
    "try:\n    a()\n",
    "except ValueError:\n    pass\n",
    "finally:\n    pass\n",
    'text = """\ndef not_code():\nelse:\n"""\n',
    '"""\n',
    "value = (\n1,\nb,\n",
    ")\n",
    "value = 1 + \\\n",
    "b\n",
    "match x:\n    case 1:\n        pass\n",
    "case = 1\n",
    "# coding: latin-1\n",
    "# a remark\n",
    "  indented = 1\n",
    "x = 1; y = 2\n",
    "x = 1\r\n",
    "x = 1\ry = 2\n",
    "\f\n",
    "name = 'ä'\n",
    "return 1\n",
    "global q\n",
    "last = a",
    "\x00\n",
)
SOURCES = st.lists(st.sampled_from(PIECES), max_size=8)


def _whole(source: bytes) -> list[str] | None:
    """Its statements, with their places; None where it is not valid."""
    try:
        return _statements(ast.parse(source))
    except (SyntaxError, ValueError):
        return None


def _statements(module: ast.Module | str | None, *, places: bool = True) -> list[str]:
    assert isinstance(module, ast.Module)
    return [ast.dump(each, include_attributes=places) for each in module.body]


def _left_out(source: bytes, part: ast.Module | str | None) -> list[str]:
    """The statements of a source that a part of it does not have, in their order. The others must stand where they stood."""
    whole, rest = ast.parse(source), _statements(part)
    out = []
    for each, told in zip(whole.body, _statements(whole), strict=True):
        if rest and told == rest[0]:
            rest.pop(0)
        else:
            out.append(ast.dump(each))
    assert not rest
    return out


@example([], [], PIECES[:1], PIECES[:1])
@given(SOURCES, SOURCES, SOURCES, SOURCES)
def test_parts_say_what_the_whole_says(
    front: Sequence[str], old: Sequence[str], new: Sequence[str], back: Sequence[str]
) -> None:
    sides = ["".join((*front, *middle, *back)).encode() for middle in (old, new)]
    wholes = [_whole(side) for side in sides]
    read = pythons(*sides)
    parts = [read.before, read.after]
    if None not in wholes:
        old_rest, new_rest = (_left_out(side, part) for side, part in zip(sides, parts, strict=True))
        assert old_rest == new_rest
    elif any(wholes):
        assert [isinstance(part, str) for part in parts] == [whole is None for whole in wholes]


def test_most_of_a_source_is_left_out() -> None:
    many = b"".join(b"def f%d(a):\n    return a\n\n\n" % n for n in range(50))
    read = pythons(many, many.replace(b"def f25(a)", b"def f25(a, b)"))
    assert isinstance(read.after, ast.Module)
    (only,) = read.after.body
    assert isinstance(only, ast.FunctionDef)
    assert (only.name, only.lineno) == ("f25", 101)


@pytest.mark.parametrize(
    ("path", "old", "new", "problem"),
    [
        ("a.py", b"x = 1\n", b"x = 1\ny = (\n", "'(' was never closed, line 2"),
        ("a.pyi", None, b"def f(:\n", "invalid syntax, line 1"),
        ("a.py", b"x = {{ template }}}\n", b"y = {{ template }}}\n", None),
        ("a.py", b"x = 1\nif x:\n    pass\n", b"x = 1\nelse:\n    pass\n", "invalid syntax, line 2"),
        (
            "a.json",
            b"{}",
            b"{",
            "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)",
        ),
        ("a.json", b"{", b"[", None),
        ("a.txt", b"", b"(", None),
        ("a.py", b"", b"(" * 5000, "too many nested parentheses, line 1"),
    ],
)
def test_what_is_told_of_new_content(path: str, old: bytes | None, new: bytes, problem: str | None) -> None:
    assert newly_invalid(path, old, new) == problem
