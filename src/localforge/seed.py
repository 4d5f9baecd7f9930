"""Fill a forge in process, without HTTP, limits or events: for tests, demonstrations and administration."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from localforge import repositories
from localforge.access import Role
from localforge.apps import registering, tokens
from localforge.apps.registering import Blueprint, Registered
from localforge.apps.tokens import Wish
from localforge.credentials import CLASSIC_PREFIX, FINE_GRAINED_PREFIX, digest, new_secret
from localforge.forge import Forge
from localforge.json_types import Json
from localforge.store import teams
from localforge.store.accounts import Account, AccountKind, MemberRole, by_id, by_login
from localforge.store.apps import App, Installation
from localforge.store.repos import Repository
from localforge.store.teams import Team


def account(forge: Forge, login: str) -> Account:
    """The account with this login; ValueError when there is none."""
    found = by_login(forge.store.db, login)
    if found is None:
        raise ValueError(f"there is no account {login}: create it first")
    return found


def create_user(forge: Forge, login: str, *, name: str | None = None, email: str | None = None) -> Account:
    """A new user; ValueError when the login is taken."""
    return _create_account(forge, login, "User", {"name": name, "email": email})


def create_org(forge: Forge, login: str, *, owner: Account, name: str | None = None) -> Account:
    """A new organization with one owner; ValueError when the login is taken."""
    org = _create_account(forge, login, "Organization", {"name": name})
    add_member(forge, org, owner, role="admin")
    return org


def add_member(forge: Forge, org: Account, user: Account, *, role: MemberRole = "member") -> None:
    """Make a user a member (or owner: `admin`) of an organization, or change their role."""
    with forge.store.write() as tx:
        tx.execute("DELETE FROM membership WHERE org_id = ? AND user_id = ?", org.id, user.id)
        tx.insert("membership", org_id=org.id, user_id=user.id, role=role)


def add_collaborator(forge: Forge, repo: Repository, user: Account, *, role: Role) -> None:
    """Give a user a role on one repository, or change it."""
    with forge.store.write() as tx:
        tx.execute("DELETE FROM collaborator WHERE repo_id = ? AND user_id = ?", repo.id, user.id)
        tx.insert("collaborator", repo_id=repo.id, user_id=user.id, role=role.name.lower())


def create_token(forge: Forge, user: Account, *scopes: str) -> str:
    """A classic token with scopes (`repo`, `workflow`, `read:org` …). The text exists only in the answer."""
    return _create_token(forge, user, CLASSIC_PREFIX, {"scopes": list(scopes)})


def create_fine_grained_token(
    forge: Forge,
    user: Account,
    permissions: Mapping[str, str],
    *,
    repositories: Sequence[Repository] | None = None,
    expires_at: str | None = None,
) -> str:
    """A token with a permission map (`{"contents": "read"}`), for all of the user's repositories or some."""
    return _create_token(
        forge,
        user,
        FINE_GRAINED_PREFIX,
        {
            "permissions": permissions,
            "repositories": None if repositories is None else [repo.id for repo in repositories],
            "expires_at": expires_at,
        },
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTeam:
    """A team to be: its people, what it may do with repositories, and the team that it is below."""

    name: str
    members: Sequence[Account] = ()
    repositories: Sequence[tuple[Repository, Role]] = ()
    parent: Team | None = None
    secret: bool = False


def create_team(forge: Forge, org: Account, new: NewTeam) -> Team:
    """A new team; ValueError when there is one of that name."""
    slug = "-".join(new.name.lower().split())
    with forge.store.write() as tx:
        if teams.by_slug(tx, org.id, slug):
            raise ValueError(f"{org.login} has a team {slug} already: choose another name")
        at = forge.clock()
        team_id = tx.insert(
            "team",
            org_id=org.id,
            parent_id=new.parent.id if new.parent else None,
            slug=slug,
            name=new.name,
            privacy="secret" if new.secret else "closed",
            created_at=at,
            updated_at=at,
        )
        for person in new.members:
            tx.insert("team_member", team_id=team_id, user_id=person.id, role="member")
        for repo, role in new.repositories:
            tx.insert("team_repository", team_id=team_id, repo_id=repo.id, role=role.name.lower())
        team = teams.by_id(tx, team_id)
    if team is None:
        raise LookupError(f"team {team_id}")
    return team


def create_app(forge: Forge, owner: Account, blueprint: Blueprint) -> Registered:
    """A new App and its private key, which exists only in the answer; ForgeError when it cannot be."""
    return registering.register(forge, owner, blueprint)


def install_app(
    forge: Forge, app: App, on: Account, *, repositories: Sequence[Repository] | None = None
) -> Installation:
    """The App on an account, with all repositories (None) or some; its hook is told. Again: on others."""
    return registering.install(forge, app, on, repositories, by_id(forge.store.db, app.owner_id))


def create_installation_token(
    forge: Forge, app: App, item: Installation, permissions: Mapping[str, str] | None = None
) -> str:
    """A token of an installation, as the App would be given it."""
    return tokens.mint(forge, app, item, Wish(permissions=permissions)).token


def create_repo(
    forge: Forge,
    owner: Account,
    name: str,
    *,
    private: bool = False,
    clone: Path | None = None,
    default_branch: str = repositories.DEFAULT_BRANCH,
) -> Repository:
    """A new repository: empty, or with the branches and tags of a local clone, which is only read."""
    repo = repositories.create(forge, owner, name, private=private, default_branch=default_branch)
    if clone is None:
        return repo
    try:
        return repositories.import_clone(forge, repo, clone)
    except ValueError:
        repositories.delete(forge, repo)
        raise


def _create_account(forge: Forge, login: str, kind: AccountKind, columns: Mapping[str, Json]) -> Account:
    with forge.store.write() as tx:
        if by_login(tx, login):
            raise ValueError(f"there is already an account {login}: choose another login")
        at = forge.clock()
        return by_id(
            tx, tx.insert("account", login=login, kind=kind, created_at=at, updated_at=at, **columns)
        )


def _create_token(forge: Forge, user: Account, prefix: str, columns: Mapping[str, Json]) -> str:
    token = new_secret(prefix)
    with forge.store.write() as tx:
        tx.insert("token", user_id=user.id, digest=digest(token), created_at=forge.clock(), **columns)
    return token
