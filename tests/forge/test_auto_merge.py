"""Auto-merge: refused where a merge would be possible now, done once nothing stands against it, never before."""

from collections.abc import Callable

import pytest
from tests.forge.graph import data, mutate, refusal
from tests.forge.proposing import PULLS, REPO, commit, protect, report, review, sha_of
from tests.forge.world import World


@pytest.fixture
def blocked(proposed: World) -> World:
    """Number 1 needs the check `unit` and an approval; the repository allows auto-merge."""
    proposed.as_("olga").patch(REPO, json={"allow_auto_merge": True})
    protect(
        proposed,
        required_status_checks={"strict": False, "contexts": ["unit"]},
        required_pull_request_reviews={"required_approving_review_count": 1},
    )
    return proposed


def pull_id(world: World) -> str:
    return str(world.as_("olga").get(f"{PULLS}/1").json()["node_id"])


def enable(world: World, **given: object) -> object:
    wanted = (
        "pullRequest { autoMergeRequest { mergeMethod commitHeadline enabledBy { login } } } actor { login }"
    )
    return mutate(world, "enablePullRequestAutoMerge", wanted, "wim", pullRequestId=pull_id(world), **given)


def merged(world: World) -> bool:
    world.forge.bus.drain()
    return bool(world.as_("olga").get(f"{PULLS}/1").json()["merged"])


def test_it_merges_once_nothing_stands_against_it(blocked: World) -> None:
    answer = enable(blocked, mergeMethod="SQUASH", commitHeadline="Spin at last")
    asked = {"mergeMethod": "SQUASH", "commitHeadline": "Spin at last", "enabledBy": {"login": "wim"}}
    assert answer == {"pullRequest": {"autoMergeRequest": asked}, "actor": {"login": "wim"}}
    shown = blocked.as_("mia").get(f"{PULLS}/1").json()["auto_merge"]
    assert (shown["enabled_by"]["login"], shown["merge_method"]) == ("wim", "squash")
    report(blocked, "unit", "failure")
    assert not merged(blocked)
    report(blocked, "unit", "success")
    assert not merged(blocked)
    review(blocked, "mia", "APPROVE")
    assert merged(blocked)
    head = blocked.as_("olga").get(f"{REPO}/commits/main").json()
    assert head["commit"]["message"].startswith("Spin at last")
    assert blocked.as_("olga").get(f"{PULLS}/1").json()["merged_by"]["login"] == "wim"
    assert blocked.as_("olga").get(f"{PULLS}/1").json()["auto_merge"] is not None


def take_back(world: World) -> None:
    mutate(world, "disablePullRequestAutoMerge", "actor { login }", "wim", pullRequestId=pull_id(world))


def close(world: World) -> None:
    for state in ("closed", "open"):
        world.as_("olga").patch(f"{PULLS}/1", json={"state": state})


def other_base(world: World) -> None:
    for base in ("feature/side", "main"):
        world.as_("olga").patch(f"{PULLS}/1", json={"base": base})


@pytest.mark.parametrize("stop", [take_back, close, other_base])
def test_what_was_asked_is_dropped(blocked: World, stop: Callable[[World], None]) -> None:
    enable(blocked)
    stop(blocked)
    blocked.forge.bus.drain()
    assert blocked.as_("olga").get(f"{PULLS}/1").json()["auto_merge"] is None
    report(blocked, "unit", "success")
    review(blocked, "mia", "APPROVE")
    assert not merged(blocked)
    kinds = [one["event"] for one in blocked.as_("olga").get(f"{REPO}/issues/1/timeline").json()]
    assert kinds.count("auto_merge_enabled") == kinds.count("auto_merge_disabled") == 1


def test_a_head_that_moves_needs_its_own_check(blocked: World) -> None:
    enable(blocked)
    review(blocked, "mia", "APPROVE")
    old = sha_of(blocked, "topic")
    commit(blocked, "topic", "more.txt")
    report(blocked, "unit", "success", old)
    assert not merged(blocked)
    report(blocked, "unit", "success")
    assert merged(blocked)


def test_refusals(blocked: World) -> None:
    number = pull_id(blocked)
    name = "enablePullRequestAutoMerge"
    assert refusal(blocked, name, "otto", pullRequestId=number)[0] == "FORBIDDEN"
    assert (
        "Head branch was modified"
        in refusal(blocked, name, pullRequestId=number, expectedHeadOid="0" * 40)[1]
    )
    assert "Can't disable" in refusal(blocked, "disablePullRequestAutoMerge", pullRequestId=number)[1]
    may = '{ repository(owner: "acme", name: "widget") { pullRequest(number: 1) { viewerCanEnableAutoMerge } } }'
    seen = [data(blocked, may, login)["repository"]["pullRequest"] for login in ("olga", "otto")]
    assert [one["viewerCanEnableAutoMerge"] for one in seen] == [True, False]
    report(blocked, "unit", "success")
    review(blocked, "mia", "APPROVE")
    assert "is in clean status" in refusal(blocked, name, pullRequestId=number)[1]
    blocked.as_("olga").patch(REPO, json={"allow_auto_merge": False})
    assert "not allowed for this repository" in refusal(blocked, name, pullRequestId=number)[1]
    assert not merged(blocked)
