"""Releases: tags that they make, the latest one, drafts, and the notes that are written for them."""

import pytest
from tests.forge.graph import data
from tests.forge.proposing import REPO, merge, open_pull, propose, sha_of
from tests.forge.receiving import Receiver, deliver
from tests.forge.world import World

RELEASES = f"{REPO}/releases"


def release(world: World, tag: str, **body: object) -> dict[str, object]:
    answer = world.as_("olga").post(RELEASES, json={"tag_name": tag, **body})
    assert answer.status_code == 201, answer.text
    made: dict[str, object] = answer.json()
    return made


def test_a_release_makes_its_tag(world: World) -> None:
    """At the default branch, or where it is told; one that is there is taken as it is."""
    made = release(world, "v2", name="Two", body="text")
    assert (made["draft"], made["author"]["login"]) == (False, "olga")  # type: ignore[index]
    olga = world.as_("olga")
    assert olga.get(f"{REPO}/git/ref/tags/v2").json()["object"]["sha"] == sha_of(world, "main")
    release(world, "side", target_commitish="feature/side")
    assert olga.get(f"{REPO}/git/ref/tags/side").json()["object"]["sha"] == sha_of(world, "feature/side")
    before = olga.get(f"{REPO}/git/ref/tags/v1").json()
    release(world, "v1")
    assert olga.get(f"{REPO}/git/ref/tags/v1").json() == before
    assert olga.get(f"{RELEASES}/tags/v2").json()["name"] == "Two"
    assert olga.get(f"{RELEASES}/{made['id']}").json()["body"] == "text"


def test_the_latest(world: World) -> None:
    """The last one published that is no prerelease, no draft, and does not say that it is not."""
    client = world.client()
    assert client.get(f"{RELEASES}/latest").status_code == 404
    for tag, body in (
        ("v2", {}),
        ("v3", {"prerelease": True}),
        ("v4", {"make_latest": "false"}),
        ("v5", {"draft": True}),
    ):
        release(world, tag, **body)
    assert client.get(f"{RELEASES}/latest").json()["tag_name"] == "v2"
    release(world, "v6")
    assert client.get(f"{RELEASES}/latest").json()["tag_name"] == "v6"
    assert [row["tag_name"] for row in client.get(RELEASES).json()] == ["v6", "v4", "v3", "v2"]


def test_a_draft(world: World) -> None:
    """Nobody but writers sees it, and it has no tag; publishing makes it."""
    made = release(world, "v9", draft=True)
    where, olga = f"{RELEASES}/{made['id']}", world.as_("olga")
    assert made["published_at"] is None
    assert world.as_("otto").get(where).status_code == 404
    assert olga.get(f"{REPO}/git/ref/tags/v9").status_code == 404
    assert olga.get(f"{RELEASES}/tags/v9").status_code == 404
    published = olga.patch(where, json={"draft": False, "name": "Nine"}).json()
    assert (published["draft"], published["name"]) == (False, "Nine")
    assert olga.get(f"{REPO}/git/ref/tags/v9").status_code == 200
    assert world.as_("otto").get(where).status_code == 200
    assert olga.delete(where).status_code == 204
    assert olga.get(where).status_code == 404
    assert olga.get(f"{REPO}/git/ref/tags/v9").status_code == 200


@pytest.mark.parametrize(
    ("login", "body", "status"),
    [
        ("olga", {"tag_name": "v2"}, 422),
        ("olga", {"tag_name": "a b"}, 422),
        ("olga", {"tag_name": "new", "target_commitish": "none"}, 422),
        ("olga", {}, 422),
        ("otto", {"tag_name": "new"}, 403),
    ],
)
def test_refused(world: World, login: str, body: dict[str, str], status: int) -> None:
    """A tag that has a release, is no name, or would be nowhere; people who may not write."""
    release(world, "v2")
    assert world.as_(login).post(RELEASES, json=body).status_code == status
    assert len(world.client().get(RELEASES).json()) == 1
    assert len(world.client().get(f"{REPO}/tags").json()) == 2


def test_notes(world: World) -> None:
    """A line for each pull request merged since the previous release; of others none."""
    release(world, "v2")
    for branch in ("one", "two"):
        propose(world, branch, {f"{branch}.txt": "x\n"})
        open_pull(world, head=branch)
    merge(world, 1)
    asked = world.as_("olga").post(f"{RELEASES}/generate-notes", json={"tag_name": "v3"}).json()
    page = "http://forge.test/acme/widget"
    assert asked == {
        "name": "v3",
        "body": f"## What's Changed\n* Spin by @olga in {page}/pull/1\n\n\n**Full Changelog**: {page}/compare/v2...v3",
    }
    whole = {"tag_name": "v3", "previous_tag_name": "v1"}
    since = world.as_("olga").post(f"{RELEASES}/generate-notes", json=whole).json()["body"]
    assert since.endswith("/compare/v1...v3")
    wrong = {"tag_name": "v3", "previous_tag_name": "none"}
    assert world.as_("olga").post(f"{RELEASES}/generate-notes", json=wrong).status_code == 422
    made = release(world, "v3", generate_release_notes=True, body="Hello")
    assert made["body"] == f"Hello\n\n{asked['body']}"
    empty = world.as_("olga").post(f"{RELEASES}/generate-notes", json={"tag_name": "v4"}).json()["body"]
    assert empty == f"**Full Changelog**: {page}/compare/v3...v4"


def test_hooks_are_told(world: World, receiver: Receiver) -> None:
    """`release`, when it is published and not before."""
    world.forge.origin = "http://forge.test"
    config = {"url": receiver.url, "content_type": "json"}
    world.as_("olga").post(f"{REPO}/hooks", json={"config": config, "events": ["release"]})
    made = release(world, "v2", draft=True)
    deliver(world)
    assert receiver.names() == ["ping"]
    world.as_("olga").patch(f"{RELEASES}/{made['id']}", json={"draft": False})
    deliver(world)
    (told,) = receiver.payloads("release")
    assert (told["action"], told["release"]["tag_name"]) == ("published", "v2")


def test_through_graphql(world: World) -> None:
    """In the order asked for, the latest marked, drafts for writers alone."""
    for tag, more in (("v2", {}), ("v3", {}), ("v4", {"prerelease": True}), ("v5", {"draft": True})):
        release(world, tag, **more)
    query = """{ repository(owner: "acme", name: "widget") { latestRelease { tagName } release(tagName: "v2") { isDraft }
        releases(first: 9, orderBy: {field: CREATED_AT, direction: DESC}) {
            totalCount nodes { tagName isLatest isDraft author { login } } } } }"""
    seen = data(world, query)["repository"]
    assert (seen["latestRelease"], seen["release"]) == ({"tagName": "v3"}, {"isDraft": False})
    nodes = seen["releases"]["nodes"]
    assert [one["tagName"] for one in nodes] == ["v5", "v4", "v3", "v2"]
    assert [one["tagName"] for one in nodes if one["isLatest"]] == ["v3"]
    strangers = data(world, query, "otto")["repository"]["releases"]
    assert [one["tagName"] for one in strangers["nodes"]] == ["v4", "v3", "v2"]
    assert strangers["totalCount"] == 3
