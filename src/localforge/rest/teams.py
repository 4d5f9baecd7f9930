"""Teams of an organization, for its members."""

from localforge.access import unpermitted
from localforge.call import Answer, Call, ok
from localforge.errors import NotFoundError
from localforge.operations import Area
from localforge.paging import page_of
from localforge.render import teams as render
from localforge.render.accounts import simple_user
from localforge.rest.orgs import organization
from localforge.store import accounts, teams
from localforge.store.accounts import Account
from localforge.store.teams import Team

area = Area()

_ONE = "/orgs/{org}/teams/{team_slug}"
_SCOPES = frozenset({"read:org", "write:org", "admin:org", "repo"})


@area("GET", "/orgs/{org}/teams", "teams/list", login=True)
def list_teams(call: Call) -> Answer:
    """The teams that the caller sees."""
    org, view = _org(call), call.view
    seen = [item for item in teams.of_org(call.db, org.id) if _sees(call, org, item)]
    return page_of(call, seen).answer(lambda item: render.team(view, item))


@area("GET", _ONE, "teams/get-by-name", login=True)
def get_by_name(call: Call) -> Answer:
    """One team."""
    return ok(render.full(call.view, _team(call)))


@area("GET", f"{_ONE}/members", "teams/list-members-in-org", login=True)
def list_members(call: Call) -> Answer:
    """The team's people, those of teams below it included."""
    role = call.query.choice("role", ("all", "member", "maintainer"), "all")
    people = teams.members(call.db, _team(call).id, None if role == "all" else role)
    return page_of(call, people).answer(lambda person: simple_user(call.urls, person))


def _org(call: Call) -> Account:
    """The organization, for its members and for who may read them; 404 for others, 403 where the token may not."""
    org, actor = organization(call), call.actor
    credential = actor.credential
    if actor.installation:
        if actor.installation.account_id != org.id:
            raise NotFoundError
    elif accounts.member_role(call.db, org.id, actor.account.id) is None:
        raise NotFoundError
    if credential is None:
        return org
    allowed = (
        "members" in credential.permissions if credential.scopes is None else credential.scopes & _SCOPES
    )
    if not allowed:
        raise unpermitted(actor)
    return org


def _team(call: Call) -> Team:
    org = _org(call)
    item = teams.by_slug(call.db, org.id, call.params["team_slug"])
    if item is None or not _sees(call, org, item):
        raise NotFoundError
    return item


def _sees(call: Call, org: Account, item: Team) -> bool:
    """A secret team is seen by its own people and the organization's owners."""
    if item.privacy == "closed" or call.actor.installation:
        return True
    person = call.actor.account
    owns = accounts.member_role(call.db, org.id, person.id) == "admin"
    return owns or person.id in {member.id for member in teams.members(call.db, item.id)}
