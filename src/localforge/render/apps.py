"""Apps, installations and installation tokens."""

from localforge.apps.tokens import Minted
from localforge.json_types import Json
from localforge.render.accounts import simple_user
from localforge.render.repository import repository
from localforge.render.view import View
from localforge.store import apps
from localforge.store.apps import App, Installation
from localforge.store.repos import Repository
from localforge.urls import node_id


def app(view: View, item: App) -> dict[str, Json]:
    """`integration`."""
    return {
        "id": item.id,
        "client_id": item.client_id,
        "slug": item.slug,
        "node_id": node_id("A", item.id),
        "owner": simple_user(view.urls, view.account(item.owner_id)),
        "name": item.name,
        "description": item.description,
        "external_url": item.external_url,
        "html_url": view.urls.page("apps", item.slug),
        "created_at": item.created_at,
        "updated_at": item.updated_at,
        "permissions": item.permissions,
        "events": item.events,
    }


def own_app(view: View, item: App) -> dict[str, Json]:
    """`integration` as the App sees itself: with how often it is installed."""
    return {**app(view, item), "installations_count": len(apps.installations_of(view.db, item.id))}


def installation(view: View, item: Installation) -> dict[str, Json]:
    """`installation`."""
    account = view.account(item.account_id)
    owner = apps.by_id(view.db, item.app_id)
    if owner is None:
        raise LookupError(f"app {item.app_id}")
    settings = (
        ("organizations", account.login, "settings") if account.kind == "Organization" else ("settings",)
    )
    return {
        "id": item.id,
        "client_id": owner.client_id,
        "account": simple_user(view.urls, account),
        "repository_selection": item.selection,
        "access_tokens_url": f"{view.urls.api}/app/installations/{item.id}/access_tokens",
        "repositories_url": f"{view.urls.api}/installation/repositories",
        "html_url": view.urls.page(*settings, "installations", item.id),
        "app_id": item.app_id,
        "app_slug": owner.slug,
        "target_id": account.id,
        "target_type": account.kind,
        "permissions": item.permissions,
        "events": item.events,
        "created_at": item.created_at,
        "updated_at": item.updated_at,
        "single_file_name": None,
        "has_multiple_single_files": False,
        "single_file_paths": [],
        "suspended_by": simple_user(view.urls, view.account(item.suspended_by))
        if item.suspended_by
        else None,
        "suspended_at": item.suspended_at,
    }


def lite(item: Installation) -> dict[str, Json]:
    """`simple-installation`: what every payload to an App says of where it is installed."""
    return {"id": item.id, "node_id": node_id("IN", item.id)}


def short_repository(view: View, repo: Repository) -> dict[str, Json]:
    """A repository in the payload of an installation."""
    return {
        "id": repo.id,
        "node_id": node_id("R", repo.id),
        "name": repo.name,
        "full_name": view.full_name(repo),
        "private": repo.private,
    }


def minted(view: View, item: Installation, token: Minted) -> dict[str, Json]:
    """`installation-token`; the repositories where it is limited to some."""
    chosen = token.repositories
    return {
        "token": token.token,
        "expires_at": token.expires_at,
        "permissions": token.permissions,
        "repository_selection": item.selection if chosen is None else "selected",
        **({} if chosen is None else {"repositories": [repository(view, repo) for repo in chosen]}),
    }
