"""The root, /meta and /rate_limit."""

from localforge.call import Answer, Call, ok
from localforge.json_types import Json
from localforge.operations import Area

area = Area()

RESOURCES = ("core", "search", "graphql")


# The root's addresses, by name; `{?…}` and `{/…}` are URI templates.
ROOT = {
    "current_user_url": "/user",
    "current_user_authorizations_html_url": "/settings/connections/applications{/client_id}",
    "authorizations_url": "/authorizations",
    "code_search_url": "/search/code?q={query}{&page,per_page,sort,order}",
    "commit_search_url": "/search/commits?q={query}{&page,per_page,sort,order}",
    "emails_url": "/user/emails",
    "emojis_url": "/emojis",
    "events_url": "/events",
    "feeds_url": "/feeds",
    "followers_url": "/user/followers",
    "following_url": "/user/following{/target}",
    "gists_url": "/gists{/gist_id}",
    "hub_url": "/hub",
    "issue_search_url": "/search/issues?q={query}{&page,per_page,sort,order}",
    "issues_url": "/issues",
    "keys_url": "/user/keys",
    "label_search_url": "/search/labels?q={query}&repository_id={repository_id}{&page,per_page}",
    "notifications_url": "/notifications",
    "organization_url": "/orgs/{org}",
    "organization_repositories_url": "/orgs/{org}/repos{?type,page,per_page,sort}",
    "organization_teams_url": "/orgs/{org}/teams",
    "public_gists_url": "/gists/public",
    "rate_limit_url": "/rate_limit",
    "repository_url": "/repos/{owner}/{repo}",
    "repository_search_url": "/search/repositories?q={query}{&page,per_page,sort,order}",
    "current_user_repositories_url": "/user/repos{?type,page,per_page,sort}",
    "starred_url": "/user/starred{/owner}{/repo}",
    "starred_gists_url": "/gists/starred",
    "topic_search_url": "/search/topics?q={query}{&page,per_page}",
    "user_url": "/users/{user}",
    "user_organizations_url": "/user/orgs",
    "user_repositories_url": "/users/{user}/repos{?type,page,per_page,sort}",
    "user_search_url": "/search/users?q={query}{&page,per_page,sort,order}",
}


@area("GET", "/", "meta/root")
def root(call: Call) -> Answer:
    """Where everything is."""
    return ok({name: call.urls.api + path for name, path in ROOT.items()})


@area("GET", "/meta", "meta/get")
def meta(call: Call) -> Answer:
    """What a client may know of the server; the addresses from which hooks are sent."""
    return ok(
        {
            "verifiable_password_authentication": False,
            "hooks": ["127.0.0.0/8"],
            "web": [call.urls.host],
            "api": [call.urls.host],
            "git": [call.urls.host],
        }
    )


@area("GET", "/rate_limit", "rate-limit/get", resource="")
def rate_limit(call: Call) -> Answer:
    """The caller's limits; asking does not count."""
    anonymous = call.actor.user is None and call.actor.app is None
    resources: dict[str, Json] = {}
    for resource in RESOURCES:
        quota = call.forge.limiter.quota(call.limit_key, resource, anonymous=anonymous)
        resources[resource] = {
            "limit": quota.limit,
            "used": quota.used,
            "remaining": quota.remaining,
            "reset": quota.reset,
        }
    return ok({"resources": resources, "rate": resources["core"]})
