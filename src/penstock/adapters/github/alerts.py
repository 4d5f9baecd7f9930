"""The forge's alerts: vulnerable dependencies as advisories of the schema that databases have, too."""

from penstock.adapters.github import needs
from penstock.adapters.github import wire_signals as wire
from penstock.adapters.github.account import repo_path
from penstock.adapters.github.failures import Refused
from penstock.adapters.github.reading import ReadClient
from penstock.core.dependencies.advisories import Advisory, Affected, NotCovered
from penstock.core.dependencies.alerts import ECOSYSTEMS, vulnerable_range
from penstock.core.dependencies.facts import normal
from penstock.core.refs import RepoRef
from penstock.ports import Permanent


class AlertReader:
    """Alerts of one forge. Those that people dismissed are not read: somebody there has judged them."""

    def __init__(self, client: ReadClient) -> None:
        self._client = client

    def vulnerabilities(self, repo: RepoRef) -> tuple[Advisory, ...] | NotCovered:
        """Advisories of the dependency alerts that are open or were fixed. What was fixed can come back."""
        path = repo_path(repo, "dependabot", "alerts")
        try:
            pages = self._client.pages(path, wire.DependencyAlerts, needs.ALERTS, {"state": "open,fixed"})
            return tuple(_advisory(alert) for page in pages for alert in page.root)
        except Refused as refusal:
            if refusal.code == "unauthorized":
                raise
            return NotCovered(reason=_unread(repo, refusal))
        except Permanent as unusable:
            return NotCovered(reason=f"the forge's alerts cannot be used: {unusable}")


def _unread(repo: RepoRef, refusal: Refused) -> str:
    """A repository without alerts says so; else it is the token."""
    if "disabled" in refusal.said:
        return f"the forge's alerts are off in {repo.full_name}"
    return (
        f"the forge's alerts cannot be read ({refusal.status} {refusal.said}): it takes {needs.ALERTS.words}"
    )


def _advisory(alert: wire.DependencyAlert) -> Advisory:
    """All that it says of any package: its other ranges hold for other versions of the same one."""
    told = (*alert.security_advisory.vulnerabilities, alert.security_vulnerability)
    return Advisory(id=alert.security_advisory.ghsa_id, affected=tuple(filter(None, map(_affected, told))))


def _affected(told: wire.Vulnerable) -> Affected | None:
    ecosystem = ECOSYSTEMS.get(told.package.ecosystem)
    if ecosystem is None:
        return None
    return Affected(
        ecosystem=ecosystem,
        name=normal(ecosystem, told.package.name),
        ranges=(vulnerable_range(told.vulnerable_version_range),),
        versions=frozenset(),
    )
