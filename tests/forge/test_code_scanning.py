"""Code scanning: what analyses in SARIF amount to, and who is told."""

import base64
import gzip
import json
from typing import Any

import httpx
import pytest
from tests.forge import openapi
from tests.forge.proposing import REPO, propose, sha_of
from tests.forge.receiving import Receiver, deliver
from tests.forge.test_hooks import hooked, webhooks
from tests.forge.world import World

from localforge.integrity.fsck import examine
from localforge.scanning.sarif import SarifError, runs

ALERTS = f"{REPO}/code-scanning/alerts"
RULES: list[dict[str, Any]] = [
    {
        "id": "py/sql",
        "name": "SqlInjection",
        "shortDescription": {"text": "SQL from input"},
        "fullDescription": {"text": "A query is built from input."},
        "help": {"text": "Use parameters", "markdown": "Use *parameters*"},
        "helpUri": "https://example.test/sql",
        "defaultConfiguration": {"level": "error"},
        "properties": {"security-severity": "8.1", "tags": ["security"]},
    },
    {"id": "py/unused"},
]


def result(rule: int = 0, line: int = 3, text: str = "Here", **more: object) -> dict[str, Any]:
    region = {"startLine": line, "startColumn": 5, "endColumn": 9}
    place = {"artifactLocation": {"uri": "src/widget.py"}, "region": region}
    found = {"ruleIndex": rule, "message": {"text": text}, "locations": [{"physicalLocation": place}]}
    return {**found, "ruleId": RULES[rule]["id"], **more}


def sarif(*results: dict[str, Any], tool: str = "Lint", category: str = "") -> dict[str, Any]:
    driver = {"name": tool, "semanticVersion": "1.2", "rules": RULES}
    details = {"automationDetails": {"id": f"{category}/run"}} if category else {}
    return {"version": "2.1.0", "runs": [{"tool": {"driver": driver}, "results": results, **details}]}


def packed(document: object) -> str:
    return base64.b64encode(gzip.compress(json.dumps(document).encode(), mtime=0)).decode()


def upload(world: World, document: object, branch: str = "main", login: str = "wim") -> httpx.Response:
    body = {"commit_sha": sha_of(world, branch), "ref": f"refs/heads/{branch}", "sarif": packed(document)}
    return world.as_(login).post(f"{REPO}/code-scanning/sarifs", json=body)


def states(world: World, query: str = "") -> dict[int, str]:
    listed = world.as_("olga").get(f"{ALERTS}?direction=asc{query}").json()
    return {alert["number"]: alert["state"] for alert in listed}


def test_an_upload_is_complete_once_it_was_taken(world: World) -> None:
    """As its address says to who may read alerts; another repository knows nothing of it."""
    address = httpx.URL(upload(world, sarif(result())).json()["url"]).path
    assert world.as_("wim").get(address).json()["processing_status"] == "complete"
    assert world.as_("otto").get(address).status_code == 404
    assert world.as_("olga").get(address.replace("widget", "secret")).status_code == 404
    assert world.as_("olga").get(f"{REPO}/code-scanning/sarifs/none").status_code == 404


def test_an_analysis_becomes_alerts(world: World) -> None:
    """With rule, tool and place; 404 before the first one."""
    olga = world.as_("olga")
    assert (olga.get(ALERTS).status_code, olga.get(ALERTS).json()["message"]) == (404, "no analysis found")
    taken = upload(world, sarif(result(), result(rule=1, line=1)))
    assert taken.status_code == 202
    assert taken.json()["url"].endswith(f"/code-scanning/sarifs/{taken.json()['id']}")
    alert = olga.get(f"{ALERTS}/1").json()
    assert (alert["state"], alert["tool"]["name"], alert["tool"]["version"]) == ("open", "Lint", "1.2")
    rule = {
        name: alert["rule"][name] for name in ("id", "severity", "security_severity_level", "tags", "help")
    }
    assert rule == {
        "id": "py/sql",
        "severity": "error",
        "security_severity_level": "high",
        "tags": ["security"],
        "help": "Use *parameters*",
    }
    seen = alert["most_recent_instance"]
    assert (seen["ref"], seen["commit_sha"], seen["message"]["text"]) == (
        "refs/heads/main",
        sha_of(world, "main"),
        "Here",
    )
    assert seen["location"] == {
        "path": "src/widget.py",
        "start_line": 3,
        "end_line": 3,
        "start_column": 5,
        "end_column": 9,
    }
    assert olga.get(f"{ALERTS}/2").json()["rule"]["severity"] == "warning"
    assert olga.get(f"{ALERTS}/3").status_code == 404
    assert examine(world.forge).findings == []


