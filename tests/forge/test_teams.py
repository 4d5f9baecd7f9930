"""Teams: who sees them, who is in them, and what they give access to."""

import pytest
from tests.forge.proposing import REPO, open_pull, propose
from tests.forge.robots import robot
from tests.forge.world import World

from localforge import seed
from localforge.access import Role
from localforge.seed import NewTeam
from localforge.store.teams import Team

TEAMS = "/orgs/acme/teams"


@pytest.fixture
def core(world: World) -> Team:
    """`core` may maintain `acme/secret`; `inner`, below it, is mia's; `hidden` is secret."""
    forge, people = world.forge, world.people
    granted = [(world.secret, Role.MAINTAIN)]
    core = seed.create_team(forge, world.org, NewTeam(name="Core Team", repositories=granted))
    seed.create_team(forge, world.org, NewTeam(name="Inner", members=[people["mia"]], parent=core))
    seed.create_team(forge, world.org, NewTeam(name="Hidden", members=[people["wim"]], secret=True))
    return core


def test_listing(world: World, core: Team) -> None:
    """Members see teams that are not secret; owners see all of them; outsiders none."""
    assert [row["slug"] for row in world.as_("mia").get(TEAMS).json()] == ["core-team", "inner"]
    assert [row["slug"] for row in world.as_("olga").get(TEAMS).json()] == ["core-team", "hidden", "inner"]
    assert world.as_("otto").get(TEAMS).status_code == 404
    assert world.client().get(TEAMS).status_code == 401
    found = world.as_("mia").get(f"{TEAMS}/Core-Team").json()
    assert (found["id"], found["members_count"], found["repos_count"]) == (core.id, 1, 1)
    assert world.as_("mia").get(f"{TEAMS}/inner").json()["parent"]["slug"] == "core-team"
    assert world.as_("mia").get(f"{TEAMS}/hidden").status_code == 404
    assert world.as_("mia").get(f"{TEAMS}/none/members").status_code == 404


def test_members(world: World, core: Team) -> None:
    """Those of teams below are members, too."""
    mia = world.as_("mia")
    assert [row["login"] for row in mia.get(f"{TEAMS}/core-team/members").json()] == ["mia"]
    assert mia.get(f"{TEAMS}/core-team/members?role=member").json() == []
    assert mia.get(f"{TEAMS}/core-team/members?role=owner").status_code == 422


def test_tokens(world: World, core: Team) -> None:
    """A token needs the scope or the permission, an App to be installed there."""
    mia = world.people["mia"]
    for token, status in (
        (seed.create_token(world.forge, mia, "gist"), 403),
        (seed.create_token(world.forge, mia, "read:org"), 200),
        (seed.create_fine_grained_token(world.forge, mia, {"contents": "read"}), 403),
        (seed.create_fine_grained_token(world.forge, mia, {"members": "read"}), 200),
    ):
        assert world.client(token).get(TEAMS).status_code == status
    assert robot(world, permissions={"members": "read"}).client().get(TEAMS).status_code == 200
    assert robot(world, name="Poor", permissions={}).client().get(TEAMS).status_code == 403


def test_access_by_team(world: World, core: Team) -> None:
    """A team's role counts for everybody in it and below it, and for nobody else."""
    secret = "/repos/acme/secret"
    seen = world.as_("mia").get(secret).json()
    assert (seen["permissions"]["maintain"], seen["permissions"]["admin"]) == (True, False)
    assert world.as_("wim").get(secret).status_code == 404
    people = world.as_("olga").get(f"{secret}/collaborators").json()
    assert {row["login"]: row["role_name"] for row in people} == {"mia": "maintain", "olga": "admin"}
    with pytest.raises(ValueError, match="another name"):
        seed.create_team(world.forge, world.org, NewTeam(name="core team"))


def test_a_team_owns_code(world: World) -> None:
    """`@acme/owners` in CODEOWNERS: a member's approval is what is waited for."""
    granted = [(world.widget, Role.WRITE)]
    people = [world.people["mia"]]
    seed.create_team(world.forge, world.org, NewTeam(name="owners", members=people, repositories=granted))
    olga, wim, mia = world.as_("olga"), world.as_("wim"), world.as_("mia")
    owned = {"message": "Own", "content": "KiBAYWNtZS9vd25lcnMK", "branch": "main"}  # * @acme/owners
    assert olga.put(f"{REPO}/contents/CODEOWNERS", json=owned).status_code == 201
    protection = {
        "required_status_checks": None,
        "enforce_admins": True,
        "required_pull_request_reviews": {"require_code_owner_reviews": True},
        "restrictions": None,
    }
    assert olga.put(f"{REPO}/branches/main/protection", json=protection).status_code == 200
    propose(world, "topic", {"new.txt": "x\n"})
    open_pull(world, head="topic")
    for reviewer, state in ((wim, "blocked"), (mia, "clean")):
        assert reviewer.post(f"{REPO}/pulls/1/reviews", json={"event": "APPROVE"}).status_code == 200
        assert olga.get(f"{REPO}/pulls/1").json()["mergeable_state"] == state
