"""What happened survives export and seeding: every read answers the same afterwards, but for ids."""

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.forge.actions.flows import end, put_workflow, runs, take
from tests.forge.proposing import PULLS, REPO, commit, merge, propose, report, sha_of
from tests.forge.robots import reporter
from tests.forge.test_code_scanning import result, sarif, upload
from tests.forge.test_release_assets import BYTES, release, send
from tests.forge.world import World, copied

from localforge import seed
from localforge.access import Role
from localforge.actions.archives import path as archive_path
from localforge.actions.legs import Conclusion
from localforge.app import App
from localforge.forge import Forge
from localforge.integrity.fsck import examine
from localforge.mounted import MountedForge
from localforge.seeding.export import export
from localforge.seeding.history import replay
from localforge.seeding.planting import plant
from localforge.seeding.reading import DescriptionError, read
from localforge.store import actions, archives

KEY = "AKIA" + "Y" * 16
MORE = f"""
repositories:
  - name: acme/alerts
    files: {{config.txt: "key = {KEY}\\n", requirements.txt: "old==1\\n"}}
    dependabot_alerts:
      - {{package: old, ecosystem: pip, manifest: requirements.txt, ghsa: GHSA-aaaa-bbbb-cccc, summary: Bad, vulnerable: "< 2"}}
      - {{package: left, ecosystem: npm, manifest: p.json, ghsa: GHSA-dddd-eeee-ffff, summary: Worse, vulnerable: "*"}}
    secret_alerts:
      - {{type: aws_access_key_id, secret: {KEY}, path: config.txt}}
      - {{type: npm_token, secret: abc, path: config.txt}}
"""
WORKFLOW = """\
on: push
jobs:
  build: {runs-on: x, steps: [{run: 'true'}]}
  call: {needs: build, uses: acme/widget/.github/workflows/leaf.yml@main}
"""
LEAF = "on: workflow_call\njobs: {leaf: {runs-on: x, steps: [{run: 'true'}]}}\n"
ALERTS = "/repos/acme/alerts"
DIGITS = re.compile(r"\d+")


def live(world: World, folder: Path) -> None:
    """Everything that a history has, at least once."""
    olga, mia = world.as_("olga"), world.as_("mia")
    seed.add_collaborator(world.forge, world.widget, world.people["mia"], role=Role.WRITE)
    _talk(world, olga)
    propose(world, "topic", {"src/widget.py": "def spin():\n    return 3\n"})
    propose(world, "other", {"other.txt": "new\n"})
    for head in ("topic", "other"):
        olga.post(PULLS, json={"title": head, "head": head, "base": "main"})
    _review(world, olga, mia)
    _report(world)
    assert merge(world, 4, login="mia").status_code == 200
    assert olga.get(f"{PULLS}/3").json()["mergeable"], "tried, as seeding does"
    assert upload(world, sarif(result(), result(rule=1))).status_code == 202
    olga.patch(f"{REPO}/code-scanning/alerts/1", json={"assignees": ["mia"]})
    olga.patch(f"{REPO}/code-scanning/alerts/2", json={"state": "dismissed", "dismissed_reason": "won't fix"})
    where = release(world, "v9", target_commitish="main", name="Nine", body="Notes")
    assert send(world, where, login="wim").status_code == 201
    olga.post(f"{REPO}/releases", json={"tag_name": "v10", "draft": True})
    (folder / "more.yml").write_text(MORE)
    plant(world.forge, read(folder / "more.yml"))
    dismissal = {"state": "dismissed", "dismissed_reason": "tolerable_risk", "dismissed_comment": "Fine"}
    assert olga.patch(f"{ALERTS}/dependabot/alerts/2", json=dismissal).status_code == 200
    resolution = {"state": "resolved", "resolution": "revoked"}
    assert olga.patch(f"{ALERTS}/secret-scanning/alerts/1", json=resolution).status_code == 200


