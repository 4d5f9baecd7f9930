"""Who is a member of an organization, and as what."""

from localforge.access import unpermitted
from localforge.call import Answer, Call, no_content, ok, redirect
from localforge.errors import ForbiddenError, NotFoundError
from localforge.json_types import Json
from localforge.operations import Area
from localforge.paging import page_of
from localforge.render.accounts import simple_org, simple_user
from localforge.rest.orgs import organization
from localforge.store import accounts
from localforge.store.accounts import Account

area = Area()

_ONE = "/orgs/{org}/memberships/{username}"
_MINE = "/user/memberships/orgs"


@area("GET", "/orgs/{org}/members/{username}", "orgs/check-membership-for-user")
def check_member(call: Call) -> Answer:
    """204 for a member, 404 for anybody else; who is no member themselves is sent to the public list."""
    org, person = organization(call), _person(call)
    user, here = call.actor.user, call.actor.installation
    inside = user is not None and accounts.member_role(call.db, org.id, user.id) is not None
    if not inside and not (here and here.account_id == org.id):
        return redirect(f"{call.urls.api}/orgs/{org.login}/public_members/{person.login}")
    if accounts.member_role(call.db, org.id, person.id) is None:
        raise NotFoundError("User does not exist or is not a member of the organization")
    return no_content()


@area("GET", _ONE, "orgs/get-membership-for-user", login=True)
def get_membership(call: Call) -> Answer:
    """A member's role, for members and for Apps that may read them."""
    org, person = organization(call), _person(call)
    here = call.actor.installation
    if here and here.account_id == org.id:
        if "members" not in (call.actor.credential.permissions if call.actor.credential else {}):
            raise unpermitted(call.actor)
    elif accounts.member_role(call.db, org.id, call.actor.account.id) is None:
        raise ForbiddenError("You must be a member of this organization to see memberships.")
    if accounts.member_role(call.db, org.id, person.id) is None:
        raise NotFoundError
    return ok(_rendered(call, org, person))


@area("DELETE", _ONE, "orgs/remove-membership-for-user", login=True)
def remove_membership(call: Call) -> Answer:
    """An owner removes a member; the last owner stays."""
    org, person = organization(call), _person(call)
    if accounts.member_role(call.db, org.id, call.actor.account.id) != "admin":
        raise ForbiddenError("You must be an admin to remove a membership.")
    credential = call.actor.credential
    if credential and credential.scopes is not None and "admin:org" not in credential.scopes:
        raise ForbiddenError("You must be an admin to remove a membership.")
    if credential and credential.scopes is None and credential.permissions.get("members") != "write":
        raise unpermitted(call.actor)
    role = accounts.member_role(call.db, org.id, person.id)
    if role is None:
        raise NotFoundError
    owners = [one for one in accounts.members(call.db, org.id) if _is_owner(call, org, one)]
    if role == "admin" and len(owners) == 1:
        raise ForbiddenError("Cannot remove the last owner of the organization.")
    with call.forge.store.write() as tx:
        tx.execute("DELETE FROM membership WHERE org_id = ? AND user_id = ?", org.id, person.id)
        tx.execute(
            "DELETE FROM team_member WHERE user_id = ? AND team_id IN (SELECT id FROM team WHERE org_id = ?)",
            person.id,
            org.id,
        )
    return no_content()


@area("GET", _MINE, "orgs/list-memberships-for-authenticated-user", login=True)
def list_mine(call: Call) -> Answer:
    """The caller's memberships."""
    person = call.actor.account
    found = accounts.organizations_of(call.db, person.id)
    return page_of(call, found).answer(lambda org: _rendered(call, org, person))


@area("GET", f"{_MINE}/{{org}}", "orgs/get-membership-for-authenticated-user", login=True)
def get_mine(call: Call) -> Answer:
    """The caller's membership in one organization."""
    org, person = organization(call), call.actor.account
    if accounts.member_role(call.db, org.id, person.id) is None:
        raise NotFoundError
    return ok(_rendered(call, org, person))


def _person(call: Call) -> Account:
    person = accounts.by_login(call.db, call.params["username"])
    if person is None:
        raise NotFoundError
    return person


def _is_owner(call: Call, org: Account, person: Account) -> bool:
    return accounts.member_role(call.db, org.id, person.id) == "admin"


def _rendered(call: Call, org: Account, person: Account) -> dict[str, Json]:
    """`org-membership`."""
    url = f"{call.urls.api}/orgs/{org.login}"
    return {
        "url": f"{url}/memberships/{person.login}",
        "state": "active",
        "role": accounts.member_role(call.db, org.id, person.id),
        "organization_url": url,
        "direct_membership": True,
        "organization": simple_org(call.urls, org),
        "user": simple_user(call.urls, person),
    }
