"""GitHub's rate limits as arithmetic, without a clock: times are Unix seconds, waits are seconds.

Source: GitHub Docs, "Rate limits for the REST API" and "Best practices for using the REST API".
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

SECONDARY_WAIT = 60.0
"""How long to wait after a secondary limit that names no time."""
LONGEST_WAIT = 3600.0
"""GitHub's longest window. Whatever an answer says, nothing is kept waiting for longer without asking again."""

Times = tuple[float, ...]
"""When writes started, ascending; a time to come is a reservation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """At most `count` starts within any `seconds`."""

    count: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How one credential writes: seconds from one write to the next, and windows for those that create content."""

    spacing: float
    creations: tuple[Window, ...]

    @property
    def writes(self) -> tuple[Window, ...]:
        return (Window(count=1, seconds=self.spacing),) if self.spacing else ()


GITHUB_PACE = Pace(spacing=1.0, creations=(Window(count=80, seconds=60.0), Window(count=500, seconds=3600.0)))
UNPACED = Pace(spacing=0.0, creations=())
"""For the embedded forge."""


def earliest(times: Times, now: float, windows: tuple[Window, ...]) -> float:
    """When the next write may start so that no window holds more than its count."""
    return max([now, *(times[-w.count] + w.seconds for w in windows if len(times) >= w.count)])


def believable(times: Times, now: float, windows: tuple[Window, ...]) -> Times:
    """The log without reservations that no limit can have made: a clock was wrong, or a forge talked nonsense."""
    last = now + LONGEST_WAIT + max(w.seconds for w in windows)
    return tuple(at for at in times if at <= last)


def admitted(times: Times, at: float, windows: tuple[Window, ...]) -> Times:
    """The log with one more start, no longer than the windows look back."""
    return tuple(sorted((*times, at)))[-max(w.count for w in windows) :]


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """The primary limit of one resource (`core`, `graphql`, `search`) as last told by the forge."""

    resource: str
    limit: int
    remaining: int
    reset: float

    def wait(self, now: float) -> float:
        """Seconds until there is something left to spend."""
        return min(max(0.0, self.reset - now), LONGEST_WAIT) if self.remaining == 0 else 0.0


def budget_of(headers: Mapping[str, str]) -> Budget | None:
    """What the `x-ratelimit-*` headers say; None where they are absent or unreadable."""
    try:
        budget = Budget(
            resource=headers.get("x-ratelimit-resource", "core"),
            limit=int(headers["x-ratelimit-limit"]),
            remaining=int(headers["x-ratelimit-remaining"]),
            reset=float(headers["x-ratelimit-reset"]),
        )
    except (KeyError, ValueError):
        return None
    return budget if math.isfinite(budget.reset) else None


def limited_for(status: int, headers: Mapping[str, str], said: str, now: float) -> float | None:
    """For how long a rate limit refused; None: it was refused for something else."""
    if status not in {403, 429}:
        return None
    after = headers.get("retry-after")
    if after is not None:
        return min(float(after), LONGEST_WAIT) if after.isascii() and after.isdigit() else SECONDARY_WAIT
    budget = budget_of(headers)
    if budget is not None and budget.remaining == 0:
        return max(1.0, budget.wait(now))
    if status == 429 or "secondary rate limit" in said.lower() or "abuse detection" in said.lower():
        return SECONDARY_WAIT
    return None
