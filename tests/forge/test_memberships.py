"""Memberships of an organization."""

import pytest
from tests.forge.robots import robot
from tests.forge.world import World

from localforge import seed
from localforge.access import Role

ORG = "/orgs/acme"


@pytest.mark.parametrize(
    ("login", "person", "status"),
    [
        ("mia", "olga", 204),
        ("mia", "otto", 404),
        ("mia", "nobody", 404),
        ("otto", "olga", 302),
        (None, "olga", 302),
    ],
)
def test_checking(world: World, login: str | None, person: str, status: int) -> None:
    """Members are told; others are sent to what is public."""
    client = world.as_(login) if login else world.client()
    answer = client.get(f"{ORG}/members/{person}")
    assert answer.status_code == status
    if status == 302:
        assert answer.headers["location"].endswith("/orgs/acme/public_members/olga")


def test_reading(world: World) -> None:
    """One's own and others', with the role."""
    mia = world.as_("mia")
    assert mia.get(f"{ORG}/memberships/olga").json()["role"] == "admin"
    assert mia.get(f"{ORG}/memberships/otto").status_code == 404
    assert world.as_("otto").get(f"{ORG}/memberships/olga").status_code == 403
    (own,) = mia.get("/user/memberships/orgs").json()
    assert (own["role"], own["state"], own["organization"]["login"]) == ("member", "active", "acme")
    assert mia.get("/user/memberships/orgs/acme").json() == own
    assert world.as_("otto").get("/user/memberships/orgs/acme").status_code == 404
    assert (
        robot(world, permissions={"members": "read"}).client().get(f"{ORG}/memberships/mia").status_code
        == 200
    )
    assert robot(world, name="Poor", permissions={}).client().get(f"{ORG}/memberships/mia").status_code == 403


def test_removing(world: World) -> None:
    """An owner, with a token for it; access by membership and team is gone, and an owner remains."""
    team = seed.NewTeam(name="core", members=[world.people["mia"]], repositories=[(world.secret, Role.WRITE)])
    seed.create_team(world.forge, world.org, team)
    mia, secret = world.as_("mia"), "/repos/acme/secret"
    owner = world.client(seed.create_token(world.forge, world.people["olga"], "repo", "admin:org"))
    assert mia.get(secret).status_code == 200
    assert mia.delete(f"{ORG}/memberships/mia").status_code == 403
    assert world.as_("olga").delete(f"{ORG}/memberships/mia").status_code == 403
    assert owner.delete(f"{ORG}/memberships/mia").status_code == 204
    assert mia.get(secret).status_code == 404
    assert owner.delete(f"{ORG}/memberships/mia").status_code == 404
    assert owner.delete(f"{ORG}/memberships/olga").status_code == 403
    assert [person["login"] for person in owner.get(f"{ORG}/members").json()] == ["olga"]