def test_fixed_and_back(world: World) -> None:
    """Absent in a later analysis of the same tool, ref and category: fixed. Other tools and categories say nothing of it."""
    upload(world, sarif(result(), result(rule=1)))
    upload(world, sarif(tool="Other"))
    upload(world, sarif(category="nightly"))
    assert states(world) == {1: "open", 2: "open"}
    upload(world, sarif(result()))
    assert states(world) == {1: "open", 2: "fixed"}
    assert world.as_("olga").get(f"{ALERTS}/2").json()["fixed_at"]
    upload(world, sarif(result(), result(rule=1)))
    assert states(world) == {1: "open", 2: "open"}
    assert world.as_("olga").get(f"{ALERTS}/2").json()["fixed_at"] is None


def test_the_same_finding_elsewhere_in_the_file(world: World) -> None:
    """By the tool's own fingerprint it stays one alert; without one, another line is another finding."""
    print_: dict[str, Any] = {"partialFingerprints": {"primaryLocationLineHash": "abc:1"}}
    upload(world, sarif(result(line=3, **print_)))
    upload(world, sarif(result(line=9, **print_)))
    assert states(world) == {1: "open"}
    place = world.as_("olga").get(f"{ALERTS}/1").json()["most_recent_instance"]["location"]
    assert place["start_line"] == 9
    upload(world, sarif(result(line=3)))
    assert states(world) == {1: "fixed", 2: "open"}


def test_branches(world: World) -> None:
    """A finding on a branch is no alert of the default one; fixed there, it stays open elsewhere."""
    propose(world, "topic", {"x.txt": "x\n"})
    upload(world, sarif(result()), branch="topic")
    assert states(world) == {}
    assert states(world, "&ref=topic") == {1: "open"}
    upload(world, sarif(result()))
    upload(world, sarif(), branch="topic")
    assert (states(world), states(world, "&ref=refs/heads/topic")) == ({1: "open"}, {1: "fixed"})


def test_where_an_alert_was_seen(world: World) -> None:
    """On each branch by itself, as it stands there."""
    propose(world, "topic", {"x.txt": "x\n"})
    upload(world, sarif(result()))
    upload(world, sarif(result()), branch="topic")
    upload(world, sarif())
    olga, where = world.as_("olga"), f"{ALERTS}/1/instances"
    seen = {(item["ref"], item["state"]) for item in olga.get(where).json()}
    assert seen == {("refs/heads/main", "fixed"), ("refs/heads/topic", "open")}
    assert [item["ref"] for item in olga.get(f"{where}?ref=topic").json()] == ["refs/heads/topic"]
    assert olga.get(f"{ALERTS}/9/instances").status_code == 404
    assert world.as_("otto").get(where).status_code == 404


def test_filters(world: World) -> None:
    upload(world, sarif(result(), result(rule=1)))
    upload(world, sarif(result(line=8), tool="Other"))
    for query, numbers in (
        ("&tool_name=Other", {3}),
        ("&severity=high", {1, 3}),
        ("&severity=warning", {2}),
        ("&state=fixed", set()),
        ("&sort=updated&per_page=1&page=2", {2}),
    ):
        assert set(states(world, query)) == numbers, query


def test_dismissed_by_a_person(world: World) -> None:
    """With a reason, until it is opened again; a later analysis does not open it."""
    wim = world.as_("wim")
    upload(world, sarif(result()))
    assert wim.patch(f"{ALERTS}/1", json={"state": "dismissed"}).status_code == 400
    body = {
        "state": "dismissed",
        "dismissed_reason": "won't fix",
        "dismissed_comment": "Old",
        "assignees": ["olga"],
    }
    alert = wim.patch(f"{ALERTS}/1", json=body).json()
    assert (alert["state"], alert["dismissed_by"]["login"], alert["dismissed_reason"]) == (
        "dismissed",
        "wim",
        "won't fix",
    )
    assert [person["login"] for person in alert["assignees"]] == ["olga"]
    upload(world, sarif(result()))
    assert states(world, "&state=dismissed") == {1: "dismissed"}
    alert = wim.patch(f"{ALERTS}/1", json={"state": "open"}).json()
    assert (alert["state"], alert["dismissed_by"], alert["dismissed_comment"]) == ("open", None, None)
    for wrong in ({}, {"assignees": ["otto"]}, {"state": "fixed"}):
        assert wim.patch(f"{ALERTS}/1", json=wrong).status_code in {400, 422}


def test_who_may(world: World) -> None:
    """Writers and up; a public repository's alerts are nobody else's to read."""
    upload(world, sarif(result()))
    for login, status in (("wim", 200), ("olga", 200), ("mia", 404), ("otto", 404)):
        assert world.as_(login).get(ALERTS).status_code == status
    assert world.client().get(ALERTS).status_code == 401
    assert upload(world, sarif(), login="mia").status_code == 403


