"""One person acting on one issue or pull request, inside one transaction."""

from dataclasses import dataclass

from localforge.events import IssueCommentEvent, IssuesEvent, PullRequestEvent
from localforge.json_types import Json, JsonObject
from localforge.store.database import Tx
from localforge.store.issues import Issue


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """Who does something to which issue, and when; what they do is written through `tx`."""

    tx: Tx
    issue: Issue
    actor_id: int
    at: str

    def tell(
        self,
        action: str,
        *,
        label: str | None = None,
        subject_id: int | None = None,
        changes: JsonObject | None = None,
    ) -> None:
        """Emit the event: of an issue, or of a pull request."""
        if self.issue.is_pull:
            self.tx.emit(
                PullRequestEvent(
                    repo_id=self.issue.repo_id,
                    actor_id=self.actor_id,
                    action=action,
                    pull_number=self.issue.number,
                    label=label,
                    subject_id=subject_id,
                    changes=changes,
                )
            )
        else:
            self.tx.emit(
                IssuesEvent(
                    repo_id=self.issue.repo_id,
                    actor_id=self.actor_id,
                    action=action,
                    issue_number=self.issue.number,
                    label=label,
                    subject_id=subject_id,
                    changes=changes,
                )
            )

    def tell_comment(self, action: str, comment_id: int, changes: JsonObject | None = None) -> None:
        """Emit the event of a comment."""
        self.tx.emit(
            IssueCommentEvent(
                repo_id=self.issue.repo_id,
                actor_id=self.actor_id,
                action=action,
                issue_number=self.issue.number,
                comment_id=comment_id,
                changes=changes,
            )
        )

    def note(self, kind: str, *, commit_sha: str | None = None, **details: Json) -> None:
        """Add a line to the issue's history."""
        self.tx.insert(
            "issue_event",
            repo_id=self.issue.repo_id,
            issue_id=self.issue.id,
            actor_id=self.actor_id,
            kind=kind,
            commit_sha=commit_sha,
            details=details,
            created_at=self.at,
        )

    def change(self, **columns: Json) -> None:
        """Set columns of the issue, which counts as an update of it."""
        self.tx.update("issue", self.issue.id, updated_at=self.at, **columns)
