"""What a crash, a person or another change did in between is found again: nothing is lost, and nothing stays behind."""

import pytest
from tests.flows.house import ORG, House, add_line, lane_in

from penstock.core.approval import ApprovalScope
from penstock.core.change.effects import Write
from penstock.core.change.events import NeedsHuman
from penstock.core.change.model import Action, State
from penstock.flows import orders


class Once:
    """Of the first outcome of one action, something else is recorded, or something happens right after it."""

    def __init__(self, action: Action, then) -> None:
        self.action, self.then, self.met = action, then, 0

    def __call__(self, effect, outcome, texts):
        if self.met or not (isinstance(effect, Write) and effect.action is self.action):
            return outcome
        self.met += 1
        return self.then(effect, outcome, texts)


def lose(effect, outcome, texts):
    """The write happened, and the log says only that somebody is needed."""
    return NeedsHuman(reason="gave_up", repo=effect.repo, detail=texts.put("the answer was lost"))


def test_red_checks_and_then_a_cancel(house: House):
    """A repository without a new patch set can still be taken back."""
    repo = house.repository("red-then-cancelled")
    with house.working():
        name = house.to_pull_requests(repo)
        house.report(house.change(name), "failure")
        stopped = house.until(name, State.NEEDS_HUMAN)
        assert stopped.lanes[0].patch_set is None
        orders.cancel(house.home.desk(interactive=True), stopped, rollback=False, words="enough")
        house.until(name, State.CANCELLED)
    assert house.branches(repo) == {"main"}
    assert [pull["state"] for pull in house.pulls(repo)] == ["closed"]


def test_a_base_that_moves_after_the_rollback_point(house: House):
    """The next try places a point of its own, and the merge is approved anew on the new base."""
    repo = house.repository("tagged")
    with house.working():
        name = house.to_merge_approval(repo)

    def moves(effect, outcome, texts):
        house.put("tagged", "README.md", "somebody else\n")
        return outcome

    once = Once(Action.ROLLBACK_POINT, moves)
    first = house.change(name).lanes[0].forward.preview
    with house.working(once):
        house.approve(name, ApprovalScope.MERGE)
        house.until(name, State.VERIFYING_CI, and_=lambda c: c.lanes[0].forward.preview not in {None, first})
        house.approve(name, ApprovalScope.MERGE)
        house.until(name, State.DONE)
    assert once.met == 1
    assert len(house.ask("GET", f"/repos/{ORG}/tagged/tags").json()) == 2


@pytest.mark.parametrize("moved", [False, True])
def test_a_branch_whose_record_was_lost(house: House, *, moved: bool):
    """It is found again and counts, also where the base has moved since, so that no branch is orphaned."""
    repo = house.repository(f"lost-{moved}")
    with house.working(Once(Action.BRANCH, lose)):
        name = house.start(repo)
        house.until(name, State.WAITING_USER_APPROVAL)
        house.approve(name)
        stopped = house.until(name, State.NEEDS_HUMAN)
    assert len(house.branches(repo)) == 2
    if moved:
        house.put(repo.name, "README.md", "somebody else\n")
    orders.resume(house.home.desk(interactive=True), stopped)
    with house.working():
        house.until(name, State.PR_OPEN, and_=lambda c: bool(c.lanes[0].forward.pull))
    assert len(house.branches(repo)) == 2


@pytest.mark.parametrize("resumed", [False, True])
def test_a_branch_whose_record_was_lost_is_withdrawn(house: House, *, resumed: bool):
    """An intent says that it may be there, so a cancel looks for it, resumed meanwhile or not."""
    repo = house.repository(f"lost-cancelled-{resumed}")
    with house.working(Once(Action.BRANCH, lose)):
        name = house.start(repo)
        house.until(name, State.WAITING_USER_APPROVAL)
        house.approve(name)
        house.until(name, State.NEEDS_HUMAN)
    desk = house.home.desk(interactive=True)
    if resumed:
        orders.resume(desk, house.change(name))
    orders.cancel(desk, house.change(name), rollback=False, words="stop")
    assert house.change(name).state is not State.CANCELLED
    with house.working():
        house.until(name, State.CANCELLED)
    assert house.branches(repo) == {"main"}


