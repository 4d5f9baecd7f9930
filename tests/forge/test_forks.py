"""Forks: made once, in one network, and proposing back across it."""

import httpx
import pytest
from tests.forge.proposing import PULLS, REPO, sha_of
from tests.forge.receiving import Receiver, deliver
from tests.forge.world import World

from localforge import seed


def fork(world: World, login: str, path: str = REPO, **body: object) -> httpx.Response:
    return world.as_(login).post(f"{path}/forks", json=body)


def write(world: World, login: str, repo: str, branch: str) -> httpx.Response:
    """A branch with one new file."""
    client = world.as_(login)
    head = client.get(f"/repos/{repo}/git/ref/heads/main").json()["object"]["sha"]
    client.post(f"/repos/{repo}/git/refs", json={"ref": f"refs/heads/{branch}", "sha": head})
    body = {"message": f"By {login}", "content": "eA==", "branch": branch}
    return client.put(f"/repos/{repo}/contents/by-{login}.txt", json=body)


def test_a_fork(world: World) -> None:
    """Everything of git comes along; it knows its parent; asking again gives the same one."""
    made = fork(world, "otto")
    assert made.status_code == 202
    shown = made.json()
    assert (shown["full_name"], shown["fork"], shown["parent"]["full_name"]) == (
        "otto/widget",
        True,
        "acme/widget",
    )
    branches = {row["name"] for row in world.as_("otto").get("/repos/otto/widget/branches").json()}
    assert branches == {"main", "feature/side"}
    assert [row["name"] for row in world.as_("otto").get("/repos/otto/widget/tags").json()] == ["v1"]
    assert fork(world, "otto").json()["id"] == shown["id"]
    assert world.as_("mia").get(REPO).json()["forks_count"] == 1
    assert [row["full_name"] for row in world.client().get(f"{REPO}/forks").json()] == ["otto/widget"]


def test_of_a_branch_or_with_a_name(world: World) -> None:
    fork(world, "otto", name="mine", default_branch_only=True)
    branches = {row["name"] for row in world.as_("otto").get("/repos/otto/mine/branches").json()}
    assert branches == {"main"}


def test_of_a_fork(world: World) -> None:
    """Its source is what the network began with."""
    fork(world, "otto")
    shown = fork(world, "wim", "/repos/otto/widget").json()
    assert (shown["parent"]["full_name"], shown["source"]["full_name"]) == ("otto/widget", "acme/widget")


@pytest.mark.parametrize(
    ("login", "path", "body", "status"),
    [
        ("otto", "/repos/acme/secret", {}, 404),
        ("otto", REPO, {"organization": "acme"}, 403),
        ("otto", REPO, {"organization": "mia"}, 404),
        ("otto", REPO, {"name": "../x"}, 422),
        ("olga", REPO, {"organization": "acme"}, 422),
    ],
)
def test_refused(world: World, login: str, path: str, body: dict[str, object], status: int) -> None:
    """What one may not see, elsewhere, or under a name that is taken."""
    assert fork(world, login, path, **body).status_code == status
    assert world.forge.store.db.count("SELECT count(*) FROM repository") == 2


def test_forking_may_be_disabled(world: World) -> None:
    """A private repository's owner decides; a fork of it is private."""
    olga = world.as_("olga")
    assert olga.patch("/repos/acme/secret", json={"allow_forking": False}).status_code == 200
    refused = fork(world, "mia", "/repos/acme/secret")
    assert (refused.status_code, "forking is disabled" in refused.json()["message"]) == (403, True)
    olga.patch("/repos/acme/secret", json={"allow_forking": True})
    assert fork(world, "mia", "/repos/acme/secret").json()["private"] is True
    assert world.as_("otto").get("/repos/mia/secret").status_code == 404


def test_proposing_back(world: World) -> None:
    """`head: otto:topic` from a fork, or from a fork of a fork; it follows its branch and is merged."""
    fork(world, "otto")
    assert write(world, "otto", "otto/widget", "topic").status_code == 201
    made = world.as_("otto").post(PULLS, json={"title": "t", "head": "otto:topic", "base": "main"})
    assert made.status_code == 201
    shown = made.json()
    assert (shown["head"]["label"], shown["head"]["repo"]["full_name"]) == ("otto:topic", "otto/widget")
    fork(world, "wim", "/repos/otto/widget")
    write(world, "wim", "wim/widget", "deeper")
    nested = world.as_("wim").post(PULLS, json={"title": "t", "head": "wim:deeper", "base": "main"})
    assert nested.status_code == 201
    assert (
        world.as_("otto")
        .post(PULLS, json={"title": "t", "head": "wim:deeper", "base": "feature/side"})
        .status_code
        == 403
    )
    merged = world.as_("olga").put(f"{PULLS}/{shown['number']}/merge")
    assert merged.json()["merged"] is True
    assert world.as_("olga").get(f"{REPO}/contents/by-otto.txt").status_code == 200


def test_comparing_across_forks(world: World) -> None:
    """`main...otto:topic`, by either name of the operation; nothing of what one does not see."""
    fork(world, "otto")
    write(world, "otto", "otto/widget", "topic")
    for span in ("main...otto:topic", "acme:main...otto:widget:topic"):
        answer = world.as_("mia").get(f"{REPO}/compare/{span}").json()
        assert (answer["status"], answer["ahead_by"]) == ("ahead", 1), span
        assert answer["files"][0]["filename"] == "by-otto.txt"
    for span in ("main...otto:none", "main...nobody:main", "main", "main..otto:topic"):
        assert world.as_("mia").get(f"{REPO}/compare/{span}").status_code == 404, span
    seed.create_repo(world.forge, world.people["otto"], "other")
    assert world.as_("mia").get(f"{REPO}/compare/main...otto:other:main").status_code == 404


def test_hooks_are_told(world: World, receiver: Receiver) -> None:
    """`fork`, with the fork."""
    world.forge.origin = "http://forge.test"
    config = {"url": receiver.url, "content_type": "json"}
    world.as_("olga").post(f"{REPO}/hooks", json={"config": config, "events": ["fork"]})
    fork(world, "otto")
    deliver(world)
    (told,) = receiver.payloads("fork")
    assert (told["forkee"]["full_name"], told["sender"]["login"]) == ("otto/widget", "otto")
    assert sha_of(world, "main")
