"""Snapshots: the whole forge kept and brought back, whatever runs meanwhile."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from tests.forge.proposing import commit, merge
from tests.forge.world import World, git

from localforge import seed
from localforge.app import App
from localforge.control.remote import find
from localforge.forge import Forge
from localforge.gate import Gate
from localforge.integrity import keeping, snapshots
from localforge.integrity.fsck import examine
from localforge.json_types import Json
from localforge.running import start

REPO = "/repos/acme/widget"
WORKFLOW = "on: push\njobs:\n  build:\n    runs-on: ubuntu-latest\n    steps: [{run: sleep 2; echo done}]\n"


def seen(world: World) -> dict[str, object]:
    """What a client sees of a forge."""
    olga = world.as_("olga")
    paths = ("/orgs/acme/repos", f"{REPO}/branches", f"{REPO}/issues?state=all", f"{REPO}/pulls?state=all")
    return {path: olga.get(path).json() for path in (*paths, f"{REPO}/git/trees/main", "/user/orgs")}


def change_everything(world: World) -> str:
    """Issues, commits, a merge, a branch less, a repository more and one less. Gives a commit that was not there before."""
    olga = world.as_("olga")
    assert merge(world).status_code == 200
    assert olga.post(f"{REPO}/issues", json={"title": "New"}).status_code == 201
    assert olga.delete(f"{REPO}/git/refs/heads/feature/side").status_code == 204
    assert olga.post("/orgs/acme/repos", json={"name": "fresh", "auto_init": True}).status_code == 201
    assert olga.delete("/repos/acme/secret").status_code == 204
    assert olga.patch(REPO, json={"description": "Changed"}).status_code == 200
    return commit(world, "main", "more.txt")


def test_back_to_what_was_kept(proposed: World) -> None:
    """Answers, numbers and objects are as they were; and again, from a state in which nothing of it is left."""
    world, state = proposed, proposed.forge
    snapshots.take(state, "before")
    before = seen(world)
    for _ in range(2):
        fresh = change_everything(world)
        assert seen(world) != before
        snapshots.restore(state, "before")
        assert seen(world) == before
        assert world.as_("olga").get(f"{REPO}/git/commits/{fresh}").status_code == 404
        assert examine(state).findings == []
    assert world.as_("olga").post(f"{REPO}/issues", json={"title": "Next"}).json()["number"] == 2
    assert not (state.state / "git.old").exists()


def test_several(proposed: World) -> None:
    """Each its own; what is the same is kept once; forgotten ones take their copies along."""
    state, kept = proposed.forge, proposed.forge.state / "snapshots" / ".kept"
    snapshots.take(state, "one")
    copies = {path.name for path in kept.iterdir()}
    snapshots.take(state, "same")
    assert {path.name for path in kept.iterdir()} == copies
    commit(proposed, "main", "two.txt")
    snapshots.take(state, "two")
    assert len({path.name for path in kept.iterdir()} - copies) == 1
    two = seen(proposed)
    for name in ("one", "two", "same", "two"):
        snapshots.restore(state, name)
    assert seen(proposed) == two
    snapshots.remove(state, "one")
    snapshots.remove(state, "same")
    snapshots.restore(state, "two")
    assert seen(proposed) == two
    snapshots.remove(state, "two")
    assert (snapshots.names(state), [path.name for path in kept.iterdir()]) == ([], ["present.json"])


def test_artifacts_and_caches(world: World) -> None:
    """Their bytes come back with their rows; what came later goes, and what was not whole begins anew."""
    forge, folder = world.forge, world.forge.state / "archives"

    def cache(key: str, *, ready: bool) -> None:
        with forge.store.write() as tx:
            columns: dict[str, Json] = {
                "key": key,
                "version": "v",
                "ready": ready,
                "created_at": "",
                "last_accessed_at": "",
            }
            number = tx.insert("action_cache", repo_id=world.widget.id, ref="refs/heads/main", **columns)
        folder.mkdir(exist_ok=True)
        (folder / f"cache-{number}").write_text(key)

    cache("whole", ready=True)
    cache("half", ready=False)
    snapshots.take(forge, "before")
    cache("later", ready=True)
    (folder / "cache-1").unlink()
    assert not examine(forge).clean
    snapshots.restore(forge, "before")
    assert {path.name: path.read_text() for path in folder.iterdir()} == {"cache-1": "whole"}
    assert examine(forge).clean


def test_refusals(world: World) -> None:
    snapshots.take(world.forge, "a")
    for deed, name, words in (
        (snapshots.take, "a", "there is a snapshot a already"),
        (snapshots.restore, "b", "there is no snapshot b"),
        (snapshots.remove, "b", "there is no snapshot b"),
        (snapshots.restore, "../a", "a snapshot's name"),
        (snapshots.take, ".kept", "a snapshot's name"),
    ):
        with pytest.raises(ValueError, match=words):
            deed(world.forge, name)
    assert snapshots.names(world.forge) == ["a"]


@pytest.mark.parametrize("last", ["replace_from", "copies"])
def test_a_restore_that_was_killed_is_finished_at_the_start(
    proposed: World, monkeypatch: pytest.MonkeyPatch, last: str
) -> None:
    """Wherever it died: the next start has what was kept, never half of it."""
    snapshots.take(proposed.forge, "before")
    before = seen(proposed)
    change_everything(proposed)

    def die(*_arguments: object, **_options: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        if last == "copies":
            patched.setattr(keeping, "link_tree", die)
        else:
            patched.setattr(proposed.forge.store, "replace_from", die)
        with pytest.raises(KeyboardInterrupt):
            snapshots.restore(proposed.forge, "before")
    proposed.forge.close()
    again = Forge(proposed.forge.state, proposed.forge.settings)
    app = App(again)
    start(again)
    assert seen(replace(proposed, forge=again, app=app)) == before
    report = examine(again)
    assert report.findings == [], report.lines()
    again.close()


def test_fast_enough_for_tests(proposed: World) -> None:
    """In processor time, which other processes of this machine do not disturb."""
    snapshots.take(proposed.forge, "before")
    change_everything(proposed)
    began = time.process_time()
    snapshots.take(proposed.forge, "after")
    snapshots.restore(proposed.forge, "before")
    assert time.process_time() - began < 1


def test_the_gate_lets_nobody_in_between() -> None:
    """Who is alone has waited for those inside, and those who come wait for him."""
    gate, inside, log = Gate(), threading.Event(), []

    def request() -> None:
        with gate.passing():
            inside.set()
            time.sleep(0.05)
            log.append("first")

    def late() -> None:
        with gate.passing():
            log.append("late")

    first = threading.Thread(target=request)
    first.start()
    inside.wait()
    with gate.alone():
        second = threading.Thread(target=late)
        second.start()
        time.sleep(0.05)
        log.append("alone")
    for thread in (first, second):
        thread.join()
    assert log == ["first", "alone", "late"]


def command(state: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "localforge", arguments[0], "--state", str(state), *arguments[1:]],
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": "src", "PATH": "/usr/bin:/bin"},
    )


@contextmanager
def busy(url: str, headers: dict[str, str], clone: Path) -> Iterator[None]:
    """One client opens issues, another pushes, all the time."""
    stopping = threading.Event()

    def write() -> None:
        with httpx.Client(base_url=url, headers=headers, timeout=60) as http:
            while not stopping.wait(0.02):
                assert http.post(f"{REPO}/issues", json={"title": "More"}).status_code in {201, 403}

    def push() -> None:
        while not stopping.is_set():
            git("commit", "-q", "--allow-empty", "-m", "More", cwd=clone)
            # Refused where what was advertised to it is gone with a restore in between: git then asks anew.
            git("push", "-q", "--force", "origin", "main", cwd=clone, check=False)

    writers = [threading.Thread(target=write), threading.Thread(target=push)]
    for writer in writers:
        writer.start()
    try:
        yield
    finally:
        stopping.set()
        for writer in writers:
            writer.join()


@pytest.mark.slow
def test_under_running_jobs_and_pushes(world: World, tmp_path: Path, serve: Callable[..., str]) -> None:
    """Taken and restored while clients write, git pushes and a job runs: nothing is torn, and the job begins anew."""
    token = seed.create_token(world.forge, world.people["olga"], "repo", "workflow")
    world.forge.close()
    url = serve(world.forge.state, "--faults", "--jobs", "1", "--unsafe-no-sandbox")
    headers = {"authorization": f"token {token}"}
    clone = tmp_path / "work"
    git("clone", "-q", url.replace("://", f"://olga:{token}@") + "/acme/widget", clone, cwd=tmp_path)
    (clone / ".github" / "workflows").mkdir(parents=True)
    (clone / ".github" / "workflows" / "ci.yml").write_text(WORKFLOW)
    git("add", ".", cwd=clone)
    git("commit", "-q", "-m", "CI", cwd=clone)
    git("push", "-q", "origin", "main", cwd=clone)
    with busy(url, headers, clone):
        for name in ("one", "two"):
            taken = command(world.forge.state, "snapshot", "take", name)
            assert taken.returncode == 0, taken.stderr
        for name in ("one", "two", "one"):
            restored = command(world.forge.state, "snapshot", "restore", name)
            assert (restored.returncode, restored.stdout) == (0, "one\ntwo\n"), restored.stderr
    assert git("push", "--force", "origin", "main", cwd=clone).returncode == 0
    door = find(world.forge.state)
    assert door
    report = door.ask("GET", "fsck")
    assert isinstance(report, dict)
    assert report["findings"] == [], json.dumps(report)
    deadline = time.monotonic() + 60
    while True:
        runs = httpx.get(f"{url}{REPO}/actions/runs", headers=headers).json()["workflow_runs"]
        if runs and all(run["status"] == "completed" for run in runs[-1:]):
            break
        assert time.monotonic() < deadline, runs
        time.sleep(0.1)
    assert runs[-1]["conclusion"] == "success"
