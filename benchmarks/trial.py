"""`penstock try` over well-known packages as their registry has them, all as one change: `python -m benchmarks.trial`.

The source trees carry no history, so each becomes one commit. They are compared before and after, down to the times
of every file: a try only reads.
"""

import hashlib
import json
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PENSTOCK = (sys.executable, "-m", "penstock")
WAITS = 4
PACKAGES = {
    "requests==2.32.3": "55365417734eb18255590a9ff9eb97e9e1da868d4ccd6402399eaf68af20a760",
    "click==8.1.8": "ed53c9d8990d83c2a27deae68e4ee337473f6330c040a31d4225c9574d16096a",
    "flask==3.1.0": "5f873c5184c897c8d9d1b05df1e3d01b14910ce69607a117bd3277098a5836ac",
    "httpx==0.28.1": "75e98c5f16b0f35b567856f597f06ff2270a374470a5c2392242528e3e3e42fc",
    "attrs==24.3.0": "8f5c07333d543103541ba7be0e2ce16eeee8130cb0b3f9238ab904ce1e85baff",
    "Django==5.1.4": "de450c09e91879fa5a307f696e57c851955c910a438a35e6b4c895e86bedc82a",
}
"""Source distributions and their SHA-256; the last has several thousand files."""
ORDERS = (
    ("--recipe", "trim-trailing-whitespace"),
    ("--recipe", "python3-idioms"),
    ("--run", "find . -name '*.py' -exec sed -i 's/[Cc]olour/color/g' {} +"),
)


class RegistryUnreachable(Exception):
    """The packages cannot be had now; the message is pip's last line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One package in one try. `seconds` is what the recipe's three runs took; for the last row, all, the command."""

    package: str
    files: int
    size: int
    seconds: float
    changed: int
    lines: str


def fetch(folder: Path) -> tuple[Path, ...]:
    """Download the packages with pip, which checks nothing of ours, and unpack them below the folder.

    Raises RegistryUnreachable; ValueError for an archive that is not the one this file names.
    """
    names = ",".join(requirement.partition("==")[0] for requirement in PACKAGES)
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", names]
    archives = folder / "archives"
    done = subprocess.run(
        [*pip, "--dest", str(archives), *PACKAGES], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RegistryUnreachable(done.stderr.strip().rpartition("\n")[2])
    return tuple(_unpacked(archive, folder) for archive in sorted(archives.iterdir()))


def _unpacked(archive: Path, folder: Path) -> Path:
    if hashlib.sha256(archive.read_bytes()).hexdigest() not in PACKAGES.values():
        raise ValueError(f"{archive.name} is not the archive that was measured before")
    with tarfile.open(archive) as packed:
        packed.extraction_filter = getattr(tarfile, "data_filter", None)  # before 3.11.4 there is none
        packed.extractall(folder)
    return folder / archive.name.removesuffix(".tar.gz")


def fingerprint(folder: Path) -> str:
    """A digest of everything a try could have touched: names, kinds, permissions, times, sizes and contents."""
    digest = hashlib.sha256()
    for path in (folder, *sorted(folder.rglob("*"))):
        seen = path.lstat()
        digest.update(repr((path, seen.st_mode, seen.st_mtime_ns, seen.st_ctime_ns, seen.st_ino)).encode())
        if path.is_symlink():
            digest.update(bytes(path.readlink()))
        elif path.is_file():
            digest.update(path.read_bytes())
    return digest.hexdigest()


@contextmanager
def town() -> Iterator[Path]:
    """A folder to try things in; its forge ends with it."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        try:
            yield folder
        finally:
            subprocess.run([*PENSTOCK, "demo", "--stop"], cwd=folder, capture_output=True, check=False)


def rows(sources: Sequence[Path], order: tuple[str, str], place: Path) -> tuple[Row, ...]:
    """One try over all sources, up to approval. Raises RuntimeError where it stops, or touches a source."""
    before = [fingerprint(source) for source in sources]
    began = time.perf_counter()
    done = subprocess.run(
        [*PENSTOCK, "try", *map(str, sources), *order, "--json"],
        cwd=place,
        capture_output=True,
        text=True,
        check=False,
    )
    seconds = time.perf_counter() - began
    if done.returncode != WAITS:
        raise RuntimeError(f"it did not get to approval:\n{done.stdout}{done.stderr}")
    if [fingerprint(source) for source in sources] != before:
        raise RuntimeError("a source is not what it was")
    shown = json.loads(done.stdout)
    runs = _seconds_of_runs(shown["summary"]["id"], place)
    views = {view["repository"].rpartition("/")[2]: view for view in shown["repositories"]}
    found = [
        _row(source, views[source.name], runs[source.name]) for source in sources if source.name in views
    ]
    return (*found, _sum(found, seconds))


def _seconds_of_runs(change: str, place: Path) -> dict[str, float]:
    ledger = subprocess.run(
        [*PENSTOCK, "ledger", "show", change, "--json"], cwd=place, capture_output=True, text=True, check=True
    )
    events = [entry["event"] for entry in json.loads(ledger.stdout)]
    (planned,) = [event for event in events if event["kind"] == "E_ARTIFACTS_READY"]
    names = {repo["repo"]["node_id"]: repo["repo"]["name"] for repo in planned["repos"]}
    proposed = [event for event in events if event["kind"] == "E_PATCH_SETS_PROPOSED"]
    return {names[event["repo"]]: event["run"]["duration_ms"] / 1000 for event in proposed}


def _row(source: Path, view: dict[str, int], seconds: float) -> Row:
    sizes = [path.stat().st_size for path in source.rglob("*") if path.is_file()]
    return Row(
        package=source.name,
        files=len(sizes),
        size=sum(sizes),
        seconds=seconds,
        changed=view["files"],
        lines=f"+{view['additions']} −{view['deletions']}",
    )


def _sum(found: Sequence[Row], seconds: float) -> Row:
    return Row(
        package="all as one change",
        files=sum(row.files for row in found),
        size=sum(row.size for row in found),
        seconds=seconds,
        changed=sum(row.changed for row in found),
        lines="",
    )


def table(found: Sequence[Row]) -> str:
    """A Markdown table."""
    lines = [
        f"| {row.package} | {row.files:,} | {row.size / 1e6:.1f} MB | {row.seconds:.1f} s | {row.changed} | {row.lines} |"
        for row in found
    ]
    head = ["| package | files | size | time | files changed | lines |", "|---|---:|---:|---:|---:|---:|"]
    return "\n".join([*head, *lines])


def main() -> int:
    with town() as place:
        sources = fetch(place / "sources")
        for option, value in ORDERS:
            print(f"`penstock try … {option} {value}`\n\n{table(rows(sources, (option, value), place))}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
