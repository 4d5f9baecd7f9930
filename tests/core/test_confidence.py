"""Exact bounds of a failure rate, against known values."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.core.policy.confidence import enough, upper_bound

TINY = 1e-9
KNOWN = [
    (0, 0, 1.0),
    (0, 1, 0.95),
    (0, 58, 1 - 0.05 ** (1 / 58)),
    (0, 59, 1 - 0.05 ** (1 / 59)),
    (1, 10, 0.39416),
    (2, 100, 0.06162),
    (5, 50, 0.19885),
    (3, 3, 1.0),
    (250, 5000, 0.0554),
]


@pytest.mark.parametrize(("failures", "of", "bound"), KNOWN)
def test_known_values(failures: int, of: int, bound: float):
    assert upper_bound(failures, of) == pytest.approx(bound, abs=2e-4)


def test_59_good_outcomes_are_the_first_that_prove_less_than_five_percent():
    assert upper_bound(0, 58) > 0.05 > upper_bound(0, 59)


@given(st.integers(0, 60), st.sampled_from((0.01, 0.05, 0.3)))
def test_so_many_outcomes_prove_it_and_one_less_does_not(failures: int, rate: float):
    found = enough(failures, rate)
    assert upper_bound(failures, found) < rate <= upper_bound(failures, found - 1)


@pytest.mark.parametrize(("failures", "of"), [(-1, 3), (4, 3)])
def test_impossible_counts(failures: int, of: int):
    with pytest.raises(ValueError, match="impossible"):
        upper_bound(failures, of)


@given(st.integers(0, 40), st.integers(0, 300))
def test_more_failures_never_lower_it_and_more_good_ones_never_raise_it(failures: int, good: int):
    of = failures + good
    bound = upper_bound(failures, of)
    assert failures / of <= bound <= 1 if of else bound == 1
    assert upper_bound(failures + 1, of + 1) >= bound - TINY
    assert upper_bound(failures, of + 1) <= bound + TINY
