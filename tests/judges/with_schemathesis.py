"""schemathesis: requests made from GitHub's OpenAPI description, valid and invalid ones; none is answered with a server error."""

import copy
import json
import os
import subprocess
import sys
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

from tests.forge.openapi import description
from tests.judges.board import AbsentError, Judge
from tests.judges.stage import Stage

SECONDS = 150

# So that most requests meet something that is there.
NAMES: dict[str, list[object]] = {
    "owner": ["acme"],
    "repo": ["fuzz"],
    "org": ["acme"],
    "username": ["wim"],
    "issue_number": [1],
    "pull_number": [2],
    "branch": ["main", "topic"],
}


def version() -> str:
    """Its own."""
    try:
        return installed("schemathesis")
    except PackageNotFoundError as error:
        raise AbsentError("schemathesis is not installed (make judges does it)") from error


judge = Judge(name="schemathesis", version=version)


def _narrowed(operations: frozenset[str]) -> dict[str, Any]:
    """The description of what the forge serves, its names narrowed to things that exist."""
    document = copy.deepcopy(description())
    for path, methods in list(document["paths"].items()):
        served = {method: one for method, one in methods.items() if one["operationId"] in operations}
        document["paths"][path] = served
        if not served:
            del document["paths"][path]
    for parameter in document["components"]["parameters"].values():
        if parameter["in"] == "path" and parameter["name"] in NAMES:
            kind = "integer" if "number" in parameter["name"] else "string"
            parameter["schema"] = {"type": kind, "enum": NAMES[parameter["name"]]}
    return document


@judge.scenario(f"no server error in {SECONDS} seconds of requests")
def requests(stage: Stage) -> None:
    repo = stage.repository("fuzz")
    stage.branch(repo, "topic", {"a.txt": "a\n"})
    with stage.client() as olga:
        olga.post(f"/repos/{repo}/issues", json={"title": "One"})
        olga.post(f"/repos/{repo}/pulls", json={"title": "Two", "head": "topic", "base": "main"})
    work = stage.work("schemathesis")
    (work / "openapi.json").write_text(json.dumps(_narrowed(stage.operations)))
    program = Path(sys.executable).with_name("schemathesis")
    command = [
        "run",
        "openapi.json",
        f"--url={stage.url}",
        "-H",
        f"Authorization: token {stage.tokens['olga']}",
    ]
    bounds = [
        "--checks=not_a_server_error",
        f"--max-time={SECONDS}",
        "--max-examples=8",
        "--seed=1",
        "--no-shrink",
    ]
    phases = ["--phases=examples,coverage,fuzzing", "--warnings=off", "--continue-on-failure", "--no-color"]
    # Renaming the repository away is no error of the others.
    spared = ["--exclude-operation-id=repos/update", "--generation-database=none", "--request-timeout=20"]
    done = subprocess.run(
        [program, *command, *bounds, *phases, *spared],
        cwd=work,
        env={"PATH": os.environ["PATH"], "HOME": str(work)},
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS * 3,
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
