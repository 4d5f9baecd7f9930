"""Performs the steps of a job: their environment and conditions, the actions they use, what they leave to those after them.

A step is performed in a *scope*: the job's, or that of a composite action whose steps are performed within one step of the job.
"""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from localforge.actions import fetching, local
from localforge.actions.builtins import built_in
from localforge.actions.commands import Remark
from localforge.actions.contexts import exported
from localforge.actions.expressions import (
    Environment,
    ExpressionError,
    Fault,
    Value,
    to_number,
    to_text,
    truthy,
)
from localforge.actions.legs import Conclusion
from localforge.actions.steps import Bench, Folder, Outcome, Post, ReadyAction, StepError, run_script
from localforge.actions.surroundings import Scope, Surroundings, default_name, github_of, located
from localforge.actions.workflow.model import Defaults, Run, Step, Unsupported, Uses
from localforge.actions.workflow.tree import Node, resolve

CLEANUP_SECONDS = 60.0
DEEPEST = 10
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """A step that was performed, or not (skipped): its end before and after `continue-on-error`."""

    outcome: Outcome
    conclusion: Conclusion


SKIPPED = Done(outcome=Outcome(conclusion=Conclusion.SKIPPED), conclusion=Conclusion.SKIPPED)
FAILED = Done(outcome=Outcome(conclusion=Conclusion.FAILURE), conclusion=Conclusion.FAILURE)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Within:
    """A step being performed: its number in the job, its scope, and when it must have ended."""

    number: int
    step: Step
    scope: Scope
    until: float


