"""The key that secrets are sealed for: libsodium's sealed boxes, as GitHub's public-key endpoint asks for them.

The private key is a file of the state directory that only its owner reads; the store holds sealed values alone.
"""

import base64
import binascii
import hashlib
import os

from nacl.exceptions import CryptoError
from nacl.public import PrivateKey, SealedBox

from localforge.forge import Forge
from localforge.store import repos, variables
from localforge.store.actions import RunRow
from localforge.store.database import Db
from localforge.store.variables import Secret

KEY_FILE = "secrets.key"


def public_key(forge: Forge) -> tuple[str, str]:
    """(key id, public key in base64)."""
    public = bytes(_private(forge).public_key)
    number = int.from_bytes(hashlib.sha256(public).digest()[:7], "big")
    return str(number), base64.b64encode(public).decode()


def seal(forge: Forge, value: str) -> str:
    """What a client does: seal a value for the forge's key."""
    return base64.b64encode(SealedBox(_private(forge).public_key).encrypt(value.encode())).decode()


def unseal(forge: Forge, sealed: str) -> str | None:
    """The value; None when this is no base64, not sealed for this key, or no text."""
    try:
        return SealedBox(_private(forge)).decrypt(base64.b64decode(sealed, validate=True)).decode()
    except (binascii.Error, CryptoError, UnicodeDecodeError):
        return None


def secrets_of(forge: Forge, db: Db, run: RunRow) -> dict[str, str]:
    """The secrets that jobs of the run get; none for a stranger's pull request."""
    repo = repos.by_id(db, run.repo_id)
    if repo is None or run.untrusted:
        return {}
    sealed = variables.reaching(db, Secret, repo)
    opened = {name: unseal(forge, value) for name, value in sealed.items()}
    return {name: value for name, value in opened.items() if value is not None}


def _private(forge: Forge) -> PrivateKey:
    """The private key; made at its first use, whole or not at all."""
    path = forge.state / KEY_FILE
    if not path.exists():
        fresh = path.with_suffix(f".{os.getpid()}")
        fresh.touch(mode=0o600)
        fresh.write_bytes(bytes(PrivateKey.generate()))
        try:
            os.link(fresh, path)
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    return PrivateKey(path.read_bytes())
