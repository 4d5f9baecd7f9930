"""A base that demands branches which are up to date: a branch follows it once its merge is wanted, and no other time."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from tests.flows.house import House, digest_of, lane_in
from tests.flows.test_reviews import review

from penstock.core.approval import ApprovalScope
from penstock.core.change.effects import Observe
from penstock.core.change.events import HeadMoved, Merged, MergeRefused, PatchSetRebased, TapDecided
from penstock.core.change.model import Action, Change, LegName, State
from penstock.core.policy.rules import MergeMethod
from penstock.core.refs import ChangeId, RepoRef
from penstock.core.write import AuthorizedWrite, Merge
from penstock.flows import orders
from penstock.flows.observing import observe
from penstock.ports import StopFlag
from penstock.settings import Config, PrManagement

LONG = "x = 1\n" + "".join(f"filler_{n} = {n}\n" for n in range(12))
RULESET = {
    "name": "strict",
    "enforcement": "active",
    "conditions": {"ref_name": {"include": ["~DEFAULT_BRANCH"], "exclude": []}},
    "bypass_actors": [{"actor_id": 5, "actor_type": "RepositoryRole", "bypass_mode": "always"}],
    "rules": [
        {
            "type": "required_status_checks",
            "parameters": {
                "required_status_checks": [{"context": "test"}],
                "strict_required_status_checks_policy": True,
            },
        }
    ],
}
"""Administrators pass, so that a person can move the base."""


def writes(path: str, text: str):
    """An agent that writes this file."""

    def edit(folder: Path) -> None:
        (folder / path).write_text(text)

    return edit


def prepends(folder: Path) -> None:
    """An agent that changes the other end of the file than `add_line` does."""
    source = folder / "src" / "a.py"
    source.write_text("w = 0\n" + source.read_text())


def two_changes(house: House, repo: RepoRef, second: Any) -> tuple[ChangeId, ChangeId]:
    """Both green and waiting for their merges to be approved; the first appends a line to src/a.py."""
    first = house.to_merge_approval(repo, title="First")
    house.script.edit = second
    return first, house.to_merge_approval(repo, title="Second")


def merged(house: House, name: ChangeId) -> Change:
    house.approve(name, ApprovalScope.MERGE)
    return house.until(name, State.DONE)


def offered_anew(house: House, name: ChangeId, old: Change) -> Change:
    """Until the base's new commit was seen, and another merge is offered than was."""
    before = old.lanes[0].forward.preview
    return house.until(
        name, State.VERIFYING_CI, and_=lambda c: c.lanes[0].forward.preview not in {None, before}
    )


def follows(house: House, name: ChangeId, old: Change) -> Change:
    """Until its branch has another head than it had."""
    before = old.lanes[0].forward.head
    return house.until(name, State.PR_OPEN, and_=lambda c: c.lanes[0].forward.head != before)


@dataclass
class Telling:
    """A forge that tells of this head, where a pull request is asked for."""

    reader: Any
    head: str | None

    def pull(self, repo: RepoRef, number: int) -> Any:
        return replace(self.reader.pull(repo, number), head=self.head)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.reader, name)


def looked_at(house: House, change: Change, head: str | None) -> Any:
    """What an observation comes to where the pull request has this head."""
    world = replace(house.home.world, reader=Telling(house.home.world.reader, head))
    change = replace(
        change, lanes=(replace(change.lanes[0], forward=replace(change.lanes[0].forward, observed=True)),)
    )
    effect = Observe(key="k", repo=change.lanes[0].repo.node_id, leg=LegName.FORWARD)
    return observe(world, change, effect, house.home.store.texts())


def events(house: House, name: ChangeId, kind: type) -> list[Any]:
    return [e.event for e in house.home.store.reader.entries(name) if isinstance(e.event, kind)]


def commit(house: House, repo: RepoRef, change: Change) -> Any:
    return house.ask("GET", f"/repos/{repo.full_name}/git/commits/{change.lanes[0].forward.head}").json()


def main_of(house: House, repo: RepoRef) -> str:
    return str(house.ask("GET", f"/repos/{repo.full_name}/branches/main").json()["commit"]["sha"])


