"""What is said of a difference is what git's trees say, whatever the contents pretend."""

from pathlib import Path

import pytest
from tests.contract.git.origin import REPO, Origin, git, mirrored

from penstock.adapters.git.mirrors import Mirrors
from penstock.core.evidence import FileFact, FileMode, FileStatus
from penstock.core.refs import Sha
from penstock.core.write import TreeEdit
from penstock.ports import Permanent


def facts_of(
    tmp_path: Path, before: dict[str, bytes | None], after: dict[str, bytes | None]
) -> dict[str, FileFact]:
    origin = Origin(tmp_path / "origin")
    base = origin.commit({"kept": b"kept\n", **before})
    head = origin.commit(after)
    mirrors = mirrored(tmp_path / "mirrors", origin, base, head)
    found = mirrors.facts(REPO, base, mirrors.tree_of(REPO, head))
    assert found.base_commit == base
    assert found.tree == origin.tree()
    return {fact.path: fact for fact in found.files}


def test_status_modes_and_counts_come_from_the_trees(tmp_path: Path) -> None:
    origin = Origin(tmp_path / "origin")
    base = origin.commit({"mod": b"1\n2\n", "gone": b"x\n", "x.sh": b"#!\n", "type": b"t\n", "bin": b"\0a"})
    (origin.folder / "mod").write_bytes(b"1\n3\n4\n")
    (origin.folder / "gone").unlink()
    (origin.folder / "x.sh").chmod(0o755)
    (origin.folder / "type").unlink()
    (origin.folder / "type").symlink_to("mod")
    (origin.folder / "bin").write_bytes(b"\0b")
    (origin.folder / "new\nline").write_bytes(b"n\n")
    git(origin.folder, "update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},module")
    (origin.folder / "module").mkdir()
    head = origin.commit_all()
    mirrors = mirrored(tmp_path / "mirrors", origin, base, head)
    found = mirrors.facts(REPO, base, mirrors.tree_of(REPO, head))
    shown = {
        f.path: (f.status, f.old_mode, f.new_mode, f.additions, f.deletions, f.binary) for f in found.files
    }
    file, absent = FileMode.FILE, FileMode.ABSENT
    assert shown == {
        "bin": (FileStatus.MODIFIED, file, file, 0, 0, True),
        "gone": (FileStatus.DELETED, file, absent, 0, 1, False),
        "mod": (FileStatus.MODIFIED, file, file, 2, 1, False),
        "module": (FileStatus.ADDED, absent, FileMode.SUBMODULE, 1, 0, False),
        "new\nline": (FileStatus.ADDED, absent, file, 1, 0, False),
        "type": (FileStatus.TYPE_CHANGED, file, FileMode.SYMLINK, 1, 1, False),
        "x.sh": (FileStatus.MODIFIED, file, FileMode.EXECUTABLE, 0, 0, False),
    }
    assert {f.path for f in found.files if f.hidden_characters} == {"new\nline"}
    assert (found.additions, found.deletions) == (5, 3)


@pytest.mark.parametrize(
    ("before", "after", "hidden"),
    [
        ("a\n", "a\nb\u202e\n", True),
        ("a\n", "a\nx\u2066y\n", True),
        ("a\n", "a\nis\u200bAdmin\n", True),
        ("a\n", "a\nis\u200dAdmin\n", True),
        ("a\n", "a\n\U000e0041\n", True),
        ("a\n", "a\n\x1b[2K\n", True),
        ("a\n", "a\nhidden\rshown\n", True),
        ("a\n", "a\n\ufeffb\n", True),
        ("a\u202e\n", "a\u202e\nfine\n", False),
        ("a\u202e\nb\n", "b\na\u202e\n", False),
        ("a\u202e\n", "b\n", False),
        ("", "\ufeffa\n", False),
        ("a\n", "a\r\nb\r\n", False),
        ("a\n", "a\tb\x0c\n", False),
        ("a\n", "family \U0001f468\u200d\U0001f469 \u2764\ufe0f\n", False),
        ("a\n", "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645\n", False),
    ],
)
def test_hidden_characters_count_in_added_lines_only(
    tmp_path: Path, before: str, after: str, hidden: bool
) -> None:
    found = facts_of(tmp_path, {"f": before.encode()}, {"f": after.encode()})
    assert found["f"].hidden_characters is hidden


