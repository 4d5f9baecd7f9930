"""Each App that reports checks is asked for them by every push to a branch, as GitHub does: an empty suite, `requested`."""

from localforge.events import ZERO_SHA, CheckSuiteEvent
from localforge.forge import Forge
from localforge.git import refnames
from localforge.store import apps, checks, repos
from localforge.store.checks import SuiteOf
from localforge.store.database import Tx
from localforge.store.repos import RefChange


def ask(forge: Forge, tx: Tx, change: RefChange) -> None:
    """A suite for each App that may write checks here, in the transaction that settles the push."""
    repo = repos.by_id(tx, change.repo_id)
    branch = change.ref.removeprefix(refnames.BRANCH)
    if repo is None or branch == change.ref or change.after == ZERO_SHA:
        return
    for item in apps.installations_on(tx, repo.owner_id):
        app = apps.by_id(tx, item.app_id)
        reports = item.permissions.get("checks") == "write" and not item.suspended_at
        if app is None or not reports or not apps.covers(tx, item, repo.id, repo.owner_id):
            continue
        if any(row.app == app.slug for row in checks.suites_of_commit(tx, repo.id, change.after)):
            continue
        of = SuiteOf(
            repo_id=repo.id,
            app=app.slug,
            head_sha=change.after,
            head_branch=branch,
            before=change.before,
            after=change.after,
        )
        row = checks.create_suite(tx, of, forge.clock())
        tx.emit(
            CheckSuiteEvent(
                repo_id=repo.id, actor_id=change.actor_id, action="requested", check_suite_id=row.id
            )
        )
