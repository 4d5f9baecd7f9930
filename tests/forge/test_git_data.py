"""Commits, comparisons, files and git's objects over REST, with git itself as the judge."""

import base64
from pathlib import Path

import httpx
import pytest
from tests.forge.world import World, git

from localforge.git import objects
from localforge.git.edit import Leaf, edit_tree

REPO = "/repos/acme/widget"
PERSON = {"name": "Ann Ö. <x>", "email": "ann@example.test", "date": "2020-02-03T04:05:06+02:00"}


def message(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["message"]


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def heads(world: World) -> tuple[str, str]:
    """The shas of `main` and `feature/side`."""
    text = world.forge.git(world.widget.id).text
    return text("rev-parse", "refs/heads/main"), text("rev-parse", "refs/heads/feature/side")


def fsck(world: World) -> None:
    """git finds nothing wrong in the repository."""
    status, output, errors = world.forge.git(world.widget.id).attempt("fsck", "--strict", "--no-dangling")
    assert (status, output, errors) == (0, b"", b"")


def test_the_same_commit_has_the_same_sha(world: World, clone: Path) -> None:
    """A clone's head commit, rebuilt over the Git Data API, has its sha: dates, offsets and modes count."""
    olga, head = world.as_("olga"), heads(world)[0]
    original = olga.get(f"{REPO}/git/commits/{head}").json()
    person = {"name": "Olga", "email": "olga@example.test", "date": "2026-01-02T03:04:05Z"}
    body = {
        "message": original["message"] + "\n",
        "tree": original["tree"]["sha"],
        "parents": [parent["sha"] for parent in original["parents"]],
        "author": person,
        "committer": person,
    }
    for _ in range(2):
        assert olga.post(f"{REPO}/git/commits", json=body).json()["sha"] == head
    tree = olga.get(f"{REPO}/git/trees/{head}?recursive=1").json()["tree"]
    blobs = [
        {key: entry[key] for key in ("path", "mode", "type", "sha")}
        for entry in tree
        if entry["type"] == "blob"
    ]
    assert {entry["path"]: entry["mode"] for entry in blobs}["run.sh"] == "100755"
    assert olga.post(f"{REPO}/git/trees", json={"tree": blobs}).json()["sha"] == original["tree"]["sha"]


def test_odd_people_and_dates(world: World) -> None:
    """What git strips from a name is stripped; an offset is kept; no date is refused."""
    olga, head = world.as_("olga"), heads(world)[0]
    tree = olga.get(f"{REPO}/git/commits/{head}").json()["tree"]["sha"]
    made = olga.post(f"{REPO}/git/commits", json={"message": "m", "tree": tree, "author": PERSON})
    assert made.json()["author"] == {
        "name": "Ann Ö. x",
        "email": "ann@example.test",
        "date": "2020-02-03T02:05:06Z",
    }
    stored = world.forge.git(world.widget.id).text("cat-file", "-p", made.json()["sha"])
    assert "author Ann Ö. x <ann@example.test> 1580695506 +0200" in stored
    wrong = olga.post(
        f"{REPO}/git/commits", json={"message": "m", "tree": tree, "author": {**PERSON, "date": "soon"}}
    )
    assert wrong.status_code == 422
    fsck(world)


def test_trees(world: World) -> None:
    """Entries over a base: added, replaced, removed with `sha: null`; git agrees with every tree."""
    olga, (head, _) = world.as_("olga"), heads(world)
    base = olga.get(f"{REPO}/git/commits/{head}").json()["tree"]["sha"]
    blob = olga.post(
        f"{REPO}/git/blobs", json={"content": encoded("bytes\x00"), "encoding": "base64"}
    ).json()["sha"]
    entries = [
        {"path": "a/b/c.txt", "mode": "100644", "type": "blob", "content": "hello\n"},
        {"path": "README.md", "mode": "100755", "type": "blob", "sha": blob},
        {"path": "src/widget.py", "mode": "100644", "type": "blob", "sha": None},
        {"path": "a.txt", "mode": "100644", "type": "blob", "content": "sorts before the folder a"},
        {"path": "link", "mode": "120000", "type": "blob", "content": "README.md"},
        {"path": "module", "mode": "160000", "type": "commit", "sha": head},
    ]
    made = olga.post(f"{REPO}/git/trees", json={"base_tree": base, "tree": entries}).json()
    assert [entry["path"] for entry in made["tree"]] == [
        "README.md",
        "a.txt",
        "a",
        "link",
        "module",
        "run.sh",
    ]
    text = world.forge.git(world.widget.id).text(
        "ls-tree", "-r", "--format=%(objectmode) %(path)", made["sha"]
    )
    assert text.split("\n") == [
        "100755 README.md",
        "100644 a.txt",
        "100644 a/b/c.txt",
        "120000 link",
        "160000 module",
        "100755 run.sh",
    ]
    raw = olga.get(f"{REPO}/git/blobs/{blob}", headers={"accept": "application/vnd.github.raw"})
    assert raw.content == b"bytes\x00"
    assert olga.get(f"{REPO}/git/trees/main").json()["sha"] == base
    assert olga.get(f"{REPO}/git/trees/feature/side").status_code == 200
    fsck(world)


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"path": "../x", "mode": "100644", "content": ""}, "malformed path component"),
        ({"path": "a/.GIT/config", "mode": "100644", "content": ""}, "malformed path component"),
        ({"path": "/x", "mode": "100644", "content": ""}, "malformed path component"),
        ({"path": "x", "mode": "100600", "content": ""}, "is not a member of"),
        ({"path": "x", "mode": "100644", "type": "tree", "content": ""}, "does not match mode"),
        ({"path": "x", "mode": "100644", "sha": "1" * 40}, "is not a valid blob"),
        ({"path": "x", "mode": "100644"}, "Must supply tree.sha or tree.content"),
        ({"path": "x", "mode": "100644", "sha": "1" * 40, "content": ""}, "Must supply either"),
    ],
)
def test_trees_that_are_refused(world: World, entry: dict[str, str], words: str) -> None:
    """git's own rules, before anything is written."""
    refused = world.as_("olga").post(f"{REPO}/git/trees", json={"tree": [entry]})
    assert refused.status_code == 422
    assert words in refused.json()["message"]


