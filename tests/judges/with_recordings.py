"""The 71 recorded exchanges with GitHub (npm @octokit/fixtures): the same requests get the same status and at least the same keys.

Names and ids of the recording stand for the forge's: `octokit-fixture-org` is `acme`, user a `olga`, user b `otto`.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import httpx
from tests.judges.board import Judge
from tests.judges.stage import Stage

RECORDINGS = Path(__file__).parents[1] / "contract" / "github" / "octokit-fixtures.71.json"
ORG = "octokit-fixture-org"
_NUMBERED = re.compile(r"(?<=/)(repositories|releases|assets|repository_invitations)/(\d+)")
_SHA = re.compile(r"0{37}[0-9a-f]{3}")

Names: TypeAlias = Mapping[str, str]

# Recorded of what GitHub has taken away since; the version says so, because no such recording can be repeated.
WITHDRAWN = frozenset({"project-cards"})
GONE = "Projects (classic) has been deprecated in favor of the new Projects experience."

judge = Judge(
    name="recordings",
    version=lambda: f"@octokit/fixtures 23.1.2; {', '.join(sorted(WITHDRAWN))} as GitHub refuses it today",
)


@dataclass(slots=True)
class Player:
    """Replays one recording. `names` are replaced as they stand; ids of things are learnt from the answers."""

    stage: Stage
    names: Names
    ids: dict[str, int] = field(default_factory=dict)
    location: str = ""

    def play(self, exchange: Mapping[str, Any]) -> None:
        """Ask as the recording asked, and compare."""
        answer = self._ask(exchange)
        self.location = answer.headers.get("location", "")
        method, path = exchange["method"].upper(), exchange["path"]
        assert answer.status_code == exchange["status"], (
            f"{method} {path}: {answer.status_code} instead of {exchange['status']}: {answer.text[:300]}"
        )
        recorded = exchange["response"]
        if isinstance(recorded, dict | list):
            missing = list(absent(recorded, answer.json()))
            assert not missing, f"{method} {path} lacks {', '.join(missing)}"
            self._learn(answer.json())
        else:
            assert bool(recorded) == bool(answer.content), (
                f"{method} {path}: the body is {answer.content[:99]!r}"
            )
        for name in ("link", "location"):
            if name in {header.lower() for header in exchange["headers"]}:
                assert name in answer.headers, f"{method} {path} has no {name}"

    def _ask(self, exchange: Mapping[str, Any]) -> httpx.Response:
        asked = {
            name: exchange["reqheaders"][name]
            for name in ("accept", "content-type")
            if name in exchange["reqheaders"]
        }
        login = "otto" if exchange["reqheaders"].get("authorization", "").endswith("2") else "olga"
        body = exchange["body"]
        content = self._ours(body if isinstance(body, str) else json.dumps(body)) if body else None
        with self.stage.client(login) as client:
            # An archive is wherever the answer before led to.
            target = self.location if "codeload" in exchange["scope"] else self._ours(exchange["path"])
            return client.request(exchange["method"], target, content=content, headers=asked)

    def _ours(self, text: str) -> str:
        for theirs, ours in self.names.items():
            text = text.replace(theirs, ours)
        return _NUMBERED.sub(lambda found: f"{found[1]}/{self.ids.get(found[1], found[2])}", text)

    def _learn(self, answer: Any) -> None:
        shown = answer[0] if isinstance(answer, list) and answer else answer
        found = _NUMBERED.search(shown.get("url", "")) if isinstance(shown, dict) else None
        if found:
            self.ids[found[1]] = int(found[2])


def absent(recorded: Any, given: Any, at: str = "$") -> Iterator[str]:
    """The keys that GitHub's answer has and this one lacks. Of a list the first element counts."""
    match recorded, given:
        case dict(), dict():
            for name, value in recorded.items():
                if name not in given:
                    yield f"{at}.{name}"
                else:
                    yield from absent(value, given[name], f"{at}.{name}")
        case list(), list() if recorded and not given:
            yield f"{at}[0]"
        case list(), list():
            yield from absent(recorded[0], given[0], f"{at}[0]") if recorded else ()
        case (dict() | list(), _):
            yield at


