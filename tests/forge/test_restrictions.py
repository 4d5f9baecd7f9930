"""Who a protected branch is for: people, teams and Apps that may push, merge, dismiss reviews, or do without a pull request."""

from pathlib import Path

import httpx
import pytest
from tests.forge.proposing import PULLS, REPO, merge, open_pull, propose, review, sha_of
from tests.forge.robots import robot
from tests.forge.world import World

from localforge import seed
from localforge.access import Role
from localforge.seed import NewTeam
from localforge.seeding.export import export
from localforge.store import repos

REFUSED = "You're not authorized to push to this branch."


@pytest.fixture
def staffed(world: World) -> World:
    """`mia` is in `acme/core`, which is below `acme/staff`; both `mia` and `wim` may write the widget."""
    staff = seed.create_team(world.forge, world.org, NewTeam(name="Staff"))
    mia = [world.people["mia"]]
    seed.create_team(world.forge, world.org, NewTeam(name="Core", members=mia, parent=staff))
    seed.add_collaborator(world.forge, world.widget, world.people["mia"], role=Role.WRITE)
    return world


def protect(world: World, branch: str = "main", **rules: object) -> httpx.Response:
    body = {
        "required_status_checks": None,
        "enforce_admins": False,
        "required_pull_request_reviews": None,
        "restrictions": None,
        **rules,
    }
    return world.as_("olga").put(f"{REPO}/branches/{branch}/protection", json=body)


def write(client: httpx.Client, name: str) -> httpx.Response:
    return client.put(f"{REPO}/contents/{name}", json={"message": "x", "content": "eA==", "branch": "main"})


@pytest.mark.parametrize("slug", ["core", "CORE", "staff"])
def test_a_team_may_push(staffed: World, slug: str) -> None:
    """Its people and those of teams below it, by any letter case of its slug; nobody else but administrators."""
    made = protect(staffed, restrictions={"users": [], "teams": [slug]})
    assert made.status_code == 200, made.text
    shown = made.json()["restrictions"]
    assert [team["slug"] for team in shown["teams"]] == [slug.lower()]
    assert (shown["users"], shown["apps"]) == ([], [])
    assert staffed.as_("olga").get(f"{REPO}/branches/main/protection").json() == made.json()
    assert write(staffed.as_("mia"), "mia.txt").status_code == 201
    refused = write(staffed.as_("wim"), "wim.txt")
    assert refused.status_code == 409
    assert REFUSED in refused.text
    assert write(staffed.as_("olga"), "olga.txt").status_code == 201
    assert staffed.as_("olga").get(f"{REPO}/contents/wim.txt").status_code == 404


def test_who_leaves_the_team_is_out(staffed: World) -> None:
    assert protect(staffed, restrictions={"users": [], "teams": ["core"]}).status_code == 200
    with staffed.forge.store.write() as tx:
        tx.execute("DELETE FROM team_member WHERE user_id = ?", staffed.people["mia"].id)
    assert write(staffed.as_("mia"), "mia.txt").status_code == 409


def test_an_app_may_push(staffed: World) -> None:
    """With its installation's token; another App may not, nor a person."""
    helper, other = robot(staffed), robot(staffed, name="Other Robot")
    made = protect(staffed, restrictions={"users": [], "teams": [], "apps": ["helper-robot"]}).json()
    (shown,) = made["restrictions"]["apps"]
    assert (shown["slug"], made["restrictions"]["users"]) == ("helper-robot", [])
    assert write(helper.client(), "helper.txt").status_code == 201
    assert REFUSED in write(other.client(), "other.txt").text
    assert REFUSED in write(staffed.as_("mia"), "mia.txt").text


def test_merging_asks_the_same(staffed: World) -> None:
    for branch in ("one", "two"):
        propose(staffed, branch, {f"{branch}.txt": "x\n"})
        open_pull(staffed, head=branch)
    protect(staffed, restrictions={"users": [], "teams": ["core"]})
    refused = merge(staffed, 1, login="wim")
    assert (refused.status_code, refused.json()["message"]) == (405, REFUSED)
    before = sha_of(staffed, "main")
    assert merge(staffed, 1, login="mia").status_code == 200
    assert sha_of(staffed, "main") != before


def test_dismissing_and_doing_without(staffed: World) -> None:
    """A team may be the one that dismisses reviews, and that pushes where others need a pull request."""
    propose(staffed, "one", {"one.txt": "x\n"})
    open_pull(staffed, head="one")
    teams = {"users": [], "teams": ["core"]}
    wanted = {"dismissal_restrictions": teams, "bypass_pull_request_allowances": teams}
    shown = protect(staffed, required_pull_request_reviews=wanted).json()["required_pull_request_reviews"]
    for name in wanted:
        assert [team["slug"] for team in shown[name]["teams"]] == ["core"], name
    number = review(staffed, "wim", "APPROVE")["id"]
    where = f"{PULLS}/1/reviews/{number}/dismissals"
    assert staffed.as_("wim").put(where, json={"message": "no"}).status_code == 403
    assert staffed.as_("mia").put(where, json={"message": "no"}).status_code == 200
    assert write(staffed.as_("mia"), "mia.txt").status_code == 201
    assert "Changes must be made through a pull request." in write(staffed.as_("wim"), "wim.txt").text
    everybody = protect(staffed, required_pull_request_reviews={"dismissal_restrictions": {}}).json()
    assert "dismissal_restrictions" not in everybody["required_pull_request_reviews"]


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ({"users": ["nobody"], "teams": []}, "the user nobody does not exist"),
        ({"users": [], "teams": ["none"]}, "the team none does not exist"),
        ({"users": [], "teams": [], "apps": ["none"]}, "the app none does not exist"),
        ({"users": ["acme"], "teams": []}, "the user acme does not exist"),
        ({"users": ["helper-robot[bot]"], "teams": []}, "the user helper-robot[bot] does not exist"),
        ({"users": [], "teams": ["acme/core"]}, "the team acme/core does not exist"),
    ],
)
def test_unknown_names_are_refused(staffed: World, names: dict[str, list[str]], words: str) -> None:
    robot(staffed)
    refused = protect(staffed, restrictions=names)
    assert (refused.status_code, refused.json()["message"]) == (422, f"Validation Failed: {words}")
    assert staffed.as_("olga").get(f"{REPO}/branches/main/protection").status_code == 404


def test_a_person_s_repository_has_nobody_to_restrict_to(world: World, tmp_path: Path) -> None:
    mine = seed.create_repo(world.forge, world.people["olga"], "mine")
    olga = world.as_("olga")
    olga.put("/repos/olga/mine/contents/a", json={"message": "x", "content": "eA=="})
    body = {
        "required_status_checks": None,
        "enforce_admins": True,
        "required_pull_request_reviews": None,
        "restrictions": {"users": ["olga"], "teams": []},
    }
    refused = olga.put("/repos/olga/mine/branches/main/protection", json=body)
    assert refused.status_code == 422
    assert refused.json()["errors"] == ["Only organization repositories can have users and team restrictions"]
    assert repos.protection_of(world.forge.store.db, mine.id, "main") is None


def test_a_description_keeps_them(staffed: World, tmp_path: Path) -> None:
    """Exported with the rest of the protection."""
    protect(staffed, restrictions={"users": ["wim"], "teams": ["core"]})
    export(staffed.forge, tmp_path / "out")
    told = (tmp_path / "out" / "seed.yml").read_text()
    assert '"push_users": [' in told
    assert '"acme/core"' in told
