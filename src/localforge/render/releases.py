"""Releases."""

from localforge.json_types import Json
from localforge.render.accounts import simple_user
from localforge.render.view import View
from localforge.store.releases import Release
from localforge.store.repos import Repository
from localforge.urls import node_id, quoted


def release(view: View, repo: Repository, item: Release) -> dict[str, Json]:
    """`release`; it has no assets here."""
    full_name = view.full_name(repo)
    api = view.urls.repo(full_name)
    url = f"{api}/releases/{item.id}"
    page = ("tag", item.tag) if not item.draft else ("tag", f"untagged-{item.id}")
    return {
        "url": url,
        "assets_url": f"{url}/assets",
        "upload_url": f"{url}/assets{{?name,label}}",
        "html_url": view.urls.page(full_name, "releases", *page),
        "id": item.id,
        "author": simple_user(view.urls, view.account(item.author_id)),
        "node_id": node_id("RE", item.repo_id, item.id),
        "tag_name": item.tag,
        "target_commitish": item.target,
        "name": item.name,
        "draft": item.draft,
        "immutable": False,
        "prerelease": item.prerelease,
        "created_at": item.created_at,
        "updated_at": item.published_at or item.created_at,
        "published_at": item.published_at,
        "assets": [],
        "tarball_url": None if item.draft else f"{api}/tarball/{quoted(item.tag)}",
        "zipball_url": None if item.draft else f"{api}/zipball/{quoted(item.tag)}",
        "body": item.body,
    }
