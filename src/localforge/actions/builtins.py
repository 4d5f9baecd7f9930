"""The actions that the runner has built in: checkout, cache, upload-artifact, download-artifact, setup-*."""

import json
import sys
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

from localforge.actions.checkout import SCRIPT as CHECKOUT_SCRIPT
from localforge.actions.checkout import CheckoutError, Own, plan_checkout
from localforge.actions.expressions import to_text
from localforge.actions.legs import Conclusion
from localforge.actions.sandbox.box import Command
from localforge.actions.steps import Bench, Outcome, Post, StepError, execute
from localforge.actions.workflow.model import SUCCEEDED

Inputs = Mapping[str, str]


def built_in(name: str) -> Callable[[Inputs, Bench], Outcome] | None:
    """The built-in action of this name (without its version); None when there is none."""
    if name.startswith("actions/setup-"):
        tool = name.removeprefix("actions/setup-")
        return lambda inputs, bench: _setup(tool, inputs, bench)
    return _BUILT_IN.get(name)


def _checkout(inputs: Inputs, bench: Bench) -> Outcome:
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
    return execute(Command(argv=argv, cwd=bench.place.workspace, env={**bench.env, **plan.env}), bench)


def _setup(tool: str, inputs: Inputs, bench: Bench) -> Outcome:
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


def _cache(inputs: Inputs, bench: Bench) -> Outcome:
    """Restore now, save after the last step: when the job succeeded and the key itself was not found."""
    outcome = _restore(inputs, bench)
    if outcome.conclusion is not Conclusion.SUCCESS or inputs.get("lookup-only") == "true":
        return outcome

    def save(later: Bench) -> Outcome:
        if outcome.outputs.get("cache-hit") == "true":
            later.say(f"Cache hit occurred on the primary key {inputs['key']}, not saving cache.")
            return Outcome(conclusion=Conclusion.SUCCESS)
        return transfer("save", inputs, later)

    bench.posts.append(Post(name="actions/cache", condition=SUCCEEDED, act=save))
    return outcome


def _restore(inputs: Inputs, bench: Bench) -> Outcome:
    _require(inputs, "key", "path")
    return transfer("restore", inputs, bench)


def _save(inputs: Inputs, bench: Bench) -> Outcome:
    _require(inputs, "key", "path")
    return transfer("save", inputs, bench)


def _require(inputs: Inputs, *names: str) -> None:
    for name in names:
        if not inputs.get(name, "").strip():
            raise StepError(f"Input required and not supplied: {name}")


def transfer(verb: str, inputs: Inputs, bench: Bench) -> Outcome:
    """Have `sandbox/transfer.py` do it inside the sandbox, as the job's own user and with its token. Raises SandboxError."""
    order = {
        "verb": verb,
        "server": to_text(bench.github["server_url"]),
        "token": bench.token,
        "inputs": dict(inputs),
    }
    program = f"{bench.place.temp}/_transfer.py"
    return execute(
        Command(
            argv=[str(Path(sys.executable).resolve()), "-I", "-S", program],
            cwd=bench.place.workspace,
            env={**bench.env, "LOCALFORGE_ORDER": json.dumps(order)},
            files={program: _program()},
        ),
        bench,
    )


@cache
def _program() -> str:
    return (Path(__file__).parent / "sandbox" / "transfer.py").read_text(encoding="utf-8")


_BUILT_IN: Mapping[str, Callable[[Inputs, Bench], Outcome]] = {
    "actions/checkout": _checkout,
    "actions/cache": _cache,
    "actions/cache/restore": _restore,
    "actions/cache/save": _save,
    "actions/upload-artifact": lambda inputs, bench: transfer("upload", inputs, bench),
    "actions/download-artifact": lambda inputs, bench: transfer("download", inputs, bench),
}