def _talk(world: World, olga: httpx.Client) -> None:
    issues = f"{REPO}/issues"
    for title in ("One", "Two", "Three"):
        olga.post(f"{REPO}/milestones", json={"title": title})
    olga.delete(f"{REPO}/milestones/1")
    olga.post(issues, json={"title": "Broken", "labels": ["bug"], "milestone": 3})
    world.as_("otto").post(issues, json={"title": "Also"})
    for number in (1, 2, 3):
        olga.post(f"{issues}/1/comments", json={"body": f"Comment {number}"})
    second = olga.get(f"{issues}/1/comments").json()[1]["id"]
    assert olga.delete(f"{issues}/comments/{second}").status_code == 204
    third = olga.get(f"{issues}/1/comments").json()[1]["id"]
    world.as_("mia").post(f"{issues}/comments/{third}/reactions", json={"content": "heart"})
    olga.post(f"{issues}/1/reactions", json={"content": "rocket"})
    olga.post(f"{issues}/1/assignees", json={"assignees": ["mia"]})
    olga.patch(f"{issues}/1", json={"title": "Broken wheel"})
    olga.put(f"{issues}/1/lock", json={"lock_reason": "resolved"})
    world.as_("wim").patch(f"{issues}/2", json={"state": "closed", "state_reason": "not_planned"})


def _review(world: World, olga: httpx.Client, mia: httpx.Client) -> None:
    three = f"{PULLS}/3"
    olga.post(f"{three}/requested_reviewers", json={"reviewers": ["wim"]})
    remark = {"path": "src/widget.py", "position": 3, "body": "Why 3?"}
    given = mia.post(f"{three}/reviews", json={"event": "COMMENT", "body": "Hm", "comments": [remark]}).json()
    first = olga.get(f"{three}/reviews/{given['id']}/comments").json()[0]
    olga.post(f"{three}/comments/{first['id']}/replies", json={"body": "Because"})
    approved = mia.post(f"{three}/reviews", json={"event": "APPROVE"}).json()
    olga.put(f"{three}/reviews/{approved['id']}/dismissals", json={"message": "Not yet"})
    commit(world, "topic", "more.txt")


def _report(world: World) -> None:
    head = sha_of(world, "topic")
    for outcome in ("pending", "success"):
        report(world, "ci/old", outcome)
    note = {"path": "a", "start_line": 1, "end_line": 2, "annotation_level": "warning", "message": "Careful"}
    output = {"title": "Lint", "summary": "Some", "annotations": [note]}
    check = {"name": "lint", "head_sha": head, "conclusion": "failure", "output": output}
    assert reporter(world).post(f"{REPO}/check-runs", json=check).status_code == 201
    put_workflow(world.as_("olga"), LEAF, name="leaf.yml")
    put_workflow(world.as_("olga"), WORKFLOW)
    run = runs(world)[0]
    while job := take(world, secret=f"t{run['id']}"):
        with world.forge.store.write() as tx:
            actions.start_step(tx, job.id, 1, "Run true", world.forge.clock())
            tx.insert("job_log", job_id=job.id, step=1, text="2026-01-01T00:00:00.0000000Z it ran\n")
        end(world, job, Conclusion.FAILURE if job.key == "leaf" else Conclusion.SUCCESS)
    assert world.as_("olga").post(f"{REPO}/actions/runs/{run['id']}/rerun-failed-jobs").status_code == 201
    while job := take(world, secret=f"u{run['id']}"):
        end(world, job)
    with world.forge.store.write() as tx:
        at = world.forge.clock()
        number = tx.insert(
            "artifact",
            repo_id=world.widget.id,
            run_id=run["id"],
            attempt=1,
            name="out",
            size=3,
            ready=True,
            created_at=at,
            updated_at=at,
            expires_at="2999-01-01T00:00:00Z",
        )
        row = archives.artifact(tx, number)
    assert row is not None
    archive_path(world.forge, row).parent.mkdir(exist_ok=True)
    archive_path(world.forge, row).write_bytes(b"zip")


