"""Questions about the commit graph."""

from collections.abc import Sequence
from dataclasses import dataclass

from localforge.git.directory import GitDir
from localforge.git.objects import Commit, commit


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """Which commits: reachable from `include`, not from `exclude`; touching `path`; by author; in a time span.

    `since` and `until` are ISO 8601 times.
    """

    include: Sequence[str]
    exclude: Sequence[str] = ()
    path: str | None = None
    author: str | None = None
    committer: str | None = None
    since: str | None = None
    until: str | None = None

    def arguments(self) -> list[str]:
        """As arguments of `git rev-list`."""
        options = {
            "author": self.author,
            "committer": self.committer,
            "since": self.since,
            "until": self.until,
        }
        filters = [f"--{name}={value}" for name, value in options.items() if value]
        fixed = ["--fixed-strings"] if self.author or self.committer else []
        path = ["--", f":(literal){self.path}"] if self.path else ["--"]
        return [*fixed, *filters, *self.include, *(f"^{sha}" for sha in self.exclude), *path]


def count(git: GitDir, walk: Walk) -> int:
    """How many commits the walk has."""
    return int(git.text("rev-list", "--count", *walk.arguments()))


def newest_first(git: GitDir, walk: Walk, limit: int, offset: int = 0) -> list[Commit]:
    """Commits of the walk, newest first."""
    shas = git.text("rev-list", f"--max-count={limit}", f"--skip={offset}", *walk.arguments()).split()
    return _commits(git, shas)


def oldest_first(git: GitDir, walk: Walk) -> list[Commit]:
    """Commits of the walk, parents before children."""
    return _commits(git, git.text("rev-list", "--topo-order", "--reverse", *walk.arguments()).split())


def merge_base(git: GitDir, one: str, other: str) -> str | None:
    """The best common ancestor, or None for unrelated histories."""
    status, output, _ = git.attempt("merge-base", one, other)
    return output.decode().strip() if status == 0 else None


def ahead_behind(git: GitDir, base: str, head: str) -> tuple[int, int]:
    """How many commits `head` has that `base` lacks, and the reverse."""
    behind, ahead = git.text("rev-list", "--left-right", "--count", f"{base}...{head}").split()
    return int(ahead), int(behind)


def is_ancestor(git: GitDir, ancestor: str, descendant: str) -> bool:
    """Whether a commit can be reached from another (or is it)."""
    return git.attempt("merge-base", "--is-ancestor", ancestor, descendant)[0] == 0


def _commits(git: GitDir, shas: Sequence[str]) -> list[Commit]:
    found = (commit(git, sha) for sha in shas)
    return [item for item in found if item]
