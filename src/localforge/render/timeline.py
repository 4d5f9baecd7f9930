"""An issue's history as `issue-event-for-issue` and as the timeline, where comments, reviews and commits join."""

from localforge.git.history import Walk, oldest_first
from localforge.json_types import Json
from localforge.render import issues as render
from localforge.render.accounts import simple_user
from localforge.render.commits import git_commit
from localforge.render.pulls import review as render_review
from localforge.render.view import View
from localforge.store import issues, pulls
from localforge.store.issues import Issue, IssueEvent
from localforge.store.repos import Repository
from localforge.urls import node_id

_PREFIXES = {
    "closed": "CE",
    "reopened": "REE",
    "labeled": "LE",
    "unlabeled": "UNLE",
    "assigned": "AE",
    "unassigned": "UNAE",
    "renamed": "RTE",
    "locked": "LOE",
    "unlocked": "UNLOE",
    "milestoned": "MIE",
    "demilestoned": "DEME",
    "merged": "ME",
}


def event(view: View, repo: Repository, item: IssueEvent) -> dict[str, Json]:
    """One event, with what its kind adds."""
    api = view.urls.repo(view.full_name(repo))
    commit_url = f"{api}/commits/{item.commit_sha}" if item.commit_sha else None
    return {
        "id": item.id,
        "node_id": node_id(_PREFIXES.get(item.kind, "EV"), item.repo_id, item.id),
        "url": f"{api}/issues/events/{item.id}",
        "actor": simple_user(view.urls, view.account(item.actor_id)),
        "event": item.kind,
        "commit_id": item.commit_sha,
        "commit_url": commit_url,
        "created_at": item.created_at,
        "performed_via_github_app": None,
        **_added(view, item),
    }


def timeline(view: View, repo: Repository, item: Issue) -> list[dict[str, Json]]:
    """Everything that happened, oldest first; things of the same second in the order of their kinds below."""
    entries: list[tuple[str, int, dict[str, Json]]] = []
    if item.is_pull:
        entries += _of_pull(view, repo, item)
    for row in issues.comments_of(view.db, item.id):
        shown = render.comment(view, repo, item, row)
        entries.append((row.created_at, 1, {"event": "commented", "actor": shown["user"], **shown}))
    entries += [(row.created_at, 3, event(view, repo, row)) for row in issues.events_of(view.db, item.id)]
    return [shown for _, _, shown in sorted(entries, key=lambda entry: entry[:2])]


def _of_pull(view: View, repo: Repository, item: Issue) -> list[tuple[str, int, dict[str, Json]]]:
    pull = pulls.of_issue(view.db, item.id)
    walk = Walk(include=(pull.head_sha,), exclude=(pull.base_sha,))
    entries: list[tuple[str, int, dict[str, Json]]] = [
        (commit.committer.date, 0, {"event": "committed", **git_commit(view, repo, commit)})
        for commit in oldest_first(view.forge.git(repo.id), walk)
    ]
    for row in pulls.reviews_of(view.db, pull.id):
        if row.submitted_at:
            shown = render_review(view, repo, pull, row)
            entries.append((row.submitted_at, 2, {"event": "reviewed", **shown}))
    return entries


def _added(view: View, item: IssueEvent) -> dict[str, Json]:
    """The details, with accounts in place of their ids."""
    added: dict[str, Json] = {}
    for name, value in item.details.items():
        if name.endswith("_id") and isinstance(value, int):
            added[name.removesuffix("_id")] = simple_user(view.urls, view.account(value))
        else:
            added[name] = value
    if "assignee" in added and item.kind in {"assigned", "unassigned"}:
        added["assigner"] = simple_user(view.urls, view.account(item.actor_id))
    return added
