"""Issues: listing, opening, changing, locking, people, history."""

from localforge.access import Role
from localforge.call import Answer, Call, created, no_content, ok
from localforge.errors import FieldError, ForbiddenError, GoneError, InvalidError, NotFoundError, field_error
from localforge.issues.acting import Act
from localforge.issues.editing import act_on, close, edit_text, insert, lock, reopen, set_milestone, unlock
from localforge.issues.labelling import add_labels, assign, set_assignees, set_labels, unassign
from localforge.issues.listing import asked_for, issue_page, sorted_by
from localforge.issues.people import assignable
from localforge.json_types import Json
from localforge.operations import Area, parse_need
from localforge.paging import page_of
from localforge.render import timeline
from localforge.render.accounts import simple_user
from localforge.render.issues import issue as render
from localforge.repositories import setting
from localforge.store import issues
from localforge.store.accounts import Account
from localforge.store.issues import Issue, Milestone

area = Area()

LONGEST_BODY = 65536
LONGEST_TITLE = 256
LOCK_REASONS = ("off-topic", "too heated", "resolved", "spam")
CLOSE_REASONS = ("completed", "not_planned", "duplicate", "reopened")
TRIAGE = parse_need("issues:write", Role.TRIAGE)


@area("GET", "/repos/{owner}/{repo}/issues", "issues/list-for-repo", needs="issues:read", memorable=True)
def list_for_repo(call: Call) -> Answer:
    """Issues and pull requests, filtered and sorted."""
    view = call.view
    page = issue_page(call, asked_for(call), sorted_by(call))
    return page.answer(lambda item: render(view, call.repo, item, call.accept))


@area(
    "POST",
    "/repos/{owner}/{repo}/issues",
    "issues/create",
    needs="issues:write",
    role=Role.READ,
    login=True,
    content=True,
)
def create(call: Call) -> Answer:
    """Open an issue. Labels, assignees and milestone of somebody who may not set them are left out."""
    refuse_disabled(call)
    title, body = read_title(call, ""), read_body(call, None)
    labels = label_names(call.body.items("labels")) or []
    people, milestone = _people(call), _milestone(call)
    with call.forge.store.write() as tx:
        at, author = call.forge.clock(), call.actor.account.id
        item = insert(tx, repo_id=call.repo.id, is_pull=False, author_id=author, text=(title, body), at=at)
        act = Act(tx=tx, issue=item, actor_id=author, at=at)
        act.tell("opened")
        if call.may(TRIAGE):
            add_labels(act, labels)
            assign(act, people or [])
            set_milestone(act, milestone)
    return created(_shown(call, item.number), location=f"{_url(call)}/issues/{item.number}")


@area("GET", "/repos/{owner}/{repo}/issues/{issue_number}", "issues/get", needs="issues:read", memorable=True)
def get(call: Call) -> Answer:
    """One issue or pull request."""
    return ok(render(call.view, call.repo, found_issue(call), call.accept))


@area(
    "PATCH",
    "/repos/{owner}/{repo}/issues/{issue_number}",
    "issues/update",
    needs="issues:write",
    role=Role.READ,
    login=True,
)
def update(call: Call) -> Answer:
    """Change an issue: its author may change text and state, who may triage also the rest."""
    item = found_issue(call)
    triage = call.may(TRIAGE)
    if not triage and item.author_id != call.actor.account.id:
        raise ForbiddenError("Must have admin rights to Repository.")
    title, body = read_title(call, item.title), read_body(call, item.body)
    state = call.body.choice("state", ("open", "closed"), item.state)
    reason = call.body.choice("state_reason", CLOSE_REASONS, item.state_reason or "completed")
    labels = label_names(call.body.items("labels"))
    people, milestone = _people(call), _milestone(call)
    with call.forge.store.write() as tx:
        edit_text(act_on(call.forge, tx, item, call.actor.account.id), title, body)
        act = act_on(call.forge, tx, item, call.actor.account.id)
        if state == "closed":
            close(act, "completed" if reason == "reopened" else reason)
        else:
            reopen(act)
        if triage:
            _arrange(act, labels, people)
        if triage and "milestone" in call.body:
            set_milestone(act, milestone)
    return ok(_shown(call, item.number))


def _arrange(act: Act, labels: list[str] | None, people: list[Account] | None) -> None:
    if labels is not None:
        set_labels(act, labels)
    if people is not None:
        set_assignees(act, people)


@area(
    "PUT",
    "/repos/{owner}/{repo}/issues/{issue_number}/lock",
    "issues/lock",
    needs="issues:write",
)
def lock_issue(call: Call) -> Answer:
    """Only collaborators may comment."""
    item = found_issue(call)
    reason = call.body.choice("lock_reason", LOCK_REASONS, "resolved") if "lock_reason" in call.body else None
    with call.forge.store.write() as tx:
        lock(act_on(call.forge, tx, item, call.actor.account.id), reason)
    return no_content()


@area(
    "DELETE",
    "/repos/{owner}/{repo}/issues/{issue_number}/lock",
    "issues/unlock",
    needs="issues:write",
)
def unlock_issue(call: Call) -> Answer:
    """Everybody may comment again."""
    item = found_issue(call)
    with call.forge.store.write() as tx:
        unlock(act_on(call.forge, tx, item, call.actor.account.id))
    return no_content()


@area(
    "POST",
    "/repos/{owner}/{repo}/issues/{issue_number}/assignees",
    "issues/add-assignees",
    needs="issues:write",
    role=Role.TRIAGE,
)
def add_assignees(call: Call) -> Answer:
    """Assign people; logins that cannot be assigned are left out."""
    item = found_issue(call)
    with call.forge.store.write() as tx:
        assign(act_on(call.forge, tx, item, call.actor.account.id), _named(call))
    return created(_shown(call, item.number))


