"""Autonomy that is earned: on what a real ledger tells of merges, whose watch ends by the clock and by nothing else."""

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.clock import ManualClock
from tests.flows.house import House, lane_in
from tests.flows.landing import land, repository, standing
from tests.scripted import NOW, ref, sha

from penstock.adapters import embedded as embedding
from penstock.adapters.store import outcomes
from penstock.adapters.store.heads import Queue
from penstock.adapters.store.outcomes import Outcomes
from penstock.adapters.store.owner import this_process
from penstock.adapters.store.store import Store, open_store
from penstock.cli.standing import show
from penstock.core.approval import ApprovalScope
from penstock.core.autonomy.earning import ENOUGH, WATCH, Held, held
from penstock.core.autonomy.model import Cell
from penstock.core.change import events as e
from penstock.core.change import is_settled
from penstock.core.change.journal import Draft
from penstock.core.change.model import Change, State, Watched
from penstock.core.change.outcomes import Classes
from penstock.core.policy.rules import Holder, Mode, Tier
from penstock.core.refs import ChangeId, RepoRef
from penstock.core.verdict import failures
from penstock.flows.durable import Durable, Options
from penstock.sections import Safety
from penstock.settings import Config

CELL = Cell(agent="scripted", repositories="other", tier=Tier.LOW)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
QUICK = Options(poll_seconds=0.002, grace_seconds=1)


@dataclass
class Books:
    """A ledger, as a process that has just begun reads it."""

    state: Path
    clock: ManualClock

    def __post_init__(self) -> None:
        self.store = open_store(self.state, self.clock)
        self.outcomes = Outcomes(self.store.database, self.store.reader)

    def seen(self, cell: Cell = CELL, classes: Classes = ()) -> Held:
        """As policy would find it now."""
        landed = self.outcomes.landed(classes)
        return held(cell, self.store.governance.now(), landed, pull="c-new R_new", now=self.clock.now())


def rules(found: Held) -> list[str]:
    return [leaf.rule for leaf in failures(found.verdict)]


def keep_watch(store: Store, clock: ManualClock) -> None:
    """A real worker, until nothing is due any more."""
    queue = Queue(store.database, this_process())
    worker = Durable(store, queue, standing(clock), clock, QUICK)
    stop = threading.Event()
    thread = threading.Thread(target=worker.run, args=(stop,))
    thread.start()
    deadline = time.monotonic() + 20
    while any(head.owner or (head.ready_at and head.ready_at <= clock.now()) for head in store.heads()):
        assert time.monotonic() < deadline, "the watch does not end"
        time.sleep(0.05)
    stop.set()
    thread.join()


def test_59_clean_merges_earn_it_once_each_was_watched_to_its_end(tmp_path: Path) -> None:
    clock = ManualClock(NOW)
    books = Books(tmp_path, clock)
    names = [land(books.store, clock, repository(number)) for number in range(ENOUGH)]
    assert books.seen().record.under_watch == ENOUGH
    clock.advance(WATCH.total_seconds())
    late = books.seen()
    assert rules(late) == ["earned"], "time alone proves nothing: nobody has looked"
    assert late.record.unwatched == ENOUGH
    keep_watch(books.store, clock)
    assert books.seen().verdict.allows
    assert books.store.reader.entries(names[0])[-1].event.kind == "E_MERGE_STOOD"

    clock.advance(-1)
    assert rules(books.seen()) == ["earned"], "a clock that goes back takes outcomes away, and brings none"
    clock.advance(1)
    books.store.close()
    books = Books(tmp_path, clock)
    earned = books.seen()
    assert (earned.basis, earned.record.counts.outcomes) == ("earned", ENOUGH), "after a restart"
    assert earned.record.counts.bound < 0.05

    books.store.record(names[0], taken_back(0))
    suspended = books.seen()
    assert rules(suspended) == ["suspended"]
    assert names[0] in suspended.verdict.reason
    books.store.close()


def taken_back(number: int) -> Draft:
    gone, commit = ref("gone"), sha("revert")
    event = e.PostMergeFailed(repo=repository(number).node_id, detail=gone, undone_by=commit)
    return Draft(key="late", event=event)


