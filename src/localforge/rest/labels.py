"""Labels of a repository and of its issues."""

import re

from localforge.access import Role
from localforge.call import Answer, Call, created, no_content, ok
from localforge.errors import BadRequestError, NotFoundError, field_error
from localforge.issues.editing import act_on
from localforge.issues.labelling import NEW_LABEL_COLOR, add_labels, remove_label, set_labels
from localforge.json_types import Json, decode
from localforge.operations import Area
from localforge.paging import page_of
from localforge.render.issues import label as render
from localforge.rest.issues import found_issue, label_names
from localforge.store import issues
from localforge.store.issues import Issue, Label

area = Area()

_COLOR = re.compile(r"[0-9a-fA-F]{6}")
_ON_ISSUE = "/repos/{owner}/{repo}/issues/{issue_number}/labels"


@area("GET", "/repos/{owner}/{repo}/labels", "issues/list-labels-for-repo", needs="issues:read")
def list_for_repo(call: Call) -> Answer:
    """The repository's labels."""
    view = call.view
    page = page_of(call, issues.labels_of_repo(call.db, call.repo.id))
    return page.answer(lambda item: render(view, call.repo, item))


@area("POST", "/repos/{owner}/{repo}/labels", "issues/create-label", needs="issues:write", content=True)
def create(call: Call) -> Answer:
    """A new label."""
    name, color = _new_name(call, "name", None), _color(call, NEW_LABEL_COLOR)
    with call.forge.store.write() as tx:
        tx.insert(
            "label",
            repo_id=call.repo.id,
            name=name,
            color=color,
            description=call.body.maybe_text("description"),
        )
    shown = render(call.view, call.repo, _named(call, name))
    return created(shown, location=str(shown["url"]))


@area("GET", "/repos/{owner}/{repo}/labels/{name*}", "issues/get-label", needs="issues:read")
def get(call: Call) -> Answer:
    """One label."""
    return ok(render(call.view, call.repo, _named(call, call.params["name"])))


@area("PATCH", "/repos/{owner}/{repo}/labels/{name*}", "issues/update-label", needs="issues:write")
def update(call: Call) -> Answer:
    """Rename or repaint a label."""
    label = _named(call, call.params["name"])
    name = _new_name(call, "new_name", label)
    description = call.body.maybe_text("description") if "description" in call.body else label.description
    with call.forge.store.write() as tx:
        tx.update("label", label.id, name=name, color=_color(call, label.color), description=description)
    return ok(render(call.view, call.repo, _named(call, name)))


@area("DELETE", "/repos/{owner}/{repo}/labels/{name*}", "issues/delete-label", needs="issues:write")
def delete(call: Call) -> Answer:
    """Remove a label from the repository and its issues."""
    label = _named(call, call.params["name"])
    with call.forge.store.write() as tx:
        tx.execute("DELETE FROM label WHERE id = ?", label.id)
    return no_content()


@area("GET", _ON_ISSUE, "issues/list-labels-on-issue", needs="issues:read")
def list_on_issue(call: Call) -> Answer:
    """The issue's labels."""
    view = call.view
    page = page_of(call, issues.labels_of(call.db, found_issue(call).id))
    return page.answer(lambda item: render(view, call.repo, item))


@area("POST", _ON_ISSUE, "issues/add-labels", needs="issues:write", role=Role.TRIAGE)
def add(call: Call) -> Answer:
    """Put labels on the issue."""
    item, names = found_issue(call), _listed(call)
    with call.forge.store.write() as tx:
        add_labels(act_on(call.forge, tx, item, call.actor.account.id), names)
    return _of_issue(call, item)


@area("PUT", _ON_ISSUE, "issues/set-labels", needs="issues:write", role=Role.TRIAGE)
def replace(call: Call) -> Answer:
    """Make these the issue's labels."""
    item, names = found_issue(call), _listed(call)
    with call.forge.store.write() as tx:
        set_labels(act_on(call.forge, tx, item, call.actor.account.id), names)
    return _of_issue(call, item)


@area("DELETE", _ON_ISSUE, "issues/remove-all-labels", needs="issues:write", role=Role.TRIAGE)
def clear(call: Call) -> Answer:
    """Take every label off the issue."""
    item = found_issue(call)
    with call.forge.store.write() as tx:
        set_labels(act_on(call.forge, tx, item, call.actor.account.id), ())
    return no_content()


@area("DELETE", f"{_ON_ISSUE}/{{name*}}", "issues/remove-label", needs="issues:write", role=Role.TRIAGE)
def remove(call: Call) -> Answer:
    """Take one label off the issue; 404 when it is not on it."""
    item = found_issue(call)
    wanted = call.params["name"].casefold()
    on_issue = [label for label in issues.labels_of(call.db, item.id) if label.name.casefold() == wanted]
    if not on_issue:
        raise NotFoundError("Label does not exist")
    with call.forge.store.write() as tx:
        remove_label(act_on(call.forge, tx, item, call.actor.account.id), on_issue[0])
    return _of_issue(call, item)


def _named(call: Call, name: str) -> Label:
    label = issues.label_named(call.db, call.repo.id, name)
    if label is None:
        raise NotFoundError
    return label


def _new_name(call: Call, field: str, label: Label | None) -> str:
    """The name that the body gives; the label's own when it gives none. 422 when another label has it."""
    given = call.body.maybe_text(field) if label else call.body.text(field)
    name = (given if given is not None else label.name if label else "").strip()
    if not name:
        raise field_error("Label", "name", "missing_field")
    if len(name) > 50:
        raise field_error("Label", "name", "custom", "name is too long (maximum is 50 characters)")
    taken = issues.label_named(call.db, call.repo.id, name)
    if taken and (label is None or taken.id != label.id):
        raise field_error("Label", "name", "already_exists")
    return name


def _color(call: Call, default: str) -> str:
    color = call.body.maybe_text("color") or default
    if not _COLOR.fullmatch(color):
        raise field_error("Label", "color")
    return color


def _listed(call: Call) -> list[str]:
    """Names from `{"labels": […]}` or from a bare list."""
    try:
        value: Json = decode(call.content) if call.content.strip() else {}
    except ValueError as error:
        raise BadRequestError from error
    names = label_names(value if isinstance(value, list) else call.body.items("labels"))
    if names is None:
        raise field_error("Label", "labels", "missing_field")
    return names


def _of_issue(call: Call, item: Issue) -> Answer:
    view = call.view
    return ok([render(view, call.repo, label) for label in issues.labels_of(call.db, item.id)])
