"""Reactions: one of each content from everybody, counted where they are shown."""

import pytest
from tests.forge.proposing import REPO
from tests.forge.world import World


@pytest.fixture
def said(world: World) -> str:
    """Issue 1 with a comment; gives the comment's address."""
    olga = world.as_("olga")
    olga.post(f"{REPO}/issues", json={"title": "x"})
    number = olga.post(f"{REPO}/issues/1/comments", json={"body": "y"}).json()["id"]
    return f"{REPO}/issues/comments/{number}"


@pytest.mark.parametrize("on", ["issue", "comment"])
def test_reacting(world: World, said: str, on: str) -> None:
    """201 for a new one, 200 for the same again; both people's are counted; one's own is taken back."""
    where = said if on == "comment" else f"{REPO}/issues/1"
    otto, mia = world.as_("otto"), world.as_("mia")
    first = otto.post(f"{where}/reactions", json={"content": "heart"})
    assert (first.status_code, first.json()["user"]["login"]) == (201, "otto")
    again = otto.post(f"{where}/reactions", json={"content": "heart"})
    assert (again.status_code, again.json()["id"]) == (200, first.json()["id"])
    assert mia.post(f"{where}/reactions", json={"content": "heart"}).status_code == 201
    assert mia.post(f"{where}/reactions", json={"content": "-1"}).status_code == 201
    shown = mia.get(where).json()["reactions"]
    assert (shown["heart"], shown["-1"], shown["laugh"], shown["total_count"]) == (2, 1, 0, 3)
    assert [row["user"]["login"] for row in mia.get(f"{where}/reactions?content=heart").json()] == [
        "otto",
        "mia",
    ]
    mine = f"{where}/reactions/{first.json()['id']}"
    assert mia.delete(mine).status_code == 403
    assert otto.delete(mine).status_code == 204
    assert otto.delete(mine).status_code == 404
    assert mia.get(where).json()["reactions"]["total_count"] == 2


def test_refused(world: World, said: str) -> None:
    """Other contents, nobody, nothing there; a comment's reaction is not its issue's."""
    otto = world.as_("otto")
    assert otto.post(f"{said}/reactions", json={"content": "party"}).status_code == 422
    assert otto.post(f"{REPO}/issues/9/reactions", json={"content": "eyes"}).status_code == 404
    assert otto.post("/repos/acme/secret/issues/1/reactions", json={"content": "eyes"}).status_code == 404
    assert world.client().post(f"{said}/reactions", json={"content": "eyes"}).status_code == 401
    otto.post(f"{said}/reactions", json={"content": "eyes"})
    assert otto.get(f"{REPO}/issues/1/reactions").json() == []
