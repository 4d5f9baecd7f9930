"""Workflows and their runs: listed, shown and begun."""

from localforge.actions.archives import drop_files
from localforge.actions.dispatching import dispatch
from localforge.actions.triggering import register_default
from localforge.call import Answer, Call, no_content, ok
from localforge.errors import ForbiddenError, InvalidError, NotFoundError
from localforge.operations import Area
from localforge.paging import page_from, page_of
from localforge.render import actions as render
from localforge.store import accounts, actions, archives, run_lists
from localforge.store.actions import JobRow, RunRow, WorkflowRow
from localforge.store.run_lists import RunFilter

area = Area()

LARGEST_ID = (1 << 63) - 1
_ACTIONS = "/repos/{owner}/{repo}/actions"
_WORKFLOW = f"{_ACTIONS}/workflows/{{workflow_id}}"
_RUN = f"{_ACTIONS}/runs/{{run_id}}"


@area("GET", f"{_ACTIONS}/workflows", "actions/list-repo-workflows", needs="actions:read")
def list_workflows(call: Call) -> Answer:
    """The workflows of the default branch; a repository that came in whole is looked at first."""
    register_default(call.forge, call.repo)
    rows = [row for row in actions.workflows(call.db, call.repo.id) if row.state != "deleted"]
    view = call.view
    return page_of(call, rows).wrapped("workflows", lambda row: render.workflow(view, call.repo, row))


@area("GET", _WORKFLOW, "actions/get-workflow", needs="actions:read")
def get_workflow(call: Call) -> Answer:
    """By id or file name."""
    return ok(render.workflow(call.view, call.repo, _workflow(call)))


@area("PUT", f"{_WORKFLOW}/enable", "actions/enable-workflow", needs="actions:write")
def enable(call: Call) -> Answer:
    """Events begin runs again."""
    return _set_state(call, "active")


@area("PUT", f"{_WORKFLOW}/disable", "actions/disable-workflow", needs="actions:write")
def disable(call: Call) -> Answer:
    """Events begin no more runs."""
    return _set_state(call, "disabled_manually")


@area(
    "POST", f"{_WORKFLOW}/dispatches", "actions/create-workflow-dispatch", needs="actions:write", login=True
)
def create_dispatch(call: Call) -> Answer:
    """Begin a run; with `return_run_details` its id and addresses are told."""
    row = _workflow(call)
    if row.state != "active":
        raise InvalidError("Cannot trigger a 'workflow_dispatch' on a disabled workflow")
    inputs = call.body.object("inputs")
    given = inputs.values if inputs else {}
    run_id = dispatch(call.forge, call.repo, row, call.body.text("ref"), given, call.actor.account.id)
    if not call.body.maybe_flag("return_run_details"):
        return no_content()
    url = f"{call.urls.repo(call.view.full_name(call.repo))}/actions/runs/{run_id}"
    page = render.run_page(call.view, call.repo, run_id)
    return ok({"workflow_run_id": run_id, "run_url": url, "html_url": page})


@area("GET", f"{_WORKFLOW}/runs", "actions/list-workflow-runs", needs="actions:read")
def list_workflow_runs(call: Call) -> Answer:
    """The runs of one workflow, newest first."""
    return _list_runs(call, _workflow(call).id)


@area("GET", f"{_ACTIONS}/runs", "actions/list-workflow-runs-for-repo", needs="actions:read")
def list_runs(call: Call) -> Answer:
    """The repository's runs, newest first."""
    return _list_runs(call, None)


@area("GET", _RUN, "actions/get-workflow-run", needs="actions:read")
def get_run(call: Call) -> Answer:
    """One run, in its latest attempt."""
    with_pulls = not call.query.flag("exclude_pull_requests")
    return ok(render.run(call.view, call.repo, found_run(call), with_pulls=with_pulls))


@area("GET", f"{_RUN}/attempts/{{attempt_number}}", "actions/get-workflow-run-attempt", needs="actions:read")
def get_attempt(call: Call) -> Answer:
    """One run as it was in one of its attempts."""
    row = run_lists.attempt(call.db, found_run(call), call.number("attempt_number"))
    if row is None:
        raise NotFoundError
    with_pulls = not call.query.flag("exclude_pull_requests")
    return ok(render.run(call.view, call.repo, row, with_pulls=with_pulls))


