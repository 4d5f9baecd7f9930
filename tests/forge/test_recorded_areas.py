"""What only the recordings ask for: invitations, Markdown, owners' settings, every ref."""

import pytest
from tests.forge.world import World

REPO = "/repos/acme/widget"


def permission(world: World, login: str) -> str:
    answer = world.as_("olga").get(f"{REPO}/collaborators/{login}/permission")
    return str(answer.json()["role_name"])


def invite(world: World, login: str = "otto", permission: str = "push") -> dict[str, object]:
    answer = world.as_("olga").put(f"{REPO}/collaborators/{login}", json={"permission": permission})
    assert answer.status_code == 201, answer.text
    given: dict[str, object] = answer.json()
    return given


@pytest.mark.parametrize(
    ("method", "status", "role"),
    [("PATCH", 204, "maintain"), ("DELETE", 204, "read")],
    ids=["accept", "decline"],
)
def test_an_invitation_is_answered_by_the_invited(world: World, method: str, status: int, role: str) -> None:
    made = invite(world, permission="maintain")
    assert permission(world, "otto") == "read"
    where = f"/user/repository_invitations/{made['id']}"
    assert world.as_("mia").request(method, where).status_code == 404
    assert [one["id"] for one in world.as_("otto").get("/user/repository_invitations").json()] == [made["id"]]
    assert world.as_("otto").request(method, where).status_code == status
    assert permission(world, "otto") == role
    assert world.as_("olga").get(f"{REPO}/invitations").json() == []
    assert world.as_("otto").request(method, where).status_code == 404


def test_members_and_collaborators_are_changed_at_once(world: World) -> None:
    olga = world.as_("olga")
    for login, name, role in (
        ("mia", "push", "write"),
        ("wim", "admin", "admin"),
        ("wim", "triage", "triage"),
    ):
        assert olga.put(f"{REPO}/collaborators/{login}", json={"permission": name}).status_code == 204
        assert permission(world, login) == role
    for _ in range(2):
        assert olga.delete(f"{REPO}/collaborators/wim").status_code == 204
    assert permission(world, "wim") == "read"


def test_an_invitation_is_changed_taken_back_and_replaced(world: World) -> None:
    olga, made = world.as_("olga"), invite(world)
    where = f"{REPO}/invitations/{made['id']}"
    assert olga.patch(where, json={"permissions": "admin"}).json()["permissions"] == "admin"
    assert invite(world)["id"] != made["id"]
    assert len(olga.get(f"{REPO}/invitations").json()) == 1
    assert olga.delete(where).status_code == 404
    assert olga.delete(f"{REPO}/collaborators/otto").status_code == 204
    assert olga.get(f"{REPO}/invitations").json() == []


@pytest.mark.parametrize(
    ("login", "whom", "body", "status"),
    [
        ("wim", "otto", {}, 403),
        ("otto", "otto", {}, 403),
        ("olga", "nobody", {}, 404),
        ("olga", "acme", {}, 404),
        ("olga", "otto", {"permission": "god"}, 422),
    ],
)
def test_refusals(world: World, login: str, whom: str, body: dict[str, str], status: int) -> None:
    assert world.as_(login).put(f"{REPO}/collaborators/{whom}", json=body).status_code == status
    assert world.as_("olga").get(f"{REPO}/invitations").json() == []


def test_markdown_is_rendered_and_obeys_no_markup(world: World) -> None:
    words = "### Hello\n\n<script>x</script> *you*"
    for answer in (
        world.as_("otto").post("/markdown", json={"text": words, "mode": "gfm"}),
        world.as_("otto").post("/markdown/raw", content=words.encode()),
    ):
        assert answer.headers["content-type"].startswith("text/html")
        assert "<h3>Hello</h3>" in answer.text
        assert "<em>you</em>" in answer.text
        assert "<script" not in answer.text
    assert world.as_("otto").post("/markdown", json={}).status_code == 422
    assert world.as_("otto").post("/markdown/raw", content=b"\xff").status_code == 422
    assert world.as_("otto").put("/notifications").status_code == 205
    assert world.client().put("/notifications").status_code == 401


def test_an_organizations_settings_are_its_owners(world: World) -> None:
    private = {"plan", "billing_email", "total_private_repos"}
    assert private <= world.as_("olga").get("/orgs/acme").json().keys()
    assert world.as_("olga").get("/orgs/acme").json()["total_private_repos"] == 1
    for login in ("mia", "otto"):
        assert not private & world.as_(login).get("/orgs/acme").json().keys()


def test_all_refs_are_listed(world: World) -> None:
    found = world.as_("otto").get("/repos/acme/widget/git/refs").json()
    assert {one["ref"] for one in found} == {"refs/heads/main", "refs/heads/feature/side", "refs/tags/v1"}
    assert world.as_("olga").get("/repos/acme/secret/git/refs").status_code == 409
