"""What the forge's alerts say of a version that comes in. They are about packages that a repository has or had, and no more.

So they can find a version vulnerable, and never clean: of a package that is new there, no alert can tell anything.
"""

import re
from dataclasses import dataclass, replace
from datetime import datetime

from penstock.core.dependencies.advisories import Advisory, Audit, NotCovered, Range, Standing, audit
from penstock.core.dependencies.facts import Ecosystem

ECOSYSTEMS = {
    "composer": Ecosystem.PACKAGIST,
    "go": Ecosystem.GO,
    "maven": Ecosystem.MAVEN,
    "npm": Ecosystem.NPM,
    "nuget": Ecosystem.NUGET,
    "pip": Ecosystem.PYPI,
    "rubygems": Ecosystem.RUBYGEMS,
    "rust": Ecosystem.CRATES,
}
"""By GitHub's names in advisories. Others (actions, pub, …) have no packages that are read here."""
LONGEST_RANGE = 500
_BOUND = re.compile(r"(<=|>=|<|=)\s*(\S+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Alerts:
    """A repository's alerts as they were at `at`: the advisories of those that are open or were fixed; or why none can be asked."""

    at: datetime
    known: tuple[Advisory, ...] | NotCovered


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertsRead:
    """That alerts were asked, when, and of how many advisories they were; `problem`: why they could not be."""

    at: datetime
    advisories: int
    problem: str = ""


def read_of(alerts: Alerts) -> AlertsRead:
    if isinstance(alerts.known, NotCovered):
        return AlertsRead(at=alerts.at, advisories=0, problem=alerts.known.reason)
    return AlertsRead(at=alerts.at, advisories=len(alerts.known))


def vulnerable_range(text: str) -> Range:
    """A range as alerts write it (`>= 4.3.0, < 4.3.5`); of a kind that nobody can compare where it is none of those forms.

    Source: GitHub Docs, "GraphQL reference: SecurityVulnerability", `vulnerableVersionRange`.
    """
    unread = Range(kind="UNREAD", events=(("range", text[:LONGEST_RANGE]),))
    found = [_BOUND.fullmatch(part.strip()) for part in text.split(",")] if len(text) <= LONGEST_RANGE else []
    bounds = [(match[1], match[2]) for match in found if match]
    if len(bounds) != len(found) or not bounds:
        return unread
    lower = [version for sign, version in bounds if sign in {">=", "="}]
    upper = [(sign, version) for sign, version in bounds if sign != ">="]
    if len(lower) > 1 or len(upper) > 1:
        return unread
    ends = tuple(("fixed" if sign == "<" else "last_affected", version) for sign, version in upper)
    return Range(kind="ECOSYSTEM", events=(("introduced", lower[0] if lower else "0"), *ends))


def with_alerts(ecosystem: Ecosystem, name: str, version: str, *, told: Audit, alerts: Alerts) -> Audit:
    """What a database told of a version, and what the alerts add: of two answers the worse counts."""
    if isinstance(alerts.known, NotCovered):
        return _further(told, alerts.known.reason)
    found = audit(ecosystem, name, version, alerts.known)
    match found.standing:
        case Standing.VULNERABLE:
            return Audit(standing=Standing.VULNERABLE, ids=tuple(sorted({*told.ids, *found.ids})))
        case Standing.NOT_AUDITED if told.standing is Standing.CLEAN:
            return found
        case Standing.NOT_AUDITED:
            return _further(told, found.reason)
        case Standing.CLEAN:
            return _further(told, "no alert of the forge names it")


def _further(told: Audit, reason: str) -> Audit:
    """Only what nobody audited has reasons."""
    if told.standing is not Standing.NOT_AUDITED or reason == told.reason:
        return told
    return replace(told, reason=f"{told.reason}; {reason}")
