"""Webhooks: who is told what, signed how; deliveries recorded, and repeated on request alone."""

import gzip
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest
from tests.forge import openapi
from tests.forge.proposing import PULLS, REPO, commit, merge, open_pull, propose, sha_of
from tests.forge.receiving import Receiver, deliver
from tests.forge.robots import reporter
from tests.forge.world import World

from localforge.forge import Forge
from localforge.running import start, stop

HOOKS = f"{REPO}/hooks"
SECRET = "s" * 20


@pytest.fixture
def world(world: World) -> World:
    """A populated forge that knows its address."""
    world.forge.origin = "http://forge.test"
    return world


@cache
def webhooks() -> dict[str, Any]:
    """GitHub's description of webhook payloads."""
    packed = openapi.DESCRIPTION.with_name("openapi-webhooks.159.json.gz").read_bytes()
    document: dict[str, Any] = json.loads(gzip.decompress(packed))
    return document


def hooked(world: World, receiver: Receiver, *events: str, path: str = HOOKS, **config: object) -> str:
    """A hook for these events; gives its address, its ping delivered and forgotten."""
    body = {"events": events or ["*"], "config": {"url": receiver.url, "content_type": "json", **config}}
    answer = world.as_("olga").post(path, json={**body, "name": "web"})
    assert answer.status_code == 201, answer.text
    deliver(world)
    assert receiver.names() == ["ping"]
    receiver.received.clear()
    return str(answer.json()["url"]).removeprefix("http://forge.test")


def test_a_signed_delivery(world: World, receiver: Receiver) -> None:
    """The signature is over the bytes that arrive; the secret is never shown."""
    where = hooked(world, receiver, "issues", secret=SECRET)
    olga = world.as_("olga")
    assert olga.get(where).json()["config"]["secret"] == "********"
    olga.post(f"{REPO}/issues", json={"title": "Zaß ☃"})
    deliver(world)
    (headers, body), *others = receiver.received
    assert others == []
    expected = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    assert headers["x-hub-signature-256"] == f"sha256={expected}"
    assert headers["x-github-event"] == "issues"
    assert headers["user-agent"].startswith("GitHub-Hookshot/")
    assert headers["content-type"] == "application/json"
    payload = json.loads(body)
    assert (payload["action"], payload["issue"]["title"], payload["sender"]["login"]) == (
        "opened",
        "Zaß ☃",
        "olga",
    )
    assert payload["repository"]["url"] == "http://forge.test/repos/acme/widget"
    (row, ping) = olga.get(f"{where}/deliveries").json()
    assert (row["guid"], row["event"], row["status_code"]) == (headers["x-github-delivery"], "issues", 200)
    assert ping["event"] == "ping"
    whole = olga.get(f"{where}/deliveries/{row['id']}").json()
    assert whole["response"]["payload"] == "thanks"
    assert whole["request"]["headers"]["X-Hub-Signature-256"] == f"sha256={expected}"
    assert olga.get(where).json()["last_response"] == {"code": 200, "status": "active", "message": "OK"}


def test_a_form(world: World, receiver: Receiver) -> None:
    """`content_type` form: the payload is a field, and is what is signed."""
    hooked(world, receiver, "issues", content_type="form", secret=SECRET)
    world.as_("olga").post(f"{REPO}/issues", json={"title": "x"})
    deliver(world)
    headers, body = receiver.received[0]
    assert json.loads(parse_qs(body.decode())["payload"][0])["action"] == "opened"
    expected = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    assert headers["x-hub-signature-256"] == f"sha256={expected}"


def test_who_is_told(world: World, receiver: Receiver) -> None:
    """Only hooks that ask for an event, are active, and belong to its repository or organization."""
    where = hooked(world, receiver, "push")
    olga = world.as_("olga")
    olga.post(f"{REPO}/issues", json={"title": "not asked for"})
    olga.post("/repos/acme/secret/issues", json={"title": "elsewhere"})
    deliver(world)
    assert receiver.names() == []
    olga.patch(where, json={"add_events": ["issues"], "remove_events": ["push"]})
    olga.post(f"{REPO}/issues", json={"title": "asked for"})
    deliver(world)
    assert receiver.names() == ["issues"]
    olga.patch(where, json={"active": False})
    olga.post(f"{REPO}/issues", json={"title": "asleep"})
    deliver(world)
    assert receiver.names() == ["issues"]
    assert olga.delete(where).status_code == 204
    assert olga.get(HOOKS).json() == []


