"""One measured number beside its aim, and the table of them."""

import os
import platform
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """`met`: whether the aim was reached in this run; None where there is none."""

    what: str
    aim: str
    measured: str
    met: bool | None


def table(measures: Iterable[Measure]) -> str:
    """A Markdown table."""
    marks = {True: "yes", False: "**no**", None: ""}
    rows = [f"| {m.what} | {m.aim} | {m.measured} | {marks[m.met]} |" for m in measures]
    return "\n".join(["| what | aim | measured | met |", "|---|---|---|---|", *rows])


def machine() -> str:
    """What it was measured on."""
    cpu = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.machine(),
    )
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    return (
        f"{os.cpu_count()} × {cpu}, Linux {platform.release()}, Python {platform.python_version()}, "
        f"SQLite {sqlite3.sqlite_version}; load averages at the start: {load}"
    )
