"""What Apps are told: of repositories that they are installed on, and of being installed; signed, listed, repeated."""

import gzip
import hashlib
import hmac
import json
from typing import Any

import pytest
from tests.forge import openapi
from tests.forge.proposing import REPO, commit, sha_of
from tests.forge.receiving import Receiver, deliver
from tests.forge.robots import Robot, robot
from tests.forge.world import World

from localforge import seed

DELIVERIES = "/app/hook/deliveries"


@pytest.fixture
def helper(world: World, receiver: Receiver) -> Robot:
    """An App on `acme/widget` alone that is told of issues and pushes; what it has been told so far is forgotten."""
    world.forge.origin = "http://forge.test"
    made = robot(world, repositories=[world.widget], webhook=receiver.url)
    deliver(world)
    assert [(it, json.loads(body).get("action")) for it, body in _told(receiver)] == [
        ("ping", None),
        ("installation", "created"),
    ]
    _check(receiver)
    receiver.received.clear()
    return made


def _told(receiver: Receiver) -> list[tuple[str, bytes]]:
    return [(headers["x-github-event"], body) for headers, body in receiver.received]


def _check(receiver: Receiver) -> None:
    """Every payload of an installation has the shape that GitHub describes."""
    packed = openapi.DESCRIPTION.with_name("openapi-webhooks.159.json.gz").read_bytes()
    document: dict[str, Any] = json.loads(gzip.decompress(packed))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(openapi, "description", lambda: document)
        for name, body in _told(receiver):
            payload = json.loads(body)
            if not name.startswith("installation"):
                continue
            about = f"{name}-{payload['action']}".replace("_", "-")
            content = document["x-webhooks"][about]["post"]["requestBody"]["content"]
            assert list(openapi.mistakes(content["application/json"]["schema"], payload)) == []


def test_an_app_is_told(helper: Robot, receiver: Receiver) -> None:
    """Of what it asked for, where it is installed; signed; with its installation."""
    olga = helper.world.as_("olga")
    olga.post(f"{REPO}/issues", json={"title": "here"})
    olga.post("/repos/acme/secret/issues", json={"title": "elsewhere"})
    olga.post(f"{REPO}/issues/1/comments", json={"body": "not asked for"})
    deliver(helper.world)
    ((headers, body),) = receiver.received
    payload = json.loads(body)
    assert (headers["x-github-event"], payload["issue"]["title"]) == ("issues", "here")
    assert payload["installation"]["id"] == helper.installation.id
    assert headers["x-github-hook-installation-target-type"] == "integration"
    assert headers["x-github-hook-installation-target-id"] == str(helper.app.id)
    expected = hmac.new(b"s" * 20, body, hashlib.sha256).hexdigest()
    assert headers["x-hub-signature-256"] == f"sha256={expected}"


def test_beside_a_repositorys_hook(helper: Robot, receiver: Receiver) -> None:
    """Both are told, and only the App's payload names an installation."""
    olga = helper.world.as_("olga")
    config = {"url": receiver.url, "content_type": "json"}
    olga.post(f"{REPO}/hooks", json={"config": config, "events": ["issues"]})
    deliver(helper.world)
    receiver.received.clear()
    olga.post(f"{REPO}/issues", json={"title": "x"})
    deliver(helper.world)
    assert sorted("installation" in payload for payload in receiver.payloads("issues")) == [False, True]


def test_checks_are_asked_of_their_app(helper: Robot, receiver: Receiver) -> None:
    """A push asks the App for checks, and so does who wants one again; another App and a repository's hook hear nothing."""
    world, olga = helper.world, helper.world.as_("olga")
    other = robot(world, name="Other", webhook=receiver.url)
    olga.post(f"{REPO}/hooks", json={"config": {"url": receiver.url}, "events": ["check_run", "check_suite"]})
    head = commit(world, "main", "x.txt")
    run = helper.client().post(f"{REPO}/check-runs", json={"name": "unit", "head_sha": head}).json()
    deliver(world)
    receiver.received.clear()
    assert helper.client().post(f"{REPO}/check-runs/{run['id']}/rerequest").status_code == 201
    deliver(world)
    ((headers, body),) = receiver.received
    assert (headers["x-github-event"], json.loads(body)["action"]) == ("check_run", "rerequested")
    assert headers["x-github-hook-installation-target-id"] == str(helper.app.id)
    assert other.app.id != helper.app.id


