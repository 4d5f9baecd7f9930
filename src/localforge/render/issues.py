"""Issues, comments, labels and milestones."""

from collections.abc import Mapping, Sequence
from urllib.parse import quote

from localforge.issues.people import association
from localforge.json_types import Json
from localforge.render.accounts import simple_user
from localforge.render.apps import app
from localforge.render.markdown import bodies
from localforge.render.view import View
from localforge.store import apps, issues, pulls
from localforge.store.accounts import Account
from localforge.store.issues import Comment, Issue, Label, Milestone
from localforge.store.reactions import CONTENTS, counts
from localforge.store.repos import Repository
from localforge.urls import node_id


def issue_node_id(item: Issue) -> str:
    """The issue's global id; for a pull request that of its issue side's row, as `PR_…`."""
    return node_id("PR" if item.is_pull else "I", item.repo_id, item.id)


def issue_page(view: View, repo: Repository, item: Issue) -> str:
    """The web page of the issue or pull request."""
    return view.urls.page(view.full_name(repo), "pull" if item.is_pull else "issues", item.number)


def issue(view: View, repo: Repository, item: Issue, kind: str = "json") -> dict[str, Json]:
    """`issue`. `kind` is the media type asked for: `html`, `text` and `full` add renderings of the body."""
    api = view.urls.repo(view.full_name(repo))
    url = f"{api}/issues/{item.number}"
    author = view.account(item.author_id)
    return {
        "url": url,
        "repository_url": api,
        "labels_url": f"{url}/labels{{/name}}",
        "comments_url": f"{url}/comments",
        "events_url": f"{url}/events",
        "html_url": issue_page(view, repo, item),
        "id": item.id,
        "node_id": issue_node_id(item),
        "number": item.number,
        "title": item.title,
        "user": simple_user(view.urls, author),
        **shared(view, repo, item),
        "state": item.state,
        "comments": item.comments,
        "created_at": item.created_at,
        "updated_at": item.updated_at,
        "closed_at": item.closed_at,
        "author_association": association(view, repo, author),
        "type": None,
        **(_pull(view, repo, item) if item.is_pull else {}),
        **bodies(item.body, kind),
        "closed_by": simple_user(view.urls, view.account(item.closed_by_id)) if item.closed_by_id else None,
        "reactions": reactions(url, counts(view.db, "issue", item.id)),
        "timeline_url": f"{url}/timeline",
        "performed_via_github_app": _via_app(view, author),
        "state_reason": item.state_reason,
    }


def shared(view: View, repo: Repository, item: Issue) -> dict[str, Json]:
    """What an issue and a pull request both show: labels, people, milestone, lock."""
    people: Sequence[Account] = issues.assignees_of(view.db, item.id)
    milestone_row = issues.milestone_by_id(view.db, item.milestone_id) if item.milestone_id else None
    return {
        "labels": [label(view, repo, entry) for entry in issues.labels_of(view.db, item.id)],
        "locked": item.locked,
        "active_lock_reason": item.lock_reason,
        "assignee": simple_user(view.urls, people[0]) if people else None,
        "assignees": [simple_user(view.urls, person) for person in people],
        "milestone": milestone(view, repo, milestone_row) if milestone_row else None,
    }


def _pull(view: View, repo: Repository, item: Issue) -> dict[str, Json]:
    pull = pulls.of_issue(view.db, item.id)
    page = issue_page(view, repo, item)
    return {
        "draft": pull.draft,
        "pull_request": {
            "url": f"{view.urls.repo(view.full_name(repo))}/pulls/{item.number}",
            "html_url": page,
            "diff_url": f"{page}.diff",
            "patch_url": f"{page}.patch",
            "merged_at": pull.merged_at,
        },
    }


def comment(
    view: View, repo: Repository, issue_row: Issue, item: Comment, kind: str = "json"
) -> dict[str, Json]:
    """`issue-comment`."""
    api = view.urls.repo(view.full_name(repo))
    author = view.account(item.author_id)
    url = f"{api}/issues/comments/{item.id}"
    return {
        "url": url,
        "html_url": f"{issue_page(view, repo, issue_row)}#issuecomment-{item.id}",
        "issue_url": f"{api}/issues/{issue_row.number}",
        "id": item.id,
        "node_id": node_id("IC", item.repo_id, item.id),
        "user": simple_user(view.urls, author),
        "created_at": item.created_at,
        "updated_at": item.updated_at,
        **bodies(item.body, kind),
        "author_association": association(view, repo, author),
        "reactions": reactions(url, counts(view.db, "comment", item.id)),
        "performed_via_github_app": _via_app(view, author),
    }


def label(view: View, repo: Repository, item: Label) -> dict[str, Json]:
    """`label`; newer clients also demand to know that it is not archived, which labels of the forge never are."""
    return {
        "id": item.id,
        "node_id": node_id("LA", item.repo_id, item.id),
        "url": f"{view.urls.repo(view.full_name(repo))}/labels/{quote(item.name)}",
        "name": item.name,
        "color": item.color,
        "default": item.is_default,
        "description": item.description,
        "archived_at": None,
        "archived_by": None,
    }


def milestone(view: View, repo: Repository, item: Milestone) -> dict[str, Json]:
    """`milestone`."""
    full_name = view.full_name(repo)
    url = f"{view.urls.repo(full_name)}/milestones/{item.number}"
    counted = "SELECT count(*) FROM issue WHERE milestone_id = ? AND state = ?"
    return {
        "url": url,
        "html_url": view.urls.page(full_name, "milestone", item.number),
        "labels_url": f"{url}/labels",
        "id": item.id,
        "node_id": node_id("MI", item.repo_id, item.id),
        "number": item.number,
        "title": item.title,
        "description": item.description,
        "creator": simple_user(view.urls, view.account(item.creator_id)),
        "open_issues": view.db.count(counted, item.id, "open"),
        "closed_issues": view.db.count(counted, item.id, "closed"),
        "state": item.state,
        "created_at": item.created_at,
        "updated_at": item.updated_at,
        "due_on": item.due_on,
        "closed_at": item.closed_at,
    }


def _via_app(view: View, author: Account) -> dict[str, Json] | None:
    """The App whose bot wrote it."""
    found = apps.by_bot(view.db, author.id) if author.kind == "Bot" else None
    return app(view, found) if found else None


def reactions(url: str, given: Mapping[str, int]) -> dict[str, Json]:
    """`reaction-rollup`; how often each was given."""
    counted = {**dict.fromkeys(CONTENTS, 0), **given}
    return {"url": f"{url}/reactions", "total_count": sum(counted.values()), **counted}
