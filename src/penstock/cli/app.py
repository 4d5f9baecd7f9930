"""Every command and its options. A command's work is imported when it runs, so that help is quick."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from penstock.cli.autonomy import autonomy_app, quarantine_app
from penstock.cli.exits import Exit
from penstock.cli.groups import approvals_app, changes_app, ledger_app, route_app
from penstock.cli.logs import to_standard_error
from penstock.cli.options import ConfigFile, Json, Options, Said, State, Unsafe, Yes, begun, leave, opened
from penstock.cli.policies import policy_app
from penstock.cli.records import tap_app
from penstock.cli.secrets import secrets_app
from penstock.core.signal import ForgeEvent

if TYPE_CHECKING:
    from penstock.ports import PortError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="A policy- and gate-driven development orchestrator for GitHub organizations.",
)
app.add_typer(changes_app, name="changes")
app.add_typer(approvals_app, name="approvals")
app.add_typer(ledger_app, name="ledger")
app.add_typer(policy_app, name="policy")
app.add_typer(route_app, name="route")
app.add_typer(autonomy_app, name="autonomy")
app.add_typer(quarantine_app, name="quarantine")
app.add_typer(tap_app, name="tap")
app.add_typer(secrets_app, name="secrets")


@app.callback()
def common(state: State = None, config: ConfigFile = None) -> None:
    to_standard_error()
    Options.state, Options.config = state, config


@app.command()
def demo(
    yes: Yes = False,
    json: Json = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Start over.")] = False,
    stop: Annotated[
        bool, typer.Option("--stop", help="End the forge that an earlier demo left running.")
    ] = False,
    unsafe_no_sandbox: Unsafe = False,
) -> None:
    """Watch one change go through three repositories, on an embedded forge: no account, no network."""
    from penstock.cli import demo as command

    leave(
        command.run(
            Options.state,
            command.Wishes(yes=yes, json=json, fresh=fresh, stop=stop, unsafe=unsafe_no_sandbox),
        )
    )


@app.command(name="try")
def try_(
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH…", help="Git clones or source folders; they are only read.")
    ],
    recipe: Annotated[
        str | None, typer.Option("--recipe", help="A recipe by name.", show_default=False)
    ] = None,
    run: Annotated[
        str | None,
        typer.Option("--run", help="A shell command, run in a sandbox in each.", show_default=False),
    ] = None,
    timeout: Annotated[
        int | None,
        typer.Option(
            "--timeout",
            min=1,
            max=3600,
            help="Seconds that one run of --run may take (default: 120).",
            show_default=False,
        ),
    ] = None,
    json: Json = False,
    unsafe_no_sandbox: Unsafe = False,
) -> None:
    """See what Penstock would do with your code: one change over all of PATH…, up to approval."""
    from penstock.cli import trial

    wishes = trial.Wishes(recipe=recipe, command=run, timeout=timeout, json=json, unsafe=unsafe_no_sandbox)
    leave(trial.run(Options.state, tuple(paths), wishes))


@app.command()
def init(
    json: Json = False,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
    organization: Annotated[
        str, typer.Option("--organization", "-o", help="The organization or user to work for.")
    ] = "",
) -> None:
    """Write config/orchestrator.yml and say which permissions a token needs."""
    from penstock.cli import setup

    leave(setup.init(json=json, force=force, organization=organization))


@app.command()
def start(
    mode: Annotated[
        str | None,
        typer.Option(
            "--mode", help="manual, supervised or autonomous (default: as configured).", show_default=False
        ),
    ] = None,
    host: Annotated[str, typer.Option("--host", help="Where webhooks are taken.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="0: no webhooks, only polling.")
    ] = 8740,
    once: Annotated[
        bool, typer.Option("--once", help="Poll once, do what is due, and end when everything waits.")
    ] = False,
) -> None:
    """Work: poll, take webhooks, and drive every change until it waits for somebody."""
    from penstock.cli import working

    leave(
        working.start(
            Options.state, Options.config, working.Wishes(mode=mode, host=host, port=port, once=once)
        )
    )


@app.command()
def status(json: Json = False) -> None:
    """How many changes stand where, what waits for you, and what is in trouble; a wrong configuration, too."""
    from penstock.cli import looking
    from penstock.settings import Misconfigured

    try:
        leave(looking.status(begun(), json=json))
    except Misconfigured as wrong:
        if Options.config and not Options.config.exists():  # misnamed, and nobody's rules
            raise
        leave(looking.status_despite(wrong, Options.state, json=json))


@app.command(name="list-issues")
def list_issues(
    labels: Annotated[
        str, typer.Option("--labels", help="Comma-separated; default: the labels that claim an issue.")
    ] = "",
    json: Json = False,
) -> None:
    """Open issues with the labels that claim them, or with others."""
    from penstock.cli import issues

    leave(issues.list_issues(opened(), labels, json=json))


@app.command(name="process-issue")
def process_issue(
    issue: Annotated[
        str,
        typer.Argument(
            metavar="[REPO#]N", help="An issue's number, with its repository unless there is only one."
        ),
    ],
    json: Json = False,
) -> None:
    """Start a change for one issue, as a person's order."""
    from penstock.cli import issues

    leave(issues.process_issue(opened(), issue, json=json))


