"""Rulesets: read, changed, and enforced on pushes and merges; who is spared."""

import pytest
from tests.forge.proposing import PULLS, REPO, merge, open_pull, propose, review, sha_of
from tests.forge.robots import robot
from tests.forge.world import World

from localforge import seed
from localforge.access import Role
from localforge.rulesets import takes_in
from localforge.store.rulesets import Ruleset

SETS = f"{REPO}/rulesets"
PULL = {
    "type": "pull_request",
    "parameters": {
        "required_approving_review_count": 1,
        "dismiss_stale_reviews_on_push": True,
        "require_code_owner_review": False,
        "require_last_push_approval": False,
        "required_review_thread_resolution": False,
    },
}
CHECKS = {
    "type": "required_status_checks",
    "parameters": {
        "required_status_checks": [{"context": "ci"}],
        "strict_required_status_checks_policy": False,
    },
}


def add(world: World, *rules: object, include: str = "~DEFAULT_BRANCH", **more: object) -> int:
    body = {
        "name": "house",
        "enforcement": "active",
        "conditions": {"ref_name": {"include": [include], "exclude": []}},
        "rules": rules,
        **more,
    }
    answer = world.as_("olga").post(SETS, json=body)
    assert answer.status_code == 201, answer.text
    return int(answer.json()["id"])


def moved(world: World, login: str, sha: str, *, force: bool = False) -> tuple[int, str]:
    answer = world.as_(login).patch(f"{REPO}/git/refs/heads/main", json={"sha": sha, "force": force})
    return answer.status_code, answer.json().get("message", "")


def test_reading(world: World) -> None:
    """Everybody reads what binds a branch; who may bypass it, only who may change it."""
    admin = {"actor_id": 5, "actor_type": "RepositoryRole", "bypass_mode": "always"}
    number = add(world, PULL, {"type": "deletion"}, bypass_actors=[admin])
    otto, olga = world.as_("otto"), world.as_("olga")
    (listed,) = otto.get(SETS).json()
    assert (listed["id"], listed["source"], "rules" in listed) == (number, "acme/widget", False)
    seen = otto.get(f"{SETS}/{number}").json()
    assert ("bypass_actors" in seen, seen["current_user_can_bypass"]) == (False, "never")
    assert olga.get(f"{SETS}/{number}").json()["current_user_can_bypass"] == "always"
    bound = otto.get(f"{REPO}/rules/branches/main").json()
    assert [(rule["type"], rule["ruleset_id"]) for rule in bound] == [
        ("pull_request", number),
        ("deletion", number),
    ]
    assert otto.get(f"{REPO}/rules/branches/feature/side").json() == []
    assert otto.get(f"{SETS}?targets=tag").json() == []
    assert otto.get(f"{SETS}/99").status_code == 404


def test_changing(world: World) -> None:
    """A disabled one binds nothing; a removed one is gone."""
    number = add(world, {"type": "non_fast_forward"})
    olga = world.as_("olga")
    first = olga.get(f"{REPO}/commits/main").json()["parents"][0]["sha"]
    assert moved(world, "olga", first, force=True)[0] == 422
    changed = olga.put(f"{SETS}/{number}", json={"enforcement": "disabled"}).json()
    assert (changed["name"], changed["rules"]) == ("house", [{"type": "non_fast_forward"}])
    assert olga.get(f"{REPO}/rules/branches/main").json() == []
    assert moved(world, "olga", first, force=True)[0] == 200
    assert world.as_("wim").delete(f"{SETS}/{number}").status_code == 403
    assert olga.delete(f"{SETS}/{number}").status_code == 204
    assert olga.get(SETS).json() == []


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": "house", "enforcement": "active"},
        {"name": "x", "enforcement": "sometimes"},
        {"name": "x", "enforcement": "active", "rules": [{"type": "magic"}]},
        {"name": "x", "enforcement": "active", "rules": [{"type": "pull_request"}]},
        {"name": "x", "enforcement": "active", "bypass_actors": [{"actor_type": "Friend"}]},
    ],
)
def test_refused(world: World, body: dict[str, object]) -> None:
    add(world, {"type": "deletion"})
    assert world.as_("olga").post(SETS, json=body).status_code == 422
    assert len(world.as_("olga").get(SETS).json()) == 1


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (PULL, "Changes must be made through a pull request."),
        (CHECKS, 'Required status check "ci" is expected.'),
        ({"type": "update"}, "This branch is locked"),
    ],
)
def test_a_direct_change(world: World, rule: object, said: str) -> None:
    """Bound are administrators, too; the refusal is a rule violation's."""
    add(world, rule)
    for login in ("wim", "olga"):
        body = {"message": "m", "content": "eA==", "branch": "main"}
        refused = world.as_(login).put(f"{REPO}/contents/x.txt", json=body)
        assert refused.status_code in {409, 422}
        assert "Repository rule violations found (house)." in refused.text
        assert said in refused.json()["message"]
    body = {"message": "m", "content": "eA==", "branch": "feature/side"}
    assert world.as_("wim").put(f"{REPO}/contents/x.txt", json=body).status_code == 201


def test_deleting(world: World) -> None:
    """`~ALL` takes in every branch, and no tag."""
    add(world, {"type": "deletion"}, include="~ALL")
    wim = world.as_("wim")
    assert wim.delete(f"{REPO}/git/refs/heads/feature/side").status_code == 422
    assert wim.delete(f"{REPO}/git/refs/tags/v1").status_code == 204


