"""What a pull request proposes: its commits and files against the merge base, computed from git once per pair."""

from dataclasses import dataclass
from functools import lru_cache

from localforge.git import refnames
from localforge.git.directory import GitDir
from localforge.git.history import Walk, count, merge_base
from localforge.git.objects import EMPTY_TREE
from localforge.store.issues import Issue
from localforge.store.pulls import Pull


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """`start` is the merge base (the empty tree for unrelated histories); the rest are counts."""

    base: str
    head: str
    start: str
    commits: int
    files: int
    additions: int
    deletions: int


def comparison(git: GitDir, issue: Issue, pull: Pull) -> Comparison:
    """Against the base branch as it is while the pull request is open, as it was at the end afterwards."""
    tip = refnames.branch_sha(git, pull.base_ref) if issue.state == "open" else None
    return compare(git, tip or pull.base_sha, pull.head_sha)


@lru_cache(maxsize=1024)
def compare(git: GitDir, base: str, head: str) -> Comparison:
    """The comparison of two commits, which never changes."""
    start = merge_base(git, base, head) or EMPTY_TREE
    files = additions = deletions = 0
    for line in git.text("diff-tree", "-r", "-M", "--numstat", start, head).splitlines():
        added, deleted, _ = line.split("\t", 2)
        files += 1
        additions += 0 if added == "-" else int(added)
        deletions += 0 if deleted == "-" else int(deleted)
    return Comparison(
        base=base,
        head=head,
        start=start,
        commits=count(git, Walk(include=(head,), exclude=(base,))),
        files=files,
        additions=additions,
        deletions=deletions,
    )
