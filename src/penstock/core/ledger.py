"""The proof ledger: canonical records in one hash chain per change, and their verification.

A record's hash covers everything that drives decisions: place, time, kind, key, body and the hash before it.
Texts are not in it, only `sha256(salt ‖ text)`, so that a text can be erased and the chain still verifies.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import UTC, datetime
from enum import Enum
from functools import cache

from penstock.core.refs import BlobRef, ChangeId, Digest

FORMAT = 1
GENESIS = Digest("sha256:" + "0" * 64)

_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)

JsonValue = None | bool | int | str | Sequence["JsonValue"] | Mapping[str, "JsonValue"]


def plain(value: object) -> JsonValue:
    """A core value as JSON: dataclasses become objects, tuples and sorted sets lists, times ISO-8601 in UTC.

    Floats are refused: two languages print them differently, and a hash must not depend on who prints.
    """
    match value:
        case Enum():
            return plain(value.value)
        case None | bool() | int() | str():
            return value
        case datetime():
            return moment(value)
        case tuple() | list():
            return [plain(item) for item in value]
        case frozenset():
            return sorted(str(plain(item)) for item in value)
        case Mapping():
            return {str(key): plain(item) for key, item in value.items()}
        case _ if is_dataclass(value):
            return {name: plain(getattr(value, name)) for name in _field_names(value.__class__)}
    raise TypeError(f"{type(value).__name__} has no canonical form")


@cache
def _field_names(kind: type) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


def moment(at: datetime) -> str:
    """A time as records spell it: UTC, always with microseconds, so that one moment has one spelling."""
    if at.tzinfo is None:
        raise TypeError("a time without a zone has no canonical form")
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def canonical(value: JsonValue) -> bytes:
    """Canonical JSON: sorted keys, no spaces, UTF-8 (the subset of RFC 8785 without floats)."""
    return _ENCODER.encode(value).encode()


def sha256(data: bytes) -> Digest:
    return Digest("sha256:" + hashlib.sha256(data).hexdigest())


def seal_text(salt: bytes, text: str) -> BlobRef:
    """The name of a text in the chain. Without the salt, a short text could be guessed from its hash."""
    return BlobRef(sha256(salt + text.encode()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One row of the chain. `body` is the canonical JSON of the event, as stored."""

    change: ChangeId
    n: int
    at: str
    kind: str
    key: str
    body: str
    prev: Digest
    hash: Digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A place in a chain: after record `n`, whose hash is `hash`."""

    n: int = 0
    hash: Digest = GENESIS


START = Point()


def link(after: Point, *, change: ChangeId, at: str, kind: str, key: str, body: str) -> Record:
    """The record that follows this point, with its hash. The body must be canonical already."""
    unsealed = Record(
        change=change,
        n=after.n + 1,
        at=at,
        kind=kind,
        key=key,
        body=body,
        prev=after.hash,
        hash=GENESIS,
    )
    return replace(unsealed, hash=_hash_of(unsealed))


def _hash_of(record: Record) -> Digest:
    head: JsonValue = {
        "v": FORMAT,
        "change": record.change,
        "n": record.n,
        "at": record.at,
        "kind": record.kind,
        "key": record.key,
    }
    return sha256(b"\n".join((canonical(head), record.body.encode(), record.prev.encode())))


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What a change's head row claims: how many records there are and the hash of the last."""

    change: ChangeId
    n: int
    hash: Digest
    key_id: str
    signature: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Blob:
    """A text beside the chain. An erased one has neither salt nor text."""

    ref: BlobRef
    salt: bytes | None
    text: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Break:
    """The first place where the ledger does not hold: which change, which record, and what is wrong."""

    change: ChangeId
    n: int
    problem: str

    @property
    def sentence(self) -> str:
        return f"{self.change}: its log does not hold at record {self.n}: {self.problem}"


SignatureCheck = Callable[[str, bytes, str], bool]
"""(key id, message, signature) → is it that trusted key's signature over the message."""


def head_message(change: ChangeId, n: int, last: Digest) -> bytes:
    """What is signed for each head: the change, the number of records, and the last hash."""
    return canonical({"change": change, "n": n, "hash": last})


def verify_chain(
    records: Sequence[Record], head: Head, trusted: SignatureCheck, since: Point = START
) -> Break | None:
    """The first bad record of one change's chain, or None where all of it holds. Up to `since` it held before."""
    prev, seen = since.hash, set[str]()
    for expected, record in enumerate(records, start=since.n + 1):
        problem = _problem(record, expected, prev, seen, head.change)
        if problem:
            return Break(
                change=head.change, n=record.n if record.n == expected else expected, problem=problem
            )
        prev = record.hash
        seen.add(record.key)
    found = since.n + len(records)
    if found != head.n or prev != head.hash:
        return Break(
            change=head.change,
            n=found + 1,
            problem=f"the head says {head.n} records, {found} are there: the tail is missing or was replaced",
        )
    if not found:
        return Break(change=head.change, n=0, problem="a sealed head without content")
    if not trusted(head.key_id, head_message(head.change, head.n, head.hash), head.signature):
        return Break(
            change=head.change,
            n=head.n,
            problem=f"the head is not sealed by a trusted key (key {head.key_id})",
        )
    return None


def _problem(record: Record, expected: int, prev: Digest, seen: set[str], change: ChangeId) -> str:
    if record.change != change:
        return f"record belongs to {record.change}"
    if record.n != expected:
        return f"expected record {expected}, found {record.n}: one is missing, added or out of order"
    if record.prev != prev:
        return "does not follow the record before it"
    if record.key in seen:
        return f"its key {record.key} was used before"
    if _not_canonical(record.body):
        return "its body is not canonical JSON"
    return "" if _hash_of(record) == record.hash else "its content does not match its hash"


def _not_canonical(body: str) -> bool:
    """Two spellings of one record (say, a key given twice) would let two readers see different facts."""
    try:
        return canonical(json.loads(body)).decode() != body
    except (ValueError, TypeError):
        return True


def verify_blobs(blobs: Iterable[Blob], erased: frozenset[BlobRef]) -> tuple[BlobRef, ...]:
    """Names of texts that do not hash to their name, or are gone without a recorded erasure."""
    return tuple(blob.ref for blob in blobs if not _blob_holds(blob, erased))


def _blob_holds(blob: Blob, erased: frozenset[BlobRef]) -> bool:
    if blob.text is None or blob.salt is None:
        return blob.ref in erased
    return seal_text(blob.salt, blob.text) == blob.ref
