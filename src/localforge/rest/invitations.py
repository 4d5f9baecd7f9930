"""Adding people to a repository and removing them: members at once, others by an invitation that they answer.

Shapes: GitHub's `repository-invitation`; who is invited and who is added at once as its docs say of `repos/add-collaborator`.
"""

from localforge.access import NAMES
from localforge.call import Answer, Call, created, no_content, ok
from localforge.errors import InvalidError, NotFoundError
from localforge.json_types import Json
from localforge.operations import Area
from localforge.paging import page_of
from localforge.render.accounts import simple_user
from localforge.render.repository import repository
from localforge.store import accounts, invitations, repos
from localforge.store.accounts import Account
from localforge.store.invitations import Invitation
from localforge.urls import node_id

area = Area()

_PERSON = "/repos/{owner}/{repo}/collaborators/{username}"
_OURS = "/repos/{owner}/{repo}/invitations"
_MINE = "/user/repository_invitations"


@area("PUT", _PERSON, "repos/add-collaborator", needs="administration:write")
def add(call: Call) -> Answer:
    """201 with an invitation for somebody from outside; 204 once they are in, or for a member of the organization."""
    person = _person(call)
    name = call.body.choice("permission", tuple(NAMES), "push")
    role, repo = NAMES[name].name.lower(), call.repo
    if person.id == repo.owner_id:
        raise InvalidError("Repository owner cannot be a collaborator")
    inside = (
        accounts.member_role(call.db, repo.owner_id, person.id) is not None
        or repos.collaborator_role(call.db, repo.id, person.id) is not None
    )
    with call.forge.store.write() as tx:
        if inside:
            invitations.grant(tx, repo.id, person.id, role)
            return no_content()
        invitations.withdraw(tx, repo.id, person.id)
        number = tx.insert(
            "invitation",
            repo_id=repo.id,
            invitee_id=person.id,
            inviter_id=call.actor.account.id,
            role=role,
            created_at=call.forge.clock(),
        )
    return created(_shown(call, _found(call, number)), location=f"{call.urls.api}{_MINE}/{number}")


@area("DELETE", _PERSON, "repos/remove-collaborator", needs="administration:write")
def remove(call: Call) -> Answer:
    """Nobody by that name among them is no error."""
    person = _person(call)
    with call.forge.store.write() as tx:
        invitations.withdraw(tx, call.repo.id, person.id)
    return no_content()


@area("GET", _OURS, "repos/list-invitations", needs="administration:read")
def list_ours(call: Call) -> Answer:
    """Who was invited and has not answered."""
    rows = invitations.of_repo(call.db, call.repo.id)
    return page_of(call, rows).answer(lambda row: _shown(call, row))


@area("PATCH", f"{_OURS}/{{invitation_id}}", "repos/update-invitation", needs="administration:write")
def update(call: Call) -> Answer:
    """Change what an invitation offers."""
    row = _of_repo(call)
    words = {"read": "pull", "write": "push"}
    name = call.body.choice("permissions", ("read", "write", "maintain", "triage", "admin"))
    with call.forge.store.write() as tx:
        tx.update("invitation", row.id, role=NAMES[words.get(name, name)].name.lower())
    return ok(_shown(call, _found(call, row.id)))


@area("DELETE", f"{_OURS}/{{invitation_id}}", "repos/delete-invitation", needs="administration:write")
def delete(call: Call) -> Answer:
    """Take an invitation back."""
    row = _of_repo(call)
    with call.forge.store.write() as tx:
        tx.execute("DELETE FROM invitation WHERE id = ?", row.id)
    return no_content()


@area("GET", _MINE, "repos/list-invitations-for-authenticated-user", login=True)
def list_mine(call: Call) -> Answer:
    """What the caller has not answered."""
    rows = invitations.of_user(call.db, call.actor.account.id)
    return page_of(call, rows).answer(lambda row: _shown(call, row))


@area("PATCH", f"{_MINE}/{{invitation_id}}", "repos/accept-invitation-for-authenticated-user", login=True)
def accept(call: Call) -> Answer:
    """Join."""
    row = _mine(call)
    with call.forge.store.write() as tx:
        invitations.grant(tx, row.repo_id, row.invitee_id, row.role)
    return no_content()


@area("DELETE", f"{_MINE}/{{invitation_id}}", "repos/decline-invitation-for-authenticated-user", login=True)
def decline(call: Call) -> Answer:
    """Stay out."""
    row = _mine(call)
    with call.forge.store.write() as tx:
        tx.execute("DELETE FROM invitation WHERE id = ?", row.id)
    return no_content()


def _person(call: Call) -> Account:
    person = accounts.by_login(call.db, call.params["username"])
    if person is None or person.kind == "Organization":
        raise NotFoundError
    return person


def _found(call: Call, number: int) -> Invitation:
    row = invitations.by_id(call.db, number)
    if row is None:
        raise NotFoundError
    return row


def _of_repo(call: Call) -> Invitation:
    row = _found(call, call.number("invitation_id"))
    if row.repo_id != call.repo.id:
        raise NotFoundError
    return row


def _mine(call: Call) -> Invitation:
    row = _found(call, call.number("invitation_id"))
    if row.invitee_id != call.actor.account.id:
        raise NotFoundError
    return row


def _shown(call: Call, row: Invitation) -> dict[str, Json]:
    repo = repos.by_id(call.db, row.repo_id)
    if repo is None:
        raise NotFoundError
    full_name = call.view.full_name(repo)
    return {
        "id": row.id,
        "node_id": node_id("RI", row.id),
        "repository": repository(call.view, repo),
        "invitee": simple_user(call.urls, accounts.by_id(call.db, row.invitee_id)),
        "inviter": simple_user(call.urls, accounts.by_id(call.db, row.inviter_id)),
        "permissions": row.role,
        "created_at": row.created_at,
        "expired": False,
        "url": f"{call.urls.api}{_MINE}/{row.id}",
        "html_url": call.urls.page(full_name, "invitations"),
    }
