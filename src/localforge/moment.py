"""Time as the forge stores and shows it: UTC text with seconds, as GitHub's JSON has it."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeAlias

Clock: TypeAlias = Callable[[], str]

FORMAT = "%Y-%m-%dT%H:%M:%SZ"


def now() -> str:
    """The current second, e.g. `2026-01-31T09:30:00Z`."""
    return datetime.now(UTC).strftime(FORMAT)


def from_epoch(seconds: int) -> str:
    """A Unix time as the same text."""
    return datetime.fromtimestamp(seconds, UTC).strftime(FORMAT)


def to_epoch(text: str) -> int:
    """Unix seconds of an ISO 8601 time; raises ValueError when it is not one."""
    moment = datetime.fromisoformat(text)
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