def test_tests_that_say_less_are_noticed(tmp_path: Path) -> None:
    old: dict[str, bytes | None] = {
        "test_a.py": b"assert a\nassert b\n",
        "tests/test_b.py": b"assert b\n",
        "a.py": b"assert a\n",
    }
    new: dict[str, bytes | None] = dict.fromkeys(old)
    new["test_a.py"] = b"import pytest\n@pytest.mark.skip\nassert a\n"
    found = facts_of(tmp_path, old, new)
    assert {path: fact.weakened for path, fact in found.items()} == {
        "a.py": (),
        "test_a.py": ("line 2: a test is left out", "1 fewer assertion"),
        "tests/test_b.py": ("deleted",),
    }


def test_letters_that_pass_for_others_are_named_with_their_lines(tmp_path: Path) -> None:
    old = "is_\u0430dmin = 1\n"
    new = old + "plain = 2\nis_\u0430dmin = 3\n"
    found = facts_of(tmp_path, {"a.py": old.encode()}, {"a.py": new.encode(), "\u0440ay.py": b"x = 1\n"})
    assert found["a.py"].disguised == ("line 3: U+0430 in 'is_\\u0430dmin'",)
    assert found["\u0440ay.py"].disguised == ("name: U+0440 in '\\u0440ay'",)


@pytest.mark.parametrize(
    ("name", "before", "after", "problem"),
    [
        ("a.py", "", "def f(:\n", "invalid syntax, line 1"),
        ("a.py", "", "match x:\n    case 1: ...\n", None),
        ("a.py", "", "'\\d'\n", None),
        ("a.py", "print 'two'\n", "print 'three'\n", None),
        ("a.py", "", "(" * 5000 + ")" * 5000, "too many nested parentheses, line 1"),
        ("a.json", "{}", "{", "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
        ("a.json", "", "[" * 100_000, "nested too deeply to parse"),
        ("a.toml", "", "a = \n", "Invalid value (at line 1, column 5)"),
        ("a.yml", "", "a: [\n", "did not find expected node content, line 2"),
        ("a.yaml", "", "a: !custom {b: &x 1, c: *x}\n---\nb: 2\n", None),
        ("a.txt", "", "def f(:\n", None),
        ("a.json", "", '"' + "x" * (1 << 20), None),
    ],
)
def test_what_does_not_parse_says_why(
    tmp_path: Path, name: str, before: str, after: str, problem: str | None
) -> None:
    found = facts_of(tmp_path, {name: before.encode()}, {name: after.encode()})
    assert found[name].unparsable == problem


def places(fact: FileFact) -> tuple[tuple[str, int], ...]:
    return tuple((found.rule, found.first) for found in fact.secrets)


def test_secrets_are_found_in_added_lines_of_text_and_binary(tmp_path: Path) -> None:
    token = "ghp_" + "a" * 36
    old, new = f"t = {token}\n".encode(), f"x\nt = {token}\n".encode()
    found = facts_of(
        tmp_path,
        {"old": old, "moved": old, "bin": b"\0"},
        {"old": b"", "moved": new, "bin": b"\0\n" + old, "new": old},
    )
    assert {path: places(fact) for path, fact in found.items()} == {
        "bin": (("github-token", 2),),
        "moved": (),
        "new": (("github-token", 1),),
        "old": (),
    }


def test_a_secret_in_a_new_name_is_found_and_in_an_old_one_may_go(tmp_path: Path) -> None:
    token = "ghp_" + "a" * 36
    old, new, folder = f"{token}.old", f"x-{token}.py", f"{token}/a.py"
    found = facts_of(tmp_path, {old: b"x\n"}, {old: None, new: b"x\n", folder: b"x\n"})
    assert {path: places(fact) for path, fact in found.items()} == {
        old: (),
        new: (("github-token", 0),),
        folder: (("github-token", 0),),
    }


@pytest.mark.parametrize(
    ("before", "after", "collisions"),
    [
        (
            ("src/a.py", "README.md"),
            {"SRC": b"x", "readme.MD": b"x"},
            [("SRC", "src"), ("readme.MD", "README.md")],
        ),
        (("src/a.py",), {"Src/A.py": b"x"}, [("Src", "src"), ("Src/A.py", "src/a.py")]),
        ((), {"x/One": b"1", "x/one": b"2"}, [("x/One", "x/one"), ("x/one", "x/One")]),
        (("caf\u00e9",), {"cafe\u0301": b"x"}, [("cafe\u0301", "caf\u00e9")]),
        (("a/b", "A/b"), {"a/c": b"x", "a/b": b"changed"}, []),
        (("readme.md",), {"readme.md": None, "README.md": b"x"}, []),
        (("src/a.py",), {"src/b.py": b"x"}, []),
    ],
)
def test_new_names_that_some_checkouts_take_for_others(
    tmp_path: Path, before: tuple[str, ...], after: dict[str, bytes | None], collisions: list[tuple[str, str]]
) -> None:
    origin = Origin(tmp_path / "origin")
    base = origin.commit({"kept": b"kept\n", **dict.fromkeys(before, b"old")})
    head = origin.commit(after)
    mirrors = mirrored(tmp_path / "mirrors", origin, base, head)
    assert list(mirrors.facts(REPO, base, mirrors.tree_of(REPO, head)).collisions) == collisions


def digest(tmp_path: Path, before: dict[str, bytes | None], after: dict[str, bytes | None]) -> str:
    origin = Origin(tmp_path / "origin")
    base, head = origin.commit(before), origin.commit(after)
    mirrors = mirrored(tmp_path / "mirrors", origin, base, head)
    return mirrors.facts(REPO, base, mirrors.tree_of(REPO, head)).patch_digest


CONTEXT = b"one\ntwo\nthree\n"


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        (
            ({"f": CONTEXT + b"old\n"}, {"f": CONTEXT + b"new\n"}),
            ({"f": b"0\n" * 9 + CONTEXT + b"old\n"}, {"f": b"0\n" * 9 + CONTEXT + b"new\n"}),
            True,
        ),
        (({"f": b"old\n", "other": b"1"}, {"f": b"new\n"}), ({"f": b"old\n"}, {"f": b"new\n"}), True),
        (({"f": b"old\n"}, {"f": b"new\n"}), ({"f": b"old\n"}, {"f": b"new"}), False),
        (({"f": b"old\n"}, {"f": b"new\n"}), ({"g": b"old\n"}, {"g": b"new\n"}), False),
        (({"f": b"old\n"}, {"f": b"new\n"}), ({"f": b"old\n"}, {"f": b"new\n", "g": b""}), False),
        (({"f": b"\0old"}, {"f": b"\0new"}), ({"f": b"\0old"}, {"f": b"\0New"}), False),
        (
            ({"f": b"a\n"}, {"f": b"a\n@@ -1 +1 @@\n-x\n"}),
            ({"f": b"a\n"}, {"f": b"a\n@@ -2 +2 @@\n-x\n"}),
            False,
        ),
        (
            ({"f": b"a\n"}, {"f": b"a\ndiff --git a/x b/x\n"}),
            ({"f": b"a\n"}, {"f": b"a\ndiff --git a/x b/x\n"}),
            True,
        ),
    ],
)
def test_equal_patches_have_equal_digests(tmp_path, first, second, same) -> None:
    assert (digest(tmp_path / "1", *first) == digest(tmp_path / "2", *second)) is same


