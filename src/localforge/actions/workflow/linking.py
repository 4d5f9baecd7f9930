"""Workflows that call workflows: every called file found, read and checked against its caller, before anything runs.

Source: docs.github.com, "Reusing workflows"; refusals in the words of GitHub's own reader.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

from localforge.actions.workflow.model import Input, InvalidWorkflow, Job, Problem, Trigger, Workflow
from localforge.actions.workflow.reader import read_workflow
from localforge.actions.workflow.template import Template
from localforge.actions.workflow.tree import Node, Scalar, literal

DEEPEST = 10
MOST_JOBS = 1000
DEFAULT_PERMISSIONS = {"contents": "read", "packages": "read"}
_LEVELS = {"none": 0, "read": 1, "write": 2}
# The permissions that a caller limits, in the order that GitHub lists them.
_LISTED = (
    *("actions", "checks", "contents", "deployments", "discussions", "issues", "packages", "pages"),
    *("pull-requests", "repository-projects", "statuses", "security-events", "id-token"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A called file: what it is called in messages, its text, and where its own `./` leads."""

    name: str
    source: str
    origin: str


Fetch: TypeAlias = Callable[[str, str], Found | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How deep calls may nest, and how many jobs there may be, callers counted."""

    depth: int = DEEPEST
    jobs: int = MOST_JOBS


class _Refused(Exception):
    """Problems that end the reading."""

    def __init__(self, *problems: Problem) -> None:
        self.problems = problems
        super().__init__(problems)


def link(
    workflow: Workflow, fetch: Fetch, origin: str = "", bounds: Bounds | None = None
) -> Workflow | InvalidWorkflow:
    """The workflow with everything that it calls. `fetch(uses, origin)` finds a called file; `origin` is the workflow's."""
    if not any(job.call for job in workflow.jobs):
        return workflow
    allowed = DEFAULT_PERMISSIONS if workflow.permissions is None else workflow.permissions
    try:
        linker = _Linker(fetch, bounds or Bounds())
        return linker.linked(workflow, None, origin, allowed, 0)
    except _Refused as refused:
        return InvalidWorkflow(path=workflow.path, problems=refused.problems)


class _Linker:
    def __init__(self, fetch: Fetch, bounds: Bounds) -> None:
        self._fetch = fetch
        self._bounds = bounds
        self._jobs = 0
        self._read: dict[tuple[str, str], Workflow | InvalidWorkflow] = {}

    def linked(
        self, workflow: Workflow, file: str | None, origin: str, allowed: Mapping[str, str], depth: int
    ) -> Workflow:
        """`file` is how messages name the workflow; None: it is the one that runs. Raises _Refused."""
        self._jobs += len(workflow.jobs)
        if self._jobs > self._bounds.jobs:
            words = f"The workflow may not contain more than {self._bounds.jobs} jobs"
            raise _Refused(Problem(message=words, file=""))
        called = {
            job.id: self._called(job, file, origin, _granted(job, allowed), depth + 1)
            for job in workflow.jobs
            if job.call
        }
        return replace(workflow, called=called, origin=origin)

    def _called(
        self, job: Job, file: str | None, origin: str, allowed: Mapping[str, str], depth: int
    ) -> Workflow:
        call = job.call
        if call is None:
            raise ValueError(job.id)
        if depth > self._bounds.depth:
            words = f"Nested reusable workflow depth exceeded {self._bounds.depth}."
            raise _Refused(Problem(message=words, file=""))
        found = self._fetch(call.uses, origin)
        if found is None:
            words = f'error parsing called workflow "{call.uses}": workflow was not found.'
            raise _Refused(Problem(message=words, at=call.at, file=file))
        text = (found.name, found.source)
        if text not in self._read:
            self._read[text] = read_workflow(*text)
        read = self._read[text]
        if isinstance(read, InvalidWorkflow):
            words = f"Error from called workflow {read.messages[0]}"
            raise _Refused(Problem(message=words, at=call.at, file=file))
        trigger = read.trigger("workflow_call")
        if trigger is None:
            words = "workflow is not reusable as it is missing a `on.workflow_call` trigger"
            raise _Refused(
                Problem(
                    message=f'error parsing called workflow "{call.uses}": {words}', at=call.at, file=file
                )
            )
        wrong = [*_wrong_inputs(job, trigger), *_wrong_secrets(job, trigger)]
        if wrong:
            raise _Refused(*(replace(problem, file=file) for problem in wrong))
        if words := _beyond(read, found.name, allowed):
            message = f"Error calling workflow '{found.name}'. {words}"
            raise _Refused(Problem(message=message, at=job.key_at, file=file))
        within = allowed if read.permissions is None else read.permissions
        return self.linked(read, found.name, found.origin, within, depth)


def _granted(job: Job, allowed: Mapping[str, str]) -> Mapping[str, str]:
    return allowed if job.permissions is None else job.permissions


def _wrong_inputs(job: Job, trigger: Trigger) -> Iterator[Problem]:
    call = job.call
    if call is None:
        return
    known = {definition.name.lower(): definition for definition in trigger.inputs}
    for name, value in call.inputs.items():
        definition = known.get(name.lower())
        if definition is None:
            words = f"Invalid input, {name} is not defined in the referenced workflow."
            yield Problem(message=words, at=value.at)
        elif not _fits(definition, value):
            yield Problem(message=f"Unexpected value '{literal(value)}'", at=value.at)
    given = {name.lower() for name in call.inputs}
    for definition in trigger.inputs:
        if definition.required and definition.name.lower() not in given:
            words = f"Input {definition.name} is required, but not provided while calling."
            yield Problem(message=words, at=call.at)


def _fits(definition: Input, value: Node) -> bool:
    """Whether a literal is of the input's type; an expression is judged when it is evaluated."""
    if not isinstance(value, Scalar) or isinstance(value.value, Template):
        return True
    match definition.kind:
        case "boolean":
            return isinstance(value.value, bool)
        case "number":
            return isinstance(value.value, int | float) and not isinstance(value.value, bool)
        case _:
            return True


def _wrong_secrets(job: Job, trigger: Trigger) -> Iterator[Problem]:
    call = job.call
    if call is None or call.inherits:
        return
    known = {name.lower() for name in trigger.secrets}
    for name in call.secrets:
        if name.lower() not in known:
            words = f"Invalid secret, {name} is not defined in the referenced workflow."
            yield Problem(message=words, at=call.secrets[name].at)
    given = {name.lower() for name in call.secrets}
    for name, required in trigger.secrets.items():
        if required and name.lower() not in given:
            yield Problem(message=f"Secret {name} is required, but not provided while calling.", at=call.at)


def _beyond(workflow: Workflow, name: str, allowed: Mapping[str, str]) -> str:
    """What a called workflow asks for beyond what its caller may give, in GitHub's words; empty when nothing."""
    if told := _more(workflow.permissions, allowed):
        return f"The workflow '{name}' is requesting {told}"
    for job in workflow.jobs:
        if told := _more(job.permissions, allowed):
            shown = literal(job.name) if job.name and _is_literal(job.name) else job.id
            return f"The nested job '{shown}' is requesting {told}"
    return ""


def _is_literal(node: Node) -> bool:
    return isinstance(node, Scalar) and not isinstance(node.value, Template)


def _more(asked: Mapping[str, str] | None, allowed: Mapping[str, str]) -> str:
    beyond = [
        name
        for name in _LISTED
        if _LEVELS[(asked or {}).get(name, "none")] > _LEVELS[allowed.get(name, "none")]
    ]
    if asked is None or not beyond:
        return ""
    wanted = ", ".join(f"{name}: {asked[name]}" for name in beyond)
    given = ", ".join(f"{name}: {allowed.get(name, 'none')}" for name in beyond)
    return f"'{wanted}', but is only allowed '{given}'."