def _repository(stage: Stage, name: str) -> dict[str, str]:
    """A repository of that name with two commits; its commits stand for the recorded ones."""
    with stage.client() as olga:
        known = olga.get(f"/repos/acme/{name}").status_code == 200
        if not known:
            stage.repository(name)
            stage.branch(f"acme/{name}", "other", {"other.txt": "other\n"})
        commits = olga.get(f"/repos/acme/{name}/commits").json()
        number = olga.get(f"/repos/acme/{name}").json()["id"]
    first = {f"{n:040d}": commit["sha"] for n, commit in enumerate(commits, 1)}
    return {
        ORG: "acme",
        "octokit-fixture-user-a": "olga",
        "octokit-fixture-user-b": "otto",
        "repositories/1000": f"repositories/{number}",
        **first,
    }


def _with_issues(stage: Stage, name: str, *titles: str) -> dict[str, str]:
    names = _repository(stage, name)
    with stage.client() as olga:
        for title in titles:
            made = olga.post(f"/repos/acme/{name}/issues", json={"title": title, "body": "Words"})
            assert made.status_code == 201, made.text
    return names


def _with_topics(stage: Stage) -> dict[str, str]:
    names = _repository(stage, "hello-world")
    with stage.client() as olga:
        assert olga.put("/repos/acme/hello-world/topics", json={"names": ["forge"]}).status_code == 200
    return names


def _with_release(stage: Stage, name: str, *, asset: bool) -> dict[str, str]:
    names = _repository(stage, name)
    with stage.client() as olga:
        made = olga.post(f"/repos/acme/{name}/releases", json={"tag_name": "v1.0.0"})
        assert made.status_code == 201, made.text
        if asset:
            upload = made.json()["upload_url"].partition("{")[0]
            headers = {"content-type": "text/plain"}
            sent = olga.post(f"{upload}?name=test-upload.txt&label=test", content=b"x", headers=headers)
            assert sent.status_code == 201, sent.text
    return names


Prepare: TypeAlias = Callable[[Stage], Mapping[str, str]]
ASSETS = ("repos/create-release", "repos/upload-release-asset", "repos/delete-release-asset")

# What must be there before, and the operations without which there is nothing to replay yet.
PREPARATIONS: Mapping[str, tuple[Prepare, tuple[str, ...]]] = {
    "lock-issue": (lambda stage: _with_issues(stage, "lock-issue", "Lock me"), ()),
    "paginate-issues": (
        lambda stage: _with_issues(stage, "paginate-issues", *(f"Issue {n}" for n in range(13))),
        (),
    ),
    "search-issues": (lambda stage: _with_issues(stage, "search-issues", "The sesame", "Open sesame"), ()),
    "release-assets": (lambda stage: _with_release(stage, "release-assets", asset=False), ASSETS),
    "release-assets-conflict": (
        lambda stage: _with_release(stage, "release-assets-conflict", asset=True),
        ASSETS,
    ),
    "get-archive": (lambda stage: _repository(stage, "get-archive"), ("repos/download-tarball-archive",)),
    "get-repository": (_with_topics, ()),
    **{name: (lambda stage: _repository(stage, "hello-world"), ()) for name in ("get-content", "markdown")},
}


def _replay(name: str, exchanges: list[Mapping[str, Any]]) -> None:
    prepare, needs = PREPARATIONS.get(name, (lambda stage: _repository(stage, name), ()))

    @judge.scenario(f"{name} ({len(exchanges)})", *needs)
    def replay(stage: Stage) -> None:
        player = Player(stage, prepare(stage))
        for exchange in exchanges:
            player.play(exchange)


def _refuse(name: str, exchanges: list[Mapping[str, Any]]) -> None:
    """Recorded before GitHub took the feature away: the same requests get what they get from GitHub today."""

    @judge.scenario(f"{name} ({len(exchanges)}): 410, as GitHub has answered since 2025")
    def refuse(stage: Stage) -> None:
        with stage.client() as olga:
            for exchange in exchanges:
                answer = olga.request(exchange["method"], exchange["path"], json=exchange["body"] or None)
                assert answer.status_code == 410, f"{exchange['path']}: {answer.status_code}"
                assert answer.json()["message"] == GONE, answer.text


for _name, _exchanges in json.loads(RECORDINGS.read_text()).items():
    (_refuse if _name in WITHDRAWN else _replay)(_name, _exchanges)
