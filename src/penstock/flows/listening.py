"""Where signals come in: webhook deliveries as they arrive, and a poll every so often that finds what was missed."""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

from penstock.core.change.model import Change, State
from penstock.core.evidence import RepositoryFacts
from penstock.core.policy.layers import BUILT_IN_SOURCE, Layered
from penstock.core.policy.rules import Mode
from penstock.core.refs import ChangeId, Digest, NodeId, RepoRef
from penstock.core.routing.loading import Refused, Ruleset
from penstock.core.signal import ForgeEvent, ForgeSignal, IssueSignal
from penstock.flows.discovery import Fleet, ref_of
from penstock.flows.driving import ChangeLog
from penstock.flows.inbox import (
    ChangesNamed,
    ForgeNamed,
    IssueNamed,
    NothingNamed,
    PullNamed,
    Unreadable,
    changes_on,
    read,
)
from penstock.flows.intake import (
    Circumstances,
    Ignored,
    Started,
    issue_signal,
    take_forge_signal,
    take_issue,
)
from penstock.flows.perform import LONGEST_WAIT_SECONDS, seconds_until_retry
from penstock.flows.sensing import SignalSource
from penstock.ports import Clock, ForgeReader, Permanent, PortError, Transient

log = logging.getLogger(__name__)
DELIVERIES_AT_ONCE = 10
TROUBLE_SECONDS = 1.0
POLL_FAILS, REFUSED, UNREADABLE = "poll fails", "webhooks refused", "webhooks unreadable"
HELD, REJECTED = "issues held", "configuration rejected"
"""Names of tallies."""
BEING_STARTED = frozenset({State.INGESTED, State.TRIAGED, State.PLANNED, State.PATCHES_PROPOSED})
"""Where a change takes one of the places of `issue_processing.max_concurrent`: not yet at a person's desk."""

Taken = IssueSignal | ForgeSignal


class Delivered(Protocol):
    """A webhook delivery as it is kept."""

    @property
    def id(self) -> str: ...

    @property
    def event(self) -> str: ...

    @property
    def body(self) -> bytes: ...


class Inbox(Protocol):
    def pending(self, limit: int) -> Sequence[Delivered]:
        """The oldest that nobody acted on yet."""
        ...

    def done(self, name: str) -> None: ...


class RulesInForce(Protocol):
    def refresh(self) -> Ruleset | Refused | None:
        """Read the rules again if their files changed: the new ones in force, why there are none, or nothing new."""
        ...

    @property
    def layered(self) -> Layered:
        """The policy in force, with what people promoted by now."""
        ...


class Tallies(Protocol):
    def add(self, name: str, at: datetime, *, count: int = 1, note: str = "") -> None: ...

    def clear(self, name: str) -> bool: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """What taking signals needs. `starting` counts changes that nobody ordered by a request and that are BEING_STARTED."""

    reader: ForgeReader
    signals: SignalSource
    log: ChangeLog
    inbox: Inbox
    tallies: Tallies
    wake: Callable[[ChangeId, datetime], None]
    clock: Clock
    fleet: Fleet
    circumstances_now: Callable[[], Circumstances]
    starting: Callable[[], int]
    max_starting: int
    rules: RulesInForce

    @property
    def circumstances(self) -> Circumstances:
        """By the policy in force: it may be edited while signals come in."""
        return self.circumstances_now()

    @property
    def starts_work(self) -> bool:
        return self.circumstances.policy.mode is not Mode.MANUAL


@dataclass(frozen=True, slots=True, kw_only=True)
class Polled:
    """What a poll found. `failures` are repositories that could not be read."""

    started: tuple[ChangeId, ...]
    failures: tuple[PortError, ...]


