"""Who has access to a repository."""

from localforge.access import Role, role_on
from localforge.call import Answer, Call, no_content, ok
from localforge.errors import NotFoundError
from localforge.json_types import Json
from localforge.operations import Area
from localforge.paging import page_of
from localforge.render.accounts import permissions, simple_user
from localforge.store import accounts, teams
from localforge.store.accounts import Account

area = Area()

_NAMES = {
    "pull": Role.READ,
    "triage": Role.TRIAGE,
    "push": Role.WRITE,
    "maintain": Role.MAINTAIN,
    "admin": Role.ADMIN,
}


@area(
    "GET",
    "/repos/{owner}/{repo}/collaborators",
    "repos/list-collaborators",
    needs="metadata:read",
    role=Role.WRITE,
)
def list_collaborators(call: Call) -> Answer:
    """People with access: `direct`ly granted, from `outside` the organization, or `all`."""
    affiliation = call.query.choice("affiliation", ("outside", "direct", "all"), "all")
    direct = call.db.all(
        Account,
        "SELECT account.* FROM account JOIN collaborator ON collaborator.user_id = account.id"
        " WHERE collaborator.repo_id = ?",
        call.repo.id,
    )
    owner = accounts.by_id(call.db, call.repo.owner_id)
    members = accounts.members(call.db, owner.id)
    inside = {person.id for person in members} | {owner.id}
    match affiliation:
        case "outside":
            people = [person for person in direct if person.id not in inside]
        case "direct":
            people = direct
        case _:
            in_teams = [
                person
                for team in teams.on_repo(call.db, call.repo.id)
                for person in teams.members(call.db, team.id)
            ]
            people = [*direct, *in_teams, *members, *([owner] if owner.kind == "User" else [])]
    unique = {person.id: person for person in people}
    least = _NAMES[call.query.choice("permission", tuple(_NAMES), "pull")]
    granted = [person for person in unique.values() if _own_role(call, person) >= least]
    return page_of(call, granted).answer(lambda person: _collaborator(call, person))


@area(
    "GET",
    "/repos/{owner}/{repo}/collaborators/{username}",
    "repos/check-collaborator",
    needs="metadata:read",
    role=Role.WRITE,
)
def check_collaborator(call: Call) -> Answer:
    """204 when the user has access beyond what everybody has, else 404."""
    person = accounts.by_login(call.db, call.params["username"])
    if person is None or _own_role(call, person) is Role.NONE:
        raise NotFoundError
    return no_content()


@area(
    "GET",
    "/repos/{owner}/{repo}/collaborators/{username}/permission",
    "repos/get-collaborator-permission-level",
    needs="metadata:read",
)
def get_permission_level(call: Call) -> Answer:
    """What a user may do: `admin`, `write`, `read` or `none`, and the finer role."""
    person = accounts.by_login(call.db, call.params["username"])
    if person is None or person.kind == "Organization":
        raise NotFoundError
    role = role_on(call.db, call.repo, person)
    coarse = {Role.MAINTAIN: Role.WRITE, Role.TRIAGE: Role.READ}.get(role, role)
    return ok(
        {
            "permission": coarse.name.lower(),
            "role_name": role.name.lower(),
            "user": _collaborator(call, person),
        }
    )


def _own_role(call: Call, person: Account) -> Role:
    """The person's role by grant, membership or ownership; reading what is public does not count."""
    role = role_on(call.db, call.repo, person)
    if role > Role.READ or call.repo.private:
        return role
    known = accounts.member_role(call.db, call.repo.owner_id, person.id) is not None
    granted = call.db.count(
        "SELECT count(*) FROM collaborator WHERE repo_id = ? AND user_id = ?", call.repo.id, person.id
    )
    return role if known or granted else Role.NONE


def _collaborator(call: Call, person: Account) -> dict[str, Json]:
    role = role_on(call.db, call.repo, person)
    return {
        **simple_user(call.urls, person),
        "permissions": permissions(role),
        "role_name": role.name.lower(),
    }
