"""What each request needs a permission for, in GitHub's names and in words for people.

The only list of permissions: what a token is asked to have, here and at the embedded forge, is derived from it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

NAMES = {
    "actions": "Actions",
    "administration": "Administration",
    "checks": "Checks",
    "contents": "Contents",
    "issues": "Issues",
    "members": "Members",
    "metadata": "Metadata",
    "organization_actions_variables": "Variables of the organization",
    "pull_requests": "Pull requests",
    "secret_scanning_alerts": "Secret scanning alerts",
    "security_events": "Code scanning alerts",
    "statuses": "Commit statuses",
    "variables": "Variables",
    "vulnerability_alerts": "Dependabot alerts",
    "workflows": "Workflows",
}
LEVELS = {"read": "read", "write": "read and write", "admin": "admin"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """A purpose and the permission it takes, written as GitHub's headers write it: `contents=write`."""

    purpose: str
    permission: str

    @property
    def words(self) -> str:
        return permission_words(self.permission)


IDENTITY = Need(purpose="know whose token it is", permission="metadata=read")
REPOSITORY = Need(purpose="read repositories", permission="metadata=read")
CONTENTS = Need(purpose="read branches, tags and commits", permission="contents=read")
PROTECTION = Need(purpose="read which checks a branch demands", permission="administration=read")
RULES = Need(purpose="read the rules of a branch", permission="metadata=read")
CHECKS = Need(purpose="read whether CI passed", permission="checks=read")
STATUSES = Need(purpose="read commit statuses", permission="statuses=read")
PEOPLE = Need(purpose="read who may approve", permission="metadata=read")
ISSUES = Need(purpose="read issues and comments", permission="issues=read")
PULLS = Need(purpose="read pull requests", permission="pull_requests=read")
RUNS = Need(purpose="read workflow runs", permission="actions=read")
MEMBERS = Need(purpose="see that the author of an issue is a member", permission="members=read")
VARIABLES = Need(purpose="read a repository's break-glass toggles", permission="variables=read")
ALERTS = Need(
    purpose="read which dependencies are known to be vulnerable", permission="vulnerability_alerts=read"
)
CODE_ALERTS = Need(purpose="read what code scanning found", permission="security_events=read")
SECRET_ALERTS = Need(
    purpose="read that a secret was found, and never which", permission="secret_scanning_alerts=read"
)
SHARED_VARIABLES = Need(
    purpose="read the organization's break-glass toggles", permission="organization_actions_variables=read"
)

WRITE_CONTENTS = Need(purpose="write branches, tags and commits", permission="contents=write")
WRITE_PULLS = Need(purpose="open and close pull requests", permission="pull_requests=write")
MERGE = Need(purpose="merge pull requests", permission="contents=write")
WRITE_ISSUES = Need(purpose="comment on, label and close issues", permission="issues=write")
RERUN = Need(purpose="run workflows again", permission="actions=write")
WRITE_WORKFLOWS = Need(
    purpose="change workflow files where a person approved it", permission="workflows=write"
)

READS = (
    *(REPOSITORY, CONTENTS, PROTECTION, CHECKS, STATUSES, ISSUES, PULLS, RUNS),
    *(VARIABLES, SHARED_VARIABLES, ALERTS, CODE_ALERTS, SECRET_ALERTS),
)
WRITES = (WRITE_CONTENTS, WRITE_PULLS, WRITE_ISSUES, RERUN, WRITE_WORKFLOWS)
EVERY = (*READS, IDENTITY, RULES, PEOPLE, MEMBERS, *WRITES, MERGE)
"""What a token is asked to have."""


def permissions_of(*needs: Need) -> dict[str, str]:
    """Permissions by name, each as high as any of the needs takes it (`write` after `read`)."""
    pairs = (need.permission.partition("=") for need in needs)
    return dict(sorted((name, level) for name, _, level in pairs))


def explained() -> tuple[tuple[str, str, str], ...]:
    """Every permission for people: its name, its level, and all that it is for."""
    return tuple(
        (NAMES[name], LEVELS[level], "to " + "; ".join(n.purpose for n in EVERY if _names(n, name)))
        for name, level in permissions_of(*EVERY).items()
    )


def _names(need: Need, permission: str) -> bool:
    return need.permission.partition("=")[0] == permission


def permission_words(permissions: str) -> str:
    """`contents=write,workflows=write; administration=read` as a phrase.

    A comma joins what is needed together, a semicolon separates alternatives (GitHub changelog, 2023-08-10).
    """
    return ", or ".join(
        " and ".join(_one(permission.strip()) for permission in together.split(","))
        for together in permissions.split(";")
    )


def _listed(scopes: str) -> set[str]:
    return {scope.strip() for scope in scopes.split(",")}


def _one(permission: str) -> str:
    name, _, level = permission.partition("=")
    return f"{NAMES.get(name, name)} ({LEVELS.get(level, level)})"


def accepted(headers: Mapping[str, str], need: Need) -> str:
    """Which permission would have been accepted: as the forge's headers say, else as we know it.

    Where the token has an accepted scope, it is its owner who lacks the permission.
    """
    if permissions := headers.get("x-accepted-github-permissions"):
        return f"the permission {permission_words(permissions)}"
    scopes = headers.get("x-accepted-oauth-scopes", "")
    if scopes and not _listed(scopes) & _listed(headers.get("x-oauth-scopes", "")):
        return f"one of the scopes {scopes}"
    return f"the permission {need.words}"