def test_an_organizations_hook(world: World, receiver: Receiver) -> None:
    """It hears of every repository; who does not own the organization does not see it."""
    where = hooked(world, receiver, "issues", path="/orgs/acme/hooks")
    olga = world.as_("olga")
    olga.post("/repos/acme/secret/issues", json={"title": "one"})
    olga.post(f"{REPO}/issues", json={"title": "two"})
    deliver(world)
    told = [payload["repository"]["name"] for payload in receiver.payloads("issues")]
    assert told == ["secret", "widget"]
    assert receiver.received[0][0]["x-github-hook-installation-target-type"] == "organization"
    assert receiver.payloads("issues")[0]["organization"]["login"] == "acme"
    assert world.as_("mia").get("/orgs/acme/hooks").status_code == 404
    assert world.as_("mia").get(where).status_code == 404
    assert len(olga.get(f"{where}/deliveries").json()) == 3


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "Config must contain URL for webhooks"),
        ({"config": {"url": "ftp://x"}}, "url is not a valid URL"),
        ({"config": {"url": "http://x"}, "events": ["pushes"]}, "is not a valid event"),
        ({"config": {"url": "http://y/hook", "content_type": "form"}, "events": ["push"]}, "already exists"),
    ],
)
def test_refused_hooks(world: World, body: dict[str, object], words: str) -> None:
    """422 says what is wrong; who does not administer the repository is refused."""
    olga = world.as_("olga")
    olga.post(HOOKS, json={"config": {"url": "http://y/hook"}})
    answer = olga.post(HOOKS, json=body)
    assert answer.status_code == 422
    assert words in answer.json()["errors"][0]["message"]
    assert len(olga.get(HOOKS).json()) == 1
    assert world.as_("wim").post(HOOKS, json={"config": {"url": "http://z"}}).status_code == 403


def test_a_failure_is_recorded_and_not_repeated(world: World, receiver: Receiver) -> None:
    """One attempt each; a redelivery on request has the same id and is marked."""
    where = hooked(world, receiver, "issues")
    olga = world.as_("olga")
    receiver.statuses[:] = [500]
    olga.post(f"{REPO}/issues", json={"title": "x"})
    deliver(world)
    deliver(world)
    assert len(receiver.received) == 1
    (failed,) = olga.get(f"{where}/deliveries?status=failure").json()
    assert (failed["status"], failed["status_code"]) == ("Invalid HTTP Response: 500", 500)
    assert olga.post(f"{where}/deliveries/{failed['id']}/attempts").status_code == 202
    deliver(world)
    assert [headers["x-github-delivery"] for headers, _ in receiver.received] == [failed["guid"]] * 2
    assert receiver.received[0][1] == receiver.received[1][1]
    again = olga.get(f"{where}/deliveries").json()[0]
    assert (again["redelivery"], again["guid"], again["status"]) == (True, failed["guid"], "OK")
    assert olga.get(f"{where}/deliveries/999").status_code == 404


def test_nobody_listens(world: World) -> None:
    """A refused connection is recorded with code 0, and later deliveries go on."""
    olga = world.as_("olga")
    hook = olga.post(HOOKS, json={"config": {"url": "http://127.0.0.1:1/"}, "events": ["issues"]}).json()
    olga.post(f"{REPO}/issues", json={"title": "x"})
    deliver(world)
    rows = olga.get(f"{HOOKS}/{hook['id']}/deliveries").json()
    assert [row["status_code"] for row in rows] == [0, 0]
    assert rows[0]["status"].startswith("failed to connect to host")


