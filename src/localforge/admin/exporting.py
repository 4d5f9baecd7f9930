"""`export`: a whole forge as a folder that `seed` reads."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from localforge.admin.verb import Verbs, verb

if TYPE_CHECKING:
    from localforge.forge import Forge


def add(verbs: Verbs) -> None:
    """Add the verb."""
    export = verb(verbs, "export", run, "write the whole forge to a folder that seed reads", makes=False)
    export.add_argument("folder", type=Path, help="a new or empty folder")


def run(forge: "Forge", options: argparse.Namespace) -> int:
    """Write it, while nobody serves the forge."""
    from localforge.seeding.export import export

    forge.claim(looking=True)
    print(f"{export(forge, options.folder)} repositories")  # noqa: T201 (the command's answer)
    return 0