def addresses(client: httpx.Client, sha: str) -> Iterator[str]:
    """What is read of each forge; ids are taken from lists."""
    for repo in (REPO, ALERTS):
        yield from (f"{repo}{path}" for path in ("", "/branches", "/labels", "/dependabot/alerts"))
        yield from (
            f"{repo}/secret-scanning/alerts",
            f"{repo}/issues?state=all",
            f"{repo}/milestones?state=all",
        )
    for number in (1, 2, 3, 4):
        issue = f"{REPO}/issues/{number}"
        yield from (f"{issue}{path}" for path in ("", "/comments", "/events", "/timeline", "/reactions"))
    yield from (f"{REPO}/issues/comments", f"{REPO}/pulls?state=all")
    for number in (3, 4):
        parts = ("", "/reviews", "/comments", "/requested_reviewers", "/commits", "/files")
        yield from (f"{PULLS}/{number}{path}" for path in parts)
    for ref in (sha, "main", "topic"):
        said = ("statuses", "status", "check-runs", "check-runs?filter=all", "check-suites")
        yield from (f"{REPO}/commits/{ref}/{part}" for part in said)
    for check in client.get(f"{REPO}/commits/topic/check-runs").json()["check_runs"]:
        yield f"{REPO}/check-runs/{check['id']}"
        yield f"{REPO}/check-runs/{check['id']}/annotations"
    yield from (f"{REPO}/actions/workflows", f"{REPO}/actions/runs", f"{REPO}/actions/artifacts")
    for run in client.get(f"{REPO}/actions/runs").json()["workflow_runs"]:
        where = f"{REPO}/actions/runs/{run['id']}"
        yield from (where, f"{where}/jobs?filter=all", f"{where}/attempts/1", f"{where}/artifacts")
        for job in client.get(f"{where}/jobs?filter=all").json()["jobs"]:
            yield f"{REPO}/actions/jobs/{job['id']}/logs"
    yield from (f"{REPO}/code-scanning/alerts", f"{REPO}/code-scanning/alerts/2")
    yield from (f"{REPO}/releases", f"{REPO}/releases/latest", f"{REPO}/releases/tags/v9")


def told(value: Any, name: str = "") -> Any:
    """An answer without ids: numbers called so, and those in addresses."""
    match value:
        case dict():
            return {key: told(item, key) for key, item in value.items() if not key.endswith("node_id")}
        case list():
            return [told(item, name) for item in value]
        case int() if name == "id" or name.endswith("_id"):
            return "id"
        case str() if value.startswith(("http", "/")):
            return DIGITS.sub("0", value)
        case _:
            return value


def flat(value: Any, at: str = "") -> Iterator[tuple[str, str]]:
    """Every leaf of an answer with its place."""
    match value:
        case dict() | list() if value:
            for key, item in value.items() if isinstance(value, dict) else enumerate(value):
                yield from flat(item, f"{at}.{key}")
        case _:
            yield at, repr(value)


def answers(client: httpx.Client, sha: str) -> list[tuple[str, int, Any]]:
    found = []
    for path in addresses(client, sha):
        answer = client.get(path, follow_redirects=True)
        content = (
            told(answer.json())
            if answer.headers["content-type"].startswith("application/json")
            else answer.text
        )
        found.append((DIGITS.sub("0", path), answer.status_code, content))
    return found


def reader(forge: Forge) -> httpx.Client:
    token = seed.create_token(forge, seed.account(forge, "olga"), "repo")
    headers = {"authorization": f"token {token}"}
    return httpx.Client(transport=MountedForge(App(forge)), base_url="http://forge.test", headers=headers)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """A lived-in forge, and the folder that it was exported to."""

    world: World
    folder: Path


@pytest.fixture(scope="module")
def exported(template: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exported]:
    folder = tmp_path_factory.mktemp("exported")
    world = copied(template, folder / "state")
    live(world, folder)
    export(world.forge, folder / "out")
    yield Exported(world=world, folder=folder / "out")
    world.forge.close()


