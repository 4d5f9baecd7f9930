"""Signals that the forge itself tells: what fails on the default branch, and open alerts of three kinds."""

from collections.abc import Iterator

from penstock.adapters.github import needs
from penstock.adapters.github import wire_signals as wire
from penstock.adapters.github.account import repo_path
from penstock.adapters.github.facts import app_of, login_of
from penstock.adapters.github.failures import Refused
from penstock.adapters.github.reading import ReadClient
from penstock.core.evidence import RepositoryFacts
from penstock.core.refs import RepoRef
from penstock.core.routing.wire import level_of
from penstock.core.signal import ForgeEvent, ForgeSignal

ACTIONS = "github-actions"
"""The App that reports the jobs of workflows."""
FAILED = frozenset({"failure", "startup_failure", "timed_out"})
DECISIVE = FAILED | {"success"}
"""Conclusions that say whether a workflow works; one that was cancelled or skipped says nothing."""
TRIGGERS = frozenset({"dynamic", "push", "release", "repository_dispatch", "schedule", "workflow_dispatch"})
"""What begins a run only by the forge itself or by who may write. Anybody can comment, open an issue or a pull request, fork, and
so have a workflow run on the default branch. Source: GitHub Docs, "Events that trigger workflows"."""
NOT_THERE = frozenset({404, 409, 422})
"""What GitHub answers where there is no such thing; the last two, while a repository has no commit."""
_OFF = ("disabled", "must be enabled", "not enabled", "Upgrade to ")
"""How GitHub says, with a 403, that a repository has no such alerts."""