def test_edits_turn_one_tree_into_the_other(tmp_path: Path) -> None:
    origin = Origin(tmp_path / "origin")
    base, head = origin.commit({"a": b"1", "b/c": b"2"}), origin.commit({"a": None, "b/c": b"3", "d": b"4"})
    mirrors = mirrored(tmp_path / "mirrors", origin, base, head)
    edits = mirrors.edits(REPO, mirrors.tree_of(REPO, base), mirrors.tree_of(REPO, head))
    assert [(edit.path, edit.mode) for edit in edits] == [
        ("a", FileMode.ABSENT),
        ("b/c", FileMode.FILE),
        ("d", FileMode.FILE),
    ]
    assert edits[0] == TreeEdit(path="a", mode=FileMode.ABSENT, sha=None)
    assert [mirrors.blob(REPO, edit.sha) for edit in edits if edit.sha] == [b"3", b"4"]


def test_a_changed_name_that_no_forge_can_take_is_refused(tmp_path: Path) -> None:
    origin = Origin(tmp_path / "origin")
    base = origin.commit({"a": b"1"})
    head = origin.commit({"\udcff": b"2"})
    mirrors = mirrored(tmp_path / "mirrors", origin, base, head)
    assert mirrors.paths(REPO, head) == ("a",)
    with pytest.raises(Permanent, match="not UTF-8"):
        mirrors.facts(REPO, base, mirrors.tree_of(REPO, head))


