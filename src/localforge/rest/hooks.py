"""Webhooks of repositories and organizations, and their deliveries."""

import json
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from localforge.access import Role, unpermitted
from localforge.body import Body
from localforge.call import Answer, Call, created, no_content, ok
from localforge.errors import BadRequestError, FieldError, InvalidError, NotFoundError, field_error
from localforge.events import HookEvent
from localforge.json_types import Json
from localforge.operations import Area
from localforge.paging import bounds, page_of
from localforge.render import hooks as render
from localforge.store import accounts, hooks
from localforge.store.hooks import Delivery, Hook

area = Area()

MOST_PER_EVENT = 20
NEWEST = (1 << 62) - 1


def both(method: str, path: str, name: str, level: str) -> Callable[[Callable[[Call], Answer]], None]:
    """The same operation on a repository's hooks and on an organization's."""

    def add(handler: Callable[[Call], Answer]) -> None:
        needs = f"repository_hooks:{level}"
        area(method, f"/repos/{{owner}}/{{repo}}/hooks{path}", f"repos/{name}", needs=needs, role=Role.ADMIN)(
            handler
        )
        area(method, f"/orgs/{{org}}/hooks{path}", f"orgs/{name}", login=True)(handler)

    return add


@both("GET", "", "list-webhooks", "read")
def list_hooks(call: Call) -> Answer:
    """The hooks."""
    view = call.view
    return page_of(call, _all(call)).answer(lambda item: render.hook(view, item))


@both("POST", "", "create-webhook", "write")
def create(call: Call) -> Answer:
    """A new hook, which is sent a ping."""
    repo_id, org_id = _owner(call)
    if call.body.choice("name", ("web",), "web") != "web":
        raise field_error("Hook", "name")
    config = call.body.object("config") or Body({})
    events = _events(call.body.texts("events") or ["push"])
    settings = read_config(config, None)
    _refuse_more(call, settings, events)
    with call.forge.store.write() as tx:
        at = call.forge.clock()
        active = call.body.maybe_flag("active")
        hook_id = tx.insert(
            "hook",
            repo_id=repo_id,
            org_id=org_id,
            events=events,
            active=True if active is None else active,
            created_at=at,
            updated_at=at,
            **settings,
        )
        tx.emit(_asked(call, hook_id, "ping"))
    shown = render.hook(call.view, _found(call, hook_id))
    return created(shown, location=str(shown["url"]))


@both("GET", "/{hook_id}", "get-webhook", "read")
def get(call: Call) -> Answer:
    """One hook."""
    return ok(render.hook(call.view, _hook(call)))


@both("PATCH", "/{hook_id}", "update-webhook", "write")
def update(call: Call) -> Answer:
    """Change events, target, secret, or switch it off and on."""
    item = _hook(call)
    events = list(call.body.texts("events") or item.events)
    events += [name for name in call.body.texts("add_events") or [] if name not in events]
    dropped = call.body.texts("remove_events") or []
    config, active = call.body.object("config"), call.body.maybe_flag("active")
    with call.forge.store.write() as tx:
        tx.update(
            "hook",
            item.id,
            events=_events([name for name in events if name not in dropped]),
            active=item.active if active is None else active,
            updated_at=call.forge.clock(),
            **(read_config(config, item) if config else {}),
        )
    return ok(render.hook(call.view, _hook(call)))


@both("DELETE", "/{hook_id}", "delete-webhook", "write")
def delete(call: Call) -> Answer:
    """Remove the hook and the record of its deliveries."""
    item = _hook(call)
    with call.forge.store.write() as tx:
        tx.execute("DELETE FROM hook WHERE id = ?", item.id)
    return no_content()


@both("POST", "/{hook_id}/pings", "ping-webhook", "read")
def ping(call: Call) -> Answer:
    """Send a ping."""
    return _ask(call, "ping")


@area(
    "POST",
    "/repos/{owner}/{repo}/hooks/{hook_id}/tests",
    "repos/test-push-webhook",
    needs="repository_hooks:read",
    role=Role.ADMIN,
)
def test_push(call: Call) -> Answer:
    """Send the latest push of the default branch, if the hook asks for pushes."""
    return _ask(call, "test") if _hook(call).wants("push") else no_content()


@both("GET", "/{hook_id}/deliveries", "list-webhook-deliveries", "read")
def list_deliveries(call: Call) -> Answer:
    """Deliveries that were attempted, newest first; `cursor` leads on."""
    return deliveries_of(call, _hook(call))


def deliveries_of(call: Call, item: Hook) -> Answer:
    """A page of the hook's deliveries."""
    _, size = bounds(call)
    cursor = call.query.get("cursor")
    if cursor is not None and not (cursor.isascii() and cursor.isdigit() and len(cursor) < 19):
        raise BadRequestError("Invalid cursor.")
    conditions = {
        "": "1",
        "success": "status_code BETWEEN 200 AND 299",
        "failure": "NOT status_code BETWEEN 200 AND 299",
    }
    wanted = call.query.choice("status", tuple(conditions), "")
    rows = hooks.deliveries(call.db, item.id, int(cursor or NEWEST), size + 1, conditions[wanted])
    return ok([render.delivery_item(row) for row in rows[:size]], headers=_next(call, rows, size))


@both("GET", "/{hook_id}/deliveries/{delivery_id}", "get-webhook-delivery", "read")
def get_delivery(call: Call) -> Answer:
    """One delivery, with what was sent and what came back."""
    item = _hook(call)
    return ok(render.delivery(delivery_of(call, item), item))


