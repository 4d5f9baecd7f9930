"""Whether a private repository's actions and workflows may be used by others of its owner."""

from localforge.actions.sources import ACCESS, LEVELS, access_level
from localforge.call import Answer, Call, no_content, ok
from localforge.errors import InvalidError
from localforge.operations import Area
from localforge.store import accounts

area = Area()

_ACCESS = "/repos/{owner}/{repo}/actions/permissions/access"


@area("GET", _ACCESS, "actions/get-workflow-access-to-repository", needs="administration:read")
def get_access(call: Call) -> Answer:
    """`none`, `user` or `organization`."""
    _refuse_public(call)
    return ok({"access_level": access_level(call.db, call.repo)})


@area("PUT", _ACCESS, "actions/set-workflow-access-to-repository", needs="administration:write")
def set_access(call: Call) -> Answer:
    """Share with all private repositories of the owner, or with none."""
    _refuse_public(call)
    level = call.body.choice("access_level", LEVELS)
    kind = accounts.by_id(call.db, call.repo.owner_id).kind.lower()
    if level not in {LEVELS[0], kind}:
        raise InvalidError(f"The access level '{level}' is not one of a repository that a {kind} owns.")
    with call.forge.store.write() as tx:
        tx.update("repository", call.repo.id, settings={**call.repo.settings, ACCESS: level})
    return no_content()


def _refuse_public(call: Call) -> None:
    if not call.repo.private:
        raise InvalidError("The access level of actions and workflows is one of private repositories only.")
