"""`apply`: one recorded event onto what holds for the whole installation."""

from dataclasses import replace
from datetime import datetime

from penstock.core.autonomy.events import (
    AutonomyGranted,
    AutonomyRevoked,
    GovernanceEntry,
    PolicyPromoted,
    PolicyProposed,
    PolicyReverted,
    PullCounted,
    QuarantineLifted,
    QuarantineSet,
    TextErased,
)
from penstock.core.autonomy.model import Governance, Grant, Quarantine, pull_name
from penstock.core.autonomy.promotion import Order, Promotion


def apply(before: Governance, entry: GovernanceEntry) -> Governance:
    """What holds after this record. Total: nothing that was recorded is ever refused."""
    after = replace(before, n=entry.n, updated_at=entry.at)
    match entry.event:
        case QuarantineSet(failures=failures):
            return replace(after, quarantine=Quarantine(since=entry.at, failures=failures))
        case QuarantineLifted():
            return replace(after, quarantine=None, lifted_at=entry.at)
        case AutonomyGranted() as granted:
            return replace(after, grants=(*before.grants, _grant(granted, entry.at)))
        case AutonomyRevoked(grant=name):
            return replace(after, grants=tuple(_revoked(grant, name) for grant in before.grants))
        case PullCounted() as counted:
            return _counted(after, counted, entry.at)
        case PolicyProposed() as proposed:
            return replace(after, promotions=(*before.promotions, _proposed(proposed, entry.at)))
        case PolicyPromoted() as promoted:
            return _promoted(after, promoted, entry.at)
        case PolicyReverted() as reverted:
            return _reverted(after, reverted, entry.at)
        case TextErased():
            return after


def _grant(event: AutonomyGranted, at: datetime) -> Grant:
    return Grant(id=event.id, cell=event.cell, until=event.until, cap=event.cap, by=event.by, at=at)


def _revoked(grant: Grant, name: str) -> Grant:
    return replace(grant, revoked=True) if grant.id == name else grant


def _proposed(event: PolicyProposed, at: datetime) -> Promotion:
    return Promotion(
        id=event.id,
        candidate=event.candidate,
        stands_on=event.stands_on,
        text=event.text,
        figures=event.figures,
        until=event.until,
        proposed=Order(by=event.by, at=at, reason=event.reason),
    )


def _promoted(governance: Governance, event: PolicyPromoted, at: datetime) -> Governance:
    """It goes to the end: what is approved later stands under what was approved before."""
    found = governance.promotion(event.promotion)
    if found is None:
        return governance
    approved = replace(
        found,
        approved=Order(by=event.by, at=at, reason=event.reason),
        self_approved=event.self_approved,
        shared_identity=event.shared_identity,
    )
    others = tuple(one for one in governance.promotions if one.id != found.id)
    return replace(governance, promotions=(*others, approved))


def _reverted(governance: Governance, event: PolicyReverted, at: datetime) -> Governance:
    order = Order(by=event.by, at=at, reason=event.reason)
    return replace(
        governance,
        promotions=tuple(
            replace(one, taken_back=order) if one.id == event.promotion else one
            for one in governance.promotions
        ),
    )


def _counted(governance: Governance, event: PullCounted, at: datetime) -> Governance:
    pull, day = pull_name(event.change, event.repo), at.date()
    return replace(
        governance,
        day=day,
        pulls=governance.pulls_on(day) | {pull},
        grants=tuple(
            replace(grant, used=grant.used | {pull}) if grant.id == event.grant else grant
            for grant in governance.grants
        ),
    )
