"""Dependabot's and secret scanning's alerts: listed, read, dismissed and resolved, opened again."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from localforge.access import Role, role_on
from localforge.call import Answer, Call, ok
from localforge.errors import BadRequestError, InvalidError, NotFoundError
from localforge.events import DependabotAlertEvent, SecretScanningAlertEvent
from localforge.json_types import Json
from localforge.operations import Area
from localforge.paging import LARGEST_PAGE, page_of
from localforge.render import alerts as render
from localforge.store import accounts, alerts
from localforge.store.alerts import DependencyAlert, SecretAlert

area = Area()

REASONS = ("fix_started", "inaccurate", "no_bandwidth", "not_used", "tolerable_risk")
RESOLUTIONS = ("false_positive", "wont_fix", "revoked", "used_in_tests")
LONGEST_COMMENT = 280
_DEPENDABOT = "/repos/{owner}/{repo}/dependabot/alerts"
_SECRETS = "/repos/{owner}/{repo}/secret-scanning/alerts"
A = TypeVar("A", DependencyAlert, SecretAlert)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Facts:
    """What alerts are filtered by: values by the name of the query's parameter."""

    values: dict[str, Json]

    def wanted(self, call: Call) -> bool:
        """Whether every parameter that is given, a list with commas, has the alert's value."""
        asked = {name: call.query.get(name) for name in self.values}
        return all(text is None or self.values[name] in text.split(",") for name, text in asked.items())


@area(
    "GET", _DEPENDABOT, "dependabot/list-alerts-for-repo", needs="vulnerability_alerts:read", role=Role.WRITE
)
def list_dependency_alerts(call: Call) -> Answer:
    """Newest first, in pages that begin after (or end before) an alert."""
    found = [alert for alert in alerts.dependency_alerts(call.db, call.repo.id) if _facts(alert).wanted(call)]
    return _cursor_page(call, _sorted(call, found))


@area(
    "GET",
    _DEPENDABOT + "/{alert_number}",
    "dependabot/get-alert",
    needs="vulnerability_alerts:read",
    role=Role.WRITE,
)
def get_dependency_alert(call: Call) -> Answer:
    """One alert."""
    return ok(render.dependency_alert(call.view, call.repo, _dependency_alert(call)))


@area(
    "PATCH",
    _DEPENDABOT + "/{alert_number}",
    "dependabot/update-alert",
    needs="vulnerability_alerts:write",
    role=Role.WRITE,
)
def update_dependency_alert(call: Call) -> Answer:
    """Dismiss it with a reason, open it again, or say who looks after it."""
    alert, body, at = _dependency_alert(call), call.body, call.forge.clock()
    if "state" not in body and "assignees" not in body:
        raise InvalidError("state or assignees must be given")
    columns: dict[str, Json] = {"updated_at": at}
    action = ""
    if "assignees" in body:
        columns["assignees"] = [_assignable(call, login) for login in body.texts("assignees") or ()]
    if "state" in body:
        dismissed = body.choice("state", ("dismissed", "open")) == "dismissed"
        reason = body.choice("dismissed_reason", REASONS) if dismissed else None
        columns |= {
            "dismissed_at": at if dismissed else None,
            "dismissed_by_id": call.actor.account.id if dismissed else None,
            "dismissed_reason": reason,
            "dismissed_comment": _comment(call, "dismissed_comment") if dismissed else None,
        }
        if dismissed != bool(alert.dismissed_at):
            action = "dismissed" if dismissed else "reopened"
    with call.forge.store.write() as tx:
        tx.update("dependency_alert", alert.id, **columns)
        if action:
            who = {"repo_id": call.repo.id, "actor_id": call.actor.account.id}
            tx.emit(DependabotAlertEvent(action=action, alert_number=alert.number, **who))
    return ok(render.dependency_alert(call.view, call.repo, _dependency_alert(call)))


@area(
    "GET",
    _SECRETS,
    "secret-scanning/list-alerts-for-repo",
    needs="secret_scanning_alerts:read",
    role=Role.ADMIN,
)
def list_secret_alerts(call: Call) -> Answer:
    """Newest first; `hide_secret` leaves the secrets out."""
    hidden, excluded = (
        call.query.flag("hide_secret"),
        (call.query.get("exclude_secret_types") or "").split(","),
    )
    found = [
        alert
        for alert in alerts.secret_alerts(call.db, call.repo.id)
        if _Facts(
            values={
                "state": alert.state,
                "secret_type": alert.secret_type,
                "resolution": alert.resolution,
                "validity": alert.validity,
            }
        ).wanted(call)
        and alert.secret_type not in excluded
    ]
    page = page_of(call, _sorted(call, found))
    return page.answer(lambda alert: render.secret_alert(call.view, call.repo, alert, hidden=hidden))


@area(
    "GET",
    _SECRETS + "/{alert_number}",
    "secret-scanning/get-alert",
    needs="secret_scanning_alerts:read",
    role=Role.ADMIN,
)
def get_secret_alert(call: Call) -> Answer:
    """One alert."""
    hidden = call.query.flag("hide_secret")
    return ok(render.secret_alert(call.view, call.repo, _secret_alert(call), hidden=hidden))


