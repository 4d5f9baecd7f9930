"""Files of releases: uploaded, described, renamed, downloaded and counted; what is refused, and what outlives what."""

import hashlib
from pathlib import Path

import httpx
import pytest
from tests.forge.graph import data
from tests.forge.proposing import REPO
from tests.forge.world import World

from localforge.app import App
from localforge.assets import LARGEST, settled_name
from localforge.forge import Forge
from localforge.integrity import snapshots
from localforge.integrity.fsck import examine
from localforge.mounted import MountedForge
from localforge.running import start, stop

RELEASES = f"{REPO}/releases"
ASSET = f"{RELEASES}/assets"
BYTES = b"\x00\x01 a tool \xff" * 100


def release(world: World, tag: str = "v2", **body: object) -> str:
    """The address that uploads go to."""
    made = world.as_("olga").post(RELEASES, json={"tag_name": tag, **body})
    assert made.status_code == 201, made.text
    address: str = made.json()["upload_url"]
    assert address.endswith("/assets{?name,label}")
    return address.removesuffix("{?name,label}")


def send(
    world: World, where: str, name: str = "tool.bin", content: bytes = BYTES, login: str = "olga", **more: str
) -> httpx.Response:
    return world.as_(login).post(
        where, params={"name": name, **more}, content=content, headers={"content-type": "application/x-tool"}
    )


def test_an_upload_is_described_everywhere(world: World) -> None:
    """By its own address, in the list, in its release and through GraphQL, all alike."""
    where = release(world)
    made = send(world, where, label="The tool")
    assert made.status_code == 201
    shown = made.json()
    assert made.headers["location"] == shown["url"]
    digest = f"sha256:{hashlib.sha256(BYTES).hexdigest()}"
    told = {name: shown[name] for name in ("name", "label", "content_type", "state", "size", "digest")}
    assert told == {
        "name": "tool.bin",
        "label": "The tool",
        "content_type": "application/x-tool",
        "state": "uploaded",
        "size": len(BYTES),
        "digest": digest,
    }
    assert (shown["uploader"]["login"], shown["download_count"]) == ("olga", 0)
    assert shown["browser_download_url"] == "http://forge.test/acme/widget/releases/download/v2/tool.bin"
    anybody = world.client()
    assert anybody.get(shown["url"]).json() == shown
    assert anybody.get(where).json() == [shown]
    assert anybody.get(f"{RELEASES}/tags/v2").json()["assets"] == [shown]
    query = """{ repository(owner: "acme", name: "widget") { release(tagName: "v2") { releaseAssets(first: 5) {
        totalCount nodes { name size contentType downloadCount downloadUrl uploadedBy { login } } } } } }"""
    (seen,) = data(world, query)["repository"]["release"]["releaseAssets"]["nodes"]
    assert seen == {
        "name": "tool.bin",
        "size": len(BYTES),
        "contentType": "application/x-tool",
        "downloadCount": 0,
        "downloadUrl": shown["browser_download_url"],
        "uploadedBy": {"login": "olga"},
    }


def test_addresses_are_the_caller_s(world: World) -> None:
    """By the host of the request, and under `/api/v3` where that was asked."""
    where = release(world)
    olga = world.as_("olga")
    path = where.removeprefix("http://forge.test")
    corp = "http://forge.corp:8443/api/v3"
    made = olga.post(f"{corp}{path}?name=a.txt", content=b"a", headers={"content-type": "text/plain"}).json()
    assert made["url"].startswith(f"{corp}/repos/acme/widget/releases/assets/")
    assert made["browser_download_url"].startswith("http://forge.corp:8443/acme/widget/releases/download/")
    assert olga.get(corp + RELEASES).json()[0]["upload_url"] == f"{corp}{path}{{?name,label}}"


def test_downloads_are_counted(world: World) -> None:
    """Each asks for the bytes by the asset's address, its page or the latest's page; looking is none."""
    made = send(world, release(world)).json()
    anybody = world.client()
    latest = anybody.get("/acme/widget/releases/latest/download/tool.bin")
    assert (latest.status_code, latest.headers["location"]) == (302, made["browser_download_url"])
    for url, headers in (
        (made["url"], {"accept": "application/octet-stream"}),
        (made["browser_download_url"], {}),
    ):
        sent = anybody.get(url, headers=headers)
        assert sent.status_code == 302
        got = anybody.get(sent.headers["location"])
        assert (got.status_code, got.content, got.headers["content-type"]) == (
            200,
            BYTES,
            "application/x-tool",
        )
        assert got.headers["content-disposition"] == 'attachment; filename="tool.bin"'
        assert anybody.get(sent.headers["location"] + "1").status_code == 404
    assert anybody.get(made["url"]).json()["download_count"] == 2


def test_renaming(world: World) -> None:
    """Name and label change, what is left out stays; the label can be taken away."""
    made = send(world, release(world), label="old").json()
    olga = world.as_("olga")
    assert olga.patch(made["url"], json={"name": "new name.bin"}).json()["name"] == "new.name.bin"
    seen = olga.get(made["url"]).json()
    assert (seen["name"], seen["label"], seen["size"]) == ("new.name.bin", "old", len(BYTES))
    assert olga.patch(made["url"], json={"label": None}).json()["label"] is None
    assert olga.patch(made["url"], json={"name": "new.name.bin"}).status_code == 200
    assert world.client().get(made["browser_download_url"]).status_code == 404


