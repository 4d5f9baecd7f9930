"""From an `Authorization` header to an actor: a user with a token, an App's installation, or an App itself."""

import base64
import binascii
import hashlib
import secrets

from localforge.access import ANONYMOUS, Actor, Credential
from localforge.apps.assertions import app_of, looks_like_one
from localforge.errors import ForbiddenError, UnauthorizedError
from localforge.moment import Clock, to_epoch
from localforge.store import accounts, apps
from localforge.store.accounts import Token
from localforge.store.database import Db

CLASSIC_PREFIX = "ghp_"
FINE_GRAINED_PREFIX = "github_pat_"
INSTALLATION_PREFIX = "ghs_"
SUSPENDED = "This installation has been suspended"


def new_secret(prefix: str) -> str:
    """A fresh token of GitHub's form: the prefix and 36 letters and digits."""
    return prefix + secrets.token_hex(18)


def digest(token: str) -> str:
    """What the store keeps of a token: its SHA-256 in hex."""
    return hashlib.sha256(token.encode()).hexdigest()


def authenticate(db: Db, header: str | None, clock: Clock) -> Actor:
    """The actor of an Authorization header (`token`, `Bearer` or `Basic`); 401 when it is wrong.

    An App's own JSON web token is taken as `Bearer` alone, as GitHub does.
    """
    if header is None:
        return ANONYMOUS
    scheme, _, value = header.strip().partition(" ")
    candidates: tuple[str, ...]
    match scheme.lower():
        case "bearer" if looks_like_one(value):
            return Actor(user=None, credential=None, app=app_of(db, value.strip(), to_epoch(clock())))
        case "token" | "bearer":
            candidates = (value.strip(),)
        case "basic":
            candidates = _basic(value)
        case _:
            raise UnauthorizedError("Bad credentials")
    for candidate in candidates:
        if actor := _actor(db, candidate, clock):
            return actor
    raise UnauthorizedError("Bad credentials")


def _basic(value: str) -> tuple[str, ...]:
    """The password and the user name, either of which may be the token (git and curl differ)."""
    try:
        name, _, password = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise UnauthorizedError("Bad credentials") from error
    return (password, name)


def _actor(db: Db, token: str, clock: Clock) -> Actor | None:
    row = db.one(Token, "SELECT * FROM token WHERE digest = ?", digest(token))
    if row is None or (row.expires_at is not None and row.expires_at <= clock()):
        return None
    user = accounts.by_id(db, row.user_id)
    if row.installation_id is not None:
        return Actor(user=user, credential=_of_installation(db, row, row.installation_id))
    return Actor(
        user=user,
        credential=Credential(
            key=f"user:{user.id}" if row.home_id is None else f"repository:{row.home_id}",
            scopes=None if row.scopes is None else frozenset(row.scopes),
            permissions=row.permissions or {},
            repositories=None if row.repositories is None else frozenset(row.repositories),
            expires_at=row.expires_at,
            token_id=row.id,
            home_id=row.home_id,
        ),
    )


def _of_installation(db: Db, row: Token, installation_id: int) -> Credential:
    """What the token permits now: repositories may have left the installation since. 403 while that is suspended."""
    item = apps.installation(db, installation_id)
    if item is None:
        raise UnauthorizedError("Bad credentials")
    if item.suspended_at:
        raise ForbiddenError(SUSPENDED)
    reached = None if item.selection == "all" else {repo.id for repo in apps.repositories(db, item)}
    if row.repositories is not None:
        reached = set(row.repositories) if reached is None else reached.intersection(row.repositories)
    return Credential(
        key=f"installation:{item.id}",
        scopes=None,
        permissions=row.permissions or {},
        repositories=None if reached is None else frozenset(reached),
        expires_at=row.expires_at,
        token_id=row.id,
        installation=item,
    )
