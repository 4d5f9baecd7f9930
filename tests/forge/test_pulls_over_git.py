"""Pull requests and git's own client against a served forge: what is pushed is what they show."""

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import httpx
from tests.forge.proposing import PULLS, REPO, open_pull, propose
from tests.forge.world import World, build, git

from localforge.git import refnames
from localforge.git.directory import GitError
from localforge.pulls.testmerge import publish, tried
from localforge.store import pulls


def pushed(work: Path, name: str, message: str) -> str:
    (work / name).write_text(f"{name}\n")
    git("add", ".", cwd=work)
    git("commit", "-q", "-m", message, cwd=work)
    git("push", "-q", "origin", "HEAD", cwd=work)
    return git("rev-parse", "HEAD", cwd=work).stdout.strip()


def test_from_push_to_merge(tmp_path: Path, clone: Path, serve: Callable[[Path], str]) -> None:
    """A push moves the head and its refs, a merge is fetched back, a deleted branch closes."""
    world = build(tmp_path / "state", clone)
    world.forge.close()
    url = serve(tmp_path / "state")
    token = world.tokens["wim"]
    api = httpx.Client(base_url=url, headers={"authorization": f"token {token}"})
    work = tmp_path / "work"
    remote = url.replace("http://", f"http://x-access-token:{token}@") + "/acme/widget.git"
    git("clone", "-q", remote, work, cwd=tmp_path)
    git("checkout", "-q", "-b", "topic", cwd=work)
    pushed(work, "one.txt", "One")
    api.post(f"{REPO}/issues", json={"title": "one"})
    assert api.post(PULLS, json={"title": "Spin", "head": "topic", "base": "main"}).status_code == 201
    head = pushed(work, "two.txt", "Two\n\nCloses #1")
    pull = api.get(f"{PULLS}/2").json()
    assert (pull["head"]["sha"], pull["commits"], pull["mergeable_state"]) == (head, 2, "clean")
    git("fetch", "-q", "origin", "refs/pull/2/head:head", "refs/pull/2/merge:tested", cwd=work)
    assert git("rev-parse", "head", cwd=work).stdout.strip() == head
    assert git("rev-parse", "tested^2", cwd=work).stdout.strip() == head
    assert git("rev-parse", "tested", cwd=work).stdout.strip() == pull["merge_commit_sha"]
    refused = git("push", "-q", "origin", "HEAD:refs/pull/2/head", cwd=work, check=False)
    assert refused.returncode != 0
    merged = api.put(f"{PULLS}/2/merge", json={"sha": head, "merge_method": "squash"}).json()
    git("fetch", "-q", "origin", "main", cwd=work)
    assert git("rev-parse", "FETCH_HEAD", cwd=work).stdout.strip() == merged["sha"]
    assert git("diff", "--stat", "FETCH_HEAD", head, cwd=work).stdout == ""
    assert api.get(f"{REPO}/issues/1").json()["state"] == "closed"
    git("checkout", "-q", "-b", "other", "FETCH_HEAD", cwd=work)
    pushed(work, "three.txt", "Three")
    api.post(PULLS, json={"title": "Other", "head": "other", "base": "main"})
    git("push", "-q", "origin", ":other", cwd=work)
    closed = api.get(f"{PULLS}/3").json()
    assert (closed["state"], closed["merged"]) == ("closed", False)
    api.close()


def test_many_look_at_once(world: World) -> None:
    """Threads that find out at the same moment that the branches conflict all get to say so."""
    propose(world, "topic", {"topic.txt": "x\n"})
    open_pull(world, head="topic")
    git_dir = world.forge.git(world.widget.id)
    clean = tried(world.forge, pulls.by_id(world.forge.store.db, 1))
    assert clean is not None
    ready, failures = threading.Barrier(8), []

    def look() -> None:
        ready.wait()
        try:
            publish(git_dir, 1, replace(clean, merge_sha=None))
        except GitError as error:
            failures.append(error)

    threads = [threading.Thread(target=look) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert refnames.ref(git_dir, "refs/pull/1/merge") is None
