"""What Apps are told: of what happens in repositories that they are installed on, and of being installed."""

from collections.abc import Iterable
from dataclasses import dataclass

from localforge.apps.permissions import may_be_told
from localforge.events import InstallationEvent
from localforge.hooks.payloads import Payload
from localforge.json_types import Json
from localforge.render import apps as render
from localforge.render.accounts import simple_user
from localforge.render.view import View
from localforge.store import apps, hooks, repos
from localforge.store.apps import Installation
from localforge.store.hooks import Hook
from localforge.store.repos import Repository

# Asking for checks is between GitHub and the App that reports them; nobody else is told.
_ASKING = frozenset({"requested", "rerequested", "requested_action"})
_CHECKS = frozenset({"check_run", "check_suite"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """A hook that may be told of something in a repository; an App's by way of an installation."""

    hook: Hook
    installation: Installation | None = None
    slug: str | None = None

    def hears(self, told: Payload) -> bool:
        """Whether it is told: by what it asked for, and of an App by what it may know."""
        of_checks = told.event in _CHECKS
        if of_checks and told.action in _ASKING and self.slug != told.app:
            return False
        if self.installation is None:
            return self.hook.wants(told.event)
        granted = self.installation.permissions
        asked = told.event in self.installation.events or (of_checks and granted.get("checks") == "write")
        return self.hook.active and asked and may_be_told(told.event, granted)


def apps_of(view: View, repo: Repository) -> list[Listener]:
    """The Apps that are installed on the repository and have a hook."""
    found = []
    for item in apps.installations_on(view.db, repo.owner_id):
        app, hook = apps.by_id(view.db, item.app_id), hooks.of_app(view.db, item.app_id)
        if app and hook and not item.suspended_at and apps.covers(view.db, item, repo.id, repo.owner_id):
            found.append(Listener(hook=hook, installation=item, slug=app.slug))
    return found


def installed(view: View, event: InstallationEvent) -> tuple[Listener, Payload] | None:
    """`installation` or `installation_repositories`, which its App is always told."""
    item = apps.once_installed(view.db, event.installation_id)
    hook = hooks.of_app(view.db, item.app_id) if item else None
    if item is None or hook is None or not hook.active:
        return None
    sender = simple_user(view.urls, view.account(event.actor_id))
    added, removed = _shown(view, event.added), _shown(view, event.removed)
    body: dict[str, Json] = {"action": event.action, "installation": render.installation(view, item)}
    if event.action in {"added", "removed"}:
        name = "installation_repositories"
        body |= {
            "repository_selection": item.selection,
            "repositories_added": added,
            "repositories_removed": removed,
            "requester": None,
        }
    else:
        name = "installation"
        body |= {"repositories": added or removed, "requester": None}
    told = Payload(event=name, action=event.action, body={**body, "sender": sender})
    return Listener(hook=hook, installation=item), told


def _shown(view: View, ids: Iterable[int]) -> list[Json]:
    found = (repos.by_id(view.db, repo_id) for repo_id in ids)
    return [render.short_repository(view, repo) for repo in found if repo]
