"""The event's JSON as a run keeps it: what `github.event` and the event file show.

The forge's address may change between restarts, so stored payloads name it by a placeholder.
"""

from collections.abc import Mapping
from typing import cast

from localforge.events import ZERO_SHA, Push
from localforge.git import objects
from localforge.git.objects import Commit, Ident
from localforge.json_types import Json, decode, encode
from localforge.render.accounts import simple_user
from localforge.render.pulls import full
from localforge.render.repository import repository
from localforge.render.view import View
from localforge.store.issues import Issue
from localforge.store.pulls import Pull
from localforge.store.repos import Repository
from localforge.urls import Urls

_NOWHERE = "http://forge.invalid"
PLACEHOLDER = Urls(origin=_NOWHERE, api=f"{_NOWHERE}/api/v3")


def at_address(payload: Mapping[str, Json], origin: str) -> Mapping[str, Json]:
    """The payload with the forge's present address."""
    text = encode(payload).decode().replace(_NOWHERE, origin)
    return cast("Mapping[str, Json]", decode(text))


def push_payload(view: View, repo: Repository, event: Push) -> dict[str, Json]:
    """`push`: refs and the head commit. Of the commits pushed only the head is told."""
    sender = view.account(event.actor_id)
    head = None if event.after == ZERO_SHA else objects.commit(view.forge.git(repo.id), event.after)
    rendered = _commit(view, repo, head) if head else None
    return {
        "ref": event.ref,
        "before": event.before,
        "after": event.after,
        "base_ref": None,
        "created": event.before == ZERO_SHA,
        "deleted": event.after == ZERO_SHA,
        "forced": False,
        "compare": view.urls.page(
            view.full_name(repo), "compare", f"{event.before[:12]}...{event.after[:12]}"
        ),
        "commits": [rendered] if rendered else [],
        "head_commit": rendered,
        "pusher": {"name": sender.login, "email": sender.email},
        **_about(view, repo, event.actor_id),
    }


def pull_payload(
    view: View, repo: Repository, issue: Issue, pull: Pull, *, action: str, actor_id: int
) -> dict[str, Json]:
    """`pull_request`: the action and the pull request as it is now."""
    return {
        "action": action,
        "number": pull.number,
        "pull_request": full(view, repo, issue, pull),
        **_about(view, repo, actor_id),
    }


def dispatch_payload(
    view: View, repo: Repository, ref: str, path: str, inputs: Mapping[str, Json], actor_id: int
) -> dict[str, Json]:
    """`workflow_dispatch`: the ref, the file and the inputs."""
    return {"ref": ref, "workflow": path, "inputs": dict(inputs), **_about(view, repo, actor_id)}


def _about(view: View, repo: Repository, actor_id: int) -> dict[str, Json]:
    owner = view.account(repo.owner_id)
    about: dict[str, Json] = {
        "repository": repository(view, repo),
        "sender": simple_user(view.urls, view.account(actor_id)),
    }
    if owner.kind == "Organization":
        about["organization"] = {"login": owner.login, "id": owner.id}
    return about


def _commit(view: View, repo: Repository, commit: Commit) -> dict[str, Json]:
    return {
        "id": commit.sha,
        "tree_id": commit.tree,
        "message": commit.message.rstrip("\n"),
        "timestamp": commit.committer.date,
        "url": view.urls.page(view.full_name(repo), "commit", commit.sha),
        "author": _ident(commit.author),
        "committer": _ident(commit.committer),
    }


def _ident(ident: Ident) -> dict[str, Json]:
    return {"name": ident.name, "email": ident.email}
