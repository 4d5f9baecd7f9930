"""The same crash test on the true thing: the real flows, the real GitHub client, git, and an embedded forge."""

import json
import re
import shutil
import tempfile
import threading
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from functools import cache, partial
from pathlib import Path
from typing import Any

import httpx
from tests.crash.scenario import Drive, Line, story_of

from penstock.adapters import embedded as embedding
from penstock.adapters.git.local import import_sources
from penstock.adapters.store.heads import Queue
from penstock.adapters.store.owner import this_process
from penstock.bootstrap import Installation
from penstock.bootstrap.embedded import make_forge
from penstock.core.approval import ApprovalScope
from penstock.core.change import is_settled
from penstock.core.change.model import Change, MergePreview, State
from penstock.core.refs import ChangeId
from penstock.flows import orders
from penstock.flows.discovery import ref_of
from penstock.flows.driving import Probe
from penstock.flows.durable import Durable, Options
from penstock.flows.intake import issue_signal, take_issue
from penstock.flows.perform import perform_safely
from penstock.flows.views import needs_merge_approval, pending_digests
from penstock.settings import Config, Settings

ORG = embedding.ORGANIZATION
REPOS = {"lib": "", "app": 'dependencies = ["lib"]\n', "site": 'dependencies = ["lib"]\n'}
RECIPE = """
name: rename
title: Rename old_name
match: {labels: [bot-task], title: "Rename old_name*", files: ["*.py"], contains: old_name}
rules:
  - replace: {files: ["*.py"], word: old_name, with: new_name}
allowed_paths: ["*.py"]
"""
COMMIT = re.compile(r'(?<!"tree":")(?<![0-9a-f:])[0-9a-f]{40}(?![0-9a-f])')
MOVING = (
    (re.compile(r'"duration_ms":\d+'), '"duration_ms":0'),
    (re.compile(r"a-[0-9a-f]{16}"), "<approval>"),
    (re.compile(r" on [0-9a-f]{10}"), " on <head>"),
    (re.compile(r'"decision":"sha256:[0-9a-f]{64}"'), '"decision":"<decision>"'),
)
MERGE_DIGEST = re.compile(r'"(digest|before|now)":"sha256:[0-9a-f]{64}"')


class Probed:
    """Carries requests, and tells before and after each that changes something: a process can die in between."""

    def __init__(self, http: httpx.Client, probe: Probe) -> None:
        self._http, self._probe = http, probe

    def send(self, request: httpx.Request) -> httpx.Response:
        if request.method in {"GET", "HEAD"}:
            return self._http.send(request)
        what = f"{request.method} {re.sub('[0-9a-f]{40}', '<sha>', request.url.path)}"
        self._probe("asking", what)
        response = self._http.send(request)
        self._probe("answered", what)
        return response

    def close(self) -> None:
        self._http.close()


def home_at(folder: Path, forge: embedding.Embedded) -> Installation:
    settings = Settings(
        state=folder,
        config=Config(version=1),
        writer=None,
        reader=None,
        operator=None,
        webhook_secret=None,
    )
    home = Installation(settings)
    vars(home)["embedded"] = forge
    return home


@cache
def template(names: tuple[str, ...], *, strict: bool) -> Path:
    """A state directory with a forge, these repositories, an issue, and the change begun; made once."""
    state = Path(tempfile.mkdtemp(prefix="penstock-crash-template-"))
    (state / "recipes").mkdir()
    (state / "recipes" / "rename.yml").write_text(RECIPE)
    forge = embedding.ensure_running(make_forge(state))
    home = home_at(state, forge)
    for name in names:
        source = state / "sources" / name
        (source / "src").mkdir(parents=True)
        (source / "pyproject.toml").write_text(f'[project]\nname = "{name}"\nversion = "1"\n{REPOS[name]}')
        (source / "src" / "a.py").write_text("old_name = 1\n")
    for made in import_sources(state / "scratch", tuple(state / "sources" / name for name in names)):
        home.operator_hands.publish(made)
        home.operator_hands.protect(made.name, made.branch, ("test",))
        if strict:
            _demand_up_to_date(forge, made.name)
    number = home.operator_hands.open_issue("lib", title="Rename old_name", body="Please.", label="bot-task")
    facts = next(f for f in home.reader.repositories(ORG) if f.full_name == f"{ORG}/lib")
    repo = ref_of(home.forge_name, facts)
    issue = home.reader.issue(repo, number)
    assert issue
    take_issue(home.store, issue_signal(repo, issue), home.circumstances)
    home.close()
    embedding.stop(forge)
    return state