@area("GET", f"{_RUN}/timing", "actions/get-workflow-run-usage", needs="actions:read")
def get_usage(call: Call) -> Answer:
    """How long the run took; on a public repository nothing is billed, as on GitHub."""
    run = found_run(call)
    return ok(render.usage(call.repo, run, actions.jobs(call.db, run.id, run.attempt)))


@area("DELETE", _RUN, "actions/delete-workflow-run", needs="actions:write")
def delete_run(call: Call) -> Answer:
    """Forget a complete run with its jobs and logs."""
    run = found_run(call)
    if run.status != "completed":
        raise ForbiddenError("Could not delete the workflow run: it is still in progress.")
    kept = archives.artifacts_of_run(call.db, run.id)
    with call.forge.store.write() as tx:
        tx.execute("DELETE FROM workflow_run WHERE id = ?", run.id)
        tx.execute("DELETE FROM check_suite WHERE id = ?", run.suite_id)
    drop_files(call.forge, kept)
    return no_content()


@area("GET", f"{_RUN}/jobs", "actions/list-jobs-for-workflow-run", needs="actions:read")
def list_jobs(call: Call) -> Answer:
    """The jobs of the latest attempt, or of every attempt (`filter=all`)."""
    run = found_run(call)
    every = call.query.choice("filter", ("latest", "all"), "latest") == "all"
    attempts = range(1, run.attempt + 1) if every else (run.attempt,)
    rows = [job for attempt in attempts for job in actions.jobs(call.db, run.id, attempt)]
    return _jobs(call, rows)


@area(
    "GET",
    f"{_RUN}/attempts/{{attempt_number}}/jobs",
    "actions/list-jobs-for-workflow-run-attempt",
    needs="actions:read",
)
def list_attempt_jobs(call: Call) -> Answer:
    """The jobs of one attempt."""
    run = found_run(call)
    attempt = call.number("attempt_number")
    if not 1 <= attempt <= run.attempt:
        raise NotFoundError
    return _jobs(call, actions.jobs(call.db, run.id, attempt))


@area("GET", f"{_ACTIONS}/jobs/{{job_id}}", "actions/get-job-for-workflow-run", needs="actions:read")
def get_job(call: Call) -> Answer:
    """One job with its steps."""
    return ok(render.job(call.view, call.repo, found_job(call)))


def found_run(call: Call) -> RunRow:
    """The run of the path; 404 when the repository has none of that id."""
    run = actions.run(call.db, call.number("run_id"))
    if run is None or run.repo_id != call.repo.id:
        raise NotFoundError
    return run


def found_job(call: Call) -> JobRow:
    """The job of the path; 404 when the repository has none of that id."""
    job = actions.job(call.db, call.number("job_id"))
    if job is None or job.repo_id != call.repo.id:
        raise NotFoundError
    return job


def _workflow(call: Call) -> WorkflowRow:
    wanted = call.params["workflow_id"]
    register_default(call.forge, call.repo, wanted)
    for row in actions.workflows(call.db, call.repo.id):
        if wanted in {str(row.id), row.path, row.path.rpartition("/")[2]}:
            return row
    raise NotFoundError


def _set_state(call: Call, state: str) -> Answer:
    row = _workflow(call)
    with call.forge.store.write() as tx:
        tx.update("workflow", row.id, state=state, updated_at=call.forge.clock())
    return no_content()


def _list_runs(call: Call, workflow_id: int | None) -> Answer:
    query = call.query
    actor = accounts.by_login(call.db, query.get("actor") or "") if query.get("actor") else None
    wanted = RunFilter(
        repo_id=call.repo.id,
        workflow_id=workflow_id,
        actor_id=actor.id if actor else (-1 if query.get("actor") else None),
        branch=query.get("branch"),
        event=query.get("event"),
        status=query.get("status"),
        head_sha=query.get("head_sha"),
        suite_id=min(query.number("check_suite_id", 0), LARGEST_ID) or None,
        created=query.get("created"),
    )
    view, with_pulls = call.view, not query.flag("exclude_pull_requests")
    total = run_lists.count_runs(call.db, wanted)
    page = page_from(call, total, lambda limit, offset: run_lists.list_runs(call.db, wanted, limit, offset))
    return page.wrapped("workflow_runs", lambda row: render.run(view, call.repo, row, with_pulls=with_pulls))


def _jobs(call: Call, rows: list[JobRow]) -> Answer:
    view = call.view
    return page_of(call, rows).wrapped("jobs", lambda row: render.job(view, call.repo, row))
