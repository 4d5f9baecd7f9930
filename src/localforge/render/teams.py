"""Teams."""

from localforge.access import Role
from localforge.json_types import Json
from localforge.render.accounts import full_org, permissions
from localforge.render.view import View
from localforge.store import teams
from localforge.store.teams import Team
from localforge.urls import node_id


def short(view: View, item: Team) -> dict[str, Json]:
    """`team-simple`."""
    org = view.account(item.org_id)
    url = f"{view.urls.api}/organizations/{org.id}/team/{item.id}"
    return {
        "id": item.id,
        "node_id": node_id("T", item.id),
        "name": item.name,
        "slug": item.slug,
        "description": item.description,
        "privacy": item.privacy,
        "notification_setting": "notifications_enabled",
        "url": url,
        "html_url": view.urls.page("orgs", org.login, "teams", item.slug),
        "members_url": f"{url}/members{{/member}}",
        "repositories_url": f"{url}/repos",
        "permission": "pull",
        "type": "organization",
        "organization_id": org.id,
    }


def team(view: View, item: Team) -> dict[str, Json]:
    """`team`."""
    return {**short(view, item), "parent": _parent(view, item), "permissions": permissions(Role.READ)}


def full(view: View, item: Team) -> dict[str, Json]:
    """`team-full`."""
    return {
        **short(view, item),
        "parent": _parent(view, item),
        "members_count": len(teams.members(view.db, item.id)),
        "repos_count": len(teams.repositories(view.db, item.id)),
        "created_at": item.created_at,
        "updated_at": item.updated_at,
        "organization": {
            **full_org(view, view.account(item.org_id)),
            "has_organization_projects": False,
            "has_repository_projects": False,
        },
    }


def _parent(view: View, item: Team) -> dict[str, Json] | None:
    above = teams.by_id(view.db, item.parent_id) if item.parent_id else None
    return short(view, above) if above else None
