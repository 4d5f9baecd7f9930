"""Lists of repositories, each as far as its caller may see it."""

from collections.abc import Callable, Iterable

from localforge.access import can_see
from localforge.call import Answer, Call
from localforge.errors import NotFoundError
from localforge.operations import Area
from localforge.paging import page_of
from localforge.render.repository import repository
from localforge.rest.orgs import organization
from localforge.store import accounts
from localforge.store.repos import Repository

area = Area()

_ORDER: dict[str, Callable[[Repository], str]] = {
    "created": lambda repo: repo.created_at,
    "updated": lambda repo: repo.updated_at,
    "pushed": lambda repo: repo.pushed_at,
    "full_name": lambda repo: repo.name.lower(),
}
_KINDS: dict[str, Callable[[Repository], bool]] = {
    "all": lambda _: True,
    "owner": lambda _: True,
    "member": lambda _: True,
    "public": lambda repo: not repo.private,
    "private": lambda repo: repo.private,
    "forks": lambda repo: repo.parent_id is not None,
    "sources": lambda repo: repo.parent_id is None,
}


@area("GET", "/orgs/{org}/repos", "repos/list-for-org")
def list_for_org(call: Call) -> Answer:
    """An organization's repositories."""
    rows = call.db.all(Repository, "SELECT * FROM repository WHERE owner_id = ?", organization(call).id)
    return _listed(
        call, rows, kinds=("all", "public", "private", "forks", "sources", "member"), order="created"
    )


@area("GET", "/users/{username}/repos", "repos/list-for-user")
def list_for_user(call: Call) -> Answer:
    """A user's public repositories; with `type=member`, those they collaborate on."""
    user = accounts.by_login(call.db, call.params["username"])
    if user is None:
        raise NotFoundError
    owned = call.db.all(Repository, "SELECT * FROM repository WHERE owner_id = ? AND NOT private", user.id)
    shared = call.db.all(Repository, _SHARED + " AND NOT private", user.id)
    match call.query.choice("type", ("all", "owner", "member"), "owner"):
        case "owner":
            rows = owned
        case "member":
            rows = shared
        case _:
            rows = owned + shared
    return _listed(call, rows, kinds=("all", "owner", "member"), order="full_name")


@area("GET", "/user/repos", "repos/list-for-authenticated-user", login=True)
def list_for_authenticated_user(call: Call) -> Answer:
    """What the caller owns, collaborates on, or reaches through an organization."""
    user = call.actor.account
    sources = {
        "owner": "SELECT * FROM repository WHERE owner_id = ?",
        "collaborator": _SHARED,
        "organization_member": "SELECT repository.* FROM repository"
        " JOIN membership ON membership.org_id = repository.owner_id WHERE membership.user_id = ?",
    }
    kind = call.query.choice("type", ("all", "owner", "public", "private", "member"), "all")
    wanted = (call.query.get("affiliation") or ",".join(sources)).split(",")
    if kind in {"owner", "member"}:
        wanted = ["owner"] if kind == "owner" else ["collaborator", "organization_member"]
    rows = {
        repo.id: repo
        for name in wanted
        if name in sources
        for repo in call.db.all(Repository, sources[name], user.id)
    }
    visibility = call.query.choice("visibility", ("all", "public", "private"), "all")
    kept = [repo for repo in rows.values() if _KINDS[visibility](repo)]
    return _listed(call, kept, kinds=("all", "owner", "public", "private", "member"), order="full_name")


_SHARED = (
    "SELECT repository.* FROM repository JOIN collaborator ON collaborator.repo_id = repository.id"
    " WHERE collaborator.user_id = ?"
)


def _listed(call: Call, rows: Iterable[Repository], *, kinds: tuple[str, ...], order: str) -> Answer:
    """One page of the rows that the caller may see, of the kind and in the order asked for."""
    kind = call.query.choice("type", kinds, call.query.get("type") or kinds[0])
    sort = call.query.choice("sort", tuple(_ORDER), order)
    direction = call.query.choice("direction", ("asc", "desc"), "asc" if sort == "full_name" else "desc")
    seen = [repo for repo in rows if _KINDS[kind](repo) and can_see(call.db, call.actor, repo)]
    seen.sort(key=lambda repo: (_ORDER[sort](repo), repo.id), reverse=direction == "desc")
    return page_of(call, seen).answer(lambda repo: repository(call.view, repo))