def test_a_change_whose_strict_base_moved_follows_it_and_merges_as_approved(house: House):
    """Once its merge is wanted, and not before. Its checks run on the new head, and nobody is asked again."""
    repo = house.repository("strict", strict=True)
    with house.working():
        name = house.to_merge_approval(repo)
        offered = house.change(name)
        house.put("strict", "README.md", "somebody else\n")
        offered_anew(house, name, offered)
        assert not events(house, name, PatchSetRebased), "nobody wants it merged yet"
        house.approve(name, ApprovalScope.MERGE)
        opened = follows(house, name, offered)
        parents = [parent["sha"] for parent in commit(house, repo, opened)["parents"]]
        assert parents == [offered.lanes[0].forward.head, main_of(house, repo)], (
            "moved forward, and up to date"
        )
        assert looked_at(house, opened, offered.lanes[0].forward.head) is None, "a pull request may lag"
        assert isinstance(looked_at(house, opened, main_of(house, repo)), HeadMoved)
        house.report(opened)
        done = house.until(name, State.DONE)
    (event,) = events(house, name, PatchSetRebased)
    assert event.previous == digest_of(offered)
    told = house.kinds(name)
    assert told.index("E_PATCH_SET_REBASED") < told.index("E_ROLLBACK_POINT_PLACED"), (
        "marked where it is merged"
    )
    assert (told.count("E_CI_PASSED"), told.count("E_PR_OPENED"), told.count("E_MERGED")) == (3, 1, 1)
    assert told.count("E_APPROVAL_RECORDED") == 2
    assert sorted(a.scope for a in done.approvals if a.carried_from) == ["content", "merge"]
    decided = [d for d in events(house, name, TapDecided) if d.action is Action.BRANCH]
    assert [d.allowed for d in decided] == [True, True], "each commit of its branch was decided on"


@pytest.mark.slow
def test_of_two_changes_on_a_strict_base_the_second_follows_the_first(house: House):
    repo = house.repository("two", strict=True)
    with house.working():
        first, second = two_changes(house, repo, writes("src/b.py", "b = 1\n"))
        offered = house.change(second)
        merged(house, first)
        offered_anew(house, second, offered)
        house.approve(second, ApprovalScope.MERGE)
        house.report(follows(house, second, offered))
        house.until(second, State.DONE)
    assert not events(house, first, PatchSetRebased)
    assert len(events(house, second, PatchSetRebased)) == 1
    files = {f["name"] for f in house.ask("GET", f"/repos/{repo.full_name}/contents/src").json()}
    assert files == {"a.py", "b.py"}


@pytest.mark.slow
def test_a_base_that_is_not_strict_is_never_followed(house: House):
    repo = house.repository("lenient")
    with house.working():
        first, second = two_changes(house, repo, writes("src/b.py", "b = 1\n"))
        offered = house.change(second)
        merged(house, first)
        done = merged(house, second)
    assert done.lanes[0].forward.head == offered.lanes[0].forward.head
    assert digest_of(done) == digest_of(offered)
    assert not events(house, second, PatchSetRebased)
    assert done.lanes[0].updates == 0


@pytest.mark.slow
@pytest.mark.parametrize("method", [MergeMethod.MERGE, MergeMethod.REBASE])
def test_however_it_is_merged_the_tree_is_the_one_that_was_computed(house: House, method: MergeMethod):
    """Squashed it is in every other test; replayed, its commits have no second parent."""
    house.configure(Config(version=1, pr_management=PrManagement(merge_strategy=method)))
    repo = house.repository(f"by-{method}", strict=True)
    with house.working():
        name = house.to_merge_approval(repo)
        offered = house.change(name)
        house.put(repo.name, "README.md", "somebody else\n")
        offered_anew(house, name, offered)
        house.approve(name, ApprovalScope.MERGE)
        house.report(follows(house, name, offered))
        house.until(name, State.DONE)
    (event,) = events(house, name, Merged)
    assert event.faithful
    assert event.tree == house.tree(repo)


