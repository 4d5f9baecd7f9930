"""Killed at every point of a push, a merge and their kind: all of it happened or nothing, and fsck finds nothing."""

import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from tests.forge.killing import ZERO, Deed, ask, killed_at, memory, push, pushed, restarted
from tests.forge.proposing import open_pull, propose
from tests.forge.robots import reporter
from tests.forge.world import World, copied, git

from localforge.app import App
from localforge.forge import Forge, StateInUseError
from localforge.integrity.claim import Claim
from localforge.integrity.findings import CODES
from localforge.integrity.fsck import examine
from localforge.integrity.recovery import mend

REPO = "/repos/acme/widget"


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory, template: World) -> tuple[Path, str, Path, str]:
    """A closed forge with a proposed branch, an issue and a hook; a token; a clone with one more commit, and its sha."""
    folder = tmp_path_factory.mktemp("crash")
    world = copied(template, folder / "state")
    propose(world, "topic", {"new.txt": "new\n"})
    open_pull(world, head="topic")
    olga = world.as_("olga")
    assert olga.post(f"{REPO}/issues", json={"title": "Broken"}).status_code == 201
    olga.patch(REPO, json={"delete_branch_on_merge": True})
    hook = {"config": {"url": "http://127.0.0.1:9/"}, "events": ["*"]}
    assert olga.post(f"{REPO}/hooks", json=hook).status_code == 201
    world.forge.bus.drain()
    source = folder / "source"
    git("clone", "-q", world.forge.git_path(world.widget.id), source, cwd=folder)
    git("checkout", "-q", "topic", cwd=source)
    (source / "more.txt").write_text("more\n")
    git("add", ".", cwd=source)
    git("commit", "-q", "-m", "More\n\nFixes #2", cwd=source)
    world.forge.close()
    return (
        world.forge.state,
        world.tokens["olga"],
        source,
        git("rev-parse", "HEAD", cwd=source).stdout.strip(),
    )


Prepared = tuple[Path, str, Path, str]


def deeds(prepared: Prepared) -> dict[str, Deed]:
    _, token, source, sha = prepared
    main, topic = (
        git("rev-parse", f"origin/{name}", cwd=source).stdout.strip() for name in ("main", "topic")
    )
    api: Callable[..., Deed] = partial(partial, ask, token=token)
    return {
        "push to a proposed branch": partial(push, request=pushed(source, "topic", topic, sha)),
        "push that merges": partial(push, request=pushed(source, "main", main, sha)),
        "push that deletes": partial(push, request=pushed(source, "topic", topic, ZERO)),
        "merge": api(method="PUT", path=f"{REPO}/pulls/1/merge", body={"commit_title": "Fixes #2"}),
        "squash": api(method="PUT", path=f"{REPO}/pulls/1/merge", body={"merge_method": "squash"}),
        "open": api(
            method="POST",
            path=f"{REPO}/pulls",
            body={"title": "Side", "head": "main", "base": "feature/side"},
        ),
        "rename": api(method="POST", path=f"{REPO}/branches/main/rename", body={"new_name": "trunk"}),
    }


def story(forge: Forge) -> tuple[tuple[str, ...], ...]:
    """Refs (test merges aside: they come when somebody looks), rows, events, and what hooks are told."""
    db = forge.store.db
    refs = forge.git(1).text("for-each-ref", "--format=%(refname) %(objectname)").splitlines()
    head = (forge.git_path(1) / "HEAD").read_text().strip()
    rows = db.column(
        str,
        "SELECT issue.number || ' ' || issue.state || ' ' || coalesce(pull.head_sha || coalesce(merge_commit_sha, ''), '')"
        " FROM issue LEFT JOIN pull ON pull.issue_id = issue.id ORDER BY issue.number",
    )
    events = db.column(str, "SELECT kind || ' ' || payload FROM event ORDER BY id")
    told = db.column(str, "SELECT event || ' ' || coalesce(action, '') FROM delivery ORDER BY id")
    return (
        (head, *(line for line in refs if not line.startswith("refs/pull/") or "/head " in line)),
        tuple(rows),
        tuple(events),
        tuple(told),
    )


