"""Variables and secrets of Actions, and the dispatch of repository events."""

import re

from localforge.access import Role
from localforge.actions.dispatching import dispatch_event
from localforge.actions.sealing import public_key, unseal
from localforge.call import Answer, Call, created, no_content, ok
from localforge.errors import ConflictError, InvalidError, NotFoundError
from localforge.json_types import Json
from localforge.operations import Area
from localforge.paging import page_of
from localforge.store import variables
from localforge.store.variables import Secret, Variable

area = Area()

LARGEST_VALUE = 48 << 10
MOST = 500
_ACTIONS = "/repos/{owner}/{repo}/actions"
_VARIABLE = f"{_ACTIONS}/variables/{{name}}"
_SECRET = f"{_ACTIONS}/secrets/{{secret_name}}"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_MOST_PROPERTIES = 10


@area("GET", f"{_ACTIONS}/variables", "actions/list-repo-variables", needs="variables:read", role=Role.WRITE)
def list_variables(call: Call) -> Answer:
    """The repository's variables, by name."""
    return page_of(call, variables.of_repo(call.db, Variable, call.repo.id)).wrapped(
        "variables", variable_json
    )


@area("GET", _VARIABLE, "actions/get-repo-variable", needs="variables:read", role=Role.WRITE)
def get_variable(call: Call) -> Answer:
    """One variable."""
    return ok(variable_json(_found_variable(call)))


@area(
    "POST", f"{_ACTIONS}/variables", "actions/create-repo-variable", needs="variables:write", role=Role.WRITE
)
def create_variable(call: Call) -> Answer:
    """A new variable; 409 when the name is taken."""
    name, value = (
        checked_name(call.body.text("name"), "Variable"),
        checked_value(call.body.text("value"), "Variable"),
    )
    with call.forge.store.write() as tx:
        if variables.named(tx, Variable, call.repo.id, name):
            raise ConflictError("Already exists - Variable already exists")
        if len(variables.of_repo(tx, Variable, call.repo.id)) >= MOST:
            raise InvalidError(f"A repository can have at most {MOST} variables")
        variables.put(tx, Variable, call.repo.id, name, value, call.forge.clock())
    return created({})


@area("PATCH", _VARIABLE, "actions/update-repo-variable", needs="variables:write", role=Role.WRITE)
def update_variable(call: Call) -> Answer:
    """Another value, another name, or both."""
    variable = _found_variable(call)
    name = checked_name(call.body.maybe_text("name") or variable.name, "Variable")
    given = call.body.maybe_text("value")
    value = checked_value(variable.value if given is None else given, "Variable")
    with call.forge.store.write() as tx:
        other = variables.named(tx, Variable, call.repo.id, name)
        if other is not None and other.id != variable.id:
            raise ConflictError("Already exists - Variable already exists")
        variables.rename(tx, variable, name, value, call.forge.clock())
    return no_content()


@area("DELETE", _VARIABLE, "actions/delete-repo-variable", needs="variables:write", role=Role.WRITE)
def delete_variable(call: Call) -> Answer:
    """Forget a variable."""
    variable = _found_variable(call)
    with call.forge.store.write() as tx:
        variables.remove(tx, Variable, variable)
    return no_content()


@area("GET", f"{_ACTIONS}/secrets", "actions/list-repo-secrets", needs="secrets:read", role=Role.WRITE)
def list_secrets(call: Call) -> Answer:
    """Names and times of the repository's secrets; never a value."""
    return page_of(call, variables.of_repo(call.db, Secret, call.repo.id)).wrapped("secrets", secret_json)


@area(
    "GET",
    f"{_ACTIONS}/secrets/public-key",
    "actions/get-repo-public-key",
    needs="secrets:read",
    role=Role.WRITE,
)
def get_public_key(call: Call) -> Answer:
    """The key that secrets must be sealed for."""
    key_id, key = public_key(call.forge)
    return ok({"key_id": key_id, "key": key})