def test_objects_that_are_missing(world: World) -> None:
    """404 for what is not there, 422 for what refers to it, 409 while a repository is empty."""
    olga, none = world.as_("olga"), "1" * 40
    for kind in ("blobs", "trees", "commits", "tags"):
        assert olga.get(f"{REPO}/git/{kind}/{none}").status_code == 404
        assert message(olga.get(f"/repos/acme/secret/git/{kind}/{none}")) == (409, "Git Repository is empty.")
    assert message(olga.post(f"{REPO}/git/commits", json={"message": "", "tree": none})) == (
        422,
        "Tree SHA does not exist",
    )
    assert message(olga.get("/repos/acme/secret/commits")) == (409, "Git Repository is empty.")
    assert message(olga.post("/repos/acme/secret/git/blobs", json={"content": ""})) == (
        409,
        "Git Repository is empty.",
    )


def test_annotated_tags(world: World) -> None:
    """A tag object, the ref that names it, and the list of tags."""
    olga, (head, _) = world.as_("olga"), heads(world)
    body = {"tag": "v2", "message": "Two", "object": head, "type": "commit", "tagger": PERSON}
    made = olga.post(f"{REPO}/git/tags", json=body).json()
    assert olga.get(f"{REPO}/git/tags/{made['sha']}").json() == made
    assert (
        olga.post(f"{REPO}/git/refs", json={"ref": "refs/tags/v2", "sha": made["sha"]}).json()["object"][
            "type"
        ]
        == "tag"
    )
    tags = olga.get(f"{REPO}/tags").json()
    assert (tags[0]["name"], tags[0]["commit"]["sha"]) == ("v2", head)
    assert [tag["name"] for tag in tags] == ["v2", "v1"]
    assert olga.post(f"{REPO}/git/tags", json={**body, "object": "1" * 40}).status_code == 422
    assert olga.post(f"{REPO}/git/tags", json={**body, "tag": "a..b"}).status_code == 422
    fsck(world)


