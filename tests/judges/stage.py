"""The forge that judges try: a process of its own on loopback, populated as `tests.forge.world` says."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from tests.forge.robots import reporter_token
from tests.forge.world import build, git, make_clone

from localforge import seed
from localforge.seed import NewTeam

STARTS_WITHIN = 30.0
# Whose token reports checks: an App's, which GitHub asks for.
REPORTER = "reporter"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A served forge: `acme` with its people, a team and an App, their tokens, and a folder for what judges write."""

    url: str
    tokens: Mapping[str, str]
    operations: frozenset[str]
    folder: Path
    clone: Path

    def client(self, login: str = "olga") -> httpx.Client:
        """A plain client with that person's token: to prepare and to look, not to judge."""
        headers = {"authorization": f"token {self.tokens[login]}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=30)

    def remote(self, full_name: str, login: str = "olga") -> str:
        """The address that git clones from as that person."""
        return f"{self.url.replace('://', f'://{login}:{self.tokens[login]}@')}/{full_name}.git"

    def work(self, name: str) -> Path:
        """A new folder for one scenario."""
        made = self.folder / name
        made.mkdir(parents=True)
        return made

    def repository(self, name: str, files: Mapping[str, str] | None = None, **settings: object) -> str:
        """A new repository of `acme` with the widget's history, or with one commit of these files."""
        with self.client() as olga:
            made = olga.post("/orgs/acme/repos", json={"name": name, **settings})
            assert made.status_code == 201, made.text
        source = self.clone
        if files is not None:
            source = self.work(f"{name}-source")
            git("init", "-q", "-b", "main", cwd=source)
            self.write(source, files)
            git("add", ".", cwd=source)
            git("commit", "-q", "-m", "First", cwd=source)
        git("push", "-q", self.remote(f"acme/{name}"), "main", cwd=source)
        return f"acme/{name}"

    def branch(self, full_name: str, branch: str, files: Mapping[str, str]) -> str:
        """Push a branch from main with one commit of these files; the commit."""
        work = self.work(f"{full_name.replace('/', '-')}-{branch.replace('/', '-')}")
        git("clone", "-q", self.remote(full_name), ".", cwd=work)
        git("checkout", "-q", "-b", branch, cwd=work)
        self.write(work, files)
        git("add", ".", cwd=work)
        git("commit", "-q", "-m", f"Change {', '.join(files)}", cwd=work)
        git("push", "-q", "origin", branch, cwd=work)
        return git("rev-parse", "HEAD", cwd=work).stdout.strip()

    @staticmethod
    def write(folder: Path, files: Mapping[str, str]) -> None:
        """Put these files there."""
        for name, text in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)


@contextmanager
def staged(folder: Path) -> Iterator[Stage]:
    """Populate a state directory, serve it, and end the server afterwards."""
    clone = make_clone(folder / "clone")
    world = build(folder / "state", clone)
    members = [world.people["olga"], world.people["mia"]]
    seed.create_team(world.forge, world.org, NewTeam(name="A-Team", members=members))
    tokens = {**world.tokens, REPORTER: reporter_token(world)}
    operations = frozenset(operation.id for operation in world.app.operations)
    world.forge.close()
    ready = folder / "ready"
    command = [sys.executable, "-m", "tests.judges.served", str(folder / "state"), str(ready)]
    with (folder / "forge.log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=os.environ | {"PYTHONPATH": "src:."})
    try:
        until(lambda: ready.exists() and ready.read_text(), "the forge does not come up", STARTS_WITHIN)
        yield Stage(
            url=ready.read_text().strip(),
            tokens=tokens,
            operations=operations,
            folder=folder,
            clone=clone,
        )
        assert process.poll() is None, "the forge ended while it was judged"
    finally:
        process.terminate()
        process.wait(20)


def until(true: Callable[[], object], otherwise: str, within: float = 30.0) -> None:
    """Wait until something holds; AssertionError with these words when it does not in time (seconds)."""
    deadline = time.monotonic() + within
    while not true():
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.05)
