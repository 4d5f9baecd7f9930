"""What a moved branch means for pull requests, written in the transaction that settles the move.

Their head goes with its branch; a deleted branch closes them; a base that has come to contain a head has merged it;
commits on the default branch close the issues that their messages name.
"""

from localforge.events import ZERO_SHA, PullRequestEvent
from localforge.forge import Forge
from localforge.git import refnames
from localforge.git.directory import GitDir
from localforge.git.history import is_ancestor
from localforge.issues.acting import Act
from localforge.issues.editing import close
from localforge.pulls.closing import close_named
from localforge.pulls.opening import bring, retarget
from localforge.pulls.testmerge import tried_in
from localforge.rulesets import bound
from localforge.store import issues, pulls, repos
from localforge.store.database import Tx
from localforge.store.pulls import Pull
from localforge.store.repos import RefChange, Repository

# A push of more commits than this to the default branch closes issues by its newest ones only.
MESSAGES_READ = 250


def follow(forge: Forge, tx: Tx, change: RefChange) -> None:
    """Bring the pull requests up to date with one settled change of a ref."""
    repo = repos.by_id(tx, change.repo_id)
    branch = change.ref.removeprefix(refnames.BRANCH)
    if repo is None or branch == change.ref:
        return
    if change.cause["kind"] == "rename":
        _rename(tx, change, branch)
    elif change.after == ZERO_SHA:
        _delete(tx, change, branch)
    else:
        git = forge.git(repo.id)
        _land(tx, git, change, branch)
        for pull in pulls.open_with_head(tx, repo.id, branch):
            _move_head(forge, tx, change, pull)
        if branch == refnames.head_branch(git):
            close_by_commits(tx, git, repo, change)


def mark_merged(tx: Tx, pull: Pull, change: RefChange) -> None:
    """The change of the base branch has merged the pull request."""
    tx.update(
        "pull",
        pull.id,
        merged_at=change.at,
        merged_by_id=change.actor_id,
        merge_commit_sha=change.after,
        base_sha=change.before,
    )
    act = _act(tx, pull, change)
    act.note("merged", commit_sha=change.after)
    close(act)


def close_by_commits(tx: Tx, git: GitDir, repo: Repository, change: RefChange) -> None:
    """Close the issues that the messages of new commits name."""
    if change.before == ZERO_SHA:
        return
    arguments = (
        "log",
        f"--max-count={MESSAGES_READ}",
        "--format=%H%n%B%x00",
        f"{change.before}..{change.after}",
    )
    for entry in reversed(git.run(*arguments).decode("utf-8", "replace").split("\0")):
        sha, _, message = entry.strip().partition("\n")
        close_named(tx, repo, message, actor_id=change.actor_id, at=change.at, commit_sha=sha)


def _act(tx: Tx, pull: Pull, change: RefChange) -> Act:
    return Act(tx=tx, issue=issues.by_id(tx, pull.issue_id), actor_id=change.actor_id, at=change.at)


def _land(tx: Tx, git: GitDir, change: RefChange, branch: str) -> None:
    """Pull requests whose head the branch has just come to contain are merged, however it happened."""
    waiting = pulls.open_with_base(tx, change.repo_id, branch)
    if not waiting or change.before == ZERO_SHA:
        return
    new = set(git.text("rev-list", change.after, f"^{change.before}").split())
    for pull in waiting:
        if pull.head_sha in new:
            mark_merged(tx, pull, change)


def _move_head(forge: Forge, tx: Tx, change: RefChange, pull: Pull) -> None:
    git = forge.git(pull.repo_id)
    bring(forge, change.repo_id, pull.repo_id, change.after)
    base_sha = refnames.branch_sha(git, pull.base_ref) or pull.base_sha
    tx.update("pull", pull.id, head_sha=change.after, base_sha=base_sha, head_pusher_id=change.actor_id)
    act = _act(tx, pull, change)
    act.change()
    if not is_ancestor(git, pull.head_sha, change.after):
        act.note("head_ref_force_pushed", commit_sha=change.after)
    _dismiss_stale(forge, tx, pull)
    tried_in(tx, git, pulls.by_id(tx, pull.id))
    tx.emit(
        PullRequestEvent(
            repo_id=pull.repo_id,
            actor_id=change.actor_id,
            action="synchronize",
            pull_number=pull.number,
            before=pull.head_sha,
            after=change.after,
        )
    )


def _dismiss_stale(forge: Forge, tx: Tx, pull: Pull) -> None:
    """Approvals end with the commit they were given for, where the base branch's protection says so."""
    repo = repos.by_id(tx, pull.repo_id)
    rules = bound(forge, repo, refnames.BRANCH + pull.base_ref) if repo else []
    if any(one.rules.reviews and one.rules.reviews.dismiss_stale for one in rules):
        tx.execute("UPDATE review SET state = 'DISMISSED' WHERE pull_id = ? AND state = 'APPROVED'", pull.id)


def _delete(tx: Tx, change: RefChange, branch: str) -> None:
    for pull in pulls.open_with_head(tx, change.repo_id, branch):
        act = _act(tx, pull, change)
        act.note("head_ref_deleted")
        close(act)
    merged = tx.one(
        Pull,
        "SELECT * FROM pull WHERE head_repo_id = ?1 AND repo_id = ?1 AND head_ref = ?2 AND merged_at IS NOT NULL"
        " ORDER BY id DESC",
        change.repo_id,
        branch,
    )
    for pull in pulls.open_with_base(tx, change.repo_id, branch):
        act = _act(tx, pull, change)
        if merged and merged.base_ref != branch:
            retarget(act, pull, merged.base_ref, pull.base_sha)
        else:
            act.note("base_ref_deleted")
            close(act)


def _rename(tx: Tx, change: RefChange, branch: str) -> None:
    """The branch has another name: heads and bases go with it, nothing closes."""
    old = str(change.cause["old"])
    if change.after != ZERO_SHA:
        tx.execute(
            "UPDATE pull SET base_ref = ? WHERE repo_id = ? AND base_ref = ?", branch, change.repo_id, old
        )
        tx.execute(
            "UPDATE pull SET head_ref = ? WHERE head_repo_id = ? AND head_ref = ?",
            branch,
            change.repo_id,
            old,
        )


def settle_merge(forge: Forge, tx: Tx, change: RefChange) -> None:
    """A merge asked for through the API has happened."""
    repo = repos.by_id(tx, change.repo_id)
    pull = pulls.by_id(tx, int(str(change.cause["pull_id"])))
    if repo is None or pull.merged_at:
        return
    issue = issues.by_id(tx, pull.issue_id)
    mark_merged(tx, pull, change)
    if pull.base_ref == refnames.head_branch(forge.git(repo.id)):
        text = f"{issue.title}\n\n{issue.body or ''}"
        close_named(tx, repo, text, actor_id=change.actor_id, at=change.at, commit_sha=None)
