"""Runs one job in its sandbox: set up, the steps in order with their conditions, the outputs.

What a single step does is in `steps`; this file decides whether it runs and what its end means for the job.
"""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from localforge.actions.commands import OutputReader, Remark
from localforge.actions.contexts import exported
from localforge.actions.expressions import (
    Environment,
    ExpressionError,
    Fault,
    Value,
    lookup,
    to_number,
    to_text,
    truthy,
)
from localforge.actions.masking import forms
from localforge.actions.plan import Conclusion
from localforge.actions.sandbox.box import Command, Sandbox
from localforge.actions.steps import Bench, Outcome, Place, StepError, perform
from localforge.actions.toolcache import PythonFiles, python_files
from localforge.actions.workflow.model import Job, Run, Step, Uses, Workflow
from localforge.actions.workflow.template import Template
from localforge.actions.workflow.tree import Node, Scalar, resolve

DEFAULT_MINUTES = 360.0
CLEANUP_SECONDS = 60.0
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Reporter(Protocol):
    """Where a job tells what happens, as it happens."""

    def step_started(self, number: int, name: str) -> None: ...
    def step_ended(self, number: int, conclusion: Conclusion) -> None: ...
    def log(self, number: int, lines: Sequence[str]) -> None: ...
    def remarks(self, remarks: Sequence[Remark]) -> None: ...
    def summary(self, text: str) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSpec:
    """A job, ready to run.

    `contexts` are github (with token and job), needs, matrix, strategy, vars, inputs; `event` is the event's JSON
    text; `files` go into the home, named relative to it; `notes` open the log.
    """

    workflow: Workflow
    job: Job
    contexts: Mapping[str, Value]
    event: str
    token: str
    secrets: Mapping[str, str]
    masks: Sequence[str]
    files: Mapping[str, str]
    notes: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class JobResult:
    """How the job ended, and its outputs."""

    conclusion: Conclusion
    outputs: Mapping[str, str]


@dataclass(slots=True)
class _State:
    """What one step leaves to the next."""

    env: dict[str, str] = field(default_factory=dict)
    path: list[str] = field(default_factory=list)
    steps: dict[str, Value] = field(default_factory=dict)
    failed: bool = False
    deadline: float = 0.0


