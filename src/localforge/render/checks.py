"""Check suites, check runs and annotations."""

from urllib.parse import quote

from localforge.git.objects import Commit, Ident, commit
from localforge.json_types import Json
from localforge.render.accounts import simple_user
from localforge.render.apps import app as render_app
from localforge.render.commits import message
from localforge.render.repository import repository
from localforge.render.view import View
from localforge.store import accounts, apps, checks
from localforge.store import actions as workflows
from localforge.store.checks import ACTIONS_APP, Annotation, CheckRun, CheckSuite
from localforge.store.pulls import Pull
from localforge.store.repos import Repository
from localforge.urls import node_id


def app_id(view: View, slug: str) -> int:
    """The id of the App that reports."""
    return apps.reporter_id(view.db, slug)


def run(view: View, repo: Repository, item: CheckRun) -> dict[str, Json]:
    """`check-run`."""
    url = f"{view.urls.repo(view.full_name(repo))}/check-runs/{item.id}"
    page = run_page(view, repo, item)
    return {
        "id": item.id,
        "name": item.name,
        "node_id": node_id("CR", item.repo_id, item.id),
        "head_sha": item.head_sha,
        "external_id": item.external_id,
        "url": url,
        "html_url": page,
        "details_url": item.details_url or page,
        "status": item.status,
        "conclusion": item.conclusion,
        "started_at": item.started_at,
        "completed_at": item.completed_at,
        "output": {
            "title": item.title,
            "summary": item.summary,
            "text": item.text,
            "annotations_count": len(checks.annotations(view.db, item.id)),
            "annotations_url": f"{url}/annotations",
        },
        "check_suite": {"id": item.suite_id},
        "app": app(view, item.app),
        "pull_requests": pulls_of_head(view, repo, item.head_sha),
    }


def suite(view: View, repo: Repository, item: CheckSuite) -> dict[str, Json]:
    """`check-suite`."""
    url = f"{view.urls.repo(view.full_name(repo))}/check-suites/{item.id}"
    head = commit(view.forge.git(repo.id), item.head_sha)
    return {
        **short_suite(view, repo, item),
        "repository": repository(view, repo),
        "head_commit": simple_commit(head) if head else None,
        "latest_check_runs_count": len(checks.runs_of_suite(view.db, item.id)),
        "check_runs_url": f"{url}/check-runs",
        "rerequestable": True,
        "runs_rerequestable": True,
    }


def short_suite(view: View, repo: Repository, item: CheckSuite) -> dict[str, Json]:
    """A suite as a webhook's check run shows it."""
    return {
        "id": item.id,
        "node_id": node_id("CS", item.repo_id, item.id),
        "head_branch": item.head_branch,
        "head_sha": item.head_sha,
        "status": item.status,
        "conclusion": item.conclusion,
        "url": f"{view.urls.repo(view.full_name(repo))}/check-suites/{item.id}",
        "before": item.before,
        "after": item.after,
        "pull_requests": pulls_of_head(view, repo, item.head_sha),
        "app": app(view, item.app),
        "created_at": item.created_at,
        "updated_at": item.updated_at,
    }


def annotation(view: View, repo: Repository, item: CheckRun, remark: Annotation) -> dict[str, Json]:
    """`check-annotation`."""
    page = view.urls.page(view.full_name(repo))
    return {
        "path": remark.path,
        "blob_href": f"{page}/blob/{item.head_sha}/{quote(remark.path)}",
        "start_line": remark.start_line,
        "start_column": remark.start_column,
        "end_line": remark.end_line,
        "end_column": remark.end_column,
        "annotation_level": remark.annotation_level,
        "title": remark.title,
        "message": remark.message,
        "raw_details": remark.raw_details,
    }


def app(view: View, slug: str) -> dict[str, Json]:
    """`integration`: the app that reports. Somebody who reports with a token stands for an app of theirs."""
    registered = apps.by_slug(view.db, slug)
    if registered:
        return render_app(view, registered)
    account = accounts.by_login(view.db, slug)
    number = app_id(view, slug)
    owner = simple_user(view.urls, account) if account else _actions_owner(view)
    created = account.created_at if account else "2018-07-30T09:30:17Z"
    return {
        "id": number,
        "slug": slug,
        "node_id": node_id("A", number),
        "owner": owner,
        "name": "GitHub Actions" if slug == ACTIONS_APP else slug,
        "description": None,
        "external_url": view.urls.page("apps", slug),
        "html_url": view.urls.page("apps", slug),
        "created_at": created,
        "updated_at": created,
        "permissions": {"checks": "write", "contents": "read", "metadata": "read"},
        "events": [],
    }


def pulls_of_head(view: View, repo: Repository, sha: str) -> list[Json]:
    """`pull-request-minimal` of the open pull requests at this head."""
    rows = view.db.all(
        Pull,
        "SELECT pull.* FROM pull JOIN issue ON issue.id = pull.issue_id"
        " WHERE pull.repo_id = ? AND pull.head_sha = ? AND issue.state = 'open' ORDER BY pull.id",
        repo.id,
        sha,
    )
    url = view.urls.repo(view.full_name(repo))
    shown: dict[str, Json] = {"id": repo.id, "url": url, "name": repo.name}
    return [
        {
            "id": pull.id,
            "number": pull.number,
            "url": f"{url}/pulls/{pull.number}",
            "head": {"ref": pull.head_ref, "sha": pull.head_sha, "repo": shown},
            "base": {"ref": pull.base_ref, "sha": pull.base_sha, "repo": shown},
        }
        for pull in rows
    ]


def simple_commit(item: Commit) -> dict[str, Json]:
    """`simple-commit`."""
    return {
        "id": item.sha,
        "tree_id": item.tree,
        "message": message(item),
        "timestamp": item.committer.date,
        "author": _person(item.author),
        "committer": _person(item.committer),
    }


def run_page(view: View, repo: Repository, item: CheckRun) -> str:
    """The page of a check run: of a job of Actions its log, else what was reported."""
    job = workflows.job(view.db, item.id)
    if job is None:
        return view.urls.page(view.full_name(repo), "runs", item.id)
    return view.urls.page(view.full_name(repo), "actions", "runs", job.run_id, "job", job.id)


def _person(ident: Ident) -> dict[str, Json]:
    return {"name": ident.name, "email": ident.email}


def _actions_owner(view: View) -> dict[str, Json]:
    return {
        "login": "github",
        "id": 9919,
        "node_id": "MDEyOk9yZ2FuaXphdGlvbjk5MTk=",
        "avatar_url": view.urls.page("avatars", 9919),
    }
