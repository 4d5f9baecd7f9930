"""Signals from polls and webhooks, on a real forge: one change for an issue, however often and by whom it is told."""

import json
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import cast

import pytest
from tests.flows.house import ORG, House

from penstock.adapters.clock import SystemClock
from penstock.bootstrap import Installation
from penstock.cli.working import door_of
from penstock.core.change.model import Change, State
from penstock.core.evidence import IssueFacts
from penstock.core.policy.rules import Mode
from penstock.core.refs import ChangeId, RepoRef
from penstock.flows.listening import POLL_FAILS, UNREADABLE, Door, Listener, listen, pause
from penstock.ports import ForgeReader, Permanent, PortError, Transient
from penstock.settings import Config, Discovery, Forge, IssueProcessing, Settings, Token

OTHER_PROCESS = """
import sys
from pathlib import Path
from penstock.cli.working import door_of
from penstock.flows.listening import Listener
from tests.flows.test_listening import installation

home = installation(Path(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4])
listener = Listener(door_of(home, home.worker()))
print("ready", flush=True)
sys.stdin.readline()
listener.deliver()
listener.poll()
home.close()
"""


def installation(
    state: Path, url: str, token: str, name: str, *, mode: Mode = Mode.SUPERVISED, places: int = 2
) -> Installation:
    """A Penstock for the repositories whose names begin so, at a forge that is not its own."""
    config = Config(
        version=1,
        mode=mode,
        forge=Forge(api_url=url),
        discovery=Discovery(organization=ORG, include=(f"{name}*",), exclude=(f"{name}-not*",)),
        issue_processing=IssueProcessing(max_concurrent=places),
    )
    key = Token(value=token, source="GITHUB_TOKEN")
    return Installation(
        Settings(
            state=state,
            config=config,
            writer=key,
            reader=key,
            operator=key,
            webhook_secret=None,
        )
    )


class Impatient(SystemClock):
    def sleep(self, seconds: float) -> None:
        """Not between attempts: what is tested comes after the last."""


class Post:
    """A Penstock that listens, the forge's people, and the forge's webhooks as they would arrive."""

    def __init__(self, house: House, state: Path, name: str) -> None:
        self.house, self.name, self.state = house, name, state
        self.at = (house.embedded.url, house.embedded.writer_token, name)
        self.deliveries = 0
        self.home = installation(state, *self.at)
        self.become()

    def become(self, mode: Mode = Mode.SUPERVISED, places: int = 2) -> None:
        """Begin anew on the same state."""
        self.home.close()
        self.home = installation(self.state, *self.at, mode=mode, places=places)
        self.door: Door = door_of(self.home, self.home.worker())
        self.listener = Listener(self.door)

    def repository(self, suffix: str = "") -> str:
        self.house.ask("POST", f"/orgs/{ORG}/repos", {"name": self.name + suffix, "auto_init": True})
        return self.name + suffix

    def issue(self, repository: str, *labels: str, title: str = "Do it") -> int:
        body = {"title": title, "body": "Please.", "labels": list(labels or ("bot-task",))}
        return int(self.house.ask("POST", f"/repos/{ORG}/{repository}/issues", body).json()["number"])

    def edit(self, repository: str, number: int, **changed: object) -> None:
        self.house.ask("PATCH", f"/repos/{ORG}/{repository}/issues/{number}", changed)

    def tell(self, repository: str, number: int, action: str = "labeled", labels=("bot-task",)) -> None:
        """What the forge delivers about an issue."""
        issue = {"number": number, "state": "open", "labels": [{"name": label} for label in labels]}
        self.deliver(
            "issues", {"action": action, "issue": issue, "repository": {"full_name": f"{ORG}/{repository}"}}
        )

    def comment(self, repository: str, number: int, *, pull: bool = True) -> None:
        """What the forge delivers about a comment."""
        issue = {"number": number, "state": "open", **({"pull_request": {"url": "x"}} if pull else {})}
        told = {"action": "created", "issue": issue, "comment": {"id": 1, "body": "/approve"}}
        self.deliver("issue_comment", told | {"repository": {"full_name": f"{ORG}/{repository}"}})

    def pull(self, repository: str, branch: str) -> int:
        """A pull request of one commit from a new branch."""
        place = f"/repos/{ORG}/{repository}"
        main = self.house.ask("GET", f"{place}/git/ref/heads/main").json()["object"]["sha"]
        self.house.ask("POST", f"{place}/git/refs", {"ref": f"refs/heads/{branch}", "sha": main})
        self.house.put(repository, "a.txt", branch, branch=branch)
        body = {"title": "T", "head": branch, "base": "main"}
        return int(self.house.ask("POST", f"{place}/pulls", body).json()["number"])

    def rest(self) -> None:
        """Nothing is due."""
        with self.home.store.database.writing() as connection:
            connection.exec_driver_sql("UPDATE change_head SET ready_at = NULL")

    def deliver(self, event: str, payload: object) -> None:
        self.deliveries += 1
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        assert self.home.deliver(f"d-{self.deliveries}", event, body)

    @property
    def changes(self) -> list[ChangeId]:
        return [head.change for head in self.home.store.heads()]

    @property
    def change(self) -> Change:
        """The only one."""
        (name,) = self.changes
        found = self.home.store.change(name)
        assert isinstance(found, Change)
        return found


