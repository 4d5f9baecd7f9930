"""A workflow file, read. What GitHub evaluates later stays a node; `tree.resolve` gives its value."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from localforge.actions.expressions import Environment, truthy
from localforge.actions.workflow.template import Template
from localforge.actions.workflow.tree import Mark, Node

LONGEST_MESSAGE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What is wrong and where; a problem of the whole file has no place.

    `file` names another file than the one that is read (a called workflow); empty: the message stands alone.
    """

    message: str
    at: Mark | None = None
    file: str | None = None

    def in_file(self, path: str) -> str:
        """As GitHub shows it."""
        where = f" (Line: {self.at.line}, Col: {self.at.column})" if self.at else ""
        prefix = f"{path if self.file is None else self.file}{where}"
        text = f"{prefix}: {self.message}" if prefix else self.message
        return text if len(text) <= LONGEST_MESSAGE else text[:LONGEST_MESSAGE] + "[...]"


@dataclass(frozen=True, slots=True, kw_only=True)
class InvalidWorkflow:
    """A file GitHub would refuse; it shows a failed run with these problems."""

    path: str
    problems: tuple[Problem, ...]

    @property
    def messages(self) -> tuple[str, ...]:
        return tuple(problem.in_file(self.path) for problem in self.problems)


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """An input of `workflow_dispatch` or `workflow_call`; `kind` is string, boolean, number, choice or environment.

    The default of a called workflow's input may hold expressions.
    """

    name: str
    kind: str
    required: bool
    default: Node | None
    options: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """One event of `on` with its filters; None is a filter that is not there. `crons` are pairs with a time zone.

    `secrets` (name and whether it must be given) and `outputs` are those of `workflow_call`.
    """

    event: str
    types: tuple[str, ...] | None = None
    branches: tuple[str, ...] | None = None
    branches_ignore: tuple[str, ...] | None = None
    tags: tuple[str, ...] | None = None
    tags_ignore: tuple[str, ...] | None = None
    paths: tuple[str, ...] | None = None
    paths_ignore: tuple[str, ...] | None = None
    workflows: tuple[str, ...] | None = None
    inputs: tuple[Input, ...] = ()
    crons: tuple[tuple[str, str], ...] = ()
    secrets: Mapping[str, bool] = field(default_factory=dict)
    outputs: Mapping[str, Node] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """An `if`. Without a status function in it, success so far is a part of the condition."""

    template: Template
    names_status: bool

    def holds(self, environment: Environment) -> bool:
        """Raises ExpressionError; `environment` must know `success`."""
        if not self.names_status and not truthy(environment.functions["success"](())):
            return False
        return truthy(self.template.evaluate(environment))


# No condition of its own: what came before succeeded.
SUCCEEDED = Condition(template=Template(source="true", parts=("true",)), names_status=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Defaults:
    """`defaults.run`."""

    shell: Node | None = None
    working_directory: Node | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    script: Node
    shell: Node | None
    working_directory: Node | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Uses:
    action: str
    inputs: Node | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsupported:
    """A step that GitHub reads and this runner has no way to run: what it is, for the log."""

    what: str


StepAction: TypeAlias = Run | Uses | Unsupported


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """`id` is given by the file or generated (then it starts with two underscores and is in no context)."""

    id: str
    at: Mark
    name: Node | None
    condition: Condition
    action: StepAction
    env: Node | None
    continue_on_error: Node | None
    timeout_minutes: Node | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A job that calls another workflow. `inherits`: it gets all of the caller's secrets."""

    uses: str
    at: Mark
    inputs: Mapping[str, Node]
    secrets: Mapping[str, Node]
    inherits: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """`call` is set for a job that calls a workflow; `key_at` is where its id stands.

    `unsupported` names the keys that this runner cannot honour (container, services …).
    """

    id: str
    at: Mark
    name: Node | None
    needs: tuple[str, ...]
    condition: Condition
    runs_on: Node | None
    strategy: Node | None
    env: Node | None
    defaults: Defaults
    outputs: Node | None
    steps: tuple[Step, ...]
    timeout_minutes: Node | None
    continue_on_error: Node | None
    concurrency: Node | None
    permissions: Mapping[str, str] | None
    unsupported: tuple[str, ...]
    call: Call | None
    key_at: Mark


@dataclass(frozen=True, slots=True, kw_only=True)
class Workflow:
    """`path` is relative to the repository's root; jobs are in file order.

    `called` are the workflows that its jobs call, by job (once `linking` has found them); `origin` is where a called
    one is from (`Found.origin`), and empty for the one that runs.
    """

    path: str
    name: str | None
    run_name: Node | None
    triggers: tuple[Trigger, ...]
    env: Node | None
    defaults: Defaults
    permissions: Mapping[str, str] | None
    concurrency: Node | None
    jobs: tuple[Job, ...]
    called: "Mapping[str, Workflow]" = field(default_factory=dict)
    origin: str = ""

    def job(self, job_id: str) -> Job:
        """The job with this id, which must be there."""
        return next(job for job in self.jobs if job.id == job_id)

    def trigger(self, event: str) -> Trigger | None:
        """The trigger for this event."""
        return next((trigger for trigger in self.triggers if trigger.event == event), None)
