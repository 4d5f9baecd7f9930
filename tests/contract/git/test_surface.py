"""What changed sources offer, on both sides, read from real trees; and what is hostile ends as a fact."""

import ast
from collections.abc import Container, Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.contract.git.origin import REPO, Origin, mirrored

from penstock.adapters.git import surface
from penstock.adapters.git.sources.apart import Apart
from penstock.adapters.git.sources.packages import broken
from penstock.adapters.git.sources.questions import PackageQuestion, TextQuestion
from penstock.adapters.git.syntax import pythons
from penstock.core.evidence import DiffFacts
from penstock.core.sources.api import Language
from penstock.core.sources.outline import outline, stays_inside
from penstock.core.sources.pieces import sides_of
from penstock.core.sources.statements import words


def changed(tmp_path: Path, before: dict[str, bytes | None], after: dict[str, bytes | None]) -> DiffFacts:
    origin = Origin(tmp_path / "origin")
    base = origin.commit({"kept": b"kept\n", **before})
    head = origin.commit(after)
    mirrors = mirrored(tmp_path / "mirrors", origin, base, head)
    return mirrors.facts(REPO, base, mirrors.tree_of(REPO, head))


INIT = b"from lib._impl import f\n__all__ = ['f', 'gone']\ndef gone(): ...\n"
BROKEN = {
    "a function behind a private module": (
        {"src/lib/__init__.py": INIT, "src/lib/_impl.py": b"def f(a): ...\ndef own(): ...\n"},
        {"src/lib/_impl.py": b"def f(a, b): ...\n"},
        ["src/lib/_impl.py:1 lib._impl.f: parameter b added without a default"],
    ),
    "one that moved but is still there": (
        {"lib/__init__.py": b"from lib.a import f\n__all__ = ['f']\n", "lib/a.py": b"def f(): ...\n"},
        {
            "lib/__init__.py": b"from lib._b import f\n__all__ = ['f']\n",
            "lib/a.py": b"from lib._b import f\n__all__ = ['f']\n",
            "lib/_b.py": b"def f(): ...\n",
        },
        [],
    ),
    "a name from a module that did not change": (
        {"lib/__init__.py": b"from lib.a import f\n__all__ = ['f']\n", "lib/a.py": b"def f(): ...\n"},
        {"lib/__init__.py": b"__all__ = []\n"},
        ["lib/__init__.py:1 lib.f: removed"],
    ),
    "beside a name that is also a module's": (
        {
            "lib/__init__.py": b"from lib.f import f\n",
            "lib/f.py": b"def f(): ...\n",
            "lib/g.py": b"from lib.f import h\ndef g(): ...\n",
        },
        {"lib/g.py": b"from lib.f import h\ndef g(a): ...\n"},
        ["lib/g.py:2 lib.g.g: parameter a added without a default"],
    ),
    "by a new module of the same name": (
        {"lib/__init__.py": b"def f(): ...\n", "lib/g.py": b"x = 1\n"},
        {"lib/f.py": b"def h(): ...\n", "lib/g.py": b"x = 1\ny = 2\n"},
        ["lib/f.py:1 lib.f: was a function, is a module"],
    ),
    "a new module beside another": ({"lib/__init__.py": b"", "lib/g.py": b"x = 1\n"}, {"lib/f.py": b"def h(): ...\n"}, []),
    "a module": ({"lib/__init__.py": b"", "lib/m.py": b"x = 1\n"}, {"lib/m.py": None}, ["lib/m.py:1 lib.m: removed"]),
    "a whole package": ({"lib/__init__.py": b"x = 1\n"}, {"lib/__init__.py": None}, ["lib/__init__.py:1 lib: removed"]),
    "tests and scripts are nobody's": (
        {"tests/test_a.py": b"def f(): ...\n", "setup.py": b"x = 1\n", "scripts/a.py": b"x = 1\n"},
        {"tests/test_a.py": b"y = 1\n", "setup.py": b"y = 1\n", "scripts/a.py": b"y = 1\n"},
        [],
    ),
    "only a body": ({"a.py": b"def f():\n    return 1\n"}, {"a.py": b"def f():\n    return 2\n"}, []),
    "JavaScript, under another ending": (
        {"a.js": b"export function f(a) {}\nexport const g = (x) => x\n"},
        {"a.js": None, "a.ts": b"export function f(a: number, b: string) {}\n"},
        ["a.ts:1 f: asks for 2 parameters, did for 1", "a.js:2 g: function removed"],
    ),
    "Go, within its package": (
        {"p/a.go": b"package p\nfunc F(x int) {}\nfunc G() {}\n", "p/b.go": b"package p\n"},
        {"p/a.go": b"package p\nfunc F(y string) {}\n", "p/b.go": b"package p\nfunc G() {}\n"},
        ["p/a.go:2 F: parameters (int) became (string)"],
    ),
    "a Go program": ({"m.go": b"package main\nfunc F() {}\n"}, {"m.go": b"package main\n"}, []),
    "Rust": (
        {"src/lib.rs": b"pub fn f(a: u8) {}\npub(crate) fn g() {}\npub trait T {}\n"},
        {"src/lib.rs": b"pub trait T { fn need(&self); }\n"},
        ["src/lib.rs:1 f: function removed", "src/lib.rs:1 T.need: function added that every implementation has to have"],
    ),
    "Java": (
        {"A.java": b"package x; public class A { public int f(int a) { return 1; } int g() { return 1; } }"},
        {"A.java": b"package x; public class A { public int f(String a) { return 1; } }"},
        ["A.java:1 A.f(int): method removed"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("before", "after", "said"), BROKEN.values(), ids=BROKEN)
def test_what_breaks(tmp_path: Path, before, after, said) -> None:
    found = changed(tmp_path, before, after)
    assert [str(each) for each in found.breaking] == said
    assert found.unread == ()


STATEMENTS = (
    "from os.path import join",
    "from os.path import join as split",
    "import os",
    "def f(a): ...",
    "def f(): ...",
    "def _f(a): ...",
    "def _f(): ...",
    "def _A(): ...",
    "class _A:\n def m(self): ...\n def _n(self): ...",
    "class _A:\n def m(self, a): ...",
    "class A(_A):\n def _n(self, a): ...",
    "class A:\n def __init__(self): self.x = 1\n def _n(self): ...",
    "class A(os.PathLike): ...",
    "g = _f",
    "class A:\n def __init__(self): self.x = 1\n def k(self): ...",
    "class B:\n def n(self):\n  f = g\n def k(self): ...",
    "class B:\n def n(self):\n  f = g",
    "def i():\n join = _A",
    "y = z = 2",
    "x: int = 1",
    "if f:\n def h(): ...",
)


MODULES = st.lists(st.sampled_from(STATEMENTS), max_size=5)


def _broken(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> list[str]:
    """What griffe says of a package on both sides."""
    sides = ({f"p/{name}": text.decode() for name, text in side.items()} for side in (before, after))
    old, new = sides
    return [str(each) for each in broken(PackageQuestion(name="p", before=old, after=new))]


@given(MODULES, MODULES)
def test_what_needs_no_closer_look_breaks_nothing(before: Sequence[str], after: Sequence[str]) -> None:
    texts = ["".join(f"{each}\n" for each in side).encode() for side in (before, after)]
    was, now = (outline(ast.parse(text)) for text in texts)
    if was == now or stays_inside(was, now, _names(*texts)):
        assert _broken(*({"__init__.py": b"", "m.py": text} for text in texts)) == []


def _names(before: bytes, after: bytes) -> tuple[Container[str], Container[str]]:
    sides = sides_of(before, after)
    return sides.names if sides else (words(before), words(after))


ELSEWHERE = st.lists(
    st.sampled_from(
        (
            "from p.m import f",
            "from p.m import f as g",
            "from p.m import _A",
            "from p.n import h",
            "from p.n import g as f",
            "from p.m import *",
            "__all__ = ['f', 'g', 'h']",
            "def h(a): ...",
            "def f(b): ...",
            "class B(_A): ...",
        )
    ),
    max_size=4,
)


@settings(max_examples=20)
@given(MODULES, MODULES, MODULES, ELSEWHERE, ELSEWHERE, ELSEWHERE)
def test_what_is_left_out_changes_no_answer(
    old: Sequence[str],
    new: Sequence[str],
    kept: Sequence[str],
    same: Sequence[str],
    before: Sequence[str],
    after: Sequence[str],
) -> None:
    sources = {
        "m.py": ((*old, *kept, *new[:2]), (*new[2:], *kept, *new[:2])),
        "n.py": ((*same, *before), (*same, *after)),
        "__init__.py": ((*same[2:], *before[1:]), (*same[2:], *after[1:])),
    }
    whole = {
        name: ["".join(f"{each}\n" for each in side).encode() for side in both]
        for name, both in sources.items()
    }
    left = dict(zip(whole, surface.trimmed([_source(*both) for both in whole.values()]), strict=True))
    answers = [
        _broken(*({name: both[n] or b"" for name, both in texts.items()} for n in (0, 1)))
        for texts in (whole, left)
    ]
    assert answers[0] == answers[1]


def _source(before: bytes, after: bytes) -> surface.Source:
    sides = pythons(before, after).sides
    return surface.Source(path="", language=Language.PYTHON, before=before, after=after, sides=sides)


def test_what_is_private_may_be_public_elsewhere(tmp_path: Path) -> None:
    init, own = "from lib._m import _f as f\n", "def _f(a): ...\n"
    for exports, said in (
        ("", []),
        ("__all__ = ['f']\n", ["src/lib/_m.py:1 lib._m._f: parameter b added without a default"]),
    ):
        before = {"src/lib/__init__.py": (init + exports).encode(), "src/lib/_m.py": own.encode()}
        found = changed(tmp_path / str(len(said)), dict(before), {"src/lib/_m.py": b"def _f(a, b): ...\n"})
        assert [str(each) for each in found.breaking] == said


def test_what_packages_say_of_themselves_is_read_once_however_many_there_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[bytes] = []

    def counted(source: bytes) -> frozenset[str]:
        read.append(source)
        return words(source)

    monkeypatch.setattr(surface, "words", counted)
    inits: dict[str, bytes | None] = {f"p{n}/__init__.py": b"VERSION = %d\n" % n for n in range(4)}
    old: dict[str, bytes | None] = {f"p{n}/old.py": b"def _f(a): ...\n" for n in range(4)}
    new: dict[str, bytes | None] = {f"p{n}/new.py": b"X = 1\n" for n in range(4)}
    facts = changed(tmp_path, inits | old, new | dict.fromkeys(old, b"def _f(b): ...\n"))
    assert facts.breaking == ()
    assert len([text for text in read if text in inits.values()]) == 2 * len(inits), "on each side"


def test_nothing_of_what_is_read_runs(tmp_path: Path) -> None:
    mark = tmp_path / "it ran"
    evil = f"open({str(mark)!r}, 'w')\n".encode()
    found = changed(tmp_path, {"lib/__init__.py": evil + b"a = 1\n"}, {"lib/__init__.py": evil + b"b = 1\n"})
    assert [each.symbol for each in found.breaking] == ["lib.a"]
    assert not mark.exists()


HOSTILE = {
    "no longer Python": ("a.py", b"x = 1\n", b"def (\n", "does not parse"),
    "deep Python": ("a.py", b"x = 1\n", b"x = " + b"-" * 100_000 + b"1\n", "does not parse"),
    "not UTF-8": ("a.js", b"export const a = 1\n", b"// \xff\nexport const a = 1\n", "not UTF-8"),
    "no longer JavaScript": ("a.js", b"export const a = 1\n", b"export {{{\n", "does not parse as javascript, line 1"),
    "deep Go": ("a.go", b"package a\n", b"package a\n" + b"(" * 50_000, "does not parse as go"),
    "enormous": ("a.ts", b"export const a = 1\n", b"x \n" * 180_000, "longer than 512 KiB"),
}  # fmt: skip


@pytest.mark.parametrize(("path", "old", "new", "why"), HOSTILE.values(), ids=HOSTILE)
def test_what_cannot_be_compared_is_a_fact(tmp_path: Path, path, old, new, why) -> None:
    found = changed(tmp_path, {path: old}, {path: new})
    assert [each.path for each in found.unread] == [path]
    assert found.unread[0].why.startswith(why)
    assert found.breaking == ()


def test_what_is_not_valid_above_looks_like_no_removal(tmp_path: Path) -> None:
    before: dict[str, bytes | None] = {"lib/__init__.py": b"def f(): ...\n", "lib/g.py": b"def g(): ...\n"}
    found = changed(tmp_path, before, {"lib/__init__.py": b"def f(:\n", "lib/g.py": b"def g(a): ...\n"})
    assert found.breaking == ()
    told = {each.path: each.why for each in found.unread}
    assert told.keys() == {"lib/__init__.py", "lib/g.py"}
    assert told["lib/g.py"].startswith("a file of its package does not parse")


def test_what_takes_its_parser_too_long_is_ended_and_the_next_question_is_answered() -> None:
    """Seconds a kilobyte: the grammar tries every generic type there could be."""
    apart = Apart()
    endless = TextQuestion(language=Language.JAVA, text="a<\n" * 40_000)
    assert apart.ask(endless, 0.5).problem == "too long for its parser"
    good = apart.ask(TextQuestion(language=Language.GO, text="package a\nfunc F() {}\n"), 10)
    assert [symbol.name for symbol in good.symbols] == ["F"]
    apart.end()


def test_what_griffe_cannot_resolve_is_said_and_ends_nothing() -> None:
    apart = Apart()
    ends = {"m": "n", "n": "m"}
    circle = {f"p/{name}.py": f"from p.{other} import x\n__all__ = ['x']\n" for name, other in ends.items()}
    try:
        assert "Cyclic" in apart.ask(PackageQuestion(name="p", before=circle, after=circle), 10).problem
        process = apart._process
        assert apart.ask(PackageQuestion(name="m", before={"m.py": "x = 1"}, after={}), 10).breaks
        assert apart._process is process
    finally:
        apart.end()


def test_of_more_than_the_bound_the_rest_is_not_compared(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(surface, "MOST", 1)
    found = changed(
        tmp_path, {"a.py": b"x = 1\n", "b.py": b"x = 1\n"}, {"a.py": b"y = 1\n", "b.py": b"y = 1\n"}
    )
    assert [each.symbol for each in found.breaking] == ["a.x"]
    assert [each.path for each in found.unread] == ["b.py"]


def test_what_became_more_complex(tmp_path: Path) -> None:
    grown = b"def f(a):\n    if a:\n        return 1\n"
    js = b"export const g = (a) => { if (a && b) { return 1 } }\n"
    found = changed(tmp_path, {"a.py": b"def f(a):\n    return 1\n"}, {"a.py": grown, "b.js": js})
    assert [(each.name, each.before, each.ways) for each in found.tangled] == [("g", 0, 3), ("f", 1, 2)]


def test_licences_of_what_is_added_and_of_the_repository(tmp_path: Path) -> None:
    mit = b"Permission is hereby granted, free of charge, to any person obtaining a copy of this software"
    gpl = b"# SPDX-License-Identifier: GPL-3.0-only\n"
    found = changed(tmp_path, {"LICENSE": mit, "old.py": b"x\n"}, {"new.py": gpl, "old.py": gpl})
    assert {file.path: file.licence for file in found.files} == {"new.py": "GPL-3.0-only", "old.py": ""}
    assert found.own_licence == "MIT"