@pytest.mark.parametrize(
    ("given", "settled"),
    [
        ("tool-1.2+b_3.tar.gz", "tool-1.2+b_3.tar.gz"),
        ("my tool (1).zip", "my.tool.1.zip"),
        (".config", "default.config"),
        ("名前.txt", "default.txt"),
        ("trailing.", "trailing"),
        ("../../etc/passwd", "default.etc.passwd"),
        ("a\r\nb\x00", "a.b"),
        ("…", "default"),
    ],
)
def test_names_are_settled(given: str, settled: str) -> None:
    assert settled_name(given) == settled


def test_a_name_is_taken_once_in_a_release(world: World) -> None:
    """By an upload or a rename; another release may have it, and one that was removed is free."""
    first, second = release(world, "v2"), release(world, "v3")
    made = send(world, first).json()
    taken = send(world, first, content=b"other")
    assert taken.status_code == 422
    assert taken.json()["request_id"]
    assert taken.json()["errors"] == [{"resource": "ReleaseAsset", "code": "already_exists", "field": "name"}]
    olga = world.as_("olga")
    other = send(world, first, name="other.bin").json()
    assert olga.patch(other["url"], json={"name": "tool.bin"}).json()["errors"][0]["code"] == "already_exists"
    assert [row["name"] for row in olga.get(first).json()] == ["tool.bin", "other.bin"]
    assert send(world, second).status_code == 201
    assert olga.delete(made["url"]).status_code == 204
    assert send(world, first).status_code == 201
    assert not list((world.forge.state / "archives").glob(".upload-*"))


@pytest.mark.parametrize(
    ("name", "content", "status", "words"),
    [
        ("", b"a", 422, "missing_field"),
        ("a" * 256, b"a", 422, "too long"),
        ("a.txt", b"", 422, "size must be greater than or equal to 1"),
    ],
)
def test_uploads_refused(world: World, name: str, content: bytes, status: int, words: str) -> None:
    where = release(world)
    refused = send(world, where, name, content)
    assert refused.status_code == status
    assert words in refused.text
    assert world.client().get(where).json() == []


def test_other_refusals(world: World) -> None:
    """No length, no media type, no permission, no release, no asset; a draft is nobody's but writers'; too much."""
    where, draft = release(world), release(world, "v9", draft=True)
    olga, path = world.as_("olga"), where.removeprefix("http://forge.test")
    plain = olga.post(f"{path}?name=a", content=b"a")
    assert (plain.status_code, plain.json()["errors"][0]["field"]) == (422, "content_type")
    unsized = httpx.Request(
        "POST", f"{where}?name=a", headers={"authorization": olga.headers["authorization"]}
    )
    del unsized.headers["content-length"]
    assert olga.send(unsized).json()["message"] == "Bad Content-Length: "
    assert send(world, where, login="otto").status_code == 403
    assert world.client().post(f"{path}?name=a", content=b"a").status_code == 401
    assert send(world, f"{RELEASES}/999/assets").status_code == 404
    hidden = send(world, draft).json()
    for client, url in ((olga, f"{ASSET}/999"), (world.as_("otto"), hidden["url"])):
        assert client.get(url).status_code == 404
    assert olga.patch(f"{ASSET}/999", json={}).status_code == 404
    assert olga.delete(f"{ASSET}/999").status_code == 404
    assert world.as_("otto").delete(hidden["url"]).status_code in {403, 404}
    assert olga.get(hidden["browser_download_url"]).status_code == 404
    assert olga.get(hidden["url"]).status_code == 200
    (row,) = (row for row in world.app.operations if row.id == "repos/upload-release-asset")
    assert row.body_limit == LARGEST
    assert olga.get(path).json() == []


def test_files_go_with_what_they_belong_to(world: World) -> None:
    """With the asset, with its release, and at the next start with the repository."""
    folder = world.forge.state / "archives"
    made, where = send(world, release(world)).json(), release(world, "v3")
    send(world, where)
    olga = world.as_("olga")
    assert len(list(folder.iterdir())) == 2
    assert olga.delete(made["url"]).status_code == 204
    assert [path.read_bytes() for path in folder.iterdir()] == [BYTES]
    assert olga.delete(where.removesuffix("/assets")).status_code == 204
    assert not list(folder.iterdir())
    assert olga.get(f"{ASSET}/2").status_code == 404


def test_a_start_sweeps_and_keeps(world: World) -> None:
    """What a killed upload left goes, what was answered stays; fsck says when bytes are missing."""
    made = send(world, release(world)).json()
    stray = world.forge.state / "archives" / ".upload-0123"
    stray.write_bytes(b"half")
    assert [finding.code for finding in examine(world.forge).findings] == ["leftover"]
    state, token = world.forge.state, world.tokens["olga"]
    world.forge.close()
    again = Forge(state)
    start(again)
    try:
        client = httpx.Client(transport=MountedForge(App(again)), base_url="http://forge.test")
        headers = {"authorization": f"token {token}", "accept": "application/octet-stream"}
        sent = client.get(made["url"], headers=headers)
        assert client.get(sent.headers["location"]).content == BYTES
        assert not stray.exists()
        assert examine(again).clean
        (state / "archives" / f"asset-{made['id']}").unlink()
        (finding,) = examine(again).findings
        assert (finding.code, finding.where) == ("archive", f"archives/asset-{made['id']}")
    finally:
        stop(again)


def test_a_snapshot_brings_them_back(world: World, tmp_path: Path) -> None:
    """Those that were there, with their bytes; not those that came later."""
    where = release(world)
    made = send(world, where).json()
    snapshots.take(world.forge, "before")
    olga = world.as_("olga")
    olga.delete(made["url"])
    send(world, where, content=b"later")
    snapshots.restore(world.forge, "before")
    assert olga.get(where).json() == [made]
    sent = olga.get(made["url"], headers={"accept": "application/octet-stream"})
    assert olga.get(sent.headers["location"]).content == BYTES
