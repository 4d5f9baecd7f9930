"""Tests that say less than before: left out or gone, asserting less or less exactly, or asked for less coverage.

Signs, not proofs: they are read from changed lines, so what they find is for a person to look at.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from penstock.core.proposal import matches_any

TESTS = (
    "test_*.py",
    "*_test.py",
    "conftest.py",
    "tests/**",
    "test/**",
    "**/__tests__/**",
    "*.spec.[jt]s",
    "*.spec.[jt]sx",
    "*.test.[jt]s",
    "*.test.[jt]sx",
    "*_test.go",
    "*_spec.rb",
    "spec/**",
    "src/test/**",
    "*Test.java",
    "*Tests.cs",
)
MAX_LINE = 2000
"""Characters of a line that are looked at: a longer one is no test's."""


class _Sign:
    """An expression, and words of which each of its matches has one: most lines have none, which is told in no time."""

    def __init__(self, words: str, expression: str) -> None:
        self._words = tuple(words.split())
        self._pattern = re.compile(expression)

    def is_in(self, text: str) -> bool:
        return self._may_be_in(text) and self._pattern.search(text) is not None

    def values(self, text: str) -> list[tuple[str, str]]:
        """Of an expression with two groups."""
        return self._pattern.findall(text) if self._may_be_in(text) else []

    def _may_be_in(self, text: str) -> bool:
        lower = text.lower()
        return any(word in lower for word in self._words)


