"""Workflow and action files audited by zizmor: offline, away from any repository, on copies under names of our own."""

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from penstock.adapters.git.diff import Changed
from penstock.core.evidence import FileMode
from penstock.core.sources.api import Unread
from penstock.core.sources.workflows import Severity, WorkflowFinding, fresh, is_workflow

MAX_BYTES = 256 << 10
MOST = 20
"""How long such a file may be, and how many of one patch set are audited."""
SECONDS = 20.0
"""For all runs together."""
_LIMITED = 'ulimit -c 0; ulimit -v 4194304; ulimit -t 20; exec "$0" "$@"'
"""Kilobytes of address space and seconds of processor time; zizmor takes a tenth of a second."""
_OPTIONS = (
    "--offline",
    "--no-config",
    "--no-ignores",
    "--no-exit-codes",
    "--no-progress",
    "--format=json-v1",
)
"""Ignoring is ours to decide: a patch could bring a finding together with the remark that hides it."""
_LONG = 5
"""Lines above which what a finding points at is a whole job, which is known by its name instead."""
_FILES = frozenset({FileMode.FILE, FileMode.EXECUTABLE})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Point:
    row: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Range:
    start_point: _Point


@dataclass(frozen=True, slots=True, kw_only=True)
class _Concrete:
    location: _Range
    feature: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    verbatim_path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Key:
    Local: _File


@dataclass(frozen=True, slots=True, kw_only=True)
class _Route:
    route: tuple[dict[Literal["Key", "Index"], str | int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Symbolic:
    key: _Key
    annotation: str
    route: _Route
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Location:
    symbolic: _Symbolic
    concrete: _Concrete


@dataclass(frozen=True, slots=True, kw_only=True)
class _Determinations:
    severity: Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class _Finding:
    """What is read of zizmor's JSON, version 1; the rest is left out."""

    ident: str
    desc: str
    determinations: _Determinations
    locations: tuple[_Location, ...]


_FOUND = TypeAdapter(tuple[_Finding, ...])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sides:
    path: str
    before: bytes | None
    after: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """What is new, and which files could not be audited, which is not the same as being clean."""

    findings: tuple[WorkflowFinding, ...] = ()
    unaudited: tuple[Unread, ...] = ()


class Workflows:
    """Collects workflow and action files while contents pass by."""

    def __init__(self) -> None:
        self._kept: list[_Sides] = []
        self._unaudited: list[Unread] = []

    def see(self, change: Changed, old: bytes | None, new: bytes | None) -> None:
        if new is None or not is_workflow(change.path):
            return
        before = old if change.old_mode in _FILES else None
        if why := self._why_not(change, before, new):
            self._unaudited.append(Unread(path=change.path, why=why))
        else:
            self._kept.append(_Sides(path=change.path, before=before, after=new))

    def _why_not(self, change: Changed, before: bytes | None, new: bytes) -> str:
        if change.new_mode not in _FILES:
            return "no regular file"
        if len(new) > MAX_BYTES or len(before or b"") > MAX_BYTES:
            return f"longer than {MAX_BYTES >> 10} KiB"
        return f"more than {MOST} such files" if len(self._kept) >= MOST else ""

    def audit(self) -> Audit:
        """Total: without zizmor, and where it fails, files are not audited."""
        if not self._kept:
            return Audit(unaudited=tuple(self._unaudited))
        program = _program()
        if program is None:
            absent = (Unread(path=each.path, why="zizmor is not installed") for each in self._kept)
            return Audit(unaudited=(*self._unaudited, *absent))
        with tempfile.TemporaryDirectory(prefix="workflows-") as folder:
            run = _Run(program, Path(folder))
            found = [run.of(number, each) for number, each in enumerate(self._kept)]
        return Audit(
            findings=tuple(finding for each in found for finding in each.findings),
            unaudited=(*self._unaudited, *(unread for each in found for unread in each.unaudited)),
        )


def _program() -> str | None:
    """That of this installation, or what the system has."""
    own = Path(sys.executable).with_name("zizmor")
    return str(own) if own.exists() else shutil.which("zizmor")


class _Run:
    """zizmor in one folder that is thrown away."""

    def __init__(self, program: str, folder: Path) -> None:
        self._program = program
        self._folder = folder
        self._end = time.monotonic() + SECONDS

    def of(self, number: int, sides: _Sides) -> Audit:
        """A base that cannot be audited hides nothing: then everything counts as new."""
        after = self._findings(f"after-{number}", sides.path, sides.after)
        if isinstance(after, str):
            return Audit(unaudited=(Unread(path=sides.path, why=after),))
        if not after or sides.before is None:
            return Audit(findings=after)
        before = self._findings(f"before-{number}", sides.path, sides.before)
        return Audit(findings=after if isinstance(before, str) else fresh(before, after))

    def _findings(self, name: str, path: str, content: bytes) -> tuple[WorkflowFinding, ...] | str:
        """Or why there are none."""
        action = path.rpartition("/")[2].startswith("action.") and not path.startswith(".github/workflows/")
        copy = self._folder / name / ("action.yml" if action else ".github/workflows/workflow.yml")
        copy.parent.mkdir(parents=True)
        copy.write_bytes(content)
        try:
            done = subprocess.run(
                ["/bin/sh", "-c", _LIMITED, self._program, *_OPTIONS, "--strict-collection", str(copy)],
                env={"PATH": "/usr/bin:/bin", "HOME": str(self._folder), "LC_ALL": "C.UTF-8"},
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=max(0.1, self._end - time.monotonic()),
                check=False,
            )
        except subprocess.TimeoutExpired:
            return f"zizmor took more than {SECONDS:g} seconds"
        if done.returncode:
            return _complaint(done.stderr)
        try:
            found = _FOUND.validate_json(done.stdout)
        except ValidationError:
            return "zizmor's answer cannot be read"
        return tuple(_finding(path, each) for each in found)


def _complaint(stderr: bytes) -> str:
    """The innermost reason that zizmor gives."""
    lines: Sequence[str] = [
        line.strip() for line in stderr.decode(errors="replace").splitlines() if line.strip()
    ]
    numbered = [line for line in lines if line[:1].isdigit() and ": " in line]
    return f"zizmor: {numbered[0].partition(': ')[2][:200]}" if numbered else "zizmor failed"


def _finding(path: str, found: _Finding) -> WorkflowFinding:
    """By its primary location; the others only lead there."""
    where = next((each for each in found.locations if each.symbolic.kind == "Primary"), found.locations[0])
    feature = where.concrete.feature.strip()
    route = "/".join(str(value) for step in where.symbolic.route.route for value in step.values())
    return WorkflowFinding(
        path=path,
        line=where.concrete.location.start_point.row + 1,
        rule=found.ident,
        severity=found.determinations.severity,
        what=f"{found.desc}: {where.symbolic.annotation}"[:300],
        mark=route if feature.count("\n") >= _LONG else " ".join(feature.split())[:1000],
    )
