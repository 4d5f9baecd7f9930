"""DSSE envelopes: what the ledger's key signed is read back, and nothing else is."""

import base64
import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from penstock.adapters.store.envelope import MAX_BYTES, opened
from penstock.adapters.store.seal import Seal
from penstock.core.ledger import GENESIS
from penstock.core.refs import ChangeId

KIND = "application/vnd.example+json"
PAYLOAD = b'{"a": 1}'


@pytest.fixture(scope="module")
def seal() -> Seal:
    return Seal(Ed25519PrivateKey.generate())


def read(text: str, seal: Seal, kind: str = KIND) -> bytes | str:
    return opened(text, kind, {seal.key_id: seal.public})


def test_what_was_signed_is_read_back(seal: Seal):
    assert read(seal.envelope(PAYLOAD, KIND), seal) == PAYLOAD


def test_it_is_dsse_as_specified(seal: Seal):
    """Protocol of the specification, v1.0.2: the signature is over PAE(type, body), of the key itself."""
    envelope = json.loads(seal.envelope(PAYLOAD, KIND))
    assert base64.b64decode(envelope["payload"]) == PAYLOAD
    (signature,) = envelope["signatures"]
    pae = b"DSSEv1 %d %s %d %s" % (len(KIND), KIND.encode(), len(PAYLOAD), PAYLOAD)
    Ed25519PublicKey.from_public_bytes(seal.public).verify(base64.b64decode(signature["sig"]), pae)


def changed(seal: Seal, **values: object) -> str:
    return json.dumps({**json.loads(seal.envelope(PAYLOAD, KIND)), **values})


def test_nothing_else_is_believed(seal: Seal):
    other = Seal(Ed25519PrivateKey.generate())
    named = json.loads(other.envelope(PAYLOAD, KIND))["signatures"]
    borrowed = [{**named[0], "keyid": seal.key_id}]
    for text, why in (
        (other.envelope(PAYLOAD, KIND), "not signed by a trusted key"),
        (changed(seal, payload=base64.b64encode(b'{"a": 2}').decode()), "not signed by a trusted key"),
        (changed(seal, signatures=[]), "not signed by a trusted key"),
        (changed(seal, signatures=named), "not signed by a trusted key"),
        (changed(seal, signatures=borrowed), "not signed by a trusted key"),
        (changed(seal, payloadType="application/other"), "of the type"),
        (seal.envelope(PAYLOAD, "application/other"), "of the type"),
        ("{", "no DSSE envelope"),
        ("[]", "no DSSE envelope"),
        ("{}", "no DSSE envelope"),
        ("null", "no DSSE envelope"),
        (changed(seal, payload=7), "no DSSE envelope"),
        (changed(seal, payload="not base64!"), ""),
        (changed(seal, signatures=[1]), "no DSSE envelope"),
        (changed(seal, signatures=[{"keyid": [], "sig": "AA=="}]), "no DSSE envelope"),
        ("[" * 50_000, "no DSSE envelope"),
        (" " * (MAX_BYTES + 1), "longer than"),
    ):
        said = read(text, seal)
        assert isinstance(said, str), text[:200]
        assert why in said


def test_a_seal_of_a_head_is_no_envelopes_signature(seal: Seal):
    """One key signs both; what it signs begins differently, so neither passes for the other."""
    head = seal.sign(ChangeId("c-1"), 1, GENESIS)
    assert isinstance(read(changed(seal, signatures=[{"keyid": seal.key_id, "sig": head}]), seal), str)
    envelope = json.loads(seal.envelope(PAYLOAD, KIND))
    assert not seal.trusts(seal.key_id, PAYLOAD, envelope["signatures"][0]["sig"])
