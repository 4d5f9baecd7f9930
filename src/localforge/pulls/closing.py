"""Issues that a text closes: `Fixes #7`, `closes owner/name#7`, `Resolves: https://host/owner/name/issues/7`."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from localforge.access import Role, role_on
from localforge.issues.acting import Act
from localforge.issues.editing import close
from localforge.store import accounts, issues, repos
from localforge.store.database import Tx
from localforge.store.repos import Repository

_CLOSING = re.compile(
    r"\b(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?):?\s+"
    r"(?:(?P<repo>[\w.-]+/[\w.-]+)?#|https?://[^/\s]+/(?P<url>[\w.-]+/[\w.-]+)/issues/)(?P<number>\d{1,9})\b",
    re.IGNORECASE,
)
_CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mention:
    """An issue that a text closes; `repo` is `owner/name`, or None for the repository the text is in."""

    repo: str | None
    number: int


def closes(text: str) -> Iterator[Mention]:
    """The issues that the text closes, in order; what stands in code does not count."""
    for found in _CLOSING.finditer(_CODE.sub(" ", text)):
        yield Mention(repo=found["repo"] or found["url"], number=int(found["number"]))


def close_named(
    tx: Tx, repo: Repository, text: str, *, actor_id: int, at: str, commit_sha: str | None
) -> None:
    """Close the open issues that the text names, where the actor may triage."""
    actor = accounts.by_id(tx, actor_id)
    for mention in closes(text):
        target = repos.by_name(tx, *mention.repo.split("/", 1)) if mention.repo else repo
        if target is None or role_on(tx, target, actor) < Role.TRIAGE:
            continue
        issue = issues.by_number(tx, target.id, mention.number)
        if issue and not issue.is_pull and issue.state == "open":
            close(Act(tx=tx, issue=issue, actor_id=actor_id, at=at), commit_sha=commit_sha)
