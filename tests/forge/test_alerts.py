"""Dependabot's and secret scanning's alerts: described with the forge, dismissed and resolved by people."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from tests.forge import openapi
from tests.forge.openapi import JudgedForge
from tests.forge.receiving import Receiver
from tests.forge.test_hooks import webhooks

from localforge import seed
from localforge.app import App
from localforge.forge import Forge
from localforge.hooks.delivering import Deliverer
from localforge.integrity.fsck import examine
from localforge.seeding.planting import plant
from localforge.seeding.reading import DescriptionError, read

KEY = "AKIA" + "X" * 16
DESCRIPTION = f"""
users: [{{login: ann}}, {{login: bob}}, {{login: cid}}]
repositories:
  - name: ann/tool
    collaborators: {{bob: write}}
    files: {{config.txt: "key = {KEY}\\n", requirements.txt: "old==1\\n"}}
    hooks: [{{url: HOOK, events: ["*"]}}]
    dependabot_alerts:
      - {{package: old, ecosystem: pip, manifest: requirements.txt, ghsa: GHSA-aaaa-bbbb-cccc, summary: Bad, vulnerable: "< 2",
         severity: high, patched: "2", cve: CVE-2026-1, relationship: direct}}
      - {{package: left, ecosystem: npm, manifest: package-lock.json, ghsa: GHSA-dddd-eeee-ffff, summary: Worse, vulnerable: "*",
         severity: critical, scope: development}}
      - {{package: right, ecosystem: npm, manifest: package-lock.json, ghsa: GHSA-gggg-hhhh-jjjj, summary: Meh, vulnerable: "*"}}
    secret_alerts:
      - {{type: aws_access_key_id, secret: {KEY}, path: config.txt}}
      - {{type: npm_token, secret: abc, path: config.txt, validity: active}}
"""
DEPENDABOT = "/repos/ann/tool/dependabot/alerts"
SECRETS = "/repos/ann/tool/secret-scanning/alerts"


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    forge: Forge
    app: App

    def as_(self, login: str, *scopes: str) -> httpx.Client:
        token = seed.create_token(self.forge, seed.account(self.forge, login), *(scopes or ("repo",)))
        headers = {"authorization": f"token {token}"}
        return httpx.Client(transport=JudgedForge(self.app), base_url="http://forge.test", headers=headers)


@pytest.fixture
def planted(tmp_path: Path, receiver: Receiver) -> Iterator[Planted]:
    (tmp_path / "seed.yml").write_text(DESCRIPTION.replace("HOOK", f'"{receiver.url}"'))
    forge = Forge(tmp_path / "state")
    plant(forge, read(tmp_path / "seed.yml"))
    yield Planted(forge=forge, app=App(forge))
    forge.close()


def numbers(answer: httpx.Response) -> list[int]:
    assert answer.status_code == 200, answer.text
    return [alert["number"] for alert in answer.json()]


def test_dependabots_alerts(planted: Planted) -> None:
    """As described, newest first, by every filter; 404 for a number that is none."""
    bob = planted.as_("bob")
    alert = bob.get(f"{DEPENDABOT}/1").json()
    assert alert["dependency"]["package"] == {"ecosystem": "pip", "name": "old"}
    assert (alert["security_advisory"]["cve_id"], alert["security_advisory"]["severity"]) == (
        "CVE-2026-1",
        "high",
    )
    assert alert["security_vulnerability"]["first_patched_version"] == {"identifier": "2"}
    for query, found in (
        ("", [3, 2, 1]),
        ("direction=asc", [1, 2, 3]),
        ("severity=high,critical", [2, 1]),
        ("ecosystem=pip", [1]),
        ("package=left", [2]),
        ("manifest=package-lock.json", [3, 2]),
        ("scope=development", [2]),
        ("state=dismissed", []),
    ):
        assert numbers(bob.get(f"{DEPENDABOT}?{query}")) == found, query
    assert bob.get(f"{DEPENDABOT}/9").status_code == 404
    assert examine(planted.forge).findings == []


def test_pages_by_cursor(planted: Planted) -> None:
    """Forward and back by the Link header; a cursor of one's own making is refused."""
    bob = planted.as_("bob")
    first = bob.get(f"{DEPENDABOT}?per_page=2")
    assert (numbers(first), list(first.links)) == ([3, 2], ["next"])
    second = bob.get(first.links["next"]["url"])
    assert (numbers(second), list(second.links)) == ([1], ["prev"])
    assert numbers(bob.get(second.links["prev"]["url"])) == [3, 2]
    assert bob.get(f"{DEPENDABOT}?after=nonsense").status_code == 400


def test_dismissed_and_opened_again(planted: Planted) -> None:
    bob = planted.as_("bob")
    body = {
        "state": "dismissed",
        "dismissed_reason": "not_used",
        "dismissed_comment": "Gone",
        "assignees": ["ann"],
    }
    alert = bob.patch(f"{DEPENDABOT}/1", json=body).json()
    assert (alert["state"], alert["dismissed_by"]["login"], alert["dismissed_reason"]) == (
        "dismissed",
        "bob",
        "not_used",
    )
    assert [person["login"] for person in alert["assignees"]] == ["ann"]
    assert numbers(bob.get(f"{DEPENDABOT}?state=open")) == [3, 2]
    alert = bob.patch(f"{DEPENDABOT}/1", json={"state": "open"}).json()
    assert (alert["state"], alert["dismissed_at"], alert["dismissed_comment"]) == ("open", None, None)