@pytest.fixture
def post(house: House, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Post]:
    name = re.sub(r"[^a-z0-9]+", "-", request.node.name)[-60:].strip("-")
    made = Post(house, tmp_path / "away", name)
    yield made
    made.home.close()


def test_a_poll_and_a_webhook_of_one_issue_are_one_change(post: Post):
    number = post.issue(repository := post.repository())
    for _ in range(2):
        post.tell(repository, number)
        post.tell(repository, number, "opened")
        post.listener.deliver()
        assert post.listener.poll().failures == ()
        post.become()
    assert post.change.issue
    assert post.change.issue.number == number
    assert not post.home.inbox.pending()
    assert list(post.home.store.of_signal(post.change.signal)) == post.changes


@pytest.mark.slow
def test_processes_that_hear_of_it_at_once_start_one_change(post: Post):
    number = post.issue(repository := post.repository())
    for action in ("opened", "labeled", "edited"):
        post.tell(repository, number, action)
    command = [sys.executable, "-c", OTHER_PROCESS, str(post.state), *post.at]
    others = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    for other in others:
        assert other.stdout
        assert other.stdout.readline() == "ready\n"
    for other in others:
        other.communicate("go\n", timeout=30)
    assert [other.returncode for other in others] == [0, 0]
    assert post.change.n == 1
    assert not post.home.inbox.pending()


def test_in_mode_manual_nothing_starts_and_changes_wake_all_the_same(post: Post):
    number = post.issue(repository := post.repository())
    post.listener.poll()
    waiting = post.change
    post.rest()
    other = post.issue(repository, title="Something else")
    post.become(mode=Mode.MANUAL)
    post.tell(repository, other)
    post.tell(repository, number, "edited")
    post.listener.deliver()
    assert post.listener.poll().started == ()
    assert post.changes == [waiting.id]
    assert post.home.store.heads()[0].ready_at is None
    post.deliver("push", {"ref": f"refs/heads/penstock/{waiting.id}"})
    post.deliver("push", {"ref": "refs/heads/penstock/c-0000000000"})
    post.listener.deliver()
    (head,) = post.home.store.heads()
    assert head.ready_at
    assert head.ready_at <= post.home.clock.now()


