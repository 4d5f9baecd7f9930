"""What a verb of the command line is."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    from localforge.forge import Forge

# Carries a verb out on an open forge; gives the exit status. The caller closes the forge.
Run: TypeAlias = "Callable[[Forge, argparse.Namespace], int]"


class Verbs(Protocol):
    """Where verbs are added: what `add_subparsers` gives."""

    def add_parser(self, name: str, *, help: str, description: str | None = None) -> argparse.ArgumentParser:  # noqa: A002
        """The parser of a new verb."""


def verb(verbs: Verbs, name: str, run: Run, about: str, *, makes: bool = True) -> argparse.ArgumentParser:
    """A verb that works on a state directory, which it `makes` where there is none: its parser, for more arguments."""
    parser = verbs.add_parser(name, help=about, description=about)
    parser.add_argument("--state", type=Path, required=True, help="the directory that holds everything")
    parser.set_defaults(run=run, makes=makes)
    return parser
