"""`make crash`: every kill point of a change to three repositories, then double workers, then frozen ones."""

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import dropwhile, takewhile
from pathlib import Path

from tests.crash.disturb import Outcome, differences, doubled, frozen, killed, undisturbed
from tests.crash.forge import StrictForge, TrueForge
from tests.crash.process import Disturbance, Point
from tests.crash.scenario import Drive, Scenario
from tests.crash.world import Scripted

SCENARIOS: dict[str, Scenario] = {"scripted": Scripted(), "forge": TrueForge(), "strict": StrictForge()}
PARTS = {"strict": ("forward.rollback_point", "forward.merge")}
"""Of a scenario, the keys from which on and up to which it is disturbed: the rest is what another one disturbs."""
ONE_AT_A_TIME, SIDE_BY_SIDE = Drive(effects_at_once=1), Drive(effects_at_once=3)
FREEZING = frozenset({"answered", "asking", "before", "looked", "performed"})
DOUBLES = 10


@dataclass(slots=True)
class Row:
    """One line of the table. `reached`: the point was passed, so that something happened there."""

    name: str
    runs: int = 0
    reached: int = 0
    failures: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Trial:
    """One disturbed run, and the row that counts it."""

    row: str
    label: str
    run: Callable[[Path], Outcome]
    always_reached: bool = False


def trials(scenario: Scenario, alone: Outcome, together: Outcome) -> Iterable[Trial]:
    """Every place a worker can die or freeze at, as the undisturbed runs passed them."""
    for point in alone.points:
        yield Trial(f"killed: {point.name}", point.key, _kill(scenario, point))
    for point in together.points:
        if point.name == "asking" or ("R_" in point.key and point.name in {"performed", "looked"}):
            yield Trial(
                f"killed, 3 at once: {point.name}",
                point.key,
                _kill(scenario, point, together=True),
            )
    for point in alone.points:
        freezes = point.name in FREEZING and not point.key.startswith("tap:")
        if freezes or (point.name == "committing" and point.key.endswith("given back")):
            yield Trial(f"frozen: {point.name}", point.key, _freeze(scenario, point))
    for number in range(DOUBLES):
        yield Trial(
            "two workers, all doubled",
            str(number),
            lambda folder: doubled(scenario, folder),
            always_reached=True,
        )


def _kill(scenario: Scenario, point: Point, *, together: bool = False) -> Callable[[Path], Outcome]:
    drive = SIDE_BY_SIDE if together else ONE_AT_A_TIME
    return lambda folder: killed(scenario, folder, drive, Disturbance(at=point, together=together))


def _freeze(scenario: Scenario, point: Point) -> Callable[[Path], Outcome]:
    return lambda folder: frozen(scenario, folder, point)


def _try(trial: Trial, folder: Path, alone: Outcome) -> tuple[bool, list[str]]:
    try:
        outcome = trial.run(folder)
    except AssertionError as failure:
        return True, [f"{trial.label}: {failure}"]
    found = [f"{trial.label}: {one}" for one in differences(alone, outcome)]
    if not found:
        shutil.rmtree(folder)
    return outcome.disturbed or trial.always_reached, found


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__)
    parser.add_argument("--scenario", choices=[*SCENARIOS, "all"], default="all")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", default="", help="rows of the table whose name has this in it")
    chosen = parser.parse_args()
    names = list(SCENARIOS) if chosen.scenario == "all" else [chosen.scenario]
    return max(disturb(name, SCENARIOS[name], chosen.jobs, chosen.only) for name in names)


def disturb(name: str, scenario: Scenario, at_once: int, only: str) -> int:
    """Every trial of one scenario; prints its table, and answers 1 if any run came out differently."""
    print(f"\n{name}: {scenario.__doc__}", flush=True)
    home = Path(tempfile.mkdtemp(prefix="penstock-crash-"))
    began = time.monotonic()
    alone = undisturbed(scenario, home / "alone", ONE_AT_A_TIME)
    together = undisturbed(scenario, home / "together", SIDE_BY_SIDE)
    failures = list(differences(alone, together))
    assert not failures, f"two undisturbed runs differ: {failures}"
    if name in PARTS:
        alone, together = _part(alone, *PARTS[name]), replace(together, points=())
    rows: dict[str, Row] = {}
    todo = [(n, trial) for n, trial in enumerate(trials(scenario, alone, together)) if only in trial.row]
    with ThreadPoolExecutor(at_once) as jobs:
        results = jobs.map(lambda one: _try(one[1], home / str(one[0]), alone), todo)
        for (_, trial), (reached, found) in zip(todo, results, strict=True):
            row = rows.setdefault(trial.row, Row(trial.row))
            row.runs, row.reached = row.runs + 1, row.reached + reached
            row.failures.extend(found)
    return _report(rows, alone, home, time.monotonic() - began)


def _part(outcome: Outcome, begin: str, end: str) -> Outcome:
    later = dropwhile(lambda point: begin not in point.key, outcome.points)
    points = tuple(takewhile(lambda point: end not in point.key, later))
    assert points, f"no point is called {begin}"
    return replace(outcome, points=points)


def _report(rows: dict[str, Row], alone: Outcome, home: Path, seconds: float) -> int:
    print(f"undisturbed: {len(alone.story)} records, {sum(alone.writes.values())} writes to the world\n")
    print(f"{'disturbance':32} {'runs':>5} {'hit':>5} {'identical':>10}")
    for row in rows.values():
        print(f"{row.name:32} {row.runs:5} {row.reached:5} {row.runs - len(row.failures):10}")
    failures = [failure for row in rows.values() for failure in row.failures]
    total = sum(row.runs for row in rows.values())
    print(f"\n{total} runs in {seconds:.0f} s: {total - len(failures)} identical, {len(failures)} not")
    for failure in failures:
        print(f"  {failure}")
    if not failures:
        shutil.rmtree(home)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