@app.command(name="list-signals")
def list_signals(
    event: Annotated[ForgeEvent | None, typer.Option("--event", help="Only of this event.")] = None,
    json: Json = False,
) -> None:
    """What fails on a default branch, and open alerts."""
    from penstock.cli import signals

    leave(signals.list_signals(opened(), event, json=json))


@app.command(name="process-signal")
def process_signal(
    event: Annotated[ForgeEvent, typer.Argument(help="What it is.")],
    name: Annotated[
        str,
        typer.Argument(
            metavar="[REPO#]WHICH",
            help="The run's or alert's number or the check's name, with its repository unless there is only one.",
        ),
    ],
    json: Json = False,
) -> None:
    """Start a change for what fails or an open alert, as a person's order, where a rule routes it."""
    from penstock.cli import signals

    leave(signals.process_signal(opened(), event, name, json=json))


@app.command(name="export-state")
def export_state(
    file: Annotated[
        Path | None, typer.Argument(help="Where to write it; default: standard output.", show_default=False)
    ] = None,
) -> None:
    """All changes as one JSON document."""
    from penstock.cli import looking

    leave(looking.export_state(begun(), file))


@app.command(
    add_help_option=False, context_settings={"allow_extra_args": True, "ignore_unknown_options": True}
)
def forge(context: typer.Context) -> None:
    """The GitHub-compatible forge by itself: `forge serve --state DIR`; `forge --help` says what else."""
    os.execv(sys.executable, [sys.executable, "-m", "localforge", *context.args])  # noqa: S606 (this very program)


@app.command(name="validate-config")
def validate_config(json: Json = False) -> None:
    """Check the configuration, its routing rules and examples, and the recipes; start nothing."""
    from penstock.cli import setup

    leave(setup.validate(Options.config, json=json))


@app.command()
def schema(
    name: Annotated[str, typer.Argument(help="orchestrator, rules, routing-examples or recipe.")],
) -> None:
    """The JSON Schema of a file format, for editors."""
    from penstock.cli import setup

    leave(setup.schema(name))


@app.command()
def version(json: Json = False) -> None:
    """The version."""
    from penstock import __version__

    if json:
        from penstock.cli.output import as_json

        as_json({"version": __version__})
    else:
        sys.stdout.write(f"penstock {__version__}\n")


def run() -> int:
    """The command line's exit code. With --json a failure is a document on standard output, too."""
    Said.document, Said.complaints = False, ()
    code = _run()
    if code and "--json" in sys.argv and not Said.document:
        from penstock.cli.output import as_json

        as_json({"error": "\n".join(Said.complaints) or "wrong use; standard error says what is wrong"})
    return code


def _run() -> int:
    """What a person did wrong is said in a sentence, never as a traceback."""
    from penstock.ports import PortError

    try:
        app()
    except SystemExit as leaving:
        return _interrupted() if leaving.code == Exit.INTERRUPTED else int(leaving.code or 0)
    except KeyboardInterrupt:
        return _interrupted()
    except PortError as error:
        return _explained(error)
    except OSError as error:
        return _refused_by_machine(error)
    return Exit.DONE


def _interrupted() -> Exit:
    from penstock.cli.output import complain

    complain(f"Interrupted. Nothing is lost: {Options.continues or 'run it again to continue'}.")
    return Exit.INTERRUPTED


def _refused_by_machine(error: OSError) -> Exit:
    """A file that is not there, may not be read, has no room: a fact about the machine, and no bug."""
    from penstock.cli.output import complain

    complain(
        f"{error.filename or 'The machine refuses'}: {error.strerror}. Nothing that was recorded is lost."
    )
    return Exit.NO


FORGE_CODES = frozenset(
    {
        "unreachable",
        "server_error",
        "unauthorized",
        "forbidden",
        "not_installed",
        "rate_limited",
        "forge_down",
    }
)
WRONG_USE_CODES = frozenset(
    {"misconfigured", "no_token", "bad_recipes", "no_source", "no_patch", "no_layer", "bad_key", "bad_export"}
)


def _explained(error: "PortError") -> Exit:
    """Say what went wrong; which kind of exit it is follows from the error's code."""
    from penstock.cli.output import complain

    complain(str(error))
    if error.code in WRONG_USE_CODES:
        return Exit.WRONG_USE
    if error.code == "ledger":
        return Exit.LEDGER
    return Exit.FORGE if error.code in FORGE_CODES else Exit.NO
