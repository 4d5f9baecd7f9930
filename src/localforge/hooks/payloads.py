"""The payload of every event that hooks are told, as GitHub shapes it.

A payload shows its subject as it is when the event is read from the outbox, a moment after it happened; what an edit
replaced and where a branch was comes from the event itself.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from localforge import events
from localforge.events import Event
from localforge.git import objects, refnames
from localforge.hooks.pushes import push
from localforge.json_types import Json
from localforge.render import actions as render_actions
from localforge.render import checks as render_checks
from localforge.render import issues as render_issues
from localforge.render import pulls as render_pulls
from localforge.render.accounts import simple_org, simple_user
from localforge.render.commits import commit as render_commit
from localforge.render.releases import release as render_release
from localforge.render.repository import repository
from localforge.render.view import View
from localforge.store import actions, checks, issues, pulls, releases, repos, statuses
from localforge.store.repos import Repository

Body = dict[str, Json]


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """What a hook is sent: the event's name and action, and the body. `app` reports the checks that it is about."""

    event: str
    action: str | None
    body: Body
    app: str | None = None


def payload(view: View, repo: Repository, event: Event) -> Payload | None:
    """The payload of an event; None when hooks are not told, or its subject is gone."""
    row = _BUILDERS.get(type(event))
    if row is None:
        return None
    name, build = row
    body = build(view, repo, event)
    if body is None:
        return None
    action = _action(event)
    spoken: Body = {"action": action} if action else {}
    whole = {**spoken, **body, **about(view, repo, event.actor_id)}
    return Payload(event=name, action=action, body=whole, app=_reporter(view, event))


def _reporter(view: View, event: Event) -> str | None:
    match event:
        case events.CheckRunEvent():
            run = checks.run_by_id(view.db, event.check_run_id)
            return run.app if run else None
        case events.CheckSuiteEvent():
            suite = checks.suite_by_id(view.db, event.check_suite_id)
            return suite.app if suite else None
        case _:
            return None


def _action(event: Event) -> str | None:
    match event:
        case (
            events.Push()
            | events.CreateEvent()
            | events.DeleteEvent()
            | events.StatusEvent()
            | events.ForkEvent()
        ):
            return None
        case _:
            return event.action


def about(view: View, repo: Repository, actor_id: int) -> Body:
    """What every payload says: the repository, its organization, and who did it."""
    owner = view.account(repo.owner_id)
    organization: Body = (
        {"organization": simple_org(view.urls, owner)} if owner.kind == "Organization" else {}
    )
    sender = simple_user(view.urls, view.account(actor_id))
    return {"repository": repository(view, repo), **organization, "sender": sender}


def _created(view: View, repo: Repository, event: events.CreateEvent) -> Body:
    return {
        **_named(event.ref),
        "master_branch": refnames.head_branch(view.forge.git(repo.id)),
        "description": repo.description,
        "pusher_type": "user",
    }


def _deleted(_view: View, _repo: Repository, event: events.DeleteEvent) -> Body:
    return {**_named(event.ref), "pusher_type": "user"}


def _named(ref: str) -> Body:
    branch = ref.startswith(refnames.BRANCH)
    return {
        "ref": ref.removeprefix(refnames.BRANCH).removeprefix(refnames.TAG),
        "ref_type": "branch" if branch else "tag",
    }


def _repository(_view: View, _repo: Repository, event: events.RepositoryEvent) -> Body:
    return {"changes": {"repository": {"name": {"from": event.old_name}}}} if event.old_name else {}


def _issues(view: View, repo: Repository, event: events.IssuesEvent) -> Body | None:
    item = issues.by_number(view.db, repo.id, event.issue_number)
    if item is None:
        return None
    return {"issue": render_issues.issue(view, repo, item), **_details(view, repo, event)}


def _issue_comment(view: View, repo: Repository, event: events.IssueCommentEvent) -> Body | None:
    item = issues.by_number(view.db, repo.id, event.issue_number)
    row = issues.comment_by_id(view.db, event.comment_id)
    if item is None or row is None:
        return None
    return {
        "issue": render_issues.issue(view, repo, item),
        "comment": render_issues.comment(view, repo, item, row),
        **({"changes": event.changes} if event.changes else {}),
    }


def _pull_request(view: View, repo: Repository, event: events.PullRequestEvent) -> Body | None:
    pull = pulls.by_number(view.db, repo.id, event.pull_number)
    if pull is None:
        return None
    item = issues.by_id(view.db, pull.issue_id)
    moved: Body = {"before": event.before, "after": event.after} if event.after else {}
    return {
        "number": pull.number,
        "pull_request": render_pulls.full(view, repo, item, pull),
        **moved,
        **_details(view, repo, event),
    }


def _details(view: View, repo: Repository, event: events.IssuesEvent | events.PullRequestEvent) -> Body:
    """What an action adds: the label, the person, the milestone, what was replaced."""
    label = issues.label_named(view.db, repo.id, event.label) if event.label else None
    added: Body = {"label": render_issues.label(view, repo, label)} if label else {}
    match event.action, event.subject_id:
        case "assigned" | "unassigned", int(person_id):
            added["assignee"] = simple_user(view.urls, view.account(person_id))
        case "review_requested" | "review_request_removed", int(person_id):
            added["requested_reviewer"] = simple_user(view.urls, view.account(person_id))
        case "milestoned" | "demilestoned", int(milestone_id):
            row = issues.milestone_by_id(view.db, milestone_id)
            added["milestone"] = render_issues.milestone(view, repo, row) if row else None
    if event.changes:
        added["changes"] = event.changes
    return added


