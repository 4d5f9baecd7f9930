"""Searching code and repositories: what is found, in what one may see alone."""

import pytest
from tests.forge.proposing import REPO, commit
from tests.forge.world import World

from localforge import seed


@pytest.fixture
def world(world: World) -> World:
    """`acme/secret` holds a file that otto may not see."""
    olga = world.as_("olga")
    body = {"message": "m", "content": "c3BpbiB0aGUgU0VDUkVUCg=="}  # spin the SECRET
    assert olga.put("/repos/acme/secret/contents/docs/notes.md", json=body).status_code == 201
    commit(world, "main", "docs/guide.md", "Spin it,\nthen return home.\n")
    return world


@pytest.mark.parametrize(
    ("login", "query", "paths"),
    [
        ("olga", "spin", ["docs/guide.md", "src/widget.py", "docs/notes.md"]),
        ("otto", "spin", ["docs/guide.md", "src/widget.py"]),
        ("olga", "spin return", ["docs/guide.md", "src/widget.py"]),
        ("olga", '"return home"', ["docs/guide.md"]),
        ("olga", "spin extension:py", ["src/widget.py"]),
        ("olga", "spin language:python", ["src/widget.py"]),
        ("olga", "spin -extension:py repo:acme/widget", ["docs/guide.md"]),
        ("olga", "spin path:docs", ["docs/guide.md", "docs/notes.md"]),
        ("olga", "spin filename:NOTES", ["docs/notes.md"]),
        (
            "olga",
            "spin org:acme user:otto repo:acme/secret",
            ["docs/guide.md", "src/widget.py", "docs/notes.md"],
        ),
        ("olga", "nowhere", []),
        ("olga", "-e --help", []),
        ("olga", "spin.*", []),
    ],
)
def test_code(world: World, login: str, query: str, paths: list[str]) -> None:
    """Every word, in any letter case, on default branches; words are words, not patterns or options."""
    answer = world.as_(login).get("/search/code", params={"q": query})
    assert answer.status_code == 200, answer.text
    assert [item["path"] for item in answer.json()["items"]] == paths
    assert answer.json()["total_count"] == len(paths)


def test_a_hit(world: World) -> None:
    """Its addresses lead to it; who accepts `text-match` is shown where the words are."""
    olga = world.as_("olga")
    accept = {"accept": "application/vnd.github.text-match+json"}
    (hit,) = olga.get("/search/code?q=HOME", headers=accept).json()["items"]
    assert hit["repository"]["full_name"] == "acme/widget"
    assert olga.get(hit["url"]).json()["sha"] == hit["sha"]
    assert olga.get(hit["git_url"]).status_code == 200
    (match,) = hit["text_matches"]
    assert match["fragment"] == "then return home."
    assert match["matches"] == [{"text": "home", "indices": [12, 16]}]
    (plain,) = olga.get("/search/code?q=HOME").json()["items"]
    assert "text_matches" not in plain


@pytest.mark.parametrize("query", ["", "repo:acme/widget", "spin repo:acme/none", "x&per_page=100&page=12"])
def test_code_is_refused(world: World, query: str) -> None:
    """Without a word, in a repository that is not seen, beyond a thousand; to strangers at all."""
    assert world.as_("olga").get(f"/search/code?q={query}").status_code == 422
    assert world.client().get("/search/code?q=spin").status_code == 401
    assert world.as_("otto").get("/search/code?q=spin repo:acme/secret").status_code == 422


@pytest.mark.parametrize(
    ("login", "query", "names"),
    [
        ("olga", "acme", []),
        ("olga", "org:acme", ["secret", "widget"]),
        ("otto", "org:acme", ["widget"]),
        ("olga", "WIDG", ["widget"]),
        ("olga", "gadget", ["widget"]),
        ("olga", "gadget in:name", []),
        ("olga", "topic:tools", ["widget"]),
        ("olga", "language:python", ["widget"]),
        ("olga", "is:private", ["secret"]),
        ("olga", "user:acme -is:private", ["widget"]),
        ("olga", "archived:true", []),
        ("otto", "widget fork:true", ["widget", "widget"]),
        ("otto", "widget fork:only", ["widget"]),
        ("otto", "stars:>=0 widget", ["widget"]),
    ],
)
def test_repositories(world: World, login: str, query: str, names: list[str]) -> None:
    """By words in name, description and topics, and by what they are."""
    olga = world.as_("olga")
    olga.patch(REPO, json={"description": "A gadget"})
    olga.put(f"{REPO}/topics", json={"names": ["tools"]})
    world.as_("otto").post(f"{REPO}/forks", json={})
    answer = world.as_(login).get("/search/repositories", params={"q": query})
    assert [item["name"] for item in answer.json()["items"]] == names


def test_order_of_repositories(world: World) -> None:
    seed.create_repo(world.forge, world.org, "zebra")
    olga = world.as_("olga")
    with world.forge.store.write() as tx:
        tx.update("repository", world.widget.id, updated_at="2099-01-01T00:00:00Z")
    newest = olga.get("/search/repositories?q=org:acme&sort=updated").json()["items"]
    assert newest[0]["name"] == "widget"
    oldest = olga.get("/search/repositories?q=org:acme&sort=updated&order=asc").json()["items"]
    assert oldest[-1]["name"] == "widget"
    assert olga.get("/search/repositories?q=x&sort=colour").status_code == 422
