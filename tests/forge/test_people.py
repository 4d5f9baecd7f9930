"""People of a repository: who wrote it, who owns which files, who is invited."""

import base64

import pytest
from tests.forge.proposing import REPO, commit
from tests.forge.world import World

from localforge import seed
from localforge.access import Role
from localforge.seed import NewTeam


def test_contributors(world: World) -> None:
    """By commits on the default branch; who has no account only when asked for."""
    olga = world.as_("olga")
    commit(world, "main", "x.txt")
    tree = olga.get(f"{REPO}/git/ref/heads/main").json()["object"]["sha"]
    stranger = {"name": "Nobody", "email": "nobody@example.test"}
    made = olga.post(
        f"{REPO}/git/commits",
        json={
            "message": "m",
            "tree": olga.get(f"{REPO}/git/commits/{tree}").json()["tree"]["sha"],
            "parents": [tree],
            "author": stranger,
        },
    ).json()["sha"]
    olga.patch(f"{REPO}/git/refs/heads/main", json={"sha": made})
    (first,) = olga.get(f"{REPO}/contributors").json()
    assert (first["login"], first["contributions"]) == ("olga", 3)
    everybody = olga.get(f"{REPO}/contributors?anon=1").json()
    assert [(row["type"], row["contributions"]) for row in everybody] == [("User", 3), ("Anonymous", 1)]
    assert everybody[1]["email"] == "nobody@example.test"
    assert olga.get("/repos/acme/secret/contributors").status_code == 204


def test_codeowners_errors(world: World) -> None:
    """Owners that nobody is or who may not write, and patterns that mean nothing here, each with its place."""
    olga = world.as_("olga")
    assert olga.get(f"{REPO}/codeowners/errors").status_code == 404
    team = NewTeam(name="core", repositories=[(world.widget, Role.WRITE)])
    seed.create_team(world.forge, world.org, team)
    text = (
        "# owners\n* @wim @acme/core olga@example.test\ndocs/ @otto\n!x @wim\nsrc @acme/none nobody@x.test\n"
    )
    body = {"message": "m", "content": base64.b64encode(text.encode()).decode(), "branch": "main"}
    assert olga.put(f"{REPO}/contents/.github/CODEOWNERS", json=body).status_code == 201
    errors = olga.get(f"{REPO}/codeowners/errors").json()["errors"]
    assert [(row["line"], row["column"], row["kind"]) for row in errors] == [
        (3, 7, "Unknown owner"),
        (4, 1, "Invalid pattern"),
        (5, 5, "Unknown owner"),
        (5, 16, "Unknown owner"),
    ]
    assert errors[0]["path"] == ".github/CODEOWNERS"
    assert olga.get(f"{REPO}/codeowners/errors?ref=feature/side").status_code == 404


def test_an_invitation(world: World) -> None:
    """A stranger is asked, and has the role only once they take it."""
    olga, otto = world.as_("olga"), world.as_("otto")
    secret = "/repos/acme/secret"
    asked = olga.put(f"{secret}/collaborators/otto", json={"permission": "push"})
    assert (asked.status_code, asked.json()["permissions"]) == (201, "write")
    assert otto.get(secret).status_code == 404
    assert [row["id"] for row in olga.get(f"{secret}/invitations").json()] == [asked.json()["id"]]
    (mine,) = otto.get("/user/repository_invitations").json()
    where = f"/user/repository_invitations/{mine['id']}"
    assert world.as_("mia").patch(where).status_code == 404
    assert otto.patch(where).status_code == 204
    assert otto.get(secret).json()["permissions"]["push"] is True
    assert otto.patch(where).status_code == 404
    assert olga.delete(f"{secret}/collaborators/otto").status_code == 204
    assert otto.get(secret).status_code == 404


def test_declining(world: World) -> None:
    olga, otto = world.as_("olga"), world.as_("otto")
    made = olga.put("/repos/acme/secret/collaborators/otto").json()
    assert otto.delete(f"/user/repository_invitations/{made['id']}").status_code == 204
    assert otto.get("/user/repository_invitations").json() == []


@pytest.mark.parametrize(
    ("login", "person", "body", "status"),
    [
        ("olga", "wim", {"permission": "admin"}, 204),
        ("olga", "mia", {"permission": "maintain"}, 204),
        ("olga", "otto", {"permission": "own"}, 422),
        ("olga", "nobody", {}, 404),
        ("olga", "acme", {}, 422),
        ("wim", "otto", {}, 403),
        ("otto", "otto", {"permission": "admin"}, 403),
    ],
)
def test_roles(world: World, login: str, person: str, body: dict[str, str], status: int) -> None:
    """At once for who is known there; by nobody but who administers it."""
    answer = world.as_(login).put(f"{REPO}/collaborators/{person}", json=body)
    assert answer.status_code == status
    if status == 204:
        role = world.as_("olga").get(f"{REPO}/collaborators/{person}/permission").json()["role_name"]
        assert role == body["permission"]
    assert world.forge.store.db.count("SELECT count(*) FROM invitation") == 0