def test_a_patch_for_people_hides_nothing(tmp_path: Path) -> None:
    origin = Origin(tmp_path / "origin")
    base, head = origin.commit({"a": b"1\n"}), origin.commit({"a": "1\n\u202e\x1b[2K\n".encode()})
    mirrors = mirrored(tmp_path / "mirrors", origin, base, head)
    assert "+<U+202E><U+001B>[2K\n" in mirrors.patch(REPO, base, mirrors.tree_of(REPO, head))


def test_files_are_read_at_a_commit(tmp_path: Path) -> None:
    origin = Origin(tmp_path / "origin")
    (origin.folder / "link").symlink_to("a")
    commit = origin.commit({"a": b"1", "d/e": b"", "big": b"x" * ((1 << 20) + 1)})
    mirrors = mirrored(tmp_path / "mirrors", origin, commit)
    assert mirrors.paths(REPO, commit) == ("a", "big", "d/e", "link")
    assert mirrors.files(REPO, commit, ("d/e", "a", "link", "big", "missing")) == {"a": b"1", "d/e": b""}


def test_inverse_restores_what_a_patch_touched_and_nothing_else(tmp_path: Path) -> None:
    origin = Origin(tmp_path / "origin")
    base = origin.commit({"a": b"1", "b": b"1", "c": b"1"})
    head = origin.commit({"a": b"2", "b": None, "new": b"2"})
    later = origin.commit({"c": b"3"})
    conflicting = origin.commit({"a": b"4"})
    origin.commit({"a": b"2", "new": None})
    nested = origin.commit({"new": b"2", "b/inside": b"5"})
    mirrors = mirrored(tmp_path / "mirrors", origin, base, head, later, conflicting, nested)
    tree = mirrors.tree_of(REPO, head)
    undone = mirrors.inverse_tree(REPO, later, base, tree)
    assert undone is not None
    assert {path: mirrors.files(REPO, undone, (path,))[path] for path in mirrors.paths(REPO, undone)} == {
        "a": b"1",
        "b": b"1",
        "c": b"3",
    }
    assert mirrors.inverse_tree(REPO, head, base, tree) == mirrors.tree_of(REPO, base)
    assert mirrors.inverse_tree(REPO, conflicting, base, tree) is None
    assert mirrors.inverse_tree(REPO, nested, base, tree) is None, "`b` is a folder now"


TEXT = b"1\n2\n3\n4\n5\n6\n7\n8\n9\n"
OTHER = TEXT.replace(b"8", b"eight")
WROTE: dict[str, bytes | None] = {"a": TEXT.replace(b"2", b"two"), "new": b"n\n", "gone": None}
BACK: dict[str, bytes | None] = {"a": TEXT, "new": None, "gone": b"g\n"}
AFTERWARDS: list[tuple[str, dict[str, bytes | None], bool]] = [
    ("nothing", {}, False),
    ("taken back", BACK, True),
    ("taken back beside other work", {**BACK, "a": OTHER, "b": b"b"}, True),
    ("other work only", {"a": OTHER.replace(b"2", b"two"), "b": b"b"}, False),
    ("taken back in part", {"a": TEXT}, False),
    ("built upon", {"a": TEXT.replace(b"2", b"zwei"), "new": b"N\n", "gone": b"g\n"}, False),
    ("moved", {"new": None, "moved": b"n\n"}, False),
]


@pytest.mark.parametrize(("what", "later", "undone"), AFTERWARDS, ids=[case[0] for case in AFTERWARDS])
def test_what_was_merged_is_gone_only_where_nothing_of_it_is_left(
    tmp_path: Path, what, later, undone
) -> None:
    origin = Origin(tmp_path / "origin")
    before = origin.commit({"a": TEXT, "gone": b"g\n"})
    merged = origin.commit(WROTE)
    now = origin.commit(later) if later else merged
    mirrors = mirrored(tmp_path / "mirrors", origin, before, merged, now)
    assert mirrors.is_undone(REPO, now, before, merged) is undone