def test_history(world: World) -> None:
    """Newest first, from a ref, by path, author and time, in pages."""
    olga, (head, side) = world.as_("olga"), heads(world)

    def shas(query: str) -> list[str]:
        return [item["sha"] for item in olga.get(f"{REPO}/commits{query}").json()]

    assert shas("") == [head, side]
    assert shas("?sha=feature/side") == shas("?sha=v1") == shas(f"?sha={side[:8]}") == [side]
    assert shas("?path=README.md") == [side]
    assert shas("?path=src") == [head, side]
    assert shas("?author=olga") == shas("?author=olga@example.test") == [head, side]
    assert shas("?author=mia") == []
    assert shas("?since=2027-01-01T00:00:00Z") == []
    assert shas("?per_page=1&page=2") == [side]
    assert olga.get(f"{REPO}/commits?since=soon").status_code == 422
    for name in ("main~1", "nowhere", "HEAD^", "main\n", "a b"):
        assert olga.get(f"{REPO}/commits", params={"sha": name}).status_code == 404


def test_one_commit(world: World, clone: Path) -> None:
    """Files with patches, statistics, author; as diff, patch and sha."""
    olga, (head, side) = world.as_("olga"), heads(world)
    item = olga.get(f"{REPO}/commits/main").json()
    assert item["sha"] == head
    assert item["stats"] == {"total": 2, "additions": 1, "deletions": 1}
    assert item["author"]["login"] == "olga"
    assert item["commit"]["message"] == "Second\n\nWith a body."
    (file,) = item["files"]
    assert (file["filename"], file["status"]) == ("src/widget.py", "modified")
    assert file["patch"] == "@@ -1,2 +1,2 @@\n def spin():\n-    return 1\n+    return 2"
    assert {entry["status"] for entry in olga.get(f"{REPO}/commits/{side}").json()["files"]} == {"added"}

    def variant(kind: str) -> str:
        return olga.get(f"{REPO}/commits/main", headers={"accept": f"application/vnd.github.{kind}"}).text

    assert variant("sha") == head
    assert variant("v3.diff") == git("diff", "HEAD~1", "HEAD", cwd=clone).stdout
    assert variant("patch").startswith(f"From {head} ")
    assert message(olga.get(f"{REPO}/commits/nowhere")) == (422, "No commit found for SHA: nowhere")


def test_comparing(world: World) -> None:
    """Ahead, behind, diverged, identical; files are those since the merge base."""
    olga, (_, side) = world.as_("olga"), heads(world)
    put = {"message": "Side", "content": encoded("x"), "branch": "feature/side"}
    assert olga.put(f"{REPO}/contents/side.txt", json=put).status_code == 201

    def compare(basehead: str) -> dict[str, object]:
        found = olga.get(f"{REPO}/compare/{basehead}").json()
        return {
            **{key: found[key] for key in ("status", "ahead_by", "behind_by", "total_commits")},
            "files": [file["filename"] for file in found["files"]],
        }

    nothing: dict[str, object] = {"ahead_by": 0, "behind_by": 0, "total_commits": 0, "files": []}
    assert compare("main...main") == {**nothing, "status": "identical"}
    assert compare(f"{side}...main") == {
        **nothing,
        "status": "ahead",
        "ahead_by": 1,
        "total_commits": 1,
        "files": ["src/widget.py"],
    }
    assert compare(f"main...{side}") == {**nothing, "status": "behind", "behind_by": 1}
    diverged = {
        "status": "diverged",
        "ahead_by": 1,
        "behind_by": 1,
        "total_commits": 1,
        "files": ["side.txt"],
    }
    assert compare("main...feature/side") == compare("acme:main...acme:feature/side") == diverged
    diff = olga.get(
        f"{REPO}/compare/main...feature/side", headers={"accept": "application/vnd.github.diff"}
    ).text
    assert diff.startswith("diff --git a/side.txt b/side.txt\nnew file mode 100644\n")
    assert olga.get(f"{REPO}/compare/main...nowhere").status_code == 404
    assert olga.get(f"{REPO}/compare/main").status_code == 404
    lonely = edit_tree(world.forge.git(world.widget.id), None, {})
    orphan = olga.post(f"{REPO}/git/commits", json={"message": "o", "tree": lonely}).json()["sha"]
    assert "No common ancestor" in olga.get(f"{REPO}/compare/main...{orphan}").json()["message"]


