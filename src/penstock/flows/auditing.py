"""What is known of the package versions that come in: by the advisories of a database, and by the forge's alerts."""

from dataclasses import replace
from typing import Protocol

from penstock.core.dependencies.advisories import Advisory, Audited, NotCovered, audit
from penstock.core.dependencies.alerts import Alerts, read_of, with_alerts
from penstock.core.dependencies.changes import Move, package_changes
from penstock.core.evidence import DiffFacts
from penstock.core.refs import RepoRef
from penstock.ports import Advisories, Clock


class AlertSource(Protocol):
    """The forge's alerts about dependencies."""

    def vulnerabilities(self, repo: RepoRef) -> tuple[Advisory, ...] | NotCovered:
        """What those are about that are open or were fixed; why not, where they cannot be read."""
        ...


def audited(
    facts: DiffFacts, repo: RepoRef, advisories: Advisories, alerts: AlertSource, clock: Clock
) -> DiffFacts:
    """The facts with an audit of each version that comes in. Nobody is asked where none does."""
    coming = [c for c in package_changes(facts.dependencies) if c.move is not Move.REMOVED and not c.local]
    if not coming:
        return facts
    known = advisories.about(frozenset((c.ecosystem, c.name) for c in coming))
    at_forge = Alerts(at=clock.now(), known=alerts.vulnerabilities(repo))
    audits = tuple(
        Audited(
            ecosystem=c.ecosystem,
            name=c.name,
            version=c.after,
            audit=with_alerts(
                c.ecosystem,
                c.name,
                c.after,
                told=audit(c.ecosystem, c.name, c.after, known[c.ecosystem, c.name]),
                alerts=at_forge,
            ),
        )
        for c in coming
    )
    return replace(facts, audits=audits, alerts=read_of(at_forge))
