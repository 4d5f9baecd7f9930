"""One chain of the ledger, as found in a store or an export, and the first place where it does not hold."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from penstock.adapters.store import governing
from penstock.adapters.store.codec import UnreadableRecord, blob_refs, decode, micros
from penstock.core.autonomy.events import GovernanceEvent, TextErased
from penstock.core.autonomy.model import GOVERNANCE
from penstock.core.change.events import Created, Entry, Erased, Event
from penstock.core.change.fold import apply
from penstock.core.change.model import ENDS
from penstock.core.ledger import Blob, Break, Head, Record, SignatureCheck, verify_blobs, verify_chain
from penstock.core.refs import BlobRef, ChangeId


@dataclass(frozen=True, slots=True, kw_only=True)
class Projection:
    """What a head row repeats of its log, for finding changes without folding them: lists and queues go by it."""

    state: str
    open: bool
    signal: str
    created_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """One change's part of the ledger, as found. A log without a head is a forgery or a damage.

    `row` is None in an export, which has no such rows.
    """

    change: ChangeId
    head: Head | None
    records: tuple[Record, ...]
    blobs: tuple[Blob, ...]
    row: Projection | None = None


def first_break(log: Log, check: SignatureCheck) -> Break | None:
    """The first place where a change's log, or a text that it names, does not hold."""
    if log.head is None:
        return Break(change=log.change, n=0, problem="records or texts without a head")
    broken = verify_chain(log.records, log.head, check)
    if broken:
        return broken
    if log.change == GOVERNANCE:
        return _bad_governance(log)
    entries = []
    for record in log.records:
        try:
            entries.append(decode(record))
        except UnreadableRecord as error:
            return Break(change=log.change, n=record.n, problem=str(error))
    erased = frozenset(entry.event.blob for entry in entries if isinstance(entry.event, Erased))
    bad = _bad_text(log, [entry.event for entry in entries], erased)
    return bad or (_bad_row(entries, log.row) if log.row else None)


def _bad_governance(log: Log) -> Break | None:
    """The governance log is no change's: its records are of other kinds, and its row says nothing of them."""
    events = []
    for record in log.records:
        try:
            events.append(governing.decode(record).event)
        except UnreadableRecord as error:
            return Break(change=log.change, n=record.n, problem=str(error))
    erased = frozenset(event.blob for event in events if isinstance(event, TextErased))
    first = micros(datetime.fromisoformat(log.records[0].at))
    row = Projection(state="", open=False, signal=GOVERNANCE, created_at=first)
    if log.row is not None and log.row != row:
        return Break(change=log.change, n=len(log.records), problem=f"the head row says {log.row}, not {row}")
    return _bad_text(log, events, erased)


def _bad_row(entries: list[Entry], row: Projection) -> Break | None:
    """The first thing that a head row says otherwise than its records."""
    first, last = entries[0], entries[-1]
    if not isinstance(first.event, Created):
        return Break(change=first.change, n=first.n, problem="does not begin with its creation")
    change, still_open = None, True
    for entry in entries:
        change = apply(change, entry)
        still_open = still_open and change.state not in ENDS
    told = {
        "state": (row.state, change.state.value if change else ""),
        "open": (row.open, still_open),
        "signal": (row.signal, first.event.signal),
        "created_at": (row.created_at, micros(first.at)),
    }
    wrong = next((name for name, (says, holds) in told.items() if says != holds), None)
    if wrong is None:
        return None
    says, holds = told[wrong]
    return Break(
        change=last.change, n=last.n, problem=f"the head row says {wrong} {says}, the records {holds}"
    )


def _bad_text(
    log: Log, events: Sequence[Event | GovernanceEvent], erased: frozenset[BlobRef]
) -> Break | None:
    bad = frozenset(verify_blobs(log.blobs, erased))
    there = {blob.ref: blob for blob in log.blobs}
    for n, event in enumerate(events, start=1):
        for ref in blob_refs(event):
            problem = _text_problem(ref, there.get(ref), bad, erased)
            if problem:
                return Break(change=log.change, n=n, problem=f"{problem}: {ref}")
    named = {ref for event in events for ref in blob_refs(event)}
    planted = next((blob.ref for blob in log.blobs if blob.ref not in named), None)
    if planted:
        problem = f"a text that no record names was planted: {planted}"
        return Break(change=log.change, n=len(events), problem=problem)
    return None


def _text_problem(
    ref: BlobRef, blob: Blob | None, bad: frozenset[BlobRef], erased: frozenset[BlobRef]
) -> str:
    if blob is None:
        return "a text that it names is missing"
    if ref in bad:
        gone = blob.text is None
        return "a text that it names is gone, with no erasure on record" if gone else "a text was replaced"
    return (
        "a text that was erased on record is still there" if ref in erased and blob.text is not None else ""
    )
