"""Runs of strangers' pull requests wait until somebody who may write lets them begin.

Source: docs.github.com, "Approving workflow runs from public forks"; the rule is GitHub's default, first-time contributors.
"""

from localforge.access import Role, role_on
from localforge.actions.lifecycle import NewRun, begin, set_status
from localforge.forge import Forge
from localforge.store import accounts, actions, repos
from localforge.store.database import Db, Tx

WAITING = "action_required"


def must_wait(db: Db, new: NewRun) -> bool:
    """Whether this run needs approval: it comes from a fork, by somebody of whom nothing was ever merged here."""
    if new.event != "pull_request" or new.head_repo_id == new.repo_id or new.pull_number is None:
        return False
    repo = repos.by_id(db, new.repo_id)
    if repo is None or role_on(db, repo, accounts.by_id(db, new.actor_id)) >= Role.WRITE:
        return False
    merged = db.count(
        "SELECT count(*) FROM pull JOIN issue ON issue.id = pull.issue_id"
        " WHERE pull.repo_id = ? AND pull.merged_at IS NOT NULL AND issue.author_id = ?",
        new.repo_id,
        new.actor_id,
    )
    return merged == 0


def approve(forge: Forge, tx: Tx, run_id: int) -> None:
    """Let a waiting run begin."""
    set_status(forge, tx, actions.existing_run(tx, run_id), "queued", None)
    begin(forge, tx, actions.existing_run(tx, run_id))