class JobExecution:
    """One run of one job."""

    def __init__(self, spec: JobSpec, sandbox: Sandbox, reporter: Reporter) -> None:
        self.spec = spec
        self.sandbox = sandbox
        self.reporter = reporter
        self.place = Place.below(sandbox.home, to_text(lookup(spec.contexts["github"], "repository")))
        self.python = python_files(sandbox.home)
        self.output = OutputReader()
        for mask in (*spec.masks, *(form for secret in spec.secrets.values() for form in forms(secret))):
            self.output.add_mask(mask)
        self.state = _State()
        self.cancelled = threading.Event()
        self.timed_out = False

    def cancel(self) -> None:
        """Stop the step at hand, once; what asks for it (`always()`, `cancelled()`) still runs, for a minute each."""
        if not self.cancelled.is_set():
            self.cancelled.set()
            self.sandbox.stop()

    def abandon(self) -> None:
        """The runner ends: the job's processes end now, and `run` raises SandboxError."""
        self.sandbox.terminate()

    def run(self) -> JobResult:
        """Raises SandboxError when the sandbox dies."""
        job = self.spec.job
        prepared = self._set_up()
        if prepared:
            for number, step in enumerate(job.steps, start=2):
                self._step(number, step)
        outputs = self._outputs() if prepared else {}
        last = len(job.steps) + 2
        self.reporter.step_started(last, "Complete job")
        self.reporter.step_ended(last, Conclusion.SUCCESS)
        return JobResult(conclusion=self._conclusion(), outputs=outputs)

    def _conclusion(self) -> Conclusion:
        if self.timed_out:
            return Conclusion.TIMED_OUT
        if self.cancelled.is_set():
            return Conclusion.CANCELLED
        return Conclusion.FAILURE if self.state.failed else Conclusion.SUCCESS

    def _set_up(self) -> bool:
        """Files, environment and deadline; False when the job cannot run here, which the log then says."""
        reporter = self.reporter
        reporter.step_started(1, "Set up job")
        reporter.log(1, [self.output.hide(note) for note in self.spec.notes])
        try:
            self._prepare_home(self.python)
            environment = self._environment({})
            minutes = self._number(self.spec.job.timeout_minutes, environment, DEFAULT_MINUTES)
            self.state.deadline = time.monotonic() + minutes * 60
            self.state.env = self._texts(self.spec.workflow.env, environment)
            self.state.env |= self._texts(self.spec.job.env, self._environment(self.state.env))
            refusal = self._refusal(environment)
        except ExpressionError as error:
            refusal = error.message
        if refusal:
            self._fail(1, refusal)
            self.state.failed = True
        reporter.step_ended(1, Conclusion.FAILURE if refusal else Conclusion.SUCCESS)
        return not refusal

    def _refusal(self, environment: Environment) -> str:
        """Why this runner has no way to run the job; empty when it has."""
        job = self.spec.job
        if job.unsupported:
            return f"`{job.unsupported[0]}` is unsupported on the local runner"
        wanted = resolve(job.runs_on, environment) if job.runs_on else ""
        labels = wanted if isinstance(wanted, list) else [wanted]
        foreign = [
            to_text(label) for label in labels if to_text(label).lower().startswith(("windows", "macos"))
        ]
        return f"runs-on: {foreign[0]}: the local runner is Linux" if foreign else ""

    def _prepare_home(self, python: PythonFiles) -> None:
        place = self.place
        order = Command(
            argv=["/bin/mkdir", "-p", place.workspace, place.temp],
            cwd=self.sandbox.home,
            env={"PATH": SYSTEM_PATH},
            files={
                **python.files,
                place.event: self.spec.event,
                **{f"{self.sandbox.home}/{name}": text for name, text in self.spec.files.items()},
            },
            scripts=python.scripts,
            links=python.links,
        )
        self.sandbox.run(order, self._on_output(1))
        self.state.path = [python.path]

    def _step(self, number: int, step: Step) -> None:
        reporter = self.reporter
        name = _default_name(step)
        try:
            own = self._texts(step.env, self._environment(self.state.env, step.id))
            env = {**self.state.env, **own}
            environment = self._environment(env, step.id)
            name = to_text(resolve(step.name, environment)) if step.name else name
            runs = step.condition.holds(environment)
        except ExpressionError as error:
            reporter.step_started(number, name)
            self._fail(number, error.message)
            self._conclude(number, step, Outcome(conclusion=Conclusion.FAILURE), Conclusion.FAILURE)
            return
        reporter.step_started(number, self.output.hide(name))
        if not runs:
            self._conclude(number, step, Outcome(conclusion=Conclusion.SKIPPED), Conclusion.SKIPPED)
            return
        outcome, tolerated = self._perform(number, step, environment, env)
        conclusion = outcome.conclusion
        if conclusion is Conclusion.FAILURE and tolerated:
            conclusion = Conclusion.SUCCESS
        self._conclude(number, step, outcome, conclusion)

    def _perform(
        self, number: int, step: Step, environment: Environment, env: Mapping[str, str]
    ) -> tuple[Outcome, bool]:
        """How the step ended, and whether the job goes on if it failed."""
        tolerated = False
        try:
            node = step.continue_on_error
            tolerated = node is not None and truthy(resolve(node, environment))
            minutes = self._number(step.timeout_minutes, environment, 0.0)
            outcome = perform(
                step, environment, self._bench(number, minutes, {**env, **self._variables(step.id)})
            )
        except (StepError, ExpressionError) as error:
            self._fail(number, str(error))
            return Outcome(conclusion=Conclusion.FAILURE), tolerated
        if lines := self.output.finish():
            self.reporter.log(number, lines)
        if outcome.stopped:
            return self._stopped(number, step, outcome, minutes), tolerated
        if outcome.conclusion is Conclusion.FAILURE and outcome.message:
            self._fail(number, outcome.message)
        return outcome, tolerated

    def _stopped(self, number: int, step: Step, outcome: Outcome, minutes: float) -> Outcome:
        """A step that did not end by itself: cancelled, out of its own time, or out of the job's."""
        if self.cancelled.is_set():
            self._fail(number, "The operation was canceled.")
            return Outcome(conclusion=Conclusion.CANCELLED, outputs=outcome.outputs)
        if time.monotonic() >= self.state.deadline:
            self.timed_out = True
            self._fail(number, "The job has exceeded its maximum execution time.")
            return Outcome(conclusion=Conclusion.CANCELLED, outputs=outcome.outputs)
        self._fail(number, f"The action '{_default_name(step)}' has timed out after {minutes:g} minutes.")
        return Outcome(conclusion=Conclusion.FAILURE, outputs=outcome.outputs)

    def _conclude(self, number: int, step: Step, outcome: Outcome, conclusion: Conclusion) -> None:
        """Tell the reporter, and leave what the step set to those after it."""
        if self.output.remarks:
            self.reporter.remarks(self.output.remarks)
            self.output.remarks.clear()
        if outcome.summary:
            self.reporter.summary(self.output.hide(outcome.summary))
        self.state.failed |= conclusion is Conclusion.FAILURE
        self.state.env |= outcome.env
        self.state.path = [*reversed(outcome.path), *self.state.path]
        if not step.id.startswith("__"):
            self.state.steps[step.id] = {
                "outputs": dict(outcome.outputs),
                "outcome": outcome.conclusion.value,
                "conclusion": conclusion.value,
            }
        self.reporter.step_ended(number, conclusion)

    def _bench(self, number: int, minutes: float, env: Mapping[str, str]) -> Bench:
        """What `perform` works with; under a cancel or after the job's time, with a minute left."""
        now = time.monotonic()
        if self.cancelled.is_set() or self.timed_out:
            self.sandbox.resume()
            deadline = now + CLEANUP_SECONDS
        else:
            deadline = min(self.state.deadline, now + minutes * 60 if minutes else self.state.deadline)
        return Bench(
            sandbox=self.sandbox,
            place=self.place,
            defaults=(self.spec.job.defaults, self.spec.workflow.defaults),
            deadline=deadline,
            number=number,
            env=env,
            token=self.spec.token,
            github=self._github(),
            on_output=self._on_output(number),
            say=lambda line: self.reporter.log(number, [self.output.hide(line)]),
        )

    def _environment(self, env: Mapping[str, str], step_id: str = "") -> Environment:
        """The contexts and functions of a step, or of the job's own keys."""
        status = self._conclusion()
        runner = {"name": "localforge", "os": "Linux", "arch": "X64", "temp": self.place.temp, "debug": ""}
        return Environment(
            contexts={
                **self.spec.contexts,
                "github": self._github(step_id),
                "env": dict(env),
                "steps": dict(self.state.steps),
                "job": {"status": status.value},
                "runner": runner,
                "secrets": {**self.spec.secrets, "GITHUB_TOKEN": self.spec.token},
            },
            functions={
                "always": lambda _: True,
                "success": lambda _: status is Conclusion.SUCCESS,
                "failure": lambda _: status is Conclusion.FAILURE,
                "cancelled": lambda _: status in {Conclusion.CANCELLED, Conclusion.TIMED_OUT},
                "hashfiles": lambda patterns: self.sandbox.hash_files(
                    self.place.workspace, [to_text(pattern) for pattern in patterns]
                ),
            },
        )

    def _github(self, step_id: str = "") -> dict[str, Value]:
        github = self.spec.contexts["github"]
        paths = {"workspace": self.place.workspace, "event_path": self.place.event, "action": step_id}
        return {**(github if isinstance(github, Mapping) else {}), **paths}

    def _variables(self, step_id: str) -> dict[str, str]:
        """The variables that every step has and none can change."""
        place = self.place
        return {
            **exported(self._github(step_id)),
            "CI": "true",
            "GITHUB_ACTION": step_id,
            "GITHUB_ACTIONS": "true",
            "HOME": self.sandbox.home,
            "LANG": "C.UTF-8",
            "PATH": ":".join([*self.state.path, self.state.env.get("PATH", SYSTEM_PATH)]),
            "RUNNER_ARCH": "X64",
            "RUNNER_ENVIRONMENT": "self-hosted",
            "RUNNER_NAME": "localforge",
            "RUNNER_OS": "Linux",
            "RUNNER_TEMP": place.temp,
            "RUNNER_TOOL_CACHE": place.tools,
            "RUNNER_WORKSPACE": place.parent,
            "USER": "runner",
        }

    def _outputs(self) -> dict[str, str]:
        """The job's outputs; one that holds a secret is left out, as on GitHub."""
        last = len(self.spec.job.steps) + 1
        try:
            outputs = self._texts(self.spec.job.outputs, self._environment(self.state.env))
        except ExpressionError as error:
            self._fail(last, error.message)
            return {}
        secret = {name for name, value in outputs.items() if self.output.hide(value) != value}
        for name in sorted(secret):
            self.reporter.log(last, [f"##[warning]Skip output '{name}' since it may contain secret."])
        return {name: value for name, value in outputs.items() if name not in secret}

    def _texts(self, node: Node | None, environment: Environment) -> dict[str, str]:
        """A mapping of texts: `env`, `with`, `outputs`."""
        value = resolve(node, environment) if node else {}
        if not isinstance(value, Mapping):
            raise ExpressionError(Fault.EVALUATION, "A mapping was expected")
        return {name: to_text(item) for name, item in value.items()}

    def _number(self, node: Node | None, environment: Environment, default: float) -> float:
        value = resolve(node, environment) if node else default
        number = to_number(value)
        return number if number > 0 else default

    def _fail(self, number: int, message: str) -> None:
        """An error of the job's own: in the log, and an annotation."""
        shown = self.output.hide(message)
        self.reporter.log(number, [f"##[error]{line}" for line in shown.splitlines()])
        self.reporter.remarks([Remark(level="failure", message=shown)])

    def _on_output(self, number: int) -> Callable[[bytes], None]:
        def pass_on(data: bytes) -> None:
            if lines := self.output.feed(data):
                self.reporter.log(number, lines)

        return pass_on


def _default_name(step: Step) -> str:
    """What GitHub calls a step without a name."""
    match step.action:
        case Run(script=Scalar(value=value)):
            source = value.source if isinstance(value, Template) else to_text(value)
            return f"Run {source.strip().partition(chr(10))[0]}"
        case Uses(action=action):
            return f"Run {action}"
        case _:
            return step.id