@pytest.mark.parametrize(
    ("changed", "status", "words"),
    [
        ({"sarif": "%%%"}, 400, "gzip-compressed and Base64-encoded"),
        ({"sarif": base64.b64encode(b"plain").decode()}, 400, "gzip-compressed and Base64-encoded"),
        ({"sarif": base64.b64encode(gzip.compress(b"x" * 99, mtime=0)[:20]).decode()}, 400, "ends early"),
        ({"sarif": base64.b64encode(gzip.compress(b"{", mtime=0)).decode()}, 400, "It is not JSON"),
        ({"sarif": packed([])}, 400, "The version must be 2.1.0"),
        ({"sarif": packed({"version": "2.1.0"})}, 400, "Missing 'runs'"),
        ({"sarif": packed({"version": "2.1.0", "runs": [{}] * 21})}, 400, "more than 20 runs"),
        ({"sarif": packed({"version": "2.1.0", "runs": [{}]})}, 400, "Missing 'tool.driver.name'"),
        ({"sarif": packed(sarif(result(message={})))}, 400, "A result has no message"),
        ({"sarif": base64.b64encode(gzip.compress(b"0" * (101 << 20), mtime=0)).decode()}, 413, "too large"),
        ({"commit_sha": "main"}, 422, "full 40 character SHA"),
        ({"commit_sha": "1" * 40}, 404, "commit not found"),
        ({"ref": "main"}, 400, "ref must begin with"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_refused_uploads(world: World, changed: dict[str, str], status: int, words: str) -> None:
    body = {"commit_sha": sha_of(world, "main"), "ref": "refs/heads/main", "sarif": packed(sarif(result()))}
    answer = world.as_("wim").post(f"{REPO}/code-scanning/sarifs", json={**body, **changed})
    assert (answer.status_code, words in answer.json()["message"]) == (status, True), answer.text
    assert world.as_("wim").get(ALERTS).status_code == 404


def test_reading_sarif() -> None:
    """Rules of extensions and by index; addresses below the checkout; a level of its own; what is missing."""
    bare: Any = {"message": {"markdown": "*x*"}, "level": "note", "rule": {"index": 0}}
    far: Any = {
        "message": {"text": "x"},
        "ruleId": "r",
        "locations": [{"physicalLocation": {"artifactLocation": {"uri": "file:///work/a.py"}}}],
    }
    tool: Any = {
        "driver": {"name": "T", "guid": "g"},
        "extensions": [{"rules": [{"id": "e", "name": "Extra"}]}],
    }
    (run,) = runs(
        {"version": "2.1.0", "runs": [{"tool": tool, "results": [bare, far]}]}, checkout="file:///work/"
    )
    first, second = run.results
    assert (first.rule["id"], first.rule["name"], first.rule["severity"]) == ("e", "Extra", "note")
    assert (second.rule["id"], second.location["path"], second.location["start_line"]) == ("r", "a.py", 1)
    assert (run.guid, run.version, run.category) == ("g", None, "")
    with pytest.raises(SarifError):
        runs(None)


def test_hooks_are_told(world: World, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each change once, in GitHub's shape; an analysis that changes nothing tells nothing."""
    world.forge.origin = "http://forge.test"
    hooked(world, receiver, "code_scanning_alert")
    propose(world, "topic", {"x.txt": "x\n"})
    wim = world.as_("wim")
    dismissal = {"state": "dismissed", "dismissed_reason": "false positive"}
    for deed in (
        lambda: upload(world, sarif(result())),
        lambda: upload(world, sarif(result())),
        lambda: upload(world, sarif(result()), branch="topic"),
        lambda: wim.patch(f"{ALERTS}/1", json=dismissal),
        lambda: wim.patch(f"{ALERTS}/1", json={"state": "open"}),
        lambda: upload(world, sarif(), branch="topic"),
        lambda: upload(world, sarif()),
        lambda: upload(world, sarif(result())),
    ):
        assert deed().status_code in {200, 202}
        deliver(world)
    told = receiver.payloads("code_scanning_alert")
    assert [payload["action"] for payload in told] == [
        "created",
        "appeared_in_branch",
        "closed_by_user",
        "reopened_by_user",
        "fixed",
        "reopened",
    ]
    assert (told[1]["ref"], told[4]["commit_oid"]) == ("refs/heads/topic", sha_of(world, "main"))
    monkeypatch.setattr(openapi, "description", webhooks)
    for payload in told:
        name = f"code-scanning-alert-{payload['action'].replace('_', '-')}"
        body = webhooks()["x-webhooks"][name]["post"]["requestBody"]
        schema = body["content"]["application/json"]["schema"]
        assert list(openapi.mistakes(schema, payload)) == [], name