def test_deliveries_come_in_pages(world: World, receiver: Receiver) -> None:
    """`cursor` leads to older ones; the order is that of the events."""
    where = hooked(world, receiver, "issues")
    olga = world.as_("olga")
    for number in range(5):
        olga.post(f"{REPO}/issues", json={"title": str(number)})
    deliver(world)
    assert [payload["issue"]["title"] for payload in receiver.payloads("issues")] == list("01234")
    seen, url = [], f"{where}/deliveries?per_page=2"
    while url:
        answer = olga.get(url)
        seen += [row["id"] for row in answer.json()]
        url = answer.links["next"]["url"] if "next" in answer.links else ""
    assert seen == sorted(seen, reverse=True)
    assert len(seen) == 6
    assert olga.get(f"{where}/deliveries?cursor=x").status_code == 400


def test_pings_and_tests(world: World, receiver: Receiver) -> None:
    """Both on request; a test is the default branch's latest push."""
    where = hooked(world, receiver, "push")
    olga = world.as_("olga")
    assert olga.post(f"{where}/pings").status_code == 204
    assert olga.post(f"{where}/tests").status_code == 204
    deliver(world)
    assert receiver.names() == ["ping", "push"]
    assert receiver.payloads("push")[0]["after"] == sha_of(world, "main")


