"""What every operation has: errors in GitHub's words, limits, revalidation, pages, access."""

from pathlib import Path

import pytest
from tests.forge.world import World, build

from localforge import seed
from localforge.access import Role
from localforge.call import Answer, Call, ok
from localforge.forge import Settings
from localforge.operations import Area, Operation, Router
from localforge.ratelimit import Limits


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


@pytest.mark.parametrize(("version", "status"), [("2022-11-28", 200), ("2022-11-27", 400), ("", 400)])
def test_api_version(world: World, version: str, status: int) -> None:
    """Only the version that we speak is spoken."""
    answer = world.client().get("/rate_limit", headers={"x-github-api-version": version})
    assert answer.status_code == status


def test_limits_are_counted_per_credential(tmp_path: Path, clone: Path) -> None:
    """Headers count down; beyond the limit 403 with Retry-After; another credential is not touched."""
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
    assert "rate limit exceeded" in refused.json()["message"]
    assert int(refused.headers["retry-after"]) > 0
    assert mia.get("/user").status_code == 200
    world.forge.close()


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
