"""Diffs and patches as plain text: what addresses of pages that end in `.diff` or `.patch` lead to."""

from collections.abc import Callable

from localforge.call import Answer, Call, text
from localforge.errors import NotFoundError
from localforge.git import refnames
from localforge.git.diff import mail, mailbox, parent_tree, unified
from localforge.git.objects import commit
from localforge.pulls.comparison import comparison
from localforge.store import issues, pulls

PLAIN = "text/plain; charset=utf-8"


def form_of(name: str) -> str:
    """`diff` or `patch` when an address ends so; empty otherwise."""
    form = name.rpartition(".")[2]
    return form if form in {"diff", "patch"} and name != form else ""


def pull_text(call: Call, name: str) -> Answer:
    """`7.diff` or `7.patch`: the changes of a pull request."""
    number, _, form = name.rpartition(".")
    found = (
        pulls.by_number(call.db, call.repo.id, int(number))
        if number.isdecimal() and len(number) < 10
        else None
    )
    if found is None:
        raise NotFoundError
    span = comparison(call.git, issues.by_id(call.db, found.issue_id), found)
    return between(call, form, span.start, span.head)


def commit_text(call: Call, name: str) -> Answer:
    """`<sha>.diff` or `<sha>.patch`: the changes of a commit against its first parent."""
    ref, _, form = name.rpartition(".")
    sha = refnames.commit_sha(call.git, ref)
    item = commit(call.git, sha) if sha else None
    if item is None:
        raise NotFoundError
    shown = mail(call.git, item.sha) if form == "patch" else unified(call.git, parent_tree(item), item.sha)
    return text(shown, PLAIN)


def between(call: Call, form: str, start: str, head: str) -> Answer:
    """What a head has over a start."""
    write: Callable[..., bytes] = mailbox if form == "patch" else unified
    return text(write(call.git, start, head), PLAIN)