@area("GET", _SECRET, "actions/get-repo-secret", needs="secrets:read", role=Role.WRITE)
def get_secret(call: Call) -> Answer:
    """One secret's name and times."""
    secret = variables.named(call.db, Secret, call.repo.id, call.params["secret_name"])
    if secret is None:
        raise NotFoundError
    return ok(secret_json(secret))


@area("PUT", _SECRET, "actions/create-or-update-repo-secret", needs="secrets:write", role=Role.WRITE)
def put_secret(call: Call) -> Answer:
    """Set a secret: 201 when it is new, 204 when it was there."""
    name = checked_name(call.params["secret_name"], "Secret")
    sealed = sealed_value(call)
    with call.forge.store.write() as tx:
        new = variables.put(tx, Secret, call.repo.id, name, sealed, call.forge.clock())
    return created({}) if new else no_content()


@area("DELETE", _SECRET, "actions/delete-repo-secret", needs="secrets:write", role=Role.WRITE)
def delete_secret(call: Call) -> Answer:
    """Forget a secret."""
    secret = variables.named(call.db, Secret, call.repo.id, call.params["secret_name"])
    if secret is None:
        raise NotFoundError
    with call.forge.store.write() as tx:
        variables.remove(tx, Secret, secret)
    return no_content()


@area("POST", "/repos/{owner}/{repo}/dispatches", "repos/create-dispatch-event", needs="contents:write")
def create_dispatch_event(call: Call) -> Answer:
    """Begin the runs of workflows that listen to `repository_dispatch` with this type."""
    event_type = call.body.text("event_type")
    if not 0 < len(event_type) <= 100:
        raise InvalidError("Invalid request.\n\nevent_type must have 1 to 100 characters.")
    given = call.body.object("client_payload")
    details = given.values if given else {}
    if len(details) > _MOST_PROPERTIES:
        raise InvalidError("No more than 10 properties are allowed in client_payload")
    dispatch_event(call.forge, call.repo, event_type, details, call.actor.account.id)
    return no_content()


def sealed_value(call: Call) -> str:
    """The body's secret as it came; 422 when it is not sealed for the forge's key, or too large."""
    sealed, key_id = call.body.text("encrypted_value"), call.body.text("key_id")
    if key_id != public_key(call.forge)[0]:
        raise InvalidError("Bad request - public key id does not match; please make sure you have the latest")
    value = unseal(call.forge, sealed)
    if value is None:
        raise InvalidError("Bad request - encrypted_value is not sealed for the repository's public key")
    checked_value(value, "Secret")
    return sealed


def _found_variable(call: Call) -> Variable:
    variable = variables.named(call.db, Variable, call.repo.id, call.params["name"])
    if variable is None:
        raise NotFoundError
    return variable


def checked_name(name: str, what: str) -> str:
    """A name as GitHub takes it, in upper case; 422 otherwise."""
    if not _NAME.fullmatch(name) or len(name) > 255:
        raise InvalidError(
            f"{what} names can only contain alphanumeric characters ([a-z], [A-Z], [0-9]) or underscores (_). "
            "Spaces are not allowed. Must start with a letter ([a-z], [A-Z]) or underscores (_)."
        )
    if name.upper().startswith("GITHUB_"):
        raise InvalidError(f"{what} names must not start with GITHUB_.")
    return name.upper()


def checked_value(value: str, what: str) -> str:
    """A value of at most 48 KB; 422 otherwise."""
    if len(value.encode()) > LARGEST_VALUE:
        raise InvalidError(f"{what} value is too large: it must be {LARGEST_VALUE >> 10} KB at most")
    return value


def variable_json(row: Variable) -> dict[str, Json]:
    """A variable as the API shows it."""
    return {"value": row.value, **secret_json(row)}


def secret_json(row: Variable) -> dict[str, Json]:
    """A name and its times: all that is shown of a secret."""
    return {"name": row.name, "created_at": row.created_at, "updated_at": row.updated_at}