def test_tags(world: World) -> None:
    add(world, {"type": "deletion"}, {"type": "creation"}, include="refs/tags/v*", target="tag")
    wim, sha = world.as_("wim"), sha_of(world, "main")
    assert wim.delete(f"{REPO}/git/refs/tags/v1").status_code == 422
    for name, status in (("v2", 422), ("other", 201)):
        made = wim.post(f"{REPO}/git/refs", json={"ref": f"refs/tags/{name}", "sha": sha})
        assert made.status_code == status


def test_a_strict_ruleset_wants_the_newest_base(world: World) -> None:
    """Green as it is, a head without it is refused, of administrators too; brought up to date and green, it is merged."""
    propose(world, "topic", {"new.txt": "x\n"})
    open_pull(world, head="topic")
    olga, green = world.as_("olga"), {"state": "success", "context": "ci"}
    olga.put(f"{REPO}/contents/late.txt", json={"message": "m", "content": "eA==", "branch": "main"})
    asked = {"required_status_checks": [{"context": "ci"}], "strict_required_status_checks_policy": True}
    add(world, {"type": "required_status_checks", "parameters": asked})
    olga.post(f"{REPO}/statuses/{sha_of(world, 'topic')}", json=green)
    assert olga.get(f"{PULLS}/1").json()["mergeable_state"] == "behind"
    refused = merge(world)
    said = 'Repository rule violations found (house). Required status check "ci" is expected.'
    assert (refused.status_code, refused.json()["message"]) == (405, said)
    assert olga.put(f"{PULLS}/1/update-branch").status_code == 202
    olga.post(f"{REPO}/statuses/{sha_of(world, 'topic')}", json=green)
    assert merge(world).json()["merged"] is True


def test_merging(world: World) -> None:
    """Reviews and checks are waited for; a push takes approvals back."""
    add(world, PULL, CHECKS)
    propose(world, "topic", {"new.txt": "x\n"})
    open_pull(world, head="topic")
    olga = world.as_("olga")
    assert olga.get(f"{PULLS}/1").json()["mergeable_state"] == "blocked"
    refused = merge(world)
    assert refused.status_code == 405
    for words in ("Repository rule violations found (house).", "approving review", 'status check "ci"'):
        assert words in refused.json()["message"]
    review(world, "wim", "APPROVE")
    body = {"message": "m", "content": "eA==", "branch": "topic"}
    olga.put(f"{REPO}/contents/more.txt", json=body)
    head = sha_of(world, "topic")
    olga.post(f"{REPO}/statuses/{head}", json={"state": "success", "context": "ci"})
    assert "approving review" in merge(world).json()["message"]
    review(world, "wim", "APPROVE")
    assert merge(world).json()["merged"] is True


def test_who_is_spared(world: World) -> None:
    """By role, ownership, team or App; `pull_request` spares merges alone."""
    app = robot(world, permissions={"contents": "write"})
    team = seed.create_team(world.forge, world.org, seed.NewTeam(name="core", members=[world.people["wim"]]))
    sha, number = sha_of(world, "feature/side"), add(world, {"type": "non_fast_forward"})
    for client, actor, mode, status in (
        (world.as_("olga"), {"actor_type": "OrganizationAdmin", "actor_id": 1}, "always", 200),
        (world.as_("wim"), {"actor_type": "OrganizationAdmin", "actor_id": 1}, "always", 422),
        (world.as_("wim"), {"actor_type": "RepositoryRole", "actor_id": 4}, "always", 200),
        (world.as_("wim"), {"actor_type": "RepositoryRole", "actor_id": 5}, "always", 422),
        (world.as_("wim"), {"actor_type": "Team", "actor_id": team.id}, "always", 200),
        (world.as_("wim"), {"actor_type": "Team", "actor_id": team.id}, "pull_request", 422),
        (app.client(), {"actor_type": "Integration", "actor_id": app.app.id}, "always", 200),
        (app.client(), {"actor_type": "Integration", "actor_id": 99}, "always", 422),
    ):
        bypass = {"bypass_actors": [{**actor, "bypass_mode": mode}]}
        assert world.as_("olga").put(f"{SETS}/{number}", json=bypass).status_code == 200
        before = sha_of(world, "main")
        answer = client.patch(f"{REPO}/git/refs/heads/main", json={"sha": sha, "force": True})
        assert answer.status_code == status, (actor, mode)
        if status == 200:
            client.patch(f"{REPO}/git/refs/heads/main", json={"sha": before, "force": True})
    assert Role.ADMIN > Role.WRITE


@pytest.mark.parametrize(
    ("pattern", "ref", "taken"),
    [
        ("~ALL", "refs/heads/x", True),
        ("~ALL", "refs/tags/x", False),
        ("~DEFAULT_BRANCH", "refs/heads/main", True),
        ("~DEFAULT_BRANCH", "refs/heads/x", False),
        ("refs/heads/release/*", "refs/heads/release/1", True),
        ("refs/heads/release/*", "refs/heads/release/1/2", False),
        ("refs/heads/**/x", "refs/heads/a/b/x", True),
        ("refs/heads/**/x", "refs/heads/x", True),
        ("refs/heads/v?", "refs/heads/v10", False),
        ("refs/heads/a.c", "refs/heads/abc", False),
    ],
)
def test_patterns(pattern: str, ref: str, taken: bool) -> None:
    """Of full names; an exclusion wins."""

    def item(*exclude: str) -> Ruleset:
        return Ruleset(
            id=1,
            repo_id=1,
            name="x",
            target="branch",
            enforcement="active",
            include=[pattern],
            exclude=exclude,
            bypass=(),
            rules=(),
            created_at="",
            updated_at="",
        )

    assert takes_in(item(), ref, "refs/heads/main") is taken
    assert takes_in(item(ref), ref, "refs/heads/main") is False
