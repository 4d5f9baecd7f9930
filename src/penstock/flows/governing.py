"""What people order for the whole installation: lifting its quarantine, granting autonomy, taking a grant back; and what
every such order has to meet (policies are promoted in `promoting`).

Judged first, then recorded in the governance log, with the reason. Nothing is written to a forge here.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import timedelta

from penstock.core.approval import WRITERS, same_person
from penstock.core.autonomy.events import AutonomyGranted, AutonomyRevoked, Noted, QuarantineLifted
from penstock.core.autonomy.granting import Asked, judge_grant
from penstock.core.autonomy.model import Governance
from penstock.core.change.model import Change
from penstock.core.ledger import canonical, plain, sha256
from penstock.core.policy.matching import class_of
from penstock.core.refs import Actor, RepoRef
from penstock.core.verdict import Verdict, all_of, blocked, check, passed
from penstock.flows.orders import Answer, Desk
from penstock.flows.steering import Log, Steering
from penstock.ports import NewTexts

Decided = tuple[Verdict, Noted | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """Where such an order is taken: a person's desk, and what holds for all. `repositories`: all that Penstock works on."""

    desk: Desk
    steering: Steering
    repositories: Callable[[], tuple[RepoRef, ...]]


def lift_quarantine(seat: Seat, reason: str) -> Answer:
    """Failures are counted anew from here. Quarantine that was set elsewhere is cleared only there."""
    seat.steering.keep_watch()
    who = may_govern(seat, _where_it_failed(seat), reason)

    def decide(now: Governance, texts: NewTexts) -> Decided:
        if now.quarantine is None:
            return all_of("order", (blocked("quarantine", "Penstock has not quarantined itself"),)), None
        event = QuarantineLifted(by=actor(seat), reason=texts.put(reason))
        return who, Noted(key=f"lift:{now.n + 1}", event=event, blobs=texts.blobs)

    return recorded(seat.steering.log, "quarantine", who, decide)


def grant(seat: Seat, asked: Asked, reason: str, *, agents: Collection[str]) -> Answer:
    """Let policy approve in a cell; asked again after a failure, it ends the cell's suspension."""
    policy, now = seat.desk.policy, seat.desk.clock.now()
    there = [r for r in seat.repositories() if _class(seat, r) == asked.cell.repositories]
    fits = judge_grant(asked, agents=agents, classes=[name for name, _ in policy.repository_classes])
    if not fits.allows:
        return Answer(subject=str(asked.cell), verdict=fits, recorded=False)
    verdict = all_of("order", (fits, may_govern(seat, there, reason)))

    def decide(before: Governance, texts: NewTexts) -> Decided:
        name = sha256(canonical([plain(asked), seat.desk.person, before.n])).removeprefix("sha256:")[:8]
        event = AutonomyGranted(
            id=f"g-{name}",
            cell=asked.cell,
            until=now + timedelta(days=asked.days),
            cap=asked.cap,
            by=actor(seat),
            reason=texts.put(reason),
        )
        return verdict, Noted(key=f"grant:{event.id}", event=event, blobs=texts.blobs)

    return recorded(seat.steering.log, str(asked.cell), verdict, decide)


def revoke_grant(seat: Seat, name: str, reason: str) -> Answer:
    """Take a grant back: what it let be approved and is not written yet is not written by it."""
    known = seat.steering.log.now().grant(name)
    classes = {known.cell.repositories} if known else set()
    who = may_govern(seat, [r for r in seat.repositories() if _class(seat, r) in classes], reason)
    if known is None:
        who = all_of("order", (blocked("grant", f"there is no grant {name}"),))

    def decide(now: Governance, texts: NewTexts) -> Decided:
        there = now.grant(name)
        if there is None or there.revoked:
            return all_of("order", (blocked("grant", f"{name} is revoked already"),)), None
        event = AutonomyRevoked(grant=name, by=actor(seat), reason=texts.put(reason))
        return who, Noted(key=f"revoke:{name}", event=event, blobs=texts.blobs)

    return recorded(seat.steering.log, name, who, decide)


def recorded(
    log: Log, subject: str, verdict: Verdict, decide: Callable[[Governance, NewTexts], Decided]
) -> Answer:
    """Append what is decided on the log as it stands, where `verdict` allows that at all."""
    if not verdict.allows:
        return Answer(subject=subject, verdict=verdict, recorded=False)
    told: list[Decided] = []

    def once(now: Governance) -> Noted | None:
        told.append(decide(now, log.texts()))
        return told[-1][1]

    log.record(once)
    judged, noted = told[-1]
    return Answer(subject=subject, verdict=judged, recorded=noted is not None)


def may_govern(seat: Seat, repos: Iterable[RepoRef], reason: str) -> Verdict:
    """A person who may write wherever it matters, and who says why."""
    desk, repos = seat.desk, tuple(repos)
    rights = tuple(_writes(desk, repo) for repo in repos or seat.repositories())
    own = (
        check(
            "own_identity",
            "Penstock writes with this token, so give the order at a terminal",
            holds=desk.interactive,
        )
        if same_person(desk.person, desk.own_login)
        else passed("own_identity", "not Penstock's own identity")
    )
    why = check("reason", "a reason is given (--reason)", holds=bool(reason.strip()))
    return all_of("order", (all_of("write_permission", rights), own, why))


def _writes(desk: Desk, repo: RepoRef) -> Verdict:
    permission = desk.reader.permission(repo, desk.person)
    holds = None if permission is None else permission in WRITERS
    return check("write_permission", f"{desk.person} has write permission on {repo.full_name}", holds=holds)


def _where_it_failed(seat: Seat) -> tuple[RepoRef, ...]:
    """The repositories of the failed changes that are still there."""
    governance = seat.steering.log.now()
    failed = governance.quarantine.failures if governance.quarantine else ()
    there = {repo.node_id for repo in seat.repositories()}
    found = {}
    for name in failed:
        change = seat.desk.log.change(name)
        for lane in change.lanes if isinstance(change, Change) else ():
            found[lane.repo.node_id] = lane.repo
    return tuple(repo for node, repo in found.items() if node in there)


def _class(seat: Seat, repo: RepoRef) -> str:
    return class_of(repo.full_name, seat.desk.policy.repository_classes)


def actor(seat: Seat) -> Actor:
    """Whose order it is."""
    return Actor(login=seat.desk.person)
