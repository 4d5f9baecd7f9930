"""Releases and their assets."""

from localforge.json_types import Json
from localforge.render.accounts import simple_user
from localforge.render.view import View
from localforge.store import assets
from localforge.store.assets import Asset
from localforge.store.releases import Release
from localforge.store.repos import Repository
from localforge.urls import node_id, quoted


def release(view: View, repo: Repository, item: Release) -> dict[str, Json]:
    """`release`."""
    full_name = view.full_name(repo)
    api = view.urls.repo(full_name)
    url = f"{api}/releases/{item.id}"
    return {
        "url": url,
        "assets_url": f"{url}/assets",
        "upload_url": f"{url}/assets{{?name,label}}",
        "html_url": view.urls.page(full_name, "releases", "tag", _tag(item)),
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
        "assets": [asset(view, repo, item, row) for row in assets.of_release(view.db, item.id)],
        "tarball_url": None if item.draft else f"{api}/tarball/{quoted(item.tag)}",
        "zipball_url": None if item.draft else f"{api}/zipball/{quoted(item.tag)}",
        "body": item.body,
    }


def asset(view: View, repo: Repository, item: Release, row: Asset) -> dict[str, Json]:
    """`release-asset`."""
    full_name = view.full_name(repo)
    return {
        "url": f"{view.urls.repo(full_name)}/releases/assets/{row.id}",
        "id": row.id,
        "node_id": node_id("RA", row.repo_id, row.id),
        "name": row.name,
        "label": row.label,
        "uploader": simple_user(view.urls, view.account(row.uploader_id)),
        "content_type": row.content_type,
        "state": "uploaded",
        "size": row.size,
        "digest": row.digest,
        "download_count": row.download_count,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "browser_download_url": download_url(view, repo, item, row),
    }


def download_url(view: View, repo: Repository, item: Release, row: Asset) -> str:
    """Where a browser finds an asset; that of a draft leads nowhere, as its release has no tag yet."""
    return view.urls.page(view.full_name(repo), "releases", "download", _tag(item), row.name)


def _tag(item: Release) -> str:
    return f"untagged-{item.id}" if item.draft else item.tag
