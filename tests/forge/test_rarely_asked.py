"""Operations and refusals that no other test has a reason to ask for; their shapes are judged by the client."""

import pytest
from tests.forge.proposing import PULLS, REPO, review, sha_of
from tests.forge.robots import reporter
from tests.forge.world import World

from localforge.hooks.delivering import Deliverer


def test_one_of_each(proposed: World) -> None:
    """A milestone, a check run, remarks of a pull request, a pending review thrown away."""
    olga, mia = proposed.as_("olga"), proposed.as_("mia")
    olga.post(f"{REPO}/milestones", json={"title": "One"})
    assert olga.get(f"{REPO}/milestones/1").json()["title"] == "One"
    sent = {"name": "unit", "head_sha": sha_of(proposed, "topic"), "status": "queued"}
    run = reporter(proposed).post(f"{REPO}/check-runs", json=sent).json()
    assert olga.get(f"{REPO}/check-runs/{run['id']}").json()["name"] == "unit"
    assert olga.post(f"{REPO}/check-runs/{run['id']}/rerequest").status_code == 201
    review(proposed, "mia", "COMMENT", comments=[{"path": "src/widget.py", "line": 2, "body": "Why?"}])
    assert [one["body"] for one in olga.get(f"{PULLS}/1/comments").json()] == ["Why?"]
    pending = review(proposed, "mia", None)
    assert mia.delete(f"{PULLS}/1/reviews/{pending['id']}").json()["state"] == "PENDING"


def test_an_organizations_webhook(world: World) -> None:
    """Read, changed, pinged, its deliveries seen and sent again, deleted."""
    olga = world.as_("olga")
    config = {"url": "http://127.0.0.1:9/nobody", "content_type": "json"}
    hook = olga.post("/orgs/acme/hooks", json={"name": "web", "config": config}).json()
    where = f"/orgs/acme/hooks/{hook['id']}"
    assert olga.get(where).json()["events"] == ["push"]
    assert olga.patch(where, json={"events": ["issues"]}).json()["events"] == ["issues"]
    assert olga.post(f"{where}/pings").status_code == 204
    world.forge.bus.drain()
    deliverer = Deliverer(world.forge)
    deliverer.drain()
    deliverer.stop()
    delivery = olga.get(f"{where}/deliveries").json()[0]
    assert olga.get(f"{where}/deliveries/{delivery['id']}").json()["event"] == "ping"
    assert olga.post(f"{where}/deliveries/{delivery['id']}/attempts").status_code == 202
    assert olga.delete(where).status_code == 204
    assert olga.get(where).status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "git/refs", {"ref": "refs/heads/x", "sha": "0" * 40}),
        ("POST", "git/trees", {"tree": []}),
        ("POST", "git/commits", {"message": "x", "tree": "0" * 40}),
        ("POST", "git/tags", {"tag": "x", "message": "x", "object": "0" * 40, "type": "commit"}),
        ("PATCH", "git/refs/heads/main", {"sha": "0" * 40}),
        ("DELETE", "git/refs/heads/main", None),
        ("GET", "git/trees/main", None),
        ("GET", "git/blobs/" + "0" * 40, None),
        ("GET", "commits", None),
        ("GET", "commits/main", None),
    ],
)
def test_an_empty_repository_is_409(world: World, method: str, path: str, body: object) -> None:
    answer = world.as_("olga").request(method, f"/repos/acme/secret/{path}", json=body)
    assert (answer.status_code, answer.json()["message"]) == (409, "Git Repository is empty.")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/orgs/acme/members?role=god", None),
        ("GET", f"{REPO}/git/blobs/xyz", None),
        ("PATCH", f"{REPO}/issues/1", {"state": "lost"}),
        ("PUT", f"{REPO}/issues/1/lock", {"lock_reason": "because"}),
        ("POST", f"{REPO}/issues/1/labels", {"labels": [1]}),
        ("PUT", f"{REPO}/issues/1/labels", {"labels": [1]}),
        ("DELETE", f"{PULLS}/1/requested_reviewers", {"reviewers": "mia"}),
        ("POST", f"{REPO}/merges", {"base": "main"}),
    ],
)
def test_what_makes_no_sense_is_422(proposed: World, method: str, path: str, body: object) -> None:
    answer = proposed.as_("olga").request(method, path, json=body)
    assert answer.status_code == 422, answer.text
    assert answer.json()["message"]
