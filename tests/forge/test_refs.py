"""Refs, branches and their protection over REST; the journal and its events."""

import httpx
import pytest
from tests.forge.world import World

from localforge import guard
from localforge.access import Role
from localforge.protection import Check, MoveFacts, RequiredChecks, RequiredReviews, Rules, refusals

REPO = "/repos/acme/widget"
ZERO = "0" * 40


def message(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["message"]


def heads(world: World) -> tuple[str, str]:
    text = world.forge.git(world.widget.id).text
    return text("rev-parse", "refs/heads/main"), text("rev-parse", "refs/heads/feature/side")


def events(world: World) -> list[tuple[str, str]]:
    sql = (
        "SELECT kind || ' ' || (payload ->> 'ref') FROM event WHERE payload ->> 'ref' IS NOT NULL ORDER BY id"
    )
    return [(line.split()[0], line.split()[1]) for line in world.forge.store.db.column(str, sql)]


def test_refs(world: World) -> None:
    """Created, read, listed by prefix, moved forward, forced, deleted: each change is one Push event."""
    olga, (head, side) = world.as_("olga"), heads(world)
    made = olga.post(f"{REPO}/git/refs", json={"ref": "refs/heads/a/b", "sha": side})
    assert (made.status_code, made.headers["location"]) == (
        201,
        "http://forge.test/repos/acme/widget/git/refs/heads/a/b",
    )
    assert olga.get(f"{REPO}/git/ref/heads/a/b").json() == made.json()
    assert olga.get(f"{REPO}/git/ref/heads/a").status_code == 404
    names = [ref["ref"] for ref in olga.get(f"{REPO}/git/matching-refs/heads/").json()]
    assert names == ["refs/heads/a/b", "refs/heads/feature/side", "refs/heads/main"]
    assert [ref["ref"] for ref in olga.get(f"{REPO}/git/matching-refs/heads/fea").json()] == [
        "refs/heads/feature/side"
    ]
    assert olga.get(f"{REPO}/git/matching-refs/heads/nowhere").json() == []
    assert olga.patch(f"{REPO}/git/refs/heads/a/b", json={"sha": head}).json()["object"]["sha"] == head
    assert message(olga.patch(f"{REPO}/git/refs/heads/a/b", json={"sha": side})) == (
        422,
        "Update is not a fast forward",
    )
    assert olga.patch(f"{REPO}/git/refs/heads/a/b", json={"sha": side, "force": True}).status_code == 200
    assert olga.patch(f"{REPO}/git/refs/heads/a/b", json={"sha": side}).status_code == 200
    assert olga.delete(f"{REPO}/git/refs/heads/a/b").status_code == 204
    assert message(olga.delete(f"{REPO}/git/refs/heads/a/b")) == (422, "Reference does not exist")
    ref = "refs/heads/a/b"
    assert events(world) == [
        ("CreateEvent", ref),
        ("Push", ref),
        ("Push", ref),
        ("Push", ref),
        ("Push", ref),
        ("DeleteEvent", ref),
    ]
    states = world.forge.store.db.column(str, "SELECT DISTINCT state FROM ref_change")
    assert states == ["done"]


@pytest.mark.parametrize(
    ("ref", "sha", "words"),
    [
        ("heads/x", "side", "Reference name must start with 'refs/'"),
        ("refs/x", "side", "contain at least two slashes"),
        ("refs/heads/x..y", "side", "Reference name"),
        ("refs/heads/x y", "side", "Reference name"),
        ("refs/heads/x.lock", "side", "Reference name"),
        ("refs/heads/x\n", "side", "Reference name"),
        ("refs/heads/main", "side", "Reference already exists"),
        ("refs/heads/x", "1" * 40, "Object does not exist"),
        ("refs/heads/x", "main", "Object does not exist"),
        ("refs/heads/x", "tree", "a branch must point at a commit"),
        ("refs/heads/main/below", "side", "Reference cannot be updated"),
    ],
)
def test_refs_that_are_refused(world: World, ref: str, sha: str, words: str) -> None:
    """A bad name, a missing object, a name that lies below another branch: 422 and no change."""
    git = world.forge.git(world.widget.id)
    known = {"side": heads(world)[1], "tree": git.text("rev-parse", "main^{tree}")}
    refused = world.as_("olga").post(f"{REPO}/git/refs", json={"ref": ref, "sha": known.get(sha, sha)})
    assert refused.status_code == 422
    assert words in refused.json()["message"]
    assert events(world) == []


def test_the_default_branch_stays(world: World) -> None:
    """It cannot be deleted; an empty repository has no refs to speak of."""
    olga = world.as_("olga")
    assert message(olga.delete(f"{REPO}/git/refs/heads/main")) == (422, "Cannot delete the default branch")
    assert message(olga.get("/repos/acme/secret/git/ref/heads/main")) == (409, "Git Repository is empty.")
    assert message(olga.get("/repos/acme/secret/git/matching-refs/heads/")) == (
        409,
        "Git Repository is empty.",
    )


def test_branches(world: World) -> None:
    """Lists, one branch (with a slash in its name), renaming with HEAD and protection."""
    olga, (head, _) = world.as_("olga"), heads(world)
    assert [branch["name"] for branch in olga.get(f"{REPO}/branches").json()] == ["feature/side", "main"]
    assert olga.get(f"{REPO}/branches/feature/side").json()["protected"] is False
    assert message(olga.get(f"{REPO}/branches/nowhere")) == (404, "Branch not found")
    protect(world, "main")
    assert [branch["name"] for branch in olga.get(f"{REPO}/branches?protected=true").json()] == ["main"]
    assert olga.post(f"{REPO}/branches/main/rename", json={"new_name": "feature/side"}).status_code == 422
    assert world.as_("wim").post(f"{REPO}/branches/main/rename", json={"new_name": "x"}).status_code == 403
    renamed = olga.post(f"{REPO}/branches/main/rename", json={"new_name": "trunk/one"}).json()
    assert (renamed["name"], renamed["protected"]) == ("trunk/one", True)
    assert olga.get(REPO).json()["default_branch"] == "trunk/one"
    assert olga.get(f"{REPO}/branches/main").status_code == 404
    assert olga.get(f"{REPO}/git/ref/heads/trunk/one").json()["object"]["sha"] == head
    assert olga.get(f"{REPO}/rules/branches/trunk/one").json() == []


def protect(world: World, branch: str, **rules: object) -> httpx.Response:
    body = {
        "required_status_checks": None,
        "enforce_admins": None,
        "required_pull_request_reviews": None,
        "restrictions": None,
        **rules,
    }
    return world.as_("olga").put(f"{REPO}/branches/{branch}/protection", json=body)


def test_protection(world: World) -> None:
    """Set whole, read back, removed; what cannot be is refused."""
    olga = world.as_("olga")
    path = f"{REPO}/branches/feature/side/protection"
    assert message(olga.get(path)) == (404, "Branch not protected")
    made = protect(
        world,
        "feature/side",
        required_status_checks={"strict": True, "contexts": [], "checks": [{"context": "ci", "app_id": -1}]},
        enforce_admins=True,
        required_pull_request_reviews={
            "required_approving_review_count": 2,
            "bypass_pull_request_allowances": {"users": ["MIA"]},
        },
        restrictions={"users": ["wim"], "teams": []},
        required_linear_history=True,
    )
    shown = made.json()
    assert shown == olga.get(path).json()
    assert shown["required_status_checks"]["checks"] == [{"context": "ci", "app_id": None}]
    assert shown["required_pull_request_reviews"]["required_approving_review_count"] == 2
    assert [user["login"] for user in shown["restrictions"]["users"]] == ["wim"]
    assert shown["enforce_admins"]["enabled"] is True
    summary = olga.get(f"{REPO}/branches/feature/side").json()["protection"]
    assert summary["required_status_checks"]["enforcement_level"] == "everyone"
    assert protect(world, "main", restrictions={"users": ["nobody"], "teams": []}).status_code == 422
    assert protect(world, "main", restrictions={"users": [], "teams": ["no-team"]}).status_code == 422
    assert (
        protect(
            world, "main", required_pull_request_reviews={"required_approving_review_count": 7}
        ).status_code
        == 422
    )
    assert protect(world, "nowhere").status_code == 404
    assert olga.put(path, json={"enforce_admins": True}).status_code == 422
    assert olga.delete(path).status_code == 204
    assert olga.delete(path).status_code == 404


def test_protection_binds_every_door(world: World) -> None:
    """Refs, contents and merges refuse what a protected branch refuses; nothing moves."""
    head, side = heads(world)
    protect(
        world,
        "main",
        required_status_checks={"strict": False, "contexts": ["ci"]},
        required_pull_request_reviews={},
    )
    wim = world.as_("wim")
    put = {"message": "m", "content": "", "branch": "main"}
    words = 'Changes must be made through a pull request. Required status check "ci" is expected.'
    assert message(wim.put(f"{REPO}/contents/x", json=put)) == (409, f"Could not update file: {words}")
    wim.put(f"{REPO}/contents/x", json={**put, "branch": "feature/side"})
    assert message(wim.post(f"{REPO}/merges", json={"base": "main", "head": "feature/side"})) == (422, words)
    assert wim.patch(f"{REPO}/git/refs/heads/main", json={"sha": side, "force": True}).status_code == 422
    assert heads(world)[0] == head
    olga = world.as_("olga")
    assert message(olga.patch(f"{REPO}/git/refs/heads/main", json={"sha": side, "force": True})) == (
        422,
        "Cannot force-push to this protected branch",
    )
    assert olga.put(f"{REPO}/contents/x", json=put).status_code == 201


def test_a_check_that_succeeded_opens_the_branch(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sources of checks are asked about the very commit that shall become the head."""
    protect(world, "main", required_status_checks={"strict": False, "contexts": ["ci"]}, enforce_admins=True)
    olga, (head, _) = world.as_("olga"), heads(world)
    tree = olga.get(f"{REPO}/git/commits/{head}").json()["tree"]["sha"]
    next_sha = olga.post(
        f"{REPO}/git/commits", json={"message": "n", "tree": tree, "parents": [head]}
    ).json()["sha"]
    assert olga.patch(f"{REPO}/git/refs/heads/main", json={"sha": next_sha}).status_code == 422
    monkeypatch.setattr(
        guard,
        "CHECK_SOURCES",
        [lambda _db, _repo, sha: frozenset({Check(context="ci")} if sha == next_sha else ())],
    )
    assert olga.patch(f"{REPO}/git/refs/heads/main", json={"sha": next_sha}).status_code == 200


CHECKS = Rules(checks=RequiredChecks(strict=False, checks=(Check(context="ci"),)))
REVIEWS = Rules(reviews=RequiredReviews(bypass_users=("bob",)))
WRITER = MoveFacts(role=Role.WRITE, names=frozenset({"wim"}))
ADMIN = MoveFacts(role=Role.ADMIN, names=frozenset({"olga"}))
EXPECTED = ('Required status check "ci" is expected.',)


@pytest.mark.parametrize(
    ("rules", "facts", "expected"),
    [
        (Rules(), WRITER, ()),
        (CHECKS, WRITER, EXPECTED),
        (
            CHECKS,
            MoveFacts(role=Role.WRITE, names=frozenset({"wim"}), passed=frozenset({Check(context="ci")})),
            (),
        ),
        (CHECKS, ADMIN, ()),
        (Rules(checks=CHECKS.checks, enforce_admins=True), ADMIN, EXPECTED),
        (REVIEWS, WRITER, ("Changes must be made through a pull request.",)),
        (REVIEWS, MoveFacts(role=Role.WRITE, names=frozenset({"bob"})), ()),
        (
            Rules(),
            MoveFacts(role=Role.ADMIN, names=frozenset({"olga"}), forced=True),
            ("Cannot force-push to this protected branch",),
        ),
        (
            Rules(allow_force_pushes=True),
            MoveFacts(role=Role.WRITE, names=frozenset({"wim"}), forced=True),
            (),
        ),
        (
            Rules(),
            MoveFacts(role=Role.ADMIN, names=frozenset({"olga"}), deletes=True),
            ("Cannot delete this protected branch",),
        ),
        (Rules(allow_deletions=True), MoveFacts(role=Role.WRITE, names=frozenset({"wim"}), deletes=True), ()),
        (Rules(push_users=("mia",)), WRITER, ("You're not authorized to push to this branch.",)),
        (Rules(push_users=("wim",)), WRITER, ()),
        (
            Rules(linear_history=True),
            MoveFacts(role=Role.WRITE, names=frozenset({"wim"}), brings_merges=True),
            ("This branch must not contain merge commits.",),
        ),
        (Rules(lock_branch=True), ADMIN, ("This branch is locked and cannot be changed.",)),
        (
            Rules(block_creations=True),
            MoveFacts(role=Role.WRITE, names=frozenset({"wim"}), creates=True),
            ("Cannot create this protected branch",),
        ),
    ],
)
def test_the_decision(rules: Rules, facts: MoveFacts, expected: tuple[str, ...]) -> None:
    """Which direct changes a protected branch takes."""
    assert refusals(rules, facts) == expected