class SignalReader:
    """Implements `SignalSource`."""

    def __init__(self, client: ReadClient) -> None:
        self._client = client

    def standing(self, repo: RepoRef, facts: RepositoryFacts, event: ForgeEvent) -> tuple[ForgeSignal, ...]:
        """What is so now. Raises Permanent `forbidden`."""
        try:
            return tuple(self._found(repo, facts, event))
        except Refused as refusal:
            if refusal.status in NOT_THERE or (
                refusal.status == 403 and any(w in refusal.said for w in _OFF)
            ):
                return ()
            raise

    def _found(self, repo: RepoRef, facts: RepositoryFacts, event: ForgeEvent) -> Iterator[ForgeSignal]:
        match event:
            case ForgeEvent.WORKFLOW_RUN:
                return self._runs(repo, facts.default_branch)
            case ForgeEvent.CHECK_RUN:
                return self._checks(repo, facts.default_branch)
            case ForgeEvent.CODE_ALERT:
                return self._code_alerts(repo)
            case ForgeEvent.DEPENDENCY_ALERT:
                return self._dependency_alerts(repo)
            case ForgeEvent.LEAK_ALERT:
                return self._secret_alerts(repo)

    def _runs(self, repo: RepoRef, branch: str) -> Iterator[ForgeSignal]:
        """Of each workflow, its newest run that decided anything, of the last hundred on the branch."""
        choice = {"branch": branch, "status": "completed", "exclude_pull_requests": "true"}
        pages = self._client.pages(repo_path(repo, "actions", "runs"), wire.EndedRuns, needs.RUNS, choice)
        newest: dict[int, wire.EndedRun] = {}
        for run in next(pages).workflow_runs:
            if run.conclusion in DECISIVE and _is_its_own(run, repo, branch):
                newest.setdefault(run.workflow_id, run)
        for run in newest.values():
            if run.conclusion in FAILED and self._is_active(repo, run):
                yield self._run(repo, branch, run)

    def _is_active(self, repo: RepoRef, run: wire.EndedRun) -> bool:
        """What was deleted or switched off never runs again, and so stays red for ever."""
        path = repo_path(repo, "actions", "workflows", run.workflow_id)
        workflow = self._client.find(path, wire.Workflow, needs.RUNS)
        return workflow is not None and workflow.state == "active"

    def _run(self, repo: RepoRef, branch: str, run: wire.EndedRun) -> ForgeSignal:
        pages = self._client.pages(repo_path(repo, "actions", "runs", run.id, "jobs"), wire.Jobs, needs.RUNS)
        return ForgeSignal(
            event=ForgeEvent.WORKFLOW_RUN,
            repo=repo,
            subject=str(run.workflow_id),
            occurrence=str(run.id),
            title=run.display_title,
            author=login_of(run.actor),
            branch=branch,
            workflow=run.name or "",
            conclusion=run.conclusion or "",
            jobs=tuple((job.name, job.status, job.conclusion or "") for page in pages for job in page.jobs),
        )

    def _checks(self, repo: RepoRef, branch: str) -> Iterator[ForgeSignal]:
        """Of the branch's newest commit, each check's newest run; what Actions report are jobs of workflow runs."""
        path = repo_path(repo, "commits", branch, "check-runs")
        pages = self._client.pages(path, wire.BranchChecks, needs.CHECKS)
        runs = sorted((run for page in pages for run in page.check_runs), key=lambda run: run.id)
        newest = {(run.name, app_of(run)): run for run in runs if app_of(run) != ACTIONS}
        failing = {run.name: run for run in newest.values() if run.conclusion in FAILED}
        for name, run in failing.items():
            yield ForgeSignal(
                event=ForgeEvent.CHECK_RUN,
                repo=repo,
                subject=name,
                occurrence=run.head_sha,
                title=name,
                branch=branch,
                conclusion=run.conclusion or "",
            )

    def _code_alerts(self, repo: RepoRef) -> Iterator[ForgeSignal]:
        path = repo_path(repo, "code-scanning", "alerts")
        for page in self._client.pages(path, wire.CodeAlerts, needs.CODE_ALERTS, {"state": "open"}):
            for alert in page.root:
                rule, seen = alert.rule, alert.most_recent_instance
                yield ForgeSignal(
                    event=ForgeEvent.CODE_ALERT,
                    repo=repo,
                    subject=str(alert.number),
                    title=rule.description or "",
                    branch=(seen.ref or "").removeprefix("refs/heads/"),
                    severity=level_of((rule.security_severity_level or rule.severity or "").lower()),
                    path=(seen.location.path or "") if seen.location else "",
                )

    def _dependency_alerts(self, repo: RepoRef) -> Iterator[ForgeSignal]:
        path = repo_path(repo, "dependabot", "alerts")
        for page in self._client.pages(path, wire.DependencyAlerts, needs.ALERTS, {"state": "open"}):
            for alert in page.root:
                advisory = alert.security_advisory
                yield ForgeSignal(
                    event=ForgeEvent.DEPENDENCY_ALERT,
                    repo=repo,
                    subject=str(alert.number),
                    title=advisory.summary,
                    body=advisory.description,
                    severity=level_of(advisory.severity.lower()),
                    path=alert.dependency.manifest_path or "",
                )

    def _secret_alerts(self, repo: RepoRef) -> Iterator[ForgeSignal]:
        """Without the secrets, which this process need not know."""
        path, choice = repo_path(repo, "secret-scanning", "alerts"), {"state": "open", "hide_secret": "true"}
        for page in self._client.pages(path, wire.SecretAlerts, needs.SECRET_ALERTS, choice):
            for alert in page.root:
                yield ForgeSignal(
                    event=ForgeEvent.LEAK_ALERT,
                    repo=repo,
                    subject=str(alert.number),
                    title=alert.secret_type_display_name or "",
                    severity="critical",
                )


def _is_its_own(run: wire.EndedRun, repo: RepoRef, branch: str) -> bool:
    """On the branch itself, and no stranger's doing: a pull request's runs, a fork's too, go by the name of its branch."""
    source = run.head_repository
    return (
        run.head_branch == branch
        and run.event in TRIGGERS
        and source is not None
        and source.node_id == repo.node_id
    )
