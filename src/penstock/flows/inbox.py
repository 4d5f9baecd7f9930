"""Reading webhook deliveries: which issue, pull request, alert or changes one names. Pure, and nothing else is believed.

A delivery tells where to look; what is there is read from the forge again. So a webhook and a poll of the same issue
are the same signal, in whatever order and however often deliveries come.
Source: GitHub Docs, "Webhook events and payloads"; only the fields that are read are here.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from penstock.core.refs import ChangeId
from penstock.core.signal import ALERTS, ForgeEvent

W = TypeVar("W", bound=BaseModel)
_BRANCH = re.compile(r"penstock/(c-[0-9a-z]{10})(?:-revert)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueNamed:
    """An open issue that may have become ours; `labels` are those that it had."""

    repository: str
    number: int
    labels: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangesNamed:
    """Something happened on the branches of these changes."""

    changes: tuple[ChangeId, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgeNamed:
    """Something of this event may be so that can start work; `subject` as in `ForgeSignal`."""

    repository: str
    event: ForgeEvent
    subject: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PullNamed:
    """Somebody wrote on this pull request. A comment does not tell whose branch it is about."""

    repository: str
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NothingNamed:
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """It is not what the forge documents: where, and why."""

    problem: str


Named = IssueNamed | ChangesNamed | ForgeNamed | PullNamed | NothingNamed | Unreadable


class _Wire(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)


class _Label(_Wire):
    name: str


class _PullMark(_Wire):
    """Present on an issue that is a pull request."""


class _Issue(_Wire):
    number: int
    state: str = "open"
    labels: tuple[_Label, ...] = ()
    pull_request: _PullMark | None = None


class _Repository(_Wire):
    full_name: str


class _IssueEvent(_Wire):
    action: str
    issue: _Issue
    repository: _Repository


class _Head(_Wire):
    ref: str


class _Pull(_Wire):
    head: _Head


class _PullEvent(_Wire):
    pull_request: _Pull


class _OnBranch(_Wire):
    """A suite or run. Its branch may be missing where the forge found it out by the commit alone."""

    head_branch: str | None
    pull_requests: tuple[_Pull, ...] = ()

    @property
    def branches(self) -> tuple[str | None, ...]:
        return (self.head_branch, *(pull.head.ref for pull in self.pull_requests))


class _CheckRun(_Wire):
    name: str
    check_suite: _OnBranch
    pull_requests: tuple[_Pull, ...] = ()

    @property
    def branches(self) -> tuple[str | None, ...]:
        return (*self.check_suite.branches, *(pull.head.ref for pull in self.pull_requests))


class _CheckRunEvent(_Wire):
    action: str
    check_run: _CheckRun
    repository: _Repository


class _CheckSuiteEvent(_Wire):
    check_suite: _OnBranch


class _WorkflowRun(_OnBranch):
    workflow_id: int


class _WorkflowRunEvent(_Wire):
    action: str
    workflow_run: _WorkflowRun
    repository: _Repository


class _Alert(_Wire):
    number: int


class _AlertEvent(_Wire):
    alert: _Alert
    repository: _Repository


class _Branch(_Wire):
    name: str


class _StatusEvent(_Wire):
    branches: tuple[_Branch, ...]


class _RefEvent(_Wire):
    """`ref` is a full name in a push, and a branch's or tag's own name where one is deleted."""

    ref: str


def read(event: str, body: bytes) -> Named:
    """What a delivery of this event names."""
    reader = _READERS.get(event)
    if reader is None:
        return NothingNamed(reason=f"nothing is done on {event!r}")
    try:
        return reader(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(map(str, first["loc"])) or "the body"
        return Unreadable(problem=f"{event}: {where}: {first['msg']}")


_STARTING = frozenset({"opened", "reopened", "labeled", "unlabeled", "edited"})
"""Actions after which an issue may be ours, or be worded anew. A label that was taken off may have kept us away."""


def _issue(body: bytes) -> Named:
    told = _IssueEvent.model_validate_json(body)
    if told.action not in _STARTING:
        return NothingNamed(reason=f"an issue that was {told.action} starts nothing")
    if told.issue.pull_request or told.issue.state == "closed":
        return NothingNamed(reason="it is a pull request" if told.issue.pull_request else "it is closed")
    return IssueNamed(
        repository=told.repository.full_name,
        number=told.issue.number,
        labels=frozenset(label.name for label in told.issue.labels),
    )


def _comment(body: bytes) -> Named:
    """Written, edited or deleted: each may give a review or take one back."""
    told = _IssueEvent.model_validate_json(body)
    if told.issue.pull_request is None:
        return NothingNamed(reason="a comment on an issue decides nothing")
    return PullNamed(repository=told.repository.full_name, number=told.issue.number)


def _run(body: bytes) -> Named:
    """On a branch of ours it is a change's. Any other that is over may tell of a default branch that fails."""
    told = _WorkflowRunEvent.model_validate_json(body)
    return _ended(
        told, told.workflow_run.branches, ForgeEvent.WORKFLOW_RUN, str(told.workflow_run.workflow_id)
    )


def _check(body: bytes) -> Named:
    told = _CheckRunEvent.model_validate_json(body)
    return _ended(told, told.check_run.branches, ForgeEvent.CHECK_RUN, told.check_run.name)


def _ended(
    told: _WorkflowRunEvent | _CheckRunEvent,
    branches: Iterable[str | None],
    event: ForgeEvent,
    subject: str,
) -> Named:
    if changes := changes_on(branches):
        return ChangesNamed(changes=changes)
    if told.action != "completed":
        return NothingNamed(reason="no branch of ours, and not over yet")
    return ForgeNamed(repository=told.repository.full_name, event=event, subject=subject)


def _alert(event: ForgeEvent) -> Callable[[bytes], Named]:
    """A reader of deliveries about alerts, whatever happened to them."""

    def reader(body: bytes) -> Named:
        told = _AlertEvent.model_validate_json(body)
        return ForgeNamed(repository=told.repository.full_name, event=event, subject=str(told.alert.number))

    return reader


def changes_on(branches: Iterable[str | None]) -> tuple[ChangeId, ...]:
    """The changes whose branches these are, each once."""
    found = (_BRANCH.fullmatch((name or "").removeprefix("refs/heads/")) for name in branches)
    return tuple(dict.fromkeys(ChangeId(match[1]) for match in found if match))


def _on_branches(wire: type[W], branches: Callable[[W], Iterable[str | None]]) -> Callable[[bytes], Named]:
    """A reader of deliveries that tell what happened on branches."""

    def reader(body: bytes) -> Named:
        changes = changes_on(branches(wire.model_validate_json(body)))
        return ChangesNamed(changes=changes) if changes else NothingNamed(reason="no branch of ours")

    return reader


_pull = _on_branches(_PullEvent, lambda told: (told.pull_request.head.ref,))
_ref = _on_branches(_RefEvent, lambda told: (told.ref,))
_READERS: Mapping[str, Callable[[bytes], Named]] = {
    "issues": _issue,
    "issue_comment": _comment,
    "pull_request": _pull,
    "pull_request_review": _pull,
    "check_run": _check,
    "check_suite": _on_branches(_CheckSuiteEvent, lambda told: told.check_suite.branches),
    "workflow_run": _run,
    **{event.value: _alert(event) for event in ALERTS},
    "status": _on_branches(_StatusEvent, lambda told: (branch.name for branch in told.branches)),
    "push": _ref,
    "delete": _ref,
}
