"""Fields of users and organizations, and of rate limits."""

from localforge import repositories
from localforge.access import can_see
from localforge.call import Call
from localforge.graph.fields import Ask, Connection, Fields, connect
from localforge.graph.nodes import Person, Repo
from localforge.moment import from_epoch
from localforge.render.accounts import account_node_id, avatar_url
from localforge.store import accounts, repos
from localforge.store.repos import Repository

fields = Fields()


def viewer_is(ask: Ask, account_id: int) -> bool:
    """Whether this account is who asks."""
    return ask.view.actor.user is not None and ask.view.actor.user.id == account_id


def visible(ask: Ask, found: list[Repository]) -> list[Repository]:
    """Those that the viewer may see."""
    return [repo for repo in found if can_see(ask.db, ask.view.actor, repo)]


def repositories_of(person: Person, ask: Ask) -> Connection:
    """The owner's repositories, filtered and ordered as asked."""
    found = visible(
        ask,
        ask.db.all(Repository, "SELECT * FROM repository WHERE owner_id = ? ORDER BY id", person.account.id),
    )
    for name, holds in (
        ("isArchived", lambda repo: repo.archived),
        ("isFork", lambda repo: repo.parent_id is not None),
        ("hasIssuesEnabled", lambda repo: bool(repositories.setting(repo, "has_issues"))),
    ):
        wanted = ask.args.maybe_flag(name)
        if wanted is not None:
            found = [repo for repo in found if holds(repo) == wanted]
    wanted_text = ask.args.maybe_text("visibility") or ask.args.maybe_text("privacy")
    if wanted_text:
        found = [repo for repo in found if repo.private == (wanted_text == "PRIVATE")]
    return connect(ask, _ordered(ask, found), lambda repo: Repo(repo=repo), totalDiskUsage=0)


def _ordered(ask: Ask, found: list[Repository]) -> list[Repository]:
    order = ask.args.object("orderBy")
    if order is None:
        return found
    keys = {
        "NAME": lambda repo: repo.name.casefold(),
        "CREATED_AT": lambda repo: repo.created_at,
        "UPDATED_AT": lambda repo: repo.updated_at,
        "PUSHED_AT": lambda repo: repo.pushed_at,
    }
    key = keys.get(order.text("field"), lambda repo: f"{repo.id:020}")
    return sorted(found, key=key, reverse=order.text("direction") == "DESC")


def one_repository(person: Person, ask: Ask) -> Repo | None:
    """A repository of the owner by name."""
    repo = repos.by_name(ask.db, person.account.login, ask.args.text("name"))
    return Repo(repo=repo) if repo and can_see(ask.db, ask.view.actor, repo) else None


def organizations_of(person: Person, ask: Ask) -> Connection:
    """The organizations that the user belongs to."""
    found = accounts.organizations_of(ask.db, person.account.id)
    return connect(ask, found, lambda org: Person(account=org))


def members_of(person: Person, ask: Ask) -> Connection:
    """The organization's people."""
    return connect(ask, accounts.members(ask.db, person.account.id), lambda member: Person(account=member))


for _kind in ("User", "Organization", "Bot"):
    fields.of(
        _kind,
        Person,
        {
            "id": lambda node, _ask: account_node_id(node.account),
            "databaseId": lambda node, _ask: node.account.id,
            "login": lambda node, _ask: node.account.login,
            "avatarUrl": lambda node, ask: avatar_url(ask.view.urls, node.account),
            "url": lambda node, ask: ask.view.urls.page(node.account.login),
            "resourcePath": lambda node, _ask: f"/{node.account.login}",
            "createdAt": lambda node, _ask: node.account.created_at,
            "updatedAt": lambda node, _ask: node.account.updated_at,
        },
    )
for _kind in ("User", "Organization"):
    fields.of(
        _kind,
        Person,
        {
            "name": lambda node, _ask: node.account.name,
            "repositories": repositories_of,
            "repository": one_repository,
        },
    )
fields.of(
    "User",
    Person,
    {
        "email": lambda node, _ask: node.account.email or "",
        "bio": lambda node, _ask: node.account.description,
        "isViewer": lambda node, ask: viewer_is(ask, node.account.id),
        "isSiteAdmin": lambda _node, _ask: False,
        "organizations": organizations_of,
        "company": lambda _node, _ask: None,
        "location": lambda _node, _ask: None,
    },
)
fields.of(
    "Organization",
    Person,
    {
        "email": lambda node, _ask: node.account.email,
        "description": lambda node, _ask: node.account.description,
        "isVerified": lambda _node, _ask: False,
        "membersWithRole": members_of,
        "teams": lambda _node, ask: connect(ask, (), lambda team: team),
        "team": lambda _node, _ask: None,
        "viewerIsAMember": lambda node, ask: _role(ask, node) is not None,
        "viewerCanAdminister": lambda node, ask: _role(ask, node) == "admin",
        "viewerCanCreateRepositories": lambda node, ask: _role(ask, node) is not None,
    },
)


def _role(ask: Ask, node: Person) -> str | None:
    user = ask.view.actor.user
    return accounts.member_role(ask.db, node.account.id, user.id) if user else None


def rate_limit(call: Call, cost: int, nodes: int) -> dict[str, object]:
    """The viewer's limit of this hour; the request's own point is counted when it is answered."""
    quota = call.forge.limiter.quota(call.limit_key, "graphql", anonymous=call.actor.user is None)
    return {
        "cost": cost,
        "nodeCount": nodes,
        "limit": quota.limit,
        "used": quota.used + 1,
        "remaining": max(0, quota.remaining - 1),
        "resetAt": from_epoch(quota.reset),
    }
