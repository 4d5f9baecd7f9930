"""The arithmetic of GitHub's limits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.adapters.github.limits import (
    GITHUB_PACE,
    Times,
    Window,
    admitted,
    budget_of,
    earliest,
    limited_for,
)

SMALL = (Window(count=3, seconds=60.0), Window(count=5, seconds=600.0))


@given(st.lists(st.floats(min_value=0, max_value=200, allow_nan=False), max_size=30))
def test_no_window_ever_holds_more_than_its_count(pauses: list[float]) -> None:
    times: Times = ()
    starts: list[float] = []
    now = 1_000_000.0
    for pause in pauses:
        now += pause
        at = earliest(times, now, SMALL)
        assert at >= now
        times = admitted(times, at, SMALL)
        starts.append(at)
    for window in SMALL:
        for early, late in zip(starts, starts[window.count :], strict=False):
            assert late - early >= window.seconds - 1e-6


def test_a_free_lane_lets_a_write_start_now() -> None:
    """Nothing waits that need not, and the log stays as short as the widest window."""
    times: Times = ()
    for start in range(600):
        assert earliest(times, start * 10.0, GITHUB_PACE.creations) == max(start * 10.0, 0.0)
        times = admitted(times, start * 10.0, GITHUB_PACE.creations)
    assert len(times) == 500


def test_github_pace_is_what_its_documentation_says() -> None:
    assert GITHUB_PACE.spacing == 1.0
    assert GITHUB_PACE.creations == (Window(count=80, seconds=60.0), Window(count=500, seconds=3600.0))
    full: Times = tuple(1000.0 + i for i in range(80))
    assert earliest(full[:79], 1079.0, GITHUB_PACE.creations) == 1079.0
    quick: Times = tuple(1000.0 + i / 10 for i in range(80))
    assert earliest(quick, 1009.0, GITHUB_PACE.creations) == 1060.0


SPENT = {"x-ratelimit-limit": "5000", "x-ratelimit-remaining": "0", "x-ratelimit-reset": "1090"}
LEFT = {**SPENT, "x-ratelimit-remaining": "3"}


@pytest.mark.parametrize(
    ("status", "headers", "said", "wait"),
    [
        (403, {"retry-after": "7"}, "", 7.0),
        (429, {"retry-after": "7"}, "", 7.0),
        (403, {"retry-after": "Fri, 01 May 2026 12:00:00 GMT"}, "", 60.0),
        (429, {"retry-after": "999999999999"}, "", 3600.0),
        (429, {"retry-after": "9" * 400}, "", 3600.0),
        (429, {"retry-after": "²"}, "", 60.0),
        (403, SPENT, "API rate limit exceeded", 90.0),
        (403, {**SPENT, "x-ratelimit-reset": "1e300"}, "", 3600.0),
        (429, {**SPENT, "x-ratelimit-reset": "inf"}, "", 60.0),
        (429, SPENT, "", 90.0),
        (403, {**SPENT, "x-ratelimit-reset": "10"}, "", 1.0),
        (403, LEFT, "You have exceeded a secondary rate limit", 60.0),
        (403, {}, "You have triggered an abuse detection mechanism", 60.0),
        (429, {}, "", 60.0),
        (403, LEFT, "Resource not accessible by personal access token", None),
        (403, {}, "", None),
        (404, {"retry-after": "7"}, "", None),
        (503, {"retry-after": "7"}, "", None),
    ],
)
def test_which_refusals_are_limits(
    status: int, headers: dict[str, str], said: str, wait: float | None
) -> None:
    """Only 403 and 429, and of the 403s only those that say so."""
    assert limited_for(status, headers, said, 1000.0) == wait


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {**SPENT, "x-ratelimit-remaining": "many"},
        *({**SPENT, "x-ratelimit-reset": reset} for reset in ("nan", "inf", "1e999", "soon")),
        {**SPENT, "x-ratelimit-limit": "9" * 5000},
    ],
)
def test_unreadable_budgets_are_unknown(headers: dict[str, str]) -> None:
    assert budget_of(headers) is None
