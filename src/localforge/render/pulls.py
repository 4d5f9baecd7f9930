"""Pull requests, reviews and remarks on lines."""

from localforge.git import refnames
from localforge.issues.people import association
from localforge.json_types import Json
from localforge.pulls.comparison import comparison
from localforge.pulls.readiness import readiness
from localforge.pulls.testmerge import known
from localforge.render.accounts import simple_user
from localforge.render.issues import issue_node_id, reactions, shared
from localforge.render.markdown import bodies
from localforge.render.repository import repository
from localforge.render.view import View
from localforge.store import auto_merges, pulls, repos
from localforge.store.issues import Issue
from localforge.store.pulls import Pull, Review, ReviewComment
from localforge.store.repos import Repository
from localforge.urls import node_id


def simple(view: View, repo: Repository, issue: Issue, pull: Pull, kind: str = "json") -> dict[str, Json]:
    """`pull-request-simple`: a pull request in a list."""
    api, page = _urls(view, repo, pull)
    issue_url = f"{view.urls.repo(view.full_name(repo))}/issues/{pull.number}"
    author = view.account(issue.author_id)
    statuses = f"{view.urls.repo(view.full_name(repo))}/statuses/{pull.head_sha}"
    review_comment = f"{view.urls.repo(view.full_name(repo))}/pulls/comments{{/number}}"
    return {
        "url": api,
        "id": pull.id,
        "node_id": issue_node_id(issue),
        "html_url": page,
        "diff_url": f"{page}.diff",
        "patch_url": f"{page}.patch",
        "issue_url": issue_url,
        "number": pull.number,
        "state": issue.state,
        "title": issue.title,
        "user": simple_user(view.urls, author),
        **bodies(issue.body, kind),
        "created_at": issue.created_at,
        "updated_at": issue.updated_at,
        "closed_at": issue.closed_at,
        "merged_at": pull.merged_at,
        "merge_commit_sha": _merge_sha(view, issue, pull),
        **shared(view, repo, issue),
        "requested_reviewers": [
            simple_user(view.urls, person) for person in pulls.requested_reviewers(view.db, pull.id)
        ],
        "requested_teams": [],
        "draft": pull.draft,
        "commits_url": f"{api}/commits",
        "review_comments_url": f"{api}/comments",
        "review_comment_url": review_comment,
        "comments_url": f"{issue_url}/comments",
        "statuses_url": statuses,
        "head": _head(view, repo, pull),
        "base": _base(view, repo, pull),
        "_links": _links(api, page, issue_url, statuses, review_comment),
        "author_association": association(view, repo, author),
        "auto_merge": _auto_merge(view, issue, pull),
    }


def _auto_merge(view: View, issue: Issue, pull: Pull) -> dict[str, Json] | None:
    """`auto-merge`; a title or message that was left to the defaults is shown as far as it is known before."""
    asked = auto_merges.of_pull(view.db, pull.id)
    if asked is None:
        return None
    return {
        "enabled_by": simple_user(view.urls, view.account(asked.enabled_by_id)),
        "merge_method": asked.method,
        "commit_title": asked.headline or issue.title,
        "commit_message": asked.body or "",
    }


def _links(api: str, page: str, issue_url: str, statuses: str, review_comment: str) -> dict[str, Json]:
    links = {
        "self": api,
        "html": page,
        "issue": issue_url,
        "comments": f"{issue_url}/comments",
        "review_comments": f"{api}/comments",
        "review_comment": review_comment,
        "commits": f"{api}/commits",
        "statuses": statuses,
    }
    return {name: {"href": href} for name, href in links.items()}


def full(view: View, repo: Repository, issue: Issue, pull: Pull, kind: str = "json") -> dict[str, Json]:
    """`pull-request`: one by itself. Whether it can be merged is found out now."""
    ready = readiness(view.forge, repo, issue, pull)
    counts = comparison(view.forge.git(repo.id), issue, pull)
    merger = view.account(pull.merged_by_id) if pull.merged_by_id else None
    return {
        **simple(view, repo, issue, pull, kind),
        "merge_commit_sha": ready.merge_sha,
        "merged": pull.merged_at is not None,
        "mergeable": ready.mergeable,
        "rebaseable": None,
        "mergeable_state": ready.state,
        "merged_by": simple_user(view.urls, merger) if merger else None,
        "comments": issue.comments,
        "review_comments": len(pulls.review_comments_of(view.db, pull.id)),
        "maintainer_can_modify": pull.maintainer_can_modify,
        "commits": counts.commits,
        "additions": counts.additions,
        "deletions": counts.deletions,
        "changed_files": counts.files,
    }


