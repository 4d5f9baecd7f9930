"""Check runs and suites: reporting (for Apps alone, and for jobs with their own token), reading, asking for them again."""

from collections.abc import Sequence

from localforge.actions.jobtoken import is_job
from localforge.body import Body
from localforge.call import Answer, Call, created, ok
from localforge.errors import ForbiddenError, InvalidError, NotFoundError
from localforge.events import CheckRunEvent, CheckSuiteEvent
from localforge.git import refnames
from localforge.moment import from_epoch, to_epoch
from localforge.operations import Area
from localforge.paging import page_of
from localforge.render import checks as render
from localforge.rest.commits import found_commit
from localforge.store import apps, checks
from localforge.store.checks import ACTIONS_APP, Annotation, CheckRun, CheckRunChanges, CheckSuite, SuiteOf

area = Area()

STATUSES = ("queued", "in_progress", "completed")
ANY_STATUS = (*STATUSES, "waiting", "requested", "pending")
CONCLUSIONS = (
    *("action_required", "cancelled", "failure", "neutral", "success", "skipped", "stale", "timed_out"),
)
LEVELS = ("notice", "warning", "failure")
MOST_ANNOTATIONS = 50
_RUN = "/repos/{owner}/{repo}/check-runs/{check_run_id}"
_SUITE = "/repos/{owner}/{repo}/check-suites/{check_suite_id}"


@area("POST", "/repos/{owner}/{repo}/check-runs", "checks/create", needs="checks:write")
def create(call: Call) -> Answer:
    """A new check run on a commit, in the caller's suite there."""
    _refuse_people(call)
    name, sha = call.body.text("name"), _commit(call)
    columns, remarks = _columns(call, "queued"), _annotations(call)
    columns["name"] = name
    with call.forge.store.write() as tx:
        at, actor = call.forge.clock(), call.actor.account
        suite = checks.suite_for(tx, _suite_of(call, sha), at)
        row = checks.create_run(tx, suite, actor_id=actor.id, at=at, **columns)
        checks.annotate(tx, row.id, remarks)
    shown = render.run(call.view, call.repo, row)
    return created(shown, location=str(shown["url"]))


@area("GET", _RUN, "checks/get", needs="checks:read")
def get(call: Call) -> Answer:
    """One check run."""
    return ok(render.run(call.view, call.repo, _run(call)))


@area("PATCH", _RUN, "checks/update", needs="checks:write")
def update(call: Call) -> Answer:
    """Report further; annotations are added to those there are."""
    _refuse_people(call)
    row = _run(call)
    _refuse_others(call, row)
    columns, remarks = _columns(call, row.status), _annotations(call)
    if name := call.body.maybe_text("name"):
        columns["name"] = name
    with call.forge.store.write() as tx:
        checks.annotate(tx, row.id, remarks)
        row = checks.update_run(tx, row.id, actor_id=call.actor.account.id, at=call.forge.clock(), **columns)
    return ok(render.run(call.view, call.repo, row))


@area("GET", f"{_RUN}/annotations", "checks/list-annotations", needs="checks:read")
def list_annotations(call: Call) -> Answer:
    """Remarks on lines, in the order they were made."""
    row, view = _run(call), call.view
    page = page_of(call, checks.annotations(call.db, row.id))
    return page.answer(lambda item: render.annotation(view, call.repo, row, item))


@area("POST", f"{_RUN}/rerequest", "checks/rerequest-run", needs="checks:write")
def rerequest_run(call: Call) -> Answer:
    """Ask whoever reported it to check again."""
    row = _run(call)
    with call.forge.store.write() as tx:
        tx.emit(
            CheckRunEvent(
                repo_id=call.repo.id,
                actor_id=call.actor.account.id,
                action="rerequested",
                check_run_id=row.id,
            )
        )
    return created({})