def test_payloads(world: World, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """A working day: every payload has the shape that GitHub describes for its event and action."""
    hooked(world, receiver)
    day(world)
    deliver(world)
    monkeypatch.setattr(openapi, "description", webhooks)
    wrong = []
    for headers, body in receiver.received:
        payload = json.loads(body)
        name = "-".join([headers["x-github-event"], *([payload["action"]] if "action" in payload else [])])
        schema = webhooks()["x-webhooks"][name.replace("_", "-")]["post"]["requestBody"]
        found = openapi.mistakes(schema["content"]["application/json"]["schema"], payload)
        wrong += [f"{name} {entry}" for entry in found]
    assert wrong == []
    told = set(receiver.names())
    assert told == {
        *("push", "create", "delete", "issues", "issue_comment", "pull_request", "pull_request_review"),
        *("pull_request_review_comment", "status", "check_run", "check_suite", "repository"),
    }


def day(world: World) -> None:
    """Something of everything that hooks are told."""
    olga, wim = world.as_("olga"), world.as_("wim")
    for client in (olga, wim):
        # As the bus's thread does: an event is read before the next thing happens.
        client.event_hooks = {"response": [lambda _response: world.forge.bus.drain()]}
    olga.post(f"{REPO}/milestones", json={"title": "One"})
    olga.post(f"{REPO}/issues", json={"title": "one", "body": "b", "labels": ["bug"], "assignees": ["mia"]})
    olga.patch(f"{REPO}/issues/1", json={"title": "One", "body": "c", "milestone": 1, "labels": []})
    olga.patch(f"{REPO}/issues/1", json={"milestone": None, "assignees": [], "state": "closed"})
    olga.patch(f"{REPO}/issues/1", json={"state": "open"})
    olga.put(f"{REPO}/issues/1/lock", json={"lock_reason": "spam"})
    olga.delete(f"{REPO}/issues/1/lock")
    said = olga.post(f"{REPO}/issues/1/comments", json={"body": "hm"}).json()
    olga.patch(f"{REPO}/issues/comments/{said['id']}", json={"body": "hm!"})
    olga.delete(f"{REPO}/issues/comments/{said['id']}")
    propose(world, "topic", {"src/widget.py": "def spin():\n    return 3\n"})
    open_pull(world, head="topic", body="Fixes #1")
    head = commit(world, "topic", "more.txt")
    olga.post(f"{REPO}/git/refs", json={"ref": "refs/tags/v2", "sha": head})
    olga.post(f"{PULLS}/2/requested_reviewers", json={"reviewers": ["wim", "mia"]})
    olga.request("DELETE", f"{PULLS}/2/requested_reviewers", json={"reviewers": ["mia"]})
    place = {"path": "src/widget.py", "position": 3, "body": "3?"}
    given = wim.post(
        f"{PULLS}/2/reviews", json={"event": "APPROVE", "body": "ok", "comments": [place]}
    ).json()
    olga.put(f"{PULLS}/2/reviews/{given['id']}/dismissals", json={"message": "later"})
    olga.patch(f"{PULLS}/2", json={"title": "Spin faster"})
    olga.post(f"{REPO}/issues/2/labels", json={"labels": ["bug"]})
    wim.post(f"{REPO}/statuses/{head}", json={"state": "success", "context": "ci", "target_url": "http://ci"})
    app = reporter(world)
    begun = app.post(f"{REPO}/check-runs", json={"name": "unit", "head_sha": head}).json()
    app.patch(f"{REPO}/check-runs/{begun['id']}", json={"conclusion": "success"})
    wim.post(f"{REPO}/check-runs/{begun['id']}/rerequest")
    assert merge(world, 2).status_code == 200
    olga.delete(f"{REPO}/git/refs/heads/topic")
    olga.patch(REPO, json={"archived": True})


def test_what_a_push_tells(world: World, receiver: Receiver) -> None:
    """Commits with their paths, oldest first; a deleted branch has none."""
    hooked(world, receiver, "push")
    before = sha_of(world, "main")
    after = commit(world, "main", "docs/new.md")
    world.as_("olga").post(f"{REPO}/git/refs", json={"ref": "refs/heads/copy", "sha": after})
    world.as_("olga").delete(f"{REPO}/git/refs/heads/copy")
    deliver(world)
    moved, made, gone = receiver.payloads("push")
    assert (moved["before"], moved["after"], moved["forced"]) == (before, after, False)
    assert [entry["added"] for entry in moved["commits"]] == [["docs/new.md"]]
    assert (moved["head_commit"]["id"], moved["pusher"]["name"]) == (after, "olga")
    assert (made["created"], made["commits"]) == (True, [])
    assert (gone["deleted"], gone["head_commit"], gone["commits"]) == (True, None, [])


def test_a_synchronized_pull_request_says_from_where_to_where(world: World, receiver: Receiver) -> None:
    """`before` and `after` are those of the push."""
    hooked(world, receiver, "pull_request")
    propose(world, "topic", {"new.txt": "x\n"})
    open_pull(world, head="topic")
    before = sha_of(world, "topic")
    after = commit(world, "topic", "more.txt")
    merge(world)
    deliver(world)
    told = receiver.payloads("pull_request")
    assert [payload["action"] for payload in told] == ["opened", "synchronize", "closed"]
    assert (told[1]["before"], told[1]["after"]) == (before, after)
    assert told[2]["pull_request"]["merged"] is True


def test_the_worker(world: World, receiver: Receiver, serve: Callable[[Path], str]) -> None:
    """In a served forge deliveries come by themselves, in order, with the address of the server."""
    world.forge.close()
    url = serve(world.forge.state)
    client = httpx.Client(base_url=url, headers={"authorization": f"token {world.tokens['olga']}"})
    body = {"config": {"url": receiver.url, "content_type": "json"}, "events": ["issues"]}
    assert client.post(HOOKS, json=body).status_code == 201
    for number in range(10):
        client.post(f"{REPO}/issues", json={"title": str(number)})
    for _ in range(11):
        assert receiver.came.acquire(timeout=10)
    assert [payload["issue"]["title"] for payload in receiver.payloads("issues")] == list("0123456789")
    assert receiver.payloads("ping")[0]["hook"]["url"].startswith(url)
    client.close()


def test_a_stop_in_the_middle(world: World, receiver: Receiver) -> None:
    """What was being sent when the forge died is recorded as a failure; what was queued is sent."""
    where = hooked(world, receiver, "issues")
    for number in range(2):
        world.as_("olga").post(f"{REPO}/issues", json={"title": str(number)})
    world.forge.bus.drain()
    with world.forge.store.write() as tx:
        tx.execute("UPDATE delivery SET state = 'sending' WHERE id = 2")
    world.forge.close()
    again = Forge(world.forge.state, world.forge.settings)
    start(again)
    assert receiver.came.acquire(timeout=10)
    assert receiver.came.acquire(timeout=10)
    deadline = time.monotonic() + 10
    while again.store.db.count("SELECT count(*) FROM delivery WHERE state <> 'done'"):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    statuses = again.store.db.column(str, "SELECT status FROM delivery ORDER BY id")
    stop(again)
    assert statuses == ["OK", "the forge stopped while it was delivering", "OK"]
    assert [payload["issue"]["title"] for payload in receiver.payloads("issues")] == ["1"]
    assert where.endswith("/1")