_LEFT_OUT = _Sign(
    "skip xfail expectedfailure todo only fixme xit xtest xdescribe xcontext fit( fdescribe ignore disabled",
    r"@(?:pytest\.mark\.|unittest\.)?(?:skip|skipif|skipIf|skipUnless|xfail|expectedFailure)\b"
    r"|\bpytest\.(?:skip|xfail|importorskip)\(|\bself\.skipTest\("
    r"|\b(?:it|test|describe|context|suite)\.(?:skip|todo|only|fixme)\b|\b(?:xit|xtest|xdescribe|xcontext|fit|fdescribe)\("
    r"|\bt\.Skip(?:f|Now)?\(|#\[ignore\b|@(?:Disabled|Ignore)\b|\[(?:Fact|Theory)\(Skip\b|\[Ignore\b",
)
_ASSERTION = _Sign(
    "assert expect require raises .error .fatal should verify(",
    r"\bassert\w*\b|\bexpect\(|\bself\.assert\w+\(|\b(?:EXPECT|ASSERT)_\w+\(|\b(?:assert|require)\.\w+\("
    r"|\bpytest\.raises\(|\bt\.(?:Error|Fatal)f?\(|\bshould\b|\bverify\(",
)
_EXACT = _Sign(
    "tobe equal match same is eq( _eq ne( should raises(",
    r"\.(?:toBe|toEqual|toStrictEqual|toMatchObject|isEqualTo|equals?|deepEqual|strictEqual|Equal|EqualValues)\("
    r"|\bassert\w*(?:[Ee]quals?|_eq|Same|Is|IsNone)\b|\b(?:EXPECT|ASSERT)_(?:STR|FLOAT|DOUBLE)?(?:EQ|NE)\(|\bshould (?:eq|be|==)"
    r"|\braises\((?!(?:Base)?Exception\b)",
)
_TRIVIAL = _Sign(
    "true 1",
    r"\bassert (?:True|1)\b|\b(?:assertTrue|assert\.ok|assert_true|assert!?)\( ?(?:true|True|1) ?\)|\bexpect\( ?(?:true|1) ?\)",
)
"""Holds whatever is tested, so it is no assertion."""
_TEST = _Sign(
    "test it fact theory",
    r"^\s*(?:async )?def test\w*\(|^\s*(?:it|test)(?:\(|[ ]['\"])|^func Test\w+\(|@Test\b|@ParameterizedTest\b"
    r"|#\[(?:\w+::)?test\]|\[(?:Fact|Theory|Test|TestMethod)\b|^\s*TEST(?:_[FP])?\(",
)
_TOLERANCE = _Sign(
    "rel abs tol delta epsilon",
    r"\b(rel|abs|rtol|atol|rel_tol|abs_tol|delta|epsilon|tolerance) ?[=:] ?(\d{1,9}(?:\.\d{1,12})?(?:[eE][-+]?\d{1,2})?)",
)
_COVERAGE = _Sign(
    "fail min coverage branches functions lines statements",
    r"(fail[_-]under|minimum_coverage|min_coverage|coverage_threshold|"
    r"[\"']?(?:branches|functions|lines|statements)[\"']?\s*(?=:))[\"']?\s*(?:[=:]\s*)?(\d{1,3}(?:\.\d{1,4})?)",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """What a change adds to a file and takes from it: (number from 1, text)."""

    added: Sequence[tuple[int, str]]
    removed: Sequence[tuple[int, str]]


def weakened(path: str, lines: Lines, *, deleted: bool) -> tuple[str, ...]:
    """Signs that the tests of this file say less now; empty where there is none."""
    return (*_tests(path, lines, deleted=deleted), *_thresholds(lines))


def _tests(path: str, lines: Lines, *, deleted: bool) -> Iterator[str]:
    if not matches_any(path, TESTS):
        return
    if deleted:
        yield "deleted"
        return
    skips = [number for number, text in lines.added if _LEFT_OUT.is_in(text[:MAX_LINE])]
    known = sum(1 for _, text in lines.removed if _LEFT_OUT.is_in(text[:MAX_LINE]))
    if len(skips) > known:
        yield f"line {skips[0]}: a test is left out"
    yield from _fewer("test", _tests_in(lines.removed) - _tests_in(lines.added))
    before, after = _assertions(lines.removed), _assertions(lines.added)
    fewer = max(0, len(before) - len(after))
    yield from _fewer("assertion", fewer)
    looser = sum(map(_is_exact, before)) - sum(map(_is_exact, after)) - fewer
    if looser > 0:
        yield f"{looser} assertion{'s' if looser > 1 else ''} less exact"
    yield from _tolerances(before, after)


def _fewer(what: str, number: int) -> Iterator[str]:
    if number > 0:
        yield f"{number} fewer {what}{'s' if number > 1 else ''}"


def _tests_in(lines: Sequence[tuple[int, str]]) -> int:
    return sum(1 for _, text in lines if _TEST.is_in(text[:MAX_LINE]))


def _assertions(lines: Sequence[tuple[int, str]]) -> list[str]:
    short = (text[:MAX_LINE] for _, text in lines)
    return [text for text in short if _ASSERTION.is_in(text) and not _TRIVIAL.is_in(text)]


def _is_exact(assertion: str) -> bool:
    """Does it say which value it has to be."""
    return "==" in assertion or _EXACT.is_in(assertion)


def _tolerances(before: list[str], after: list[str]) -> Iterator[str]:
    """The widest of each name on either side."""
    was, is_now = _widest(before), _widest(after)
    for name, value in was.items():
        if is_now.get(name, value) > value:
            yield f"{name} from {value:g} to {is_now[name]:g}"


def _widest(assertions: list[str]) -> dict[str, float]:
    found: dict[str, float] = {}
    for text in assertions:
        for name, value in _TOLERANCE.values(text):
            found[name] = max(float(value), found.get(name, float(value)))
    return found


def _thresholds(lines: Lines) -> Iterator[str]:
    """The lowest of each name on either side: a threshold that is gone altogether counts as lowered, too."""
    before = _lowest(lines.removed)
    after = _lowest(lines.added) if before else {}
    for name, value in before.items():
        if name not in after:
            yield f"{name} {value:g} is gone"
        elif after[name] < value:
            yield f"{name} from {value:g} to {after[name]:g}"


def _lowest(lines: Sequence[tuple[int, str]]) -> dict[str, float]:
    found: dict[str, float] = {}
    for _, text in lines:
        for name, value in _COVERAGE.values(text[:MAX_LINE]):
            key = name.strip("\"' ").replace("-", "_")
            found[key] = min(float(value), found.get(key, float(value)))
    return found
