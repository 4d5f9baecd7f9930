"""Described alerts as rows: Dependabot's with their advisory, secret scanning's with their place in the default branch."""

from localforge.errors import InvalidError
from localforge.forge import Forge
from localforge.git import refnames
from localforge.json_types import Json
from localforge.seeding.model import DependencyAlert, Repository, SecretAlert
from localforge.store.database import Tx


def plant(forge: Forge, tx: Tx, repo_id: int, spec: Repository, at: str) -> None:
    """Write the repository's alerts; InvalidError when a secret's file is not there."""
    for number, alert in enumerate(spec.dependabot_alerts, 1):
        _dependency(tx, repo_id, number, alert, at)
    for number, secret in enumerate(spec.secret_alerts, 1):
        _secret(forge, tx, repo_id, number, secret, at)


def _dependency(tx: Tx, repo_id: int, number: int, alert: DependencyAlert, at: str) -> None:
    package = {"ecosystem": alert.ecosystem, "name": alert.package}
    vulnerability = {
        "package": package,
        "severity": alert.severity,
        "vulnerable_version_range": alert.vulnerable,
        "first_patched_version": {"identifier": alert.patched} if alert.patched else None,
    }
    identifiers = [{"type": "GHSA", "value": alert.ghsa}]
    if alert.cve:
        identifiers.append({"type": "CVE", "value": alert.cve})
    tx.insert(
        "dependency_alert",
        repo_id=repo_id,
        number=number,
        dependency={
            "package": package,
            "manifest_path": alert.manifest,
            "scope": alert.scope,
            "relationship": alert.relationship,
        },
        advisory={
            "ghsa_id": alert.ghsa,
            "cve_id": alert.cve,
            "summary": alert.summary,
            "description": alert.description or alert.summary,
            "severity": alert.severity,
            "cvss": {"score": 0, "vector_string": None},
            "cwes": [],
            "identifiers": identifiers,
            "references": [],
            "published_at": at,
            "updated_at": at,
            "withdrawn_at": None,
            "vulnerabilities": [vulnerability],
        },
        vulnerability=vulnerability,
        created_at=at,
        updated_at=at,
    )


def _secret(forge: Forge, tx: Tx, repo_id: int, number: int, alert: SecretAlert, at: str) -> None:
    git = forge.git(repo_id)
    tip = refnames.branch_sha(git, refnames.head_branch(git))
    blob = git.info(f"{tip}:{alert.path}") if tip else None
    if tip is None or blob is None or blob[1] != "blob":
        raise InvalidError(f"secret_alerts[{number - 1}].path: the default branch has no file {alert.path}")
    place: dict[str, Json] = {
        "path": alert.path,
        "start_line": alert.line,
        "end_line": alert.line,
        "start_column": 1,
        "end_column": 1 + len(alert.secret),
        "blob_sha": blob[0],
        "commit_sha": tip,
    }
    tx.insert(
        "secret_alert",
        repo_id=repo_id,
        number=number,
        secret_type=alert.type,
        secret=alert.secret,
        location=place,
        validity=alert.validity,
        created_at=at,
        updated_at=at,
    )
