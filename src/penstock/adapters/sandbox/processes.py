"""What `/proc` tells of a process and those it started (proc(5)); a process that ends meanwhile is left out."""

from collections.abc import Iterator
from pathlib import Path

_PROC = Path("/proc")


def family(process: int) -> Iterator[int]:
    """A process and all that descend from it."""
    yield process
    try:
        threads = list((_PROC / str(process) / "task").iterdir())
    except FileNotFoundError:
        return
    for thread in threads:
        for child in _read(thread / "children").split():
            yield from family(int(child))


def resident_bytes(process: int) -> int:
    """Memory that a family holds, without mapped files; pages that processes share count for each of them."""
    return 1024 * sum(
        int(kibibytes.split()[0])
        for member in family(process)
        for name, kibibytes in _status(member).items()
        if name in {"RssAnon", "RssShmem"}
    )


def innermost_first(process: int) -> int | None:
    """The descendant that is process 1 of the most deeply nested process namespace."""
    ids = {member: _status(member).get("NSpid", "").split() for member in family(process)}
    firsts = [member for member, names in ids.items() if len(names) > 1 and names[-1] == "1"]
    return max(firsts, key=lambda member: len(ids[member]), default=None)


def _status(process: int) -> dict[str, str]:
    lines = _read(_PROC / str(process) / "status").splitlines()
    return dict(line.split(":", 1) for line in lines if ":" in line)


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""
