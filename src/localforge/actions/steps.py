"""What one step does: run a script, or a built-in action."""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from localforge.actions.checkout import SCRIPT as CHECKOUT_SCRIPT
from localforge.actions.checkout import CheckoutError, Own, plan_checkout
from localforge.actions.commands import CommandFileError, read_pairs
from localforge.actions.expressions import Environment, Value, to_text
from localforge.actions.plan import Conclusion
from localforge.actions.sandbox.box import Command, Finished, Sandbox
from localforge.actions.shells import ShellError, shell
from localforge.actions.workflow.model import Defaults, Run, Step, Unsupported, Uses
from localforge.actions.workflow.tree import Node, resolve

_COMMAND_FILES = ("ENV", "OUTPUT", "PATH", "STATE", "STEP_SUMMARY")


class StepError(Exception):
    """A step that cannot run here; its words go to the log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Directories and files of a job, laid out as on a hosted runner."""

    parent: str
    workspace: str
    temp: str
    tools: str
    event: str

    @classmethod
    def below(cls, home: str, repository: str) -> "Place":
        name = repository.rpartition("/")[2]
        return cls(
            parent=f"{home}/work/{name}",
            workspace=f"{home}/work/{name}/{name}",
            temp=f"{home}/work/_temp",
            tools=f"{home}/.tools",
            event=f"{home}/work/_temp/_github_workflow/event.json",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What a step works with. `env` is the whole environment of its processes; `deadline` is time.monotonic()'s."""

    sandbox: Sandbox
    place: Place
    defaults: Sequence[Defaults]
    deadline: float
    number: int
    env: Mapping[str, str]
    token: str
    github: Mapping[str, Value]
    on_output: Callable[[bytes], None]
    say: Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a step ended, before `continue-on-error`, and what it set for the steps after it."""

    conclusion: Conclusion
    message: str = ""
    stopped: bool = False
    outputs: Mapping[str, str] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    path: Sequence[str] = ()
    summary: str = ""


def perform(step: Step, environment: Environment, bench: Bench) -> Outcome:
    """Do what the step says. Raises StepError, ExpressionError, SandboxError."""
    match step.action:
        case Run() as action:
            return _run(action, environment, bench)
        case Uses() as action:
            return _use(action, environment, bench)
        case Unsupported(what=what):
            raise StepError(f"`{what}` steps are unsupported on the local runner")


def _run(action: Run, environment: Environment, bench: Bench) -> Outcome:
    script = to_text(resolve(action.script, environment))
    try:
        shells = (action.shell, *(defaults.shell for defaults in bench.defaults))
        chosen = shell(_first(shells, environment))
    except ShellError as error:
        raise StepError(str(error)) from error
    directories = (action.working_directory, *(defaults.working_directory for defaults in bench.defaults))
    directory = _first(directories, environment)
    path = f"{bench.place.temp}/step-{bench.number}.{chosen.extension}"
    _announce(script, chosen.template, environment, bench)
    return _execute(
        Command(
            argv=["/usr/bin/env", *chosen.argv(path)],
            cwd=_joined(bench.place.workspace, directory),
            env=bench.env,
            files={path: script + "\n"},
        ),
        bench,
    )


def _first(candidates: Sequence[Node | None], environment: Environment) -> str:
    """The step's value, else the job's default, else the workflow's."""
    return next((to_text(resolve(node, environment)) for node in candidates if node is not None), "")


def _announce(script: str, command: str, environment: Environment, bench: Bench) -> None:
    """The folded head of a step's log, as GitHub writes it."""
    lines = script.rstrip().splitlines() or [""]
    bench.say(f"##[group]Run {lines[0]}")
    for line in lines:
        bench.say(line)
    bench.say(f"shell: {command}")
    env = environment.contexts["env"]
    if isinstance(env, Mapping) and env:
        bench.say("env:")
        for name, value in env.items():
            bench.say(f"  {name}: {to_text(value)}")
    bench.say("##[endgroup]")


def _joined(workspace: str, directory: str) -> str:
    return directory if directory.startswith("/") else f"{workspace}/{directory}".rstrip("/")


def _execute(order: Command, bench: Bench) -> Outcome:
    """Run a command with fresh command files, and read what it wrote to them."""
    names = {
        kind: f"{bench.place.temp}/_runner_file_commands/{kind.lower()}_{bench.number}"
        for kind in _COMMAND_FILES
    }
    finished = bench.sandbox.run(
        Command(
            argv=order.argv,
            cwd=order.cwd,
            env={**order.env, **{f"GITHUB_{kind}": name for kind, name in names.items()}},
            files={**order.files, **dict.fromkeys(names.values(), "")},
            read=tuple(names.values()),
        ),
        bench.on_output,
        deadline=bench.deadline,
    )
    for kind, name in names.items():
        if name not in finished.files and not finished.error:
            bench.say(
                f"##[warning]GITHUB_{kind} was not read: it is gone, no plain file, or larger than 1 MB"
            )
    return _outcome(finished, {kind: finished.files.get(name, "") for kind, name in names.items()})


def _outcome(finished: Finished, files: Mapping[str, str]) -> Outcome:
    try:
        outputs, env = read_pairs(files["OUTPUT"]), read_pairs(files["ENV"])
    except CommandFileError as error:
        return Outcome(
            conclusion=Conclusion.FAILURE,
            message=f"Unable to process file command: {error}",
            stopped=finished.stopped,
        )
    message = finished.error or (
        f"Process completed with exit code {_code(finished.code)}." if finished.code else ""
    )
    return Outcome(
        conclusion=Conclusion.FAILURE if finished.code or finished.error else Conclusion.SUCCESS,
        message=message,
        stopped=finished.stopped,
        outputs=outputs,
        env=env,
        path=tuple(line for line in files["PATH"].splitlines() if line),
        summary=files["STEP_SUMMARY"],
    )


def _code(code: int) -> int:
    """The exit code as a shell tells it: 128 and the signal."""
    return 128 - code if code < 0 else code


def _use(action: Uses, environment: Environment, bench: Bench) -> Outcome:
    name = action.action.partition("@")[0].lower()
    inputs = resolve(action.inputs, environment) if action.inputs else {}
    given = (
        {key.lower(): to_text(value) for key, value in inputs.items()} if isinstance(inputs, Mapping) else {}
    )
    bench.say(f"##[group]Run {action.action}")
    for key, value in given.items():
        bench.say(f"  {key}: {value}")
    bench.say("##[endgroup]")
    if name == "actions/checkout":
        return _checkout(given, bench)
    if name.startswith("actions/setup-"):
        return _setup(name.removeprefix("actions/setup-"), given, bench)
    raise StepError(f"The action {action.action} is unsupported on the local runner")


def _checkout(inputs: Mapping[str, str], bench: Bench) -> Outcome:
    github = bench.github
    own = Own(
        repository=to_text(github["repository"]),
        ref=to_text(github["ref"]),
        sha=to_text(github["sha"]),
        server_url=to_text(github["server_url"]),
        workspace=bench.place.workspace,
    )
    try:
        plan = plan_checkout(inputs, own, bench.token)
    except CheckoutError as error:
        raise StepError(str(error)) from error
    for note in plan.notes:
        bench.say(f"##[warning]{note}")
    bench.say(f"Checking out {plan.env['URL']} {plan.env['NAME']} {plan.env['SHA']}".rstrip())
    argv = ["/usr/bin/env", "bash", "-c", CHECKOUT_SCRIPT]
    return _execute(Command(argv=argv, cwd=bench.place.workspace, env={**bench.env, **plan.env}), bench)


def _setup(tool: str, inputs: Mapping[str, str], bench: Bench) -> Outcome:
    """Nothing to install: say what the host has, and what was wanted."""
    wanted = inputs.get(f"{tool}-version", "")
    if tool != "python":
        bench.say(
            f"##[warning]setup-{tool} does nothing on the local runner: the job sees what this host has"
        )
        return Outcome(conclusion=Conclusion.SUCCESS)
    version = sys.version.split()[0]
    if wanted and not f"{version}.".startswith(wanted.rstrip(".x").removeprefix("^").removeprefix("~") + "."):
        bench.say(f"##[warning]Python {wanted} was asked for; the local runner has Python {version} only")
    bench.say(f"Python {version} is on the PATH")
    return Outcome(conclusion=Conclusion.SUCCESS, outputs={"python-version": version})
