"""Who may do what: roles on a repository, and what a credential permits on top of its user's role."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

from localforge.errors import ForbiddenError, ForgeError, NotFoundError, UnauthorizedError
from localforge.store import accounts, actions, apps, repos, teams
from localforge.store.accounts import ACTIONS_BOT, Account
from localforge.store.apps import App, Installation
from localforge.store.database import Db
from localforge.store.repos import Repository

Level = Literal["read", "write"]

# Not everybody's to read, even on a public repository.
SECURITY = frozenset({"security_events", "vulnerability_alerts", "secret_scanning_alerts"})
SENSITIVE = SECURITY | {"administration", "repository_hooks", "secrets", "variables"}
OF_INTEGRATIONS = "Resource not accessible by integration"


class Role(IntEnum):
    """What a user may do with a repository; each role includes those before it."""

    NONE = 0
    READ = 1
    TRIAGE = 2
    WRITE = 3
    MAINTAIN = 4
    ADMIN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """What an operation asks for: a permission as GitHub names it, its level, and the user's least role.

    `archived_too`: a write that an archived repository also takes (un-archiving it, deleting it).
    """

    permission: str
    level: Level
    role: Role
    archived_too: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """What a token permits. `scopes` for a classic token, `permissions` for a fine-grained one; `key` is whose limits it uses.

    `installation` for that of an App: it may what it is permitted, whatever role somebody has.
    `home_id` is the one repository that a job's token may write. After `expires_at` it is none.
    """

    key: str
    scopes: frozenset[str] | None
    permissions: Mapping[str, str]
    repositories: frozenset[int] | None
    expires_at: str | None
    token_id: int = 0
    installation: Installation | None = None
    home_id: int | None = None

    def permits(self, need: Need, repo: Repository) -> bool:
        """Whether the token lets its user do this on this repository."""
        if need.level == "read" and not repo.private and need.permission not in SENSITIVE:
            return True
        if self.scopes is not None:
            return self._scope_permits(need, repo, self.scopes)
        if not self.reaches(repo):
            return False
        if need.level == "write" and self.home_id not in {None, repo.id}:
            return False
        granted = self.permissions.get(need.permission)
        if need.level == "read":
            return granted is not None or need.permission == "metadata"
        return granted in {"write", "admin"}

    def sees(self, repo: Repository) -> bool:
        """Whether the token reaches the repository at all."""
        if not repo.private:
            return True
        if self.scopes is not None:
            return "repo" in self.scopes
        return self.reaches(repo)

    def reaches(self, repo: Repository) -> bool:
        """Whether the repository is among those that the token is for."""
        if self.installation and self.installation.account_id != repo.owner_id:
            return False
        return self.repositories is None or repo.id in self.repositories

    def _scope_permits(self, need: Need, repo: Repository, scopes: frozenset[str]) -> bool:
        if need.permission == "workflows":
            return "workflow" in scopes
        if "repo" in scopes:
            return True
        if need.permission == "repository_hooks":
            return f"{need.level}:repo_hook" in scopes or "admin:repo_hook" in scopes
        if need.permission in SECURITY and "security_events" in scopes:
            return True
        if need.permission == "statuses" and "repo:status" in scopes:
            return True
        return not repo.private and "public_repo" in scopes


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who is calling: a user or bot with a credential, an App that says so itself (`app`), or nobody (anonymous)."""

    user: Account | None
    credential: Credential | None
    app: App | None = None

    @property
    def key(self) -> str | None:
        """What limits are counted on; None for an anonymous caller, who is counted by address."""
        if self.app:
            return f"app:{self.app.id}"
        return self.credential.key if self.credential else None

    @property
    def installation(self) -> Installation | None:
        """The installation of an App whose token this is."""
        return self.credential.installation if self.credential else None

    @property
    def account(self) -> Account:
        """The authenticated user; 401 for an anonymous caller."""
        if self.user is None:
            raise UnauthorizedError
        return self.user


ANONYMOUS = Actor(user=None, credential=None)


def accepted_scopes(need: Need) -> tuple[str, ...]:
    """The scopes of a classic token any of which is enough for this, on a private repository, too."""
    match need.permission:
        case "workflows":
            return ("workflow",)
        case "repository_hooks":
            return ("admin:repo_hook", "repo", f"{need.level}:repo_hook")
        case "statuses":
            return ("repo", "repo:status")
        case _:
            return ("repo",)


