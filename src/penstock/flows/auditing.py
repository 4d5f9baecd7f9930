"""What is known beyond a patch set itself: of the package versions that come in, by the advisories of a database and by the
forge's alerts; and of this host's tools. Asked alike for a change's patch sets and for what somebody brings.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from penstock.core.dependencies.advisories import Advisory, Audited, NotCovered, audit
from penstock.core.dependencies.alerts import Alerts, read_of, with_alerts
from penstock.core.dependencies.changes import Move, package_changes
from penstock.core.evidence import DiffFacts, Host
from penstock.core.refs import RepoRef
from penstock.ports import Advisories, Clock

NO_REPOSITORY = NotCovered(
    reason="of which repository at the forge it is was not said, so no alerts were asked"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Auditor:
    """`alerts`: what a repository's alerts about dependencies say, of those that are open or were fixed; why not, where they
    cannot be read."""

    advisories: Advisories
    alerts: Callable[[RepoRef], tuple[Advisory, ...] | NotCovered]
    host: Callable[[], Host]
    clock: Clock

    def known(self, facts: DiffFacts, repo: RepoRef | None) -> DiffFacts:
        """The facts with an audit of each version that comes in, and the host's tools. Nobody is asked where none does.

        `repo` None: of which repository at the forge it is is not known, and only the database can be asked."""
        return self._audited(replace(facts, host=self.host()), repo)

    def _audited(self, facts: DiffFacts, repo: RepoRef | None) -> DiffFacts:
        coming = [
            c for c in package_changes(facts.dependencies) if c.move is not Move.REMOVED and not c.local
        ]
        if not coming:
            return facts
        known = self.advisories.about(frozenset((c.ecosystem, c.name) for c in coming))
        at_forge = Alerts(at=self.clock.now(), known=self.alerts(repo) if repo else NO_REPOSITORY)
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
