"""Renovate: full runs that find an outdated dependency and propose its update."""

import json
import os
from collections.abc import Mapping
from typing import Any

from tests.judges.board import Judge
from tests.judges.node import MODULES, run, version_of
from tests.judges.stage import Stage, until

judge = Judge(name="Renovate", version=lambda: version_of("renovate"))

PACKAGE = json.dumps({"name": "app", "version": "1.0.0", "dependencies": {"is-number": "6.0.0"}}, indent=2)


def _renovate(stage: Stage, name: str, *options: str, **settings: object) -> None:
    """One run over one repository, without onboarding and without asking github.com."""
    home = stage.folder / f"renovate-home-{name}-{os.urandom(3).hex()}"
    home.mkdir()
    env = {
        "HOME": str(home),
        "RENOVATE_BASE_DIR": str(home / "base"),
        "RENOVATE_TOKEN": stage.tokens["olga"],
        "RENOVATE_GIT_AUTHOR": "Renovate <renovate@example.test>",
        "RENOVATE_CONFIG": json.dumps({"fetchChangeLogs": "off", "enabledManagers": ["npm"], **settings}),
        "GIT_CONFIG_NOSYSTEM": "1",
        "LOG_LEVEL": "warn",
    }
    fixed = (
        "--platform=github",
        f"--endpoint={stage.url}/api/v3/",
        "--onboarding=false",
        "--require-config=optional",
    )
    run(MODULES / "renovate" / "dist" / "renovate.js", *fixed, *options, f"acme/{name}", env=env, within=300)


def _proposed(stage: Stage, name: str) -> Mapping[str, Any]:
    """The one open pull request."""
    with stage.client() as olga:
        pulls = olga.get(f"/repos/acme/{name}/pulls").json()
        assert [one["title"] for one in pulls] == ["Update dependency is-number to v7"], pulls
        files = olga.get(f"/repos/acme/{name}/pulls/{pulls[0]['number']}/files").json()
        assert [one["filename"] for one in files] == ["package.json"]
        assert '+    "is-number": "7.0.0"' in files[0]["patch"]
        pull: Mapping[str, Any] = pulls[0]
        return pull


@judge.scenario("a run proposes the update and keeps a dashboard; the next run adds nothing")
def update(stage: Stage) -> None:
    stage.repository("renovate-plain", {"package.json": PACKAGE})
    _renovate(stage, "renovate-plain", dependencyDashboard=True)
    pull = _proposed(stage, "renovate-plain")
    _renovate(stage, "renovate-plain", dependencyDashboard=True)
    assert _proposed(stage, "renovate-plain")["head"] == pull["head"]
    assert pull["head"]["ref"].startswith("renovate/")
    with stage.client() as olga:
        issues = olga.get("/repos/acme/renovate-plain/issues?state=all").json()
        assert [one["title"] for one in issues if "pull_request" not in one] == ["Dependency Dashboard"]


@judge.scenario("--platform-commit=enabled: the commit is made through the API")
def platform_commit(stage: Stage) -> None:
    stage.repository("renovate-api", {"package.json": PACKAGE})
    _renovate(stage, "renovate-api", "--platform-commit=enabled")
    pull = _proposed(stage, "renovate-api")
    with stage.client() as olga:
        commit = olga.get(f"/repos/acme/renovate-api/commits/{pull['head']['sha']}").json()
    assert commit["author"]["login"] == "olga", commit["commit"]


@judge.scenario("automerge: the forge is asked to merge once the checks pass, and does")
def automerge(stage: Stage) -> None:
    name = "renovate-merge"
    stage.repository(name, {"package.json": PACKAGE})
    rules = {
        "required_status_checks": {"strict": False, "contexts": ["unit"]},
        "enforce_admins": True,
        "required_pull_request_reviews": None,
        "restrictions": None,
    }
    with stage.client() as olga:
        assert olga.patch(f"/repos/acme/{name}", json={"allow_auto_merge": True}).status_code == 200
        assert olga.put(f"/repos/acme/{name}/branches/main/protection", json=rules).status_code == 200
        _renovate(stage, name, automerge=True, platformAutomerge=True)
        pull = _proposed(stage, name)
        where = f"/repos/acme/{name}/pulls/{pull['number']}"
        assert olga.get(where).json()["auto_merge"], "auto-merge was not asked for"
        status = {"state": "success", "context": "unit"}
        olga.post(f"/repos/acme/{name}/statuses/{pull['head']['sha']}", json=status)
        until(lambda: olga.get(where).json()["merged"], "it is not merged")
