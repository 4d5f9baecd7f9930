"""The command group `secrets`."""

from pathlib import Path
from typing import Annotated

import typer

from penstock.cli.options import Json, leave, opened

secrets_app = typer.Typer(no_args_is_help=True, help="What looks like a secret.")


@secrets_app.callback()
def group() -> None:
    """A group, though it has one command."""


@secrets_app.command("scan")
def secrets_scan(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH…", help="Folders and files.")],
    json: Json = False,
) -> None:
    """Look through folders and files. Ends with 0 nothing, 1 something was found, 4 something could not be read."""
    from penstock.cli import scanning

    leave(scanning.scan(opened(), tuple(paths), json=json))
