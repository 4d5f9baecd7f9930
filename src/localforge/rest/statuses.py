"""Commit statuses: reporting and reading them."""

from localforge.call import Answer, Call, created, ok
from localforge.errors import InvalidError, field_error
from localforge.events import StatusEvent
from localforge.git import refnames
from localforge.guard import CHECK_SOURCES
from localforge.operations import Area
from localforge.paging import page_of
from localforge.render.statuses import combined_status
from localforge.render.statuses import status as render
from localforge.rest.commits import found_commit
from localforge.store import statuses

area = Area()

STATES = ("error", "failure", "pending", "success")
MOST_PER_CONTEXT = 1000
LONGEST_DESCRIPTION = 140

CHECK_SOURCES.append(statuses.passed)


@area("POST", "/repos/{owner}/{repo}/statuses/{sha}", "repos/create-commit-status", needs="statuses:write")
def create(call: Call) -> Answer:
    """Report on a commit under a context; the newest report of a context counts."""
    sha = refnames.commit_sha(call.git, call.params["sha"])
    if sha is None:
        raise InvalidError(f"No commit found for SHA: {call.params['sha'][:80]}")
    state = call.body.choice("state", STATES)
    context = call.body.maybe_text("context") or "default"
    description, target_url = call.body.maybe_text("description"), call.body.maybe_text("target_url")
    if description is not None and len(description) > LONGEST_DESCRIPTION:
        words = f"description is too long (maximum is {LONGEST_DESCRIPTION} characters)"
        raise field_error("Status", "description", "custom", words)
    if target_url and not target_url.startswith(("http://", "https://")):
        raise field_error("Status", "target_url", "custom", "target_url must use http(s) scheme")
    with call.forge.store.write() as tx:
        counted = "SELECT count(*) FROM commit_status WHERE repo_id = ? AND sha = ? AND context = ?"
        if tx.count(counted, call.repo.id, sha, context) >= MOST_PER_CONTEXT:
            words = "This SHA and context has reached the maximum number of statuses."
            raise field_error("Status", "context", "custom", words)
        status_id = tx.insert(
            "commit_status",
            repo_id=call.repo.id,
            sha=sha,
            context=context,
            state=state,
            description=description,
            target_url=target_url,
            creator_id=call.actor.account.id,
            created_at=call.forge.clock(),
        )
        actor_id = call.actor.account.id
        tx.emit(StatusEvent(repo_id=call.repo.id, actor_id=actor_id, status_id=status_id, sha=sha))
    row = statuses.by_id(call.db, status_id)
    if row is None:
        raise LookupError(f"status {status_id}")
    shown = render(call.view, call.repo, row)
    return created(shown, location=str(shown["url"]))


@area(
    "GET",
    "/repos/{owner}/{repo}/commits/{ref*}/statuses",
    "repos/list-commit-statuses-for-ref",
    needs="statuses:read",
)
def list_for_ref(call: Call) -> Answer:
    """Every report on a commit, newest first."""
    view = call.view
    sha = found_commit(call, call.params["ref"]).sha
    page = page_of(call, statuses.of_commit(call.db, call.repo.id, sha))
    return page.answer(lambda item: render(view, call.repo, item))


@area(
    "GET",
    "/repos/{owner}/{repo}/commits/{ref*}/status",
    "repos/get-combined-status-for-ref",
    needs="statuses:read",
)
def combined(call: Call) -> Answer:
    """The newest report of every context, and one state for all of them."""
    sha = found_commit(call, call.params["ref"]).sha
    newest = statuses.latest(call.db, call.repo.id, sha)
    page = page_of(call, newest)
    return ok(combined_status(call.view, call.repo, sha, newest, page.items), headers=page.headers)
