"""Short-lived addresses that need no credential, as GitHub's redirects to logs and artifacts."""

import hashlib
import hmac
import secrets
from functools import cache

from localforge.call import Call
from localforge.errors import NotFoundError
from localforge.moment import now, to_epoch

SECONDS = 60


@cache
def _key() -> bytes:
    """Addresses are good for one minute of this process."""
    return secrets.token_bytes(32)


def _signature(expires: str, what: str) -> str:
    return hmac.new(_key(), f"{expires}/{what}".encode(), hashlib.sha256).hexdigest()


def signed(call: Call, folder: str, what: str) -> str:
    """The address of `what` below `folder`."""
    expires = str(to_epoch(now()) + SECONDS)
    return f"{call.urls.origin}/{folder}/{expires}/{_signature(expires, what)}/{what}"


def check(call: Call, what: str) -> None:
    """404 unless the path's `expires` and `signature` are for this, now."""
    expires, given = call.params["expires"], call.params["signature"]
    expected = _signature(expires, what)
    if not hmac.compare_digest(expected.encode(), given.encode()) or int(expires) < to_epoch(now()):
        raise NotFoundError
