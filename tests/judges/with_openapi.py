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

from tests.forge.openapi import BEYOND, EVERYWHERE, description, operations
from tests.judges.board import Judge, UnsupportedError
from tests.judges.stage import Stage

judge = Judge(name="OpenAPI", version=lambda: str(description()["info"]["version"]))

# (operations, status) that are documented and that the forge never gives, with the reason.
UNCLAIMED: tuple[tuple[str, str, str], ...] = (
    (r".*", r"500|503", "the forge is not out of order by itself"),
    (
        r"issues/(update|add-labels|set-labels|remove-label)",
        r"301",
        "a write to an old name is 307 (recorded: rename-repository)",
    ),
    (r"repos/get-content", r"302", "submodules and links are described in place"),
    (r"rate-limit/get", r"304|404", "it counts while it is asked, and is there"),
    (r"repos/create-for-authenticated-user", r"304|404", "described of a POST, which has neither"),
    (r"pulls/get", r"406", "no diff is too large"),
    (r"orgs/create-webhook", r"404", "an organization is public; who may not is told so (403)"),
    (r"repos/list-pull-requests-associated-with-commit", r"409", "what is not there is 404 or 422 first"),
    (r"actions/force-cancel-workflow-run", r"409", "what has ended is refused as by cancel"),
    (
        r"issues/(get|update|lock|list-.*|create-comment|add-labels|set-labels|remove-label)",
        r"410",
        "said of deleted issues, and no issue can be deleted",
    ),
    (
        r"repos/get-readme|git/get-tree|issues/update-comment|pulls/list-files|checks/rerequest-run",
        r"422",
        "no input is known that GitHub refuses so",
    ),
    (
        r"apps/create-from-manifest",
        r"422",
        "a wrong manifest is refused when it is sent, before there is a code",
    ),
    (r"dependabot/update-alert", r"409", "no other change of an alert is ever under way"),
    (
        r"(repos|orgs|apps)/.*webhook.*",
        r"422",
        "deliveries are named by id alone, and what is not there is 404",
    ),
)


@cache
def _seen(folder: Path) -> Mapping[str, frozenset[int]]:
    """Run the forge's tests once; which operations answered with which statuses. AssertionError when they fail."""
    assert not folder.exists(), "the tests have failed"
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
        if not any(status < 400 and status not in EVERYWHERE for status in seen.get(name, ()))
    ]
    assert not never, f"never called with success: {', '.join(sorted(never))}"


@judge.scenario("every operation has given each documented error, but for those that are explained")
def errors(stage: Stage) -> None:
    seen = _seen(stage.folder / "seen")
    never = [
        (name, status) for name, status in _documented(stage.operations) if status not in seen.get(name, ())
    ]
    missing = [f"{name} {status}" for name, status in never if not _explained(name, status)]
    assert not missing, ", ".join(sorted(missing))
    idle = [
        reason
        for names, statuses, reason in UNCLAIMED
        if not any(
            re.fullmatch(names, name) and re.fullmatch(statuses, str(status)) for name, status in never
        )
    ]
    assert not idle, f"explained and given all the same: {', '.join(idle)}"


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