@pytest.mark.slow
def test_every_read_answers_the_same(exported: Exported, tmp_path: Path) -> None:
    """Beside other repositories, so that no id is what it was; exported again it is the same, and its run can be repeated."""
    world, folder = exported.world, exported.folder
    again = Forge(tmp_path / "again", world.forge.settings)
    (tmp_path / "before.yml").write_text(
        "users: [{login: zoe}]\nrepositories: [{name: zoe/x, files: {a: b}, issues: [{title: T, repeat: 9}]}]\n"
    )
    plant(again, read(tmp_path / "before.yml"))
    plant(again, read(folder))
    report = examine(again)
    assert report.findings == [], report.lines()
    sha = sha_of(world, "main")
    before, after = answers(reader(world.forge), sha), answers(reader(again), sha)
    assert [(path, status) for path, status, _ in after] == [(path, status) for path, status, _ in before]
    differences = {
        one[0]: different
        for one, other in zip(before, after, strict=True)
        if (different := dict(flat(one[2])).items() ^ dict(flat(other[2])).items())
    }
    assert differences == {}
    assert [path for path, status, _ in before if status != 200] == []
    client = reader(again)
    asset = client.get(f"{REPO}/releases/tags/v9").json()["assets"][0]
    octets = {"accept": "application/octet-stream"}
    assert client.get(asset["url"], headers=octets, follow_redirects=True).content == BYTES
    run = client.get(f"{REPO}/actions/runs").json()["workflow_runs"][0]
    (called,) = actions.existing_run(again.store.db, run["id"]).called.values()
    assert isinstance(called, dict)
    assert called["origin"] == f"{client.get(REPO).json()['id']}:{run['head_sha']}", (
        "its files are this forge's"
    )
    assert client.post(f"{REPO}/actions/runs/{run['id']}/rerun").status_code == 201
    again.close()
    assert KEY in (folder / "history.jsonl").read_text(), "a secret that was found is a part of its alert"
    assert "ghp_" not in (folder / "history.jsonl").read_text()


@pytest.mark.slow
def test_a_file_that_is_not_the_one_that_was_exported(exported: Exported, tmp_path: Path) -> None:
    """Refused, and nothing is there afterwards."""
    folder = tmp_path / "out"
    shutil.copytree(exported.folder, folder)
    (asset,) = (folder / "files").glob("asset-*")
    asset.write_bytes(b"x" * len(BYTES))
    again = Forge(tmp_path / "again")
    with pytest.raises(DescriptionError, match="is not the file that was exported"):
        plant(again, read(folder))
    assert not list((again.state / "archives").glob("*"))
    assert again.store.db.count("SELECT count(*) FROM account") == 0
    assert list((again.state / "git").glob("*")) == []
    again.close()


CHANGED: list[tuple[object, str]] = [
    ("x", "Expecting value"),
    ("[]", "a line is an object"),
    ("[" * 100_000, "recursion"),
    ({}, "a history has no table None"),
    ({"table": "token", "digest": "x"}, "a history has no table token"),
    ({"table": ["review"]}, "a history has no table ['review']"),
    ({"table": "review", "x; DROP": 1}, "review has no column x; DROP"),
    ({"table": "review", "id": 1, "repo_id": "acme/widget"}, "NOT NULL constraint failed: review."),
    ({"table": "review", "id": 1, "repo_id": "acme"}, "there is no repository acme"),
    ({"table": "review", "author_id": "nobody"}, "there is no account nobody"),
    ({"table": "review_comment", "in_reply_to_id": 7}, "there is no review_comment 7"),
    ({"table": "issue", "repo_id": "acme/widget", "number": 99}, "the description has no such issue"),
    ({"table": "issue", "number": 1}, "issue lacks or has a wrong 'repo_id'"),
    ({"table": "reaction", "subject": "x", "subject_id": 1}, "reaction lacks or has a wrong 'x'"),
    ({"table": "check_suite", "repo_id": "acme/widget", "id": 1 << 80, "before": 1 << 80}, "too large"),
    ({"table": "release_asset", "id": "../x"}, "release_asset has no columns"),
]


def test_a_history_that_was_changed_by_hand(world: World, tmp_path: Path) -> None:
    """Refused with its line and what is wrong; of the lines before it nothing is left. A file that is not there, too."""
    good = {"table": "check_suite", "id": 1, "repo_id": "acme/widget", "app": "x", "head_sha": "0" * 40}
    first = json.dumps({**good, "created_at": "2026", "updated_at": "2026"})
    path = tmp_path / "history.jsonl"
    for line, words in CHANGED:
        path.write_text(f"{first}\n{line if isinstance(line, str) else json.dumps(line)}\n")
        with (
            pytest.raises(DescriptionError, match=re.escape(words)) as refused,
            world.forge.store.write() as tx,
        ):
            replay(world.forge, tx, path, [])
        assert f"{path}:2: " in str(refused.value)
        assert world.forge.store.db.count("SELECT count(*) FROM check_suite") == 0
    path.unlink()
    with pytest.raises(DescriptionError, match="No such file"), world.forge.store.write() as tx:
        replay(world.forge, tx, path, [])
