"""The ledger's key: Ed25519, made on first use, kept beside the database and readable by its owner alone."""

import os
from base64 import b64decode, b64encode
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from tempfile import NamedTemporaryFile

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from penstock.adapters.store.envelope import enveloped
from penstock.core.ledger import SignatureCheck, head_message
from penstock.core.refs import ChangeId, Digest
from penstock.ports import Permanent

KEY_FILE = Path("keys", "ledger.ed25519")


class Seal:
    """Signs heads and TAP records. `key_id` is the first 16 hex digits of the public key's SHA-256."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.public = raw_public(key.public_key())
        self.key_id = key_id(self.public)
        self.trusts = trusted({self.key_id: self.public})

    def sign(self, change: ChangeId, n: int, last: Digest) -> str:
        return b64encode(self._key.sign(head_message(change, n, last))).decode()

    def envelope(self, payload: bytes, payload_type: str) -> str:
        """A DSSE envelope with this payload, as one line of JSON."""
        return enveloped(self._key, self.key_id, payload, payload_type)


def trusted(keys: Mapping[str, bytes]) -> SignatureCheck:
    """Checks signatures against these public keys (32 bytes each) by id."""
    known = {name: Ed25519PublicKey.from_public_bytes(raw) for name, raw in keys.items()}

    def check(name: str, message: bytes, signature: str) -> bool:
        if name not in known:
            return False
        try:
            known[name].verify(b64decode(signature, validate=True), message)
        except (InvalidSignature, ValueError):
            return False
        return True

    return check


def key_id(public: bytes) -> str:
    return sha256(public).hexdigest()[:16]


def raw_public(key: Ed25519PublicKey) -> bytes:
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)


def open_seal(state: Path, *, may_make: bool) -> Seal:
    """The state directory's key; made if there is none. Of processes that make one at once, one wins.

    `may_make` is false once there are sealed heads: their key must be there. Raises Permanent `key_unusable`.
    """
    path = state / KEY_FILE
    if may_make and not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _make(path)
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, TypeError, ValueError, UnsupportedAlgorithm) as error:
        raise Permanent("key_unusable", f"the ledger's key {path} cannot be read: {error}") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise Permanent("key_unusable", f"the ledger's key {path} is not an Ed25519 key")
    _publish(path.with_suffix(".ed25519.pub"), raw_public(key.public_key()))
    return Seal(key)


def _make(path: Path) -> None:
    """Written whole under another name first, so that a reader never sees half a key."""
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with NamedTemporaryFile(dir=path.parent, delete=False) as draft:
        draft.write(pem)
        draft.flush()
        os.fsync(draft.fileno())
    try:
        os.link(draft.name, path)
    except FileExistsError:
        return
    finally:
        Path(draft.name).unlink()


def _publish(path: Path, public: bytes) -> None:
    text = f"{key_id(public)} {b64encode(public).decode()}\n"
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


def public_key(path: Path) -> dict[str, bytes]:
    """A key file as `_publish` writes it: the key's id and its 32 bytes. Raises Permanent `bad_key`."""
    try:
        name, _, encoded = path.read_text().strip().partition(" ")
        raw = b64decode(encoded, validate=True)
    except (OSError, ValueError) as error:
        raise Permanent(
            "bad_key", f"{path} is not a public key file as Penstock writes it: {error}"
        ) from error
    if key_id(raw) != name:
        raise Permanent("bad_key", f"{path}: the key is not the one that its id {name} names")
    return {name: raw}
