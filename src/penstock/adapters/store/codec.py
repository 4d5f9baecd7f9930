"""Events to canonical JSON and back, by `kind`; and times to integers."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Annotated, Protocol, TypeVar, get_args, get_type_hints

from pydantic import Discriminator, TypeAdapter, ValidationError

from penstock.core.change.events import Entry, Event
from penstock.core.ledger import Record, canonical, plain
from penstock.core.refs import BlobRef

_EVENT: TypeAdapter[Event] = TypeAdapter(Annotated[Event, Discriminator("kind")])
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Kinded(Protocol):
    """An event of any chain."""

    @property
    def kind(self) -> str: ...


E = TypeVar("E", bound=Kinded)


class UnreadableRecord(ValueError):
    """A record whose body is no event that this version knows."""


def encode(event: Event) -> str:
    return canonical(plain(event)).decode()


def decode(record: Record) -> Entry:
    """The entry that a record holds. Raises UnreadableRecord."""
    event, at = event_in(record, _EVENT)
    return Entry(change=record.change, n=record.n, at=at, key=record.key, event=event)


def event_in(record: Record, events: TypeAdapter[E]) -> tuple[E, datetime]:
    """The event, one of these, that a record of any chain holds, and its time. Raises UnreadableRecord."""
    try:
        event = events.validate_json(record.body)
        at = datetime.fromisoformat(record.at)
    except (ValidationError, ValueError) as error:
        raise UnreadableRecord(f"{record.kind} is not readable: {error}") from error
    if event.kind != record.kind:
        raise UnreadableRecord(f"{record.kind} holds a {event.kind}")
    return event, at


def row_of(record: Record) -> dict[str, str | int]:
    """A record as the ledger's table has it."""
    return {
        "change_id": record.change,
        "n": record.n,
        "at": record.at,
        "kind": record.kind,
        "key": record.key,
        "body": record.body,
        "prev": record.prev,
        "hash": record.hash,
    }


def blob_refs(value: object) -> Iterator[BlobRef]:
    """Every text that an event names, wherever in it."""
    match value:
        case tuple():
            for item in value:
                yield from blob_refs(item)
        case _ if is_dataclass(value):
            for name, is_ref in _ref_fields(value.__class__):
                part = getattr(value, name)
                if is_ref and part is not None:
                    yield part
                elif not is_ref:
                    yield from blob_refs(part)


@cache
def _ref_fields(cls: type) -> tuple[tuple[str, bool], ...]:
    """The fields of a dataclass, each with whether it names texts."""
    hints = get_type_hints(cls)
    return tuple((f.name, _names_texts(hints[f.name])) for f in fields(cls))


def _names_texts(hint: object) -> bool:
    return hint is BlobRef or BlobRef in get_args(hint)


def micros(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(microseconds=1)


def from_micros(value: int) -> datetime:
    return _EPOCH + timedelta(microseconds=value)


def maybe_micros(at: datetime | None) -> int | None:
    return None if at is None else micros(at)


def maybe_from_micros(value: int | None) -> datetime | None:
    return None if value is None else from_micros(value)
