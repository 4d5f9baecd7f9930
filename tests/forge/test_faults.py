"""Faults: each strikes what it is told to, the same way every time, and nothing else."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.forge.proposing import REPO, commit, merge, propose, sha_of
from tests.forge.receiving import Receiver, deliver
from tests.forge.test_hooks import hooked
from tests.forge.test_snapshots import command
from tests.forge.world import World, git

from localforge import seed
from localforge.control.door import Control
from localforge.faults.rules import KINDS, Rule, Subject, Tally, chance, decide, matches

ISSUES = f"{REPO}/issues"
GET = Subject(channel="request", method="GET", path="/repos/a/b", operation="repos/get")


def struck(rule: Rule, times: int, subject: Subject = GET) -> list[bool]:
    """Which of so many subjects the rule strikes."""
    tallies: dict[int, Tally] = {}
    found = []
    for _ in range(times):
        striking, after = decide({1: rule}, tallies, subject)
        tallies = dict(after)
        found.append(bool(striking))
    return found


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, "x---"),
        ({"count": 2}, "xx--"),
        ({"count": None}, "xxxx"),
        ({"skip": 2}, "--x-"),
        ({"count": 0}, "----"),
        ({"probability": 0.0}, "----"),
        ({"method": "POST"}, "----"),
        ({"path": "/repos/*", "operation": "repos/*"}, "x---"),
        ({"path": "/repos"}, "----"),
    ],
)
def test_which_matches_are_struck(options: dict[str, Any], expected: str) -> None:
    assert "".join("x" if hit else "-" for hit in struck(Rule(kind="slow", **options), 4)) == expected


def test_a_seed_makes_a_run_repeatable() -> None:
    """Probability strikes about so often, the same matches for a seed, others for another."""
    rule = Rule(kind="status", count=None, probability=0.3, seed=7)
    assert struck(rule, 400) == struck(rule, 400)
    assert 80 < sum(struck(rule, 400)) < 160
    assert struck(Rule(kind="status", count=None, probability=0.3, seed=8), 400) != struck(rule, 400)
    assert 0 <= chance(1, 2, 3) < 1


def test_channels_and_events() -> None:
    """A rule about deliveries knows nothing of requests; an event's name stands for all of its actions."""
    opened = Subject(channel="delivery", event="pull_request.opened")
    assert matches(Rule(kind="drop", event="pull_request"), opened)
    assert matches(Rule(kind="drop", event="pull_request.*"), opened)
    assert not matches(Rule(kind="drop", event="pull_request.closed"), opened)
    assert not matches(Rule(kind="slow"), opened)
    assert not matches(Rule(kind="drop"), GET)


def test_refusals_have_no_effect(world: World) -> None:
    """500, 502, a secondary limit and an expired token, in GitHub's shapes; the request after is served."""
    olga, faults = world.as_("olga"), world.forge.faults
    faults.add(Rule(kind="status", method="POST", path=ISSUES))
    faults.add(Rule(kind="status", method="POST", path=ISSUES, skip=1, status=500))
    faults.add(Rule(kind="secondary_limit", operation="issues/create", skip=2, seconds=60))
    faults.add(Rule(kind="expired_token", method="POST", path=ISSUES, skip=3))
    asked = [olga.post(ISSUES, json={"title": "t"}) for _ in range(5)]
    assert [answer.status_code for answer in asked] == [502, 500, 403, 401, 201]
    assert asked[2].headers["retry-after"] == "60"
    assert "secondary rate limit" in asked[2].json()["message"]
    assert asked[3].json()["message"] == "Bad credentials"
    assert asked[4].json()["number"] == 1
    assert olga.get("/repos/acme/secret").status_code == 200


def test_the_answer_is_lost_after_the_effect(world: World) -> None:
    olga = world.as_("olga")
    world.forge.faults.add(Rule(kind="lost_answer", method="POST", path=ISSUES))
    with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
        olga.post(ISSUES, json={"title": "Once"})
    assert [issue["title"] for issue in olga.get(ISSUES).json()] == ["Once"]


def test_stale_reads(world: World) -> None:
    """Rows and refs as they were before the last change, for as often as the rule says; GraphQL too."""
    olga, before = world.as_("olga"), sha_of(world, "main")
    world.forge.faults.add(Rule(kind="stale", method="GET", path=f"{REPO}/*", count=2))
    assert (
        olga.get(f"{REPO}/branches/main").json()["commit"]["sha"] == before
    )  # nothing has changed: no past yet
    after = commit(world, "main", "x.txt")
    world.forge.faults.clear()
    world.forge.faults.add(Rule(kind="stale", operation="issues/*", count=2))
    world.forge.faults.add(Rule(kind="stale", operation="graphql"))
    olga.post(ISSUES, json={"title": "One"})
    olga.post(ISSUES, json={"title": "Two"})
    assert [issue["title"] for issue in olga.get(ISSUES).json()] == ["One"]
    query = {"query": '{repository(owner: "acme", name: "widget") {issues(first: 1) {totalCount}}}'}
    assert olga.post("/graphql", json=query).json()["data"]["repository"]["issues"]["totalCount"] == 1
    assert olga.post("/graphql", json=query).json()["data"]["repository"]["issues"]["totalCount"] == 2
    assert olga.get(f"{ISSUES}/2").status_code == 404
    assert olga.get(f"{ISSUES}/2").status_code == 200
    assert sha_of(world, "main") == after


