"""Facts as a person gives them: a delivery, or what conditions call them, or a delivery and what is not in it."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime

from penstock.core.document import Plain, nearest
from penstock.core.routing.facts import Facts, clean
from penstock.core.routing.names import EVENTS, NAMES, PAYLOAD, Kind
from penstock.core.routing.wire import NotFacts, facts_of, unknown_event, with_jobs

JOBS = "jobs"


def facts_given(given: Mapping[str, Plain], now: datetime) -> tuple[Facts, ...] | NotFacts:
    """`event`, a delivery's `payload`, facts by their names (which then count instead of the delivery's), and of a
    workflow run its `jobs`: a list of {name, status, conclusion}. One variant for each job.
    """
    event = given.get("event")
    if not isinstance(event, str):
        return NotFacts(key="event", message="the name of the `event` is missing")
    if event not in EVENTS:
        return unknown_event(event)
    base = facts_of(event, given[PAYLOAD], now) if PAYLOAD in given else Facts(event=event)
    if isinstance(base, NotFacts):
        return base
    values: dict[str, object] = {}
    for key, value in given.items():
        if key not in {"event", PAYLOAD, JOBS}:
            taken = _given(event, key, value)
            if isinstance(taken, NotFacts):
                return taken
            values.update(taken)
    build: Callable[..., Facts] = replace
    facts = build(base, **values, unknown=base.unknown - values.keys())
    return _with_jobs(facts, given.get(JOBS))


def _with_jobs(facts: Facts, jobs: Plain) -> tuple[Facts, ...] | NotFacts:
    if jobs is None:
        return (facts,)
    wrong = NotFacts(key=JOBS, message="`jobs` is a workflow_run's list of {name, status, conclusion}")
    if facts.event != "workflow_run" or not isinstance(jobs, list):
        return wrong
    found: list[tuple[str, str, str]] = []
    for job in jobs:
        words = (
            {str(key): word for key, word in job.items() if isinstance(word, str)}
            if isinstance(job, dict)
            else {}
        )
        if "name" not in words:
            return wrong
        found.append((words["name"], words.get("status", "completed"), words.get("conclusion", "")))
    return with_jobs(facts, tuple(found))


def _given(event: str, key: str, value: Plain) -> Mapping[str, object] | NotFacts:
    name = NAMES.get(key)
    if name is None:
        return NotFacts(
            key=key, message="there is no such name", nearest=nearest(key, [*NAMES, PAYLOAD, JOBS])
        )
    if key == "kind" or name.fact not in EVENTS[event].has:
        why = "it follows from the event" if key == "kind" else f"a {event} has no `{key}`"
        return NotFacts(key=key, message=why)
    wrong = NotFacts(key=key, message=f"`{key}` is {name.kind.value}")
    match name.kind, value:
        case ((Kind.TEXT | Kind.LEVEL), str()):
            if name.choices and value not in name.choices:
                near = nearest(value, list(name.choices))
                return NotFacts(key=key, message=f"`{key}` is never {value!r}", nearest=near)
            return {name.fact: clean(value)}
        case Kind.LIST, str() | list():
            members = [value] if isinstance(value, str) else value
            texts = tuple(clean(member) for member in members if isinstance(member, str))
            return {name.fact: texts} if len(texts) == len(members) else wrong
        case Kind.FLAG, bool():
            return {name.fact: value}
        case Kind.NUMBER, (int() | float()) if not isinstance(value, bool):
            return {name.fact: float(value)}
        case _:
            return wrong