def outcome(state: Path) -> tuple[tuple[str, ...], ...]:
    forge = restarted(state)
    try:
        report = examine(forge)
        assert report.clean, report.lines()
        return story(forge)
    finally:
        forge.close()


def check(prepared: Prepared, folder: Path, name: str, points: range | None = None, *, together: bool) -> int:
    """Kill the deed at these points, or at all; how many there were. Each time nothing of it is there, or a whole step."""
    deed = deeds(prepared)[name]

    def run(deadly: int) -> tuple[bool, Path]:
        state = folder / f"{name}-{deadly}"
        shutil.copytree(prepared[0], state)
        return killed_at(state, deed, deadly, together=together), state

    before, (died, state) = _untouched(prepared, folder), run(-1)
    assert not died
    after = outcome(state)
    assert after != before
    number = 0
    for number in points or range(1000):
        died, state = run(number)
        if not died:
            break
        found = outcome(state)
        # A merge that deletes its branch is two steps, so is a rename (a ref each): events tell how far it came.
        assert found[2] == after[2][: len(found[2])], f"point {number}: {found[2]}"
        assert found[3] == after[3][: len(found[3])], f"point {number}: {found[3]}"
        assert found in {before, after} or name in {"merge", "squash", "rename"}, f"point {number}"
        shutil.rmtree(state)
    return number


def _untouched(prepared: Prepared, folder: Path) -> tuple[tuple[str, ...], ...]:
    state = folder / "untouched"
    shutil.copytree(prepared[0], state, dirs_exist_ok=True)
    return outcome(state)


NAMES = (
    "push to a proposed branch",
    "push that merges",
    "push that deletes",
    "merge",
    "squash",
    "open",
    "rename",
)


@pytest.fixture
def folder() -> Iterator[Path]:
    with TemporaryDirectory(dir=memory()) as path:
        yield Path(path)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("together", [False, True], ids=["alone", "with its git processes"])
@pytest.mark.parametrize("name", NAMES)
def test_killed_at_every_point(prepared: Prepared, folder: Path, name: str, together: bool) -> None:
    assert check(prepared, folder, name, together=together) > 10


@pytest.mark.parametrize("name", ["push to a proposed branch", "merge"])
def test_killed_at_some_points(prepared: Prepared, folder: Path, name: str) -> None:
    """`make crash` and `make judges` take every one."""
    assert check(prepared, folder, name, range(4, 60, 11), together=True) > 10


def wreck(world: World, how: str) -> None:
    """Break one thing that fsck looks after."""
    forge, git_dir = world.forge, world.forge.git_path(world.widget.id)
    run = forge.git(world.widget.id).run
    statements = {
        "journal": "INSERT INTO ref_change SELECT 99, repo_id, 'refs/heads/x', before, after, actor_id, cause, 'intended',"
        " at FROM ref_change LIMIT 1",
        "event": "DELETE FROM event WHERE kind = 'Push'",
        "outbox": "UPDATE subscriber SET last_event = 10000",
        "delivery": "UPDATE delivery SET state = 'sending'",
        "count": "UPDATE repository SET open_issues = 7 WHERE id = 1",
        "database": "UPDATE issue SET milestone_id = 77",
        "archive": "INSERT INTO action_cache (repo_id, ref, key, version, ready, created_at, last_accessed_at)"
        " VALUES (1, 'refs/heads/main', 'k', 'v', 1, '', '')",
        "commit": f"UPDATE check_suite SET head_sha = '{'1' * 40}'",
    }
    match how:
        case "ref":
            run("update-ref", "refs/heads/y", "refs/heads/main")
        case "pull":
            run("update-ref", "-d", "refs/pull/1/head")
        case "repository":
            (git_dir / "HEAD").unlink()
        case "objects":
            next(path for path in (git_dir / "objects").rglob("*") if path.is_file()).unlink()
        case "lock":
            (git_dir / "refs/heads/topic.lock").touch()
        case "leftover":
            (forge.state / "git" / "99.git").mkdir()
        case _:
            with sqlite3.connect(forge.state / "forge.sqlite") as db:
                db.execute(statements[how])
            db.close()


