"""Apps: what they say of themselves, the tokens they get for it, and what these may do."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from tests.forge.proposing import REPO, commit, open_pull, propose, sha_of
from tests.forge.robots import Robot, bearer, robot
from tests.forge.world import World, build

from localforge import seed
from localforge.__main__ import main
from localforge.apps.registering import Blueprint
from localforge.errors import InvalidError
from localforge.forge import Forge, Settings
from localforge.ratelimit import Limits

SECRET_ISSUE = "/repos/acme/secret/issues"


@pytest.fixture
def helper(world: World) -> Robot:
    """An App on all of `acme`."""
    return robot(world)


@pytest.mark.parametrize(
    ("claims", "status", "said"),
    [
        ({}, 200, ""),
        ({"iss": 1}, 200, ""),
        ({"iss": "77"}, 404, "Integration not found"),
        ({"iss": True}, 401, "'Issuer' claim ('iss') must be an Integer"),
        ({"iss": None}, 401, "'Issuer' claim ('iss') must be an Integer"),
        ({"iat": None}, 401, "'Issued at' claim ('iat') must be an Integer"),
        ({"iat": 1 << 40}, 401, "'Issued at' claim ('iat') must be an Integer"),
        ({"exp": None}, 401, "'Expiration time' claim ('exp') must be a numeric value"),
        ({"exp": 7}, 401, "'Expiration time' claim ('exp') must be a numeric value"),
        ({"exp": "soon"}, 401, "'Expiration time' claim ('exp') must be a numeric value"),
        ({"exp": 1 << 40}, 401, "'Expiration time' claim ('exp') is too far in the future"),
    ],
)
def test_what_an_app_says(helper: Robot, claims: dict[str, object], status: int, said: str) -> None:
    """GitHub's rules and words for the token that an App signs itself."""
    answer = helper.itself(**claims).get("/app")
    assert answer.status_code == status
    assert said in answer.text
    assert (answer.json().get("slug") == "helper-robot") == (status == 200)


def test_the_client_id_names_the_app_too(helper: Robot) -> None:
    """GitHub recommends it over the id."""
    assert helper.itself(iss=helper.app.client_id).get("/app").json()["id"] == helper.app.id


def test_who_is_no_app(helper: Robot) -> None:
    """Another key, another algorithm, no token, somebody else's token: undecodable."""
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = other.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    now = int(time.time())
    claims = {"iat": now - 60, "exp": now + 60, "iss": str(helper.app.id)}
    forged = [
        jwt.encode(claims, pem, algorithm="RS256"),
        jwt.encode(claims, "x" * 32, algorithm="HS256"),
        jwt.encode(claims, "", algorithm="none"),
        "a.b.c",
        "..",
    ]
    world = helper.world
    clients = [world.client(), world.as_("olga"), helper.client(), *(bearer(world, it) for it in forged)]
    for client in clients:
        answer = client.get("/app")
        assert (answer.status_code, answer.json()["message"]) == (
            401,
            "A JSON web token could not be decoded",
        )
    wrong_scheme = world.client(helper.assertion()).get("/app")
    assert (wrong_scheme.status_code, wrong_scheme.json()["message"]) == (401, "Bad credentials")


def test_an_app_itself_reaches_no_repository(helper: Robot) -> None:
    """Its own token is for asking about itself alone."""
    itself = helper.itself()
    for path in ("/user", REPO, f"{REPO}/issues"):
        assert (itself.get(path).status_code, itself.get(path).json()["message"]) == (
            403,
            "Resource not accessible by integration",
        )
    assert itself.post("/graphql", json={"query": "{viewer{login}}"}).status_code == 403
    assert itself.get("/rate_limit").json()["resources"]["core"]["limit"] == 100_000


def test_installations(helper: Robot) -> None:
    """Found by id, account and repository; nobody else's."""
    itself, world = helper.itself(), helper.world
    (listed,) = itself.get("/app/installations").json()
    assert (listed["id"], listed["account"]["login"], listed["repository_selection"]) == (1, "acme", "all")
    for path in (helper.where, "/orgs/acme/installation", "/users/acme/installation", f"{REPO}/installation"):
        assert itself.get(path).json()["id"] == helper.installation.id, path
    assert itself.get("/repos/acme/none/installation").status_code == 404
    assert itself.get("/users/otto/installation").status_code == 404
    assert itself.get("/app/installations?since=2999-01-01T00:00:00Z").json() == []
    other = robot(world, name="Other")
    assert other.itself().get(helper.where).status_code == 404
    assert other.itself().post(f"{helper.where}/access_tokens").status_code == 404
    seen = world.as_("olga").get("/orgs/acme/installations").json()
    assert [row["app_slug"] for row in seen["installations"]] == ["helper-robot", "other"]
    assert world.as_("mia").get("/orgs/acme/installations").status_code == 404
    assert world.client().get("/apps/other").json()["name"] == "Other"
    assert world.client().get("/apps/none").status_code == 404


