"""Domain events: what changed, by ids. Written to the outbox in the transaction that changed it.

Each event names its repository and its actor (account ids); subscribers read the rest from the store and
git. To add one, write a dataclass and list it in `Event`; its name is what the outbox stores.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias, get_args

from localforge.json_types import JsonObject

ZERO_SHA = "0" * 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """A branch or tag moved, appeared (`before` is zeros) or vanished (`after` is zeros)."""

    repo_id: int
    actor_id: int
    ref: str
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateEvent:
    """A branch or tag was created."""

    repo_id: int
    actor_id: int
    ref: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteEvent:
    """A branch or tag was deleted."""

    repo_id: int
    actor_id: int
    ref: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryEvent:
    """created, deleted, archived, unarchived, edited, renamed (`old_name`), publicized, privatized."""

    repo_id: int
    actor_id: int
    action: str
    old_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PullRequestEvent:
    """opened, closed, reopened, synchronize (`before`, `after`), edited, labeled, review_requested …

    `changes` is what an edit replaced, as GitHub tells it: `{"title": {"from": …}}`; `subject_id` who was assigned
    or asked for a review, or the milestone.
    """

    repo_id: int
    actor_id: int
    action: str
    pull_number: int
    before: str | None = None
    after: str | None = None
    label: str | None = None
    subject_id: int | None = None
    changes: JsonObject | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PullRequestReviewEvent:
    """submitted, edited, dismissed."""

    repo_id: int
    actor_id: int
    action: str
    pull_number: int
    review_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PullRequestReviewCommentEvent:
    """created, edited, deleted: a remark on a line."""

    repo_id: int
    actor_id: int
    action: str
    pull_number: int
    comment_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuesEvent:
    """opened, closed, reopened, edited (`changes`), labeled (`label`), assigned, milestoned …

    `subject_id` is who was assigned, or the milestone.
    """

    repo_id: int
    actor_id: int
    action: str
    issue_number: int
    label: str | None = None
    subject_id: int | None = None
    changes: JsonObject | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueCommentEvent:
    """created, edited (`changes`), deleted; on issues and on pull requests."""

    repo_id: int
    actor_id: int
    action: str
    issue_number: int
    comment_id: int
    changes: JsonObject | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusEvent:
    """A commit status was reported."""

    repo_id: int
    actor_id: int
    status_id: int
    sha: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckRunEvent:
    """created, completed, rerequested."""

    repo_id: int
    actor_id: int
    action: str
    check_run_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckSuiteEvent:
    """requested, completed, rerequested."""

    repo_id: int
    actor_id: int
    action: str
    check_suite_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowRunEvent:
    """requested, in_progress, completed."""

    repo_id: int
    actor_id: int
    action: str
    run_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowJobEvent:
    """queued, in_progress, completed."""

    repo_id: int
    actor_id: int
    action: str
    job_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HookEvent:
    """Something was asked of one webhook: ping, test (the latest push), redeliver (`delivery_id`).

    `repo_id` is 0 for an organization's hook and an App's.
    """

    repo_id: int
    actor_id: int
    hook_id: int
    action: str
    delivery_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ForkEvent:
    """Somebody made a fork."""

    repo_id: int
    actor_id: int
    fork_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseEvent:
    """published, edited."""

    repo_id: int
    actor_id: int
    action: str
    release_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallationEvent:
    """created, deleted, suspend, unsuspend; added and removed are of repositories. `repo_id` is 0."""

    repo_id: int
    actor_id: int
    action: str
    installation_id: int
    added: Sequence[int] = ()
    removed: Sequence[int] = ()


Event: TypeAlias = (
    Push
    | CreateEvent
    | DeleteEvent
    | RepositoryEvent
    | PullRequestEvent
    | PullRequestReviewEvent
    | PullRequestReviewCommentEvent
    | IssuesEvent
    | IssueCommentEvent
    | StatusEvent
    | CheckRunEvent
    | CheckSuiteEvent
    | WorkflowRunEvent
    | WorkflowJobEvent
    | HookEvent
    | InstallationEvent
    | ForkEvent
    | ReleaseEvent
)

_KINDS: dict[str, type[Event]] = {kind.__name__: kind for kind in get_args(Event)}


def revive(kind: str, payload: JsonObject) -> Event:
    """The event that the outbox stored under this kind."""
    return _KINDS[kind](**payload)  # type: ignore[arg-type]
