"""From GitHub's answers to the facts that judgements rest on. Pure."""

import re
from collections.abc import Iterable

from penstock.adapters.github import wire
from penstock.core.evidence import (
    CheckFact,
    CheckStatus,
    CommitFacts,
    IssueFacts,
    PullFacts,
    RepositoryFacts,
    RequiredChecks,
    ReviewFact,
    ReviewState,
)
from penstock.core.refs import Sha
from penstock.core.reviews import spoken

SIBLING_TITLE = "penstock-sibling"
"""Annotations of this title tell which commit of a sibling repository a job tested with."""

_SIBLING = re.compile(r"([\w.-]+/[\w.-]+)@([0-9a-f]{40})", re.ASCII)
_GHOST = "ghost"
"""GitHub's own stand-in for a deleted account."""

_STATUSES = {
    "completed": CheckStatus.COMPLETED,
    "in_progress": CheckStatus.RUNNING,
}
ANY_APP = -1
"""How a required check may say that it is bound to no app."""

_ROLES = frozenset({"admin", "maintain", "write", "triage", "read", "none"})


def repository_facts(answer: wire.Repository) -> RepositoryFacts:
    return RepositoryFacts(
        node_id=answer.node_id,
        full_name=answer.full_name,
        default_branch=answer.default_branch,
        archived=answer.archived,
        clone_url=answer.clone_url,
    )


def commit_facts(answer: wire.Commit) -> CommitFacts:
    return CommitFacts(
        sha=answer.sha, tree=answer.tree.sha, parents=tuple(parent.sha for parent in answer.parents)
    )


def issue_facts(answer: wire.Issue) -> IssueFacts:
    return IssueFacts(
        number=answer.number,
        title=answer.title,
        body=answer.body or "",
        labels=frozenset(label.name for label in answer.labels),
        author=login_of(answer.user),
        author_association=answer.author_association,
        open=answer.state == "open",
        url=answer.html_url,
    )


def pull_facts(answer: wire.Pull) -> PullFacts:
    return PullFacts(
        number=answer.number,
        url=answer.html_url,
        open=answer.state == "open",
        merged=answer.merged,
        merge_commit=answer.merge_commit_sha if answer.merged else None,
        head=answer.head.sha,
        head_branch=answer.head.ref,
        base_ref=answer.base.ref,
        author=login_of(answer.user),
        merged_by=answer.merged_by.login if answer.merged_by else None,
    )


def required_of(protection: wire.Protection | None, rules: Iterable[wire.Rule]) -> RequiredChecks:
    """Protection (None: the branch has none) ∪ rules: every check of either, and the stricter of each demand.

    Protection repeats in `contexts` the names of its `checks`; those that are bound to an app stay bound.
    """
    checks = (protection and protection.required_status_checks) or wire.ProtectedChecks(contexts=())
    reviews = (protection and protection.required_pull_request_reviews) or wire.ProtectedReviews()
    demands = [rule.parameters for rule in rules if rule.parameters]
    asked = (*checks.checks, *(check for demand in demands for check in demand.required_status_checks))
    repeated = {check.context for check in checks.checks}
    return RequiredChecks(
        names=frozenset(checks.contexts) - repeated | {c.context for c in asked if _app_asked(c) is None},
        apps=frozenset((c.context, app) for c in asked if (app := _app_asked(c)) is not None),
        strict=checks.strict or any(demand.strict_required_status_checks_policy for demand in demands),
        approving_reviews=max(
            (reviews.required_approving_review_count, *(d.required_approving_review_count for d in demands))
        ),
    )


def _app_asked(check: wire.RequiredCheck) -> int | None:
    return None if check.app_id == ANY_APP else check.app_id


def check_of_run(run: wire.CheckRun, siblings: tuple[tuple[str, Sha], ...]) -> CheckFact:
    return CheckFact(
        name=run.name,
        app_id=run.app.id if run.app else None,
        status=_STATUSES.get(run.status, CheckStatus.QUEUED),
        conclusion=run.conclusion or "",
        url=run.html_url or "",
        siblings=siblings,
    )


def check_of_status(status: wire.Status) -> CheckFact:
    """A pending status is a running check; `error` is a failure."""
    pending = status.state == "pending"
    return CheckFact(
        name=status.context,
        status=CheckStatus.RUNNING if pending else CheckStatus.COMPLETED,
        conclusion={"success": "success", "pending": ""}.get(status.state, "failure"),
        url=status.target_url or "",
    )


def latest_runs(runs: Iterable[wire.CheckRun]) -> list[wire.CheckRun]:
    """The newest run of each name, app and suite; ids grow. Another suite is another workflow, not another try."""
    newest: dict[tuple[str, str, int | None], wire.CheckRun] = {}
    for run in sorted(runs, key=lambda run: run.id):
        newest[run.name, app_of(run), run.check_suite.id if run.check_suite else None] = run
    return list(newest.values())


def app_of(run: wire.CheckRun) -> str:
    return (run.app.slug if run.app else None) or ""


def siblings_of(annotations: Iterable[wire.Annotation]) -> tuple[tuple[str, Sha], ...]:
    """What a job says it tested with; a message of another form says nothing."""
    messages = (a.message or "" for a in annotations if a.title == SIBLING_TITLE)
    found = (_SIBLING.fullmatch(message.strip()) for message in messages)
    return tuple(sorted({(match[1], Sha(match[2])) for match in found if match}))


def review_of(review: wire.Review) -> ReviewFact | None:
    """None for one that is not submitted yet, which only its author sees."""
    if review.state == "PENDING":
        return None
    return ReviewFact(
        name=f"pullrequestreview-{review.id}",
        author=login_of(review.user),
        state=ReviewState(review.state),
        head=review.commit_id,
        person=_is_person(review.user),
    )


def review_in(comment: wire.Comment) -> ReviewFact | None:
    """None unless it is worded as one, and as its author left it: others can edit a comment, too."""
    said = spoken(comment.body or "")
    if said is None or comment.created_at is None or comment.created_at != comment.updated_at:
        return None
    return ReviewFact(
        name=f"issuecomment-{comment.id}",
        author=login_of(comment.user),
        state=said[0],
        head=said[1],
        person=_is_person(comment.user),
        comment=True,
    )


def _is_person(author: wire.Author | None) -> bool:
    return author is not None and author.type == "User"


def role_of(answer: wire.CollaboratorPermission) -> str:
    """The role by its name; an organization's own role counts as what GitHub says it is worth."""
    return answer.role_name if answer.role_name in _ROLES else answer.permission


def login_of(account: wire.Login | None) -> str:
    return account.login if account else _GHOST


def same_login(one: str, other: str) -> bool:
    """Logins are the same whatever their case."""
    return one.casefold() == other.casefold()