@both("POST", "/{hook_id}/deliveries/{delivery_id}/attempts", "redeliver-webhook-delivery", "write")
def redeliver(call: Call) -> Answer:
    """Send a delivery once more, under the same id."""
    return redelivered(call, _hook(call), call.actor.account.id)


def redelivered(call: Call, item: Hook, actor_id: int) -> Answer:
    """The hook's delivery is queued once more."""
    row = delivery_of(call, item)
    repo_id = call.found_repo.id if call.found_repo else 0
    with call.forge.store.write() as tx:
        tx.emit(
            HookEvent(
                repo_id=repo_id, actor_id=actor_id, hook_id=item.id, action="redeliver", delivery_id=row.id
            )
        )
    return ok({}, status=202)


def _owner(call: Call) -> tuple[int | None, int | None]:
    """(repository id, None) or (None, organization id); 404 for who does not own the organization."""
    if call.found_repo:
        return call.found_repo.id, None
    return None, _org_id(call)


def _org_id(call: Call) -> int:
    """The organization of the path, for its owners and for Apps there; 404, or 403 where the token may not."""
    org, actor = accounts.by_login(call.db, call.params["org"]), call.actor
    if org is None:
        raise NotFoundError
    owns = accounts.member_role(call.db, org.id, actor.account.id) == "admin"
    if not owns and not (actor.installation and actor.installation.account_id == org.id):
        raise NotFoundError
    if actor.credential and actor.credential.scopes is not None:
        if "admin:org_hook" not in actor.credential.scopes:
            raise NotFoundError
    elif actor.credential:
        reads = call.operation_id.startswith(("orgs/get-", "orgs/list-"))
        granted = actor.credential.permissions.get("organization_hooks")
        if granted != "write" and not (reads and granted == "read"):
            raise unpermitted(actor)
    return org.id


def _all(call: Call) -> Sequence[Hook]:
    repo_id, org_id = _owner(call)
    return hooks.of_repo(call.db, repo_id) if repo_id else hooks.of_org(call.db, org_id or 0)


def _hook(call: Call) -> Hook:
    return _found(call, call.number("hook_id"))


def _found(call: Call, hook_id: int) -> Hook:
    item = hooks.by_id(call.db, hook_id)
    if item is None or (item.repo_id, item.org_id) != _owner(call):
        raise NotFoundError
    return item


def delivery_of(call: Call, item: Hook) -> Delivery:
    """The hook's delivery of the path, once attempted; 404 for any other."""
    row = hooks.delivery(call.db, call.number("delivery_id"))
    if row is None or row.hook_id != item.id or row.state != "done":
        raise NotFoundError
    return row


def _ask(call: Call, action: str) -> Answer:
    with call.forge.store.write() as tx:
        tx.emit(_asked(call, _hook(call).id, action))
    return no_content()


def _asked(call: Call, hook_id: int, action: str) -> HookEvent:
    return HookEvent(
        repo_id=call.found_repo.id if call.found_repo else 0,
        actor_id=call.actor.account.id,
        hook_id=hook_id,
        action=action,
    )


@cache
def known_events() -> frozenset[str]:
    """The names that a hook may ask for; `*` is all of them."""
    names: list[str] = json.loads((Path(__file__).parent / "hook_events.json").read_text())
    return frozenset((*names, "*"))


def _events(names: Sequence[str]) -> list[str]:
    for name in names:
        if name not in known_events():
            message = f"The event '{name[:40]}' is not a valid event for this hook."
            raise InvalidError(
                errors=(FieldError(resource="Hook", field="events", code="custom", message=message),)
            )
    return list(dict.fromkeys(names))


def read_config(config: Body, before: Hook | None) -> dict[str, Json]:
    """The columns that a webhook's `config` sets, on top of what they were."""
    url = config.maybe_text("url") or (before.url if before else "")
    parts = urlsplit(url)
    if not url or parts.scheme not in {"http", "https"} or not parts.hostname:
        words = "Config must contain URL for webhooks" if not url else "url is not a valid URL"
        raise InvalidError(errors=(FieldError(resource="Hook", code="custom", message=words),))
    secret = config.maybe_text("secret")
    insecure = config.values.get("insecure_ssl", before.insecure_ssl if before else False)
    return {
        "url": url,
        "content_type": config.choice(
            "content_type", ("json", "form"), before.content_type if before else "form"
        ),
        "secret": before.secret if before and secret in {None, "********"} else secret or "",
        "insecure_ssl": str(insecure) in {"1", "True"},
    }


def _refuse_more(call: Call, settings: dict[str, Json], events: Sequence[str]) -> None:
    present = _all(call)
    if any(item.url == settings["url"] and sorted(item.events) == sorted(events) for item in present):
        where = "repository" if call.found_repo else "organization"
        words = f"Hook already exists on this {where}"
        raise InvalidError(errors=(FieldError(resource="Hook", code="custom", message=words),))
    for name in events:
        if sum(name in item.events for item in present) >= MOST_PER_EVENT:
            words = f'The "{name}" event cannot have more than {MOST_PER_EVENT} hooks'
            raise InvalidError(errors=(FieldError(resource="Hook", code="custom", message=words),))


def _next(call: Call, rows: Sequence[Delivery], size: int) -> tuple[tuple[str, str], ...]:
    if len(rows) <= size:
        return ()
    query = urlencode({"per_page": size, "cursor": rows[size - 1].id})
    return (("link", f'<{call.urls.api}{call.path}?{query}>; rel="next"'),)
