"""From an `Authorization` header to an actor."""

import base64
import binascii
import hashlib
import secrets

from localforge.access import ANONYMOUS, Actor, Credential
from localforge.errors import UnauthorizedError
from localforge.moment import Clock
from localforge.store import accounts
from localforge.store.accounts import Token
from localforge.store.database import Db

CLASSIC_PREFIX = "ghp_"
FINE_GRAINED_PREFIX = "github_pat_"


def new_secret(prefix: str) -> str:
    """A fresh token of GitHub's form: the prefix and 36 letters and digits."""
    return prefix + secrets.token_hex(18)


def digest(token: str) -> str:
    """What the store keeps of a token: its SHA-256 in hex."""
    return hashlib.sha256(token.encode()).hexdigest()


def authenticate(db: Db, header: str | None, clock: Clock) -> Actor:
    """The actor of an Authorization header (`token`, `Bearer` or `Basic`); 401 when it is wrong."""
    if header is None:
        return ANONYMOUS
    scheme, _, value = header.strip().partition(" ")
    candidates: tuple[str, ...]
    match scheme.lower():
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
    return Actor(
        user=accounts.by_id(db, row.user_id),
        credential=Credential(
            key=f"token:{row.id}",
            scopes=None if row.scopes is None else frozenset(row.scopes),
            permissions=row.permissions or {},
            repositories=None if row.repositories is None else frozenset(row.repositories),
            home_id=row.home_id,
        ),
    )
