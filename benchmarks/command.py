"""The command line from outside: how long the version takes, and the whole demonstration."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measure import Measure

PENSTOCK = Path(sys.executable).with_name("penstock")
TIMES = 21
VERSION_MS, DEMO_SECONDS = 150, 60


def measures() -> Iterator[Measure]:
    yield _version()
    yield _demo()


def _version() -> Measure:
    """The median of many starts, beside an empty Python's."""
    ours = _median_ms([str(PENSTOCK), "--version"])
    bare = _median_ms([sys.executable, "-c", "pass"])
    return Measure(
        what="`penstock --version`, median (an empty Python beside it)",
        aim=f"< {VERSION_MS} ms",
        measured=f"{ours:.0f} ms ({bare:.0f} ms)",
        met=ours < VERSION_MS,
    )


def _median_ms(command: list[str]) -> float:
    took = []
    for _ in range(TIMES):
        began = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        took.append((time.perf_counter() - began) * 1000)
    return sorted(took)[TIMES // 2]


def _demo() -> Measure:
    """From nothing to merged, with CI jobs run for real."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        subprocess.run([str(PENSTOCK), "demo", "--yes"], cwd=folder, check=True, capture_output=True)
        took = time.perf_counter() - began
        subprocess.run([str(PENSTOCK), "demo", "--stop"], cwd=folder, check=True, capture_output=True)
    return Measure(
        what="`penstock demo --yes`, wall time after installation",
        aim=f"< {DEMO_SECONDS} s",
        measured=f"{took:.0f} s",
        met=took < DEMO_SECONDS,
    )
