"""After the merge: what breaks a base branch is taken back, and nothing else is."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from tests.clock import ManualClock
from tests.core.test_totality import STATES
from tests.flows.house import House, lane_in
from tests.scripted import NOW, Names, sha

from penstock.core.approval import ApprovalScope
from penstock.core.autonomy.earning import WATCH, standing
from penstock.core.change.effects import Watch
from penstock.core.change.events import PostMergeFailed, WatchEnded
from penstock.core.change.model import Change, State
from penstock.core.change.next import is_settled, next_effects
from penstock.core.refs import ChangeId, RepoRef, Sha
from penstock.flows.watching import watch
from penstock.ports import Transient


def merged(house: House, repo: RepoRef, *, base: str = "") -> Change:
    """A change that is merged; `base` is what CI said of the base branch before. A worker must be running."""
    name = house.to_pull_requests(repo)
    patch_set = lane_in(house.change(name), repo).patch_set
    assert patch_set
    if base:
        house.status(repo.name, patch_set.base_commit, base)
    house.report(house.change(name))
    house.until(name, State.VERIFYING_CI, and_=lambda c: all(lane.forward.preview for lane in c.to_verify))
    house.approve(name, ApprovalScope.MERGE)
    return house.until(name, State.DONE, and_=is_settled)


def test_what_breaks_the_base_branch_is_taken_back(house: House):
    repo = house.repository("broken-main")
    before = house.tree(repo)
    with house.working():
        name = merged(house, repo, base="success").id
        commit = lane_in(house.change(name), repo).forward.merged
        assert commit
        house.status(repo.name, commit, "failure")
        back = house.until(name, State.ROLLING_BACK, and_=lambda c: bool(lane_in(c, repo).inverse.pull))
        head = lane_in(back, repo).inverse.head
        assert head
        house.status(repo.name, head, "success")
        house.until(name, State.ROLLED_BACK, and_=is_settled)
    assert house.tree(repo) == before
    assert "test: failure" in said(house, name, PostMergeFailed)
    assert len(house.pulls(repo)) == 2, "the change, and its inverse"
    (cell,) = standing(house.home.store.governance.now(), house.home.steering.outcomes.landed(()), NOW)
    assert cell.verdict.rule == "suspended"
    assert name in cell.verdict.reason


@pytest.mark.slow
def test_what_was_broken_before_is_no_reason(house: House):
    repo = house.repository("red-main")
    with house.working():
        change = merged(house, repo, base="failure")
        commit = lane_in(change, repo).forward.merged
        assert commit
        house.status(repo.name, commit, "failure")
    (effect,) = wanted(change)
    texts = house.home.store.texts()
    policy = house.home.world.policy
    assert watch(house.home.world, change, effect, texts) is None, "more checks may begin"
    hasty = replace(policy, ci=replace(policy.ci, start_timeout_seconds=0))
    later = replace(house.home.world, today=replace(house.home.world.today, policy=hasty))
    assert isinstance(watch(later, change, effect, texts), WatchEnded)
    assert "E_POST_MERGE_FAILED" not in house.kinds(change.id)


def test_a_forge_that_cannot_be_reached_takes_nothing_back_and_proves_nothing():
    def unreachable(*_: object) -> None:
        raise Transient("unreachable", "no answer")

    reader = SimpleNamespace(branch_head=unreachable)
    world: Any = SimpleNamespace(reader=reader, repositories=None, clock=ManualClock(NOW + 2 * WATCH))
    done = STATES[State.DONE]
    effect = Watch(key="stays", repo=done.lanes[0].repo.node_id, until=NOW + WATCH)
    texts: Any = Names()
    assert watch(world, done, effect, texts) is None


BASE, NEWER, MERGED, HEAD, OWN_BASE = (sha(name) for name in ("base", "newer", "merged", "head", "own base"))
BROUGHT = [
    ("as it was previewed", BASE, (BASE,), (BASE, MERGED)),
    ("squashed, on a base that moved, or replayed commit by commit", BASE, (NEWER,), (OWN_BASE, HEAD)),
    ("merged on a base that moved", BASE, (NEWER, HEAD), (NEWER, MERGED)),
    ("merged before it was verified", None, (NEWER,), (OWN_BASE, HEAD)),
]


@pytest.mark.parametrize(("what", "previewed", "parents", "between"), BROUGHT, ids=[b[0] for b in BROUGHT])
def test_what_others_did_before_the_merge_need_not_be_gone_for_it_to_be_taken_back(
    what: str, previewed: Sha | None, parents: tuple[Sha, ...], between: tuple[Sha, Sha]
) -> None:
    done, asked = STATES[State.DONE], []
    lane = done.lanes[0]
    assert lane.patch_set
    assert lane.forward.preview
    preview = replace(lane.forward.preview, base_commit=previewed) if previewed else None
    forward = replace(lane.forward, merged=MERGED, head=HEAD, preview=preview)
    lane = replace(lane, patch_set=replace(lane.patch_set, base_commit=OWN_BASE), forward=forward)
    now = sha("reverted")

    def is_undone(_: RepoRef, *commits: Sha) -> bool:
        asked.append(commits)
        return True

    reader = SimpleNamespace(
        branch_head=lambda *_: now,
        commit=lambda *_: SimpleNamespace(parents=parents),
        repository=lambda *_: SimpleNamespace(
            clone_url="", node_id=lane.repo.node_id, full_name=lane.repo.full_name, archived=False
        ),
    )
    mirror = SimpleNamespace(sync=lambda *given: asked.append(given[2]), is_undone=is_undone)
    world: Any = SimpleNamespace(reader=reader, repositories=mirror, clock=ManualClock(NOW))
    change = replace(done, lanes=(lane, *done.lanes[1:]))
    effect = Watch(key="stays", repo=lane.repo.node_id, until=NOW + WATCH)
    texts: Any = Names()
    assert isinstance(watch(world, change, effect, texts), PostMergeFailed)
    assert asked == [(now, *between), (now, *between)]


def wanted(change: Change) -> tuple[Watch, ...]:
    effects = next_effects(change)
    assert isinstance(effects, tuple)
    return tuple(effect for effect in effects if isinstance(effect, Watch))


def said(house: House, name: ChangeId, kind: type[PostMergeFailed]) -> str:
    (event,) = [
        entry.event for entry in house.home.store.reader.entries(name) if isinstance(entry.event, kind)
    ]
    return house.home.store.texts().get(event.detail) or ""
