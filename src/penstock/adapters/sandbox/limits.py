"""What a command may use up."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Sizes in bytes.

    `disk`, `files` and `scratch` are hard: the command writes to file systems of this size. `address_space` (of one
    process), `processes` and `open_files` are kernel limits. `memory`, resident in all processes together, is
    looked at ten times a second; shared memory that no process maps at that moment is not seen.
    """

    disk: int = 1 << 30
    files: int = 200_000
    scratch: int = 256 << 20
    memory: int = 2 << 30
    address_space: int = 4 << 30
    processes: int = 256
    open_files: int = 1024
    output: int = 256 << 10