def test_a_push_asks_for_checks(helper: Robot, receiver: Receiver) -> None:
    """`check_suite` `requested` comes with it, unasked for, since the App may write checks."""
    commit(helper.world, "main", "x.txt")
    deliver(helper.world)
    assert sorted(name for name, _ in _told(receiver)) == ["check_suite", "push"]
    (asked,) = receiver.payloads("check_suite")
    assert (asked["action"], asked["check_suite"]["head_sha"]) == (
        "requested",
        sha_of(helper.world, "main"),
    )


def test_being_installed(helper: Robot, receiver: Receiver) -> None:
    """Repositories added and removed, suspended and let again, removed."""
    world, itself = helper.world, helper.itself()
    seed.install_app(world.forge, helper.app, world.org)
    seed.install_app(world.forge, helper.app, world.org, repositories=[world.secret])
    itself.put(f"{helper.where}/suspended")
    world.as_("olga").post("/repos/acme/secret/issues", json={"title": "while suspended"})
    itself.delete(f"{helper.where}/suspended")
    itself.delete(helper.where)
    world.as_("olga").post("/repos/acme/secret/issues", json={"title": "afterwards"})
    deliver(world)
    _check(receiver)
    told = [(name, json.loads(body)) for name, body in _told(receiver)]
    assert [(name, payload["action"]) for name, payload in told] == [
        ("installation_repositories", "added"),
        ("installation_repositories", "removed"),
        ("installation", "suspend"),
        ("installation", "unsuspend"),
        ("installation", "deleted"),
    ]
    assert [repo["name"] for repo in told[0][1]["repositories_added"]] == ["secret"]
    assert [repo["name"] for repo in told[1][1]["repositories_removed"]] == ["widget"]
    assert [repo["name"] for repo in told[4][1]["repositories"]] == ["secret"]


def test_deliveries(helper: Robot, receiver: Receiver) -> None:
    """Listed newest first, shown whole, sent once more under the same id; an App sees its own alone."""
    receiver.statuses = [500]
    helper.world.as_("olga").post(f"{REPO}/issues", json={"title": "x"})
    deliver(helper.world)
    itself = helper.itself()
    newest, *_ = itself.get(DELIVERIES).json()
    assert (newest["event"], newest["status_code"]) == ("issues", 500)
    assert newest["installation_id"] == helper.installation.id
    assert [row["id"] for row in itself.get(f"{DELIVERIES}?status=failure").json()] == [newest["id"]]
    whole = itself.get(f"{DELIVERIES}/{newest['id']}").json()
    assert whole["request"]["payload"]["issue"]["title"] == "x"
    assert itself.post(f"{DELIVERIES}/{newest['id']}/attempts").status_code == 202
    deliver(helper.world)
    again, *_ = itself.get(DELIVERIES).json()
    assert (again["guid"], again["redelivery"], again["status_code"]) == (newest["guid"], True, 200)
    other = robot(helper.world, name="Other", webhook=receiver.url).itself()
    assert other.get(f"{DELIVERIES}/{newest['id']}").status_code == 404
    assert other.post(f"{DELIVERIES}/{newest['id']}/attempts").status_code == 404
    assert helper.world.as_("olga").get(DELIVERIES).status_code == 401


def test_where_an_app_is_told(helper: Robot, receiver: Receiver) -> None:
    """Its address and secret can be changed; the secret is never shown."""
    itself = helper.itself()
    assert itself.get("/app/hook/config").json() == {
        "content_type": "json",
        "insecure_ssl": "0",
        "url": receiver.url,
        "secret": "********",
    }
    body = {"secret": "t" * 20, "content_type": "json"}
    assert itself.patch("/app/hook/config", json=body).json()["secret"] == "********"
    assert itself.patch("/app/hook/config", json={"url": "no"}).status_code == 422
    helper.world.as_("olga").post(f"{REPO}/issues", json={"title": "x"})
    deliver(helper.world)
    headers, sent = receiver.received[-1]
    expected = hmac.new(b"t" * 20, sent, hashlib.sha256).hexdigest()
    assert headers["x-hub-signature-256"] == f"sha256={expected}"
