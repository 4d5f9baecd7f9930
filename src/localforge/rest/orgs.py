"""Organizations and their members."""

from localforge.call import Answer, Call, ok
from localforge.errors import NotFoundError
from localforge.operations import Area
from localforge.paging import page_of
from localforge.render.accounts import full_org, simple_org, simple_user
from localforge.store import accounts
from localforge.store.accounts import Account

area = Area()


@area("GET", "/orgs/{org}", "orgs/get")
def get(call: Call) -> Answer:
    """An organization."""
    return ok(full_org(call.view, organization(call)))


@area("GET", "/user/orgs", "orgs/list-for-authenticated-user", login=True)
def list_for_authenticated_user(call: Call) -> Answer:
    """The caller's organizations."""
    found = accounts.organizations_of(call.db, call.actor.account.id)
    return page_of(call, found).answer(lambda org: simple_org(call.urls, org))


@area("GET", "/orgs/{org}/members", "orgs/list-members")
def list_members(call: Call) -> Answer:
    """The organization's people, all or by role."""
    org = organization(call)
    role = call.query.choice("role", ("all", "admin", "member"), "all")
    people = [
        person
        for person in accounts.members(call.db, org.id)
        if role in {"all", accounts.member_role(call.db, org.id, person.id)}
    ]
    return page_of(call, people).answer(lambda person: simple_user(call.urls, person))


def organization(call: Call) -> Account:
    """The organization of the path, or 404."""
    org = accounts.by_login(call.db, call.params["org"])
    if org is None or org.kind != "Organization":
        raise NotFoundError
    return org
