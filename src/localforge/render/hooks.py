"""Webhooks and deliveries."""

from localforge.json_types import Json, decode
from localforge.render.view import View
from localforge.store import hooks, repos
from localforge.store.hooks import Delivery, Hook


def url_of(view: View, hook: Hook) -> str:
    """The API address of a hook."""
    if hook.app_id:
        return f"{view.urls.api}/app/hook"
    if hook.org_id:
        return f"{view.urls.api}/orgs/{view.account(hook.org_id).login}/hooks/{hook.id}"
    repo = repos.by_id(view.db, hook.repo_id or 0)
    return f"{view.urls.repo(view.full_name(repo) if repo else '')}/hooks/{hook.id}"


def config(item: Hook) -> dict[str, Json]:
    """`webhook-config`; the secret is never shown."""
    secret: dict[str, Json] = {"secret": "********"} if item.secret else {}
    return {
        "content_type": item.content_type,
        "insecure_ssl": "1" if item.insecure_ssl else "0",
        "url": item.url,
        **secret,
    }


def hook(view: View, item: Hook) -> dict[str, Json]:
    """`hook` and `org-hook`; of an App, what its ping shows."""
    url = url_of(view, item)
    shown: dict[str, Json] = {
        "type": "App" if item.app_id else "Organization" if item.org_id else "Repository",
        "id": item.id,
        "name": "web",
        "active": item.active,
        "events": item.events,
        "config": config(item),
        "updated_at": item.updated_at,
        "created_at": item.created_at,
        **({"app_id": item.app_id} if item.app_id else {}),
        "url": url,
        "ping_url": f"{url}/pings",
        "deliveries_url": f"{url}/deliveries",
    }
    return (
        shown
        if item.org_id or item.app_id
        else {**shown, "test_url": f"{url}/tests", "last_response": _last(view, item)}
    )


def delivery_item(item: Delivery) -> dict[str, Json]:
    """`hook-delivery-item`: a delivery in a list."""
    return {
        "id": item.id,
        "guid": item.guid,
        "delivered_at": item.delivered_at,
        "redelivery": item.redelivery,
        "duration": item.duration,
        "status": item.status,
        "status_code": item.status_code,
        "event": item.event,
        "action": item.action,
        "installation_id": item.installation_id,
        "repository_id": item.repo_id,
        "throttled_at": None,
    }


def delivery(item: Delivery, target: Hook) -> dict[str, Json]:
    """`hook-delivery`: with what was sent and what came back."""
    return {
        **delivery_item(item),
        "url": target.url,
        "request": {"headers": item.request_headers, "payload": decode(item.payload)},
        "response": {"headers": item.response_headers, "payload": item.response_body},
    }


def _last(view: View, item: Hook) -> dict[str, Json]:
    found = hooks.last_delivery(view.db, item.id)
    if found is None:
        return {"code": None, "status": "unused", "message": None}
    status = "active" if found.status == "OK" else "misconfigured" if found.status_code else "timeout"
    return {"code": found.status_code, "status": status, "message": found.status}
