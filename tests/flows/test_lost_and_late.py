"""What a crash, a person or another change did in between is found again: nothing is lost, and nothing stays behind."""

import time

import pytest
from tests.flows.house import ORG, House, add_line, lane_in

from penstock.core.approval import ApprovalScope
from penstock.core.change.effects import Decide, Write
from penstock.core.change.events import MergeRefused, NeedsHuman, TapDecided
from penstock.core.change.model import Action, LegName, State
from penstock.core.change.next import next_effects
from penstock.core.write import Merge, OpenPull
from penstock.flows import orders
from penstock.flows.perform import perform_safely
from penstock.ports import Transient


class Once:
    """Of the first outcome of one action, something else is recorded, or something happens right after it."""

    def __init__(self, action: Action, then, kind: type = Write) -> None:
        self.action, self.then, self.kind, self.met = action, then, kind, 0

    def __call__(self, effect, outcome, texts):
        if (
            self.met
            or not isinstance(effect, self.kind)
            or getattr(effect, "action", None) is not self.action
        ):
            return outcome
        self.met += 1
        return self.then(effect, outcome, texts)


def lose(effect, outcome, texts):
    """The write happened, and the log says only that somebody is needed."""
    return NeedsHuman(reason="gave_up", repo=effect.repo, detail=texts.put("the answer was lost"))


@pytest.mark.slow
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


@pytest.mark.slow
def test_a_base_that_moves_after_the_rollback_point(house: House):
    """The next try places a point of its own; what was approved is the same there, so its approval is carried over."""
    repo = house.repository("tagged")
    with house.working():
        name = house.to_merge_approval(repo)

    def moves(effect, outcome, texts):
        house.put("tagged", "README.md", "somebody else\n")
        return outcome

    once = Once(Action.ROLLBACK_POINT, moves)
    with house.working(once):
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


@pytest.mark.slow
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


@pytest.mark.slow
def test_a_revert_whose_record_was_lost(house: House):
    """Found again and merged, also after it was resumed at another time and on another base."""
    repo = house.repository("revert-lost")
    with house.working():
        name = house.to_merge_approval(repo)
        house.approve(name, ApprovalScope.MERGE)
        done = house.until(name, State.DONE)
    refused = orders.cancel(house.home.desk(interactive=True), done, rollback=False, words="stop")
    assert [part.reason for part in refused.verdict.children] == [
        "it is DONE, merged already; --rollback takes it back"
    ]
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


@pytest.mark.slow
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


@pytest.mark.slow
@pytest.mark.parametrize("recorded", [True, False])
def test_a_rollback_ordered_while_it_merges(house: House, *, recorded: bool):
    """Its merge lands, on record or found by the withdrawal, and is then taken back as ordered."""
    repo = house.repository(f"back-while-merging-{recorded}")

    def order(effect, outcome, texts):
        orders.cancel(house.home.desk(interactive=True), house.change(name), rollback=True, words="back")
        if recorded:
            return outcome
        raise Transient("stopped", "the answer was lost")

    with house.working(Once(Action.MERGE, order)):
        name = house.to_merge_approval(repo)
        house.approve(name, ApprovalScope.MERGE)
        back = house.until(name, State.ROLLING_BACK, and_=lambda c: bool(c.lanes[0].inverse.pull))
        house.status(repo.name, back.lanes[0].inverse.head or "")
        house.until(name, State.ROLLED_BACK)
    assert house.kinds(name).count("E_MERGED") == 2


@pytest.mark.slow
def test_what_merged_in_a_cancelled_change_can_be_taken_back(house: House):
    """A person merges as it is cancelled; the rollback can be ordered afterwards."""
    repo = house.repository("cancelled-too-late")
    with house.working():
        name = house.to_merge_approval(repo)
    desk = house.home.desk(interactive=True)
    orders.cancel(desk, house.change(name), rollback=False, words="stop")
    house.ask("PUT", f"/repos/{ORG}/{repo.name}/pulls/1/merge", {"merge_method": "merge"})
    with house.working():
        ended = house.until(name, State.CANCELLED)
    assert not orders.cancel(desk, ended, rollback=False, words="again").recorded
    assert orders.cancel(desk, ended, rollback=True, words="back").recorded
    assert house.change(name).state is State.ROLLING_BACK


