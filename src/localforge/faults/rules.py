"""Rules of faults, and the pure decision which of them strike: from the rules, how often each matched, and a seed."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Annotated, ClassVar, Literal, TypeAlias

from pydantic import ConfigDict, Field, TypeAdapter

RequestKind = Literal[
    "status",
    "lost_answer",
    "secondary_limit",
    "expired_token",
    "stale",
    "slow",
    "rename",
    "archive",
    "move_base",
]
DeliveryKind = Literal["drop", "duplicate", "reorder", "delay"]
EventKind = Literal["silent_ci"]

KINDS = {
    "status": "the request is refused with `status` (500, 502 …) and has no effect",
    "lost_answer": "the request has its effect, and the connection is closed instead of an answer",
    "secondary_limit": "403 with Retry-After `seconds`",
    "expired_token": "401, whatever the credential",
    "stale": "a reading request is answered from before the last change",
    "slow": "the answer takes `seconds` longer",
    "rename": "the repository of the path is renamed (`name`, or its own with -moved) just before",
    "archive": "the repository of the path is archived just before",
    "move_base": "the base branch (of the pull request in the path, or the default one) gets a commit just before",
    "drop": "a webhook's delivery never arrives",
    "duplicate": "a webhook's delivery arrives twice",
    "reorder": "a webhook's delivery arrives after the next one, or after `seconds` when there is none",
    "delay": "a webhook's delivery, and those behind it, arrive `seconds` later",
    "silent_ci": "workflows do not hear of the event: no run begins, no check reports",
}
Channel = Literal["request", "delivery", "event"]
_CHANNELS: Mapping[str, Channel] = {
    **dict.fromkeys(("drop", "duplicate", "reorder", "delay"), "delivery"),
    "silent_ci": "event",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A fault and when it strikes.

    What is None matches everything; patterns are shell globs. Of the matches the first `skip` are spared, then `count`
    (None: all) are struck, each with `probability`: the same ones for the same `seed`.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")
    kind: RequestKind | DeliveryKind | EventKind
    method: str | None = None
    path: str | None = None
    operation: str | None = None
    event: str | None = None
    skip: Annotated[int, Field(ge=0)] = 0
    count: Annotated[int, Field(ge=0)] | None = 1
    probability: Annotated[float, Field(ge=0, le=1)] = 1.0
    seed: int = 0
    status: Annotated[int, Field(ge=400, le=599)] = 502
    seconds: Annotated[float, Field(ge=0, le=3600)] = 1.0
    name: str | None = None

    @property
    def channel(self) -> Channel:
        """What it concerns: requests, webhooks' deliveries, or events that start workflows."""
        return _CHANNELS.get(self.kind, "request")


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What may be struck: a request (method, path, operation id), a delivery or an event (`push`, `issues.opened`).

    `reads`: nothing can be changed by it.
    """

    channel: Channel
    method: str = ""
    path: str = ""
    operation: str = ""
    event: str = ""
    reads: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How often a rule has matched and struck."""

    matched: int = 0
    struck: int = 0


Tallies: TypeAlias = Mapping[int, Tally]
ADAPTER = TypeAdapter(Rule)


def decide(rules: Mapping[int, Rule], tallies: Tallies, subject: Subject) -> tuple[Sequence[Rule], Tallies]:
    """The rules that strike, in the order they were made, and the tallies afterwards."""
    after, striking = dict(tallies), []
    for number, rule in sorted(rules.items()):
        if not matches(rule, subject):
            continue
        tally = after.get(number, Tally())
        after[number] = tally = replace(tally, matched=tally.matched + 1)
        spent = rule.count is not None and tally.struck >= rule.count
        if (
            tally.matched > rule.skip
            and not spent
            and chance(rule.seed, number, tally.matched) < rule.probability
        ):
            after[number] = replace(tally, struck=tally.struck + 1)
            striking.append(rule)
    return striking, after


def matches(rule: Rule, subject: Subject) -> bool:
    """Whether the rule is about this."""
    event, _, _ = subject.event.partition(".")
    wanted = (
        (rule.method, (subject.method,)),
        (rule.path, (subject.path,)),
        (rule.operation, (subject.operation,)),
        (rule.event, (subject.event, event)),
    )
    if rule.channel != subject.channel or (rule.kind == "stale" and not subject.reads):
        return False
    return all(
        pattern is None or any(fnmatchcase(text, pattern) for text in texts) for pattern, texts in wanted
    )


def chance(seed: int, rule: int, match: int) -> float:
    """A number from 0 up to 1 that depends on nothing else: the run can be repeated."""
    digest = hashlib.sha256(f"{seed}:{rule}:{match}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
