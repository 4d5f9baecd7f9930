"""From an event to queued deliveries: one per hook of the repository, its organization or an App there that asks for it."""

import uuid

from localforge.bus import Reaction, Subscriber
from localforge.events import Event, HookEvent, InstallationEvent, Push
from localforge.forge import Forge
from localforge.git import refnames
from localforge.hooks.installations import Listener, apps_of, installed
from localforge.hooks.payloads import Payload, about, payload
from localforge.json_types import Json, encode
from localforge.render import hooks as render
from localforge.render.accounts import simple_org, simple_user
from localforge.render.apps import lite
from localforge.render.view import View
from localforge.store import hooks, repos
from localforge.store.database import Tx
from localforge.store.hooks import Hook
from localforge.urls import Urls

ZEN = "Approachable is better than simple."


def subscriber(forge: Forge) -> Subscriber:
    """Queues the deliveries of every event."""
    return Subscriber(name="webhooks", react=lambda event, _event_id, at: _react(forge, event, at))


def _react(forge: Forge, event: Event, at: str) -> Reaction | None:
    view = View(forge=forge, urls=Urls(origin=forge.origin, api=forge.origin))
    if isinstance(event, HookEvent):
        return _for_one(view, event, at)
    if isinstance(event, InstallationEvent):
        found = installed(view, event)
        return (lambda tx: _queue(tx, [found[0]], found[1], None, at)) if found else None
    repo = repos.by_id(view.db, event.repo_id)
    if repo is None:
        return None
    own = [*hooks.of_repo(view.db, repo.id), *hooks.of_org(view.db, repo.owner_id)]
    listening = [*(Listener(hook=hook) for hook in own), *apps_of(view, repo)]
    told = payload(view, repo, event) if listening else None
    wanted = [listener for listener in listening if told and listener.hears(told)]
    if told is None or not wanted:
        return None
    return lambda tx: _queue(tx, wanted, told, repo.id, at)


def _for_one(view: View, event: HookEvent, at: str) -> Reaction | None:
    """What was asked of one hook: a ping, a push of now, an earlier delivery once more."""
    hook = hooks.by_id(view.db, event.hook_id)
    if hook is None:
        return None
    match event.action:
        case "ping":
            told = ping(view, hook, event.actor_id)
            return lambda tx: _queue(tx, [Listener(hook=hook)], told, hook.repo_id, at)
        case "test":
            pushed = _present_push(view, event)
            listener = Listener(hook=hook)
            return (lambda tx: _queue(tx, [listener], pushed, hook.repo_id, at)) if pushed else None
        case _:
            return lambda tx: _again(tx, hook, event.delivery_id or 0, at)


def ping(view: View, hook: Hook, actor_id: int) -> Payload:
    """The first thing that a hook is sent."""
    repo = repos.by_id(view.db, hook.repo_id) if hook.repo_id else None
    body: dict[str, Json] = {"zen": ZEN, "hook_id": hook.id, "hook": render.hook(view, hook)}
    if repo:
        body |= about(view, repo, actor_id)
    elif hook.org_id:
        body["organization"] = simple_org(view.urls, view.account(hook.org_id))
        body["sender"] = simple_user(view.urls, view.account(actor_id))
    return Payload(event="ping", action=None, body=body)


def _present_push(view: View, event: HookEvent) -> Payload | None:
    """The push that brought the default branch to where it is."""
    repo = repos.by_id(view.db, event.repo_id)
    if repo is None:
        return None
    git = view.forge.git(repo.id)
    branch = refnames.head_branch(git)
    tip = refnames.branch_sha(git, branch)
    if tip is None:
        return None
    parent = git.info(f"{tip}^") or (tip,)
    pushed = Push(
        repo_id=repo.id, actor_id=event.actor_id, ref=refnames.BRANCH + branch, before=parent[0], after=tip
    )
    return payload(view, repo, pushed)


def _queue(tx: Tx, wanted: list[Listener], told: Payload, repo_id: int | None, at: str) -> None:
    text = encode(told.body).decode()
    for listener in wanted:
        item = listener.installation
        # An App is told by way of which installation, unless the payload is about that itself.
        via = lite(item) if item and "installation" not in told.body else None
        tx.insert(
            "delivery",
            hook_id=listener.hook.id,
            installation_id=item.id if item else None,
            guid=str(uuid.uuid4()),
            event=told.event,
            action=told.action,
            repo_id=repo_id,
            redelivery=False,
            payload=encode({**told.body, "installation": via}).decode() if via else text,
            queued_at=at,
        )
    tx.wake()


def _again(tx: Tx, hook: Hook, delivery_id: int, at: str) -> None:
    earlier = hooks.delivery(tx, delivery_id)
    if earlier:
        tx.insert(
            "delivery",
            hook_id=hook.id,
            guid=earlier.guid,
            event=earlier.event,
            action=earlier.action,
            repo_id=earlier.repo_id,
            installation_id=earlier.installation_id,
            redelivery=True,
            payload=earlier.payload,
            queued_at=at,
        )
        tx.wake()
