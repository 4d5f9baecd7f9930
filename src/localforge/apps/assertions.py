"""The JSON web token with which an App says who it is: signed with its key, short-lived.

GitHub's rules and words (docs.github.com, "Generating a JSON Web Token (JWT) for a GitHub App"): RS256, `iat` not in the future,
`exp` at most ten minutes ahead, `iss` the App's id or client id. Clocks that differ are the caller's to deal with, as there.
"""

from collections.abc import Mapping
from typing import TypeGuard

import jwt

from localforge.errors import NotFoundError, UnauthorizedError
from localforge.store import apps
from localforge.store.apps import App
from localforge.store.database import Db

LONGEST = 600
UNREADABLE = "A JSON web token could not be decoded"
_NOT_ISSUED = (
    "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued"
)
_NO_END = (
    "'Expiration time' claim ('exp') must be a numeric value representing the future time"
    " at which the assertion expires"
)
_TOO_LONG = "'Expiration time' claim ('exp') is too far in the future"
_NO_ISSUER = "'Issuer' claim ('iss') must be an Integer"
_ALGORITHM = "RS256"


def looks_like_one(token: str) -> bool:
    """Whether this is meant as a JSON web token: three parts with dots between them."""
    return token.count(".") == 2


def app_of(db: Db, token: str, now: int) -> App:
    """The App that signed the token; `now` is in Unix seconds. 401 in GitHub's words, 404 for an unknown App."""
    claims = _claims(token, None)
    app = _issuer(db, claims.get("iss"))
    _claims(token, app.public_key)
    issued, ends = claims.get("iat"), claims.get("exp")
    if not _is_number(issued) or issued > now:
        raise UnauthorizedError(_NOT_ISSUED)
    if not _is_number(ends) or ends <= now:
        raise UnauthorizedError(_NO_END)
    if ends > now + LONGEST:
        raise UnauthorizedError(_TOO_LONG)
    return app


def _claims(token: str, key: str | None) -> Mapping[str, object]:
    """What the token says; without a key nobody vouches for it. What is said of times is ours to judge."""
    wanted = ("exp", "nbf", "iat", "aud", "iss", "sub", "jti")
    options = {"verify_signature": key is not None, **{f"verify_{name}": False for name in wanted}}
    try:
        claims: Mapping[str, object] = jwt.decode(token, key or "", algorithms=[_ALGORITHM], options=options)  # type: ignore[arg-type]
    except (jwt.PyJWTError, ValueError, RecursionError) as error:
        raise UnauthorizedError(UNREADABLE) from error
    return claims


def _issuer(db: Db, issuer: object) -> App:
    match issuer:
        case bool():
            raise UnauthorizedError(_NO_ISSUER)
        case int():
            found = apps.by_id(db, issuer) if abs(issuer) < 1 << 63 else None
        case str() if issuer.isascii() and issuer.isdigit():
            found = apps.by_id(db, int(issuer)) if len(issuer) < 19 else None
        case str():
            found = apps.by_client_id(db, issuer)
        case _:
            raise UnauthorizedError(_NO_ISSUER)
    if found is None:
        raise NotFoundError("Integration not found")
    return found


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)
