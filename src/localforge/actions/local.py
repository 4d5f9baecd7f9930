"""Actions that are folders: read, given their inputs, and performed.

Source: docs.github.com, "Metadata syntax"; node's environment as actions/runner gives it.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from shutil import which

from localforge.actions.expressions import Environment, to_text
from localforge.actions.legs import Conclusion
from localforge.actions.sandbox.box import Command
from localforge.actions.steps import Bench, Folder, Outcome, Post, ReadyAction, StepError, execute
from localforge.actions.workflow.action_file import ActionFile, Composite, Foreign, Program, read_action
from localforge.actions.workflow.model import InvalidWorkflow
from localforge.actions.workflow.tree import resolve

NAMES = ("action.yml", "action.yaml")


def use(folder: Folder, given: Mapping[str, str], environment: Environment, bench: Bench) -> Outcome:
    """Perform the action in the folder. Raises StepError, ExpressionError, SandboxError."""
    file, action = _read(folder, bench)
    inputs = _inputs(action, given, environment, bench)
    match action.runs:
        case Composite(steps=steps):
            return bench.compose(
                ReadyAction(file=file, folder=folder, inputs=inputs, steps=steps, outputs=action.outputs)
            )
        case Program() as program:
            if program.pre is not None and folder.packed is None:
                bench.say(
                    f"##[warning]`pre` execution is not supported for local action from '{folder.uses}'"
                )
                program = replace(program, pre=None)
            elif program.pre is not None and not program.pre_condition.holds(environment):
                program = replace(program, pre=None)
            return _node(folder, program, inputs, bench)
        case Foreign(using=using):
            raise StepError(
                f"The action {folder.uses} uses '{using}', which is unsupported on the local runner"
            )


def _read(folder: Folder, bench: Bench) -> tuple[str, ActionFile]:
    """The action's file (relative to the workspace, or to where actions are unpacked) and what it says."""
    names = [f"{folder.path}/{name}" for name in NAMES]
    order = Command(argv=["/usr/bin/env", "true"], cwd=bench.place.workspace, env=bench.env, read=names)
    found = bench.sandbox.run(order, bench.on_output, deadline=bench.deadline).files
    path = next((name for name in names if name in found), None)
    if path is None:
        where = (
            f"for action '{folder.uses}'."
            if folder.packed
            else f"under '{folder.path}'. "
            "Did you forget to run actions/checkout before running your local action?"
        )
        raise StepError(f"Can't find 'action.yml', 'action.yaml' or 'Dockerfile' {where}")
    file = path.removeprefix(f"{bench.place.actions if folder.packed else bench.place.workspace}/")
    read = read_action(file, found[path])
    if isinstance(read, InvalidWorkflow):
        raise StepError("\n".join(read.messages))
    return file, read


def _inputs(
    action: ActionFile, given: Mapping[str, str], environment: Environment, bench: Bench
) -> dict[str, str]:
    """What was given, and the defaults of the rest; what the action does not know is warned of and passed on."""
    unknown = sorted(given.keys() - action.inputs.keys())
    if unknown:
        valid = ", ".join(f"'{name}'" for name in action.inputs)
        shown = ", ".join(f"'{name}'" for name in unknown)
        bench.say(f"##[warning]Unexpected input(s) {shown}, valid inputs are [{valid}]")
    defaults = {
        name: to_text(resolve(spec.default, environment)) if spec.default else ""
        for name, spec in action.inputs.items()
    }
    return {**defaults, **given}


def _node(folder: Folder, program: Program, inputs: Mapping[str, str], bench: Bench) -> Outcome:
    node = node_path()
    if node is None:
        raise StepError(f"The action {folder.uses} needs node, which is not on this host")
    env = {f"INPUT_{name.replace(' ', '_').upper()}": value for name, value in inputs.items()}
    env["GITHUB_ACTION_PATH"] = folder.path
    if folder.packed is not None:
        env |= {"GITHUB_ACTION_REPOSITORY": folder.packed.name, "GITHUB_ACTION_REF": folder.packed.ref}
    state: dict[str, str] = {}

    def run(script: str, bench: Bench) -> Outcome:
        shown = {f"STATE_{name}": value for name, value in state.items()}
        order = Command(
            argv=[str(node), f"{folder.path}/{script}"],
            cwd=bench.place.workspace,
            env={**bench.env, **env, **shown},
        )
        return execute(order, bench)

    if program.post is not None:
        after = program.post
        bench.posts.append(
            Post(name=folder.uses, condition=program.post_condition, act=lambda later: run(after, later))
        )
    before = run(program.pre, bench) if program.pre is not None else Outcome(conclusion=Conclusion.SUCCESS)
    state |= before.state
    if before.conclusion is not Conclusion.SUCCESS:
        return before
    path = ":".join([*reversed(before.path), bench.env.get("PATH", "")])
    outcome = run(program.main, replace(bench, env={**bench.env, **before.env, "PATH": path}))
    state |= outcome.state
    return replace(outcome, env={**before.env, **outcome.env}, path=(*before.path, *outcome.path))


@cache
def node_path() -> Path | None:
    """The host's node, where a sandbox sees it too."""
    found = which("node")
    return Path(found).resolve() if found else None


def node_binds() -> tuple[Path, ...]:
    """The folder of node's installation, unless the system's own holds it."""
    node = node_path()
    return () if node is None or node.is_relative_to("/usr") else (node.parent.parent,)
