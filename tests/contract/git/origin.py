"""A real repository with real git, as a person would make it: the outside that mirrors are compared with."""

import os
import subprocess
from pathlib import Path

from penstock.adapters.git.mirrors import Mirrors
from penstock.core.refs import NodeId, RepoRef, Sha

REPO = RepoRef(forge="forge.test", node_id=NodeId("R_kgDO/1="), owner="acme", name="widget")

_ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    **{f"GIT_{role}_NAME": "Ada" for role in ("AUTHOR", "COMMITTER")},
    **{f"GIT_{role}_EMAIL": "ada@example.test" for role in ("AUTHOR", "COMMITTER")},
    **{f"GIT_{role}_DATE": "1750000000 +0000" for role in ("AUTHOR", "COMMITTER")},
}


def git(folder: Path, *arguments: str, stdin: bytes = b"", fails: bool = False) -> str:
    """Run the machine's git as a person would, with only the configuration that the repository has."""
    done = subprocess.run(
        ["git", *arguments], cwd=folder, env=_ENVIRONMENT, input=stdin, capture_output=True, check=False
    )
    assert fails or not done.returncode, done.stderr.decode()
    return done.stdout.decode(errors="surrogateescape").strip()


class Origin:
    """A clone somebody works in; what it commits can be fetched from its `url`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        git(folder, "init", "--quiet", "--initial-branch=main")

    @property
    def url(self) -> str:
        return f"file://{self.folder}"

    def commit(self, files: dict[str, bytes | None], branch: str = "main") -> Sha:
        """Write or (None) delete files and commit everything there is."""
        if git(self.folder, "rev-parse", "--verify", "--quiet", branch, fails=True):
            git(self.folder, "checkout", "--quiet", branch)
        for name, content in files.items():
            path = self.folder / name
            if content is None:
                path.unlink()
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
        return self.commit_all()

    def commit_all(self) -> Sha:
        git(self.folder, "add", "--all", "--force")
        git(self.folder, "commit", "--quiet", "--allow-empty", "--message", "work")
        return Sha(git(self.folder, "rev-parse", "HEAD"))

    def tree(self, commit: str = "HEAD") -> str:
        return git(self.folder, "rev-parse", f"{commit}^{{tree}}")


def mirrored(root: Path, origin: Origin, *commits: str) -> Mirrors:
    """Mirrors that have these commits of the origin."""
    mirrors = Mirrors(root, lambda: None)
    mirrors.sync(REPO, origin.url, commits)
    return mirrors