def test_secrets(planted: Planted) -> None:
    """Where they are; without the secret on request; resolved, judged, assigned."""
    ann = planted.as_("ann")
    alert = ann.get(f"{SECRETS}/1").json()
    place = alert["first_location_detected"]
    assert (alert["secret"], alert["state"], alert["validity"], place["path"]) == (
        KEY,
        "open",
        "unknown",
        "config.txt",
    )
    assert ann.get(re.sub("^http://forge.test", "", place["blob_url"])).status_code == 200
    assert ann.get(f"{SECRETS}/1/locations").json() == [{"type": "commit", "details": place}]
    assert ann.get(f"{SECRETS}/9/locations").status_code == 404
    assert planted.as_("bob").get(f"{SECRETS}/1/locations").status_code == 404
    assert "secret" not in ann.get(f"{SECRETS}/1?hide_secret=true").json()
    assert KEY not in ann.get(f"{SECRETS}?hide_secret=true").text
    resolved = {"state": "resolved", "resolution": "revoked", "resolution_comment": "Done"}
    alert = ann.patch(f"{SECRETS}/1", json=resolved).json()
    assert (alert["state"], alert["resolution"], alert["resolved_by"]["login"]) == (
        "resolved",
        "revoked",
        "ann",
    )
    for query, found in (
        ("", [2, 1]),
        ("state=open", [2]),
        ("resolution=revoked", [1]),
        ("secret_type=npm_token", [2]),
        ("exclude_secret_types=npm_token", [1]),
        ("validity=active", [2]),
    ):
        assert numbers(ann.get(f"{SECRETS}?{query}")) == found, query
    alert = ann.patch(
        f"{SECRETS}/1", json={"state": "open", "validity": "inactive", "assignee": "bob"}
    ).json()
    assert (alert["state"], alert["resolution"], alert["validity"]) == ("open", None, "inactive")
    assert alert["assigned_to"]["login"] == "bob"
    alert = ann.patch(f"{SECRETS}/1", json={"validity": None, "assignee": None}).json()
    assert (alert["validity"], alert["assigned_to"]) == ("unknown", None)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (f"{DEPENDABOT}/1", {}),
        (f"{DEPENDABOT}/1", {"state": "fixed"}),
        (f"{DEPENDABOT}/1", {"state": "dismissed"}),
        (
            f"{DEPENDABOT}/1",
            {"state": "dismissed", "dismissed_reason": "not_used", "dismissed_comment": "x" * 281},
        ),
        (f"{DEPENDABOT}/1", {"assignees": ["cid"]}),
        (f"{SECRETS}/1", {}),
        (f"{SECRETS}/1", {"state": "resolved"}),
        (f"{SECRETS}/1", {"validity": "perhaps"}),
        (f"{SECRETS}/1", {"assignee": "nobody"}),
    ],
)
def test_refused_updates(planted: Planted, path: str, body: dict[str, object]) -> None:
    """422, and the alert is as it was."""
    ann = planted.as_("ann")
    before = ann.get(path).json()
    assert ann.patch(path, json=body).status_code == 422
    assert ann.get(path).json() == before


def test_who_may(planted: Planted) -> None:
    """Dependabot's for writers, secrets for administrators alone, also where everybody sees the repository."""
    for login, dependabot, secrets in (("ann", 200, 200), ("bob", 200, 404), ("cid", 404, 404)):
        client = planted.as_(login)
        assert (client.get(DEPENDABOT).status_code, client.get(SECRETS).status_code) == (dependabot, secrets)
    assert planted.as_("ann", "security_events").get(SECRETS).status_code == 200
    assert planted.as_("ann", "public_repo", "gist").get(SECRETS).status_code == 200
    assert planted.as_("ann", "gist").get(SECRETS).status_code == 404


def test_hooks_are_told(planted: Planted, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each change in GitHub's shape, once, and never with the secret."""
    ann = planted.as_("ann")
    for path, body in (
        (f"{DEPENDABOT}/1", {"state": "dismissed", "dismissed_reason": "inaccurate"}),
        (f"{DEPENDABOT}/1", {"state": "open"}),
        (f"{DEPENDABOT}/1", {"state": "open"}),
        (f"{SECRETS}/1", {"state": "resolved", "resolution": "wont_fix"}),
        (f"{SECRETS}/1", {"state": "open"}),
    ):
        assert ann.patch(path, json=body).status_code == 200
        planted.forge.bus.drain()
    deliverer = Deliverer(planted.forge)
    deliverer.drain()
    deliverer.stop()
    monkeypatch.setattr(openapi, "description", webhooks)
    told = [
        (name, payload) for name in dict.fromkeys(receiver.names()) for payload in receiver.payloads(name)
    ]
    assert [(name, payload["action"]) for name, payload in told] == [
        ("dependabot_alert", "dismissed"),
        ("dependabot_alert", "reopened"),
        ("secret_scanning_alert", "resolved"),
        ("secret_scanning_alert", "reopened"),
    ]
    for name, payload in told:
        body = webhooks()["x-webhooks"][f"{name}-{payload['action']}".replace("_", "-")]["post"][
            "requestBody"
        ]
        assert list(openapi.mistakes(body["content"]["application/json"]["schema"], payload)) == []
    assert KEY.encode() not in b"".join(content for _, content in receiver.received)


def test_a_secret_in_no_file_is_a_mistake(tmp_path: Path) -> None:
    text = "users: [{login: ann}]\nrepositories: [{name: ann/x, files: {a: b}, secret_alerts: [{type: t, secret: s, path: c}]}]"
    (tmp_path / "seed.yml").write_text(text)
    forge = Forge(tmp_path / "state")
    with pytest.raises(DescriptionError, match="the default branch has no file c"):
        plant(forge, read(tmp_path / "seed.yml"))
    assert list((forge.state / "git").iterdir()) == []
    forge.close()