def test_slow(world: World) -> None:
    world.forge.faults.add(Rule(kind="slow", path=REPO, seconds=0.2))
    olga, began = world.as_("olga"), time.monotonic()
    assert olga.get(REPO).status_code == 200
    assert time.monotonic() - began >= 0.2


def test_a_repository_is_renamed_or_archived_under_somebody(world: World) -> None:
    """At the nth request, with the redirect, the refusal and the event that GitHub has for it."""
    olga, faults = world.as_("olga"), world.forge.faults
    faults.add(Rule(kind="rename", path=f"{REPO}/*", skip=1, name="gadget"))
    assert olga.get(f"{REPO}/branches").status_code == 200
    number = olga.get(REPO).json()["id"]
    moved = olga.get(f"{REPO}/branches")
    assert (moved.status_code, moved.headers["location"]) == (
        301,
        f"http://forge.test/repositories/{number}/branches",
    )
    faults.add(Rule(kind="archive", method="POST", path="/repos/acme/gadget/*"))
    refused = olga.post("/repos/acme/gadget/issues", json={"title": "t"})
    assert (refused.status_code, "archived" in refused.json()["message"]) == (403, True)
    actions = world.forge.store.db.column(
        str, "SELECT payload ->> 'action' FROM event WHERE kind = 'RepositoryEvent'"
    )
    assert actions == ["renamed", "archived"]


def test_the_base_moves_before_a_merge(proposed: World) -> None:
    """Past its protection, as somebody else's merge would; the head's merge is tried on it."""
    before = sha_of(proposed, "main")
    proposed.forge.faults.add(Rule(kind="move_base", operation="pulls/merge"))
    assert merge(proposed).status_code == 200
    olga = proposed.as_("olga")
    merged = olga.get(f"{REPO}/commits/main").json()
    between = olga.get(f"{REPO}/commits/{merged['parents'][0]['sha']}").json()
    assert between["parents"][0]["sha"] == before
    assert between["commit"]["message"] == "Something else was merged first"


def test_deliveries_are_dropped_doubled_and_late(world: World, receiver: Receiver) -> None:
    """What arrives, how often, and what the deliveries' list says of it."""
    where = hooked(world, receiver, "issues")
    faults, olga = world.forge.faults, world.as_("olga")
    faults.add(Rule(kind="drop", event="issues.opened"))
    faults.add(Rule(kind="duplicate", event="issues", skip=1))
    faults.add(Rule(kind="delay", event="issues", skip=2, seconds=0.2))
    began = time.monotonic()
    for title in ("dropped", "twice", "late"):
        olga.post(ISSUES, json={"title": title})
    deliver(world)
    assert time.monotonic() - began >= 0.2
    assert [told["issue"]["title"] for told in receiver.payloads("issues")] == ["twice", "twice", "late"]
    guids = [headers["x-github-delivery"] for headers, _ in receiver.received]
    assert (guids[0] == guids[1], len(set(guids))) == (True, 2)
    listed = olga.get(f"{where}/deliveries").json()
    assert [(entry["status_code"], entry["status"]) for entry in listed if entry["event"] == "issues"] == [
        (200, "OK"),
        (200, "OK"),
        (0, "timed out"),
    ]


def test_deliveries_change_places(world: World, receiver: Receiver) -> None:
    """A delivery is overtaken by the next one; the last of all goes out alone, after its time."""
    hooked(world, receiver, "issues")
    world.forge.faults.add(Rule(kind="reorder", event="issues", seconds=0.1))
    world.forge.faults.add(Rule(kind="reorder", event="issues", skip=1, seconds=0.1))
    for title in ("one", "two", "three"):
        world.as_("olga").post(ISSUES, json={"title": title})
    deliver(world)
    assert [told["issue"]["title"] for told in receiver.payloads("issues")] == ["two", "one", "three"]


def test_ci_that_never_reports(world: World) -> None:
    """No run begins for the struck event; webhooks still tell of it, and the next event starts one."""
    propose(
        world,
        "ci",
        {".github/workflows/ci.yml": "on: push\njobs: {a: {runs-on: ubuntu-latest, steps: [{run: x}]}}\n"},
    )
    world.forge.faults.add(Rule(kind="silent_ci", event="push"))
    commit(world, "ci", "one.txt")
    world.forge.bus.drain()
    assert world.as_("olga").get(f"{REPO}/actions/runs").json()["total_count"] == 0
    commit(world, "ci", "two.txt")
    world.forge.bus.drain()
    assert world.as_("olga").get(f"{REPO}/actions/runs").json()["total_count"] == 1


def test_nothing_is_struck_without_rules(world: World) -> None:
    """There is no past, and no door, unless somebody asked for them."""
    world.as_("olga").post(ISSUES, json={"title": "t"})
    assert not (world.forge.state / "past").exists()
    assert (
        httpx.Client(transport=world.as_("olga")._transport, base_url="http://forge.test")
        .get("/_forge/faults")
        .status_code
        == 404
    )