def test_kinds_of_change(world: World) -> None:
    """Renames, binaries, removals, mode and type changes are told apart, in git's order."""
    repo, (head, _) = world.forge.git(world.widget.id), heads(world)
    readme = repo.text("rev-parse", f"{head}:README.md")
    binary = objects.write_object(repo, "blob", bytes(range(256)))
    tree = edit_tree(
        repo,
        f"{head}^{{tree}}",
        {
            "README.md": None,
            "docs/READ ME\t.md": Leaf(mode="100644", sha=readme),
            "run.sh": Leaf(mode="120000", sha=objects.write_object(repo, "blob", b"docs")),
            "logo": Leaf(mode="100644", sha=binary),
            "src/widget.py": Leaf(mode="100755", sha=repo.text("rev-parse", f"{head}:src/widget.py")),
        },
    )
    olga = world.as_("olga")
    sha = olga.post(f"{REPO}/git/commits", json={"message": "m", "tree": tree, "parents": [head]}).json()[
        "sha"
    ]
    files = {file["filename"]: file for file in olga.get(f"{REPO}/commits/{sha}").json()["files"]}
    assert {name: file["status"] for name, file in files.items()} == {
        "docs/READ ME\t.md": "renamed",
        "logo": "added",
        "run.sh": "changed",
        "src/widget.py": "modified",
    }
    assert files["docs/READ ME\t.md"]["previous_filename"] == "README.md"
    assert "patch" not in files["logo"]
    assert "-#!/bin/sh" in files["run.sh"]["patch"]
    assert "+docs" in files["run.sh"]["patch"]


def test_reading_files(world: World) -> None:
    """Files, folders, links and submodules; raw bytes; at a branch, tag or sha."""
    olga, (head, _) = world.as_("olga"), heads(world)
    file = olga.get(f"{REPO}/contents/src/widget.py?ref=v1").json()
    assert base64.b64decode(file["content"]) == b"def spin():\n    return 1\n"
    assert file["download_url"] == "http://forge.test/acme/widget/raw/v1/src/widget.py"
    raw = olga.get(f"{REPO}/contents/src/widget.py", headers={"accept": "application/vnd.github.raw+json"})
    assert raw.text == "def spin():\n    return 2\n"
    assert [(entry["name"], entry["type"]) for entry in olga.get(f"{REPO}/contents").json()] == [
        ("README.md", "file"),
        ("run.sh", "file"),
        ("src", "dir"),
    ]
    assert [entry["path"] for entry in olga.get(f"{REPO}/contents/src").json()] == ["src/widget.py"]
    shown = olga.get(f"{REPO}/contents/src", headers={"accept": "application/vnd.github.object+json"}).json()
    assert (shown["type"], len(shown["entries"])) == ("dir", 1)
    entries = [
        {"path": "link", "mode": "120000", "type": "blob", "content": "src/widget.py"},
        {"path": "away", "mode": "120000", "type": "blob", "content": "../../etc/passwd"},
        {"path": "module", "mode": "160000", "type": "commit", "sha": head},
        {
            "path": ".gitmodules",
            "mode": "100644",
            "type": "blob",
            "content": '[submodule "m"]\n\tpath = module\n\turl = https://example.test/m.git\n',
        },
    ]
    tree = olga.post(
        f"{REPO}/git/trees",
        json={"base_tree": olga.get(f"{REPO}/git/trees/main").json()["sha"], "tree": entries},
    ).json()["sha"]
    sha = olga.post(f"{REPO}/git/commits", json={"message": "m", "tree": tree, "parents": [head]}).json()[
        "sha"
    ]
    assert olga.get(f"{REPO}/contents/link?ref={sha}").json()["path"] == "src/widget.py"
    assert olga.get(f"{REPO}/contents/away?ref={sha}").json()["target"] == "../../etc/passwd"
    module = olga.get(f"{REPO}/contents/module?ref={sha}").json()
    assert (module["type"], module["submodule_git_url"]) == ("submodule", "https://example.test/m.git")
    for path in ("nowhere", "src/nowhere", "..%2F..%2Fetc", "src/widget.py/x", ".git/config", "a%00b"):
        assert olga.get(f"{REPO}/contents/{path}").status_code == 404
    assert olga.get(f"{REPO}/contents/src?ref=nowhere").status_code == 404
    assert olga.get(f"{REPO}/readme").json()["path"] == "README.md"


