"""Commits that were made in earnest: this repository's own, each laid beside the 10,000 other files."""

from collections.abc import Iterator
from pathlib import Path

from benchmarks.releases import History, Patch, git

OWN = Path(__file__).parents[1]
EVERY = 4
"""Of its commits."""


def commits(known: History) -> Iterator[Patch]:
    """Oldest first; none where the checkout came without its history."""
    git(known.folder, "fetch", "--quiet", "--no-tags", str(OWN), "HEAD")
    listed = git(known.folder, "rev-list", "--no-merges", "--reverse", "--parents", "FETCH_HEAD").decode()
    for line in listed.splitlines()[::EVERY]:
        after, *parents = line.split()
        if parents:
            yield Patch(
                name=after,
                before=_beside(known, parents[0]),
                after=_beside(known, after),
                archive="",
                place="",
            )


def _beside(known: History, commit: str) -> str:
    """A commit of the other files with the commit's own in a folder."""
    others = git(known.folder, "ls-tree", "HEAD").decode().splitlines(keepends=True)
    tree = git(known.folder, "rev-parse", f"{commit}^{{tree}}").decode().strip()
    entries = [line for line in others if not line.endswith("\tpackages\n")]
    whole = git(known.folder, "mktree", stdin="".join((*entries, f"040000 tree {tree}\tproject\n")).encode())
    return git(known.folder, "commit-tree", "-m", commit, whole.decode().strip()).decode().strip()
