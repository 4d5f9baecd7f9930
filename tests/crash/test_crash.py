"""A few of the crash test's runs: `make crash` makes all of them."""

import signal
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from tests.crash.disturb import Outcome, differences, doubled, frozen, killed, undisturbed
from tests.crash.process import Disturbance, Point
from tests.crash.scenario import Drive
from tests.crash.world import Scripted

SCENARIO = Scripted()
ALONE, TOGETHER = Drive(effects_at_once=1), Drive(effects_at_once=3)
BRANCH, MERGE = "write:R_app:1.0:forward.branch.0", "write:R_lib:1.0:forward.merge.2"


@pytest.fixture(scope="module")
def expected() -> Iterator[Outcome]:
    with TemporaryDirectory() as folder:
        yield undisturbed(SCENARIO, Path(folder) / "alone", ALONE)


def same(expected: Outcome, found: Outcome) -> None:
    assert list(differences(expected, found)) == []


def test_the_points_of_this_test_are_passed(expected: Outcome) -> None:
    passed = set(expected.points)
    for point in (*KILLS, *FREEZES, Point(name="looked", key="lib: forward merge")):
        assert point in passed, f"{point}; there are {sorted(passed)}"
    assert len(expected.story) > 50
    assert set(expected.writes.values()) == {1}


KILLS = [
    Point(name="claimed", key="c-scripted01@1"),
    Point(name="before", key="triage:-:0.0"),
    Point(name="performed", key=BRANCH),
    Point(name="recorded", key=BRANCH),
    Point(name="committing", key="21 held"),
    Point(name="looked", key="site: forward pull_request"),
    Point(name="performed", key=MERGE),
]


@pytest.mark.parametrize("point", KILLS, ids=lambda point: f"{point.name} {point.key}")
def test_killed_and_started_again(tmp_path: Path, expected: Outcome, point: Point) -> None:
    found = killed(SCENARIO, tmp_path / "run", ALONE, Disturbance(at=point))
    assert found.disturbed
    same(expected, found)


def test_killed_with_three_writes_made_and_none_recorded(tmp_path: Path, expected: Outcome) -> None:
    disturbance = Disturbance(at=Point(name="performed", key=BRANCH), together=True)
    found = killed(SCENARIO, tmp_path / "run", TOGETHER, disturbance)
    assert found.disturbed
    same(expected, found)


FREEZES = [Point(name="looked", key="app: forward branch"), Point(name="performed", key=MERGE)]


@pytest.mark.parametrize("point", FREEZES, ids=lambda point: f"{point.name} {point.key}")
def test_frozen_past_its_lease_and_woken(tmp_path: Path, expected: Outcome, point: Point) -> None:
    found = frozen(SCENARIO, tmp_path / "run", point)
    assert found.disturbed
    same(expected, found)


def test_two_workers_and_everything_doubled(tmp_path: Path, expected: Outcome) -> None:
    same(expected, doubled(SCENARIO, tmp_path / "run"))


def test_a_difference_is_seen(expected: Outcome) -> None:
    """The judge itself: a lost record, a changed one, and a write made twice."""
    lost = Outcome(
        story=expected.story[:-1],
        writes=expected.writes + type(expected.writes)(["lib: forward merge"]),
        points=(),
        disturbed=True,
    )
    found = " ".join(differences(expected, lost))
    assert "written twice: lib: forward merge" in found
    assert "records, found" in found
    assert Disturbance(at=KILLS[0]).signal == signal.SIGKILL