@pytest.mark.slow
def test_where_the_same_paths_were_touched_it_is_proposed_and_approved_anew(house: House):
    """Git would merge the two without a conflict; nobody has approved what comes of that."""
    repo = house.repository("overtaken", {"src/a.py": LONG}, strict=True)
    with house.working():
        first, second = two_changes(house, repo, prepends)
        offered = house.change(second)
        merged(house, first)
        offered_anew(house, second, offered)
        house.approve(second, ApprovalScope.MERGE)
        waiting = house.until(
            second, State.WAITING_USER_APPROVAL, and_=lambda c: digest_of(c) != digest_of(offered)
        )
        assert not waiting.approved(digest_of(waiting), ApprovalScope.CONTENT, waiting.updated_at)
        assert [e.reason for e in events(house, second, MergeRefused)] == ["overtaken"]
        assert len(house.script.briefs) == 3, "proposed again on the new base"
        house.approve(second)
        opened = follows(house, second, offered)
        house.report(opened)
        house.until(second, State.VERIFYING_CI, and_=lambda c: bool(c.lanes[0].forward.preview))
        assert not house.pulls(repo)[0]["merged_at"], "its merge is asked for again, too"
        done = merged(house, second)
    parents = [p["sha"] for p in commit(house, repo, done)["parents"]]
    assert parents[0] == offered.lanes[0].forward.head
    assert not [a for a in done.approvals if a.carried_from]


@pytest.mark.slow
def test_what_could_change_the_answer_is_asked_again(house: House):
    """None of its paths was touched, and a lock file was."""
    repo = house.repository("void", strict=True)
    with house.working():
        name = house.to_merge_approval(repo)
        offered = house.change(name)
        house.put("void", "requirements.txt", "left-pad==1\n")
        offered_anew(house, name, offered)
        house.approve(name, ApprovalScope.MERGE)
        waiting = house.until(
            name, State.WAITING_USER_APPROVAL, and_=lambda c: digest_of(c) != digest_of(offered)
        )
    assert not [a for a in waiting.approvals if a.scope is ApprovalScope.CONTENT], "void for either base"
    assert len(house.script.briefs) == 1, "it is the same patch"
    assert house.pulls(repo)[0]["head"]["sha"] == offered.lanes[0].forward.head, "nothing was written"


@pytest.mark.slow
def test_a_review_that_approves_a_merge_is_asked_for_again_on_the_new_head(house: House):
    house.configure(Config(version=1, pr_management=PrManagement(count_reviews=True)))
    repo = house.repository("reviewed-strict", strict=True)
    with house.working():
        name = house.to_merge_approval(repo)
        offered = house.change(name)
        house.put(repo.name, "README.md", "somebody else\n")
        offered_anew(house, name, offered)
        review(house, repo, "APPROVE")
        opened = follows(house, name, offered)
        house.report(opened)
        green = house.until(name, State.VERIFYING_CI, and_=lambda c: bool(c.lanes[0].forward.preview))
        assert not [a for a in green.approvals if a.scope is ApprovalScope.MERGE]
        review(house, repo, "APPROVE")
        house.until(name, State.DONE)
    assert house.kinds(name).count("E_PATCH_SET_REBASED") == 1


def half_merged(house: House, path: str) -> tuple[ChangeId, RepoRef, RepoRef]:
    """A library is merged, and at that moment the strict base of its dependent moves by a change of this path."""
    kind = Path(path).stem
    lib = house.repository(f"half-{kind}-lib", {"pyproject.toml": '[project]\nname = "lib"\n'})
    needs = '[project]\nname = "app"\ndependencies = ["lib"]\n'
    app = house.repository(f"half-{kind}-app", {"pyproject.toml": needs, "src/a.py": LONG}, strict=True)

    def moves(write: AuthorizedWrite, _: StopFlag) -> bool:
        first = isinstance(write.wanted, Merge) and write.wanted.repo == lib
        if first:
            house.put(app.name, path, "w = 0\n" + LONG)
        return first

    name = house.to_merge_approval(lib, app)
    house.before_write = moves
    house.approve(name, ApprovalScope.MERGE)
    house.until(name, *State, and_=lambda c: c.any_merged)
    return name, lib, app


