"""The merge of a pull request tried out: `refs/pull/N/head` and `refs/pull/N/merge`.

A test merge depends on two commits alone, so it is computed once for each pair and is the same commit every time.
"""

from localforge.forge import Forge
from localforge.git import refnames
from localforge.git.directory import GitDir
from localforge.git.merge import Merged, merge_trees
from localforge.git.objects import Draft, Ident, commit, write_commit
from localforge.store import pulls
from localforge.store.database import Db, Tx
from localforge.store.pulls import Pull, TestMerge

COMMITTER = ("GitHub", "noreply@github.com")


def head_ref(number: int) -> str:
    """Where the head of a pull request is fetched from."""
    return f"refs/pull/{number}/head"


def merge_ref(number: int) -> str:
    """Where the test merge of a pull request is fetched from."""
    return f"refs/pull/{number}/merge"


def tried(forge: Forge, pull: Pull) -> TestMerge | None:
    """The test merge of an open pull request into its base as it is now; None when that branch is gone.

    `refs/pull/N/merge` is the merge afterwards, and is absent when the two conflict.
    """
    git = forge.git(pull.repo_id)
    base = refnames.branch_sha(git, pull.base_ref)
    if base is None:
        return None
    found = pulls.test_merge(forge.store.db, pull.repo_id, base, pull.head_sha)
    if found is None:
        found = attempt(git, pull, base)
        with forge.store.write() as tx:
            remember(tx, found)
    publish(git, pull.number, found)
    return found


def tried_in(tx: Tx, git: GitDir, pull: Pull) -> None:
    """As `tried`, inside the transaction that opens the pull request or moves its head."""
    base = refnames.branch_sha(git, pull.base_ref)
    if base is not None:
        found = known(tx, pull, base) or attempt(git, pull, base)
        remember(tx, found)
        publish(git, pull.number, found)


def known(db: Db, pull: Pull, base: str) -> TestMerge | None:
    """The test merge of the pull request's head into this commit, if it was tried."""
    return pulls.test_merge(db, pull.repo_id, base, pull.head_sha)


def attempt(git: GitDir, pull: Pull, base: str) -> TestMerge:
    """Merge, without a working tree, and write the merge commit when it is clean."""
    result = merge_trees(git, base, pull.head_sha)
    head = commit(git, pull.head_sha)
    merge_sha = None
    if isinstance(result, Merged) and head:
        ident = Ident(name=COMMITTER[0], email=COMMITTER[1], seconds=head.committer.seconds)
        draft = Draft(
            tree=result.tree,
            parents=(base, pull.head_sha),
            message=f"Merge {pull.head_sha} into {base}",
            author=ident,
            committer=ident,
        )
        merge_sha = write_commit(git, draft).sha
    return TestMerge(repo_id=pull.repo_id, base_sha=base, head_sha=pull.head_sha, merge_sha=merge_sha)


def remember(tx: Tx, found: TestMerge) -> None:
    """Keep the outcome; another thread may have kept the same one before."""
    tx.execute(
        "INSERT OR IGNORE INTO test_merge (repo_id, base_sha, head_sha, merge_sha) VALUES (?, ?, ?, ?)",
        found.repo_id,
        found.base_sha,
        found.head_sha,
        found.merge_sha,
    )


def publish(git: GitDir, number: int, found: TestMerge) -> None:
    """Make the pull request's refs say what was tried."""
    wanted = {head_ref(number): found.head_sha, merge_ref(number): found.merge_sha}
    commands = []
    for name, sha in wanted.items():
        present = refnames.ref(git, name)
        if sha is None and present:
            commands.append(f"delete {name}\n")
        elif sha is not None and (present is None or present.sha != sha):
            commands.append(f"update {name} {sha}\n")
    if commands:
        git.run("update-ref", "--stdin", stdin="".join(commands).encode())
