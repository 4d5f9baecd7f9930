"""The payload of a push: its commits with the paths that each changed."""

from localforge.events import ZERO_SHA, Push
from localforge.git import objects, refnames
from localforge.git.directory import GitDir
from localforge.git.history import Walk, is_ancestor, oldest_first
from localforge.git.objects import Commit, Ident
from localforge.json_types import Json
from localforge.moment import to_epoch
from localforge.render.accounts import simple_user
from localforge.render.commits import account_of, message
from localforge.render.repository import repository
from localforge.render.view import View
from localforge.store.repos import Repository

MOST_COMMITS = 2048
_KINDS = {"A": "added", "D": "removed", "M": "modified", "T": "modified"}


def push(view: View, repo: Repository, event: Push) -> dict[str, Json]:
    """`push`, with its own kind of repository: times in seconds, the owner with an address."""
    git, full_name = view.forge.git(repo.id), view.full_name(repo)
    created, deleted = event.before == ZERO_SHA, event.after == ZERO_SHA
    pusher, owner = view.account(event.actor_id), view.account(repo.owner_id)
    head = None if deleted else _peeled(git, event.after)
    commits = _new_commits(git, event, head)
    shown: dict[str, Json] = repository(view, repo)
    told: dict[str, Json] = {
        "created_at": to_epoch(repo.created_at),
        "pushed_at": to_epoch(repo.pushed_at),
        "stargazers": 0,
        "master_branch": refnames.head_branch(git),
        "owner": {**simple_user(view.urls, owner), "name": owner.login, "email": owner.email},
    }
    return {
        "ref": event.ref,
        "before": event.before,
        "after": event.after,
        "repository": {**shown, **told},
        "pusher": {"name": pusher.login, "email": pusher.email},
        "created": created,
        "deleted": deleted,
        "forced": not created and not deleted and not is_ancestor(git, event.before, event.after),
        "base_ref": None,
        "compare": _compare(view, full_name, event, created=created),
        "commits": [_commit(view, git, full_name, item) for item in commits],
        "head_commit": _commit(view, git, full_name, head) if head else None,
    }


def _compare(view: View, full_name: str, event: Push, *, created: bool) -> str:
    if created:
        name = event.ref.removeprefix(refnames.BRANCH).removeprefix(refnames.TAG)
        return view.urls.page(full_name, "compare", name)
    return view.urls.page(full_name, "compare", f"{event.before[:12]}...{event.after[:12]}")


def _peeled(git: GitDir, sha: str) -> Commit | None:
    """The commit that a branch or (annotated) tag is at."""
    found = git.info(f"{sha}^{{commit}}")
    return objects.commit(git, found[0]) if found else None


def _new_commits(git: GitDir, event: Push, head: Commit | None) -> list[Commit]:
    """What the push brought, oldest first; a new branch brings what no other branch has."""
    if head is None or not event.ref.startswith(refnames.BRANCH):
        return []
    known = [event.before]
    if event.before == ZERO_SHA:
        known = [ref.sha for ref in refnames.refs(git, refnames.BRANCH) if ref.name != event.ref]
    return oldest_first(git, Walk(include=(head.sha,), exclude=known))[-MOST_COMMITS:]


def _commit(view: View, git: GitDir, full_name: str, item: Commit) -> dict[str, Json]:
    paths: dict[str, list[Json]] = {"added": [], "removed": [], "modified": []}
    listing = git.text("diff-tree", "-r", "--root", "--name-status", "--no-commit-id", item.sha)
    for line in listing.splitlines():
        letter, _, path = line.partition("\t")
        paths[_KINDS[letter[0]]].append(path)
    return {
        "id": item.sha,
        "tree_id": item.tree,
        "distinct": True,
        "message": message(item),
        "timestamp": item.committer.date,
        "url": view.urls.page(full_name, "commit", item.sha),
        "author": _person(view, item.author),
        "committer": _person(view, item.committer),
        **paths,
    }


def _person(view: View, ident: Ident) -> dict[str, Json]:
    account = account_of(view, ident)
    known: dict[str, Json] = {"username": account.login} if account else {}
    return {"name": ident.name, "email": ident.email, "date": ident.date, **known}