@area(
    "GET",
    _SECRETS + "/{alert_number}/locations",
    "secret-scanning/list-locations-for-alert",
    needs="secret_scanning_alerts:read",
    role=Role.ADMIN,
)
def list_locations(call: Call) -> Answer:
    """Where the secret is: one place, which the description says."""
    place = render.location(call.view, call.view.full_name(call.repo), _secret_alert(call))
    return page_of(call, [place]).answer(lambda details: {"type": "commit", "details": details})


@area(
    "PATCH",
    _SECRETS + "/{alert_number}",
    "secret-scanning/update-alert",
    needs="secret_scanning_alerts:write",
    role=Role.ADMIN,
)
def update_secret_alert(call: Call) -> Answer:
    """Resolve it, open it again, say whether the secret still works or who looks after it."""
    alert, body, at = _secret_alert(call), call.body, call.forge.clock()
    if not {"state", "validity", "assignee"} & set(body.values):
        raise InvalidError("state, validity or assignee must be given")
    columns: dict[str, Json] = {"updated_at": at}
    action = ""
    if "validity" in body:
        given = body.maybe_text("validity")
        columns["validity"] = "unknown" if given is None else body.choice("validity", ("active", "inactive"))
    if "assignee" in body:
        login = body.maybe_text("assignee")
        columns["assignee_id"] = _assignable(call, login) if login is not None else None
    if "state" in body:
        resolved = body.choice("state", ("open", "resolved")) == "resolved"
        columns |= {
            "resolution": body.choice("resolution", RESOLUTIONS) if resolved else None,
            "resolution_comment": _comment(call, "resolution_comment") if resolved else None,
            "resolved_at": at if resolved else None,
            "resolved_by_id": call.actor.account.id if resolved else None,
        }
        if resolved != bool(alert.resolved_at):
            action = "resolved" if resolved else "reopened"
    with call.forge.store.write() as tx:
        tx.update("secret_alert", alert.id, **columns)
        if action:
            who = {"repo_id": call.repo.id, "actor_id": call.actor.account.id}
            tx.emit(SecretScanningAlertEvent(action=action, alert_number=alert.number, **who))
    return ok(render.secret_alert(call.view, call.repo, _secret_alert(call)))


def _dependency_alert(call: Call) -> DependencyAlert:
    found = alerts.dependency_alert(call.db, call.repo.id, call.number("alert_number"))
    if found is None:
        raise NotFoundError(f"No alert found for alert number {call.number('alert_number')}")
    return found


def _secret_alert(call: Call) -> SecretAlert:
    found = alerts.secret_alert(call.db, call.repo.id, call.number("alert_number"))
    if found is None:
        raise NotFoundError
    return found


def _facts(alert: DependencyAlert) -> _Facts:
    package = alert.vulnerability["package"]
    named = package if isinstance(package, dict) else {}
    return _Facts(
        values={
            "state": alert.state,
            "severity": alert.advisory["severity"],
            "ecosystem": named["ecosystem"],
            "package": named["name"],
            "manifest": alert.dependency["manifest_path"],
            "scope": alert.dependency["scope"],
        }
    )


def _sorted(call: Call, found: list[A]) -> list[A]:
    key = "updated_at" if call.query.get("sort") == "updated" else "created_at"
    ascending = call.query.choice("direction", ("asc", "desc"), "desc") == "asc"
    return sorted(found, key=lambda alert: (getattr(alert, key), alert.number), reverse=not ascending)


def _cursor_page(call: Call, found: Sequence[DependencyAlert]) -> Answer:
    size = min(max(1, call.query.number("per_page", 30)), LARGEST_PAGE)
    numbers = [alert.number for alert in found]
    after, before = _place(call, "after", numbers), _place(call, "before", numbers)
    start = 0 if after is None else after + 1
    if before is not None:
        start = max(0, before - size)
    end = start + size if before is None else before
    shown = found[start:end]
    links = []
    if shown and start > 0:
        links.append(("prev", "before", shown[0].number))
    if shown and end < len(found):
        links.append(("next", "after", shown[-1].number))
    base = f"{call.urls.api}{call.path}?per_page={size}"
    text = ", ".join(f'<{base}&{name}={_cursor(number)}>; rel="{rel}"' for rel, name, number in links)
    listed: list[Json] = [render.dependency_alert(call.view, call.repo, alert) for alert in shown]
    return ok(listed, headers=(("link", text),) if text else ())


def _cursor(number: int) -> str:
    return base64.urlsafe_b64encode(f"alert:{number}".encode()).decode().rstrip("=")


def _place(call: Call, name: str, numbers: Sequence[int]) -> int | None:
    """Where the alert of a cursor stands; 400 for a cursor that nobody was given."""
    cursor = call.query.get(name)
    if cursor is None:
        return None
    place = next((index for index, number in enumerate(numbers) if _cursor(number) == cursor), None)
    if place is None:
        raise BadRequestError(f"{name} is no cursor of this list")
    return place


def _comment(call: Call, name: str) -> str | None:
    text = call.body.maybe_text(name)
    if text is not None and len(text) > LONGEST_COMMENT:
        raise InvalidError(f"{name} is too long (maximum is {LONGEST_COMMENT} characters)")
    return text


def _assignable(call: Call, login: str) -> int:
    account = accounts.by_login(call.db, login)
    if account is None or role_on(call.db, call.repo, account) < Role.WRITE:
        raise InvalidError(f"{login[:80]} cannot be assigned to alerts of this repository")
    return account.id
