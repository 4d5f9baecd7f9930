"""Artifacts and caches: packed and unpacked by real jobs, listed, downloaded and deleted over REST."""

import io
import zipfile

import httpx
import pytest
from tests.forge.actions.flows import WIDGET, make_branch, put, put_workflow, runs, take
from tests.forge.actions.serving import Served, finished, logs
from tests.forge.actions.test_variables import VALUE, set_secret
from tests.forge.world import World

from localforge.actions import archives
from localforge.credentials import digest
from localforge.store.archives import Cache

SECRET = "ghs_" + "a" * 36
ARTIFACTS = f"{WIDGET}/actions/artifacts"
CACHES = f"{WIDGET}/actions/caches"

JOBS = """\
on: [push, workflow_dispatch]
jobs:
  make:
    runs-on: ubuntu-latest
    steps:
      - run: |
          mkdir -p out/deep out/.git && echo one > out/a.txt && echo two > out/deep/b.txt && echo no > out/c.log
          echo hidden > out/.git/x && head -c 9000000 /dev/urandom > large
      - uses: actions/upload-artifact@v4
        id: up
        with: {name: built, path: "out/**\\n!out/*.log", retention-days: 5}
      - {run: 'test -n "${{ steps.up.outputs.artifact-id }}"'}
      - {uses: actions/upload-artifact@v4, with: {name: large, path: large}}
      - {uses: actions/upload-artifact@v4, with: {name: none, path: missing}}
      - {name: twice, continue-on-error: true, uses: actions/upload-artifact@v4, with: {name: built, path: out}}
      - {uses: actions/cache@v4, id: c, with: {path: "~/.store\\nkept", key: k-1, restore-keys: k-}}
      - run: |
          echo "hit=${{ steps.c.outputs.cache-hit }}" && cat kept 2>/dev/null || true
          mkdir -p ~/.store && echo stored > ~/.store/file && echo kept-here > kept
  use:
    needs: make
    runs-on: ubuntu-latest
    steps:
      - {uses: actions/download-artifact@v4, with: {name: built, path: got}}
      - {run: 'cat got/a.txt got/deep/b.txt && ! ls got/c.log && ! ls got/.git'}
      - {uses: actions/download-artifact@v4, with: {path: all}}
      - {run: 'test $(stat -c %s all/large/large) = 9000000 && ls all'}
      - {name: other run, continue-on-error: true, uses: actions/download-artifact@v4, with: {run-id: 7}}
      - {name: absent, continue-on-error: true, uses: actions/download-artifact@v4, with: {name: nope}}
      - {uses: actions/cache@v4, id: c, with: {path: "~/.store\\nkept", key: "m-${{ github.run_id }}", restore-keys: k-}}
      - {run: 'test "${{ steps.c.outputs.cache-hit }}" = false && cat ~/.store/file kept'}
      - {uses: actions/cache/restore@v4, id: other, with: {path: elsewhere, key: k-1}}
      - {run: 'test -z "${{ steps.other.outputs.cache-hit }}"'}
      - {run: 'echo "$TOKEN"; printf %s "$TOKEN" | base64', env: {TOKEN: '${{ secrets.token }}'}}
      - {run: 'echo "level ${{ vars.level }}"'}
"""


@pytest.mark.slow
def test_jobs_pass_files_on(served: Served) -> None:
    """Artifacts between jobs of a run, caches between runs; secrets and variables reach a job, secrets not its log."""
    olga = served.olga
    set_secret(olga, "TOKEN")
    olga.post(f"{WIDGET}/actions/variables", json={"name": "LEVEL", "value": "seven"})
    put_workflow(olga, JOBS)
    run = finished(olga)
    text = logs(olga, run)
    assert run["conclusion"] == "success", text
    said = {line.partition("Z ")[2] for line in text.splitlines()}
    assert {"one", "two", "hit=", "stored", "kept-here", "level seven", "***"} <= said
    assert VALUE not in text
    assert "an artifact with this name already exists on the workflow run" in text
    assert "Artifact not found for name: nope" in text
    assert "run-id is unsupported on the local runner" in text
    assert "No files were found with the provided path: missing." in text
    assert "Cache saved with key: k-1" in text
    assert "Cache restored from key: k-1" in text
    listed = olga.get(f"{WIDGET}/actions/runs/{run['id']}/artifacts").json()
    assert [row["name"] for row in listed["artifacts"]] == ["large", "built"]
    moved = olga.get(listed["artifacts"][1]["archive_download_url"])
    assert moved.status_code == 302
    with httpx.Client() as stranger:
        archive = zipfile.ZipFile(io.BytesIO(stranger.get(moved.headers["location"]).content))
    assert sorted(archive.namelist()) == ["a.txt", "deep/b.txt"]
    olga.post(f"{WIDGET}/actions/workflows/ci.yml/dispatches", json={"ref": "main"})
    again = finished(olga, event="workflow_dispatch")
    assert again["conclusion"] == "success", logs(olga, again)
    assert "Cache hit occurred on the primary key k-1, not saving cache." in logs(olga, again)
    assert olga.get(f"{WIDGET}/actions/cache/usage").json()["active_caches_count"] == 3