def test_a_comment_on_its_pull_request_makes_a_change_due_and_no_other_comment_does(post: Post):
    number = post.issue(repository := post.repository())
    post.listener.poll()
    ours = post.pull(repository, f"penstock/{post.change.id}")
    theirs = post.pull(repository, "feature")
    comments = [
        (repository, theirs, True),
        (repository, 4711, True),
        (repository, number, False),
        (f"{repository}-not-ours", ours, True),
        ("../../orgs/acme", ours, True),
    ]
    for where, on, pull in comments:
        post.comment(where, on, pull=pull)
    post.rest()
    post.listener.deliver()
    assert post.home.store.heads()[0].ready_at is None
    reader = Failing(post.door.reader, repository, Transient("unreachable", "x"))
    post.comment(repository, ours)
    Listener(replace(post.door, reader=cast("ForgeReader", reader))).deliver()
    assert post.home.store.heads()[0].ready_at is None, "whose it is could not be read"
    post.comment(repository, ours)
    post.listener.deliver()
    (head,) = post.home.store.heads()
    assert head.ready_at
    assert head.ready_at <= post.home.clock.now()
    assert not post.home.inbox.pending()


def test_other_words_are_a_newer_signal_and_old_news_takes_nothing_back(post: Post):
    number = post.issue(repository := post.repository())
    post.tell(repository, number, "opened")
    post.listener.deliver()
    first = post.change.id
    post.edit(repository, number, title="Do it differently")
    post.tell(repository, number, "edited")
    post.tell(repository, number, "opened")
    post.listener.deliver()
    post.listener.poll()
    second = next(name for name in post.changes if name != first)
    states = {name: post.home.store.change(name) for name in post.changes}
    assert {name: getattr(change, "state", None) for name, change in states.items()} == {
        first: State.CANCELLED,
        second: State.INGESTED,
    }


def test_no_more_are_started_at_once_than_there_are_places(post: Post):
    post.become(places=1)
    repository = post.repository()
    numbers = [post.issue(repository, title=f"Task {n}") for n in range(3)]
    post.tell(repository, numbers[2])
    post.listener.deliver()
    assert len(post.listener.poll().started) == 0
    assert len(post.changes) == 1
    with post.home.store.database.writing() as connection:
        connection.exec_driver_sql("UPDATE change_head SET state = 'WAITING_USER_APPROVAL'")
    assert len(post.listener.poll().started) == 1
    assert len(post.listener.poll().started) == 0
    assert len(post.changes) == 2


def test_what_is_not_ours_starts_nothing(post: Post):
    ours, excluded, archived = post.repository(), post.repository("-not-this"), post.repository("-old")
    plain, kept_away, closed = (
        post.issue(ours, "bug"),
        post.issue(ours, "bot-task", "wontfix"),
        post.issue(ours),
    )
    post.edit(ours, closed, state="closed")
    elsewhere, old = post.issue(excluded), post.issue(archived)
    post.house.ask("PATCH", f"/repos/{ORG}/{archived}", {"archived": True})
    for repository, number in (
        (ours, plain),
        (ours, kept_away),
        (ours, closed),
        (ours, 4711),
        (excluded, elsewhere),
        (archived, old),
        ("../../orgs/acme", 1),
        (f"{post.name}-gone", 1),
    ):
        post.tell(repository, number)
    post.listener.deliver()
    assert post.listener.poll() == replace(post.listener.poll(), started=(), failures=())
    assert post.changes == []
    assert not post.home.inbox.pending()


def test_a_label_in_the_delivery_is_not_believed(post: Post):
    number = post.issue(repository := post.repository(), "bug")
    post.tell(repository, number, labels=("bot-task",))
    post.listener.deliver()
    assert post.changes == []


def test_a_delivery_that_is_not_as_documented_is_done_and_noted(post: Post):
    number = post.issue(repository := post.repository())
    for payload in (b"{", b"[]", {"action": "opened"}):
        post.deliver("issues", payload)
    post.deliver("star", b"{")
    post.tell(repository, number)
    post.listener.deliver()
    assert len(post.changes) == 1
    assert not post.home.inbox.pending()
    noted = post.home.tallies.get(UNREADABLE)
    assert noted
    assert noted.count == 3
    assert "issues" in noted.note


