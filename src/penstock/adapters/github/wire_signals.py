"""Answers about workflow runs and alerts, with only the fields that are read.

Source: github/rest-api-description, API version 2022-11-28.
"""

from pydantic import RootModel

from penstock.adapters.github.wire import Answer, CheckRun, Login, PullRepository


class AlertPackage(Answer):
    ecosystem: str
    name: str


class Vulnerable(Answer):
    package: AlertPackage
    vulnerable_version_range: str


class SecurityAdvisory(Answer):
    ghsa_id: str
    summary: str = ""
    description: str = ""
    severity: str = ""
    vulnerabilities: tuple[Vulnerable, ...]


class Dependency(Answer):
    manifest_path: str | None = None


class DependencyAlert(Answer):
    number: int
    dependency: Dependency = Dependency()
    security_advisory: SecurityAdvisory
    security_vulnerability: Vulnerable


class DependencyAlerts(RootModel[tuple[DependencyAlert, ...]]):
    pass


class CodeRule(Answer):
    description: str | None = None
    severity: str | None = None
    security_severity_level: str | None = None


class CodeLocation(Answer):
    path: str | None = None


class CodeInstance(Answer):
    ref: str | None = None
    location: CodeLocation | None = None


class CodeAlert(Answer):
    number: int
    rule: CodeRule
    most_recent_instance: CodeInstance


class CodeAlerts(RootModel[tuple[CodeAlert, ...]]):
    pass


class SecretAlert(Answer):
    number: int
    secret_type_display_name: str | None = None


class SecretAlerts(RootModel[tuple[SecretAlert, ...]]):
    pass


class EndedRun(Answer):
    """A run that is over. `head_repository` is missing where that was deleted since."""

    id: int
    name: str | None = None
    display_title: str = ""
    event: str
    conclusion: str | None
    workflow_id: int
    head_branch: str | None
    head_repository: PullRepository | None = None
    actor: Login | None = None


class EndedRuns(Answer):
    workflow_runs: tuple[EndedRun, ...]


class BranchCheck(CheckRun):
    head_sha: str


class BranchChecks(Answer):
    check_runs: tuple[BranchCheck, ...]


class Workflow(Answer):
    state: str


class Job(Answer):
    name: str
    status: str
    conclusion: str | None = None


class Jobs(Answer):
    jobs: tuple[Job, ...]