def role_on(db: Db, repo: Repository, user: Account | None) -> Role:
    """The user's role: the highest of ownership, membership, a grant, and what everybody may."""
    everybody = Role.NONE if repo.private else Role.READ
    if user is None:
        return everybody
    if repo.owner_id == user.id:
        return Role.ADMIN
    if user.login == ACTIONS_BOT:
        return max(everybody, _role_of_jobs(db, repo))
    if user.kind == "Bot":
        return max(everybody, _role_of_bot(db, repo, user))
    membership = accounts.member_role(db, repo.owner_id, user.id)
    if membership == "admin":
        return Role.ADMIN
    granted = repos.collaborator_role(db, repo.id, user.id)
    roles = [everybody, Role[granted.upper()] if granted else Role.NONE]
    roles += [Role[name.upper()] for name in teams.roles_on(db, repo.id, user.id)]
    if membership == "member":
        roles.append(Role[accounts.by_id(db, repo.owner_id).default_role.upper()])
    return max(roles)


def names_of(db: Db, account: Account) -> frozenset[str]:
    """What a rule may call an account: its login (an App's bot has one, too), and its teams as `org/slug`."""
    return frozenset((account.login, *teams.names_of(db, account.id)))


def _role_of_bot(db: Db, repo: Repository, bot: Account) -> Role:
    """What an App's bot counts as where a role is asked for. It administers nothing that spares it a rule."""
    app = apps.by_bot(db, bot.id)
    item = apps.installed_on(db, app.id, repo.owner_id) if app else None
    if item is None or item.suspended_at or not apps.covers(db, item, repo.id, repo.owner_id):
        return Role.NONE
    if item.permissions.get("contents") == "write":
        return Role.WRITE
    if "write" in {item.permissions.get("issues"), item.permissions.get("pull_requests")}:
        return Role.TRIAGE
    return Role.READ


def _role_of_jobs(db: Db, repo: Repository) -> Role:
    """What a job may do where one runs now; its token narrows this further."""
    if actions.works_in(db, repo.id):
        return Role.WRITE
    return Role.READ if actions.works_for(db, repo.owner_id) else Role.NONE


def can(db: Db, actor: Actor, repo: Repository, need: Need) -> bool:
    """Whether the actor's role and credential both allow this."""
    if actor.installation is None and role_on(db, repo, actor.user) < need.role:
        return False
    return actor.credential is None or actor.credential.permits(need, repo)


def can_see(db: Db, actor: Actor, repo: Repository) -> bool:
    """Whether the repository exists for this actor; a public one does for everybody."""
    if not repo.private:
        return True
    if actor.installation is None and role_on(db, repo, actor.user) < Role.READ:
        return False
    return actor.credential is None or actor.credential.sees(repo)


def unpermitted(actor: Actor) -> ForbiddenError:
    """403 for what the actor's token does not permit."""
    return ForbiddenError(OF_INTEGRATIONS) if actor.installation else ForbiddenError()


def refusal(db: Db, actor: Actor, repo: Repository, need: Need) -> ForgeError | None:
    """Why the actor may not do this, in GitHub's words and status; None when they may."""
    if not can_see(db, actor, repo):
        return NotFoundError()
    if actor.installation:
        return None if can(db, actor, repo, need) else unpermitted(actor)
    role = role_on(db, repo, actor.user)
    if actor.user is None:
        return UnauthorizedError() if role < need.role or need.level == "write" else None
    if role < need.role:
        if need.level == "read":
            return NotFoundError()
        wanted = "admin rights" if need.role is Role.ADMIN else "push access"
        return ForbiddenError(f"Must have {wanted} to Repository.")
    if actor.credential is None or actor.credential.permits(need, repo):
        return None
    if actor.credential.home_id is not None:
        return ForbiddenError("Resource not accessible by integration")
    return NotFoundError() if actor.credential.scopes is not None else ForbiddenError()


ARCHIVED = "Repository was archived so is read-only."


def find_repo(db: Db, owner: str, name: str) -> tuple[Repository, bool]:
    """The repository with this name, and whether the name is an old one of it; 404 when there is none."""
    if repo := repos.by_name(db, owner, name):
        return repo, False
    if repo := repos.by_old_name(db, owner, name):
        return repo, True
    raise NotFoundError