class People:
    """The operator and CI, beside a worker: one connection each for as long as the run takes."""

    def __init__(self, folder: Path) -> None:
        self.forge = embedding.ensure_running(replace(embedding.find(folder) or _none(folder), port=0))
        self.home = home_at(folder, self.forge)
        bearer = {"authorization": f"Bearer {self.forge.operator_token}"}
        self.http = httpx.Client(base_url=self.forge.url, headers=bearer)
        self.reported: set[str] = set()
        self.moving = threading.Lock()
        self.offered: MergePreview | None = None
        """The merge that was offered when this person moved the base."""
        (head,) = self.home.store.heads()
        self.change: ChangeId = head.change

    def now(self) -> Change:
        found = self.home.store.change(self.change)
        assert isinstance(found, Change)
        return found

    def get(self, path: str) -> Any:
        return json.loads(self.http.get(path).text)

    def report(self, name: str, head: str) -> None:
        """CI's verdict on a head, once."""
        body = {"state": "success", "context": "test"}
        self.http.post(f"/repos/{ORG}/{name}/statuses/{head}", json=body).raise_for_status()
        self.reported.add(head)

    def move_base(self, name: str) -> None:
        """A commit straight onto the main branch: the same one in every run."""
        there = f"/repos/{ORG}/{name}/git"
        head = self.get(f"{there}/ref/heads/main")["object"]["sha"]
        tree = {
            "base_tree": head,
            "tree": [{"path": "README.md", "mode": "100644", "type": "blob", "content": "x"}],
        }
        by = {"name": "ada", "email": "ada@example.org", "date": "2026-01-01T00:00:00Z"}
        commit = {"message": "Say x", "parents": [head], "author": by, "committer": by}
        made = self._made(f"{there}/commits", commit | {"tree": self._made(f"{there}/trees", tree)})
        self.http.patch(f"{there}/refs/heads/main", json={"sha": made}).raise_for_status()

    def _made(self, path: str, body: object) -> str:
        return str(self.http.post(path, json=body).raise_for_status().json()["sha"])


def _none(folder: Path) -> embedding.Embedded:
    raise AssertionError(f"{folder} has no forge")


_PEOPLE: dict[Path, People] = {}


def _demand_up_to_date(forge: embedding.Embedded, name: str) -> None:
    body = {
        "required_status_checks": {"strict": True, "contexts": ["test"]},
        "enforce_admins": False,
        "required_pull_request_reviews": None,
        "restrictions": None,
    }
    url = f"{forge.url}/repos/{ORG}/{name}/branches/main/protection"
    bearer = {"authorization": f"Bearer {forge.operator_token}"}
    httpx.put(url, json=body, headers=bearer).raise_for_status()


