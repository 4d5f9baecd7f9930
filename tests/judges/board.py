"""What a judge is: somebody else's program with scenarios, their outcomes, and the scoreboard."""

import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from tests.judges.stage import Stage

HERE = Path(__file__).parent
Run: TypeAlias = Callable[[Stage], None]


class AbsentError(Exception):
    """The judge is not on this machine; the words say how to get it."""


class UnsupportedError(Exception):
    """The forge does not do this, and says so; the words say what."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One thing that the judge tries. `needs`: operations without which there is nothing to try yet."""

    name: str
    run: Run
    needs: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """Somebody else's program. `version` raises AbsentError where it is not installed."""

    name: str
    version: Callable[[], str]
    scenarios: list[Scenario] = field(default_factory=list)

    def scenario(self, name: str, *needs: str) -> Callable[[Run], Run]:
        """Add the decorated function as a scenario."""

        def add(run: Run) -> Run:
            self.scenarios.append(Scenario(name=name, run=run, needs=needs))
            return run

        return add


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """How a scenario went: `passed`, `failed` or `unsupported`, with the reason."""

    judge: str
    scenario: str
    outcome: str
    reason: str = ""
    seconds: float = 0


def tried(judge: Judge, scenario: Scenario, stage: Stage) -> Verdict:
    """Run one scenario. Whatever a client raises is its verdict."""
    began = time.monotonic()
    missing = [name for name in scenario.needs if name not in stage.operations]
    outcome, reason = "passed", ""
    if missing:
        outcome, reason = "unsupported", f"not there yet: {', '.join(missing)}"
    else:
        try:
            scenario.run(stage)
        except UnsupportedError as error:
            outcome, reason = "unsupported", str(error)
        except Exception as error:  # noqa: BLE001 (a client may raise anything; that is what it says)
            outcome, reason = "failed", f"{_place(error)} {type(error).__name__}: {error}"
    return Verdict(
        judge=judge.name,
        scenario=scenario.name,
        outcome=outcome,
        reason=reason,
        seconds=time.monotonic() - began,
    )


def _place(error: BaseException) -> str:
    """The line of the judge's own file that was being carried out."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [f for f in frames if Path(f.filename).parent == HERE and f.name not in {"tried", "until"}]
    return f"{Path(ours[-1].filename).name}:{ours[-1].lineno}" if ours else ""


def scoreboard(judges: Iterable[tuple[str, str, Sequence[Verdict]]]) -> str:
    """A Markdown table: (judge, version or why it is absent, verdicts) each, then every reason."""
    lines = [
        "| judge | version | scenarios | passed | failed | unsupported |",
        "|---|---|---|---|---|---|",
    ]
    reasons = []
    for name, version, verdicts in judges:
        counts = [sum(v.outcome == kind for v in verdicts) for kind in ("passed", "failed", "unsupported")]
        lines.append(f"| {name} | {version} | {len(verdicts)} | {' | '.join(map(str, counts))} |")
        reasons += [
            f"- {name}, {v.scenario}: {v.outcome}: {_line(v.reason)}"
            for v in verdicts
            if v.outcome != "passed"
        ]
    return "\n".join([*lines, "", *reasons]).rstrip()


def _line(text: str, longest: int = 600) -> str:
    words = " ".join(text.split())
    return words if len(words) <= longest else f"{words[:longest]} …"
