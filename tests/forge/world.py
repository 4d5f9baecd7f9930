"""A small populated forge for tests: an organization, its people, their tokens, and clients."""

import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
from tests.forge.openapi import JudgedForge

from localforge import seed
from localforge.access import Role
from localforge.app import App
from localforge.forge import Forge, Settings
from localforge.ratelimit import Limits
from localforge.store.accounts import Account
from localforge.store.repos import Repository

ROOMY = Settings(
    limits=Limits(content_per_minute=10_000, content_per_hour=10_000, core=100_000, anonymous=10_000)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """`olga` owns `acme`, `mia` is a member, `wim` may write `acme/widget`, `otto` is a stranger.

    `acme/widget` is public and holds two commits; `acme/secret` is private and empty.
    """

    forge: Forge
    app: App
    org: Account
    people: Mapping[str, Account]
    tokens: Mapping[str, str]
    widget: Repository
    secret: Repository

    def client(self, token: str | None = None) -> httpx.Client:
        """A client of the app with this token, each of whose answers is judged. No background threads run."""
        headers = {"authorization": f"token {token}"} if token else {}
        return httpx.Client(transport=JudgedForge(self.app), base_url="http://forge.test", headers=headers)

    def as_(self, login: str) -> httpx.Client:
        """A client with that person's classic token (`repo`, `workflow`, `read:org`, `admin:org_hook`, `delete_repo`)."""
        return self.client(self.tokens[login])


def build(state: Path, clone: Path, settings: Settings = ROOMY) -> World:
    """Populate a state directory; `clone` becomes `acme/widget`."""
    forge = Forge(state, settings)
    people = {
        login: seed.create_user(forge, login, name=login.title(), email=f"{login}@example.test")
        for login in ("olga", "mia", "wim", "otto")
    }
    org = seed.create_org(forge, "acme", owner=people["olga"], name="Acme")
    seed.add_member(forge, org, people["mia"])
    widget = seed.create_repo(forge, org, "widget", clone=clone)
    secret = seed.create_repo(forge, org, "secret", private=True)
    seed.add_collaborator(forge, widget, people["wim"], role=Role.WRITE)
    tokens = {
        login: seed.create_token(
            forge, person, "repo", "workflow", "read:org", "admin:org_hook", "delete_repo"
        )
        for login, person in people.items()
    }
    return World(
        forge=forge, app=App(forge), org=org, people=people, tokens=tokens, widget=widget, secret=secret
    )


def copied(world: World, state: Path) -> World:
    """The same world in a state directory of its own, copied from a closed one's."""
    shutil.copytree(world.forge.state, state)
    forge = Forge(state, world.forge.settings)
    return replace(world, forge=forge, app=App(forge))


def git(*arguments: str | Path, cwd: Path, check: bool = True) -> "subprocess.CompletedProcess[str]":
    """The user's own git: fixed identity and dates, no prompt, no host configuration."""
    env = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": str(cwd),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_AUTHOR_NAME": "Olga",
        "GIT_AUTHOR_EMAIL": "olga@example.test",
        "GIT_COMMITTER_NAME": "Olga",
        "GIT_COMMITTER_EMAIL": "olga@example.test",
        "GIT_AUTHOR_DATE": "2026-01-02T03:04:05Z",
        "GIT_COMMITTER_DATE": "2026-01-02T03:04:05Z",
    }
    done = subprocess.run(
        ["git", *map(str, arguments)], cwd=cwd, env=env, capture_output=True, text=True, check=False
    )
    if check and done.returncode:
        raise AssertionError(f"git {arguments}: {done.stderr}")
    return done


def make_clone(path: Path) -> Path:
    """A working clone with two commits, a tag and a side branch."""
    path.mkdir()
    git("init", "-q", "-b", "main", cwd=path)
    (path / "README.md").write_text("# Widget\n")
    (path / "src").mkdir()
    (path / "src" / "widget.py").write_text("def spin():\n    return 1\n")
    (path / "run.sh").write_text("#!/bin/sh\nexit 0\n")
    (path / "run.sh").chmod(0o755)
    git("add", ".", cwd=path)
    git("commit", "-q", "-m", "First", cwd=path)
    git("tag", "-a", "v1", "-m", "Version 1", cwd=path)
    git("branch", "feature/side", cwd=path)
    (path / "src" / "widget.py").write_text("def spin():\n    return 2\n")
    git("commit", "-q", "-a", "-m", "Second\n\nWith a body.", cwd=path)
    return path