def test_merging_is_what_git_merges(tmp_path: Path) -> None:
    origin = Origin(tmp_path / "origin")
    first = origin.commit({"a": b"1\n2\n3\n4\n5\n"})
    git(origin.folder, "checkout", "--quiet", "-b", "side")
    head = origin.commit({"a": b"1\n2\n3\n4\nfive\n"}, branch="side")
    main = origin.commit({"a": b"one\n2\n3\n4\n5\n"})
    conflict = origin.commit({"a": b"one\n2\n3\n4\nfunf\n"})
    mirrors = mirrored(tmp_path / "mirrors", origin, first, head, main, conflict)
    merged = mirrors.merge_tree(REPO, main, head)
    git(origin.folder, "checkout", "--quiet", "--detach", main)
    git(origin.folder, "merge", "--quiet", "--no-edit", head)
    assert merged == origin.tree()
    assert mirrors.merge_tree(REPO, conflict, head) is None
    with pytest.raises(Permanent):
        mirrors.merge_tree(REPO, main, Sha("0" * 40))


def test_without_a_mirror_nothing_is_guessed(tmp_path: Path) -> None:
    with pytest.raises(Permanent, match="sync it first"):
        Mirrors(tmp_path, lambda: None).paths(REPO, Sha("1" * 40))
    origin = Origin(tmp_path / "origin")
    mirrors = mirrored(tmp_path / "mirrors", origin, origin.commit({}))
    with pytest.raises(Permanent, match="sync it first"):
        mirrors.tree_of(REPO, Sha("1" * 40))


def test_what_only_moved_is_counted_apart(tmp_path: Path) -> None:
    code = b"def f(x):\n    return x + 1\n}\n"
    rest = b"kept = 1\n"
    found = facts_of(
        tmp_path,
        {
            "a.py": rest + code,
            "b.py": b"other = 1\n",
            "e.py": b"deeper = 1\n",
            "c.py": b"one = 1\ntwo = 2\nthree = 3\n",
        },
        {
            "a.py": rest,
            "b.py": b"class B:\n    def f(x):\n        return x + 1\n",
            "c.py": b"two = 2\nthree = 3\none = 1\n",
            "d.py": b"}\nother = 1\nfresh = 1\n",
            "e.py": b"  deeper = 1\n",
        },
    )
    assert {path: (fact.additions, fact.moved) for path, fact in found.items()} == {
        "a.py": (0, 0),
        "b.py": (3, 2),
        "c.py": (1, 1),
        "d.py": (3, 1),
        "e.py": (1, 0),
    }


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (b"a\nb\n", b"a\r\nb\r\n", "LF to CRLF"),
        (b"a\r\nb\r\n", b"a\nb\n", "CRLF to LF"),
        (b"a\nb\n", b"a\nb\r\nc\n", "LF to mixed"),
        (b"a\r\nb\r\n", b"a\r\nb\r\nc\r\n", ""),
        (b"a\r\nb\n", b"a\r\nb\nc\n", ""),
        (b"a\n", b"a\nb\n", ""),
        (None, b"a\r\nb\r\n", ""),
        (None, b"a\r\nb\n", "mixed"),
        (b"a\r\n", None, ""),
        (b"\0a\n", b"\0a\r\n", ""),
    ],
)
def test_line_ends_that_change_are_a_fact(
    tmp_path: Path, before: bytes | None, after: bytes | None, said: str
) -> None:
    found = facts_of(tmp_path, {"f": before} if before else {}, {"f": after})
    assert found["f"].line_ends == said


def test_languages_and_what_nobody_wrote_here_are_facts(tmp_path: Path) -> None:
    files: dict[str, bytes | None] = {
        "a.py": b"x = 1\n",
        "run": b"#!/usr/bin/env python3\n",
        "go": b"#!/bin/sh -e\n",
        "Makefile": b"all:\n",
        "notes": b"hello\n",
        "web/app.min.js": b"a()\n",
        "api_pb2.py": b"x = 1\n",
        "gen.go": b"// Code generated by mockgen. DO NOT EDIT.\n",
        "third_party/z/z.c": b"int z;\n",
        "src/vendors.py": b"vendor = 1\n",
        "late.py": b"#" * 5000 + b"\n# @generated\n",
    }
    found = facts_of(tmp_path, {}, files)
    assert {path: (fact.language, fact.origin.value) for path, fact in found.items()} == {
        "a.py": ("Python", "written"),
        "run": ("Python", "written"),
        "go": ("Shell", "written"),
        "Makefile": ("Makefile", "written"),
        "notes": ("", "written"),
        "web/app.min.js": ("JavaScript", "generated"),
        "api_pb2.py": ("Python", "generated"),
        "gen.go": ("Go", "generated"),
        "third_party/z/z.c": ("C", "vendored"),
        "src/vendors.py": ("Python", "written"),
        "late.py": ("Python", "written"),
    }
