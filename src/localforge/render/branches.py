"""Branches and their protection."""

from collections.abc import Sequence

from localforge.git.objects import Commit
from localforge.git.refnames import Ref
from localforge.json_types import Json
from localforge.protection import RequiredChecks, RequiredReviews, Rules, rules_of
from localforge.render.accounts import simple_user
from localforge.render.apps import app as render_app
from localforge.render.commits import commit as render_commit
from localforge.render.teams import team as render_team
from localforge.render.view import View
from localforge.store import accounts, apps, repos, teams
from localforge.store.repos import Protection, Repository
from localforge.urls import quoted

_SWITCHES = {
    "required_linear_history": "linear_history",
    "allow_force_pushes": "allow_force_pushes",
    "allow_deletions": "allow_deletions",
    "block_creations": "block_creations",
    "required_conversation_resolution": "conversation_resolution",
    "lock_branch": "lock_branch",
    "allow_fork_syncing": "allow_fork_syncing",
}


def short_branch(view: View, repo: Repository, ref: Ref) -> dict[str, Json]:
    """`short-branch`: a branch in a list."""
    name = ref.name.removeprefix("refs/heads/")
    row = repos.protection_of(view.db, repo.id, name)
    return {
        "name": name,
        "commit": {"sha": ref.sha, "url": f"{view.urls.repo(view.full_name(repo))}/commits/{ref.sha}"},
        "protected": row is not None,
        "protection": _summary(view, repo, name, row),
        "protection_url": protection_url(view, repo, name),
    }


def branch_with_protection(view: View, repo: Repository, name: str, head: Commit) -> dict[str, Json]:
    """`branch-with-protection`: one branch."""
    row = repos.protection_of(view.db, repo.id, name)
    full_name = view.full_name(repo)
    return {
        "name": name,
        "commit": render_commit(view, repo, head),
        "_links": {
            "self": f"{view.urls.repo(full_name)}/branches/{quoted(name)}",
            "html": view.urls.page(full_name, "tree", name),
        },
        "protected": row is not None,
        "protection": _summary(view, repo, name, row),
        "protection_url": protection_url(view, repo, name),
    }


def protected_branch(view: View, repo: Repository, row: Protection) -> dict[str, Json]:
    """`branch-protection` and `protected-branch`: every rule of a branch."""
    rules, url = rules_of(row), protection_url(view, repo, row.branch)
    optional: dict[str, Json] = {}
    if rules.checks:
        optional["required_status_checks"] = {
            "url": f"{url}/required_status_checks",
            "strict": rules.checks.strict,
            **_checks(rules.checks),
            "contexts_url": f"{url}/required_status_checks/contexts",
        }
    if rules.reviews:
        optional["required_pull_request_reviews"] = _reviews(view, url, rules.reviews)
    if rules.push_users is not None:
        optional["restrictions"] = _people(view, f"{url}/restrictions", rules.push_users)
    return {
        "url": url,
        **optional,
        "enforce_admins": {"url": f"{url}/enforce_admins", "enabled": rules.enforce_admins},
        "required_signatures": {"url": f"{url}/required_signatures", "enabled": False},
        **{name: {"enabled": bool(getattr(rules, field))} for name, field in _SWITCHES.items()},
    }


def protection_url(view: View, repo: Repository, branch: str) -> str:
    """The address of a branch's protection."""
    return f"{view.urls.repo(view.full_name(repo))}/branches/{quoted(branch)}/protection"


def _summary(view: View, repo: Repository, branch: str, row: Protection | None) -> dict[str, Json]:
    rules = rules_of(row) if row else Rules()
    level = ("everyone" if rules.enforce_admins else "non_admins") if rules.checks else "off"
    url = f"{protection_url(view, repo, branch)}/required_status_checks"
    checks = _checks(rules.checks) if rules.checks else {"contexts": [], "checks": []}
    return {
        "enabled": row is not None,
        "required_status_checks": {
            "enforcement_level": level,
            **checks,
            **({"url": url, "strict": rules.checks.strict} if rules.checks else {}),
        },
    }


def _checks(checks: RequiredChecks) -> dict[str, Json]:
    return {
        "contexts": [check.context for check in checks.checks],
        "checks": [{"context": check.context, "app_id": check.app_id} for check in checks.checks],
    }


def _reviews(view: View, url: str, reviews: RequiredReviews) -> dict[str, Json]:
    own = f"{url}/required_pull_request_reviews"
    optional: dict[str, Json] = {}
    if reviews.dismissal_users is not None:
        optional["dismissal_restrictions"] = _people(
            view, f"{url}/dismissal_restrictions", reviews.dismissal_users
        )
    if reviews.bypass_users:
        optional["bypass_pull_request_allowances"] = _by_kind(view, reviews.bypass_users)
    return {
        "url": own,
        "dismiss_stale_reviews": reviews.dismiss_stale,
        "require_code_owner_reviews": reviews.code_owners,
        "require_last_push_approval": reviews.last_push_approval,
        "required_approving_review_count": reviews.count,
        **optional,
    }


def _people(view: View, url: str, names: Sequence[str]) -> dict[str, Json]:
    return {
        "url": url,
        "users_url": f"{url}/users",
        "teams_url": f"{url}/teams",
        "apps_url": f"{url}/apps",
        **_by_kind(view, names),
    }


def _by_kind(view: View, names: Sequence[str]) -> dict[str, Json]:
    """Users, teams and Apps of the names that a rule has; whoever is gone since is left out."""
    found = [account for name in names if (account := accounts.by_login(view.db, name))]
    named = [team for name in names if (team := teams.named(view.db, name))]
    reporters = [app for account in found if (app := apps.by_bot(view.db, account.id))]
    return {
        "users": [simple_user(view.urls, account) for account in found if account.kind == "User"],
        "teams": [render_team(view, team) for team in named],
        "apps": [{**render_app(view, app), "description": app.description or ""} for app in reporters],
    }
