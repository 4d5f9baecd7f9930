"""What every operation has: errors in GitHub's words, limits, revalidation, pages, access."""

from pathlib import Path

import httpx
import pytest
from tests.forge.proposing import REPO, open_pull
from tests.forge.robots import robot
from tests.forge.world import World, build

from localforge import seed
from localforge.access import Role
from localforge.call import Answer, Call, ok
from localforge.forge import Settings
from localforge.mounted import MountedForge
from localforge.operations import Area, Operation, Router
from localforge.ratelimit import Limits


def plain(world: World) -> httpx.Client:
    """Olga's client, whose answers nobody compares with the first version's description."""
    headers = {"authorization": f"token {world.tokens['olga']}"}
    transport = MountedForge(world.app)
    return httpx.Client(transport=transport, base_url="http://forge.test", headers=headers)


def nothing(_call: Call) -> Answer:
    return ok({})


def route(*paths: str) -> Router:
    return Router(Operation(method="GET", path=path, id=path, handler=nothing) for path in paths)


@pytest.mark.parametrize(
    ("path", "expected", "params"),
    [
        ("/repos/o/r", "/repos/{owner}/{repo}", {"owner": "o", "repo": "r"}),
        (
            "/repos/o/r/branches/a/b",
            "/repos/{owner}/{repo}/branches/{branch*}",
            {"owner": "o", "repo": "r", "branch": "a/b"},
        ),
        (
            "/repos/o/r/branches/a/b/protection",
            "/repos/{owner}/{repo}/branches/{branch*}/protection",
            {"owner": "o", "repo": "r", "branch": "a/b"},
        ),
        ("/repos/o/r/issues/comments", "/repos/{owner}/{repo}/issues/comments", {"owner": "o", "repo": "r"}),
        (
            "/repos/o/r/issues/7",
            "/repos/{owner}/{repo}/issues/{number}",
            {"owner": "o", "repo": "r", "number": "7"},
        ),
        ("/repos/o", None, {}),
        ("/nothing", None, {}),
    ],
)
def test_router(path: str, expected: str | None, params: dict[str, str]) -> None:
    """A literal wins over a parameter, one segment over many."""
    router = route(
        "/repos/{owner}/{repo}",
        "/repos/{owner}/{repo}/branches/{branch*}",
        "/repos/{owner}/{repo}/branches/{branch*}/protection",
        "/repos/{owner}/{repo}/issues/comments",
        "/repos/{owner}/{repo}/issues/{number}",
    )
    found = router.match("GET", [part for part in path.split("/") if part])
    assert (found[0].path if found else None) == expected
    assert (dict(found[1]) if found else {}) == params


def test_an_operation_on_a_repository_must_say_what_it_needs() -> None:
    """Forgetting access is an error when the table is built, not a hole."""
    area = Area()
    with pytest.raises(ValueError, match="must say what it needs"):
        area("GET", "/repos/{owner}/{repo}/secrets", "x/y")(nothing)
    with pytest.raises(ValueError, match="declared twice"):
        route("/a", "/a")


@pytest.mark.parametrize("prefix", ["", "/api/v3"])
def test_unknown_addresses(world: World, prefix: str) -> None:
    """404 in GitHub's words, under both roots."""
    answer = world.client().get(f"{prefix}/no/such/thing")
    assert answer.status_code == 404
    assert answer.json() == {
        "message": "Not Found",
        "documentation_url": "https://docs.github.com/rest",
        "status": "404",
    }
    assert answer.headers["x-github-request-id"]


@pytest.mark.parametrize(
    "header", ["token wrong", "Bearer wrong", "Basic !!!", "Basic b2xnYTp3cm9uZw==", "Digest x"]
)
def test_wrong_credentials(world: World, header: str) -> None:
    """A credential that is not one of ours is refused even where none is needed."""
    answer = world.client().get("/rate_limit", headers={"authorization": header})
    assert (answer.status_code, answer.json()["message"]) == (401, "Bad credentials")


