"""The quick judges in every run of the tests: one forge each, one test per scenario."""

from collections.abc import Callable, Iterator

import pytest
from tests.judges.board import AbsentError, Judge, Scenario, scoreboard, tried
from tests.judges.panel import QUICK
from tests.judges.stage import Stage, staged

CASES = [
    pytest.param(judge, scenario, id=f"{judge.name}: {scenario.name}")
    for judge in QUICK
    for scenario in judge.scenarios
]


@pytest.fixture(scope="module")
def stage_of(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Judge], Stage]]:
    """The judge's own forge, served once; skips where the judge is not installed."""
    running: dict[str, Stage] = {}
    opened = []

    def of(judge: Judge) -> Stage:
        try:
            judge.version()
        except AbsentError as error:
            pytest.skip(str(error))
        if judge.name not in running:
            opened.append(staged(tmp_path_factory.mktemp(judge.name)))
            running[judge.name] = opened[-1].__enter__()
        return running[judge.name]

    yield of
    for one in opened:
        one.__exit__(None, None, None)


@pytest.mark.parametrize(("judge", "scenario"), CASES)
def test_the_judge_is_content(judge: Judge, scenario: Scenario, stage_of: Callable[[Judge], Stage]) -> None:
    """The client does what it came for; what the forge does not have yet is no failure, and is said."""
    verdict = tried(judge, scenario, stage_of(judge))
    assert verdict.outcome != "failed", verdict.reason


def test_the_scoreboard_tells(tmp_path) -> None:
    """A client's exception is a failure, a missing operation is not; both are listed with their reason."""
    judge = Judge(name="somebody", version=lambda: "1")

    @judge.scenario("breaks")
    def breaks(stage: Stage) -> None:
        raise KeyError("no such\nkey")

    @judge.scenario("waits", "things/create")
    def waits(stage: Stage) -> None:
        raise AssertionError("it must not be tried")

    stage = Stage(url="", tokens={}, operations=frozenset(), folder=tmp_path, clone=tmp_path)
    verdicts = [tried(judge, scenario, stage) for scenario in judge.scenarios]
    assert [verdict.outcome for verdict in verdicts] == ["failed", "unsupported"]
    board = scoreboard([("somebody", "1", verdicts)])
    assert "| somebody | 1 | 2 | 0 | 1 | 1 |" in board
    assert "breaks: failed: test_quick.py:" in board
    assert r"KeyError: 'no such\nkey'" in board
    assert "waits: unsupported: not there yet: things/create" in board
