"""Merging without a working tree, by `git merge-tree` (git 2.38 or newer)."""

from collections.abc import Sequence
from dataclasses import dataclass

from localforge.git.directory import GitDir, GitError
from localforge.git.objects import Commit, Draft, Ident, write_commit


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """A clean merge's tree."""

    tree: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflicted:
    """The paths that conflict."""

    paths: tuple[str, ...]


def merge_trees(git: GitDir, ours: str, theirs: str) -> Merged | Conflicted:
    """Merge two commits on their own merge base."""
    arguments = ("merge-tree", "--write-tree", "--name-only", "--no-messages", "-z", ours, theirs)
    status, output, errors = git.attempt(*arguments)
    if status not in {0, 1}:
        raise GitError(arguments, status, errors)
    tree, *paths = output.decode("utf-8", "surrogateescape").split("\0")[:-1]
    return Merged(tree=tree) if status == 0 else Conflicted(paths=tuple(dict.fromkeys(paths)))


def apply_commit(git: GitDir, commit: Commit, onto: Commit) -> Merged | Conflicted:
    """The tree of `onto` with the change that `commit` made to its first parent (a cherry-pick)."""
    nobody = Ident(name="forge", email="forge@localhost", seconds=0)
    # merge-tree finds the base by ancestry: a stand-in for `onto` whose parent is the commit's parent makes it so.
    draft = Draft(tree=onto.tree, parents=commit.parents[:1], message="", author=nobody, committer=nobody)
    return merge_trees(git, write_commit(git, draft).sha, commit.sha)


def rebase(git: GitDir, commits: Sequence[Commit], onto: Commit, committer: Ident) -> Commit | Conflicted:
    """Re-apply commits (oldest first) on another; merges are left out, authors and messages kept."""
    head = onto
    for commit in commits:
        if len(commit.parents) != 1:
            continue
        result = apply_commit(git, commit, head)
        if isinstance(result, Conflicted):
            return result
        draft = Draft(
            tree=result.tree,
            parents=(head.sha,),
            message=commit.message,
            author=commit.author,
            committer=committer,
        )
        head = write_commit(git, draft)
    return head