def test_a_token(helper: Robot) -> None:
    """Lasts an hour; acts as the App's bot; sees the installation's repositories, private ones included."""
    made = helper.token()
    assert made["token"].startswith("ghs_")
    assert made["permissions"] == {"metadata": "read", **helper.app.permissions}
    assert made["repository_selection"] == "all"
    left = time.mktime(time.strptime(made["expires_at"], "%Y-%m-%dT%H:%M:%SZ")) - time.mktime(time.gmtime())
    assert 3590 < left <= 3600
    client = helper.world.client(made["token"])
    reached = client.get("/installation/repositories").json()
    assert [repo["name"] for repo in reached["repositories"]] == ["widget", "secret"]
    issue = client.post(SECRET_ISSUE, json={"title": "x"})
    assert issue.status_code == 201
    author = issue.json()["user"]
    assert (author["login"], author["type"]) == ("helper-robot[bot]", "Bot")
    assert author["html_url"].endswith("/apps/helper-robot")
    said = client.post(f"{SECRET_ISSUE}/1/comments", json={"body": "y"})
    for written in (issue, said):
        assert written.json()["performed_via_github_app"]["id"] == helper.app.id
    by_hand = helper.world.as_("olga").post(SECRET_ISSUE, json={"title": "x"})
    assert by_hand.json()["performed_via_github_app"] is None
    viewer = client.post("/graphql", json={"query": "{viewer{login}}"}).json()
    assert viewer == {"data": {"viewer": {"login": "helper-robot[bot]"}}}
    assert client.delete("/installation/token").status_code == 204
    assert client.get(REPO).status_code == 401


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        (
            {"permissions": {"contents": "admin"}},
            "The permissions requested are not granted to this installation.",
        ),
        (
            {"permissions": {"actions": "read"}},
            "The permissions requested are not granted to this installation.",
        ),
        ({"permissions": {"contents": 1}}, "not a string"),
        ({"repositories": ["none"]}, "There is at least one repository that does not exist"),
        ({"repository_ids": [99]}, "There is at least one repository that does not exist"),
        ({"repository_ids": ["x"]}, "not an integer"),
        ({"repositories": []}, "There is at least one repository that does not exist"),
        ({"repository_ids": list(range(501))}, "at most 500"),
    ],
)
def test_more_than_an_installation_has(helper: Robot, wish: dict[str, object], said: str) -> None:
    """Refused, in GitHub's words; no token exists then."""
    answer = helper.itself().post(f"{helper.where}/access_tokens", json=wish)
    assert answer.status_code == 422
    assert said in answer.json()["message"]
    assert helper.world.forge.store.db.count("SELECT count(*) FROM token WHERE installation_id = 1") == 0


def test_less_than_an_installation_has(helper: Robot) -> None:
    """A token for reading cannot write; one for a repository sees no other private one."""
    reading = helper.client(permissions={"contents": "read", "issues": "read"})
    assert reading.get(f"{REPO}/contents/README.md").status_code == 200
    refused = reading.post(f"{REPO}/issues", json={"title": "x"})
    assert (refused.status_code, refused.json()["message"]) == (403, "Resource not accessible by integration")
    assert refused.headers["x-accepted-github-permissions"] == "issues=write"
    made = helper.token(repositories=["Widget"])
    assert [repo["name"] for repo in made["repositories"]] == ["widget"]
    client = helper.world.client(made["token"])
    assert client.get("/installation/repositories").json()["total_count"] == 1
    assert client.post(f"{REPO}/issues", json={"title": "x"}).status_code == 201
    assert client.get(SECRET_ISSUE).status_code == 404
    by_id = helper.client(repository_ids=[helper.world.secret.id])
    assert by_id.get(SECRET_ISSUE).status_code == 200
    assert by_id.post(f"{REPO}/issues", json={"title": "x"}).status_code == 403


