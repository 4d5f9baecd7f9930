"""Users and organizations."""

from localforge.call import Call
from localforge.json_types import Json
from localforge.store.accounts import Account
from localforge.urls import Urls, node_id


def account_node_id(account: Account) -> str:
    """The account's global id."""
    return node_id("O" if account.kind == "Organization" else "U", account.id)


def simple_user(urls: Urls, account: Account) -> dict[str, Json]:
    """`simple-user`: how an account appears inside other resources."""
    url = urls.user(account.login)
    return {
        "login": account.login,
        "id": account.id,
        "node_id": account_node_id(account),
        "avatar_url": avatar_url(urls, account),
        "gravatar_id": "",
        "url": url,
        "html_url": urls.page(account.login),
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


def public_user(call: Call, account: Account) -> dict[str, Json]:
    """`public-user`: a profile as everybody sees it."""
    return {
        **simple_user(call.urls, account),
        "name": account.name,
        "company": None,
        "blog": "",
        "location": None,
        "email": account.email,
        "hireable": None,
        "bio": account.description,
        "twitter_username": None,
        "public_repos": _repositories(call, account, private=False),
        "public_gists": 0,
        "followers": 0,
        "following": 0,
        "created_at": account.created_at,
        "updated_at": account.updated_at,
    }


def private_user(call: Call, account: Account) -> dict[str, Json]:
    """`private-user`: a profile as its owner sees it."""
    private = _repositories(call, account, private=True)
    disk_usage = call.db.count("SELECT sum(size_kb) FROM repository WHERE owner_id = ?", account.id)
    return {
        **public_user(call, account),
        "user_view_type": "private",
        "notification_email": account.email,
        "private_gists": 0,
        "total_private_repos": private,
        "owned_private_repos": private,
        "disk_usage": disk_usage,
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


def full_org(call: Call, account: Account) -> dict[str, Json]:
    """`organization-full`; the policy fields only for its owners are left out, as for a stranger."""
    profile: dict[str, Json] = {"name": account.name} if account.name else {}
    return {
        **simple_org(call.urls, account),
        **profile,
        "is_verified": False,
        "has_organization_projects": False,
        "has_repository_projects": False,
        "public_repos": _repositories(call, account, private=False),
        "public_gists": 0,
        "followers": 0,
        "following": 0,
        "html_url": call.urls.page(account.login),
        "created_at": account.created_at,
        "updated_at": account.updated_at,
        "archived_at": None,
        "type": "Organization",
        "default_repository_permission": account.default_role,
    }


def avatar_url(urls: Urls, account: Account) -> str:
    """Where the account's picture is."""
    return urls.page("avatars", account.id)


def _repositories(call: Call, account: Account, *, private: bool) -> int:
    return call.db.count(
        "SELECT count(*) FROM repository WHERE owner_id = ? AND private = ?", account.id, private
    )