def test_expired_token(world: World) -> None:
    """A token ends with its `expires_at`."""
    token = seed.create_fine_grained_token(
        world.forge, world.people["olga"], {"contents": "read"}, expires_at="2020-01-01T00:00:00Z"
    )
    assert world.client(token).get("/rate_limit").status_code == 401


@pytest.mark.parametrize(
    ("version", "status"), [("2022-11-28", 200), ("2026-03-10", 200), ("2022-11-27", 400), ("", 400)]
)
def test_api_version(world: World, version: str, status: int) -> None:
    """Only the versions that we speak are spoken."""
    answer = plain(world).get("/rate_limit", headers={"x-github-api-version": version})
    assert answer.status_code == status
    if status == 200:
        assert answer.headers["x-github-api-version-selected"] == version


def test_the_second_version_leaves_out_what_the_first_shows(topic: World) -> None:
    """What GitHub's list of breaking changes names, wherever it stands; nothing else."""
    assert open_pull(topic, head="topic").status_code == 201
    second = {"x-github-api-version": "2026-03-10"}
    client = plain(topic)
    gone = {
        "/": {"authorizations_url", "hub_url"},
        "/rate_limit": {"rate"},
        REPO: {"has_downloads", "use_squash_pr_title_as_default"},
        f"{REPO}/pulls/1": {"assignee", "merge_commit_sha"},
        f"{REPO}/issues/1": {"assignee"},
        "/users/olga": set(),
    }
    for path, names in gone.items():
        before, after = client.get(path).json(), client.get(path, headers=second).json()
        assert before.keys() - after.keys() == names, path
    base = client.get(f"{REPO}/pulls/1", headers=second).json()["base"]
    assert "has_downloads" not in base["repo"]
    first, newer = client.get(REPO), client.get(REPO, headers=second)
    assert first.headers["etag"] != newer.headers["etag"]
    assert client.get(f"{REPO}/contents/README.md", headers=second).json()["name"] == "README.md"


def test_limits_are_counted_per_user(tmp_path: Path, clone: Path) -> None:
    """Headers count down; beyond the limit 403 with Retry-After, whatever token of theirs; nobody else is touched."""
    world = build(tmp_path / "state", clone, Settings(limits=Limits(core=2)))
    olga, mia = world.as_("olga"), world.as_("mia")
    first = olga.get("/user")
    assert (first.headers["x-ratelimit-remaining"], first.headers["x-ratelimit-resource"]) == ("1", "core")
    tag = {"if-none-match": first.headers["etag"]}
    assert olga.get("/user", headers=tag).status_code == 304
    assert olga.get("/rate_limit").json()["resources"]["core"]["used"] == 1
    assert olga.get("/user").headers["x-ratelimit-remaining"] == "0"
    refused = olga.get("/user")
    assert refused.status_code == 403
    assert (refused.headers["x-ratelimit-remaining"], refused.headers["x-ratelimit-used"]) == ("0", "2")
    assert "rate limit exceeded" in refused.json()["message"]
    assert refused.json()["documentation_url"].endswith("/rate-limits-for-the-rest-api")
    assert int(refused.headers["retry-after"]) > 0
    number = world.people["olga"].id
    assert refused.json()["message"] == f"API rate limit exceeded for user ID {number}."
    other = world.client(seed.create_token(world.forge, world.people["olga"], "repo"))
    assert other.get("/user").json()["message"] == refused.json()["message"]
    assert mia.get("/user").status_code == 200
    world.forge.close()


def test_limits_name_whose_they_are(tmp_path: Path, clone: Path) -> None:
    """A stranger's address, with what would help."""
    world = build(tmp_path / "state", clone, Settings(limits=Limits(anonymous=0)))
    said = world.client().get("/meta").json()["message"]
    assert said.startswith("API rate limit exceeded for 127.0.0.1. (But here's the good news")
    world.forge.close()