@area(
    "DELETE",
    "/repos/{owner}/{repo}/issues/{issue_number}/assignees",
    "issues/remove-assignees",
    needs="issues:write",
    role=Role.TRIAGE,
)
def remove_assignees(call: Call) -> Answer:
    """Take people off the issue."""
    item = found_issue(call)
    with call.forge.store.write() as tx:
        unassign(act_on(call.forge, tx, item, call.actor.account.id), _named(call))
    return ok(_shown(call, item.number))


@area("GET", "/repos/{owner}/{repo}/assignees", "issues/list-assignees", needs="issues:read")
def list_assignees(call: Call) -> Answer:
    """Who can be assigned."""
    page = page_of(call, assignable(call.db, call.repo))
    return page.answer(lambda person: simple_user(call.urls, person))


@area(
    "GET",
    "/repos/{owner}/{repo}/assignees/{assignee}",
    "issues/check-user-can-be-assigned",
    needs="issues:read",
)
def check_assignee(call: Call) -> Answer:
    """204 when the user can be assigned, else 404."""
    wanted = call.params["assignee"].casefold()
    if not any(person.login.casefold() == wanted for person in assignable(call.db, call.repo)):
        raise NotFoundError
    return no_content()


@area(
    "GET",
    "/repos/{owner}/{repo}/issues/{issue_number}/events",
    "issues/list-events",
    needs="issues:read",
)
def list_events(call: Call) -> Answer:
    """What happened to the issue."""
    view = call.view
    page = page_of(call, issues.events_of(call.db, found_issue(call).id))
    return page.answer(lambda item: timeline.event(view, call.repo, item))


@area(
    "GET",
    "/repos/{owner}/{repo}/issues/{issue_number}/timeline",
    "issues/list-events-for-timeline",
    needs="issues:read",
)
def list_timeline(call: Call) -> Answer:
    """Events, comments, reviews and commits in one line."""
    page = page_of(call, timeline.timeline(call.view, call.repo, found_issue(call)))
    return page.answer(lambda entry: entry)


def found_issue(call: Call) -> Issue:
    """The issue of the path; 404 when there is none."""
    item = issues.by_number(call.db, call.repo.id, call.number("issue_number"))
    if item is None:
        raise NotFoundError
    if not item.is_pull:
        refuse_disabled(call)
    return item


def refuse_disabled(call: Call) -> None:
    """410 when the repository has its issues switched off."""
    if not setting(call.repo, "has_issues"):
        raise GoneError("Issues has been disabled in this repository.")


def read_title(call: Call, default: str) -> str:
    """The title in the body (required when there is no default); 422 when it is blank or too long."""
    given = call.body.values.get("title")
    if isinstance(given, int) and not isinstance(given, bool):
        return str(given)
    title = call.body.maybe_text("title") if default else call.body.text("title")
    title = default if title is None else title.strip()
    if not title:
        raise field_error("Issue", "title", "missing_field")
    if len(title) > LONGEST_TITLE:
        raise InvalidError(
            errors=(
                FieldError(
                    resource="Issue",
                    field="title",
                    code="custom",
                    message=f"title is too long (maximum is {LONGEST_TITLE} characters)",
                ),
            )
        )
    return title


def read_body(call: Call, default: str | None) -> str | None:
    """The text in the body; the default when absent, 422 when it is too long."""
    body = call.body.maybe_text("body") if "body" in call.body else default
    if body is not None and len(body) > LONGEST_BODY:
        raise InvalidError(
            errors=(
                FieldError(
                    resource="Issue",
                    field="body",
                    code="custom",
                    message=f"body is too long (maximum is {LONGEST_BODY} characters)",
                ),
            )
        )
    return body


def label_names(items: "Json") -> list[str] | None:
    """Label names from a list of strings or of objects with a `name`; None when there is no list."""
    if items is None or isinstance(items, str) or not isinstance(items, list | tuple):
        return None
    names = [item.get("name") if isinstance(item, dict) else item for item in items]
    if not all(isinstance(name, str) and 0 < len(name) <= 50 and "\0" not in name for name in names):
        raise field_error("Label", "name")
    return [name for name in names if isinstance(name, str)]


def _people(call: Call) -> list[Account] | None:
    """Whom the body assigns; None when it says nothing, 422 for who cannot be assigned."""
    logins = call.body.texts("assignees")
    if logins is None and "assignee" in call.body:
        logins = [login] if (login := call.body.maybe_text("assignee")) else []
    if logins is None:
        return None
    able = {person.login.casefold(): person for person in assignable(call.db, call.repo)}
    for login in logins:
        if login.casefold() not in able:
            raise InvalidError(
                errors=(FieldError(resource="Issue", field="assignees", code="invalid", value=login),)
            )
    return [able[login.casefold()] for login in logins]


def _named(call: Call) -> list[Account]:
    wanted = {login.casefold() for login in call.body.texts("assignees") or []}
    return [person for person in assignable(call.db, call.repo) if person.login.casefold() in wanted]


def _milestone(call: Call) -> Milestone | None:
    """The milestone that the body names by number; 422 when there is none."""
    number = call.body.maybe_number("milestone")
    if number is None:
        return None
    found = issues.milestone_numbered(call.db, call.repo.id, number)
    if found is None:
        raise InvalidError(
            errors=(FieldError(resource="Issue", field="milestone", code="invalid", value=number),)
        )
    return found


def _shown(call: Call, number: int) -> dict[str, Json]:
    item = issues.by_number(call.db, call.repo.id, number)
    if item is None:
        raise NotFoundError
    return render(call.view, call.repo, item, call.accept)


def _url(call: Call) -> str:
    return call.urls.repo(call.view.full_name(call.repo))