@area("GET", "/repos/{owner}/{repo}/commits/{ref*}/check-runs", "checks/list-for-ref", needs="checks:read")
def list_for_ref(call: Call) -> Answer:
    """The check runs on a commit, newest first; `filter=all` shows those that were repeated too."""
    sha = found_commit(call, call.params["ref"]).sha
    return _listed(call, checks.runs_of_commit(call.db, call.repo.id, sha, latest=_latest(call)))


@area(
    "GET",
    "/repos/{owner}/{repo}/commits/{ref*}/check-suites",
    "checks/list-suites-for-ref",
    needs="checks:read",
)
def list_suites(call: Call) -> Answer:
    """The suites on a commit."""
    view = call.view
    sha = found_commit(call, call.params["ref"]).sha
    rows = checks.suites_of_commit(call.db, call.repo.id, sha)
    app, name = call.query.number("app_id", 0), call.query.get("check_name")
    found = [
        row
        for row in rows
        if (not app or render.app_id(view, row.app) == app)
        and (not name or any(run.name == name for run in checks.runs_of_suite(call.db, row.id)))
    ]
    return page_of(call, found).wrapped("check_suites", lambda row: render.suite(view, call.repo, row))


@area("POST", "/repos/{owner}/{repo}/check-suites", "checks/create-suite", needs="checks:write")
def create_suite(call: Call) -> Answer:
    """The caller's suite on a commit; 200 when there is one already."""
    _refuse_people(call)
    sha = _commit(call)
    with call.forge.store.write() as tx:
        before = [row for row in checks.suites_of_commit(tx, call.repo.id, sha) if row.app == _app(call)]
        row = checks.suite_for(tx, _suite_of(call, sha), call.forge.clock())
        if not before:
            tx.emit(
                CheckSuiteEvent(
                    repo_id=call.repo.id,
                    actor_id=call.actor.account.id,
                    action="requested",
                    check_suite_id=row.id,
                )
            )
    shown = render.suite(call.view, call.repo, row)
    return ok(shown) if before else created(shown, location=str(shown["url"]))


@area("GET", _SUITE, "checks/get-suite", needs="checks:read")
def get_suite(call: Call) -> Answer:
    """One suite."""
    return ok(render.suite(call.view, call.repo, _suite(call)))


@area("GET", f"{_SUITE}/check-runs", "checks/list-for-suite", needs="checks:read")
def list_for_suite(call: Call) -> Answer:
    """The check runs of a suite."""
    return _listed(call, checks.runs_of_suite(call.db, _suite(call).id, latest=_latest(call)))


@area("POST", f"{_SUITE}/rerequest", "checks/rerequest-suite", needs="checks:write")
def rerequest_suite(call: Call) -> Answer:
    """Ask whoever reported the suite to check again."""
    row = _suite(call)
    with call.forge.store.write() as tx:
        tx.emit(
            CheckSuiteEvent(
                repo_id=call.repo.id,
                actor_id=call.actor.account.id,
                action="rerequested",
                check_suite_id=row.id,
            )
        )
    return created({})


def _run(call: Call) -> CheckRun:
    row = checks.run_by_id(call.db, call.number("check_run_id"))
    if row is None or row.repo_id != call.repo.id:
        raise NotFoundError
    return row


def _suite(call: Call) -> CheckSuite:
    row = checks.suite_by_id(call.db, call.number("check_suite_id"))
    if row is None or row.repo_id != call.repo.id:
        raise NotFoundError
    return row


def _app(call: Call) -> str:
    """The slug of the App that reports."""
    app = apps.by_bot(call.db, call.actor.account.id)
    return app.slug if app else call.actor.account.login


def _refuse_people(call: Call) -> None:
    if call.actor.account.kind != "Bot":
        raise ForbiddenError("You must authenticate via a GitHub App.")


def _refuse_others(call: Call, row: CheckRun) -> None:
    """What an App reports is its own: 403 for every other. What runs of workflows report is any job's."""
    if row.app not in {_app(call), ACTIONS_APP if is_job(call.db, call.actor.account.id) else None}:
        number = render.app_id(call.view, _app(call))
        raise ForbiddenError(
            f"Invalid app_id `{number}` - check run can only be modified by the GitHub App that created it."
        )


