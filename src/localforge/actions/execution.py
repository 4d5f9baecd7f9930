"""Runs one job in its sandbox: set up, the steps in order, what actions left to be done at the end, the outputs.

How a single step is performed is in `performing`.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from localforge.actions.commands import OutputReader
from localforge.actions.expressions import Environment, ExpressionError, Value, lookup, to_text
from localforge.actions.legs import Conclusion
from localforge.actions.performing import SYSTEM_PATH, Performer
from localforge.actions.sandbox.box import Command, Sandbox
from localforge.actions.steps import Packed, Place
from localforge.actions.surroundings import Reporter, Surroundings
from localforge.actions.toolcache import PythonFiles, python_files
from localforge.actions.workflow.model import Job, Step, Workflow
from localforge.actions.workflow.tree import resolve

DEFAULT_MINUTES = 360.0
DEBUG = "ACTIONS_STEP_DEBUG"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSpec:
    """A job, ready to run.

    `contexts` are github (with token and job), needs, matrix, strategy, vars, inputs; `event` is the event's JSON
    text; `files` go into the home, named relative to it; `notes` open the log. `find` takes what a `uses` names
    and the origin of the file that says so.
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
    find: Callable[[str, str], Packed | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class JobResult:
    """How the job ended, and its outputs."""

    conclusion: Conclusion
    outputs: Mapping[str, str]


class JobExecution:
    """One run of one job."""

    def __init__(self, spec: JobSpec, sandbox: Sandbox, reporter: Reporter) -> None:
        self.spec = spec
        self.sandbox = sandbox
        self.reporter = reporter
        self.python = python_files(sandbox.home)
        self.output = OutputReader()
        self.output.debug = _debugs(spec)
        for mask in (*spec.masks, *spec.secrets.values()):
            self.output.add_mask(mask)
        self.performer = Performer(
            Surroundings(
                sandbox=sandbox,
                reporter=reporter,
                place=Place.below(sandbox.home, to_text(lookup(spec.contexts["github"], "repository"))),
                output=self.output,
                workflow=spec.workflow,
                contexts=spec.contexts,
                secrets=spec.secrets,
                token=spec.token,
                find=spec.find,
            )
        )

    def cancel(self) -> None:
        """Stop the step at hand, once; what asks for it (`always()`, `cancelled()`) still runs, for a minute each."""
        if not self.performer.cancelled.is_set():
            self.performer.cancelled.set()
            self.sandbox.stop()

    def abandon(self) -> None:
        """The runner ends: the job's processes end now, and `run` raises SandboxError."""
        self.sandbox.terminate()

    def run(self) -> JobResult:
        """Raises SandboxError when the sandbox dies."""
        steps = self.spec.job.steps
        prepared = self._set_up()
        number = 1
        if prepared:
            for number, step in enumerate(steps, start=2):
                self._step(number, step)
            number = self._posts(len(steps) + 2)
        outputs = self._outputs(number) if prepared else {}
        last = max(number + 1, len(steps) + 2)
        self.reporter.step_started(last, "Complete job")
        self.reporter.step_ended(last, Conclusion.SUCCESS)
        return JobResult(conclusion=self.performer.status, outputs=outputs)

    def _set_up(self) -> bool:
        """Files, environment and deadline; False when the job cannot run here, which the log then says."""
        reporter, performer, spec = self.reporter, self.performer, self.spec
        reporter.step_started(1, "Set up job")
        reporter.log(1, [self.output.hide(note) for note in spec.notes])
        try:
            self._prepare_home(self.python)
            environment = performer.environment({}, performer.job)
            minutes = performer.number(spec.job.timeout_minutes, environment, DEFAULT_MINUTES)
            performer.deadline = time.monotonic() + minutes * 60
            performer.defaults = (spec.job.defaults, spec.workflow.defaults)
            performer.env = performer.texts(spec.workflow.env, environment)
            performer.env |= performer.texts(
                spec.job.env, performer.environment(performer.env, performer.job)
            )
            refusal = self._refusal(environment)
        except ExpressionError as error:
            refusal = error.message
        if refusal:
            at = spec.job.at
            performer.fail(1, f"{spec.workflow.path} (Line: {at.line}, Col: {at.column}): {refusal}")
            performer.job.failed = True
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
        place = self.performer.around.place
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
        self.sandbox.run(order, self.performer.on_output(1))
        self.performer.path = [python.path]

    def _step(self, number: int, step: Step) -> None:
        performer = self.performer
        self.reporter.step_started(number, self.output.hide(performer.name(step, performer.job)))
        self.reporter.step_ended(number, performer.perform(number, step, performer.job).conclusion)

    def _posts(self, number: int) -> int:
        """What actions left to be done, the last first; the number of the last step."""
        while self.performer.posts:
            post = self.performer.posts.pop()
            self.reporter.step_started(number, f"Post Run {post.name}")
            self.reporter.step_ended(number, self.performer.perform_post(number, post).conclusion)
            number += 1
        return number - 1

    def _outputs(self, last: int) -> dict[str, str]:
        """The job's outputs; one that holds a secret is left out, as on GitHub."""
        performer = self.performer
        try:
            outputs = performer.texts(
                self.spec.job.outputs, performer.environment(performer.env, performer.job)
            )
        except ExpressionError as error:
            performer.fail(last, error.message)
            return {}
        secret = {name for name, value in outputs.items() if self.output.hide(value) != value}
        for name in sorted(secret):
            self.reporter.log(last, [f"##[warning]Skip output '{name}' since it may contain secret."])
        return {name: value for name, value in outputs.items() if name not in secret}


def _debugs(spec: JobSpec) -> bool:
    """Whether the repository asks to see what steps say for debugging; a secret counts before a variable."""
    variables = spec.contexts.get("vars")
    wanted = spec.secrets.get(DEBUG) or (variables.get(DEBUG) if isinstance(variables, Mapping) else "")
    return wanted == "true"
