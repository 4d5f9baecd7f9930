"""Promoting a policy: one proposes, another approves, every process that runs obeys, one takes it back; nothing fails open."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from sqlalchemy import text
from tests.clock import ManualClock
from tests.flows.house import House
from tests.flows.test_layers import Shut, settled

from penstock.adapters.store.outcomes import Outcomes
from penstock.adapters.store.proof import Proof
from penstock.adapters.store.store import Store, open_store
from penstock.bootstrap import Installation
from penstock.cli.exits import Exit
from penstock.cli.looking import status
from penstock.core.autonomy.promotion import Figures, Standing, bound_ppm
from penstock.core.change.model import Change, State
from penstock.core.policy.layers import Layered, bound
from penstock.core.policy.promoted import Candidate, candidate
from penstock.core.policy.rules import Policy, Separation, policy_digest
from penstock.core.refs import Actor, ChangeId, NodeId, RepoRef
from penstock.core.routing.loading import Ruleset
from penstock.core.verdict import Outcome, failures
from penstock.flows import orders
from penstock.flows.governing import Seat
from penstock.flows.listening import Listener
from penstock.flows.orders import Answer, Desk
from penstock.flows.promoting import PromotedLayers, approve, figures_of, propose, take_back
from penstock.flows.steering import Steering
from penstock.flows.whatif import Answer as Judged
from penstock.flows.whatif import Backtest, Fate, Tried, backtest, fate_of
from penstock.ports import ForgeReader
from penstock.rulebook import Book, InForce

FILES = Layered(policy=Policy(max_files=50), sources=("config/orchestrator.yml",))
TIGHT = "version: 1\nsafety: {max_files: 5}\n"
TIGHTER = "version: 1\nsafety: {max_files: 3}\n"
SMALLER = "version: 1\nsafety: {max_changed_lines: 100}\n"
REPOS = tuple(
    RepoRef(forge="forge.test", node_id=NodeId(f"R_{name}"), owner="acme", name=name)
    for name in ("lib", "app")
)


@dataclass
class People:
    """Whom the forge lets write, by repository; None: it does not say."""

    may_write: dict[str, frozenset[str] | None] = field(
        default_factory=lambda: {repo.name: frozenset({"ada", "ben", "bot"}) for repo in REPOS}
    )

    silent: frozenset[str] = frozenset()
    """Repositories whose writers it does not list, though it tells of each."""

    def permission(self, repo: RepoRef, login: str) -> str | None:
        names = self.may_write[repo.name]
        return None if names is None else "write" if login.casefold() in names else "read"

    def writers(self, repo: RepoRef) -> frozenset[str] | None:
        return None if repo.name in self.silent else self.may_write[repo.name]


@dataclass
class Hall:
    """A ledger, its people, and a process that runs beside theirs."""

    store: Store
    clock: ManualClock
    running: InForce
    people: People = field(default_factory=People)
    policy: Policy = field(default_factory=Policy)
    before: int = 0

    def seat(self, person: str) -> Seat:
        desk = Desk(
            log=self.store,
            reader=cast("ForgeReader", self.people),
            clock=self.clock,
            policy=self.policy,
            person=person,
            own_login="bot",
            interactive=False,
        )
        steering = Steering(
            log=self.store.governance,
            outcomes=Outcomes(self.store.database, self.store.reader),
            clock=self.clock,
            quarantine_after=5,
        )
        return Seat(desk=desk, steering=steering, repositories=lambda: REPOS)

    def today(self) -> Layered:
        return in_force(self.store).layered

    def candidate(self, words: str = TIGHT) -> Candidate:
        found = candidate("tight.yml", words.encode(), self.today())
        assert isinstance(found, Candidate), found
        return found

    def proposed(self, words: str = TIGHT, *, by: str = "ada") -> str:
        given = self.candidate(words)
        answer = propose(self.seat(by), given, figures(given), "too many files at once")
        assert answer.recorded, answer.verdict
        return answer.subject

    def approved(self, name: str, *, by: str = "ben", why: str = "yes") -> Answer:
        return approve(self.seat(by), name, self.today, why)

    def kinds(self) -> list[str]:
        """Of what was recorded in this test."""
        return [str(entry.event.kind) for entry in self.store.governance.entries()][self.before :]


def in_force(store: Store) -> InForce:
    """As a process that begins now has it."""
    book = Book(rules=Ruleset(), layered=FILES)
    return InForce(book, None, lambda _: book, PromotedLayers(store.governance))


def figures(given: Candidate) -> Figures:
    return Figures(
        policy=policy_digest(given.layered.policy),
        approved=2,
        escalated=0,
        blocked=1,
        not_judged=0,
        broke=0,
        known=2,
        upper_bound_ppm=bound_ppm(0, 2),
    )


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hall]:
    clock, state = ManualClock(), tmp_path_factory.mktemp("hall")
    store, other = open_store(state, clock), open_store(state, clock)
    yield Hall(store=store, clock=clock, running=in_force(other))
    store.close()
    other.close()


@pytest.fixture
def hall(built: Hall) -> Hall:
    """Where nothing is proposed or in force any more."""
    afresh = replace(built, people=People(), policy=Policy())
    for one in built.store.governance.now().promotions:
        if one.standing is not Standing.TAKEN_BACK:
            assert take_back(afresh.seat("ada"), one.id, "the next test").recorded
    return replace(afresh, before=built.store.governance.now().n)


def rules(answer: Answer) -> list[str]:
    return [leaf.rule for leaf in failures(answer.verdict)]


def test_what_one_proposes_and_another_approves_is_in_force_in_what_runs_until_it_is_taken_back(hall: Hall):
    before = hall.running.layered
    name = hall.proposed()
    assert hall.running.layered == before, "a proposal changes nothing"
    assert hall.approved(name).recorded
    now = hall.running.layered
    assert (now.policy.max_files, now.sources) == (5, ("config/orchestrator.yml", f"promoted {name}"))
    (one,) = hall.store.governance.now().promoted
    assert policy_digest(now.policy) == one.figures.policy, "exactly what was tried"
    assert one.approved
    assert (one.proposed.by, one.approved.by, one.self_approved) == (
        Actor(login="ada"),
        Actor(login="ben"),
        False,
    )
    old = bound(before.policy, now, None, None)
    assert (old.pinned.max_files, old.current.max_files, old.layer) == (50, 5, None), "both must allow"
    assert take_back(hall.seat("ada"), name, "it stops too much").recorded
    assert hall.running.layered == before
    assert rules(hall.approved(name)) == ["waits"]
    assert rules(take_back(hall.seat("ada"), name, "again")) == ["proposal"]
    assert hall.kinds() == ["E_POLICY_PROPOSED", "E_POLICY_PROMOTED", "E_POLICY_REVERTED"]
    assert Proof(hall.store.database, hall.store.seal).verify(None).holds


def lib_is(names: frozenset[str] | None) -> Callable[[Hall, str], None]:
    def change(hall: Hall, _name: str) -> None:
        hall.people.may_write["lib"] = names

    return change


def nothing(_hall: Hall, _name: str) -> None:
    """As it was proposed."""


def later(hall: Hall, _name: str) -> None:
    hall.clock.advance(timedelta(days=14).total_seconds())


def another_in_force(words: str) -> Callable[[Hall, str], None]:
    def promote(hall: Hall, _name: str) -> None:
        assert hall.approved(hall.proposed(words)).recorded

    return promote


def erased(hall: Hall, name: str) -> None:
    one = hall.store.governance.now().promotion(name)
    assert one
    hall.store.governance.erase(one.text, by=Actor(login="ada"), reason="a name in it")


def exchanged(hall: Hall, name: str) -> None:
    """The text beside the ledger, by somebody who can write to the database."""
    with hall.store.database.writing() as connection:
        assert connection.execute(text("UPDATE blob SET text = replace(text, ' 5}', ' 6}')")).rowcount


NOT_APPROVED = {
    "by who proposed it": (nothing, "ada", "yes", ["separation_of_duties"]),
    "by who proposed it, in other letters": (
        nothing,
        "ADA",
        "yes",
        ["separation_of_duties"],
    ),
    "by a stranger": (nothing, "eve", "yes", ["write_permission", "write_permission"]),
    "by somebody who may not write everywhere": (
        lib_is(frozenset({"ada"})),
        "ben",
        "yes",
        ["write_permission"],
    ),
    "where the forge does not say who may": (lib_is(None), "ben", "yes", ["write_permission"]),
    "by Penstock's own identity, not at a terminal": (nothing, "bot", "yes", ["own_identity"]),
    "without a reason": (nothing, "ben", " ", ["reason"]),
    "too late": (later, "ben", "yes", ["waits"]),
    "once another is in force": (another_in_force(SMALLER), "ben", "yes", ["stands_on"]),
    "once it would loosen one in force": (another_in_force(TIGHTER), "ben", "yes", ["candidate"]),
    "without its text": (erased, "ben", "yes", ["candidate"]),
    "with another text": (exchanged, "ben", "yes", ["candidate"]),
}


@pytest.mark.parametrize(("before", "who", "why", "said"), NOT_APPROVED.values(), ids=NOT_APPROVED)
def test_what_may_not_be_approved_is_not_in_force(hall: Hall, before, who, why, said):
    name = hall.proposed()
    before(hall, name)
    answer = hall.approved(name, by=who, why=why)
    assert (answer.recorded, rules(answer)) == (False, said)
    assert name not in {one.id for one in hall.store.governance.now().promoted}
    assert f"promoted {name}" not in hall.running.layered.sources


def test_nobody_approves_what_nobody_proposed(hall: Hall):
    assert rules(hall.approved("p-00000000")) == ["proposal"]
    assert rules(take_back(hall.seat("ben"), "p-00000000", "no")) == ["proposal"]
    assert hall.kinds() == []


ALONE = {
    "the only one who may": ({"ada", "bot"}, (), Separation.AUTO, True),
    "another may write here, but not everywhere": ({"ada", "ben"}, (), Separation.AUTO, True),
    "who else may is not known": ({"ada"}, ("app",), Separation.AUTO, False),
    "who else may is known nowhere": ({"ada"}, ("app", "lib"), Separation.AUTO, False),
    "where nobody approves what they asked for": ({"ada"}, (), Separation.REQUIRED, False),
}


@pytest.mark.parametrize(("here", "silent", "separation", "may"), ALONE.values(), ids=ALONE)
def test_who_is_alone_approves_their_own_on_record(hall: Hall, here, silent, separation, may):
    hall.people.may_write = {"lib": frozenset(here), "app": frozenset({"ada"})}
    hall.people.silent = frozenset(silent)
    hall.policy = Policy(separation=separation)
    answer = hall.approved(hall.proposed(), by="ada")
    assert rules(answer) == ([] if may else ["separation_of_duties"])
    assert [one.self_approved for one in hall.store.governance.now().promoted] == ([True] if may else [])


def test_of_two_approvals_at_the_same_moment_one_is_recorded(hall: Hall):
    hall.people.may_write = {repo.name: frozenset({"ada", "ben", "cyd"}) for repo in REPOS}
    name = hall.proposed()

    def meanwhile() -> Layered:
        found = hall.today()
        assert hall.approved(name, by="cyd").recorded
        return found

    answer = approve(hall.seat("ben"), name, meanwhile, "yes")
    assert (answer.recorded, rules(answer)) == (False, ["log"])
    assert hall.kinds().count("E_POLICY_PROMOTED") == 1


def not_proposed() -> dict[str, tuple[str, str, str, list[str]]]:
    key = "AKIA" + "Q3EGRIFW" + "7ZLQ5XYN"
    return {
        "by a stranger": (TIGHT, "eve", "yes", ["write_permission", "write_permission"]),
        "without a reason": (TIGHT, "ada", "", ["reason"]),
        "with a secret in it": (f"{TIGHT}# {key}\n", "ada", "yes", ["P-001"]),
        "changing nothing": ("version: 1\n", "ada", "yes", ["tightens"]),
    }


@pytest.mark.parametrize("what", list(not_proposed()))
def test_what_may_not_be_proposed_is_not_on_record(hall: Hall, what):
    words, who, why, said = not_proposed()[what]
    given = hall.candidate(words)
    answer = propose(hall.seat(who), given, figures(given), why)
    assert (answer.recorded, rules(answer)) == (False, said)
    assert hall.kinds() == []


def test_the_same_is_proposed_again_only_once_it_cannot_be_approved(hall: Hall):
    name, given = hall.proposed(), hall.candidate()
    assert rules(propose(hall.seat("ben"), given, figures(given), "me, too")) == ["proposal"]
    later(hall, name)
    again = propose(hall.seat("ben"), given, figures(given), "me, too")
    assert again.recorded
    assert hall.approved(again.subject, by="ada").recorded


def test_two_layers_are_in_force_and_the_first_is_taken_back(hall: Hall):
    first = hall.proposed(SMALLER)
    assert hall.approved(first).recorded
    second = hall.proposed()
    assert hall.approved(second).recorded
    assert take_back(hall.seat("ben"), first, "enough").recorded
    now = hall.running.layered
    assert (now.policy.max_files, now.policy.max_changed_lines) == (5, 20_000)
    assert now.sources[1:] == (f"promoted {second}",)


def test_what_is_erased_or_exchanged_in_force_lets_nothing_pass(hall: Hall):
    for harm in (erased, exchanged):
        name = hall.proposed()
        assert hall.approved(name).recorded
        harm(hall, name)
        found = hall.running.layered if harm is erased else in_force(hall.store).layered
        (why,) = found.unsure
        assert why.startswith(f"promoted {name}: its text is gone")
        binding = bound(found.policy, found, None, None)
        assert binding.layer
        assert binding.layer.outcome is Outcome.UNKNOWN
        assert take_back(hall.seat("ada"), name, "it is gone").recorded
        assert in_force(hall.store).layered == FILES


def test_where_the_log_does_not_hold_what_was_in_force_stays_and_nothing_passes(tmp_path: Path):
    store = open_store(tmp_path, clock := ManualClock())
    hall = Hall(store=store, clock=clock, running=in_force(store))
    assert hall.approved(hall.proposed()).recorded
    assert hall.running.layered.unsure == ()
    with store.database.writing() as connection:
        connection.execute(text("UPDATE ledger SET body = replace(body, 'ben', 'eve')"))
        connection.execute(text("UPDATE change_head SET n = n + 1"))
    still, fresh = hall.running.layered, in_force(other := open_store(tmp_path, clock)).layered
    assert (still.policy.max_files, fresh.policy.max_files) == (5, 50)
    store.close()
    other.close()
    for found in (still, fresh):
        (why,) = found.unsure
        assert "does not hold" in why
        binding = bound(found.policy, found, None, None)
        assert binding.layer
        assert not binding.layer.allows


@pytest.mark.parametrize(
    ("state", "resume_to", "merged", "reverted", "fate"),
    [
        (State.DONE, None, True, False, Fate.HELD),
        (State.DONE, None, True, True, Fate.BROKE),
        (State.ROLLED_BACK, None, True, True, Fate.BROKE),
        (State.ROLLING_BACK, None, True, False, Fate.BROKE),
        (State.NEEDS_HUMAN, State.ROLLING_BACK, True, False, Fate.BROKE),
        (State.NEEDS_HUMAN, State.MERGING, True, False, Fate.NONE),
        (State.CANCELLED, None, False, False, Fate.NONE),
        (State.FAILED, None, False, False, Fate.NONE),
    ],
)
def test_what_became_of_a_change(state, resume_to, merged, reverted, fate):
    """One whose rollback failed broke all the same."""
    lane = SimpleNamespace(inverse=SimpleNamespace(merged="1" * 40 if reverted else None))
    change = SimpleNamespace(state=state, resume_to=resume_to, any_merged=merged, lanes=(lane,))
    assert fate_of(cast("Change", change)) is fate


def test_a_backtest_is_recorded_in_numbers(hall: Hall):
    given = hall.candidate()
    answers = [
        (Judged.APPROVE, Fate.HELD),
        (Judged.APPROVE, Fate.BROKE),
        (Judged.APPROVE, Fate.NONE),
        (Judged.BLOCK, Fate.HELD),
        (None, Fate.HELD),
    ]
    tried = tuple(
        Tried(change=ChangeId(str(n)), fate=fate, answer=one) for n, (one, fate) in enumerate(answers)
    )
    found = figures_of(Backtest(policy=policy_digest(given.layered.policy), tried=tried), unreadable=1)
    assert (found.approved, found.escalated, found.blocked, found.not_judged) == (3, 0, 1, 2)
    assert (found.broke, found.known, found.upper_bound_ppm) == (1, 2, 974_680)
    other = replace(found, policy=policy_digest(FILES.policy))
    assert rules(propose(hall.seat("ada"), given, other, "tried otherwise")) == ["backtest"]


@pytest.mark.slow
def test_a_change_that_began_before_is_bound_by_what_was_promoted_since(house: House):
    repo, other = house.repository("promoted-since"), house.repository("promoted-before")
    with house.working():
        name = house.start(repo)
        house.until(name, State.WAITING_USER_APPROVAL)
    home, seat = house.home, house.home.seat(interactive=True)
    given = candidate("t.yml", b"version: 1\nsafety: {frozen_paths: ['src/**']}\n", home.rules.layered)
    assert isinstance(given, Candidate)
    tried = figures_of(backtest(home.world, (house.change(name),), given.layered), unreadable=0)
    assert (tried.approved, tried.blocked) == (0, 1)
    proposal = propose(seat, given, tried, "nothing of it changes").subject
    assert approve(seat, proposal, lambda: home.rules.layered, "yes").recorded
    with house.working():
        house.approve(name)
        stopped = house.until(name, State.NEEDS_HUMAN, State.BLOCKED_POLICY)
        later = house.start(other)
        house.until(later, State.BLOCKED_POLICY)
    assert stopped.reason == "branch_denied"
    assert house.branches(repo) == {"main"}
    assert take_back(seat, proposal, "it stops too much").recorded
    with house.working():
        for one in (name, later):
            orders.resume(home.desk(interactive=True), house.change(one))
        house.until(name, State.WAITING_USER_APPROVAL, State.PR_OPEN)
        house.until(later, State.BLOCKED_POLICY)
    assert house.branches(other) == {"main"}, "it began under what was promoted then"


def test_what_runs_and_status_say_what_is_promoted_and_what_is_amiss(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
):
    home = Installation(settled(tmp_path, orchestrator_yml="safety: {max_files: 50}\n"))
    door = SimpleNamespace(rules=home.rules, tallies=home.tallies, clock=home.clock, inbox=Shut())
    listener = Listener(door)  # type: ignore[arg-type]
    listener.deliver()
    given = candidate("tight.yml", TIGHT.encode(), home.rules.layered)
    assert isinstance(given, Candidate)
    people = cast("ForgeReader", People())
    hall = Hall(store=home.store, clock=cast("ManualClock", home.clock), running=home.rules)
    seats = [replace(one, desk=replace(one.desk, reader=people)) for one in map(hall.seat, ("ada", "ben"))]
    name = propose(seats[0], given, figures(given), "too many files").subject

    def told() -> str:
        capsys.readouterr()
        status(home, json=False)
        captured = capsys.readouterr()
        return " ".join((captured.out + captured.err).split())

    assert f"policy {name} waits for approval before" in told()
    assert approve(seats[1], name, lambda: home.rules.layered, "yes").recorded
    with caplog.at_level(logging.INFO):
        listener.deliver()
    assert f"orchestrator.yml → promoted {name}" in caplog.text
    assert f"policy {name} in force since" in told()
    assert "proposed by ada; approved by ben: yes" in told()
    settled(tmp_path, orchestrator_yml="safety: {max_files: 4}\n")
    with caplog.at_level(logging.WARNING):
        listener.deliver()
    clash = f"promoted {name}:2:10: safety.max_files: 5 where at most 4 is allowed"
    assert home.policy.max_files == 4, "the stricter of both"
    assert clash in caplog.text
    assert clash in told()
    with home.store.database.writing() as connection:
        connection.execute(text("UPDATE ledger SET body = replace(body, 'ada', 'eve')"))
        connection.execute(text("UPDATE change_head SET n = n + 1"))
    assert "nothing is allowed until that is mended" in told()
    assert status(home, json=True) is Exit.LEDGER
    home.close()