def job(world: World) -> httpx.Client:
    """A client with the token of a job that runs on `main`."""
    assert take(world, digest(SECRET)) is not None
    return world.client(SECRET)


def begin(client: httpx.Client, name: str = "built", **more: object) -> httpx.Response:
    return client.post("/_job/artifacts", json={"name": name, **more})


def upload(client: httpx.Client, kind: str, number: int, data: bytes = b"zip") -> httpx.Response:
    assert client.put(f"/_job/{kind}/{number}/0", content=data).status_code == 204
    return client.post(f"/_job/{kind}/{number}/ready")


def save(client: httpx.Client, key: str, data: bytes = b"tar") -> int:
    number: int = client.post("/_job/caches", json={"key": key, "version": "v"}).json()["id"]
    assert upload(client, "caches", number, data).status_code == 200
    return number


def test_artifacts_over_rest(world: World) -> None:
    olga = world.as_("olga")
    put_workflow(olga)
    (run,) = runs(world)
    inside = job(world)
    number = begin(inside, days=2).json()["id"]
    assert olga.get(f"{ARTIFACTS}/{number}").status_code == 404
    assert inside.put(f"/_job/artifacts/{number}/5", content=b"x").status_code == 409
    done = upload(inside, "artifacts", number)
    assert inside.put(f"/_job/artifacts/{number}/3", content=b"x").status_code == 409
    shown = olga.get(f"{ARTIFACTS}/{number}").json()
    assert (shown["size_in_bytes"], shown["digest"], shown["expired"]) == (3, done.json()["digest"], False)
    assert shown["workflow_run"]["id"] == run["id"]
    assert begin(inside).status_code == 409
    assert begin(inside, "../evil").status_code == 422
    newer = begin(inside, overwrite=True).json()["id"]
    assert olga.get(f"{ARTIFACTS}/{number}").status_code == 404
    upload(inside, "artifacts", newer)
    assert olga.get(ARTIFACTS, params={"name": "other"}).json()["total_count"] == 0
    assert olga.get(ARTIFACTS, params={"name": "built"}).json()["artifacts"][0]["id"] == newer
    address = f"{ARTIFACTS}/{newer}"
    assert olga.get(f"{address}/tar").status_code == 404
    moved = olga.get(f"{address}/zip").headers["location"]
    assert world.client().get(moved).content == b"zip"
    assert world.client().get(moved.replace(f"/{newer}.zip", "/1.zip")).status_code == 404
    assert world.client().get(f"{address}/zip").status_code == 401
    with world.forge.store.write() as tx:
        tx.update("artifact", newer, expires_at="2020-01-01T00:00:00Z")
    assert olga.get(f"{address}/zip").status_code == 410
    assert world.as_("otto").delete(address).status_code == 403
    assert olga.delete(address).status_code == 204
    assert olga.delete(address).status_code == 404
    assert not list((world.forge.state / "archives").iterdir())


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/_job/artifacts"),
        ("GET", "/_job/artifacts"),
        ("PUT", "/_job/artifacts/1/0"),
        ("POST", "/_job/artifacts/1/ready"),
        ("GET", "/_job/artifacts/1/0"),
        ("POST", "/_job/caches"),
        ("POST", "/_job/caches/find"),
    ],
)
def test_only_jobs_reach_the_jobs_addresses(world: World, method: str, path: str) -> None:
    for client in (world.client(), world.as_("olga")):
        assert client.request(method, path, json={}).status_code == 401
    put_workflow(world.as_("olga"))
    runs(world)
    assert job(world).request(method, path.replace("1", "99"), json={}).status_code in {200, 404, 422}


