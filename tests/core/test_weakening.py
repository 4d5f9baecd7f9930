"""Signs that tests say less than before, in several languages; and changes of tests that are none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.core.policy.weakening import Lines, weakened


def signs(path: str, removed: str, added: str, *, deleted: bool = False) -> tuple[str, ...]:
    sides = [list(enumerate(text.split("\n"), start=1)) if text else [] for text in (added, removed)]
    return weakened(path, Lines(added=sides[0], removed=sides[1]), deleted=deleted)


WEAKER = [
    ("deleted", "tests/test_a.py", "assert a", "", "deleted"),
    ("pytest", "test_a.py", "", "@pytest.mark.skip(reason='later')", "line 1: a test is left out"),
    ("expected failure", "a_test.py", "", "x\n    @pytest.mark.xfail", "line 2: a test is left out"),
    ("in the body", "tests/a.py", "", "    pytest.skip('slow')", "line 1: a test is left out"),
    ("unittest", "test_a.py", "", "    @unittest.skipIf(True, '')", "line 1: a test is left out"),
    ("jest", "a.test.ts", "", "it.skip('adds', () => {})", "line 1: a test is left out"),
    ("only one", "a.spec.js", "", "describe.only('x', f)", "line 1: a test is left out"),
    ("jasmine", "a.spec.ts", "", "xit('adds', f)", "line 1: a test is left out"),
    ("go", "a_test.go", "", '\tt.Skip("flaky")', "line 1: a test is left out"),
    ("rust", "tests/a.rs", "", "#[ignore]", "line 1: a test is left out"),
    ("java", "src/test/java/ATest.java", "", "  @Disabled", "line 1: a test is left out"),
    ("c#", "ATests.cs", "", '[Fact(Skip = "later")]', "line 1: a test is left out"),
    ("an assertion less", "test_a.py", "assert a == 1\nassert b", "assert a == 1", "1 fewer assertion"),
    (
        "a check becomes none",
        "a.test.js",
        "expect(a).toBe(1)\nexpect(b).toBe(2)",
        "a\nb",
        "2 fewer assertions",
    ),
    ("coverage", "pyproject.toml", "fail_under = 90", "fail_under = 80", "fail_under from 90 to 80"),
    ("its flag", "Makefile", "--cov-fail-under=90", "--cov-fail-under=85.5", "fail_under from 90 to 85.5"),
    ("it is gone", ".coveragerc", "fail_under = 90", "", "fail_under 90 is gone"),
    ("jest's", "package.json", '"branches": 90,', '"branches": 10,', "branches from 90 to 10"),
]


@pytest.mark.parametrize(("what", "path", "removed", "added", "sign"), WEAKER, ids=[row[0] for row in WEAKER])
def test_a_weaker_test_is_noticed(what: str, path: str, removed: str, added: str, sign: str):
    assert sign in signs(path, removed, added, deleted=what == "deleted")


FINE = [
    ("more assertions", "test_a.py", "assert a", "assert a == 1\nassert b == 2"),
    ("renamed", "test_a.py", "assert old(1) == 2", "assert new(1) == 2"),
    ("a skip that was there", "test_a.py", "@pytest.mark.skip", "@pytest.mark.skip(reason='x')"),
    ("a skip taken away", "test_a.py", "@pytest.mark.skip", ""),
    ("no test", "src/a.py", "assert a\nassert b", "skip = 1"),
    ("the word alone", "test_a.py", "", "skipped = [row for row in rows if row.skip]"),
    ("more coverage", "pyproject.toml", "fail_under = 80", "fail_under = 90"),
    ("numbers of other things", "config.yml", "retries: 90", "retries: 10"),
]


@pytest.mark.parametrize(("what", "path", "removed", "added"), FINE, ids=[row[0] for row in FINE])
def test_an_ordinary_change_is_not(what: str, path: str, removed: str, added: str):
    assert signs(path, removed, added) == ()


def test_a_file_of_another_kind_may_be_deleted():
    assert signs("src/a.py", "assert a", "", deleted=True) == ()


@given(st.text(max_size=300), st.text(max_size=300))
def test_whatever_the_lines_are(removed: str, added: str):
    assert isinstance(signs("test_a.py", removed, added), tuple)
