"""What one step does by itself: run a script. And what every kind of step is given and gives back."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from localforge.actions.commands import CommandFileError, read_pairs
from localforge.actions.expressions import Environment, Value, to_text
from localforge.actions.legs import Conclusion
from localforge.actions.sandbox.box import Command, Finished, Sandbox
from localforge.actions.shells import ShellError, shell
from localforge.actions.workflow.model import Condition, Defaults, Run, Step
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
    actions: str
    event: str

    @classmethod
    def below(cls, home: str, repository: str) -> "Place":
        name = repository.rpartition("/")[2]
        return cls(
            parent=f"{home}/work/{name}",
            workspace=f"{home}/work/{name}/{name}",
            temp=f"{home}/work/_temp",
            tools=f"{home}/.tools",
            actions=f"{home}/work/_actions",
            event=f"{home}/work/_temp/_github_workflow/event.json",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a step ended, before `continue-on-error`, and what it set for the steps after it (`state`: for its own post)."""

    conclusion: Conclusion
    message: str = ""
    stopped: bool = False
    outputs: Mapping[str, str] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    path: Sequence[str] = ()
    summary: str = ""
    state: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """An action at a commit of a repository of the forge: `address` is where its archive is, `origin` where `$/` leads.

    `path` is its folder there; `sha` is empty when `ref` names no commit.
    """

    name: str
    path: str
    ref: str
    sha: str
    origin: str
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """An action in the sandbox: as `uses` names it, its folder, and what it was unpacked from (None: the workspace has it)."""

    uses: str
    path: str
    packed: Packed | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadyAction:
    """A composite action about to be performed: its file and folder, its inputs, its steps, its outputs by name."""

    file: str
    folder: Folder
    inputs: Mapping[str, str]
    steps: Sequence[Step]
    outputs: Mapping[str, Node]


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """What an action wants done after the job's last step; `env` is the step's own."""

    name: str
    condition: Condition
    act: "Callable[[Bench], Outcome]"
    env: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What a step works with. `env` is the whole environment of its processes; `deadline` is time.monotonic()'s.

    `compose` performs a composite action within the step; `posts` is what is done after the last step, in reverse.
    `find` knows the actions of the forge; `fetched` are the folders of those that are here already. `take` gives what
    commands of this name in the output have set.
    """

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
    compose: Callable[[ReadyAction], Outcome]
    posts: list[Post]
    find: Callable[[str], Packed | None]
    fetched: set[str]
    take: Callable[[str], Mapping[str, str]]


def run_script(action: Run, environment: Environment, bench: Bench) -> Outcome:
    """Run the script of a `run` step. Raises StepError, ExpressionError, SandboxError."""
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
    return execute(
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


def execute(order: Command, bench: Bench) -> Outcome:
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
    outcome = _outcome(finished, {kind: finished.files.get(name, "") for kind, name in names.items()})
    outputs, state = bench.take("set-output"), bench.take("save-state")
    return replace(outcome, outputs={**outputs, **outcome.outputs}, state={**state, **outcome.state})


def _outcome(finished: Finished, files: Mapping[str, str]) -> Outcome:
    try:
        outputs, env = read_pairs(files["OUTPUT"]), read_pairs(files["ENV"])
        state = read_pairs(files["STATE"])
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
        state=state,
    )


def _code(code: int) -> int:
    """The exit code as a shell tells it: 128 and the signal."""
    return 128 - code if code < 0 else code
