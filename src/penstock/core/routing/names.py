"""The names that conditions may use, their kinds, and which events have them.

Sources: events, their fields and their values as GitHub Docs, "Webhook events and payloads", has them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What a name stands for. A LIST holds texts; a LEVEL is a text with an order; ANY is known only at run time."""

    TEXT = "a text"
    LIST = "a list of texts"
    FLAG = "true or false"
    NUMBER = "a number"
    LEVEL = "a level"
    ANY = "whatever the payload has"


LEVELS = ("low", "medium", "high", "critical")
ASSOCIATIONS = (
    "COLLABORATOR",
    "CONTRIBUTOR",
    "FIRST_TIMER",
    "FIRST_TIME_CONTRIBUTOR",
    "MANNEQUIN",
    "MEMBER",
    "NONE",
    "OWNER",
)
CONCLUSIONS = (
    "action_required",
    "cancelled",
    "failure",
    "neutral",
    "skipped",
    "stale",
    "startup_failure",
    "success",
    "timed_out",
)
_RUNNING = ("error", "in_progress", "pending", "queued", "requested", "waiting")
_ALERT = ("auto_dismissed", "dismissed", "fixed", "open", "resolved")
_REVIEW = ("approved", "changes_requested", "commented")
_DEPLOYMENT = ("inactive",)
STATUSES = (*CONCLUSIONS, *_RUNNING, *_ALERT, *_REVIEW, *_DEPLOYMENT)
"""Of runs and checks (their conclusion once they are completed), commits, deployments, alerts and reviews."""

_COMMON = ("event", "kind", "action", "repo", "org", "author", "fork")
_ISSUE = ("labels", "title", "body", "author_association", "age_hours")
_PULL = (*_ISSUE, "branch", "base", "draft", "paths", "files_changed", "additions", "deletions", "risk")
_RUN = ("status", "conclusion", "branch", "age_hours")


@dataclass(frozen=True, slots=True, kw_only=True)
class EventKind:
    """Of which kind of signal an event tells, and which names it can have."""

    kind: str
    has: frozenset[str]


def _event(kind: str, *has: str) -> EventKind:
    return EventKind(kind=kind, has=frozenset((*_COMMON, *has)))


EVENTS: Mapping[str, EventKind] = {
    "issues": _event("issue", *_ISSUE),
    "issue_comment": _event("comment", *_ISSUE),
    "pull_request": _event("pull_request", *_PULL),
    "pull_request_target": _event("pull_request", *_PULL),
    "pull_request_review": _event("review", *_PULL, "status"),
    "pull_request_review_comment": _event("comment", *_PULL),
    "push": _event("push", "branch", "paths", "title", "body", "files_changed"),
    "create": _event("push", "branch"),
    "delete": _event("push", "branch"),
    "release": _event("release", "title", "body", "branch", "draft", "age_hours"),
    "workflow_run": _event("workflow_run", *_RUN, "workflow", "job", "title"),
    "workflow_job": _event("workflow_run", *_RUN, "workflow", "job", "labels"),
    "check_run": _event("check", *_RUN, "job"),
    "check_suite": _event("check", *_RUN),
    "status": _event("check", "status", "conclusion", "job", "age_hours"),
    "deployment_status": _event("check", "status", "conclusion", "branch", "age_hours"),
    "code_scanning_alert": _event("alert", "severity", "title", "branch", "paths", "status", "age_hours"),
    "dependabot_alert": _event("alert", "severity", "title", "body", "paths", "status", "age_hours"),
    "secret_scanning_alert": _event("alert", "severity", "title", "status", "age_hours"),
    "repository": _event("repository"),
    "repository_dispatch": _event("request", "branch"),
    "schedule": _event("schedule", "workflow"),
    "feedback": _event("feedback", *_ISSUE),
    "suggestion": _event("suggestion", *_ISSUE, "severity", "risk", "paths"),
}
"""GitHub's events that can become signals, and the three that arise here: `schedule`, `feedback`, `suggestion`."""

KINDS = tuple(sorted({event.kind for event in EVENTS.values()}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Name:
    """`fact` is the field that holds it; `choices`, where there are some, are all that it can be."""

    kind: Kind
    fact: str
    choices: tuple[str, ...] = ()


def _name(kind: Kind, fact: str, choices: tuple[str, ...] = ()) -> Name:
    return Name(kind=kind, fact=fact, choices=choices)


NAMES: Mapping[str, Name] = {
    "event": _name(Kind.TEXT, "event", tuple(EVENTS)),
    "kind": _name(Kind.TEXT, "kind", KINDS),
    "action": _name(Kind.TEXT, "action"),
    "repo": _name(Kind.TEXT, "repo"),
    "org": _name(Kind.TEXT, "org"),
    "label": _name(Kind.LIST, "labels"),
    "labels": _name(Kind.LIST, "labels"),
    "path": _name(Kind.LIST, "paths"),
    "paths": _name(Kind.LIST, "paths"),
    "branch": _name(Kind.TEXT, "branch"),
    "base": _name(Kind.TEXT, "base"),
    "author": _name(Kind.TEXT, "author"),
    "author_association": _name(Kind.TEXT, "author_association", ASSOCIATIONS),
    "title": _name(Kind.TEXT, "title"),
    "body": _name(Kind.TEXT, "body"),
    "status": _name(Kind.TEXT, "status", STATUSES),
    "conclusion": _name(Kind.TEXT, "conclusion", CONCLUSIONS),
    "job": _name(Kind.TEXT, "job"),
    "workflow": _name(Kind.TEXT, "workflow"),
    "severity": _name(Kind.LEVEL, "severity", LEVELS),
    "risk": _name(Kind.LEVEL, "risk", LEVELS),
    "draft": _name(Kind.FLAG, "draft"),
    "fork": _name(Kind.FLAG, "fork"),
    "age_hours": _name(Kind.NUMBER, "age_hours"),
    "files_changed": _name(Kind.NUMBER, "files_changed"),
    "additions": _name(Kind.NUMBER, "additions"),
    "deletions": _name(Kind.NUMBER, "deletions"),
}
PAYLOAD = "payload"


def resolved(name: str) -> Name | None:
    """What a name means; None where there is no such name. `payload.a.b` is the payload's own `b` in `a`."""
    root, _, path = name.partition(".")
    if root == PAYLOAD and path:
        return Name(kind=Kind.ANY, fact=name)
    return NAMES.get(name)
