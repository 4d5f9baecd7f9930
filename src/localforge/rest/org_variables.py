"""Variables and secrets of an organization: set by its owners, for all its repositories, the private or chosen ones."""

from collections.abc import Sequence
from functools import partial
from typing import cast

from localforge.access import Credential, Level, Role
from localforge.actions.sealing import public_key
from localforge.call import Answer, Call, created, no_content, ok
from localforge.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError, UnauthorizedError
from localforge.json_types import Json
from localforge.operations import Area
from localforge.paging import page_of
from localforge.render.repository import repository
from localforge.rest.actions_variables import (
    MOST,
    checked_name,
    checked_value,
    sealed_value,
    secret_json,
    variable_json,
)
from localforge.rest.orgs import organization
from localforge.store import accounts, repos, variables
from localforge.store.accounts import Account
from localforge.store.variables import VISIBILITIES, Secret, Variable, Visibility

area = Area()

_ACTIONS = "/repos/{owner}/{repo}/actions"
_ORG = "/orgs/{org}/actions"
_VARIABLE, _SECRET = f"{_ORG}/variables/{{name}}", f"{_ORG}/secrets/{{secret_name}}"
_PERMISSIONS = {Variable: "organization_actions_variables", Secret: "organization_secrets"}


@area(
    "GET",
    f"{_ACTIONS}/organization-variables",
    "actions/list-repo-organization-variables",
    needs="variables:read",
    role=Role.WRITE,
)
def list_reaching_variables(call: Call) -> Answer:
    """Those of the organization that jobs of the repository get."""
    rows = variables.of_org(call.db, Variable, call.repo.owner_id)
    return page_of(call, [row for row in rows if row.reaches(call.repo)]).wrapped("variables", variable_json)


@area(
    "GET",
    f"{_ACTIONS}/organization-secrets",
    "actions/list-repo-organization-secrets",
    needs="secrets:read",
    role=Role.WRITE,
)
def list_reaching_secrets(call: Call) -> Answer:
    """Names and times of those of the organization that jobs of the repository get."""
    rows = variables.of_org(call.db, Secret, call.repo.owner_id)
    return page_of(call, [row for row in rows if row.reaches(call.repo)]).wrapped("secrets", secret_json)


@area("GET", f"{_ORG}/variables", "actions/list-org-variables", login=True)
def list_variables(call: Call) -> Answer:
    """The organization's variables, for its owners."""
    rows = variables.of_org(call.db, Variable, _owned(call, Variable).id)
    return page_of(call, rows).wrapped("variables", lambda row: _shown(call, row))


@area("POST", f"{_ORG}/variables", "actions/create-org-variable", login=True)
def create_variable(call: Call) -> Answer:
    """A new variable; 409 when the name is taken."""
    org = _owned(call, Variable, "write")
    name, value = checked_name(call.body.text("name"), "Variable"), _value(call, call.body.text("value"))
    row = _row(call, Variable, (org, name, value), None)
    with call.forge.store.write() as tx:
        if variables.named_of_org(tx, Variable, org.id, name):
            raise ConflictError("Already exists - Variable already exists")
        if len(variables.of_org(tx, Variable, org.id)) >= MOST * 2:
            raise InvalidError(f"An organization can have at most {MOST * 2} variables")
        variables.put_for_org(tx, Variable, row)
    return created({})


@area("GET", _VARIABLE, "actions/get-org-variable", login=True)
def get_variable(call: Call) -> Answer:
    """One variable."""
    return ok(_shown(call, _found(call, Variable)))


@area("PATCH", _VARIABLE, "actions/update-org-variable", login=True)
def update_variable(call: Call) -> Answer:
    """Another name, value, or other repositories."""
    before = _found(call, Variable, "write")
    org = accounts.by_id(call.db, before.org_id or 0)
    name = checked_name(call.body.maybe_text("name") or before.name, "Variable")
    given = call.body.maybe_text("value")
    value = _value(call, before.value if given is None else given)
    with call.forge.store.write() as tx:
        if name != before.name and variables.named_of_org(tx, Variable, org.id, name):
            raise ConflictError("Already exists - Variable already exists")
        variables.remove(tx, Variable, before)
        variables.put_for_org(tx, Variable, _row(call, Variable, (org, name, value), before))
    return no_content()


@area("GET", f"{_ORG}/secrets", "actions/list-org-secrets", login=True)
def list_secrets(call: Call) -> Answer:
    """Names and visibility of the organization's secrets, for its owners."""
    rows = variables.of_org(call.db, Secret, _owned(call, Secret).id)
    return page_of(call, rows).wrapped("secrets", lambda row: _shown(call, row))


@area("GET", f"{_ORG}/secrets/public-key", "actions/get-org-public-key", login=True)
def get_public_key(call: Call) -> Answer:
    """The key that secrets must be sealed for."""
    _owned(call, Secret)
    key_id, key = public_key(call.forge)
    return ok({"key_id": key_id, "key": key})


@area("GET", _SECRET, "actions/get-org-secret", login=True)
def get_secret(call: Call) -> Answer:
    """One secret's name and visibility."""
    return ok(_shown(call, _found(call, Secret)))


@area("PUT", _SECRET, "actions/create-or-update-org-secret", login=True)
def put_secret(call: Call) -> Answer:
    """Set a secret: 201 when it is new, 204 when it was there."""
    org = _owned(call, Secret, "write")
    name = checked_name(call.params["secret_name"], "Secret")
    before = variables.named_of_org(call.db, Secret, org.id, name)
    call.body.text("visibility")
    row = _row(call, Secret, (org, name, sealed_value(call)), before)
    with call.forge.store.write() as tx:
        variables.put_for_org(tx, Secret, row)
    return no_content() if before else created({})