@pytest.mark.slow
def test_a_rollback_under_way_can_be_stopped(house: House):
    """Its own pull request and branch go; what was merged stays, and the record says so."""
    repo = house.repository("back-and-forth")
    with house.working():
        name = house.to_merge_approval(repo)
        house.approve(name, ApprovalScope.MERGE)
        done = house.until(name, State.DONE)
        desk = house.home.desk(interactive=True)
        orders.cancel(desk, done, rollback=True, words="back")
        back = house.until(name, State.ROLLING_BACK, and_=lambda c: bool(c.lanes[0].inverse.pull))
        orders.cancel(desk, back, rollback=False, words="no, leave it")
        house.until(name, State.CANCELLED)
    assert [pull["state"] for pull in house.pulls(repo)] == ["closed", "closed"]
    assert not any(branch.endswith("-revert") for branch in house.branches(repo))


class Revoke:
    """Takes the content approval back right before a write of this class is sent, and waits until it is told to stop."""

    def __init__(self, house: House, kind: type) -> None:
        self.house, self.kind, self.stopped = house, kind, False

    def __call__(self, write, stop) -> bool:
        if not isinstance(write.wanted, self.kind):
            return False
        (head,) = self.house.home.store.heads(only_open=True)
        change = self.house.change(head.change)
        given = next(a for a in change.approvals if a.scope is ApprovalScope.CONTENT)
        orders.revoke(self.house.home.desk(interactive=True), change, given.id)
        deadline = time.monotonic() + 20
        while stop.wanted() and time.monotonic() < deadline:
            time.sleep(0.01)
        self.stopped = not stop.wanted()
        return True


def test_a_revocation_stops_a_pull_request_under_way(house: House):
    """Revocable until the write: the request that was about to be sent is not."""
    repo = house.repository("revoked-pull")
    house.before_write = revoke = Revoke(house, OpenPull)
    with house.working():
        name = house.start(repo)
        house.until(name, State.WAITING_USER_APPROVAL)
        house.approve(name)
        assert house.until(name, State.NEEDS_HUMAN).reason == "approval_revoked"
    assert revoke.stopped
    assert house.pulls(repo) == []


@pytest.mark.slow
def test_a_revocation_stops_a_rollback_under_way(house: House):
    """An inverse needs the approval that let its change in."""
    repo = house.repository("revoked-back")
    with house.working():
        name = house.to_merge_approval(repo)
        house.approve(name, ApprovalScope.MERGE)
        done = house.until(name, State.DONE)
        house.before_write = revoke = Revoke(house, Merge)
        orders.cancel(house.home.desk(interactive=True), done, rollback=True, words="back")
        back = house.until(name, State.ROLLING_BACK, and_=lambda c: bool(c.lanes[0].inverse.pull))
        house.status(repo.name, back.lanes[0].inverse.head or "")
        assert house.until(name, State.NEEDS_HUMAN).reason == "approval_revoked"
    assert revoke.stopped
    assert [bool(pull["merged_at"]) for pull in house.pulls(repo)] == [False, True]


