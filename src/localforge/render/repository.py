"""Repositories: `minimal-repository`, `repository` and `full-repository`."""

from localforge.access import Role, role_on
from localforge.json_types import Json
from localforge.render.accounts import permissions, simple_user
from localforge.render.view import View
from localforge.repositories import MERGE_SETTINGS, setting
from localforge.store import repos
from localforge.store.repos import Repository
from localforge.urls import Urls, node_id

# Addresses below a repository's, by field name; `{…}` are URI templates.
_LINKS = {
    "archive_url": "/{archive_format}{/ref}",
    "assignees_url": "/assignees{/user}",
    "blobs_url": "/git/blobs{/sha}",
    "branches_url": "/branches{/branch}",
    "collaborators_url": "/collaborators{/collaborator}",
    "comments_url": "/comments{/number}",
    "commits_url": "/commits{/sha}",
    "compare_url": "/compare/{base}...{head}",
    "contents_url": "/contents/{+path}",
    "contributors_url": "/contributors",
    "deployments_url": "/deployments",
    "downloads_url": "/downloads",
    "events_url": "/events",
    "forks_url": "/forks",
    "git_commits_url": "/git/commits{/sha}",
    "git_refs_url": "/git/refs{/sha}",
    "git_tags_url": "/git/tags{/sha}",
    "hooks_url": "/hooks",
    "issue_comment_url": "/issues/comments{/number}",
    "issue_events_url": "/issues/events{/number}",
    "issues_url": "/issues{/number}",
    "keys_url": "/keys{/key_id}",
    "labels_url": "/labels{/name}",
    "languages_url": "/languages",
    "merges_url": "/merges",
    "milestones_url": "/milestones{/number}",
    "notifications_url": "/notifications{?since,all,participating}",
    "pulls_url": "/pulls{/number}",
    "releases_url": "/releases{/id}",
    "stargazers_url": "/stargazers",
    "statuses_url": "/statuses/{sha}",
    "subscribers_url": "/subscribers",
    "subscription_url": "/subscription",
    "tags_url": "/tags",
    "teams_url": "/teams",
    "trees_url": "/git/trees{/sha}",
}
_SWITCHES = (
    "has_issues",
    "has_projects",
    "has_downloads",
    "has_wiki",
    "has_discussions",
    "has_pull_requests",
    "is_template",
    "allow_forking",
    "web_commit_signoff_required",
)


def repo_node_id(repo: Repository) -> str:
    """The repository's global id."""
    return node_id("R", repo.id)


def repository(view: View, repo: Repository) -> dict[str, Json]:
    """`minimal-repository` and `repository`: what lists and other resources show."""
    full_name = view.full_name(repo)
    forks = view.db.count("SELECT count(*) FROM repository WHERE parent_id = ?", repo.id)
    role = role_on(view.db, repo, view.actor.user)
    return {
        "id": repo.id,
        "node_id": repo_node_id(repo),
        "name": repo.name,
        "full_name": full_name,
        "private": repo.private,
        "owner": simple_user(view.urls, view.account(repo.owner_id)),
        "description": repo.description,
        "fork": repo.parent_id is not None,
        **_addresses(view.urls, full_name),
        "homepage": repo.homepage,
        "language": next(iter(repo.languages), None),
        "forks_count": forks,
        "forks": forks,
        "stargazers_count": 0,
        "watchers_count": 0,
        "watchers": 0,
        "size": repo.size_kb,
        "default_branch": view.forge.default_branch(repo.id),
        "open_issues_count": repo.open_issues,
        "open_issues": repo.open_issues,
        "topics": repo.topics,
        **{name: setting(repo, name) for name in _SWITCHES},
        "has_pages": False,
        "archived": repo.archived,
        "disabled": False,
        "license": None,
        "visibility": "private" if repo.private else "public",
        "pushed_at": repo.pushed_at,
        "created_at": repo.created_at,
        "updated_at": repo.updated_at,
        **({"permissions": permissions(role)} if view.actor.user else {}),
        **_merge_settings(repo, role),
    }


def full_repository(view: View, repo: Repository) -> dict[str, Json]:
    """`full-repository`: one repository by itself."""
    owner = view.account(repo.owner_id)
    whole: dict[str, Json] = {**repository(view, repo), "network_count": 0, "subscribers_count": 0}
    if view.actor.user:
        whole["temp_clone_token"] = None
    if owner.kind == "Organization":
        whole["organization"] = simple_user(view.urls, owner)
    parent = repos.by_id(view.db, repo.parent_id) if repo.parent_id else None
    if parent:
        source = parent
        while source.parent_id and (above := repos.by_id(view.db, source.parent_id)):
            source = above
        whole["parent"] = repository(view, parent)
        whole["source"] = repository(view, source)
    return whole


def _merge_settings(repo: Repository, role: Role) -> dict[str, Json]:
    """How pull requests are merged: shown to who may merge."""
    if role < Role.WRITE:
        return {}
    return {name: setting(repo, name) for name in MERGE_SETTINGS}


def _addresses(urls: Urls, full_name: str) -> dict[str, Json]:
    url, page = urls.repo(full_name), urls.page(full_name)
    host = urls.host
    return {
        "url": url,
        "html_url": page,
        **{name: url + path for name, path in _LINKS.items()},
        "git_url": f"git://{host}/{full_name}.git",
        "ssh_url": f"git@{host.partition(':')[0]}:{full_name}.git",
        "clone_url": f"{page}.git",
        "svn_url": page,
        "mirror_url": None,
    }
