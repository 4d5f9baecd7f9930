"""GitHub's own command line, unmodified, against the forge's Actions."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from tests.forge.actions.flows import WIDGET, put_workflow
from tests.forge.actions.serving import Served, finished
from tests.forge.world import World

from localforge.actions.sandbox.bridge import Bridge

Gh = Callable[..., str]

FLOW = """\
name: Ship
on:
  workflow_dispatch: {inputs: {level: {type: choice, options: [low, high]}}}
jobs:
  ship:
    runs-on: ubuntu-latest
    steps:
      - run: 'test "$KEY" = "sealed by gh" && echo "level ${{ inputs.level }}" > made.txt && cat made.txt'
        env: {KEY: "${{ secrets.KEY }}"}
      - {uses: actions/upload-artifact@v4, with: {name: made, path: made.txt}}
      - {name: fails at first, run: 'test "$GITHUB_RUN_ATTEMPT" = 2'}
"""


@pytest.fixture
def gh(served: Served, world: World, tmp_path: Path) -> Iterator[Gh]:
    """Runs `gh` with olga's token; it speaks plain HTTP through a Unix socket."""
    address = urlsplit(str(served.olga.base_url))
    bridge = Bridge(address.hostname or "", address.port or 0)
    configuration = tmp_path / "gh"
    configuration.mkdir()
    (configuration / "config.yml").write_text(f"http_unix_socket: {bridge.path}\n")
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "GH_CONFIG_DIR": str(configuration),
        "GH_HOST": "github.localhost",
        "GH_TOKEN": world.tokens["olga"],
        "GH_REPO": "github.localhost/acme/widget",
        "NO_COLOR": "1",
    }

    def run(*arguments: str) -> str:
        done = subprocess.run(
            ["gh", *arguments], env=env, cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, (arguments, done.stdout, done.stderr)
        return done.stdout

    yield run
    bridge.close()


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("gh") is None, reason="this host has no gh")
def test_a_workflow_from_dispatch_to_download(served: Served, gh: Gh, tmp_path: Path) -> None:
    """It seals a secret, dispatches with an input, reads the log, repeats what failed, and downloads the artifact."""
    gh("secret", "set", "KEY", "--body", "sealed by gh")
    assert gh("secret", "list").startswith("KEY\t")
    put_workflow(served.olga, FLOW)
    gh("workflow", "run", "Ship", "-f", "level=high")
    run = finished(served.olga)
    number = str(run["id"])
    assert run["conclusion"] == "failure"
    assert gh("run", "list").startswith("completed\tfailure\tShip\tShip\tmain\tworkflow_dispatch\t")
    log = gh("run", "view", number, "--log")
    assert "level high" in log
    assert "sealed by gh" not in log
    gh("run", "rerun", number, "--failed")
    gh("run", "watch", number, "--exit-status", "--interval", "1")
    gh("run", "download", number, "--name", "made", "--dir", "got")
    assert (tmp_path / "got" / "made.txt").read_text() == "level high\n"
    gh("workflow", "disable", "Ship")
    state = served.olga.get(f"{WIDGET}/actions/workflows/ci.yml").json()["state"]
    assert state == "disabled_manually"
    gh("secret", "delete", "KEY")
    assert gh("secret", "list") == ""
