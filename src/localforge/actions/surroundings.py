"""What surrounds a step: its job's sandbox, contexts and reporter, and the scope that it is performed in."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from localforge.actions.commands import OutputReader, Remark
from localforge.actions.expressions import Value, to_text
from localforge.actions.legs import Conclusion
from localforge.actions.sandbox.box import Sandbox
from localforge.actions.steps import Packed, Place
from localforge.actions.workflow.model import Run, Step, Uses, Workflow
from localforge.actions.workflow.template import Template
from localforge.actions.workflow.tree import Scalar


class Reporter(Protocol):
    """Where a job tells what happens, as it happens."""

    def step_started(self, number: int, name: str) -> None: ...
    def step_ended(self, number: int, conclusion: Conclusion) -> None: ...
    def log(self, number: int, lines: Sequence[str]) -> None: ...
    def remarks(self, remarks: Sequence[Remark]) -> None: ...
    def summary(self, text: str) -> None: ...


@dataclass(slots=True, kw_only=True)
class Scope:
    """Where steps are performed. `inputs`, `path`, `deadline` and `depth` are a composite action's; `env` its step's.

    `file` is where the steps are written, `origin` the repository and commit that it is of (empty: the run's own), `packed`
    what a composite action was unpacked from.
    """

    file: str = ""
    origin: str = ""
    packed: Packed | None = None
    inputs: Mapping[str, str] | None = None
    path: str = ""
    depth: int = 0
    env: Mapping[str, str] = field(default_factory=dict)
    deadline: float | None = None
    steps: dict[str, Value] = field(default_factory=dict)
    failed: bool = False

    @property
    def nested(self) -> bool:
        """Whether this is a composite action's."""
        return self.inputs is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What every step of a job has: the sandbox and its places, contexts, credentials, and where to report."""

    sandbox: Sandbox
    reporter: Reporter
    place: Place
    output: OutputReader
    workflow: Workflow
    contexts: Mapping[str, Value]
    secrets: Mapping[str, str]
    token: str
    find: Callable[[str, str], Packed | None]


def github_of(around: Surroundings, scope: Scope, step_id: str) -> dict[str, Value]:
    """The `github` context of a step."""
    github, place = around.contexts["github"], around.place
    paths = {"workspace": place.workspace, "event_path": place.event, "action": step_id}
    if scope.nested:
        paths["action_path"] = scope.path
    if scope.packed is not None:
        paths |= {"action_repository": scope.packed.name, "action_ref": scope.packed.ref}
    return {**(github if isinstance(github, Mapping) else {}), **paths}


def located(scope: Scope, step: Step, message: str) -> str:
    """The message with the step's place in its file."""
    return f"{scope.file} (Line: {step.at.line}, Col: {step.at.column}): {message}"


def default_name(step: Step) -> str:
    """What GitHub calls a step without a name."""
    match step.action:
        case Run(script=Scalar(value=value)):
            source = value.source if isinstance(value, Template) else to_text(value)
            return f"Run {source.strip().partition(chr(10))[0]}"
        case Uses(action=action):
            return f"Run {action}"
        case _:
            return step.id