def test_content_is_created_at_a_measured_pace(tmp_path: Path, clone: Path) -> None:
    """The secondary limit: 403 with Retry-After, of what creates content alone."""
    world = build(tmp_path / "state", clone, Settings(limits=Limits(content_per_minute=2)))
    olga = world.as_("olga")
    issues = "/repos/acme/widget/issues"
    for _ in range(2):
        assert olga.post(issues, json={"title": "x"}).status_code == 201
    refused = olga.post(issues, json={"title": "x"})
    assert (refused.status_code, "secondary rate limit" in refused.json()["message"]) == (403, True)
    assert refused.json()["documentation_url"].endswith("#about-secondary-rate-limits")
    assert 0 < int(refused.headers["retry-after"]) <= 61
    assert int(refused.headers["x-ratelimit-remaining"]) > 0
    assert olga.get(issues).status_code == 200
    assert world.as_("mia").post(issues, json={"title": "x"}).status_code == 201
    world.forge.close()


def test_one_request_id(world: World) -> None:
    """Refused or not, an answer is one answer."""
    for path in ("/user", "/repos/acme/widget", "/no/such"):
        assert len(world.client().get(path).headers.get_list("x-github-request-id")) == 1


@pytest.mark.parametrize("path", ["/user", "/no/such", "/api/v3/repos/acme/secret"])
def test_scripts_of_other_origins(world: World, path: str) -> None:
    """May ask anything that a credential allows, and read the headers that matter."""
    asked = world.client().options(path)
    assert (asked.status_code, asked.headers["access-control-allow-origin"]) == (204, "*")
    assert "Authorization" in asked.headers["access-control-allow-headers"]
    assert "X-RateLimit-Remaining" in world.client().get(path).headers["access-control-expose-headers"]


def test_what_a_token_has_and_what_is_accepted(world: World) -> None:
    """Scopes of a classic token; permissions for every other."""
    hooks, olga = "/repos/acme/widget/hooks", world.people["olga"]
    classic = world.as_("olga").get(hooks).headers
    assert classic["x-oauth-scopes"] == "admin:org_hook, delete_repo, read:org, repo, workflow"
    assert classic["x-accepted-oauth-scopes"] == "admin:repo_hook, repo, read:repo_hook"
    fine = seed.create_fine_grained_token(world.forge, olga, {"contents": "read"})
    refused = world.client(fine).get(hooks)
    assert (refused.status_code, refused.headers["x-accepted-github-permissions"]) == (
        403,
        "repository_hooks=read",
    )
    assert "x-oauth-scopes" not in refused.headers
    assert "x-accepted-github-permissions" not in classic


@pytest.mark.parametrize(
    ("scopes", "status"), [((), 404), (("repo",), 404), (("admin:org_hook",), 200), (("admin:org",), 404)]
)
def test_an_organizations_hooks_take_a_scope(world: World, scopes: tuple[str, ...], status: int) -> None:
    token = seed.create_token(world.forge, world.people["olga"], *scopes)
    assert world.client(token).get("/orgs/acme/hooks").status_code == status


@pytest.mark.parametrize(
    ("level", "read", "write"), [("read", 200, 403), ("write", 200, 422), (None, 403, 403)]
)
def test_an_organizations_hooks_take_a_permission(
    world: World, level: str | None, read: int, write: int
) -> None:
    """Of a fine-grained token and of an App alike; elsewhere an App has none."""
    granted = {"organization_hooks": level} if level else {}
    token = seed.create_fine_grained_token(world.forge, world.people["olga"], granted)
    for client in (world.client(token), robot(world, permissions=granted).client()):
        assert client.get("/orgs/acme/hooks").status_code == read
        assert client.post("/orgs/acme/hooks", json={}).status_code == write
    seed.create_org(world.forge, "other", owner=world.people["otto"])
    assert client.get("/orgs/other/hooks").status_code == 404


def test_the_role_of_a_collaborator(world: World) -> None:
    """Roles: owner, member by the organization's default, collaborator, stranger."""
    from localforge.access import role_on

    def roles(login: str) -> tuple[Role, Role]:
        person = world.people[login]
        return role_on(world.forge.store.db, world.widget, person), role_on(
            world.forge.store.db, world.secret, person
        )

    assert roles("olga") == (Role.ADMIN, Role.ADMIN)
    assert roles("mia") == (Role.READ, Role.READ)
    assert roles("wim") == (Role.WRITE, Role.NONE)
    assert roles("otto") == (Role.READ, Role.NONE)
