"""Faults of webhooks and of CI: what becomes of one delivery, and which events workflows do not hear of."""

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from localforge.bus import Reaction, Subscriber
from localforge.events import Event
from localforge.faults.injector import Faults
from localforge.faults.rules import Rule, Subject


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """How a delivery goes out: after so many seconds, after the next one (waited for so long), so many times."""

    wait: float = 0.0
    behind_next: float | None = None
    times: int = 1


def fate(rules: Sequence[Rule]) -> Fate:
    """What the rules that strike a delivery make of it together."""
    times = 1 + sum(rule.kind == "duplicate" for rule in rules)
    behind = [rule.seconds for rule in rules if rule.kind == "reorder"]
    return Fate(
        wait=sum(rule.seconds for rule in rules if rule.kind == "delay"),
        behind_next=max(behind) if behind else None,
        times=0 if any(rule.kind == "drop" for rule in rules) else times,
    )


def of_delivery(faults: Faults, event: str, action: str | None) -> Fate:
    """The fate of a delivery."""
    name = f"{event}.{action}" if action else event
    return fate(faults.strike(Subject(channel="delivery", event=name)))


def told_as(event: Event) -> str:
    """The name that GitHub has for the event, with its action: `push`, `pull_request.opened`."""
    name = re.sub("(?<!^)(?=[A-Z])", "_", type(event).__name__).lower().removesuffix("_event")
    action = asdict(event).get("action")
    return f"{name}.{action}" if action else name


def hard_of_hearing(faults: Faults, subscriber: Subscriber) -> Subscriber:
    """The same subscriber, which does not hear of the events that a rule keeps from it."""

    def react(event: Event, event_id: int, at: str) -> Reaction | None:
        if faults.strike(Subject(channel="event", event=told_as(event))):
            return None
        return subscriber.react(event, event_id, at)

    return Subscriber(name=subscriber.name, react=react)
