"""Runs of a scenario, undisturbed and disturbed, and what must be the same afterwards."""

import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from tests.crash.process import PATIENCE, Disturbance, Point, Worker, points, was_disturbed, working
from tests.crash.scenario import Drive, Line, Scenario, by_lane

from penstock.ports import Transient

SHORT_LEASE = timedelta(seconds=0.6)
FROZEN_AT_MOST = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a run left behind."""

    story: tuple[Line, ...]
    writes: Counter[str]
    points: tuple[Point, ...]
    disturbed: bool


def undisturbed(scenario: Scenario, folder: Path, drive: Drive) -> Outcome:
    return _run(scenario, folder, lambda: _driven(scenario, folder, drive, None))


def killed(scenario: Scenario, folder: Path, drive: Drive, disturbance: Disturbance) -> Outcome:
    """A worker is killed at a point, and another one started: on the same machine, at once."""
    return _run(scenario, folder, lambda: _driven(scenario, folder, drive, disturbance))


def frozen(scenario: Scenario, folder: Path, point: Point) -> Outcome:
    """A worker freezes at a point until its lease is over and another one has finished; then it wakes up.

    If it froze within a transaction, the other one can do nothing before it wakes up: then it does so earlier.
    """
    drive = Drive(lease=SHORT_LEASE)
    freeze = Disturbance(at=point, signal=signal.SIGSTOP)

    def run() -> None:
        first = Worker(scenario, folder, drive, freeze)
        with working(first):
            _until(lambda: first.frozen or scenario.finished(folder), scenario, folder)
            second = Worker(scenario, folder, drive)
            with working(second):
                late = time.monotonic() + FROZEN_AT_MOST
                stuck = point.name == "committing"
                while not scenario.finished(folder) and time.monotonic() < late and not stuck:
                    _approve(scenario, folder)
                time.sleep(2 * SHORT_LEASE.total_seconds() if stuck else 0)
                first.thaw()
                _until(lambda: scenario.finished(folder), scenario, folder)
                time.sleep(0.3)
                first.end()
                second.end()

    return _run(scenario, folder, run)


def doubled(scenario: Scenario, folder: Path) -> Outcome:
    """Two workers, two people who approve everything twice at the same moment, and wakes all the while."""

    def run() -> None:
        workers = [Worker(scenario, folder, Drive(effects_at_once=3)) for _ in range(2)]
        with working(*workers):
            done = threading.Event()
            second = threading.Thread(target=_keep_approving, args=(scenario, folder, done))
            second.start()
            try:
                _until(lambda: scenario.finished(folder), scenario, folder, eager=True)
            finally:
                done.set()
                second.join()
            for worker in workers:
                worker.end()

    return _run(scenario, folder, run)


def _keep_approving(scenario: Scenario, folder: Path, done: threading.Event) -> None:
    while not done.wait(0.002):
        _approve(scenario, folder, eager=True)


def _run(scenario: Scenario, folder: Path, drive: Callable[[], None]) -> Outcome:
    scenario.prepare(folder)
    try:
        drive()
        return Outcome(
            story=scenario.story(folder),
            writes=scenario.writes(folder),
            points=tuple(points(folder)),
            disturbed=was_disturbed(folder),
        )
    finally:
        scenario.end(folder)


def _driven(scenario: Scenario, folder: Path, drive: Drive, disturbance: Disturbance | None) -> None:
    worker = Worker(scenario, folder, drive, disturbance)
    with working(worker):
        _until(lambda: worker.died or scenario.finished(folder), scenario, folder)
        if not worker.died:
            worker.end()
    if not scenario.finished(folder):
        _driven(scenario, folder, drive, None)


def _until(done: Callable[[], bool], scenario: Scenario, folder: Path, *, eager: bool = False) -> None:
    """Let a person approve meanwhile."""
    deadline = time.monotonic() + PATIENCE
    while not done():
        assert time.monotonic() < deadline, f"not finished after {PATIENCE} s; see {folder}"
        _approve(scenario, folder, eager=eager)


def _approve(scenario: Scenario, folder: Path, *, eager: bool = False) -> None:
    """A person who finds the database locked tries again a little later."""
    with suppress(Transient):
        scenario.person(folder, eager=eager)
    time.sleep(0.005 if eager else 0.03)


def differences(expected: Outcome, found: Outcome) -> Iterator[str]:
    """What is not as in the undisturbed run; nothing, if all is well."""
    if found.writes != expected.writes:
        yield f"writes differ: {_counted(found.writes - expected.writes, expected.writes - found.writes)}"
    twice = [what for what, count in found.writes.items() if count > 1]
    if twice:
        yield f"written twice: {', '.join(twice)}"
    lanes, others = by_lane(expected.story), by_lane(found.story)
    for lane in sorted(lanes.keys() | others.keys()):
        if lanes.get(lane) != others.get(lane):
            yield from _first_difference(f"lane {lane}", lanes.get(lane, []), others.get(lane, []))


def _first_difference(where: str, expected: list[Line], found: list[Line]) -> Iterator[str]:
    for n, (one, other) in enumerate(zip(expected, found, strict=False), start=1):
        if one != other:
            yield f"{where}, record {n}: expected {one.kind} {one.key}, found {other.kind} {other.key} {other.body[:200]}"
            return
    yield f"{where}: expected {len(expected)} records, found {len(found)}"


def _counted(more: Counter[str], fewer: Counter[str]) -> str:
    return ", ".join(
        [*(f"+{n} {what}" for what, n in more.items()), *(f"-{n} {what}" for what, n in fewer.items())]
    )
