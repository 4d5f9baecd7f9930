"""`make judges`: every judge tries its scenarios on a forge of its own; the scoreboard, exit 1 on a failure.

Arguments are names of judges; without any, all of them.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.judges.board import AbsentError, Judge, Verdict, scoreboard, tried
from tests.judges.panel import JUDGES
from tests.judges.stage import staged


def heard(judge: Judge, folder: Path) -> tuple[str, Sequence[Verdict]]:
    """The judge's version and verdicts; why it is absent, and none, where it is not installed."""
    try:
        version = judge.version()
    except AbsentError as error:
        return f"skipped: {error}", []
    folder.mkdir()
    verdicts = []
    with staged(folder) as stage:
        for scenario in judge.scenarios:
            verdict = tried(judge, scenario, stage)
            print(
                f"{judge.name:12} {verdict.outcome:12} {verdict.seconds:6.1f} s  {scenario.name}", flush=True
            )
            verdicts.append(verdict)
    return version, verdicts


def main() -> int:
    """Hear the judges; 1 when one of them is not content."""
    parser = argparse.ArgumentParser(prog="python -m tests.judges", description=__doc__)
    parser.add_argument("judge", nargs="*", choices=[*(judge.name for judge in JUDGES), []])
    names = parser.parse_args().judge
    asked = [judge for judge in JUDGES if not names or judge.name in names]
    with tempfile.TemporaryDirectory(prefix="judges-") as folder:
        rows = [(judge.name, *heard(judge, Path(folder) / judge.name)) for judge in asked]
    print(f"\n{scoreboard(rows)}")
    return int(any(verdict.outcome == "failed" for _, _, verdicts in rows for verdict in verdicts))


if __name__ == "__main__":
    sys.exit(main())