def test_a_failure_is_never_too_old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only so many merges are counted, the newest; what suspends a cell is found behind them."""
    monkeypatch.setattr(outcomes, "LOOKED_AT", 2)
    books = Books(tmp_path, ManualClock(NOW))
    first = land(books.store, books.clock, repository(0))
    books.store.record(first, taken_back(0))
    for number in (1, 2, 3):
        books.clock.advance(60)
        land(books.store, books.clock, repository(number))
    found = books.seen()
    assert rules(found) == ["suspended"]
    assert (found.record.own.failures, found.record.under_watch) == (1, 2)
    apart = (("ours", ("acme/landed0000",)),)
    elsewhere = books.seen(classes=apart)
    assert rules(elsewhere) == ["earned"], "it failed in another class, and counts in the pool"
    assert elsewhere.record.counts.failures == 1
    assert rules(books.seen(replace(CELL, repositories="ours"), apart)) == ["suspended"]
    books.store.close()


class Timed(House):
    """A house in which it is as late as the test says."""

    def __init__(self, state: Path, url_of: embedding.Embedded) -> None:
        self.clock = ManualClock(NOW)
        super().__init__(state, url_of)

    def settle(self, landed: int) -> None:
        """Policy may act, and so many clean merges of the cell are on record, all watched to their end."""
        config = Config(version=1, mode=Mode.AUTONOMOUS)
        safety = Safety.model_validate({"human_approval_required": ()})
        self.configure(config.model_copy(update={"safety": safety}))
        for number in range(landed):
            land(self.home.store, self.clock, repository(number))
        self.clock.advance(WATCH.total_seconds())
        keep_watch(self.home.store, self.clock)

    def configure(self, config: Config) -> None:
        super().configure(config)
        vars(self.home)["clock"] = self.clock

    def approved(self, repo: RepoRef, *, then: tuple[Holder, ...] = ()) -> ChangeId:
        """A change that a person approved, and whose checks are green, once these toggles are set."""
        name = self.start(repo)
        self.until(name, State.WAITING_USER_APPROVAL, and_=lambda c: bool(c.answered))
        self.approve(name)
        self.until(name, State.PR_OPEN, and_=lambda c: bool(lane_in(c, repo).forward.pull))
        self.holders = then
        self.report(self.change(name))
        return name

    def watched(self, name: ChangeId, repo: RepoRef) -> None:
        """Until its checks were seen after the merge."""
        self.until(name, State.DONE, and_=is_settled)
        self.later(name, lambda c: lane_in(c, repo).watched is Watched.STAYS, step=HOUR / 2)

    def later(self, name: ChangeId, found: Callable[[Change], bool], *, step: timedelta) -> Change:
        """Time goes by until it is so; not for long."""
        for _ in range(48):
            change = self.change(name)
            if found(change):
                return change
            self.clock.advance(step.total_seconds())
            time.sleep(0.25)
        raise AssertionError(self.story(self.change(name)))

    def declined(self, name: ChangeId) -> dict[ApprovalScope, tuple[str, ...]]:
        """The rules by which policy left it to a person."""
        events = [entry.event for entry in self.home.store.reader.entries(name)]
        return {event.scope: event.rules for event in events if isinstance(event, e.PolicyDeclined)}

    def merges_itself(self, repo: RepoRef) -> Change:
        name = self.approved(repo)
        done = self.until(name, State.DONE, and_=is_settled)
        assert {(a.scope, a.by_policy) for a in done.approvals} == {
            (ApprovalScope.CONTENT, False),
            (ApprovalScope.MERGE, True),
        }
        return done

    def asks(self, repo: RepoRef, *, why: str, then: tuple[Holder, ...] = ()) -> ChangeId:
        """Its merge is a person's."""
        name = self.approved(repo, then=then)
        self.until(name, State.VERIFYING_CI, and_=lambda c: len(c.answered) == 2)
        assert why in self.declined(name)[ApprovalScope.MERGE]
        assert not self.pulls(repo)[0]["merged_at"]
        return name


@pytest.fixture
def timed(forge: embedding.Embedded, tmp_path: Path) -> Any:
    built = Timed(tmp_path, forge)
    yield built
    built.person.close()
    built.home.close()


@pytest.mark.slow
def test_what_is_earned_is_merged_by_policy_until_somebody_takes_a_merge_back(timed: Timed, capsys) -> None:
    """The 59th goes through the whole loop, by a person's hand; the next after its watch, by policy; the one after that not."""
    timed.settle(ENOUGH - 1)
    repos = [timed.repository(f"earned-{number}") for number in range(4)]
    with timed.working():
        last = timed.asks(repos[0], why="earned")
        timed.approve(last, ApprovalScope.MERGE)
        timed.watched(last, repos[0])
        early = timed.asks(repos[1], why="earned")
        timed.clock.advance(WATCH.total_seconds())
        timed.later(last, lambda c: lane_in(c, repos[0]).watched is Watched.STOOD, step=HOUR)
        assert told(timed, capsys)["missing"] == 0

        merged = timed.merges_itself(repos[2])
        assert [a.basis for a in merged.approvals if a.by_policy] == ["earned"]
        assert "quorum" in timed.declined(merged.id)[ApprovalScope.CONTENT], (
            "a person still approves what is merged"
        )
        timed.watched(merged.id, repos[2])
        timed.put(repos[2].name, "src/b.py", "other = 1\n")
        timed.clock.advance(3 * DAY.total_seconds())
        timed.put(repos[2].name, "src/a.py", "x = 1\n")
        gone = timed.later(merged.id, lambda c: c.state is not State.DONE, step=DAY / 6)
        assert (gone.state, gone.reason) == (State.ROLLED_BACK, "undone")
        assert len(timed.pulls(repos[2])) == 1, "there is nothing left to take back"

        timed.asks(repos[3], why="suspended")
        cell = told(timed, capsys)
        assert cell["state"] == "suspended"
        assert merged.id in cell["why"]
    timed.configure(timed.settings.config)
    assert told(timed, capsys) == cell, "after a restart"
    assert not timed.pulls(repos[1])[0]["merged_at"], early
    assert timed.home.proof.verify(None).holds


@pytest.mark.slow
@pytest.mark.parametrize(
    ("holder", "why"),
    [
        (Holder(name="test", autonomy=False), "autonomy"),
        (Holder(name="test", quarantine=True), "G-11"),
        (Holder(name="test", automerge=False), "automerge"),
    ],
    ids=["the kill switch", "quarantine", "automerge is off"],
)
def test_what_is_switched_off_stops_what_was_earned(timed: Timed, holder: Holder, why: str) -> None:
    timed.settle(ENOUGH)
    with timed.working():
        timed.asks(timed.repository(f"off-{why.lower()}"), why=why, then=(holder,))


def told(house: House, capsys) -> dict[str, Any]:
    """What `penstock autonomy list` says of the cell."""
    capsys.readouterr()
    show(house.home, json=True)
    return next(
        cell for cell in json.loads(capsys.readouterr().out)["cells"] if cell["cell"]["tier"] == "low"
    )