def test_beyond_its_permissions(helper: Robot) -> None:
    """Nothing that was not granted, nothing that is a person's, nothing elsewhere."""
    client, otto = helper.client(), helper.world.people["otto"]
    elsewhere = seed.create_repo(helper.world.forge, otto, "own", private=True)
    public = seed.create_repo(helper.world.forge, otto, "open")
    assert client.get("/repos/otto/own").status_code == 404
    assert client.get("/repos/otto/open").status_code == 200
    assert client.post("/repos/otto/open/issues", json={"title": "x"}).status_code == 403
    for method, path in (
        ("PATCH", REPO),
        ("GET", f"{REPO}/hooks"),
        ("POST", f"{REPO}/statuses/{sha_of(helper.world, 'main')}"),
        ("GET", "/user"),
        ("GET", "/user/repos"),
        ("POST", "/orgs/acme/repos"),
    ):
        answer = client.request(method, path, json={"name": "x", "state": "success"})
        assert (answer.status_code, answer.json()["message"]) == (
            403,
            "Resource not accessible by integration",
        ), path
    assert (elsewhere.private, public.private) == (True, False)


def test_what_a_bot_writes_is_its_own(helper: Robot) -> None:
    """Commits, pull requests and reviews bear the bot; a person may approve what it proposes."""
    client = helper.client()
    body = {"message": "Add", "content": "eA==", "branch": "main"}
    commit = client.put(f"{REPO}/contents/x.txt", json=body).json()["commit"]
    bot = helper.world.forge.store.db.count("SELECT bot_id FROM app")
    assert commit["author"]["email"] == f"{bot}+helper-robot[bot]@users.noreply.github.com"
    shown = client.get(f"{REPO}/commits/{commit['sha']}").json()
    assert shown["author"]["login"] == "helper-robot[bot]"
    propose(helper.world, "topic", {"new.txt": "x\n"})
    pull = client.post(f"{REPO}/pulls", json={"title": "t", "head": "topic", "base": "main"}).json()
    assert pull["user"]["login"] == "helper-robot[bot]"
    own = client.post(f"{REPO}/pulls/{pull['number']}/reviews", json={"event": "APPROVE"})
    assert own.status_code == 422
    assert client.put(f"{REPO}/pulls/{pull['number']}/merge").json()["merged"] is True


def test_workflow_files_take_a_permission(helper: Robot) -> None:
    """`contents` alone does not let an App change them."""
    body = {"message": "Add", "content": "eA==", "branch": "main"}
    path = f"{REPO}/contents/.github/workflows/x.yml"
    refused = helper.client().put(path, json=body)
    assert "refusing to allow a GitHub App" in refused.text
    assert "without `workflows` permission" in refused.text
    writer = robot(helper.world, name="W", permissions={"contents": "write", "workflows": "write"})
    assert writer.client().put(path, json=body).status_code == 201


def test_check_runs_are_their_apps(helper: Robot) -> None:
    """They say whose they are; only their App changes them."""
    sha = sha_of(helper.world, "main")
    run = helper.client().post(f"{REPO}/check-runs", json={"name": "unit", "head_sha": sha}).json()
    assert (run["app"]["id"], run["app"]["slug"]) == (helper.app.id, "helper-robot")
    other = robot(helper.world, name="Other")
    refused = other.client().patch(f"{REPO}/check-runs/{run['id']}", json={"conclusion": "success"})
    assert refused.status_code == 403
    assert "can only be modified by the GitHub App that created it" in refused.json()["message"]
    done = helper.client().patch(f"{REPO}/check-runs/{run['id']}", json={"conclusion": "success"}).json()
    assert done["conclusion"] == "success"
    suites = helper.client().get(f"{REPO}/commits/main/check-suites?app_id={helper.app.id}").json()
    assert [suite["app"]["slug"] for suite in suites["check_suites"]] == ["helper-robot"]


def test_a_check_that_one_app_must_report(helper: Robot) -> None:
    """Somebody else's success under the same name is not it."""
    world, olga = helper.world, helper.world.as_("olga")
    rule = {
        "required_status_checks": {"strict": False, "checks": [{"context": "ci", "app_id": helper.app.id}]},
        "enforce_admins": True,
        "required_pull_request_reviews": None,
        "restrictions": None,
    }
    assert olga.put(f"{REPO}/branches/main/protection", json=rule).status_code == 200
    propose(world, "topic", {"new.txt": "x\n"})
    open_pull(world, head="topic")
    head = sha_of(world, "topic")
    other = robot(world, name="Other", permissions={"statuses": "write", "checks": "write"})
    run = {"name": "ci", "head_sha": head, "conclusion": "success"}
    assert other.client().post(f"{REPO}/check-runs", json=run).status_code == 201
    body = {"state": "success", "context": "ci"}
    assert olga.post(f"{REPO}/statuses/{head}", json=body).status_code == 201
    assert olga.get(f"{REPO}/pulls/1").json()["mergeable_state"] == "blocked"
    assert helper.client().post(f"{REPO}/check-runs", json=run).status_code == 201
    assert olga.get(f"{REPO}/pulls/1").json()["mergeable_state"] == "clean"


