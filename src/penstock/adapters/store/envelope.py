"""DSSE envelopes (github.com/secure-systems-lab/dsse) sealed with the ledger's key.

The library is imported where it is used: it takes a tenth of a second, and most commands neither sign nor verify.
"""

import json
from collections.abc import Mapping

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

MAX_BYTES = 1 << 16
"""Of an envelope as text; no forge takes a longer pull-request body."""


def enveloped(key: Ed25519PrivateKey, key_id: str, payload: bytes, payload_type: str) -> str:
    """The payload in a signed envelope, as one line of JSON."""
    from securesystemslib.dsse import Envelope
    from securesystemslib.signer import CryptoSigner, SSlibKey

    signer = CryptoSigner(key, SSlibKey.from_crypto(key.public_key(), keyid=key_id))
    envelope = Envelope(payload=payload, payload_type=payload_type, signatures={})
    envelope.sign(signer)
    return json.dumps(envelope.to_dict(), sort_keys=True)


def opened(text: str, payload_type: str, keys: Mapping[str, bytes]) -> bytes | str:
    """The payload of an envelope that one of these public keys (32 bytes each, by id) signed; else why not."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from securesystemslib.dsse import Envelope
    from securesystemslib.exceptions import Error
    from securesystemslib.signer import Key, SSlibKey

    if len(text) > MAX_BYTES:
        return f"it is longer than {MAX_BYTES} characters"
    try:
        envelope = Envelope.from_dict(json.loads(text))
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError, Error) as error:
        return f"it is no DSSE envelope ({type(error).__name__}: {error})"
    if envelope.payload_type != payload_type:
        return f"its payload is of the type {envelope.payload_type!r:.100}, not {payload_type}"
    known: list[Key] = [
        SSlibKey.from_crypto(Ed25519PublicKey.from_public_bytes(raw), keyid=name)
        for name, raw in keys.items()
    ]
    try:
        envelope.verify(known, 1)
    except (Error, ValueError):
        named = ", ".join(sorted(map(repr, envelope.signatures)))[:100] or "nobody"
        return f"it is not signed by a trusted key (signed by {named}; trusted: {', '.join(sorted(keys))})"
    return envelope.payload