def _review(view: View, repo: Repository, event: events.PullRequestReviewEvent) -> Body | None:
    pull = pulls.by_number(view.db, repo.id, event.pull_number)
    row = pulls.review_by_id(view.db, event.review_id)
    if pull is None or row is None:
        return None
    shown = render_pulls.review(view, repo, pull, row)
    item = issues.by_id(view.db, pull.issue_id)
    return {
        "review": {**shown, "state": row.state.lower(), "body": row.body or None},
        "pull_request": render_pulls.simple(view, repo, item, pull),
        **({"changes": {}} if event.action == "edited" else {}),
    }


def _review_comment(view: View, repo: Repository, event: events.PullRequestReviewCommentEvent) -> Body | None:
    pull = pulls.by_number(view.db, repo.id, event.pull_number)
    row = pulls.review_comment_by_id(view.db, event.comment_id)
    if pull is None or row is None:
        return None
    item = issues.by_id(view.db, pull.issue_id)
    return {
        "comment": render_pulls.review_comment(view, repo, pull, row),
        "pull_request": render_pulls.simple(view, repo, item, pull),
    }


def _status(view: View, repo: Repository, event: events.StatusEvent) -> Body | None:
    row = statuses.by_id(view.db, event.status_id)
    git = view.forge.git(repo.id)
    commit = objects.commit(git, event.sha)
    if row is None or commit is None:
        return None
    url = f"{view.urls.repo(view.full_name(repo))}/commits"
    heads = [ref for ref in refnames.refs(git, refnames.BRANCH) if ref.sha == event.sha]
    return {
        "id": row.id,
        "sha": row.sha,
        "name": view.full_name(repo),
        "avatar_url": view.urls.page("avatars", row.creator_id),
        "target_url": row.target_url,
        "context": row.context,
        "description": row.description,
        "state": row.state,
        "commit": render_commit(view, repo, commit),
        "branches": [
            {
                "name": ref.name.removeprefix(refnames.BRANCH),
                "commit": {"sha": ref.sha, "url": f"{url}/{ref.sha}"},
                "protected": False,
            }
            for ref in heads[:10]
        ],
        "created_at": row.created_at,
        "updated_at": row.created_at,
    }


def _check_run(view: View, repo: Repository, event: events.CheckRunEvent) -> Body | None:
    row = checks.run_by_id(view.db, event.check_run_id)
    suite = checks.suite_by_id(view.db, row.suite_id) if row else None
    if row is None or suite is None:
        return None
    short = render_checks.short_suite(view, repo, suite)
    return {"check_run": {**render_checks.run(view, repo, row), "check_suite": short}}


def _check_suite(view: View, repo: Repository, event: events.CheckSuiteEvent) -> Body | None:
    row = checks.suite_by_id(view.db, event.check_suite_id)
    return {"check_suite": render_checks.suite(view, repo, row)} if row else None


def _workflow_run(view: View, repo: Repository, event: events.WorkflowRunEvent) -> Body | None:
    row = actions.run(view.db, event.run_id)
    flow = actions.workflow(view.db, row.workflow_id) if row else None
    if row is None or flow is None:
        return None
    return {
        "workflow_run": render_actions.run(view, repo, row),
        "workflow": render_actions.workflow(view, repo, flow),
    }


def _workflow_job(view: View, repo: Repository, event: events.WorkflowJobEvent) -> Body | None:
    row = actions.job(view.db, event.job_id)
    return {"workflow_job": render_actions.job(view, repo, row)} if row else None


def _fork(view: View, _repo: Repository, event: events.ForkEvent) -> Body | None:
    made = repos.by_id(view.db, event.fork_id)
    return {"forkee": {**repository(view, made), "public": not made.private}} if made else None


def _release(view: View, repo: Repository, event: events.ReleaseEvent) -> Body | None:
    item = releases.by_id(view.db, event.release_id)
    if item is None:
        return None
    changed: Body = {"changes": {}} if event.action == "edited" else {}
    return {"release": {**render_release(view, repo, item)}, **changed}


# By event: the name that hooks ask for it by, and what its payload says.
_BUILDERS: Mapping[type, tuple[str, Callable[..., Body | None]]] = {
    events.Push: ("push", push),
    events.CreateEvent: ("create", _created),
    events.DeleteEvent: ("delete", _deleted),
    events.RepositoryEvent: ("repository", _repository),
    events.IssuesEvent: ("issues", _issues),
    events.IssueCommentEvent: ("issue_comment", _issue_comment),
    events.PullRequestEvent: ("pull_request", _pull_request),
    events.PullRequestReviewEvent: ("pull_request_review", _review),
    events.PullRequestReviewCommentEvent: ("pull_request_review_comment", _review_comment),
    events.StatusEvent: ("status", _status),
    events.CheckRunEvent: ("check_run", _check_run),
    events.CheckSuiteEvent: ("check_suite", _check_suite),
    events.WorkflowRunEvent: ("workflow_run", _workflow_run),
    events.ForkEvent: ("fork", _fork),
    events.ReleaseEvent: ("release", _release),
    events.WorkflowJobEvent: ("workflow_job", _workflow_job),
}