def test_every_push_asks_for_checks(world: World) -> None:
    """An App that writes checks finds a suite on each new head; one that reads them does not."""
    robot(world)
    robot(world, name="Reader", permissions={"checks": "read"})
    robot(world, name="Elsewhere", repositories=[world.secret])
    olga = world.as_("olga")
    olga.post(f"{REPO}/git/refs", json={"ref": "refs/heads/topic", "sha": sha_of(world, "main")})
    commit(world, "topic", "new.txt")
    suites = world.as_("olga").get(f"{REPO}/commits/topic/check-suites").json()["check_suites"]
    assert [(row["app"]["slug"], row["status"], row["head_branch"]) for row in suites] == [
        ("helper-robot", "queued", "topic")
    ]
    open_pull(world, head="topic")
    assert world.as_("olga").get(f"{REPO}/pulls/1").json()["mergeable_state"] == "clean"


def test_a_suspended_or_removed_installation(helper: Robot) -> None:
    """Its tokens are refused while it is suspended, and are gone when it is."""
    itself, client = helper.itself(), helper.client()
    assert itself.put(f"{helper.where}/suspended").status_code == 204
    assert itself.get(helper.where).json()["suspended_by"]["login"] == "helper-robot[bot]"
    for answer in (client.get(REPO), itself.post(f"{helper.where}/access_tokens")):
        assert (answer.status_code, answer.json()["message"]) == (
            403,
            "This installation has been suspended",
        )
    assert itself.delete(f"{helper.where}/suspended").status_code == 204
    assert client.get(REPO).status_code == 200
    assert itself.delete(helper.where).status_code == 204
    assert client.get(REPO).status_code == 401
    assert itself.get(helper.where).status_code == 404
    assert itself.get("/app").json()["installations_count"] == 0
    again = seed.install_app(helper.world.forge, helper.app, helper.world.org)
    assert again.id != helper.installation.id


def test_repositories_come_and_go(world: World) -> None:
    """A token reaches what the installation reaches now."""
    some = robot(world, repositories=[world.secret])
    client = some.client()
    assert client.get(SECRET_ISSUE).status_code == 200
    assert client.post(f"{REPO}/issues", json={"title": "x"}).status_code == 403
    seed.install_app(world.forge, some.app, world.org, repositories=[world.widget])
    assert client.get(SECRET_ISSUE).status_code == 404
    assert client.post(f"{REPO}/issues", json={"title": "x"}).status_code == 201
    with pytest.raises(InvalidError):
        seed.install_app(world.forge, some.app, world.people["otto"], repositories=[world.widget])


def test_limits_are_an_installations(tmp_path: Path, clone: Path) -> None:
    """Every token of an installation counts on the same limit; the App itself on its own."""
    world = build(tmp_path / "state", clone, Settings(limits=Limits(core=3)))
    some = robot(world)
    first, second = some.client(), some.client()
    assert first.get(REPO).headers["x-ratelimit-remaining"] == "2"
    assert second.get(REPO).headers["x-ratelimit-remaining"] == "1"
    second.get(REPO)
    refused = first.get(REPO)
    assert refused.json()["message"] == f"API rate limit exceeded for installation ID {some.installation.id}."
    assert world.as_("olga").get(REPO).status_code == 200
    world.forge.close()


def test_for_installations_alone(world: World) -> None:
    """A person's token has no installation."""
    for method, path in (("GET", "/installation/repositories"), ("DELETE", "/installation/token")):
        answer = world.as_("olga").request(method, path)
        assert answer.status_code == 403
        assert answer.json()["message"].startswith("You must authenticate with an installation access token")
        assert world.client().request(method, path).status_code == 401


def test_a_manifest(world: World) -> None:
    """A form leads to a code, the code to an App with its key, once."""
    manifest = {
        "name": "From Manifest",
        "url": "http://example.test",
        "redirect_url": "http://example.test/back?x=1",
        "hook_attributes": {"url": "http://example.test/hook"},
        "default_permissions": {"issues": "write"},
        "default_events": ["issues"],
    }
    olga = world.as_("olga")
    sent = olga.post(
        "/organizations/acme/settings/apps/new?state=abc", data={"manifest": json.dumps(manifest)}
    )
    assert sent.status_code == 302
    back = parse_qs(urlsplit(sent.headers["location"]).query)
    assert (back["state"], back["x"]) == (["abc"], ["1"])
    made = world.client().post(f"/app-manifests/{back['code'][0]}/conversions")
    assert made.status_code == 201
    app = made.json()
    assert (app["owner"]["login"], app["slug"], app["events"]) == ("acme", "from-manifest", ["issues"])
    assert app["webhook_secret"]
    now = int(time.time())
    claims = {"iat": now - 5, "exp": now + 60, "iss": str(app["id"])}
    said = jwt.encode(claims, app["pem"], algorithm="RS256")
    itself = bearer(world, said)
    assert itself.get("/app").json()["name"] == "From Manifest"
    assert itself.get("/app/hook/config").json()["url"] == "http://example.test/hook"
    assert world.client().post(f"/app-manifests/{back['code'][0]}/conversions").status_code == 404


