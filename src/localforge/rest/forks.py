"""Forks of a repository."""

from localforge.access import can_see
from localforge.call import Answer, Call, ok
from localforge.errors import ForbiddenError, NotFoundError
from localforge.forking import Wish, fork
from localforge.operations import Area
from localforge.paging import page_of
from localforge.render.repository import full_repository, repository
from localforge.store import accounts
from localforge.store.accounts import Account
from localforge.store.repos import Repository

area = Area()

_SORTS = ("newest", "oldest", "stargazers", "watchers")


@area(
    "POST",
    "/repos/{owner}/{repo}/forks",
    "repos/create-fork",
    needs="metadata:read",
    login=True,
    content=True,
)
def create_fork(call: Call) -> Answer:
    """A fork of the caller's or of an organization of theirs. 202, as on GitHub, though it is there at once."""
    owner = _owner(call)
    wish = Wish(
        owner=owner,
        name=call.body.maybe_text("name") or call.repo.name,
        default_branch_only=bool(call.body.maybe_flag("default_branch_only")),
    )
    made = fork(call.forge, call.repo, call.actor.account, wish)
    return ok(full_repository(call.view, made), status=202)


@area("GET", "/repos/{owner}/{repo}/forks", "repos/list-forks", needs="metadata:read")
def list_forks(call: Call) -> Answer:
    """The forks that the caller may see."""
    sort = call.query.choice("sort", _SORTS, "newest")
    rows = call.db.all(Repository, "SELECT * FROM repository WHERE parent_id = ? ORDER BY id", call.repo.id)
    rows = rows[::-1] if sort == "newest" else rows
    view = call.view
    seen = [repo for repo in rows if can_see(call.db, call.actor, repo)]
    return page_of(call, seen).answer(lambda repo: repository(view, repo))


def _owner(call: Call) -> Account:
    name, caller = call.body.maybe_text("organization"), call.actor.account
    if call.actor.installation:
        caller = accounts.by_id(call.db, call.actor.installation.account_id)
    if name is None:
        return caller
    org = accounts.by_login(call.db, name)
    if org is None or org.kind != "Organization":
        raise NotFoundError
    if org.id != caller.id and accounts.member_role(call.db, org.id, caller.id) is None:
        raise ForbiddenError("You do not have permission to create repositories in this organization.")
    return org
