"""Code scanning alerts as JSON."""

from localforge.git import refnames
from localforge.json_types import Json
from localforge.render.accounts import simple_user
from localforge.render.view import View
from localforge.store import scanning
from localforge.store.repos import Repository
from localforge.store.scanning import CodeAlert, Instance


def instance_on(view: View, repo: Repository, alert: CodeAlert, ref: str | None = None) -> Instance | None:
    """Where the alert was seen on a ref. None: on the default branch, or wherever it was seen last."""
    seen = scanning.instances(view.db, alert.id)
    wanted = ref or refnames.BRANCH + refnames.head_branch(view.forge.git(repo.id))
    found = next((instance for instance in seen if instance.ref == wanted), None)
    return found or (seen[0] if seen and ref is None else None)


def state_of(alert: CodeAlert, instance: Instance | None) -> str:
    """open, dismissed or fixed, as seen there."""
    if instance and instance.fixed_at:
        return "fixed"
    return "dismissed" if alert.dismissed_at else "open"


def code_alert(view: View, repo: Repository, alert: CodeAlert, ref: str | None = None) -> dict[str, Json]:
    """An alert as `code-scanning/get-alert` shows it."""
    full_name = view.full_name(repo)
    seen = instance_on(view, repo, alert, ref)
    url = f"{view.urls.repo(full_name)}/code-scanning/alerts/{alert.number}"
    by = view.account(alert.dismissed_by_id) if alert.dismissed_by_id else None
    return {
        "number": alert.number,
        "created_at": alert.created_at,
        "updated_at": alert.updated_at,
        "url": url,
        "html_url": f"{view.urls.page(full_name)}/security/code-scanning/{alert.number}",
        "instances_url": f"{url}/instances",
        "state": state_of(alert, seen),
        "fixed_at": seen.fixed_at if seen else None,
        "dismissed_by": simple_user(view.urls, by) if by else None,
        "dismissed_at": alert.dismissed_at,
        "dismissed_reason": alert.dismissed_reason,
        "dismissed_comment": alert.dismissed_comment,
        "rule": alert.rule,
        "tool": {"name": alert.tool, "guid": alert.tool_guid, "version": alert.tool_version},
        "most_recent_instance": code_instance(alert, seen) if seen else {},
        "assignees": [simple_user(view.urls, view.account(user_id)) for user_id in alert.assignees],
    }


def code_instance(alert: CodeAlert, seen: Instance) -> dict[str, Json]:
    """Where an alert was seen on a ref."""
    return {
        "ref": seen.ref,
        "analysis_key": "API",
        "environment": "",
        "category": seen.category,
        "state": state_of(alert, seen),
        "commit_sha": seen.commit_sha,
        "message": {"text": seen.message},
        "location": seen.location,
        "classifications": [],
    }
