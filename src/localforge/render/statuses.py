"""Commit statuses."""

from collections.abc import Sequence

from localforge.json_types import Json
from localforge.render.accounts import avatar_url, simple_user
from localforge.render.repository import repository
from localforge.render.view import View
from localforge.store.repos import Repository
from localforge.store.statuses import Status, combined
from localforge.urls import node_id


def simple(view: View, repo: Repository, item: Status) -> dict[str, Json]:
    """`simple-commit-status`."""
    return {
        "url": f"{view.urls.repo(view.full_name(repo))}/statuses/{item.sha}",
        "avatar_url": avatar_url(view.urls, view.account(item.creator_id)),
        "id": item.id,
        "node_id": node_id("SC", item.repo_id, item.id),
        "state": item.state,
        "description": item.description,
        "target_url": item.target_url,
        "context": item.context,
        "created_at": item.created_at,
        "updated_at": item.created_at,
    }


def status(view: View, repo: Repository, item: Status) -> dict[str, Json]:
    """`status`: with who reported it."""
    return {**simple(view, repo, item), "creator": simple_user(view.urls, view.account(item.creator_id))}


def combined_status(
    view: View, repo: Repository, sha: str, newest: Sequence[Status], shown: Sequence[Status]
) -> dict[str, Json]:
    """`combined-commit-status`: one state for the newest of every context, of which a page is shown."""
    url = view.urls.repo(view.full_name(repo))
    return {
        "state": combined(newest),
        "statuses": [simple(view, repo, item) for item in shown],
        "sha": sha,
        "total_count": len(newest),
        "repository": repository(view, repo),
        "commit_url": f"{url}/commits/{sha}",
        "url": f"{url}/commits/{sha}/status",
    }
