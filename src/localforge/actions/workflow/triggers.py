"""`on`: the events that start a workflow, and their filters."""

from collections.abc import Iterator
from datetime import UTC, datetime

from cronsim import CronSim, CronSimError

from localforge.actions.workflow.model import Input, Trigger
from localforge.actions.workflow.tree import Mapping, Node, Sequence, literal, literals, members

CRON_FIELDS = 5


def read_triggers(on: Node) -> tuple[Trigger, ...]:
    """The triggers of `on` in any of its three forms."""
    match on:
        case Mapping():
            return tuple(_trigger(event, body) for event, body in members(on).items())
        case Sequence():
            return tuple(Trigger(event=literal(item)) for item in on.items)
        case _:
            return (Trigger(event=literal(on)),)


def wrong_crons(on: Node) -> Iterator[Node]:
    """The lines of `schedule` that are no cron of five fields."""
    entries = members(on).get("schedule")
    for entry in entries.items if isinstance(entries, Sequence) else ():
        cron = members(entry)["cron"]
        if len(literal(cron).split()) != CRON_FIELDS or not _is_cron(literal(cron)):
            yield cron


def _is_cron(text: str) -> bool:
    try:
        CronSim(text, datetime(2000, 1, 1, tzinfo=UTC))
    except CronSimError:
        return False
    return True


def _trigger(event: str, body: Node) -> Trigger:
    if event == "schedule":
        entries = body.items if isinstance(body, Sequence) else ()
        return Trigger(event=event, crons=tuple(_cron(members(entry)) for entry in entries))
    filters = members(body)
    return Trigger(
        event=event,
        types=literals(filters.get("types")),
        branches=literals(filters.get("branches")),
        branches_ignore=literals(filters.get("branches-ignore")),
        tags=literals(filters.get("tags")),
        tags_ignore=literals(filters.get("tags-ignore")),
        paths=literals(filters.get("paths")),
        paths_ignore=literals(filters.get("paths-ignore")),
        workflows=literals(filters.get("workflows")),
        secrets={
            name: literal(members(spec)["required"]) == "true" if "required" in members(spec) else False
            for name, spec in members(filters.get("secrets")).items()
        },
        outputs={name: members(spec)["value"] for name, spec in members(filters.get("outputs")).items()},
        inputs=tuple(_input(name, spec) for name, spec in members(filters.get("inputs")).items()),
    )


def _cron(keys: dict[str, Node]) -> tuple[str, str]:
    return literal(keys["cron"]), literal(keys["timezone"]) if "timezone" in keys else ""


def _input(name: str, spec: Node) -> Input:
    keys = members(spec)
    return Input(
        name=name,
        kind=literal(keys["type"]) if "type" in keys else "string",
        required="required" in keys and literal(keys["required"]) == "true",
        default=keys.get("default"),
        options=literals(keys.get("options")) or (),
    )
