"""Promoting a policy: proposed with its backtest, approved by somebody else, in force as a layer, taken back.

What is proposed and approved is the text that the governance log keeps, never a file. Nothing is written to a forge here.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol

from penstock.core.approval import Approver, judge_separation, same_person
from penstock.core.autonomy.events import Noted, PolicyPromoted, PolicyProposed, PolicyReverted
from penstock.core.autonomy.model import Governance
from penstock.core.autonomy.promotion import (
    Figures,
    Promotion,
    Standing,
    bound_ppm,
    judge_candidate,
    judge_promotion,
)
from penstock.core.ledger import canonical, plain, sha256
from penstock.core.policy.layers import Layered
from penstock.core.policy.promoted import Candidate, Promoted, candidate
from penstock.core.policy.rules import policy_digest
from penstock.core.routing.loading import Refused
from penstock.core.verdict import Verdict, all_of, blocked, check
from penstock.flows.governing import Decided, Seat, actor, may_govern, recorded
from penstock.flows.orders import Answer
from penstock.flows.whatif import Answer as Judged
from penstock.flows.whatif import Backtest
from penstock.ports import NewTexts, Permanent, Texts

MOVED = blocked("log", "something else was promoted or taken back meanwhile; look again")


def figures_of(found: Backtest, *, unreadable: int) -> Figures:
    """A backtest as it is recorded. `unreadable`: changes whose logs do not hold."""
    broke, known = found.outcomes
    return Figures(
        policy=found.policy,
        approved=found.count(Judged.APPROVE),
        escalated=found.count(Judged.ESCALATE),
        blocked=found.count(Judged.BLOCK),
        not_judged=found.count(None) + unreadable,
        broke=broke,
        known=known,
        upper_bound_ppm=bound_ppm(broke, known),
    )


def propose(seat: Seat, given: Candidate, figures: Figures, reason: str) -> Answer:
    """Put a candidate and its backtest on record, for somebody else to approve. `subject`: the proposal's id."""
    log, before, now = seat.steering.log, seat.steering.log.now(), seat.desk.clock.now()
    name = "p-" + sha256(canonical([given.digest, plain(figures), seat.desk.person, before.n]))[7:15]
    verdict = all_of(
        "order",
        (
            judge_candidate(given, figures, now),
            _first(before, given, now),
            _stored_as_it_is(log.texts(), given.text),
            may_govern(seat, seat.repositories(), reason),
        ),
    )

    def decide(there: Governance, texts: NewTexts) -> Decided:
        if there.promotions != before.promotions:
            return all_of("order", (MOVED,)), None
        event = PolicyProposed(
            id=name,
            candidate=given.digest,
            stands_on=policy_digest(given.stands_on.policy),
            text=texts.put(given.text),
            figures=figures,
            until=now + timedelta(days=seat.desk.policy.approval_days),
            by=actor(seat),
            reason=texts.put(reason),
        )
        return verdict, Noted(key=f"propose:{name}", event=event, blobs=texts.blobs)

    return recorded(log, name, verdict, decide)


def _first(before: Governance, given: Candidate, now: datetime) -> Verdict:
    stands_on = policy_digest(given.stands_on.policy)
    alike = (
        one.id for one in before.waiting(now) if (one.candidate, one.stands_on) == (given.digest, stands_on)
    )
    same = next(alike, None)
    return check("proposal", f"{same or 'no proposal'} with this text waits for approval", holds=same is None)


def _stored_as_it_is(texts: NewTexts, text: str) -> Verdict:
    """What looks like a secret is taken out of whatever is kept, and it would be another candidate."""
    same = texts.get(texts.put(text)) == text
    return check("P-001", "nothing in its text looks like a secret", holds=same)


def approve(seat: Seat, name: str, today: Callable[[], Layered], reason: str) -> Answer:
    """Let a proposal be in force. `today`: the policy in force as it is now, which must be what it was tried on."""
    log, now = seat.steering.log, seat.desk.clock.now()
    before = log.now()
    found = before.promotion(name)
    if found is None:
        return Answer(subject=name, verdict=all_of("order", (_nothing(name),)), recorded=False)
    proposer = found.proposed.by.login
    kept = _kept(found, today(), log.texts())
    approver = Approver(
        actor=actor(seat), may_write=None, allow_listed=_allow_listed(seat), interactive=False
    )
    verdict = all_of(
        "order",
        (
            judge_promotion(found, kept, now),
            judge_separation(approver, proposer, seat.desk.policy),
            may_govern(seat, seat.repositories(), reason),
        ),
    )

    def decide(there: Governance, texts: NewTexts) -> Decided:
        if there.promotions != before.promotions:
            return all_of("order", (MOVED,)), None
        event = PolicyPromoted(
            promotion=name,
            by=actor(seat),
            reason=texts.put(reason),
            self_approved=same_person(seat.desk.person, proposer),
            shared_identity=same_person(seat.desk.person, seat.desk.own_login),
        )
        return verdict, Noted(key=f"promote:{name}", event=event, blobs=texts.blobs)

    return recorded(log, name, verdict, decide)


def _kept(found: Promotion, today: Layered, texts: Texts) -> Candidate | Refused:
    text = _text_of(found, texts)
    if text is None:
        return Refused(problems=("its text was erased, or is not what was recorded",))
    return candidate(f"candidate {found.id}", text.encode(), today)


def _text_of(one: Promotion, texts: Texts) -> str | None:
    """None where it is gone, or was exchanged beside the ledger."""
    try:
        return texts.get(one.text)
    except Permanent:
        return None


def _allow_listed(seat: Seat) -> int:
    """How many people may govern: who may write in every repository. Where that cannot be read, it is not taken to be one."""
    writers = [seat.desk.reader.writers(repo) for repo in seat.repositories()]
    known = [names for names in writers if names is not None]
    if not known or len(known) < len(writers):
        return 2
    return len((frozenset.intersection(*known) - {seat.desk.own_login}) | {seat.desk.person})


def take_back(seat: Seat, name: str, reason: str) -> Answer:
    """End what is in force, or withdraw a proposal. The files, and what else is promoted, are in force then."""
    who = may_govern(seat, seat.repositories(), reason)

    def decide(there: Governance, texts: NewTexts) -> Decided:
        found = there.promotion(name)
        if found is None:
            return all_of("order", (_nothing(name),)), None
        if found.standing is Standing.TAKEN_BACK:
            return all_of("order", (blocked("proposal", f"{name} was taken back already"),)), None
        event = PolicyReverted(promotion=name, by=actor(seat), reason=texts.put(reason))
        return who, Noted(key=f"revert:{name}", event=event, blobs=texts.blobs)

    return recorded(seat.steering.log, name, who, decide)


def _nothing(name: str) -> Verdict:
    return blocked("proposal", f"there is no proposal {name}; `penstock policy history` lists them")


class Log(Protocol):
    """What is read of the governance log. Raises Permanent `ledger` where it does not hold."""

    def now(self) -> Governance: ...

    def texts(self) -> Texts: ...


class PromotedLayers:
    """The layers in force, as the governance log has them now. Raises Permanent `ledger` where it does not hold."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._known: tuple[int, tuple[Promoted, ...]] = (0, ())

    def __call__(self) -> tuple[Promoted, ...]:
        governance = self._log.now()
        if governance.n != self._known[0]:
            texts = self._log.texts()
            layers = (Promoted(name=one.id, text=_text_of(one, texts)) for one in governance.promoted)
            self._known = governance.n, tuple(layers)
        return self._known[1]
