"""A sandbox that is tried out only when something is to run in it: all else works on hosts that cannot isolate."""

from collections.abc import Callable
from pathlib import Path

from penstock.ports import Sandbox, SandboxResult


class Asked:
    """Has its sandbox made by each run; whoever makes it may keep it."""

    def __init__(self, make: Callable[[], Sandbox]) -> None:
        self._make = make

    def run(self, command: str, folder: Path, *, timeout_seconds: int) -> SandboxResult:
        return self._make().run(command, folder, timeout_seconds=timeout_seconds)
