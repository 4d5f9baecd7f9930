"""What commands take, and what every one of them does first and last."""

import shlex
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from penstock.cli.exits import Exit

if TYPE_CHECKING:
    from penstock.bootstrap import Installation

State = Annotated[
    Path | None,
    typer.Option(
        "--state", help="State directory (default: .penstock, or PENSTOCK_STATE).", show_default=False
    ),
]
ConfigFile = Annotated[
    Path | None,
    typer.Option(
        "--config",
        help="Configuration (default: config/orchestrator.yml, if it is there).",
        show_default=False,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of words.")]
ChangeName = Annotated[str, typer.Argument(metavar="CHANGE", help="A change's id, or the beginning of it.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Approve and merge without asking; for scripts.")]
Reason = Annotated[str, typer.Option("--reason", "-m", help="Why; goes into the ledger.")]
Unsafe = Annotated[
    bool,
    typer.Option(
        "--unsafe-no-sandbox",
        help="Run recipes and CI jobs without isolation. Embedded forge only; recorded.",
    ),
]
Digests = Annotated[
    list[str] | None,
    typer.Option(
        "--digest", help="Only this digest, or its first digits (at least 8); repeatable.", show_default=False
    ),
]
Repos = Annotated[
    list[str] | None, typer.Option("--repo", help="Only this repository's; repeatable.", show_default=False)
]


class Options:
    """What every command takes; set by the callback."""

    state: Path | None = None
    config: Path | None = None
    continues: str = ""
    """What to do after an interruption, where running the same command again is not it."""


class Said:
    """What this process has said so far: with --json, whatever fails ends with a document, too."""

    document: bool = False
    complaints: tuple[str, ...] = ()


def command() -> str:
    """How to call this very Penstock again: as it was called, with the state and configuration that were named."""
    named = (("--state", Options.state), ("--config", Options.config))
    given = [word for option, path in named if path for word in (option, str(path))]
    return " ".join((*_program(), *map(shlex.quote, given)))


def _program() -> tuple[str, ...]:
    """By its bare name only where a shell finds this very one so."""
    called = Path(sys.argv[0])
    if called.name == "__main__.py":
        return (shlex.quote(sys.executable), "-m", "penstock")
    found = shutil.which("penstock")
    same = found is not None and Path(found).resolve() == called.resolve()
    return ("penstock",) if same else (shlex.quote(str(called)),)


def opened() -> "Installation":
    from penstock.bootstrap import Installation
    from penstock.settings import load

    return Installation(load(state=Options.state, config_path=Options.config))


def leave(code: Exit) -> None:
    if code:
        raise typer.Exit(code)