@pytest.mark.parametrize("code", CODES)
def test_what_fsck_finds(prepared: Prepared, tmp_path: Path, template: World, code: str) -> None:
    """Each code, by breaking what it is about; a whole forge has none of them."""
    state = tmp_path / "state"
    shutil.copytree(prepared[0], state)
    broken = replace(template, forge=Forge(state))
    whole = replace(broken, app=App(broken.forge))
    olga = whole.as_("olga")
    body = {"name": "ci", "head_sha": olga.get(f"{REPO}/git/ref/heads/topic").json()["object"]["sha"]}
    assert (
        olga.post(f"{REPO}/git/refs", json={"ref": "refs/heads/y", "sha": body["head_sha"]}).status_code
        == 201
    )
    assert reporter(whole).post(f"{REPO}/check-runs", json=body).status_code == 201
    broken.forge.bus.drain()
    assert examine(broken.forge).findings == []
    wreck(broken, code)
    found = examine(broken.forge)
    assert code in {finding.code for finding in found.findings}
    assert found.clean == (code == "leftover")
    broken.forge.close()


@pytest.mark.slow
def test_who_only_looks_changes_nothing(prepared: Prepared, folder: Path) -> None:
    """After a kill fsck says what is open and leaves it; --repair does what the next start would do."""
    state = folder / "state"
    shutil.copytree(prepared[0], state)
    merge = deeds(prepared)["merge"]
    settling = _point_after(state, folder, merge, "ended update-ref")
    assert killed_at(state, merge, settling)
    looked = fsck(state, "--json")
    assert looked.returncode == 1
    assert [finding["code"] for finding in json.loads(looked.stdout)["findings"]] == ["journal"]
    assert fsck(state, "--json").stdout == looked.stdout
    mended = fsck(state, "--repair")
    assert (mended.returncode, mended.stdout) == (0, "2 repositories: clean\n")
    assert fsck(state).returncode == 0


def _point_after(state: Path, folder: Path, deed: Deed, name: str) -> int:
    """The number of the point that follows the first of this name."""
    trial = folder / "trial"
    shutil.copytree(state, trial)
    assert not killed_at(trial, deed, -1)
    lines = (trial / "points").read_text().splitlines()
    return 1 + next(int(line.split()[0]) for line in lines if line.endswith(name))


def fsck(state: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "localforge", "fsck", "--state", str(state), *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": "src", "PATH": "/usr/bin:/bin"},
    )


def test_fsck_of_what_is_no_forge_or_is_served(tmp_path: Path) -> None:
    missing = fsck(tmp_path / "nowhere")
    assert (missing.returncode, "there is no forge in" in missing.stderr) == (1, True)
    assert not (tmp_path / "nowhere").exists()
    forge = Forge(tmp_path / "state")
    forge.claim()
    assert "another process serves" in fsck(tmp_path / "state").stderr
    forge.close()


def test_a_start_waits_for_the_git_processes_of_a_killed_forge(tmp_path: Path) -> None:
    """They hold the leash that their forge had; while one lives, nobody settles what it may still be writing."""
    first = Claim(tmp_path)
    assert first.take(looking=False) is False
    orphan = subprocess.Popen(["sleep", "0.4"], pass_fds=first.inherited)
    for file in (first._lock, first._leash):  # as the kernel does for a killed process: closed, not cleared
        assert file
        file.close()
    second = Claim(tmp_path)
    assert second.take(looking=False) is True
    assert orphan.poll() is not None or orphan.wait(0.2) == 0
    with pytest.raises(StateInUseError):
        Claim(tmp_path).take(looking=False)
    second.release()
    third = Claim(tmp_path)
    assert third.take(looking=True) is False
    third.release()


def test_locks_of_dead_git_processes_go(world: World) -> None:
    """A ref whose lock was left behind moves again after the start; a locked ref of a living forge is left alone."""
    lock = world.forge.git_path(world.widget.id) / "refs/heads/main.lock"
    lock.touch()
    mend(world.forge, killed=False)
    assert lock.exists()
    mend(world.forge, killed=True)
    assert not lock.exists()
