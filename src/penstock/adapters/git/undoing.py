"""Is what a commit brought gone again: asked of git's three-way merge, so that what else was changed since does not hide it."""

from penstock.adapters.git.command import Git
from penstock.core.refs import Sha
from penstock.ports import Permanent

_NOBODY = "penstock <penstock@localhost> 0 +0000"


def is_undone(git: Git, now: Sha, before: Sha, after: Sha) -> bool:
    """Trees. Undoing what is between `before` and `after` would change nothing of `now`; where it cannot be undone, others
    built on it, and it is there."""
    root = _commit(git, after)
    ours, theirs = _commit(git, now, root), _commit(git, before, root)
    ended = git.end("merge-tree", "--write-tree", "--no-messages", ours, theirs)
    if ended.code not in {0, 1} or not ended.output:
        raise Permanent("git_failed", f"git merge-tree in {git.directory.name}: {ended.complaint}")
    return ended.code == 0 and ended.output.decode().strip() == now


def _commit(git: Git, tree: Sha, *parents: Sha) -> Sha:
    """A commit that no branch has, the same each time; git 2.38 merges commits only."""
    lines = (
        f"tree {tree}",
        *(f"parent {parent}" for parent in parents),
        f"author {_NOBODY}",
        f"committer {_NOBODY}",
        "",
        "",
    )
    made = git.run("hash-object", "-t", "commit", "-w", "--stdin", stdin="\n".join(lines).encode())
    return Sha(made.decode().strip())