def _suite_of(call: Call, sha: str) -> SuiteOf:
    heads = [ref.name for ref in refnames.refs(call.git, refnames.BRANCH) if ref.sha == sha]
    branch = heads[0].removeprefix(refnames.BRANCH) if heads else None
    return SuiteOf(repo_id=call.repo.id, app=_app(call), head_sha=sha, head_branch=branch)


def _commit(call: Call) -> str:
    sha = refnames.commit_sha(call.git, call.body.text("head_sha"))
    if sha is None:
        raise InvalidError(f"No commit found for SHA: {call.body.text('head_sha')[:80]}")
    return sha


def _latest(call: Call) -> bool:
    return call.query.choice("filter", ("latest", "all"), "latest") == "latest"


def _listed(call: Call, rows: Sequence[CheckRun]) -> Answer:
    """The runs that the query's `check_name`, `status` and `app_id` leave, newest first."""
    view = call.view
    name, app = call.query.get("check_name"), call.query.number("app_id", 0)
    status = call.query.choice("status", ("", *ANY_STATUS), "")
    found = [
        row
        for row in reversed(rows)
        if (not name or row.name == name)
        and (not status or row.status == status)
        and (not app or render.app_id(view, row.app) == app)
    ]
    return page_of(call, found).wrapped("check_runs", lambda row: render.run(view, call.repo, row))


def _columns(call: Call, status: str) -> CheckRunChanges:
    """What the body reports. A conclusion completes the run; completing it needs a conclusion."""
    body, columns, now = call.body, CheckRunChanges(), call.forge.clock()
    conclusion = body.choice("conclusion", CONCLUSIONS) if body.values.get("conclusion") else None
    status = "completed" if conclusion else body.choice("status", ANY_STATUS, status)
    if status == "completed" and conclusion is None and body.values.get("status"):
        raise InvalidError('Invalid request.\n\n"conclusion" wasn\'t supplied.')
    columns["status"] = status
    if conclusion:
        columns["conclusion"] = conclusion
        columns["completed_at"] = _time(body, "completed_at") or now
    elif status != "completed":
        columns["conclusion"] = columns["completed_at"] = None
    if body.values.get("started_at"):
        columns["started_at"] = _time(body, "started_at")
    elif call.operation_id == "checks/create":
        columns["started_at"] = now
    if (external_id := body.maybe_text("external_id")) is not None:
        columns["external_id"] = external_id
    if "details_url" in body:
        columns["details_url"] = body.maybe_text("details_url")
    if output := body.object("output"):
        columns["title"], columns["summary"] = output.maybe_text("title"), output.text("summary")
        columns["text"] = output.maybe_text("text")
    return columns


def _time(body: Body, name: str) -> str | None:
    text = body.maybe_text(name)
    try:
        return from_epoch(to_epoch(text)) if text else None
    except (ValueError, OverflowError) as error:
        raise InvalidError(
            f"Invalid request.\n\nFor 'properties/{name}', {str(text)[:40]} is not a date-time."
        ) from error


def _annotations(call: Call) -> list[Annotation]:
    output = call.body.object("output")
    entries = (output.objects("annotations") if output else None) or []
    if len(entries) > MOST_ANNOTATIONS:
        raise InvalidError(f"Invalid request.\n\nNo more than {MOST_ANNOTATIONS} annotations at a time.")
    return [
        Annotation(
            path=entry.text("path"),
            start_line=entry.number("start_line"),
            end_line=entry.number("end_line"),
            start_column=entry.maybe_number("start_column"),
            end_column=entry.maybe_number("end_column"),
            annotation_level=entry.choice("annotation_level", LEVELS),
            title=entry.maybe_text("title"),
            message=entry.text("message"),
            raw_details=entry.maybe_text("raw_details"),
        )
        for entry in entries
    ]
