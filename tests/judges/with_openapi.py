"""GitHub's OpenAPI description: the forge's own tests are its callers, and every answer to them is judged.

Beyond that: every operation has succeeded at least once, and has given each error that is documented for it, but for those
that `UNCLAIMED` explains.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from tests.forge.openapi import BEYOND, description, operations
from tests.judges.board import Judge, UnsupportedError
from tests.judges.stage import Stage

judge = Judge(name="OpenAPI", version=lambda: str(description()["info"]["version"]))

# (operations, statuses) that are documented and that the forge never gives, with the reason.
UNCLAIMED: tuple[tuple[str, str, str], ...] = (
    (r".*", r"500|503|451", "the forge is never out of order by itself, and withholds nothing for the law"),
    (r".*", r"304", "described of lists; what was not changed is 304 for every reading operation that was tried"),
    (r"issues/.*", r"410", "issues are never deleted; only creating one where they are disabled is 410"),
    (r"repos/create-for-authenticated-user", r"304|403|404", "described, and nothing that creating could mean"),
    (r"pulls/get", r"406", "diffs have no size limit here"),
    (r".*", r"403|404", "the caller of an operation without a repository sees what there is"),
    (r".*", r"409", "a race that the forge's lock on refs does not let happen"),
    (r".*", r"422", "described, and no input has been found that would be refused with it"),
    (r"repos/get-content", r"302", "submodules and links are described in place"),
    (r"orgs/redeliver-webhook-delivery|repos/.*deliver.*|orgs/.*deliver.*", r"400", "any delivery can be named"),
    (r".*", r"400", "described of an id that is malformed; it is 404"),
)


@cache
def _seen(folder: Path) -> Mapping[str, frozenset[int]]:
    """Run the forge's tests once; which operations answered with which statuses. AssertionError when they fail."""
    folder.mkdir()
    command = [sys.executable, "-m", "pytest", "-n", "2", "--dist", "worksteal", "-q", "tests/forge"]
    done = subprocess.run(
        command, env=os.environ | {"FORGE_SEEN": str(folder)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:]
    found: dict[str, set[int]] = {}
    for path in folder.glob("*.json"):
        for name, status in json.loads(path.read_text()):
            found.setdefault(name, set()).add(status)
    return {name: frozenset(statuses) for name, statuses in found.items()}


@judge.scenario("every JSON answer of every test is as described, nothing waived")
def answers(stage: Stage) -> None:
    assert _seen(stage.folder / "seen")


@judge.scenario("every operation of the forge has succeeded")
def successes(stage: Stage) -> None:
    seen = _seen(stage.folder / "seen")
    never = [
        name
        for name in stage.operations & (operations().keys() | BEYOND)
        if not any(status < 400 for status in seen.get(name, ()))
    ]
    assert not never, f"never called with success: {', '.join(sorted(never))}"


@judge.scenario("every operation has given each documented error, but for those that are explained")
def errors(stage: Stage) -> None:
    seen = _seen(stage.folder / "seen")
    missing = [
        f"{name} {status}"
        for name, status in _documented(stage.operations)
        if status not in seen.get(name, ()) and not _explained(name, status)
    ]
    assert not missing, ", ".join(sorted(missing))


def _documented(served: frozenset[str]) -> Iterator[tuple[str, int]]:
    for name, (_, _, operation) in operations().items():
        if name in served:
            yield from ((name, int(status)) for status in operation["responses"] if status >= "300")


def _explained(name: str, status: int) -> bool:
    return any(
        re.fullmatch(names, name) and re.fullmatch(statuses, str(status)) for names, statuses, _ in UNCLAIMED
    )


@judge.scenario("all 222 operations are there")
def whole(stage: Stage) -> None:
    absent = sorted(operations().keys() - stage.operations)
    if absent:
        raise UnsupportedError(f"{len(absent)} of {len(operations())} not there yet: {', '.join(absent)}")
