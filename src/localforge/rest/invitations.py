"""Giving people a role on a repository: at once to who is known there, by an invitation to everybody else."""

from localforge.access import Role
from localforge.call import Answer, Call, created, no_content
from localforge.errors import InvalidError, NotFoundError, field_error
from localforge.json_types import Json
from localforge.operations import Area
from localforge.paging import page_of
from localforge.render.accounts import simple_user
from localforge.render.repository import repository
from localforge.render.view import View
from localforge.store import accounts, invitations, repos
from localforge.store.accounts import Account
from localforge.store.database import Tx
from localforge.store.invitations import Invitation
from localforge.urls import node_id

area = Area()

_ONE = "/repos/{owner}/{repo}/collaborators/{username}"
_MINE = "/user/repository_invitations"
_ROLES = {
    "pull": Role.READ,
    "triage": Role.TRIAGE,
    "push": Role.WRITE,
    "maintain": Role.MAINTAIN,
    "admin": Role.ADMIN,
}


@area("PUT", _ONE, "repos/add-collaborator", needs="administration:write")
def add_collaborator(call: Call) -> Answer:
    """204 for a collaborator or a member of the organization, whose role it is now; 201 with an invitation for others."""
    person = _person(call)
    role = _ROLES[call.body.choice("permission", tuple(_ROLES), "push")]
    if person.id == call.repo.owner_id:
        raise InvalidError("Repository owner cannot be a collaborator")
    known = repos.collaborator_role(call.db, call.repo.id, person.id) or accounts.member_role(
        call.db, call.repo.owner_id, person.id
    )
    with call.forge.store.write() as tx:
        if known:
            _grant(tx, call.repo.id, person.id, role.name.lower())
            return no_content()
        tx.execute("DELETE FROM invitation WHERE repo_id = ? AND user_id = ?", call.repo.id, person.id)
        invitation_id = tx.insert(
            "invitation",
            repo_id=call.repo.id,
            user_id=person.id,
            inviter_id=call.actor.account.id,
            role=role.name.lower(),
            created_at=call.forge.clock(),
        )
    item = invitations.by_id(call.db, invitation_id)
    where = f"{call.urls.api}{_MINE}/{invitation_id}"
    return created(_rendered(call.view, item) if item else None, location=where)


@area("DELETE", _ONE, "repos/remove-collaborator", needs="administration:write")
def remove_collaborator(call: Call) -> Answer:
    """Take the role, or the invitation, back."""
    person = _person(call)
    with call.forge.store.write() as tx:
        for table in ("collaborator", "invitation"):
            tx.execute(f"DELETE FROM {table} WHERE repo_id = ? AND user_id = ?", call.repo.id, person.id)  # noqa: S608
    return no_content()


@area("GET", "/repos/{owner}/{repo}/invitations", "repos/list-invitations", needs="administration:read")
def list_invitations(call: Call) -> Answer:
    """Who has not answered yet."""
    view = call.view
    return page_of(call, invitations.of_repo(call.db, call.repo.id)).answer(
        lambda item: _rendered(view, item)
    )


@area("GET", _MINE, "repos/list-invitations-for-authenticated-user", login=True)
def list_mine(call: Call) -> Answer:
    """What the caller is invited to."""
    view = call.view
    mine = invitations.of_user(call.db, call.actor.account.id)
    return page_of(call, mine).answer(lambda item: _rendered(view, item))


@area("PATCH", f"{_MINE}/{{invitation_id}}", "repos/accept-invitation-for-authenticated-user", login=True)
def accept(call: Call) -> Answer:
    """The caller takes the role."""
    item = _own(call)
    with call.forge.store.write() as tx:
        tx.execute("DELETE FROM invitation WHERE id = ?", item.id)
        _grant(tx, item.repo_id, item.user_id, item.role)
    return no_content()


@area("DELETE", f"{_MINE}/{{invitation_id}}", "repos/decline-invitation-for-authenticated-user", login=True)
def decline(call: Call) -> Answer:
    """The caller does not want it."""
    item = _own(call)
    with call.forge.store.write() as tx:
        tx.execute("DELETE FROM invitation WHERE id = ?", item.id)
    return no_content()


def _grant(tx: Tx, repo_id: int, user_id: int, role: str) -> None:
    tx.execute("DELETE FROM collaborator WHERE repo_id = ? AND user_id = ?", repo_id, user_id)
    tx.insert("collaborator", repo_id=repo_id, user_id=user_id, role=role)


def _person(call: Call) -> Account:
    person = accounts.by_login(call.db, call.params["username"])
    if person is None:
        raise NotFoundError
    if person.kind != "User":
        raise field_error("Collaborator", "username")
    return person


def _own(call: Call) -> Invitation:
    item = invitations.by_id(call.db, call.number("invitation_id"))
    if item is None or item.user_id != call.actor.account.id:
        raise NotFoundError
    return item


def _rendered(view: View, item: Invitation) -> dict[str, Json]:
    """`repository-invitation`."""
    repo = repos.by_id(view.db, item.repo_id)
    if repo is None:
        raise LookupError(f"repository {item.repo_id}")
    return {
        "id": item.id,
        "node_id": node_id("RI", item.id),
        "repository": repository(view, repo),
        "invitee": simple_user(view.urls, view.account(item.user_id)),
        "inviter": simple_user(view.urls, view.account(item.inviter_id)),
        "permissions": item.role,
        "created_at": item.created_at,
        "expired": False,
        "url": f"{view.urls.api}{_MINE}/{item.id}",
        "html_url": view.urls.page(view.full_name(repo), "invitations"),
    }
