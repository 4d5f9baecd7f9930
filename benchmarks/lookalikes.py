"""False alarms of lookalike letters, on the source code that this machine happens to have."""

import sysconfig
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from benchmarks.measure import Measure

from penstock.core.lookalikes import disguised
from penstock.core.text import has_hidden

LINES, PER = 10_000, 10_000
PLACES = {
    "Python": ("*.py", (sysconfig.get_path("stdlib"), sysconfig.get_path("purelib"))),
    "C": ("*.h", ("/usr/include", sysconfig.get_path("include"))),
    "JavaScript": (
        "*.js",
        (str(Path(__file__).parent / "npm"), "/usr/lib/node_modules", sysconfig.get_path("purelib")),
    ),
    "Perl": ("*.p[lm]", ("/usr/share/perl", "/usr/lib/x86_64-linux-gnu/perl-base")),
    "shell": ("*.sh", ("/usr/share", "/usr/lib", "/etc")),
}


def measures() -> Iterator[Measure]:
    """The first lines of each language in the order of paths, so that a run can be repeated."""
    for language, (pattern, folders) in PLACES.items():
        lines = list(islice(_lines(pattern, folders), LINES))
        alarms = sum(bool(disguised(line)) or has_hidden(line) for line in lines)
        rate = alarms * PER / len(lines) if lines else 0
        measured = f"{alarms} in {len(lines):,} lines" if lines else "not measured: none on this machine"
        what = f"false alarms of lookalikes and hidden characters in {language}"
        yield Measure(what=what, aim="≤ 1 in 10,000", measured=measured, met=rate <= 1 if lines else None)


def _lines(pattern: str, folders: tuple[str, ...]) -> Iterator[str]:
    for folder in folders:
        for path in sorted(Path(folder).rglob(pattern)):
            if path.is_file() and "test" not in path.as_posix():
                yield from path.read_text(errors="replace").removeprefix("\ufeff").split("\n")