def _remove(kind: type[Variable], call: Call) -> Answer:
    row = _found(call, kind, "write")
    with call.forge.store.write() as tx:
        variables.remove(tx, kind, row)
    return no_content()


def _list_selected(kind: type[Variable], call: Call) -> Answer:
    row = _selecting(call, kind, "read")
    chosen = [repo for repo in repos.of_owner(call.db, row.org_id or 0) if repo.id in row.selected]
    return page_of(call, chosen).wrapped("repositories", lambda repo: repository(call.view, repo))


def _set_selected(kind: type[Variable], call: Call) -> Answer:
    row = _selecting(call, kind)
    _select(call, kind, row, _selected(call, row.org_id or 0))
    return no_content()


def _add_selected(kind: type[Variable], call: Call) -> Answer:
    row = _selecting(call, kind)
    _select(
        call, kind, row, [*row.selected, _repository(call, row.org_id or 0, call.number("repository_id"))]
    )
    return no_content()


def _remove_selected(kind: type[Variable], call: Call) -> Answer:
    row = _selecting(call, kind)
    gone = _repository(call, row.org_id or 0, call.number("repository_id"))
    _select(call, kind, row, [number for number in row.selected if number != gone])
    return no_content()


for _kind, _word, _path in ((Variable, "variable", _VARIABLE), (Secret, "secret", _SECRET)):
    _chosen = f"{_path}/repositories"
    _one = f"{_chosen}/{{repository_id}}"
    for _method, _where, _name, _handler in (
        ("DELETE", _path, f"delete-org-{_word}", _remove),
        ("GET", _chosen, f"list-selected-repos-for-org-{_word}", _list_selected),
        ("PUT", _chosen, f"set-selected-repos-for-org-{_word}", _set_selected),
        ("PUT", _one, f"add-selected-repo-to-org-{_word}", _add_selected),
        ("DELETE", _one, f"remove-selected-repo-from-org-{_word}", _remove_selected),
    ):
        area(_method, _where, f"actions/{_name}", login=True)(partial(_handler, _kind))


def _owned(call: Call, kind: type[Variable], level: Level = "read") -> Account:
    """The organization, for its owners with a token that may, and for an App that is permitted to."""
    org, actor = organization(call), call.actor
    if actor.user is None:
        raise UnauthorizedError
    owns = (
        actor.installation.account_id == org.id
        if actor.installation
        else accounts.member_role(call.db, org.id, actor.account.id) == "admin"
    )
    if not owns or not _permits(actor.credential, _PERMISSIONS[kind], level):
        raise ForbiddenError("You must be an org admin or have the actions secrets fine-grained permission.")
    return org


def _permits(credential: Credential | None, permission: str, level: Level) -> bool:
    if credential is None:
        return True
    if credential.scopes is None:
        return credential.permissions.get(permission) in {level, "write"}
    return bool(credential.scopes & ({"admin:org"} if level == "write" else {"admin:org", "repo"}))


def _found(call: Call, kind: type[Variable], level: Level = "read") -> Variable:
    org = _owned(call, kind, level)
    name = call.params["secret_name" if kind is Secret else "name"]
    row = variables.named_of_org(call.db, kind, org.id, name)
    if row is None:
        raise NotFoundError
    return row


def _selecting(call: Call, kind: type[Variable], level: Level = "write") -> Variable:
    """The variable or secret, if it is one for chosen repositories; 409 otherwise."""
    row = _found(call, kind, level)
    if row.visibility != "selected":
        raise ConflictError("The visibility is not set to selected")
    return row


def _value(call: Call, value: str) -> str:
    call.body.choice("visibility", VISIBILITIES, VISIBILITIES[0])
    return checked_value(value, "Variable")


def _row(
    call: Call, kind: type[Variable], given: tuple[Account, str, str], before: Variable | None
) -> Variable:
    """What is to be written: the body's visibility and repositories, else those from before."""
    (org, name, value), at = given, call.forge.clock()
    visibility = call.body.choice(
        "visibility", VISIBILITIES, before.visibility if before else VISIBILITIES[0]
    )
    keeps = before is not None and "selected_repository_ids" not in call.body
    selected = before.selected if before and keeps else _selected(call, org.id)
    return kind(
        id=0,
        org_id=org.id,
        repo_id=None,
        name=name,
        value=value,
        visibility=cast("Visibility", visibility),
        selected=selected if visibility == "selected" else (),
        created_at=before.created_at if before else at,
        updated_at=at,
    )


def _select(call: Call, kind: type[Variable], row: Variable, selected: Sequence[int]) -> None:
    with call.forge.store.write() as tx:
        variables.select(tx, kind, row, selected, call.forge.clock())


def _selected(call: Call, org_id: int) -> list[int]:
    """The repositories that the body names, each of the organization."""
    chosen = []
    for number in call.body.items("selected_repository_ids") or ():
        if not isinstance(number, int) or isinstance(number, bool):
            raise InvalidError(f"Invalid request.\n\n{str(number)[:80]} is not an integer.")
        chosen.append(_repository(call, org_id, number))
    return chosen


def _repository(call: Call, org_id: int, number: int) -> int:
    found = repos.by_id(call.db, number) if abs(number) < 1 << 63 else None
    if found is None or found.owner_id != org_id:
        raise NotFoundError
    return found.id


def _shown(call: Call, row: Variable) -> dict[str, Json]:
    secret = isinstance(row, Secret)
    shown = {**(secret_json(row) if secret else variable_json(row)), "visibility": row.visibility}
    if row.visibility == "selected":
        login = accounts.by_id(call.db, row.org_id or 0).login
        where = f"{call.urls.api}/orgs/{login}/actions/{'secrets' if secret else 'variables'}"
        shown["selected_repositories_url"] = f"{where}/{row.name}/repositories"
    return shown