def review(view: View, repo: Repository, pull: Pull, item: Review, kind: str = "json") -> dict[str, Json]:
    """`pull-request-review`."""
    api, page = _urls(view, repo, pull)
    author = view.account(item.author_id)
    html = f"{page}#pullrequestreview-{item.id}"
    submitted: dict[str, Json] = {"submitted_at": item.submitted_at} if item.submitted_at else {}
    return {
        "id": item.id,
        "node_id": node_id("PRR", item.repo_id, item.id),
        "user": simple_user(view.urls, author),
        **bodies(item.body, kind),
        "state": item.state,
        "html_url": html,
        "pull_request_url": api,
        "author_association": association(view, repo, author),
        "_links": {"html": {"href": html}, "pull_request": {"href": api}},
        **submitted,
        "commit_id": item.commit_sha,
    }


def review_comment(
    view: View, repo: Repository, pull: Pull, item: ReviewComment, kind: str = "json"
) -> dict[str, Json]:
    """`pull-request-review-comment`. An outdated remark has no present line and position."""
    api, page = _urls(view, repo, pull)
    author = view.account(item.author_id)
    url = f"{view.urls.repo(view.full_name(repo))}/pulls/comments/{item.id}"
    html = f"{page}#discussion_r{item.id}"
    current = item.commit_sha == pull.head_sha
    places = {
        "line": item.line if current else None,
        "original_line": item.line,
        "position": item.position if current else None,
        "original_position": item.position,
        "in_reply_to_id": item.in_reply_to_id,
    }
    return {
        "url": url,
        "pull_request_review_id": item.review_id,
        "id": item.id,
        "node_id": node_id("PRRC", item.repo_id, item.id),
        "diff_hunk": item.diff_hunk,
        "path": item.path,
        "commit_id": pull.head_sha,
        "original_commit_id": item.commit_sha,
        "user": simple_user(view.urls, author),
        **bodies(item.body, kind),
        "created_at": item.created_at,
        "updated_at": item.updated_at,
        "html_url": html,
        "pull_request_url": api,
        "author_association": association(view, repo, author),
        "_links": {"self": {"href": url}, "html": {"href": html}, "pull_request": {"href": api}},
        "reactions": reactions(url, {}),
        "start_line": item.start_line if current else None,
        "original_start_line": item.start_line,
        "start_side": item.start_side,
        "side": item.side,
        "subject_type": item.subject_type,
        **{name: value for name, value in places.items() if value is not None},
    }


def _urls(view: View, repo: Repository, pull: Pull) -> tuple[str, str]:
    full_name = view.full_name(repo)
    return f"{view.urls.repo(full_name)}/pulls/{pull.number}", view.urls.page(full_name, "pull", pull.number)


def _merge_sha(view: View, issue: Issue, pull: Pull) -> str | None:
    """The merge's commit; of an open pull request the test merge's, if it was tried."""
    if issue.state != "open":
        return pull.merge_commit_sha
    base = refnames.branch_sha(view.forge.git(pull.repo_id), pull.base_ref)
    test = known(view.db, pull, base) if base else None
    return test.merge_sha if test else None


def _head(view: View, repo: Repository, pull: Pull) -> dict[str, Json]:
    owner = view.account(pull.head_owner_id)
    source = repo if pull.head_repo_id == repo.id else None
    if source is None and pull.head_repo_id:
        source = repos.by_id(view.db, pull.head_repo_id)
    return {
        "label": f"{owner.login}:{pull.head_ref}",
        "ref": pull.head_ref,
        "sha": pull.head_sha,
        "user": simple_user(view.urls, owner),
        "repo": repository(view, source) if source else None,
    }


def _base(view: View, repo: Repository, pull: Pull) -> dict[str, Json]:
    owner = view.account(repo.owner_id)
    return {
        "label": f"{owner.login}:{pull.base_ref}",
        "ref": pull.base_ref,
        "sha": pull.base_sha,
        "user": simple_user(view.urls, owner),
        "repo": repository(view, repo),
    }
