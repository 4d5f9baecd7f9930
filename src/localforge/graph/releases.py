"""Releases of a repository."""

from dataclasses import dataclass

from localforge.access import Role
from localforge.graph.fields import Ask, Connection, Fields, connect
from localforge.graph.nodes import Person, Repo, person
from localforge.graph.repositories import page, viewer_role
from localforge.render.releases import download_url
from localforge.store import assets, releases
from localforge.store.assets import Asset
from localforge.store.releases import Release
from localforge.store.repos import Repository
from localforge.urls import node_id

fields = Fields()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseNode:
    """A release and where it is."""

    repo: Repository
    release: Release


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetNode:
    """A file of a release."""

    of: ReleaseNode
    asset: Asset


@fields("Repository", "releases")
def of_repo(node: Repo, ask: Ask) -> Connection:
    """Oldest first unless asked otherwise; drafts for who may write."""
    found = releases.of_repo(ask.db, node.repo.id, drafts=viewer_role(ask, node.repo) >= Role.WRITE)
    order = ask.args.object("orderBy")
    if order is None or order.maybe_text("direction") == "ASC":
        found.reverse()
    return connect(ask, found, lambda row: ReleaseNode(repo=node.repo, release=row))


@fields("Repository", "release")
def by_tag(node: Repo, ask: Ask) -> ReleaseNode | None:
    """The published release of a tag."""
    return _node(node, releases.of_tag(ask.db, node.repo.id, ask.args.text("tagName")))


@fields("Repository", "latestRelease")
def latest(node: Repo, ask: Ask) -> ReleaseNode | None:
    """The one that is said to be the latest."""
    return _node(node, releases.latest(ask.db, node.repo.id))


def _node(node: Repo, found: Release | None) -> ReleaseNode | None:
    return ReleaseNode(repo=node.repo, release=found) if found else None


@fields("Release", "releaseAssets")
def assets_of(node: ReleaseNode, ask: Ask) -> Connection:
    """In the order in which they came; those of one name."""
    name = ask.args.maybe_text("name")
    found = [row for row in assets.of_release(ask.db, node.release.id) if name in {None, row.name}]
    return connect(ask, found, lambda row: AssetNode(of=node, asset=row))


def _author(node: ReleaseNode, ask: Ask) -> Person | None:
    return person(ask.view, node.release.author_id)


def _is_latest(node: ReleaseNode, ask: Ask) -> bool:
    return releases.latest(ask.db, node.repo.id) == node.release


fields.of(
    "Release",
    ReleaseNode,
    {
        "id": lambda node, _ask: node_id("RE", node.repo.id, node.release.id),
        "databaseId": lambda node, _ask: node.release.id,
        "author": _author,
        "name": lambda node, _ask: node.release.name,
        "tagName": lambda node, _ask: node.release.tag,
        "description": lambda node, _ask: node.release.body,
        "isDraft": lambda node, _ask: node.release.draft,
        "isPrerelease": lambda node, _ask: node.release.prerelease,
        "isLatest": _is_latest,
        "createdAt": lambda node, _ask: node.release.created_at,
        "publishedAt": lambda node, _ask: node.release.published_at,
        "updatedAt": lambda node, _ask: node.release.published_at or node.release.created_at,
        "repository": lambda node, _ask: Repo(repo=node.repo),
        "url": lambda node, ask: page(ask, node.repo, "releases", "tag", node.release.tag),
    },
)


def _address(node: AssetNode, ask: Ask) -> str:
    return download_url(ask.view, node.of.repo, node.of.release, node.asset)


fields.of(
    "ReleaseAsset",
    AssetNode,
    {
        "id": lambda node, _ask: node_id("RA", node.asset.repo_id, node.asset.id),
        "name": lambda node, _ask: node.asset.name,
        "contentType": lambda node, _ask: node.asset.content_type,
        "size": lambda node, _ask: node.asset.size,
        "downloadCount": lambda node, _ask: node.asset.download_count,
        "createdAt": lambda node, _ask: node.asset.created_at,
        "updatedAt": lambda node, _ask: node.asset.updated_at,
        "uploadedBy": lambda node, ask: person(ask.view, node.asset.uploader_id),
        "release": lambda node, _ask: node.of,
        "url": _address,
        "downloadUrl": _address,
    },
)