def test_caches_over_rest(world: World) -> None:
    olga = world.as_("olga")
    put_workflow(olga)
    make_branch(olga, "topic")
    runs(world)
    inside = job(world)
    first, second = save(inside, "py-1", b"12"), save(inside, "py-2", b"1")
    assert inside.post("/_job/caches", json={"key": "py-1", "version": "v"}).status_code == 409
    assert inside.post("/_job/caches", json={"key": "a,b", "version": "v"}).status_code == 422
    listed = olga.get(CACHES, params={"sort": "size_in_bytes"}).json()
    assert [row["id"] for row in listed["actions_caches"]] == [first, second]
    assert olga.get(CACHES, params={"key": "py-2"}).json()["total_count"] == 1
    assert olga.get(CACHES, params={"ref": "refs/heads/topic"}).json()["total_count"] == 0
    assert olga.get(f"{WIDGET}/actions/cache/usage").json() == {
        "full_name": "acme/widget",
        "active_caches_size_in_bytes": 3,
        "active_caches_count": 2,
    }
    assert world.as_("otto").delete(f"{CACHES}/{first}").status_code == 403
    assert olga.delete(f"{CACHES}/{first}").status_code == 204
    assert olga.delete(f"{CACHES}/{first}").status_code == 404
    assert olga.delete(CACHES, params={"key": "py"}).status_code == 404
    assert olga.delete(CACHES, params={"key": "py-2", "ref": "refs/heads/topic"}).status_code == 404
    assert olga.delete(CACHES, params={"key": "py-2"}).json()["total_count"] == 1
    assert olga.get(CACHES).json()["total_count"] == 0


def test_which_cache_is_found(world: World) -> None:
    """A run finds its own branch's and the default branch's, never another branch's; exact before prefix, newest first."""
    olga = world.as_("olga")
    put_workflow(olga)
    make_branch(olga, "topic")
    put(olga, "x.txt", "1", branch="topic")
    runs(world)
    on_main = job(world)
    for key in ("k-1", "k-2"):
        save(on_main, key)
    other = "ghs_" + "b" * 36
    assert take(world, digest(other)) is not None
    on_topic = world.client(other)
    save(on_topic, "k-3")

    def find(client: httpx.Client, *keys: str, version: str = "v") -> str | None:
        answer = client.post("/_job/caches/find", json={"keys": keys, "version": version})
        return answer.json()["key"] if answer.status_code == 200 else None

    assert find(on_main, "k-1") == "k-1"
    assert find(on_main, "k-9", "k-") == "k-2"
    assert find(on_main, "k-3") is None
    assert find(on_topic, "k-9", "k-") == "k-3"
    assert find(on_topic, "k-1") == "k-1"
    assert find(on_main, "k-1", version="w") is None


def test_the_least_used_caches_make_room(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "LARGEST_CACHES", 5)
    olga = world.as_("olga")
    put_workflow(olga)
    runs(world)
    inside = job(world)
    for key in ("a", "b", "c"):
        save(inside, key, b"123")
    assert [row["key"] for row in olga.get(CACHES).json()["actions_caches"]] == ["c"]
    assert len(list((world.forge.state / "archives").iterdir())) == 1


def test_a_repository_has_its_share_of_the_disk(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "LARGEST_REPOSITORY", 5)
    put_workflow(world.as_("olga"))
    runs(world)
    inside = job(world)
    save(inside, "a", b"123")
    number = begin(inside).json()["id"]
    refused = inside.put(f"/_job/artifacts/{number}/0", content=b"123")
    assert (refused.status_code, refused.json()["message"][:30]) == (403, "Artifact storage quota has bee")
    assert inside.put(f"/_job/artifacts/{number}/0", content=b"12").status_code == 204
    monkeypatch.setattr(archives, "LARGEST_ARTIFACT", 2)
    assert inside.put(f"/_job/artifacts/{number}/2", content=b"1").status_code == 413


def test_an_upload_that_was_given_up_keeps_its_key_for_a_while_only(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_workflow(world.as_("olga"))
    runs(world)
    inside = job(world)
    key = {"key": "k", "version": "v"}
    assert inside.post("/_job/caches", json=key).status_code == 201
    assert inside.post("/_job/caches", json=key).status_code == 409
    with world.forge.store.write() as tx:
        tx.execute("UPDATE action_cache SET created_at = '2020-01-01T00:00:00Z'")
    assert inside.post("/_job/caches", json=key).status_code == 201


def test_the_start_sweeps_what_nobody_knows(world: World) -> None:
    put_workflow(world.as_("olga"))
    runs(world)
    inside = job(world)
    kept = save(inside, "kept")
    begun = inside.post("/_job/caches", json={"key": "begun", "version": "v"}).json()["id"]
    inside.put(f"/_job/caches/{begun}/0", content=b"half")
    (world.forge.state / "archives" / "artifact-99").write_bytes(b"orphan")
    with world.forge.store.write() as tx:
        archives.sweep(world.forge, tx)
    assert [file.name for file in (world.forge.state / "archives").iterdir()] == [f"cache-{kept}"]
    rows = world.forge.store.db.all(Cache, "SELECT * FROM action_cache")
    assert [row.key for row in rows] == ["kept"]
