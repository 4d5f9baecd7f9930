"""Dependabot's and secret scanning's alerts as JSON."""

from localforge.json_types import Json
from localforge.render.accounts import simple_user
from localforge.render.view import View
from localforge.store.alerts import DependencyAlert, SecretAlert
from localforge.store.repos import Repository


def dependency_alert(view: View, repo: Repository, alert: DependencyAlert) -> dict[str, Json]:
    """An alert as `dependabot/get-alert` shows it."""
    full_name = view.full_name(repo)
    return {
        "number": alert.number,
        "state": alert.state,
        "dependency": alert.dependency,
        "security_advisory": alert.advisory,
        "security_vulnerability": alert.vulnerability,
        "url": f"{view.urls.repo(full_name)}/dependabot/alerts/{alert.number}",
        "html_url": f"{view.urls.page(full_name)}/security/dependabot/{alert.number}",
        "created_at": alert.created_at,
        "updated_at": alert.updated_at,
        "dismissed_at": alert.dismissed_at,
        "dismissed_by": _person(view, alert.dismissed_by_id),
        "dismissed_reason": alert.dismissed_reason,
        "dismissed_comment": alert.dismissed_comment,
        "fixed_at": None,
        "auto_dismissed_at": None,
        "assignees": [simple_user(view.urls, view.account(user_id)) for user_id in alert.assignees],
    }


def secret_alert(
    view: View, repo: Repository, alert: SecretAlert, *, hidden: bool = False
) -> dict[str, Json]:
    """An alert as `secret-scanning/get-alert` shows it; `hidden`: without the secret."""
    full_name = view.full_name(repo)
    url = f"{view.urls.repo(full_name)}/secret-scanning/alerts/{alert.number}"
    return {
        "number": alert.number,
        "created_at": alert.created_at,
        "updated_at": alert.updated_at,
        "url": url,
        "html_url": f"{view.urls.page(full_name)}/security/secret-scanning/{alert.number}",
        "locations_url": f"{url}/locations",
        "state": alert.state,
        "resolution": alert.resolution,
        "resolution_comment": alert.resolution_comment,
        "resolved_at": alert.resolved_at,
        "resolved_by": _person(view, alert.resolved_by_id),
        "secret_type": alert.secret_type,
        "secret_type_display_name": alert.secret_type.replace("_", " ").title(),
        **({} if hidden else {"secret": alert.secret}),
        "validity": alert.validity,
        "publicly_leaked": False,
        "multi_repo": False,
        "push_protection_bypassed": False,
        "push_protection_bypassed_by": None,
        "push_protection_bypassed_at": None,
        "assigned_to": _person(view, alert.assignee_id),
        "first_location_detected": location(view, full_name, alert),
        "has_more_locations": False,
    }


def told_secret_alert(view: View, repo: Repository, alert: SecretAlert) -> dict[str, Json]:
    """The alert as webhooks tell of it: they never carry a secret."""
    shown = secret_alert(view, repo, alert, hidden=True)
    return {name: value for name, value in shown.items() if not name.endswith(("_detected", "_locations"))}


def _person(view: View, user_id: int | None) -> Json:
    return simple_user(view.urls, view.account(user_id)) if user_id is not None else None


def location(view: View, full_name: str, alert: SecretAlert) -> Json:
    """Where in a commit the secret is."""
    place, repo = alert.location, view.urls.repo(full_name)
    return {
        **place,
        "blob_url": f"{repo}/git/blobs/{place['blob_sha']}",
        "commit_url": f"{repo}/git/commits/{place['commit_sha']}",
    }