def test_files_as_html(world: World) -> None:
    """Markdown as what it means, other files as they are written; no tag of an author's either way."""
    olga, html = world.as_("olga"), {"accept": "application/vnd.github.html+json"}
    readme = olga.get(f"{REPO}/readme", headers=html)
    assert readme.headers["content-type"] == "application/vnd.github.html; charset=utf-8"
    assert "<h1>Widget</h1>" in readme.text
    content = base64.b64encode(b"<script>x</script> & [a](javascript:x)\n").decode()
    for name in ("docs/README.md", ".github/README.md", "x.py"):
        olga.put(f"{REPO}/contents/{name}", json={"message": "m", "content": content})
        shown = olga.get(f"{REPO}/contents/{name}", headers=html).text
        assert "&lt;script&gt;x&lt;/script&gt; &amp; " in shown
        assert "<script" not in shown
        assert 'href="javascript' not in shown
    assert olga.get(f"{REPO}/contents/src", headers=html).json()[0]["path"] == "src/widget.py"
    assert olga.get(f"{REPO}/readme").json()["path"] == ".github/README.md"


def test_names_that_mean_nothing_in_a_bare_repository(world: World) -> None:
    """They are missing; the process that is asked lives on."""
    olga, (head, _) = world.as_("olga"), heads(world)
    git = world.forge.git(world.widget.id)
    relative = (f"{head}:../x", f"{head}:./README.md", "main:..")
    for name in (*relative, ":/First", "@{upstream}", "main@{u}", "main^{/First}"):
        assert git.info(name) is None, name
        assert git.object(name) is None, name
    assert git.info(f"{head}:README.md") is not None
    assert olga.get(httpx.URL(f"http://forge.test/acme/widget/raw/{head}/%2E%2E/x")).status_code == 404


def test_addresses_lead_somewhere(world: World) -> None:
    """A download address gives the bytes, also of a branch with a slash; an avatar is a picture."""
    olga = world.as_("olga")
    for ref in ("main", "feature/side", "v1"):
        file = olga.get(f"{REPO}/contents/run.sh?ref={ref}").json()
        assert olga.get(file["download_url"]).text == "#!/bin/sh\nexit 0\n"
    assert olga.get("/acme/widget/raw/main/nothing").status_code == 404
    assert world.as_("otto").get("/acme/secret/raw/main/README.md").status_code == 404
    avatar = olga.get(olga.get("/user").json()["avatar_url"])
    assert (avatar.headers["content-type"], avatar.text[:5]) == ("image/svg+xml", "<svg ")
    assert olga.get("/avatars/x").status_code == 404