def test_a_forge_that_is_away_is_noted_since_when_and_found_again(post: Post):
    number = post.issue(repository := post.repository())
    post.tell(repository, number)
    nowhere = installation(post.state, "http://127.0.0.1:1", *post.at[1:])
    nowhere.clock = Impatient()
    away = Listener(replace(post.door, reader=nowhere.reader))
    away.deliver()
    assert not post.home.inbox.pending(), "a poll will find it"
    assert away.checked_poll()
    first = post.home.tallies.get(POLL_FAILS)
    assert first
    assert away.checked_poll()
    second = post.home.tallies.get(POLL_FAILS)
    assert second
    assert (second.count, second.at) == (2, first.at)
    assert "cannot be reached" in second.note
    assert post.changes == []
    assert post.listener.checked_poll() is None
    assert post.home.tallies.get(POLL_FAILS) is None
    assert len(post.changes) == 1
    nowhere.close()


class Failing:
    """The forge's reader, for which one repository's issues fail."""

    def __init__(self, reader: ForgeReader, name: str, failure: PortError) -> None:
        self._name, self._failure = name, failure
        self._issues = reader.issues
        self.repositories = reader.repositories

    def issues(self, repo: RepoRef, labels: Iterable[str]) -> tuple[IssueFacts, ...]:
        if repo.name == self._name:
            raise self._failure
        return self._issues(repo, labels)

    def pull(self, _repo: RepoRef, _number: int) -> None:
        raise self._failure


FAILURES = [
    ("issues are switched off", Permanent("gone", "410"), 0),
    ("it may not be read", Permanent("forbidden", "403"), 1),
    ("the forge fails there", Transient("server_error", "502"), 1),
]


@pytest.mark.parametrize(("what", "failure", "noted"), FAILURES, ids=[row[0] for row in FAILURES])
def test_a_repository_that_cannot_be_read_keeps_no_poll_from_the_others(post: Post, what, failure, noted):
    for suffix in ("-a", "-b", "-c"):
        post.issue(post.repository(suffix))
    reader = cast("ForgeReader", Failing(post.door.reader, f"{post.name}-b", failure))
    polled = Listener(replace(post.door, reader=reader)).poll()
    assert polled.failures == (failure,) * noted
    assert sorted(polled.started) == sorted(post.changes)
    assert len(post.changes) == 2


def test_a_limit_that_is_reached_ends_a_poll(post: Post):
    reader = Failing(post.door.reader, post.repository(), Transient("rate_limited", "wait", 60.0))
    with pytest.raises(Transient):
        Listener(replace(post.door, reader=cast("ForgeReader", reader))).poll()


def test_it_listens_until_told_to_stop_and_acts_at_once_on_what_arrives(post: Post):
    number = post.issue(repository := post.repository())
    stop, arrived = threading.Event(), threading.Event()
    post.become()
    thread = threading.Thread(
        target=listen, args=(post.listener, stop, arrived), kwargs={"poll_every": timedelta(hours=1)}
    )
    thread.start()
    wait_for(lambda: len(post.changes) == 1)
    second = post.issue(repository, title="Second")
    assert second != number
    post.tell(repository, second)
    arrived.set()
    wait_for(lambda: len(post.changes) == 2)
    stop.set()
    arrived.set()
    thread.join(5)
    assert not thread.is_alive()


def wait_for(reached) -> None:
    deadline = time.monotonic() + 10
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.01)


PAUSES = [
    ("all is well", None, 0, 60),
    ("first failure", Transient("unreachable", "x"), 1, 2),
    ("third failure", Transient("unreachable", "x"), 3, 8),
    ("long away", Transient("unreachable", "x"), 30, 300),
    ("away for months", Transient("unreachable", "x"), 20_000, 300),
    ("told when", Transient("rate_limited", "x", 1234.0), 1, 1234),
    ("told nonsense", Transient("rate_limited", "x", 99999999999999.0), 1, 3600),
    ("not permitted", Permanent("forbidden", "x"), 5, 60),
]


@pytest.mark.parametrize(("what", "failed", "failures", "seconds"), PAUSES, ids=[row[0] for row in PAUSES])
def test_the_pause_until_the_next_poll(what, failed, failures, seconds):
    assert pause(failed, failures, timedelta(minutes=1)) == seconds
