"""Auto-merge: asked for while something stands against a merge, done for whoever asked once nothing does."""

import logging
from dataclasses import dataclass

from localforge import events
from localforge.access import Actor
from localforge.bus import Reaction, Subscriber
from localforge.errors import ForgeError
from localforge.events import Event
from localforge.forge import Forge
from localforge.issues.acting import Act
from localforge.pulls.merging import Method, Wish, merge
from localforge.pulls.messages import Wording
from localforge.pulls.readiness import readiness
from localforge.repositories import setting
from localforge.store import accounts, auto_merges, issues, pulls, repos
from localforge.store.auto_merges import AutoMerge
from localforge.store.issues import Issue
from localforge.store.pulls import Pull
from localforge.store.repos import Repository

log = logging.getLogger(__name__)

_METHODS: dict[str, Method] = {"merge": "merge", "squash": "squash", "rebase": "rebase"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """How to merge, and what to write; None where that is left to the defaults."""

    method: Method
    headline: str | None
    body: str | None
    author_email: str | None


def refusal(forge: Forge, repo: Repository, issue: Issue, pull: Pull) -> str | None:
    """Why auto-merge cannot be asked for, in GitHub's words."""
    if issue.state != "open":
        return "Pull request is closed"
    if not setting(repo, "allow_auto_merge"):
        return "Pull request Auto merge is not allowed for this repository"
    ready = readiness(forge, repo, issue, pull)
    if ready.state in {"clean", "unstable"}:
        return f"Pull request Pull request is in {ready.state} status"
    return None


def enable(act: Act, pull: Pull, request: Request) -> None:
    """Ask; an earlier request is replaced."""
    auto_merges.forget(act.tx, pull.id)
    act.tx.insert(
        "auto_merge",
        pull_id=pull.id,
        enabled_by_id=act.actor_id,
        enabled_at=act.at,
        method=request.method,
        headline=request.headline,
        body=request.body,
        author_email=request.author_email,
    )
    act.note("auto_merge_enabled")
    act.tell("auto_merge_enabled")


def disable(act: Act, pull: Pull) -> None:
    """Ask no more; nothing happens where nobody asked."""
    if auto_merges.of_pull(act.tx, pull.id):
        auto_merges.forget(act.tx, pull.id)
        act.note("auto_merge_disabled")
        act.tell("auto_merge_disabled")


def subscriber(forge: Forge) -> Subscriber:
    """Merges what may be merged after whatever could have changed that."""
    return Subscriber(name="auto-merge", react=lambda event, _event_id, at: _react(forge, event, at))


def _react(forge: Forge, event: Event, at: str) -> Reaction | None:
    """Merging is done here, outside the bus's transaction: told of the event again, the merge is refused as done."""
    match event:
        case events.PullRequestEvent(action="closed" | "edited"):
            return _forgotten(forge, event, at)
        case (
            events.StatusEvent()
            | events.CheckRunEvent()
            | events.CheckSuiteEvent()
            | events.PullRequestReviewEvent()
            | events.PullRequestEvent()
            | events.RepositoryEvent()
            | events.Push()
        ):
            for asked in auto_merges.waiting(forge.store.db, event.repo_id):
                _attempt(forge, event.repo_id, asked)
    return None


def _attempt(forge: Forge, repo_id: int, asked: AutoMerge) -> None:
    db = forge.store.db
    repo, pull = repos.by_id(db, repo_id), pulls.by_id(db, asked.pull_id)
    issue = issues.by_id(db, pull.issue_id)
    if repo is None:
        return
    if readiness(forge, repo, issue, pull).state not in {"clean", "unstable"}:
        return
    actor = Actor(user=accounts.by_id(db, asked.enabled_by_id), credential=None)
    wording = Wording(title=asked.headline, message=asked.body)
    try:
        merge(forge, repo, issue, actor, Wish(method=_METHODS[asked.method], wording=wording))
    except ForgeError as error:
        log.info("auto-merge of %s#%d: %s", repo.name, pull.number, error)


def _forgotten(forge: Forge, event: events.PullRequestEvent, at: str) -> Reaction | None:
    """Closed without a merge, or moved to another base: what was asked no longer stands."""
    db = forge.store.db
    issue = issues.by_number(db, event.repo_id, event.pull_number)
    if issue is None or (event.action == "edited" and "base" not in (event.changes or {})):
        return None
    pull = pulls.of_issue(db, issue.id)
    if pull.merged_at or not auto_merges.of_pull(db, pull.id):
        return None
    return lambda tx: disable(Act(tx=tx, issue=issue, actor_id=event.actor_id, at=at), pull)