def test_writing_files(world: World) -> None:
    """One commit per write; the blob that is replaced must be named; modes survive."""
    olga, (head, _) = world.as_("olga"), heads(world)
    body = {"message": "New", "content": encoded("new\n")}
    made = olga.put(f"{REPO}/contents/docs/new.txt", json=body)
    assert made.status_code == 201
    assert [parent["sha"] for parent in made.json()["commit"]["parents"]] == [head]
    sha = made.json()["content"]["sha"]
    assert message(olga.put(f"{REPO}/contents/docs/new.txt", json=body)) == (
        422,
        'Invalid request.\n\n"sha" wasn\'t supplied.',
    )
    assert olga.put(f"{REPO}/contents/docs/new.txt", json={**body, "sha": "1" * 40}).status_code == 409
    assert (
        olga.put(
            f"{REPO}/contents/docs/new.txt", json={**body, "content": encoded("2"), "sha": sha}
        ).status_code
        == 200
    )
    script = olga.get(f"{REPO}/contents/run.sh").json()
    olga.put(
        f"{REPO}/contents/run.sh", json={**body, "sha": script["sha"], "branch": "main", "author": PERSON}
    )
    assert (
        world.forge.git(world.widget.id).text("ls-tree", "--format=%(objectmode)", "main", "run.sh")
        == "100755"
    )
    assert olga.put(f"{REPO}/contents/x", json={**body, "branch": "nowhere"}).status_code == 404
    assert olga.put(f"{REPO}/contents/x", json={**body, "content": "?"}).status_code == 422
    assert olga.put(f"{REPO}/contents/.git/config", json=body).status_code == 422
    gone = {"message": "Gone", "sha": olga.get(f"{REPO}/contents/docs/new.txt").json()["sha"]}
    assert (
        olga.request("DELETE", f"{REPO}/contents/docs/new.txt", json={**gone, "sha": sha}).status_code == 409
    )
    assert olga.request("DELETE", f"{REPO}/contents/docs/new.txt", json=gone).json()["content"] is None
    assert olga.request("DELETE", f"{REPO}/contents/docs/new.txt", json=gone).status_code == 404
    assert olga.get(f"{REPO}/contents/docs").status_code == 404
    first = olga.put("/repos/acme/secret/contents/README.md", json=body)
    assert (first.status_code, first.json()["commit"]["parents"]) == (201, [])
    pushes = world.forge.store.db.count("SELECT count(*) FROM event WHERE kind = 'Push'")
    assert pushes == 5
    fsck(world)


def test_merging_branches(world: World) -> None:
    """A merge commit; 204 when there is nothing to merge, 409 on conflict, 404 on a missing side."""
    olga, (head, _) = world.as_("olga"), heads(world)
    merges = f"{REPO}/merges"
    assert olga.post(merges, json={"base": "main", "head": "feature/side"}).status_code == 204
    put = {"message": "Side", "content": encoded("x"), "branch": "feature/side"}
    side = olga.put(f"{REPO}/contents/side.txt", json=put).json()["commit"]["sha"]
    merged = olga.post(merges, json={"base": "main", "head": "feature/side"})
    assert merged.status_code == 201
    assert merged.json()["commit"]["message"] == "Merge feature/side into main"
    assert [parent["sha"] for parent in merged.json()["parents"]] == [head, side]
    for branch, text in (("feature/side", "one"), ("main", "two")):
        olga.put(f"{REPO}/contents/clash", json={**put, "content": encoded(text), "branch": branch})
    assert message(olga.post(merges, json={"base": "main", "head": "feature/side"})) == (
        409,
        "Merge conflict",
    )
    assert message(olga.post(merges, json={"base": "main", "head": "nowhere"})) == (
        404,
        "Head does not exist",
    )
    assert message(olga.post(merges, json={"base": "nowhere", "head": "main"})) == (
        404,
        "Base does not exist",
    )
    fsck(world)
