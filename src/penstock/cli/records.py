"""The command group `tap`."""

from pathlib import Path
from typing import Annotated

import typer

from penstock.cli.options import Json, leave

tap_app = typer.Typer(no_args_is_help=True, help="TAP records: signed copies of decisions in pull requests.")


@tap_app.command("verify")
def tap_verify(
    subject: Annotated[
        str,
        typer.Argument(
            metavar="WHAT",
            help="A change, a pull request (its address, or REPOSITORY#NUMBER), or a file with the record (- for standard input).",
        ),
    ],
    head: Annotated[
        str, typer.Option("--head", help="With a file: the commit that the record must be for.")
    ] = "",
    key: Annotated[
        Path | None,
        typer.Option(
            "--key", help="The public key to trust (default: this installation's).", show_default=False
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Does a record's signature hold, for this head, under today's policy, now. Ends with 0 it does, 1 it does not."""
    from penstock.cli import attesting

    leave(attesting.verify(attesting.Given(subject=subject, head=head, key=key), json=json))
