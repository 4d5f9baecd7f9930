"""Addresses that are good for a minute without a credential: where a redirect sends whoever was allowed to ask."""

import hashlib
import hmac
import secrets
from functools import cache

from localforge.errors import NotFoundError
from localforge.moment import now, to_epoch

SECONDS = 60
ARCHIVES = "_codeload"


def signed(root: str, what: str) -> str:
    """`root/expires/signature/what`: the path of such an address."""
    expires = str(to_epoch(now()) + SECONDS)
    return f"{root}/{expires}/{_signature(root, expires, what)}/{what}"


def archive(repo_id: int, form: str, sha: str) -> str:
    """The path of a commit's files as one archive (see `rest.archives`)."""
    return signed(ARCHIVES, f"{repo_id}/{form}/{sha}")


def check(root: str, expires: str, signature: str, what: str) -> None:
    """404 unless the address is one of ours and still good."""
    expected = _signature(root, expires, what)
    if not hmac.compare_digest(expected.encode(), signature.encode()) or int(expires) < to_epoch(now()):
        raise NotFoundError


@cache
def _key() -> bytes:
    """Good as long as this process is."""
    return secrets.token_bytes(32)


def _signature(root: str, expires: str, what: str) -> str:
    return hmac.new(_key(), f"{root}/{expires}/{what}".encode(), hashlib.sha256).hexdigest()