@pytest.mark.slow
def test_the_rest_of_a_change_follows_its_base_where_it_is_the_same(house: House):
    with house.working():
        name, _, app = half_merged(house, "README.md")
        moved = house.until(name, State.PR_OPEN)
        assert lane_in(moved, app).updates == 1
        house.report(moved)
        house.until(name, State.DONE)
    assert house.kinds(name).count("E_APPROVAL_RECORDED") == 4, "nobody was asked again"


@pytest.mark.slow
def test_the_rest_of_a_change_is_a_persons_where_it_is_not(house: House):
    """Not even who approves its merge as git would make it: nobody has approved that content. It can be taken back."""
    with house.working():
        name, lib, app = half_merged(house, "src/a.py")
        house.until(name, State.VERIFYING_CI, and_=lambda c: bool(lane_in(c, app).forward.preview))
        house.approve(name, ApprovalScope.MERGE)
        stopped = house.until(name, State.NEEDS_HUMAN)
        assert stopped.reason == "overtaken"
        assert len(house.script.briefs) == 2, "nothing is proposed anew"
        orders.cancel(house.home.desk(interactive=True), stopped, rollback=True, words="back")
        back = house.until(name, State.ROLLING_BACK, and_=lambda c: bool(lane_in(c, lib).inverse.pull))
        house.status(lib.name, lane_in(back, lib).inverse.head or "")
        house.until(name, State.ROLLED_BACK)
    assert [bool(pull["merged_at"]) for pull in house.pulls(app)] == [False]


@pytest.mark.slow
def test_a_base_that_never_rests_is_followed_so_often_and_no_more(house: House):
    """A person says when to try again; then it is counted anew."""
    repo = house.repository("busy", strict=True)
    with house.working():
        name = house.to_merge_approval(repo)
        most = house.change(name).terms.max_updates
        now = house.change(name)
        house.put("busy", "README.md", "once\n")
        offered_anew(house, name, now)
        house.approve(name, ApprovalScope.MERGE)
        for turn in range(most):
            now = follows(house, name, now)
            house.put("busy", "README.md", f"again {turn}\n")
            house.report(now)
        stopped = house.until(name, State.NEEDS_HUMAN)
        assert stopped.reason == "always_behind"
        texts = house.home.store.texts()
        assert stopped.detail
        assert f"followed {most} of at most {most} times" in (texts.get(stopped.detail) or "")
        assert not house.pulls(repo)[0]["merged_at"]
        assert house.pulls(repo)[0]["head"]["sha"] == now.lanes[0].forward.head, "not one more"
        orders.resume(house.home.desk(interactive=True), stopped)
        house.report(follows(house, name, now))
        done = house.until(name, State.DONE)
    assert done.lanes[0].updates == 1
    assert house.kinds(name).count("E_APPROVAL_RECORDED") == 2


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["protection", "ruleset"])
def test_a_base_that_moves_at_the_last_moment_refuses_the_merge_and_is_followed(house: House, kind: str):
    """It moves between the look and the request, so that it is the forge who says that the branch is behind."""
    repo = house.repository(f"late-{kind}", checks=("test",) if kind == "protection" else (), strict=True)
    there = f"/repos/{repo.full_name}"
    number = house.ask("POST", f"{there}/rulesets", RULESET).json()["id"] if kind == "ruleset" else None

    def binds_everybody() -> None:
        if number is None:
            house.protect(repo.name, ("test",), strict=True, admins=True)
        else:
            house.ask("PUT", f"{there}/rulesets/{number}", RULESET | {"bypass_actors": []})

    def moves(write: AuthorizedWrite, _: StopFlag) -> bool:
        if isinstance(write.wanted, Merge):
            house.put(repo.name, "README.md", "at the last moment\n")
            binds_everybody()
        return isinstance(write.wanted, Merge)

    with house.working():
        name = house.to_merge_approval(repo)
        offered = house.change(name)
        house.before_write = moves
        house.approve(name, ApprovalScope.MERGE)
        house.report(follows(house, name, offered))
        done = house.until(name, State.DONE)
    assert [e.reason for e in events(house, name, MergeRefused)] == ["behind"]
    assert len(events(house, name, PatchSetRebased)) == 1
    assert done.lanes[0].updates == 2, "what the forge refused counts, too"
    assert house.kinds(name).count("E_APPROVAL_RECORDED") == 2
