"""Accounts, organizations and repositories over REST."""

import httpx
import pytest
from tests.forge.world import World

from localforge import seed
from localforge.access import Role


def message(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["message"]


def test_the_root_and_profiles(world: World) -> None:
    """Addresses follow the caller's Host and root."""
    anonymous, olga = world.client(), world.as_("olga")
    assert anonymous.get("/").json()["current_user_url"] == "http://forge.test/user"
    assert anonymous.get("/api/v3/").json()["current_user_url"] == "http://forge.test/api/v3/user"
    assert anonymous.get("/meta").json()["verifiable_password_authentication"] is False
    assert message(anonymous.get("/user")) == (401, "Requires authentication")
    assert olga.get("/user").json()["email"] == "olga@example.test"
    assert olga.get("/users/ACME").json()["type"] == "Organization"
    assert anonymous.get("/users/nobody").status_code == 404
    assert olga.get("/api/v3/users/mia").json()["url"] == "http://forge.test/api/v3/users/mia"


def test_organizations(world: World) -> None:
    """An organization, its members by role, and a user's organizations."""
    olga = world.as_("olga")
    assert olga.get("/orgs/acme").json()["public_repos"] == 1
    assert olga.get("/orgs/olga").status_code == 404
    assert [person["login"] for person in olga.get("/orgs/acme/members").json()] == ["mia", "olga"]
    assert [person["login"] for person in olga.get("/orgs/acme/members?role=admin").json()] == ["olga"]
    assert [org["login"] for org in world.as_("mia").get("/user/orgs").json()] == ["acme"]
    assert world.as_("otto").get("/user/orgs").json() == []


def test_a_repository(world: World) -> None:
    """Fields come from the row, from git, and from who asks."""
    repo = world.as_("wim").get("/repos/Acme/Widget").json()
    assert (repo["full_name"], repo["default_branch"], repo["language"]) == ("acme/widget", "main", "Python")
    assert repo["permissions"] == {
        "admin": False,
        "maintain": False,
        "push": True,
        "triage": True,
        "pull": True,
    }
    assert repo["clone_url"] == "http://forge.test/acme/widget.git"
    assert repo["allow_squash_merge"] is True
    stranger = world.client().get("/repos/acme/widget").json()
    assert "permissions" not in stranger
    assert "allow_squash_merge" not in stranger
    assert world.as_("olga").get("/repos/acme/widget/languages").json()["Python"] > 0


@pytest.mark.parametrize("login", [None, "otto", "wim"])
def test_a_private_repository_is_hidden(world: World, login: str | None) -> None:
    """Who may not see it is told that it does not exist, by reading and by writing."""
    client = world.as_(login) if login else world.client()
    assert client.get("/repos/acme/secret").status_code == 404
    assert client.get("/repos/acme/secret/branches").status_code == 404
    assert client.patch("/repos/acme/secret", json={"archived": True}).status_code == 404
    assert "secret" not in client.get("/orgs/acme/repos").text
    assert world.as_("mia").get("/repos/acme/secret").json()["visibility"] == "private"


def test_tokens_narrow_what_their_user_may(world: World) -> None:
    """Scopes and permissions bind even an owner."""
    forge, olga = world.forge, world.people["olga"]
    no_scope = world.client(seed.create_token(forge, olga))
    reader = world.client(
        seed.create_fine_grained_token(forge, olga, {"contents": "read"}, repositories=[world.secret])
    )
    assert no_scope.get("/repos/acme/widget").status_code == 200
    assert no_scope.get("/repos/acme/secret").status_code == 404
    assert no_scope.patch("/repos/acme/widget", json={}).status_code == 404
    assert no_scope.post("/orgs/acme/repos", json={"name": "x"}).status_code == 404
    assert reader.get("/repos/acme/secret").status_code == 200
    refusal = (403, "Resource not accessible by personal access token")
    assert message(reader.patch("/repos/acme/secret", json={})) == refusal
    assert message(reader.put("/repos/acme/widget/contents/x", json={})) == refusal
    assert message(reader.post("/orgs/acme/repos", json={"name": "x"})) == refusal
    assert message(reader.get("/repos/acme/widget/branches/main/protection")) == refusal


def test_roles_bind(world: World) -> None:
    """Writers write, administrators administer; others hear why not."""
    assert message(world.as_("wim").patch("/repos/acme/widget", json={})) == (
        403,
        "Must have admin rights to Repository.",
    )
    assert message(world.as_("otto").put("/repos/acme/widget/contents/x", json={})) == (
        403,
        "Must have push access to Repository.",
    )
    assert world.client().patch("/repos/acme/widget", json={}).status_code == 401
    assert world.client().get("/repos/acme/widget/collaborators").status_code == 401
    assert world.client().get("/repos/acme/widget/branches/main/protection").status_code == 401
    assert world.as_("wim").get("/repos/acme/widget/branches/main/protection").status_code == 404


def test_creating(world: World) -> None:
    """New repositories, with a first commit on request; bad and taken names are refused."""
    olga = world.as_("olga")
    made = olga.post(
        "/orgs/acme/repos", json={"name": "new", "auto_init": True, "description": "New", "has_wiki": False}
    )
    assert made.status_code == 201
    assert made.headers["location"] == "http://forge.test/repos/acme/new"
    assert (made.json()["has_wiki"], made.json()["description"]) == (False, "New")
    assert olga.get("/repos/acme/new/readme").json()["name"] == "README.md"
    private = olga.post("/user/repos", json={"name": "mine", "private": True})
    assert (private.status_code, private.json()["private"]) == (201, True)
    for name in ("new", "a b", "..", "x.git"):
        refused = olga.post("/orgs/acme/repos", json={"name": name})
        assert message(refused) == (422, "Repository creation failed.")
        assert refused.json()["errors"][0]["field"] == "name"
    assert world.as_("otto").post("/orgs/acme/repos", json={"name": "x"}).status_code == 403
    kinds = world.forge.store.db.column(str, "SELECT kind FROM event ORDER BY id")
    assert kinds == ["CreateEvent", "Push", "RepositoryEvent", "RepositoryEvent"]


def test_bodies(world: World) -> None:
    """What is no JSON object is 400, too large is 413, a wrong type is 422 with the field's name."""
    olga = world.as_("olga")
    assert message(olga.post("/user/repos", content=b"{")) == (400, "Problems parsing JSON")
    assert olga.post("/user/repos", content=b"[]").status_code == 400
    assert olga.post("/user/repos", content=b"[" * 100_000).status_code == 400
    assert olga.post("/user/repos", content=b" " * (26 << 20)).status_code == 413
    assert message(olga.post("/user/repos", json={})) == (422, 'Invalid request.\n\n"name" wasn\'t supplied.')
    assert message(olga.post("/user/repos", json={"name": 1})) == (
        422,
        "Invalid request.\n\nFor 'properties/name', 1 is not a string.",
    )


def test_null_bytes(world: World) -> None:
    """No text has one but that of a file."""
    olga = world.as_("olga")
    for path, body in (
        ("issues", {"title": "a\0b"}),
        ("issues", {"title": "a", "labels": ["\0"]}),
        ("labels", {"name": "\0"}),
    ):
        assert olga.post(f"/repos/acme/widget/{path}", json=body).status_code == 422
    query = "query($q: String!) { search(query: $q, type: ISSUE, first: 1) { issueCount } }"
    refused = olga.post("/graphql", json={"query": query, "variables": {"q": "a\0"}}).json()
    assert "without null bytes" in refused["errors"][0]["message"]
    assert olga.get("/repos/acme/widget/issues").json() == []
    assert olga.post("/repos/acme/widget/git/blobs", json={"content": "a\0b"}).status_code == 201


def test_renaming(world: World) -> None:
    """The old name redirects, reads by 301 and writes by 307, until a new repository takes it."""
    olga = world.as_("olga")
    assert olga.patch("/repos/acme/widget", json={"name": "gadget"}).json()["full_name"] == "acme/gadget"
    moved = olga.get("/repos/acme/widget/branches?per_page=1")
    assert (moved.status_code, moved.headers["location"]) == (
        301,
        f"http://forge.test/repositories/{world.widget.id}/branches?per_page=1",
    )
    followed = olga.get(moved.headers["location"])
    assert len(followed.json()) == 1
    assert f"/repositories/{world.widget.id}/branches?per_page=1&page=2>" in followed.headers["link"]
    assert world.as_("otto").get(f"/repositories/{world.secret.id}").status_code == 404
    assert {olga.get(f"/repositories/{n}").status_code for n in ("0", "x", "9" * 30, "٣")} == {404}
    assert olga.patch("/repos/acme/widget", json={"description": "x"}).status_code == 307
    assert world.as_("otto").patch("/repos/acme/widget", json={}).status_code == 403
    assert olga.patch("/repos/acme/gadget", json={"name": "secret"}).status_code == 422
    assert olga.post("/orgs/acme/repos", json={"name": "widget"}).status_code == 201
    assert olga.get("/repos/acme/widget").json()["id"] != world.widget.id


def test_archiving(world: World) -> None:
    """An archived repository is read-only but for being un-archived or deleted."""
    olga = world.as_("olga")
    assert olga.patch("/repos/acme/widget", json={"archived": True}).json()["archived"] is True
    archived = (403, "Repository was archived so is read-only.")
    assert message(olga.patch("/repos/acme/widget", json={"description": "x"})) == archived
    assert message(olga.put("/repos/acme/widget/topics", json={"names": []})) == archived
    assert olga.get("/repos/acme/widget/topics").json() == {"names": []}
    assert olga.patch("/repos/acme/widget", json={"archived": False}).json()["archived"] is False
    actions = world.forge.store.db.column(str, "SELECT payload ->> 'action' FROM event ORDER BY id")
    assert actions == ["archived", "unarchived"]


def test_deleting(world: World) -> None:
    """The row, its redirects and its git directory go; the id never returns."""
    olga, path = world.as_("olga"), world.forge.git_path(world.widget.id)
    narrow = world.client(seed.create_token(world.forge, world.people["olga"], "repo"))
    assert narrow.delete("/repos/acme/widget").status_code == 403
    assert world.as_("wim").delete("/repos/acme/widget").status_code == 403
    assert path.exists()
    assert olga.delete("/repos/acme/widget").status_code == 204
    assert not path.exists()
    assert olga.get("/repos/acme/widget").status_code == 404
    assert olga.post("/orgs/acme/repos", json={"name": "widget"}).json()["id"] > world.secret.id


def test_settings(world: World) -> None:
    """Switches, choices, the default branch and topics; what is no choice is refused."""
    olga = world.as_("olga")
    changed = olga.patch(
        "/repos/acme/widget",
        json={
            "allow_squash_merge": False,
            "merge_commit_title": "PR_TITLE",
            "default_branch": "feature/side",
            "homepage": "https://example.test",
        },
    ).json()
    assert (changed["allow_squash_merge"], changed["merge_commit_title"]) == (False, "PR_TITLE")
    assert changed["default_branch"] == "feature/side"
    assert olga.patch("/repos/acme/widget", json={"default_branch": "nowhere"}).status_code == 422
    assert olga.patch("/repos/acme/widget", json={"merge_commit_title": "LOUD"}).status_code == 422
    assert olga.put("/repos/acme/widget/topics", json={"names": ["Tools", "tools"]}).json() == {
        "names": ["tools"]
    }
    assert olga.put("/repos/acme/widget/topics", json={"names": ["not a topic"]}).status_code == 422
    assert olga.put("/repos/acme/widget/topics", json={}).status_code == 422


def test_lists(world: World) -> None:
    """Lists are filtered by kind, sorted, paged with Link headers, and hold what the caller may see."""
    forge, olga = world.forge, world.as_("olga")
    for number in range(5):
        seed.create_repo(forge, world.people["olga"], f"r{number}", private=number == 0)

    def names(path: str, login: str = "olga") -> list[str]:
        return [repo["name"] for repo in world.as_(login).get(path).json()]

    assert names("/users/olga/repos") == ["r1", "r2", "r3", "r4"]
    assert names("/orgs/acme/repos?type=private") == ["secret"]
    assert names("/orgs/acme/repos?sort=full_name&direction=desc") == ["widget", "secret"]
    assert names("/user/repos?affiliation=owner&visibility=private") == ["r0"]
    assert names("/user/repos", "wim") == ["widget"]
    assert names("/user/repos?type=owner", "wim") == []
    assert names("/users/wim/repos?type=member", "otto") == ["widget"]
    page = olga.get("/user/repos?per_page=3&page=2&sort=created")
    assert len(page.json()) == 3
    assert page.links["next"]["url"] == "http://forge.test/user/repos?per_page=3&sort=created&page=3"
    assert page.links["prev"]["url"].endswith("page=1")
    assert "link" not in olga.get("/user/repos").headers
    assert olga.get("/user/repos?page=99").json() == []
    assert olga.get("/user/repos?sort=size").status_code == 422


def test_collaborators(world: World) -> None:
    """Who has access, and how much, seen by those who may push."""
    olga = world.as_("olga")
    seed.add_collaborator(world.forge, world.widget, world.people["mia"], role=Role.TRIAGE)

    def logins(query: str) -> set[str]:
        return {person["login"] for person in olga.get(f"/repos/acme/widget/collaborators{query}").json()}

    assert logins("") == {"olga", "mia", "wim"}
    assert logins("?affiliation=outside") == {"wim"}
    assert logins("?affiliation=direct") == {"wim", "mia"}
    assert logins("?permission=push") == {"olga", "wim"}
    assert olga.get("/repos/acme/widget/collaborators/wim").status_code == 204
    assert olga.get("/repos/acme/widget/collaborators/otto").status_code == 404
    levels = {
        login: tuple(
            olga.get(f"/repos/acme/widget/collaborators/{login}/permission").json()[key]
            for key in ("permission", "role_name")
        )
        for login in ("olga", "wim", "mia", "otto")
    }
    assert levels == {
        "olga": ("admin", "admin"),
        "wim": ("write", "write"),
        "mia": ("read", "triage"),
        "otto": ("read", "read"),
    }
    assert world.as_("otto").get("/repos/acme/widget/collaborators").status_code == 404


def test_revalidation(world: World) -> None:
    """An unchanged answer is 304; a change gives a new tag."""
    olga = world.as_("olga")
    tag = olga.get("/repos/acme/widget").headers["etag"]
    again = olga.get("/repos/acme/widget", headers={"if-none-match": tag})
    assert (again.status_code, again.content) == (304, b"")
    olga.patch("/repos/acme/widget", json={"description": "new"})
    assert olga.get("/repos/acme/widget", headers={"if-none-match": tag}).status_code == 200