class Performer:
    """Performs one step after another; holds what they set for later ones."""

    def __init__(self, around: Surroundings) -> None:
        self.around = around
        self.env: dict[str, str] = {}
        self.path: list[str] = []
        self.job = Scope(file=around.workflow.path, origin=around.workflow.origin)
        self.defaults: Sequence[Defaults] = ()
        self.deadline = 0.0
        self.posts: list[Post] = []
        self.fetched: set[str] = set()
        self.cancelled = threading.Event()
        self.timed_out = False

    @property
    def status(self) -> Conclusion:
        """How the job stands."""
        if self.timed_out:
            return Conclusion.TIMED_OUT
        if self.cancelled.is_set():
            return Conclusion.CANCELLED
        return Conclusion.FAILURE if self.job.failed else Conclusion.SUCCESS

    def name(self, step: Step, scope: Scope) -> str:
        """The step's name, as far as it can be evaluated."""
        try:
            environment = self.environment({**self.env, **scope.env}, scope, step.id)
            return to_text(resolve(step.name, environment)) if step.name else default_name(step)
        except ExpressionError:
            return default_name(step)

    def perform(self, number: int, step: Step, scope: Scope) -> Done:
        """Perform one step (unless its condition says no), and keep what it sets."""
        try:
            base = {**self.env, **scope.env}
            env = {**base, **self.texts(step.env, self.environment(base, scope, step.id))}
            environment = self.environment(env, scope, step.id)
            wanted = step.condition.holds(environment)
        except ExpressionError as error:
            self.fail(number, located(scope, step, error.message))
            return self._kept(step, scope, FAILED)
        if not wanted:
            return self._kept(step, scope, SKIPPED)
        outcome, tolerated = self._performed(number, step, environment, scope)
        conclusion = outcome.conclusion
        if conclusion is Conclusion.FAILURE and tolerated:
            conclusion = Conclusion.SUCCESS
        return self._kept(step, scope, Done(outcome=outcome, conclusion=conclusion))

    def perform_post(self, number: int, post: Post) -> Done:
        """What an action asked to be done after the last step."""
        environment = self.environment({**self.env, **post.env}, self.job, "")
        try:
            if not post.condition.holds(environment):
                return SKIPPED
            variables = {**self.env, **post.env, **self.variables(self.job, "")}
            outcome = post.act(self._bench(number, variables, self._until(0.0, None)))
        except (StepError, ExpressionError) as error:
            self.fail(number, str(error))
            return FAILED
        ended = self._ended(number, post.name, outcome, 0.0)
        self.job.failed |= ended.conclusion is Conclusion.FAILURE
        return Done(outcome=ended, conclusion=ended.conclusion)

    def _kept(self, step: Step, scope: Scope, done: Done) -> Done:
        """The end of a step, with what it set kept for those after it."""
        output, outcome = self.around.output, done.outcome
        if output.remarks:
            self.around.reporter.remarks(output.remarks)
            output.remarks.clear()
        if outcome.summary:
            self.around.reporter.summary(output.hide(outcome.summary))
        scope.failed |= done.conclusion is Conclusion.FAILURE
        self.env |= outcome.env
        self.path = [*reversed(outcome.path), *self.path]
        if not step.id.startswith("__"):
            scope.steps[step.id] = {
                "outputs": dict(outcome.outputs),
                "outcome": outcome.conclusion.value,
                "conclusion": done.conclusion.value,
            }
        return done

    def _performed(
        self, number: int, step: Step, environment: Environment, scope: Scope
    ) -> tuple[Outcome, bool]:
        """How the step ended, and whether the job goes on if it failed."""
        tolerated = False
        try:
            node = step.continue_on_error
            tolerated = node is not None and truthy(resolve(node, environment))
            minutes = self.number(step.timeout_minutes, environment, 0.0)
            within = _Within(
                number=number, step=step, scope=scope, until=self._until(minutes, scope.deadline)
            )
            outcome = self._act(within, environment)
        except (StepError, ExpressionError) as error:
            self.fail(number, located(scope, step, str(error)))
            return Outcome(conclusion=Conclusion.FAILURE), tolerated
        if scope.nested and outcome.stopped:
            return outcome, False
        return self._ended(number, default_name(step), outcome, minutes), tolerated

    def _act(self, within: _Within, environment: Environment) -> Outcome:
        """Do what the step says. Raises StepError, ExpressionError, SandboxError."""
        step, scope, context = within.step, within.scope, environment.contexts["env"]
        own = (
            {name: to_text(value) for name, value in context.items()} if isinstance(context, Mapping) else {}
        )
        bench = replace(
            self._bench(within.number, {**own, **self.variables(scope, step.id)}, within.until),
            defaults=() if scope.nested else self.defaults,
            compose=lambda action: self._compose(within, action, own),
            find=lambda uses: self.around.find(uses, scope.origin),
        )
        match step.action:
            case Run() as action:
                return run_script(action, environment, bench)
            case Uses() as action:
                return _use(action, environment, bench)
            case Unsupported(what=what):
                raise StepError(f"`{what}` steps are unsupported on the local runner")

    def _compose(self, within: _Within, action: ReadyAction, env: Mapping[str, str]) -> Outcome:
        """Perform a composite action's steps within one step of the job."""
        packed = action.folder.packed
        scope = Scope(
            file=action.file,
            origin=packed.origin if packed else within.scope.origin,
            packed=packed,
            inputs=action.inputs,
            path=action.folder.path,
            env=env,
            deadline=within.until,
            depth=within.scope.depth + 1,
        )
        if scope.depth > DEEPEST:
            raise StepError(f"Composite action depth exceeded max depth {DEEPEST}")
        for step in action.steps:
            done = self.perform(within.number, step, scope)
            if done.outcome.stopped:
                return Outcome(conclusion=Conclusion.FAILURE, stopped=True)
        environment = self.environment({**self.env, **env}, scope)
        outputs = {name: to_text(resolve(node, environment)) for name, node in action.outputs.items()}
        ended = Conclusion.FAILURE if scope.failed else Conclusion.SUCCESS
        return Outcome(conclusion=ended, outputs=outputs)

    def _ended(self, number: int, name: str, outcome: Outcome, minutes: float) -> Outcome:
        """The outcome once the step's last words are in the log and its stop is understood."""
        if lines := self.around.output.finish():
            self.around.reporter.log(number, lines)
        if outcome.stopped:
            return self._stopped(number, name, outcome, minutes)
        if outcome.conclusion is Conclusion.FAILURE and outcome.message:
            self.fail(number, outcome.message)
        return outcome

    def _stopped(self, number: int, name: str, outcome: Outcome, minutes: float) -> Outcome:
        """A step that did not end by itself: cancelled, out of its own time, or out of the job's."""
        if self.cancelled.is_set():
            self.fail(number, "The operation was canceled.")
            return Outcome(conclusion=Conclusion.CANCELLED, outputs=outcome.outputs)
        if time.monotonic() >= self.deadline:
            self.timed_out = True
            self.fail(number, "The job has exceeded its maximum execution time.")
            return Outcome(conclusion=Conclusion.CANCELLED, outputs=outcome.outputs)
        self.fail(number, f"The action '{name}' has timed out after {minutes:g} minutes.")
        return Outcome(conclusion=Conclusion.FAILURE, outputs=outcome.outputs)

    def _until(self, minutes: float, outer: float | None) -> float:
        """When the step must have ended; under a cancel or after the job's time, in a minute."""
        now = time.monotonic()
        if self.cancelled.is_set() or self.timed_out:
            self.around.sandbox.resume()
            return now + CLEANUP_SECONDS
        ends = [self.deadline, *([now + minutes * 60] if minutes else []), *([outer] if outer else [])]
        return min(ends)

    def _bench(self, number: int, env: Mapping[str, str], deadline: float) -> Bench:
        around = self.around
        return Bench(
            sandbox=around.sandbox,
            place=around.place,
            deadline=deadline,
            number=number,
            env=env,
            token=around.token,
            github=github_of(self.around, self.job, ""),
            defaults=(),
            compose=_no_composite,
            posts=self.posts,
            find=lambda _: None,
            fetched=self.fetched,
            take=around.output.take,
            on_output=self.on_output(number),
            say=lambda line: around.reporter.log(number, [around.output.hide(line)]),
        )

    def environment(self, env: Mapping[str, str], scope: Scope, step_id: str = "") -> Environment:
        """The contexts and functions of a step, or of the job's own keys."""
        around, status = self.around, self.status
        within = Conclusion.FAILURE if scope.failed else Conclusion.SUCCESS
        seen = within if scope.nested else status
        runner = {"name": "localforge", "os": "Linux", "arch": "X64", "temp": around.place.temp}
        runner["debug"] = "1" if around.output.debug else ""
        own: dict[str, Value] = {} if scope.inputs is None else {"inputs": dict(scope.inputs)}
        return Environment(
            contexts={
                **around.contexts,
                "github": github_of(self.around, scope, step_id),
                "env": dict(env),
                "steps": dict(scope.steps),
                "job": {"status": status.value},
                "runner": {**runner, "tool_cache": around.place.tools},
                "secrets": {**around.secrets, "GITHUB_TOKEN": around.token},
                **own,
            },
            functions={
                "always": lambda _: True,
                "success": lambda _: seen is Conclusion.SUCCESS,
                "failure": lambda _: seen is Conclusion.FAILURE,
                "cancelled": lambda _: status in {Conclusion.CANCELLED, Conclusion.TIMED_OUT},
                "hashfiles": lambda patterns: around.sandbox.hash_files(
                    around.place.workspace, [to_text(pattern) for pattern in patterns]
                ),
            },
        )

    def variables(self, scope: Scope, step_id: str) -> dict[str, str]:
        """The variables that every step has and none can change."""
        place = self.around.place
        return {
            **exported(github_of(self.around, scope, step_id)),
            **({"GITHUB_ACTION_PATH": scope.path} if scope.nested else {}),
            **({"RUNNER_DEBUG": "1"} if self.around.output.debug else {}),
            "CI": "true",
            "GITHUB_ACTION": step_id,
            "GITHUB_ACTIONS": "true",
            "HOME": self.around.sandbox.home,
            "LANG": "C.UTF-8",
            "PATH": ":".join([*self.path, self.env.get("PATH", SYSTEM_PATH)]),
            "RUNNER_ARCH": "X64",
            "RUNNER_ENVIRONMENT": "self-hosted",
            "RUNNER_NAME": "localforge",
            "RUNNER_OS": "Linux",
            "RUNNER_TEMP": place.temp,
            "RUNNER_TOOL_CACHE": place.tools,
            "RUNNER_WORKSPACE": place.parent,
            "USER": "runner",
        }

    def texts(self, node: Node | None, environment: Environment) -> dict[str, str]:
        """A mapping of texts: `env`, `with`, `outputs`."""
        value = resolve(node, environment) if node else {}
        if not isinstance(value, Mapping):
            raise ExpressionError(Fault.EVALUATION, "A mapping was expected")
        return {name: to_text(item) for name, item in value.items()}

    def number(self, node: Node | None, environment: Environment, default: float) -> float:
        """A number above zero; else the default."""
        value = resolve(node, environment) if node else default
        number = to_number(value)
        return number if number > 0 else default

    def fail(self, number: int, message: str) -> None:
        """An error of the job's own: in the log, and an annotation."""
        shown = self.around.output.hide(message)
        self.around.reporter.log(number, [f"##[error]{line}" for line in shown.splitlines()])
        self.around.reporter.remarks([Remark(level="failure", message=shown)])

    def on_output(self, number: int) -> Callable[[bytes], None]:
        """Passes a step's output to the log."""

        def pass_on(data: bytes) -> None:
            if lines := self.around.output.feed(data):
                self.around.reporter.log(number, lines)

        return pass_on


def _no_composite(_: ReadyAction) -> Outcome:
    raise StepError("A post step cannot use an action")


def _use(action: Uses, environment: Environment, bench: Bench) -> Outcome:
    inputs = resolve(action.inputs, environment) if action.inputs else {}
    given = (
        {key.lower(): to_text(value) for key, value in inputs.items()} if isinstance(inputs, Mapping) else {}
    )
    bench.say(f"##[group]Run {action.action}")
    for key, value in given.items():
        bench.say(f"  {key}: {value}")
    bench.say("##[endgroup]")
    if action.action.startswith("./"):
        path = f"{bench.place.workspace}/{action.action.removeprefix('./')}".rstrip("/")
        return local.use(Folder(uses=action.action, path=path), given, environment, bench)
    if act := built_in(action.action.partition("@")[0].lower()):
        return act(given, bench)
    return local.use(fetching.fetch(action.action, bench), given, environment, bench)