class Listener:
    """Takes signals. Any number of them may do so at the same time, in any number of processes."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._answered: set[tuple[str, Digest]] = set()
        """Issues and their words that have had their change: a poll meets them again and again."""
        self._layers: tuple[str, ...] | None = None
        self._amiss: tuple[str, ...] = ()

    def checked_poll(self) -> PortError | None:
        """A poll; that it fails, and since when, is kept until one does not."""
        tallies, now = self._door.tallies, self._door.clock.now()
        tallies.clear(HELD)
        self._refresh_rules()
        try:
            failures = self.poll().failures
        except PortError as unanswered:
            failures = (unanswered,)
        for failure in failures:
            log.warning("poll: %s", failure)
        if failures:
            tallies.add(POLL_FAILS, now, note=str(failures[0]))
        elif tallies.clear(POLL_FAILS):
            log.info("poll: the forge answers again")
        return failures[0] if failures else None

    def _refresh_rules(self) -> None:
        """Rules and policy that were edited come into force, or what is wrong with them is told and the previous stay.

        What was promoted is in force as soon as it is approved; here it is told."""
        door = self._door
        match door.rules.refresh():
            case Refused(problems=problems):
                for problem in problems:
                    log.warning("configuration: %s", problem)
                door.tallies.add(REJECTED, door.clock.now(), note=problems[0])
            case Ruleset(rules=rules):
                log.info("configuration: read again; %d rules and its policy are in force", len(rules))
                door.tallies.clear(REJECTED)
            case None:
                pass
        self._tell_policy()

    def _tell_policy(self) -> None:
        """Say which layers are in force once they are others, and what of them is amiss."""
        found = self._door.rules.layered
        if self._layers not in {None, found.sources}:
            log.info("policy: in force is %s", " → ".join((BUILT_IN_SOURCE, *found.sources)))
        problems = (*found.unsure, *found.clashes)
        for problem in problems:
            if problem not in self._amiss:
                log.warning("policy: %s", problem)
        self._layers, self._amiss = found.sources, problems

    def poll(self) -> Polled:
        """Look at every repository once. Raises Transient where the forge does not answer at all."""
        door = self._door
        started: list[ChangeId] = []
        failures: list[PortError] = []
        asked = tuple(event for event in ForgeEvent if door.circumstances.hub.asks(event))
        for repo, facts in door.fleet.repositories(door.reader) if door.starts_work else ():
            for look in self._looks(repo, facts, asked):
                try:
                    taken = tuple(self._take_all(look()))
                    started += [one.change for one in taken if isinstance(one, Started)]
                except PortError as failure:
                    if isinstance(failure, Transient) and failure.code != "server_error":
                        raise
                    if failure.code != "gone":  # so GitHub says that a repository has no issues
                        failures.append(failure)
        return Polled(started=tuple(started), failures=tuple(failures))

    def _looks(
        self, repo: RepoRef, facts: RepositoryFacts, asked: Sequence[ForgeEvent]
    ) -> Iterator[Callable[[], Iterable[Taken]]]:
        """What to read of a repository, each of which can fail by itself: issues, and what rules ask about."""
        if facts.archived:
            return
        yield partial(self._issues, repo)
        for event in asked:
            yield partial(self._door.signals.standing, repo, facts, event)

    def _issues(self, repo: RepoRef) -> Iterable[IssueSignal]:
        labels = self._door.circumstances.policy.auto_claim_labels
        return (issue_signal(repo, issue) for issue in self._door.reader.issues(repo, labels))

    def _take_all(self, found: Iterable[Taken]) -> Iterator[Started | Ignored]:
        hub = self._door.circumstances.hub
        return (self._take(signal) for signal in sorted(found, key=lambda signal: -hub.urgency(signal)))

    def _take(self, signal: Taken) -> Started | Ignored:
        """Poll and webhook meet here."""
        door = self._door
        words = (signal.key, signal.wording)
        if words in self._answered:
            return Ignored(reason="it has had its change")
        if door.starting() >= door.max_starting:
            return Ignored(reason="enough changes are being started; a later poll takes it")
        taken = (
            take_issue(door.log, signal, door.circumstances)
            if isinstance(signal, IssueSignal)
            else take_forge_signal(door.log, signal, door.circumstances)
        )
        if isinstance(taken, Ignored) and taken.held:
            log.info("held: %s: %s", signal.name, taken.reason)
            door.tallies.add(HELD, door.clock.now(), note=f"{signal.name}: {taken.reason}")
        if self._is_answered(taken, signal):
            self._answered.add(words)
        return taken

    def _is_answered(self, taken: Started | Ignored, signal: Taken) -> bool:
        """Other words than its change's are a newer signal: they may only have to wait for that change to end."""
        change = self._door.log.change(taken.change) if taken.change else None
        return isinstance(change, Change) and change.wording == signal.wording

    def deliver(self) -> None:
        """Act on every delivery that is kept, once. Raises Transient where the database does not answer."""
        self._refresh_rules()
        while pending := self._door.inbox.pending(DELIVERIES_AT_ONCE):
            for delivery in pending:
                try:
                    came = self._act(delivery)
                except Permanent as failure:
                    came = "refused"
                    log.warning("webhook: %s", failure)
                self._door.inbox.done(delivery.id)
                log.debug("webhook %s: %s", delivery.event, came)

    def _act(self, delivery: Delivered) -> str:
        """What came of a delivery, in words."""
        door = self._door
        match read(delivery.event, delivery.body):
            case ChangesNamed(changes=changes):
                return self._wake(changes)
            case PullNamed() as named:
                return self._look_whose(named)
            case ForgeNamed() as named:
                return self._look_if(named)
            case IssueNamed() as named:
                return self._look(named)
            case NothingNamed(reason=reason):
                return f"ignored: {reason}"
            case Unreadable(problem=problem):
                door.tallies.add(UNREADABLE, door.clock.now(), note=problem)
                log.warning("webhook: not as the forge documents it: %s", problem)
                return "unreadable"

    def _wake(self, changes: Sequence[ChangeId]) -> str:
        for change in changes:
            self._door.wake(change, self._door.clock.now())
        return f"wakes {', '.join(changes)}"

    def _look_whose(self, named: PullNamed) -> str:
        """Wake the change whose pull request it is. Where that cannot be read, its next look comes all the same."""
        door = self._door
        if not door.fleet.has(named.repository):
            return f"ignored: {named.repository} is not in scope"
        try:
            pull = door.reader.pull(self._called(named.repository), named.number)
        except Transient as failure:
            log.warning("webhook: %s", failure)
            return "left to the next look"
        changes = changes_on((pull.head_branch,)) if pull else ()
        return self._wake(changes) if changes else "ignored: no branch of ours"

    def _called(self, full_name: str) -> RepoRef:
        """By the name alone, which is all that a delivery is believed."""
        owner, _, name = full_name.partition("/")
        return RepoRef(forge=self._door.fleet.forge, node_id=NodeId(""), owner=owner, name=name)

    def _look(self, named: IssueNamed) -> str:
        """Read the issue from the forge and take it. What cannot be read now is found by a poll later."""
        policy = self._door.circumstances.policy
        if not self._door.starts_work:
            return "ignored: in mode manual a person starts work, with `penstock process-issue`"
        if not self._door.fleet.has(named.repository):
            return f"ignored: {named.repository} is not in scope"
        if not named.labels & set(policy.auto_claim_labels):
            return "ignored: it has none of the labels that claim an issue"
        try:
            found = self._find(named)
        except Transient as failure:
            log.warning("webhook: %s", failure)
            return "left to a poll"
        if found is None:
            return "ignored: it is gone, or its repository is archived"
        return self._said(self._take(found))

    def _look_if(self, named: ForgeNamed) -> str:
        """Read what is so there now, and take it if it is what was named."""
        door = self._door
        if not door.starts_work:
            return "ignored: in mode manual a person starts work, with `penstock process-signal`"
        if not door.circumstances.hub.asks(named.event):
            return f"ignored: no rule asks about {named.event}"
        if not door.fleet.has(named.repository):
            return f"ignored: {named.repository} is not in scope"
        try:
            place = self._place(named.repository)
            found = door.signals.standing(*place, named.event) if place else ()
        except Transient as failure:
            log.warning("webhook: %s", failure)
            return "left to a poll"
        signal = next((one for one in found if one.subject == named.subject), None)
        return self._said(self._take(signal)) if signal else "ignored: it is not so any more"

    def _said(self, taken: Started | Ignored) -> str:
        return f"starts {taken.change}" if isinstance(taken, Started) else f"ignored: {taken.reason}"

    def _find(self, named: IssueNamed) -> IssueSignal | None:
        place = self._place(named.repository)
        issue = self._door.reader.issue(place[0], named.number) if place else None
        return issue_signal(place[0], issue) if place and issue else None

    def _place(self, full_name: str) -> tuple[RepoRef, RepositoryFacts] | None:
        """Node ids come from the same place as a poll's. None for what is gone or archived."""
        door = self._door
        facts = door.reader.repository(self._called(full_name))
        return None if facts is None or facts.archived else (ref_of(door.fleet.forge, facts), facts)


def listen(
    listener: Listener, stop: threading.Event, arrived: threading.Event, *, poll_every: timedelta
) -> None:
    """Act on deliveries whenever `arrived` is set, and poll, until `stop` and `arrived` are."""
    wait, failures, next_poll = 0.0, 0, time.monotonic()
    while not stop.is_set():
        arrived.clear()
        try:
            listener.deliver()
            if time.monotonic() >= next_poll:
                failed = listener.checked_poll()
                failures = failures + 1 if failed else 0
                next_poll = time.monotonic() + pause(failed, failures, poll_every)
            wait = next_poll - time.monotonic()
        except Transient as trouble:
            log.warning("%s", trouble)
            wait = TROUBLE_SECONDS
        arrived.wait(min(max(wait, 0.0), LONGEST_WAIT_SECONDS))


def pause(failed: PortError | None, failures: int, usual: timedelta) -> float:
    """Seconds until the next poll: sooner than usual after a first failure, and ever later after more."""
    if not isinstance(failed, Transient):
        return usual.total_seconds()
    return seconds_until_retry(failed, failures - 1)