class TrueForge:
    """A rename in a library and its two dependents, from the issue to the closed issue."""

    names = tuple(REPOS)
    strict = False

    def prepare(self, folder: Path) -> None:
        shutil.copytree(
            template(self.names, strict=self.strict),
            folder,
            ignore=shutil.ignore_patterns("sources", "forge.pid", "forge.url"),
            dirs_exist_ok=True,
        )
        _PEOPLE[folder] = People(folder)

    def work(self, folder: Path, drive: Drive, probe: Probe, stop: threading.Event) -> None:
        forge = embedding.find(folder)
        assert forge
        home = home_at(folder, forge)
        vars(home)["_http"] = Probed(httpx.Client(timeout=30), probe)
        options = Options(
            lease=drive.lease,
            effects_at_once=drive.effects_at_once,
            probe=probe,
            shortest_look=timedelta(seconds=0.02),
        )
        queue = Queue(home.store.database, this_process())
        Durable(home.store, queue, partial(perform_safely, home.world), home.clock, options).run(stop)
        home.close()

    def person(self, folder: Path, *, eager: bool = False) -> None:
        people = _PEOPLE[folder]
        change = people.now()
        if change.state is State.WAITING_USER_APPROVAL or needs_merge_approval(change):
            scope = ApprovalScope.MERGE if needs_merge_approval(change) else ApprovalScope.CONTENT
            for _ in range(2 if eager else 1):
                orders.approve(
                    people.home.desk(interactive=True), change, pending_digests(change, scope), scope
                )
        elif change.state in {State.PR_OPEN, State.VERIFYING_CI}:
            for lane in change.shipping:
                if lane.forward.pull and lane.forward.head and lane.forward.head not in people.reported:
                    people.report(lane.repo.name, lane.forward.head)

    def finished(self, folder: Path) -> bool:
        change = _PEOPLE[folder].now()
        assert change.state not in {State.NEEDS_HUMAN, State.BLOCKED_POLICY}, (
            f"{change.state} {change.reason}"
        )
        return change.state is State.DONE and is_settled(change)

    def story(self, folder: Path) -> tuple[Line, ...]:
        people = _PEOPLE[folder]
        report = people.home.proof.verify()
        assert report.holds, report.breaks
        return tuple(_settled(line) for line in story_of(people.home.store, people.change))

    def writes(self, folder: Path) -> Counter[str]:
        people = _PEOPLE[folder]
        found: Counter[str] = Counter()
        for name in self.names:
            there = f"/repos/{ORG}/{name}"
            for branch in people.get(f"{there}/branches"):
                found[f"branch {name} {branch['name']}"] += 1
            for tag in people.get(f"{there}/tags"):
                found[f"tag {name} {tag['name']}"] += 1
            for pull in people.get(f"{there}/pulls?state=all"):
                found[f"pull {name} {pull['head']['ref']} {pull['state']} {bool(pull['merged_at'])}"] += 1
                for commit in people.get(f"{there}/pulls/{pull['number']}/commits"):
                    found[f"commit {name} {commit['commit']['tree']['sha']}"] += 1
            for commit in people.get(f"{there}/commits"):
                found[f"main {name} {commit['commit']['tree']['sha']}"] += 1
        issue = people.get(f"/repos/{ORG}/lib/issues/1")
        found[f"issue {issue['state']}"] += 1
        for comment in people.get(f"/repos/{ORG}/lib/issues/1/comments"):
            found[f"comment {comment['body'].splitlines()[0][:20]}"] += 1
        return found

    def end(self, folder: Path) -> None:
        """End the forge's process, however the run went."""
        people = _PEOPLE.pop(folder, None)
        if people:
            people.http.close()
            people.home.close()
            embedding.stop(people.forge)


class StrictForge(TrueForge):
    """A rename in one library, whose strict base moves before the merge: the branch follows it."""

    names = ("lib",)
    strict = True

    def person(self, folder: Path, *, eager: bool = False) -> None:
        people = _PEOPLE[folder]
        change = people.now()
        if not needs_merge_approval(change) or change.any_merged:
            super().person(folder, eager=eager)
            return
        (offered,) = (lane.forward.preview for lane in change.shipping)
        with people.moving:
            if people.offered is None:
                people.offered = offered
                people.move_base("lib")
        if offered != people.offered:
            super().person(folder, eager=eager)


def _settled(line: Line) -> Line:
    """Without what follows from times: ids of commits, which are dated, and of what is computed from them."""
    body = COMMIT.sub("<commit>", line.body)
    for pattern, instead in MOVING:
        body = pattern.sub(instead, body)
    if line.kind == "E_CI_PASSED" or '"scope":"merge"' in body:
        body = MERGE_DIGEST.sub(r'"\1":"<merge>"', body)
    key = re.sub(r"a-[0-9a-f]{16}", "<approval>", line.key)
    return replace(line, body=body, key=key)