def test_a_strangers_branch_of_that_name_is_left_alone(house: House):
    """Where our own write is not on record, only what the bot committed is taken away."""
    repo = house.repository("squatted")
    with house.working():
        name = house.start(repo)
        house.until(name, State.WAITING_USER_APPROVAL)
    base = house.ask("GET", f"/repos/{ORG}/squatted/git/ref/heads/main").json()["object"]["sha"]
    house.ask("POST", f"/repos/{ORG}/squatted/git/refs", {"ref": f"refs/heads/penstock/{name}", "sha": base})
    with house.working():
        house.approve(name)
        stopped = house.until(name, State.NEEDS_HUMAN)
        orders.cancel(house.home.desk(interactive=True), stopped, rollback=False, words="stop")
        house.until(name, State.CANCELLED)
    assert house.branches(repo) == {"main", f"penstock/{name}"}


def test_a_merge_that_a_cancel_met(house: House):
    """A person merged and another cancelled: the record says merged, so that it can be rolled back."""
    repo = house.repository("merged-then-cancelled")
    with house.working():
        name = house.to_merge_approval(repo)
    house.ask("PUT", f"/repos/{ORG}/{repo.name}/pulls/1/merge", {"merge_method": "squash"})
    orders.cancel(house.home.desk(interactive=True), house.change(name), rollback=False, words="stop")
    with house.working():
        ended = house.until(name, State.CANCELLED)
    assert ended.lanes[0].forward.merged


def test_a_revert_whose_record_was_lost(house: House):
    """Found again and merged, also after it was resumed at another time and on another base."""
    repo = house.repository("revert-lost")
    with house.working():
        name = house.to_merge_approval(repo)
        house.approve(name, ApprovalScope.MERGE)
        done = house.until(name, State.DONE)
    orders.cancel(house.home.desk(interactive=True), done, rollback=True, words="back")
    with house.working(Once(Action.BRANCH, lose)):
        stopped = house.until(name, State.NEEDS_HUMAN)
    assert name in {head.change for head in house.home.store.heads(only_open=True)}
    house.put(repo.name, "README.md", "somebody else\n")
    orders.resume(house.home.desk(interactive=True), stopped)
    with house.working():
        back = house.until(name, State.ROLLING_BACK, and_=lambda c: bool(c.lanes[0].inverse.pull))
        house.status(repo.name, back.lanes[0].inverse.head or "")
        house.until(name, State.ROLLED_BACK)
    text = house.ask("GET", f"/repos/{ORG}/{repo.name}/contents/src/a.py").json()["content"]
    assert text == "eCA9IDEK\n"  # x = 1


def test_a_repository_that_drops_out_of_a_fix_keeps_nothing(house: House):
    """Its pull request is closed, though the rest of the change gets done."""
    stays, drops = house.repository("stays"), house.repository("drops")
    house.put("drops", "drop.txt", "x\n")
    with house.working():
        name = house.to_pull_requests(stays, drops)
        house.script.edit = lambda folder: None if (folder / "drop.txt").exists() else add_line(folder)
        house.status("drops", lane_in(house.change(name), drops).forward.head or "", "failure")
        house.until(name, State.WAITING_USER_APPROVAL, State.PR_OPEN, and_=lambda c: len(c.shipping) == 1)
        house.report(house.change(name))
        house.until(
            name, State.VERIFYING_CI, and_=lambda c: all(lane.forward.preview for lane in c.to_verify)
        )
        house.approve(name, ApprovalScope.MERGE)
        house.until(name, State.DONE, and_=lambda c: lane_in(c, drops).forward.withdrawn)
    assert [pull["state"] for pull in house.pulls(drops)] == ["closed"]
    assert house.branches(drops) == {"main"}
