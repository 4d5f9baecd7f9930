"""Signs that tests say less than before, in several languages; and changes of tests that are none."""

from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.core.policy import weakening
from penstock.core.policy.weakening import MAX_LINE, Lines, weakened


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
    ("a test less", "test_a.py", "def test_runs():\n    run()", "", "1 fewer test"),
    ("jest, two less", "a.test.ts", "it('a', f)\ntest('b', g)", "", "2 fewer tests"),
    ("go, one less", "a_test.go", "func TestA(t *testing.T) {", "", "1 fewer test"),
    ("any value will do", "test_a.py", "assert f() == 5", "assert f()", "1 assertion less exact"),
    (
        "not none",
        "test_a.py",
        "    assert f(2) == [1]",
        "    assert f(2) is not None",
        "1 assertion less exact",
    ),
    ("unittest's", "test_a.py", "self.assertEqual(f(), 5)", "self.assertTrue(f())", "1 assertion less exact"),
    ("jest's", "a.test.js", "expect(f()).toBe(5)", "expect(f()).toBeTruthy()", "1 assertion less exact"),
    ("go's", "a_test.go", "assert.Equal(t, 5, f())", "assert.NotNil(t, f())", "1 assertion less exact"),
    ("go's, stricter", "a_test.go", "require.Len(t, f(), 2)", "f()", "1 fewer assertion"),
    ("rust's", "tests/a.rs", "assert_eq!(f(), 5);", "assert!(f() > 0);", "1 assertion less exact"),
    (
        "any error",
        "test_a.py",
        "with pytest.raises(KeyError):",
        "with pytest.raises(Exception):",
        "1 assertion less exact",
    ),
    ("it always holds", "test_a.py", "assert f()", "assert True", "1 fewer assertion"),
    ("and in jest", "a.test.js", "expect(f()).toBe(1)", "expect(true).toBe(true)", "1 fewer assertion"),
    (
        "tolerance",
        "test_a.py",
        "assert f() == approx(1, abs=1e-9)",
        "assert f() == approx(1, abs=0.1)",
        "abs from 1e-09 to 0.1",
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
    (
        "another name",
        "test_a.py",
        "def test_old():\n    assert f() == 1",
        "def test_new():\n    assert f() == 1",
    ),
    ("more exact", "test_a.py", "assert f()", "assert f() == 5"),
    ("in other words", "test_a.py", "self.assertEqual(f(), 5)", "assert f() == 5"),
    ("another error", "test_a.py", "with pytest.raises(KeyError):", "with pytest.raises(IndexError):"),
    ("narrower", "test_a.py", "assert f() == approx(1, abs=0.1)", "assert f() == approx(1, abs=1e-9)"),
    ("no test's", "src/a.py", "assert f() == 5", "assert f()"),
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


def test_a_hostile_line_costs_no_more_than_its_length():
    """Lines as long as is looked at, of what an expression could begin with again and again."""
    for unit in ("assert ", "==", ".toBe", "abs=1", "def test", "expect(", "raises("):
        line = unit * (MAX_LINE // len(unit))
        begun = perf_counter()
        signs("test_a.py", "\n".join([line] * 30), line)
        assert perf_counter() - begun < 0.5, unit


@given(st.text(max_size=300), st.text(max_size=300))
def test_whatever_the_lines_are(removed: str, added: str):
    assert isinstance(signs("test_a.py", removed, added), tuple)


SIGNS = [sign for sign in vars(weakening).values() if isinstance(sign, weakening._Sign)]


@pytest.mark.parametrize("sign", SIGNS, ids=range(len(SIGNS)))
@given(st.data())
def test_whatever_matches_has_one_of_the_words(sign: weakening._Sign, data: st.DataObject) -> None:
    assert sign.is_in(data.draw(st.from_regex(sign._pattern)))