@pytest.fixture
def door(world: World) -> httpx.Client:
    """The door of the mounted forge, and its key."""
    key = "k" * 20
    world.app.control = Control(world.forge, key)
    headers = {"authorization": f"Bearer {key}"}
    return httpx.Client(
        transport=world.as_("olga")._transport, base_url="http://forge.test/_forge/", headers=headers
    )


def test_the_door(world: World, door: httpx.Client) -> None:
    """Rules, counted; snapshots; the report; and nobody without the secret."""
    assert door.post("faults", json={"kind": "status", "path": REPO}).json() == {"id": 1}
    assert world.as_("olga").get(REPO).status_code == 502
    (rule,) = door.get("faults").json()
    assert (rule["id"], rule["matched"], rule["struck"], rule["status"]) == (1, 1, 1, 502)
    assert door.delete("faults/1").json() == []
    assert door.delete("faults/1").status_code == 404
    assert door.delete("faults").status_code == 200
    assert door.post("snapshots", json={"name": "a"}).json() == ["a"]
    assert door.post("snapshots/a/restore").status_code == 200
    assert door.get("fsck").json()["clean"] is True
    assert door.delete("snapshots/a").json() == []
    for method, path in (("GET", "faults"), ("POST", "snapshots"), ("GET", "fsck")):
        answer = door.request(method, path, headers={"authorization": f"Bearer {world.tokens['olga']}"})
        assert (answer.status_code, answer.json()["message"]) == (401, "Requires authentication")
    assert door.get("/api/v3/_forge/fsck").status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "words"),
    [
        ("POST", "faults", {"kind": "sttaus"}, 422, "kind: one of status, lost_answer"),
        ("POST", "faults", {"kind": "slow", "secs": 1}, 422, "secs"),
        ("POST", "faults", {"kind": "slow", "seconds": "x"}, 422, "seconds"),
        ("POST", "faults", {"kind": "slow", "probability": 2}, 422, "probability"),
        ("POST", "faults", {"kind": "slow", "seconds": -1}, 422, "seconds"),
        ("POST", "faults", {"kind": "status", "status": 99}, 422, "status"),
        ("POST", "faults", [], 422, ""),
        ("POST", "snapshots", {}, 422, "a snapshot needs a name"),
        ("POST", "snapshots", {"name": "../x"}, 422, "a snapshot's name"),
        ("POST", "snapshots/none/restore", None, 422, "there is no snapshot none"),
        ("GET", "nothing", None, 404, "Not Found"),
        ("PATCH", "faults", None, 404, "Not Found"),
    ],
)
def test_the_door_refuses(
    door: httpx.Client, method: str, path: str, body: object, status: int, words: str
) -> None:
    answer = door.request(method, path, json=body)
    assert answer.status_code == status, answer.text
    assert words in answer.json()["message"]


@pytest.mark.slow
def test_served(world: World, tmp_path: Path, serve: Callable[..., str]) -> None:
    """Over sockets: the connection is closed after the effect, of a request and of a push; the command line asks for it."""
    state = world.forge.state
    token = seed.create_token(world.forge, world.people["olga"], "repo")
    world.forge.close()
    assert "no forge is served" in command(state, "faults", "list").stderr
    url = serve(state, "--faults", "--no-actions")
    assert (state / "forge.door").stat().st_mode & 0o077 == 0
    assert (
        command(state, "faults", "add", "lost_answer", "--method", "POST", "--path", ISSUES).stdout
        == '{\n  "id": 1\n}\n'
    )
    headers = {"authorization": f"token {token}"}
    with pytest.raises(httpx.RemoteProtocolError):
        httpx.post(f"{url}{ISSUES}", json={"title": "Once"}, headers=headers)
    assert [issue["title"] for issue in httpx.get(f"{url}{ISSUES}", headers=headers).json()] == ["Once"]
    clone = tmp_path / "clone"
    git("clone", "-q", url.replace("://", f"://olga:{token}@") + "/acme/widget", clone, cwd=tmp_path)
    git("commit", "-q", "--allow-empty", "-m", "More", cwd=clone)
    added = command(state, "faults", "add", "lost_answer", "--path", "*/git-receive-pack")
    assert added.returncode == 0, added.stderr
    assert git("push", "origin", "main", cwd=clone, check=False).returncode != 0
    head = httpx.get(f"{url}{REPO}/git/ref/heads/main", headers=headers).json()["object"]["sha"]
    assert head == git("rev-parse", "HEAD", cwd=clone).stdout.strip()
    assert git("pull", "-q", "--rebase", cwd=clone).returncode == 0
    assert command(state, "faults", "add", "status", "--path", "*/info/refs", "--count", "0").returncode == 0
    refused = git("fetch", cwd=clone, check=False)
    assert (refused.returncode != 0, "502" in refused.stderr) == (True, True)
    assert command(state, "faults", "clear").stdout == "[]\n"
    assert git("fetch", "-q", cwd=clone).returncode == 0
    assert all(kind in command(state, "faults", "kinds").stdout for kind in KINDS)