@pytest.mark.slow
def test_a_sibling_that_somebody_moved_stops_the_first_merge(house: House):
    """Read again at the merge: half a change does not land."""
    one, two = house.repository("half-one"), house.repository("half-two")
    with house.working():
        name = house.to_merge_approval(one, two)
    house.approve(name, ApprovalScope.MERGE)
    change = house.change(name)
    effects = next_effects(change)
    assert isinstance(effects, tuple)
    first = next(effect for effect in effects if effect.repo == one.node_id)

    def outcome():
        return perform_safely(house.home.world, first, change, house.home.store.texts(), Never())

    assert isinstance(outcome(), TapDecided)
    house.put("half-two", "src/a.py", "z = 3\n", branch=f"penstock/{name}")
    refused = outcome()
    assert isinstance(refused, MergeRefused)
    assert refused.reason == "verification_stale"
    with house.working():
        assert house.until(name, State.NEEDS_HUMAN).reason == "head_moved"
    assert not any(pull["merged_at"] for repo in (one, two) for pull in house.pulls(repo))


class Never:
    """The stop flag of an effect that is wanted."""

    def wanted(self) -> bool:
        return True


@pytest.mark.slow
def test_what_is_written_is_what_was_decided(house: House):
    """The base moves between decision and write of a revert: it is decided on anew, and that is on record first."""
    repo = house.repository("decided-anew")
    with house.working():
        name = house.to_merge_approval(repo)
        house.approve(name, ApprovalScope.MERGE)
        done = house.until(name, State.DONE)

    def move(effect, outcome, texts):
        house.put(repo.name, "README.md", "in between\n")
        return outcome

    orders.cancel(house.home.desk(interactive=True), done, rollback=True, words="back")
    with house.working(Once(Action.BRANCH, move, Decide)):
        house.until(name, State.ROLLING_BACK, and_=lambda c: bool(c.lanes[0].inverse.head))
    log = [entry.event for entry in house.home.store.reader.entries(name)]
    written = next(e for e in log if e.kind == "E_PATCHES_APPLIED" and e.leg is LegName.INVERSE)
    decided = [e.subject for e in log if e.kind == "E_TAP_DECIDED" and e.subject.startswith("revert ")]
    assert len(decided) == 2
    assert decided[-1].endswith(written.tree)


@pytest.mark.slow
def test_an_inverse_that_is_none_any_more_is_not_merged(house: House):
    """Somebody edits another part of a touched file after the revert branch was made: nobody approved that mixture."""
    repo = house.repository("mixture", {"src/a.py": "x = 1\n" + "# \n" * 20})
    with house.working():
        name = house.to_merge_approval(repo)
        house.approve(name, ApprovalScope.MERGE)
        done = house.until(name, State.DONE)
        orders.cancel(house.home.desk(interactive=True), done, rollback=True, words="back")
        back = house.until(name, State.ROLLING_BACK, and_=lambda c: bool(c.lanes[0].inverse.pull))
        house.put(repo.name, "src/a.py", "x = 5\n" + "# \n" * 20 + "y = 2\n")
        house.status(repo.name, back.lanes[0].inverse.head or "")
        assert house.until(name, State.NEEDS_HUMAN).reason == "changed_since"
    assert [bool(pull["merged_at"]) for pull in house.pulls(repo)] == [False, True]


@pytest.mark.slow
def test_a_merge_the_other_way_round_is_not_faithful(house: House):
    """The head as first parent and the base as second, with the head's tree: the base's own work would be gone."""
    repo = house.repository("backwards")
    with house.working():
        name = house.to_merge_approval(repo)
    house.put(repo.name, "README.md", "work on the base\n")
    place = f"/repos/{ORG}/{repo.name}/git"
    head = house.change(name).lanes[0].forward.head
    base = house.ask("GET", f"{place}/ref/heads/main").json()["object"]["sha"]
    tree = house.ask("GET", f"{place}/commits/{head}").json()["tree"]["sha"]
    body = {"message": "Backwards", "tree": tree, "parents": [head, base]}
    commit = house.ask("POST", f"{place}/commits", body).json()["sha"]
    house.ask("DELETE", f"/repos/{ORG}/{repo.name}/branches/main/protection")
    house.ask("PATCH", f"{place}/refs/heads/main", {"sha": commit})
    with house.working():
        assert house.until(name, State.NEEDS_HUMAN).reason == "merge_differs"
