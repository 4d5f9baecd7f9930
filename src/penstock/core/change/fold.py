"""`apply`: one recorded event onto a change. Total: what does not fit the state is counted as refused."""

from collections.abc import Iterable
from dataclasses import replace

from penstock.core.change import outrun, proposing, shipping, sidings
from penstock.core.change.events import Created, Entry
from penstock.core.change.model import Change, State
from penstock.core.change.table import TABLE

__all__ = ["apply", "fold", "outrun", "proposing", "shipping", "sidings"]


def apply(change: Change | None, entry: Entry) -> Change:
    """The change after this record. The first record of a log creates it; a log that starts otherwise is a bug."""
    if change is None:
        return _created(entry)
    states, handler = TABLE.get(type(entry.event), (frozenset(), None))
    after = handler(change, entry.at, entry.event) if handler and change.state in states else None
    if after is None:
        after = replace(change, refused=change.refused + 1)
    lost = {a.review for a in change.approvals if a.review} - {a.review for a in after.approvals}
    if lost:
        after = replace(after, spent=after.spent | lost)
    since = change.since if after.state is change.state else entry.at
    return replace(after, n=entry.n, updated_at=entry.at, since=since)


def would_refuse(change: Change, entry: Entry) -> bool:
    """Would this record be refused: for telling a person before anything is appended."""
    return apply(change, entry).refused > change.refused


def fold(entries: Iterable[Entry], start: Change | None = None) -> Change:
    """The change that a log tells."""
    change = start
    for entry in entries:
        change = apply(change, entry)
    assert change is not None, "an empty log tells no change"  # noqa: S101
    return change


def _created(entry: Entry) -> Change:
    event = entry.event
    assert isinstance(event, Created), f"a log starts with E_WORKFLOW_CREATED, not {event.kind}"  # noqa: S101
    return Change(
        id=entry.change,
        n=entry.n,
        state=State.INGESTED,
        since=entry.at,
        created_at=entry.at,
        updated_at=entry.at,
        signal=event.signal,
        issue=event.issue,
        origin=event.origin,
        requester=event.requester,
        recipe=event.recipe,
        terms=event.terms,
        policy=event.policy,
        title=event.title,
        wording=event.wording,
        targets=event.targets,
    )
