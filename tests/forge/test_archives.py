"""Archives of a commit: a redirect that hides nothing and gives nothing away, and what is in them."""

import io
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from tests.forge.proposing import REPO, sha_of
from tests.forge.world import World


@pytest.mark.parametrize("ref", ["", "/main", "/refs/heads/main", "/feature/side", "/v1"])
def test_a_tarball(world: World, ref: str) -> None:
    """The files of the ref, below GitHub's folder, with their modes."""
    sent = world.as_("olga").get(f"{REPO}/tarball{ref}")
    assert sent.status_code == 302
    content = world.client().get(sent.headers["location"])
    assert content.headers["content-type"] == "application/x-gzip"
    with tarfile.open(fileobj=io.BytesIO(content.content)) as archive:
        names = {entry.name: entry.mode & 0o111 for entry in archive if entry.isfile()}
    commit = world.as_("olga").get(f"{REPO}/commits{ref or '/main'}").json()["sha"]
    folder = f"acme-widget-{commit[:7]}"
    assert f'filename="{folder}.tar.gz"' in content.headers["content-disposition"]
    assert names == {f"{folder}/README.md": 0, f"{folder}/run.sh": 0o111, f"{folder}/src/widget.py": 0}


def test_a_zip(world: World) -> None:
    sent = world.as_("olga").get(f"{REPO}/zipball/main", follow_redirects=True)
    with zipfile.ZipFile(io.BytesIO(sent.content)) as archive:
        assert f"acme-widget-{sha_of(world, 'main')[:7]}/src/widget.py" in archive.namelist()


def test_what_is_not_given(world: World) -> None:
    """No archive without access, of no commit, or with an address that was made up."""
    olga = world.as_("olga")
    assert world.as_("otto").get("/repos/acme/secret/tarball/main").status_code == 404
    assert olga.get("/repos/acme/secret/tarball/main").status_code == 409
    assert olga.get(f"{REPO}/zipball/none").status_code == 422
    given = httpx.URL(olga.get(f"{REPO}/tarball/main").headers["location"]).path
    _, root, ends, signature, repo, form, sha = given.split("/")
    for made_up in (
        (ends, "0" * 64, repo, form, sha),
        (str(int(ends) + 1), signature, repo, form, sha),
        (ends, signature, str(world.secret.id), form, sha),
        (ends, signature, repo, form, "main"),
        ("1", signature, repo, form, sha),
    ):
        assert olga.get("/" + "/".join([root, *made_up])).status_code == 404


def test_addresses_of_pages(world: World) -> None:
    """`archive/<ref>.tar.gz` names its folder after the version."""
    answer = world.client().get("/acme/widget/archive/refs/tags/v1.tar.gz")
    with tarfile.open(fileobj=io.BytesIO(answer.content)) as archive:
        assert archive.getnames()[0] == "widget-1"
    assert world.client().get("/acme/widget/archive/main.zip").status_code == 200
    for path in (
        "/acme/widget/archive/main",
        "/acme/widget/archive/none.zip",
        "/acme/secret/archive/main.zip",
    ):
        assert world.client().get(path).status_code in {401, 404}, path


def test_streaming(world: World, serve: Callable[[Path], str]) -> None:
    """Served, it comes in pieces of unknown length, and HEAD gives the headers alone."""
    world.forge.close()
    url = serve(world.forge.state)
    answer = httpx.get(f"{url}/acme/widget/archive/main.tar.gz")
    assert "content-length" not in answer.headers
    with tarfile.open(fileobj=io.BytesIO(answer.content)) as archive:
        assert "widget-main/README.md" in archive.getnames()
    head = httpx.head(f"{url}/acme/widget/archive/main.tar.gz")
    assert (head.status_code, head.content) == (200, b"")