@pytest.mark.parametrize(
    ("login", "manifest", "status"),
    [
        ("mia", '{"name": "x", "url": "http://a", "redirect_url": "http://a"}', 404),
        ("olga", "{", 400),
        ("olga", "[]", 400),
        ("olga", '{"name": "x", "url": "http://a", "redirect_url": "javascript:x"}', 422),
        ("olga", '{"name": "!", "url": "http://a"}', 422),
        (
            "olga",
            '{"name": "x", "url": "http://a", "redirect_url": "http://a", "default_permissions": 1}',
            422,
        ),
    ],
)
def test_a_wrong_manifest(world: World, login: str, manifest: str, status: int) -> None:
    """Refused when it is sent; no code exists."""
    sent = world.as_(login).post("/organizations/acme/settings/apps/new", data={"manifest": manifest})
    assert sent.status_code == status
    assert world.forge.store.db.count("SELECT count(*) FROM app_manifest") == 0


@pytest.mark.parametrize(
    ("blueprint", "said"),
    [
        (Blueprint(name="x", permissions={"everything": "write"}), "everything: write"),
        (Blueprint(name="x", permissions={"contents": "own"}), "contents: own"),
        (Blueprint(name="x", events=("issues",)), "Default events unsupported: issues"),
        (Blueprint(name="Helper robot"), "already_exists"),
        (Blueprint(name="…"), "name"),
    ],
)
def test_no_such_app(helper: Robot, blueprint: Blueprint, said: str) -> None:
    """What cannot be registered leaves nothing behind."""
    with pytest.raises(InvalidError) as refused:
        seed.create_app(helper.world.forge, helper.world.people["olga"], blueprint)
    assert said in str(refused.value.errors)
    assert helper.world.forge.store.db.count("SELECT count(*) FROM app") == 1


def test_git_with_an_installation_token(helper: Robot, serve: Callable[[Path], str]) -> None:
    """Fetching and pushing ask the same permissions; a suspended App is told so."""
    reader = helper.token(permissions={"contents": "read"})["token"]
    writer = helper.token()["token"]
    headers = {"authorization": f"Bearer {helper.assertion()}"}
    helper.world.forge.close()
    url = serve(helper.world.forge.state)

    def asked(token: str, service: str) -> httpx.Response:
        where = f"{url}/acme/secret.git/info/refs?service=git-{service}"
        return httpx.get(where, auth=("x-access-token", token))

    assert asked(reader, "upload-pack").status_code == 200
    refused = asked(reader, "receive-pack")
    assert refused.status_code == 403
    assert "denied to helper-robot[bot]" in refused.text
    assert asked(writer, "receive-pack").status_code == 200
    httpx.put(f"{url}{helper.where}/suspended", headers=headers)
    assert asked(reader, "upload-pack").status_code == 403
    httpx.delete(f"{url}{helper.where}", headers=headers)
    assert asked(reader, "upload-pack").status_code == 401


def test_the_command_line(world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An App is registered and installed; the key file is the App's, and readable by nobody else."""
    state, key = str(world.forge.state), tmp_path / "key.pem"
    world.forge.close()
    admin = ["admin", "--state", state]
    registering = [*admin, "app", "Robot", "--owner", "acme", "--key", str(key), "--permission"]
    assert main([*registering, "contents=write"]) == 0
    assert main([*admin, "install", "robot", "acme", "--repo", "widget"]) == 0
    assert capsys.readouterr().out == "1\n1\n"
    assert key.stat().st_mode & 0o777 == 0o600
    assert main([*admin, "install", "none", "acme"]) == 1
    assert main([*admin, "install", "1", "acme", "--repo", "none"]) == 1
    assert main([*registering, "contents=all"]) == 1
    forge = Forge(world.forge.state, world.forge.settings)
    assert forge.store.db.count("SELECT count(*) FROM installation_repository") == 1
    assert forge.store.db.column(str, "SELECT slug FROM app") == ["robot"]
    forge.close()
