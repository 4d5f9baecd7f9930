"""The commits that a merge makes: titles, bodies and people, by GitHub's defaults and the repository's settings."""

from collections.abc import Sequence
from dataclasses import dataclass

from localforge.git.objects import Commit, Ident
from localforge.repositories import setting
from localforge.store.issues import Issue
from localforge.store.pulls import Pull
from localforge.store.repos import Repository


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """What the person who merges wrote; None where they leave it to the defaults."""

    title: str | None = None
    message: str | None = None


def merge_message(repo: Repository, issue: Issue, pull: Pull, head_owner: str, wording: Wording) -> str:
    """The message of a merge commit."""
    by_default = setting(repo, "merge_commit_title") == "MERGE_MESSAGE"
    title = (
        f"Merge pull request #{issue.number} from {head_owner}/{pull.head_ref}"
        if by_default
        else f"{issue.title} (#{issue.number})"
    )
    bodies = {"PR_TITLE": issue.title, "PR_BODY": issue.body or "", "BLANK": ""}
    body = bodies[str(setting(repo, "merge_commit_message"))]
    return _joined(title, body, wording)


def squash_message(repo: Repository, issue: Issue, commits: Sequence[Commit], wording: Wording) -> str:
    """The message of the one commit that stands for `commits` (oldest first)."""
    single = commits[0].message.strip() if len(commits) == 1 else None
    title = issue.title
    if single is not None and setting(repo, "squash_merge_commit_title") == "COMMIT_OR_PR_TITLE":
        title = single.partition("\n")[0]
    match setting(repo, "squash_merge_commit_message"):
        case "PR_BODY":
            body = issue.body or ""
        case "BLANK":
            body = ""
        case _ if single is not None:
            body = single.partition("\n")[2].strip()
        case _:
            body = "\n\n".join(f"* {commit.message.strip()}" for commit in commits)
    return _joined(f"{title} (#{issue.number})", body, wording)


def with_co_authors(message: str, author: Ident, commits: Sequence[Commit]) -> str:
    """The message, followed by everybody else whose commits it stands for."""
    others = {commit.author.email: commit.author for commit in commits if commit.author.email != author.email}
    trailers = [f"Co-authored-by: {person.name} <{person.email}>" for person in others.values()]
    fresh = [line for line in trailers if line not in message]
    if not fresh:
        return message
    separator = "\n\n---------\n\n" if len(commits) > 1 else "\n\n"
    return message + separator + "\n".join(fresh)


def _joined(title: str, body: str, wording: Wording) -> str:
    title = title if wording.title is None else wording.title
    body = body if wording.message is None else wording.message
    return f"{title}\n\n{body}".strip() if body.strip() else title
