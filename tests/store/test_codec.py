"""Every event survives the way to canonical JSON and back."""

from datetime import UTC, datetime, timedelta, timezone
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.scripted import ADA, CHANGE, NOW, Names, created, planned, ref

from penstock.adapters.store.codec import UnreadableRecord, blob_refs, decode, encode, from_micros, micros
from penstock.core.change import events as e
from penstock.core.ledger import START, Record, canonical, link, moment, plain

KINDS = get_args(e.Event)
st.register_type_strategy(datetime, st.datetimes(timezones=st.just(UTC)))


def record(body: str, kind: str) -> Record:
    return link(START, change=CHANGE, at=moment(NOW), kind=kind, key="k", body=body)


@settings(max_examples=100, deadline=None)
@given(st.one_of([st.from_type(kind) for kind in KINDS]))
def test_an_event_comes_back_as_it_was(event: e.Event) -> None:
    body = encode(event)
    entry = decode(record(body, event.kind))
    assert entry.event == event
    assert encode(entry.event) == body
    assert type(entry.event) is type(event)


def test_every_event_has_a_kind_of_its_own() -> None:
    kinds = [kind.__dataclass_fields__["kind"].default for kind in KINDS]
    assert len(set(kinds)) == len(KINDS)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ('{"kind":"E_UNHEARD_OF"}', "E_UNHEARD_OF"),
        ('{"kind":"E_WOKEN"}', "E_WOKEN"),
        (encode(e.Woken(by=ADA)), "E_MERGED"),
        ("[]", "E_WOKEN"),
        ("{", "E_WOKEN"),
    ],
)
def test_what_is_no_event_is_said_to_be_unreadable(body: str, kind: str) -> None:
    with pytest.raises(UnreadableRecord):
        decode(record(body, kind))


def test_every_text_that_an_event_names_is_found() -> None:
    event = created(Names())
    assert set(blob_refs(event)) == {event.policy, event.title}
    assert set(blob_refs(planned(Names()))) == {ref("the plan"), ref("G1")}
    assert list(blob_refs(e.Woken(by=ADA))) == []


def test_one_moment_has_one_spelling() -> None:
    east = timezone(timedelta(hours=2))
    assert moment(NOW) == moment(NOW.astimezone(east)) == "2026-05-01T12:00:00.000000+00:00"
    with pytest.raises(TypeError, match="zone"):
        moment(datetime(2026, 5, 1))  # noqa: DTZ001 - what must be refused


@given(st.datetimes(timezones=st.just(UTC)))
def test_times_survive_as_integers(at: datetime) -> None:
    assert from_micros(micros(at)) == at


def test_floats_have_no_canonical_form() -> None:
    with pytest.raises(TypeError, match="float"):
        plain((1.5,))
    assert canonical(plain({"b": 1, "a": ("ä", None, True)})) == '{"a":["ä",null,true],"b":1}'.encode()
