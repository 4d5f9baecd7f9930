"""Issues and pull requests: lists and single ones with everything that happened."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from localforge.call import Answer, Call, redirect
from localforge.errors import NotFoundError
from localforge.git.diff import changed_files
from localforge.json_types import Json
from localforge.operations import Area
from localforge.pages.code import MOST_FILES, checks_of, commits_between
from localforge.pages.page import page
from localforge.pages.plain import form_of, pull_text
from localforge.pulls.comparison import comparison
from localforge.pulls.readiness import readiness
from localforge.store import issues, pulls
from localforge.store.issues import Issue, IssueEvent
from localforge.store.pulls import Pull, Review, ReviewComment

area = Area()

_PER_PAGE = 50
_LAST_PAGE = 100_000
_MOST_COMMITS = 250
_PHRASES = {
    "head_ref_deleted": "deleted the head branch",
    "head_ref_restored": "restored the head branch",
    "head_ref_force_pushed": "force-pushed the head branch",
    "base_ref_changed": "changed the base branch",
    "ready_for_review": "marked this as ready for review",
    "convert_to_draft": "made this a draft",
    "auto_merge_enabled": "asked for a merge as soon as nothing stands against it",
    "auto_merge_disabled": "no longer asks for a merge",
    "review_requested": "asked for a review",
    "review_request_removed": "withdrew a request for review",
    "review_dismissed": "dismissed a review",
    "renamed": "changed the title",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing that happened. `kind` is comment, review or event; `phrase` what the person did, `body` their words."""

    at: str
    kind: str
    actor_id: int
    phrase: str
    anchor: str
    body: str = ""
    state: str = ""
    commit_sha: str | None = None
    remarks: tuple[ReviewComment, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """An issue or (`pull`) pull request in a list."""

    issue: Issue
    state: str
    labels: tuple[str, ...]
    pull: Pull | None


@area("GET", "/{owner}/{repo}/issues", "page/issues", needs="issues:read", page=True)
def list_issues(call: Call) -> Answer:
    """The issues in one state, newest first."""
    return _list(call, pulls=False)


@area("GET", "/{owner}/{repo}/pulls", "page/pulls", needs="pull_requests:read", page=True)
def list_pulls(call: Call) -> Answer:
    """The pull requests in one state, newest first."""
    return _list(call, pulls=True)


@area("GET", "/{owner}/{repo}/issues/{number}", "page/issue", needs="issues:read", page=True)
def one_issue(call: Call) -> Answer:
    """An issue with its comments and events."""
    issue = _issue(call)
    if issue.is_pull:
        return redirect(call.urls.page(call.view.full_name(call.repo), "pull", issue.number))
    return page(call, "issue", **_shared(call, issue), entries=_entries(call, issue, None))


@area("GET", "/{owner}/{repo}/pull/{number}", "page/pull", needs="pull_requests:read", page=True)
def one_pull(call: Call) -> Answer:
    """A pull request: where it stands and what it lacks, conversation, commits, checks, changes; `7.diff`: these alone."""
    if form_of(call.params["number"]):
        return pull_text(call, call.params["number"])
    issue = _issue(call)
    if not issue.is_pull:
        return redirect(call.urls.page(call.view.full_name(call.repo), "issues", issue.number))
    pull = pulls.of_issue(call.db, issue.id)
    counts = comparison(call.git, issue, pull)
    files = changed_files(call.git, counts.start, counts.head)
    return page(
        call,
        "pull",
        **_shared(call, issue),
        pull=pull,
        counts=counts,
        ready=readiness(call.forge, call.repo, issue, pull),
        reviewers=pulls.requested_reviewers(call.db, pull.id),
        commits=commits_between(call, counts.base, counts.head, _MOST_COMMITS),
        files=files[:MOST_FILES],
        entries=_entries(call, issue, pull),
        **checks_of(call, pull.head_sha),
    )


def listed(call: Call, *, pulls: bool, state: str, limit: int, offset: int = 0) -> list[Row]:
    """A stretch of the repository's issues or pull requests, newest first."""
    found = call.db.all(
        Issue,
        "SELECT * FROM issue WHERE repo_id = ? AND is_pull = ? AND state = ? ORDER BY id DESC LIMIT ? OFFSET ?",
        call.repo.id,
        int(pulls),
        state,
        limit,
        offset,
    )
    return [_row(call, issue) for issue in found]


def _list(call: Call, *, pulls: bool) -> Answer:
    state = call.query.choice("state", ("open", "closed"), "open")
    number = min(max(1, call.query.number("page", 1)), _LAST_PAGE)
    rows = listed(call, pulls=pulls, state=state, limit=_PER_PAGE + 1, offset=(number - 1) * _PER_PAGE)
    counted = "SELECT count(*) FROM issue WHERE repo_id = ? AND is_pull = ? AND state = ?"
    return page(
        call,
        "conversations",
        kind="pulls" if pulls else "issues",
        state=state,
        counts={name: call.db.count(counted, call.repo.id, int(pulls), name) for name in ("open", "closed")},
        rows=rows[:_PER_PAGE],
        number=number,
        older=number + 1 if len(rows) > _PER_PAGE else None,
    )


def _issue(call: Call) -> Issue:
    issue = issues.by_number(call.db, call.repo.id, call.number("number"))
    if issue is None:
        raise NotFoundError
    return issue


def _row(call: Call, issue: Issue) -> Row:
    pull = pulls.of_issue(call.db, issue.id) if issue.is_pull else None
    names = tuple(label.name for label in issues.labels_of(call.db, issue.id))
    return Row(issue=issue, state=_state(issue, pull), labels=names, pull=pull)


def _state(issue: Issue, pull: Pull | None) -> str:
    """One word: open, draft, merged or closed."""
    if pull and pull.merged_at:
        return "merged"
    return "draft" if pull and pull.draft and issue.state == "open" else issue.state


def _shared(call: Call, issue: Issue) -> dict[str, object]:
    row = _row(call, issue)
    milestone = issues.milestone_by_id(call.db, issue.milestone_id) if issue.milestone_id else None
    return {
        "issue": issue,
        "state": row.state,
        "labels": row.labels,
        "assignees": issues.assignees_of(call.db, issue.id),
        "milestone": milestone,
    }


def _entries(call: Call, issue: Issue, pull: Pull | None) -> list[Entry]:
    """Everything that happened, oldest first."""
    found = [
        Entry(
            at=row.created_at,
            kind="comment",
            actor_id=row.author_id,
            phrase="commented",
            anchor=f"issuecomment-{row.id}",
            body=row.body,
        )
        for row in issues.comments_of(call.db, issue.id)
    ]
    found += list(_reviews(call, pull)) if pull else []
    found += [_event(call, row) for row in issues.events_of(call.db, issue.id)]
    return sorted(found, key=lambda entry: entry.at)


def _reviews(call: Call, pull: Pull) -> Iterator[Entry]:
    """Submitted reviews, each with its remarks on lines."""
    remarks = pulls.review_comments_of(call.db, pull.id)
    for review in pulls.reviews_of(call.db, pull.id):
        if review.submitted_at:
            yield Entry(
                at=review.submitted_at,
                kind="review",
                actor_id=review.author_id,
                phrase="reviewed",
                anchor=f"pullrequestreview-{review.id}",
                body=review.body,
                state=review.state,
                commit_sha=review.commit_sha,
                remarks=_remarks(review, remarks),
            )


def _remarks(review: Review, remarks: list[ReviewComment]) -> tuple[ReviewComment, ...]:
    return tuple(remark for remark in remarks if remark.review_id == review.id)


def _event(call: Call, row: IssueEvent) -> Entry:
    verb = _PHRASES.get(row.kind, row.kind.replace("_", " "))
    details = " ".join(_told(call, name, value) for name, value in row.details.items())
    return Entry(
        at=row.created_at,
        kind="event",
        actor_id=row.actor_id,
        phrase=f"{verb} {details}".strip(),
        anchor=f"event-{row.id}",
        state=row.kind,
        commit_sha=row.commit_sha,
    )


def _told(call: Call, name: str, value: Json) -> str:
    """A detail of an event in words; empty when it says nothing."""
    match value:
        case int() if name.endswith("_id") and name != "review_requester_id":
            return call.view.account(value).login
        case {"name": str(text)} | {"title": str(text)}:
            return f"“{text}”"
        case {"from": str(old), "to": str(new)}:
            return f"from “{old}” to “{new}”"
        case str() if name == "state_reason":
            return f"as {value.replace('_', ' ')}"
        case str():
            return value
        case Mapping():
            return " ".join(_told(call, key, entry) for key, entry in value.items())
        case _:
            return ""
