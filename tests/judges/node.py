"""Node 24 and the npm judges: installed from `npm/package-lock.json` by `make judges`, never fetched here."""

import json
import os
import platform
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.judges.board import AbsentError

FOLDER = Path(__file__).parent / "npm"
MODULES = FOLDER / "node_modules"
_MACHINES = {"x86_64": "x64", "aarch64": "arm64"}


def node() -> Path:
    """The Node that comes with the packages; AbsentError where they are not installed."""
    found = MODULES / f"node-linux-{_MACHINES.get(platform.machine(), platform.machine())}" / "bin" / "node"
    if not found.exists():
        raise AbsentError("not installed (make judges does it: npm ci in tests/judges/npm)")
    return found


def version_of(package: str) -> str:
    """The installed version of an npm package."""
    node()
    version: str = json.loads((MODULES / package / "package.json").read_text())["version"]
    return version


def run(script: Path, *arguments: str, env: Mapping[str, str], within: float = 120) -> str:
    """What a script prints; AssertionError with the end of what it said when it fails (`within` seconds)."""
    done = subprocess.run(
        [node(), script, *arguments],
        cwd=FOLDER,
        env={"PATH": f"{node().parent}:{os.environ['PATH']}", **certificates(), **env},
        capture_output=True,
        text=True,
        check=False,
        timeout=within,
    )
    assert done.returncode == 0, f"{script.name} {' '.join(arguments)}: {(done.stdout + done.stderr)[-1500:]}"
    return done.stdout


def certificates() -> Mapping[str, str]:
    """Where this machine keeps its certificates, as far as its environment says."""
    return {name: os.environ[name] for name in ("NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE") if name in os.environ}
