"""Users and organizations."""

from localforge.access import Role
from localforge.json_types import Json
from localforge.render.view import View
from localforge.store.accounts import Account, member_role
from localforge.urls import Urls, node_id

_PREFIXES = {"Organization": "O", "User": "U", "Bot": "BOT"}


def account_node_id(account: Account) -> str:
    """The account's global id."""
    return node_id(_PREFIXES[account.kind], account.id)


def avatar_url(urls: Urls, account: Account) -> str:
    """Where the account's picture is."""
    return urls.page("avatars", account.id)


def simple_user(urls: Urls, account: Account) -> dict[str, Json]:
    """`simple-user`: how an account appears inside other resources."""
    url = urls.user(account.login)
    page = urls.page("apps", account.login.removesuffix("[bot]")) if account.kind == "Bot" else None
    return {
        "login": account.login,
        "id": account.id,
        "node_id": account_node_id(account),
        "avatar_url": avatar_url(urls, account),
        "gravatar_id": "",
        "url": url,
        "html_url": page or urls.page(account.login),
        "followers_url": f"{url}/followers",
        "following_url": f"{url}/following{{/other_user}}",
        "gists_url": f"{url}/gists{{/gist_id}}",
        "starred_url": f"{url}/starred{{/owner}}{{/repo}}",
        "subscriptions_url": f"{url}/subscriptions",
        "organizations_url": f"{url}/orgs",
        "repos_url": f"{url}/repos",
        "events_url": f"{url}/events{{/privacy}}",
        "received_events_url": f"{url}/received_events",
        "type": account.kind,
        "user_view_type": "public",
        "site_admin": False,
    }


def public_user(view: View, account: Account) -> dict[str, Json]:
    """`public-user`: a profile as everybody sees it."""
    return {
        **simple_user(view.urls, account),
        "name": account.name,
        "company": None,
        "blog": "",
        "location": None,
        "email": account.email,
        "hireable": None,
        "bio": account.description,
        "twitter_username": None,
        "public_repos": _repositories(view, account, private=False),
        "public_gists": 0,
        "followers": 0,
        "following": 0,
        "created_at": account.created_at,
        "updated_at": account.updated_at,
    }


def private_user(view: View, account: Account) -> dict[str, Json]:
    """`private-user`: a profile as its owner sees it."""
    private = _repositories(view, account, private=True)
    return {
        **public_user(view, account),
        "user_view_type": "private",
        "notification_email": account.email,
        "private_gists": 0,
        "total_private_repos": private,
        "owned_private_repos": private,
        "disk_usage": _disk_usage(view, account),
        "collaborators": 0,
        "two_factor_authentication": False,
    }


def simple_org(urls: Urls, account: Account) -> dict[str, Json]:
    """`organization-simple`."""
    url = f"{urls.api}/orgs/{account.login}"
    return {
        "login": account.login,
        "id": account.id,
        "node_id": account_node_id(account),
        "url": url,
        "repos_url": f"{url}/repos",
        "events_url": f"{url}/events",
        "hooks_url": f"{url}/hooks",
        "issues_url": f"{url}/issues",
        "members_url": f"{url}/members{{/member}}",
        "public_members_url": f"{url}/public_members{{/member}}",
        "avatar_url": avatar_url(urls, account),
        "description": account.description,
    }


def full_org(view: View, account: Account) -> dict[str, Json]:
    """`organization-full`, as a stranger sees it plus the members' default role; to its owners, its settings too."""
    viewer = view.actor.user
    owned = viewer is not None and member_role(view.db, account.id, viewer.id) == "admin"
    profile: dict[str, Json] = {"name": account.name} if account.name else {}
    return {
        **simple_org(view.urls, account),
        **profile,
        "is_verified": False,
        "has_organization_projects": False,
        "has_repository_projects": False,
        "public_repos": _repositories(view, account, private=False),
        "public_gists": 0,
        "followers": 0,
        "following": 0,
        "html_url": view.urls.page(account.login),
        "created_at": account.created_at,
        "updated_at": account.updated_at,
        "archived_at": None,
        "type": "Organization",
        "default_repository_permission": account.default_role,
        **(_settings(view, account) if owned else {}),
    }


def _settings(view: View, account: Account) -> dict[str, Json]:
    """What only owners are told. Every member may create repositories here, and there are no internal ones."""
    private = _repositories(view, account, private=True)
    seats = view.db.count("SELECT count(*) FROM membership WHERE org_id = ?", account.id)
    plan: dict[str, Json] = {"name": "free", "space": 976562499, "private_repos": 10000}
    return {
        "total_private_repos": private,
        "owned_private_repos": private,
        "private_gists": 0,
        "disk_usage": _disk_usage(view, account),
        "collaborators": 0,
        "billing_email": account.email,
        "members_can_create_repositories": True,
        "two_factor_requirement_enabled": False,
        "members_allowed_repository_creation_type": "all",
        "members_can_create_public_repositories": True,
        "members_can_create_private_repositories": True,
        "members_can_create_internal_repositories": False,
        "members_can_create_pages": False,
        "members_can_fork_private_repositories": False,
        "members_can_create_public_pages": False,
        "members_can_create_private_pages": False,
        "web_commit_signoff_required": False,
        "plan": {**plan, "filled_seats": seats, "seats": seats},
    }


def permissions(role: Role) -> dict[str, Json]:
    """A role as the five booleans of `permissions`."""
    return {
        "admin": role >= Role.ADMIN,
        "maintain": role >= Role.MAINTAIN,
        "push": role >= Role.WRITE,
        "triage": role >= Role.TRIAGE,
        "pull": role >= Role.READ,
    }


def _disk_usage(view: View, account: Account) -> int:
    return view.db.count("SELECT sum(size_kb) FROM repository WHERE owner_id = ?", account.id)


def _repositories(view: View, account: Account, *, private: bool) -> int:
    return view.db.count(
        "SELECT count(*) FROM repository WHERE owner_id = ? AND private = ?", account.id, private
    )
