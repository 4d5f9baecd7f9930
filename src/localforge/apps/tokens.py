"""Installation tokens: for one hour, with what the installation has or less of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from localforge.apps.permissions import within
from localforge.credentials import INSTALLATION_PREFIX, SUSPENDED, digest, new_secret
from localforge.errors import ForbiddenError, InvalidError
from localforge.forge import Forge
from localforge.moment import from_epoch, to_epoch
from localforge.store import apps
from localforge.store.apps import App, Installation
from localforge.store.database import Db
from localforge.store.repos import Repository

LIFE = 3600
MOST_REPOSITORIES = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a token is to be for. None: all that the installation has. Names and ids add to each other."""

    permissions: Mapping[str, str] | None = None
    names: Sequence[str] | None = None
    ids: Sequence[int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Minted:
    """A new token, which exists only here. `repositories` None: those of the installation."""

    token: str = field(repr=False)
    expires_at: str
    permissions: Mapping[str, str]
    repositories: Sequence[Repository] | None


def mint(forge: Forge, app: App, item: Installation, wish: Wish) -> Minted:
    """A token of the installation. 403 while it is suspended; 422 when more is wished than it has."""
    if item.suspended_at:
        raise ForbiddenError(SUSPENDED)
    permissions = _permissions(item, wish.permissions)
    chosen = _repositories(forge.store.db, item, wish)
    secret = new_secret(INSTALLATION_PREFIX)
    at = forge.clock()
    ends = from_epoch(to_epoch(at) + LIFE)
    with forge.store.write() as tx:
        tx.insert(
            "token",
            user_id=app.bot_id,
            digest=digest(secret),
            permissions=permissions,
            repositories=None if chosen is None else [repo.id for repo in chosen],
            installation_id=item.id,
            expires_at=ends,
            created_at=at,
        )
    return Minted(token=secret, expires_at=ends, permissions=permissions, repositories=chosen)


def _permissions(item: Installation, wanted: Mapping[str, str] | None) -> Mapping[str, str]:
    if not wanted:
        return item.permissions
    if not within(wanted, item.permissions):
        raise InvalidError("The permissions requested are not granted to this installation.")
    return {"metadata": "read", **wanted}


def _repositories(db: Db, item: Installation, wish: Wish) -> list[Repository] | None:
    if wish.names is None and wish.ids is None:
        return None
    names, ids = {name.casefold() for name in wish.names or ()}, set(wish.ids or ())
    if len(names) + len(ids) > MOST_REPOSITORIES:
        raise InvalidError(f"A token can be limited to at most {MOST_REPOSITORIES} repositories.")
    reached = apps.repositories(db, item)
    chosen = [repo for repo in reached if repo.id in ids or repo.name.casefold() in names]
    found = {repo.id for repo in chosen}, {repo.name.casefold() for repo in chosen}
    if not (ids <= found[0] and names <= found[1]) or not chosen:
        raise InvalidError(
            "There is at least one repository that does not exist or is not accessible to the parent installation."
        )
    return chosen
