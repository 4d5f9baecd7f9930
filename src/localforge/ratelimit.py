"""Primary limits per hour, and the secondary limit on creating content: each user's, installation's, App's or address's own.

All tokens of a user count together; those of jobs do by repository. Source: docs.github.com, "Rate limits for the REST API".
"""

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from localforge.errors import RateLimitedError

HOUR = 3600
MINUTE = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Requests per hour, by resource, and content creations per minute and hour; GitHub's by default.

    `repository` is `core` for the jobs of one repository together.
    """

    core: int = 5000
    repository: int = 1000
    anonymous: int = 60
    search: int = 30
    graphql: int = 5000
    content_per_minute: int = 80
    content_per_hour: int = 500

    def of(self, key: str, resource: str, *, anonymous: bool) -> int:
        """The limit of a resource for whom the key identifies."""
        match resource:
            case "core" if key.startswith("repository:"):
                return min(self.core, self.repository)
            case "search":
                return 10 if anonymous else self.search
            case "graphql":
                return 0 if anonymous else self.graphql
            case _:
                return self.anonymous if anonymous else self.core


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """The state of one limit: counts and the Unix second at which it starts anew."""

    resource: str
    limit: int
    used: int
    reset: int

    @property
    def remaining(self) -> int:
        """Requests left in this window."""
        return max(0, self.limit - self.used)

    def headers(self) -> tuple[tuple[str, str], ...]:
        """The `x-ratelimit-*` headers."""
        return (
            ("x-ratelimit-limit", str(self.limit)),
            ("x-ratelimit-remaining", str(self.remaining)),
            ("x-ratelimit-reset", str(self.reset)),
            ("x-ratelimit-used", str(self.used)),
            ("x-ratelimit-resource", self.resource),
        )


@dataclass(slots=True)
class _Window:
    reset: int
    used: int = 0


@dataclass(slots=True)
class RateLimiter:
    """Counts in memory: a restart begins new windows. `key` is a kind and an id: `user:7`, `address:127.0.0.1`."""

    limits: Limits
    seconds: Callable[[], float]
    _windows: dict[tuple[str, str], _Window] = field(default_factory=dict)
    _creations: dict[str, deque[float]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def quota(self, key: str, resource: str, *, anonymous: bool) -> Quota:
        """The limit's present state."""
        with self._lock:
            window = self._window(key, resource)
            limit = self.limits.of(key, resource, anonymous=anonymous)
            return Quota(resource=resource, limit=limit, used=window.used, reset=window.reset)

    def spend(self, key: str, resource: str, cost: int = 1) -> None:
        """Count a request (a 304 is never counted)."""
        with self._lock:
            self._window(key, resource).used += cost

    def take(self, key: str, resource: str, cost: int, *, anonymous: bool) -> Quota | None:
        """The limit's state once a request of this cost is counted; None, and nothing is, where it is used up."""
        with self._lock:
            window = self._window(key, resource)
            limit = self.limits.of(key, resource, anonymous=anonymous)
            if window.used >= limit:
                return None
            window.used += cost
            return Quota(resource=resource, limit=limit, used=window.used, reset=window.reset)

    def refuse_beyond(self, key: str, quota: Quota) -> None:
        """403 with Retry-After when the primary limit is used up."""
        if quota.remaining == 0:
            wait = max(1, quota.reset - int(self.seconds()))
            raise RateLimitedError(f"API rate limit exceeded for {_named(key)}", status=403, retry_after=wait)

    def create_content(self, key: str) -> None:
        """Count a content creation; 403 with Retry-After beyond the secondary limit."""
        now = self.seconds()
        with self._lock:
            times = self._creations.setdefault(key, deque())
            while times and times[0] <= now - HOUR:
                times.popleft()
            in_minute = [time for time in times if time > now - MINUTE]
            waits = []
            if len(in_minute) >= self.limits.content_per_minute:
                waits.append(in_minute[0] + MINUTE - now)
            if len(times) >= self.limits.content_per_hour:
                waits.append(times[0] + HOUR - now)
            if not waits:
                times.append(now)
                return
        raise RateLimitedError(
            "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.",
            status=403,
            retry_after=max(1, int(max(waits)) + 1),
            secondary=True,
        )

    def forget(self) -> None:
        """Begin new windows for everybody."""
        with self._lock:
            self._windows.clear()
            self._creations.clear()

    def _window(self, key: str, resource: str) -> _Window:
        now = int(self.seconds())
        length = MINUTE if resource == "search" else HOUR
        window = self._windows.get((key, resource))
        if window is None or window.reset <= now:
            window = self._windows[(key, resource)] = _Window(reset=now + length)
        return window


def _named(key: str) -> str:
    """Whose limit it is, in GitHub's words."""
    kind, _, name = key.partition(":")
    match kind:
        case "address":
            return (
                f"{name}. (But here's the good news: Authenticated requests get a higher rate limit. Check out the"
                " documentation for more details.)"
            )
        case _:
            return f"{kind} ID {name}."
