"""Secret scanning: how fast beside detect-secrets on the same tree, and how much is found in the open samples."""

import gzip
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.measure import Measure
from detect_secrets.core.scan import scan_file
from detect_secrets.settings import default_settings

from penstock.adapters.secrets.secrets import scanner
from penstock.core.secrets import Scanner

CORPORA = Path(__file__).parents[1] / "../shared/corpora"
SOURCES = ("gitleaks", "betterleaks", "noseyparker")
TREE = Path(os.__file__).parent
"""Python's own library: there wherever this runs."""
OURS_FILES, THEIR_EVERY = 1500, 40
"""As many files for us; every so-many-th of these for both, since the other one takes minutes for all."""
TIMES_FASTER = 100


def measures() -> Iterator[Measure]:
    with tempfile.TemporaryDirectory() as folder:
        kept = Path(folder)
        began = time.process_time()
        made = scanner(kept)
        compiled = time.process_time() - began
        yield from _speed(made)
        yield from _loading(kept, compiled)
        yield from _samples(made)


def _speed(made: Scanner) -> Iterator[Measure]:
    files = sorted(TREE.rglob("*.py"))[:OURS_FILES]
    few = files[::THEIR_EVERY]
    ours = _ours(made, files)
    both = _ours(made, few), _theirs(few)
    times = both[0] / both[1]
    yield Measure(
        what=f"secrets in the same {len(few)} files as detect-secrets ({both[1]:.2f} MB/s)",
        aim=f"≥ {TIMES_FASTER} ×",
        measured=f"{times:.0f} × ({both[0]:.0f} MB/s; {ours:.0f} MB/s over {len(files):,} files)",
        met=times >= TIMES_FASTER,
    )


def _ours(made: Scanner, files: list[Path]) -> float:
    return _rate(files, lambda file: made.find(file.read_bytes().decode(errors="replace")))


def _theirs(files: list[Path]) -> float:
    with default_settings():
        return _rate(files, lambda file: list(scan_file(str(file))))


def _rate(files: list[Path], scan: Callable[[Path], object]) -> float:
    """Megabytes a second of this process's time."""
    began = time.process_time()
    for file in files:
        scan(file)
    return sum(file.stat().st_size for file in files) / 1e6 / (time.process_time() - began)


_LOAD = """
import sys, time
from pathlib import Path
import pydantic
def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6
before, began = resident(), time.process_time()
from penstock.adapters.secrets.secrets import scanner
scanner(Path(sys.argv[1])).find("token = 'x'")
print(time.process_time() - began, resident() - before)
"""


def _loading(kept: Path, compiled: float) -> Iterator[Measure]:
    """In a process of its own, with what the engine compiled there already."""
    answer = subprocess.run(
        [sys.executable, "-c", _LOAD, kept], check=True, capture_output=True, text=True, cwd=Path.cwd()
    )
    seconds, memory = map(float, answer.stdout.split())
    yield Measure(
        what="loading all secret rules at the first text (compiling them once, beside it)",
        aim="",
        measured=f"{seconds * 1000:.0f} ms, {memory:.0f} MB ({compiled:.1f} s)",
        met=None,
    )


def _samples(made: Scanner) -> Iterator[Measure]:
    """Over all rules of a source at once: a sample that is none for one rule may well be one for another."""
    for source in SOURCES if CORPORA.is_dir() else ():
        found: Counter[tuple[str, bool]] = Counter()
        with gzip.open(CORPORA / f"{source}_examples.jsonl.gz", "rt") as lines:
            for sample in map(json.loads, lines):
                found[sample["label"], bool(made.find(sample["text"]))] += 1
        true, missed, false = found["pos", True], found["pos", False], found["neg", True]
        yield Measure(
            what=f"secrets in the {source} samples ({sum(found.values())}), by any rule",
            aim="recall ≥ .55 at precision ≥ .60",
            measured=f"recall {true / (true + missed):.2f}, precision {true / (true + false):.2f}",
            met=true / (true + missed) >= 0.55 and true / (true + false) >= 0.60,
        )
