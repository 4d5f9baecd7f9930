"""`seed`: fill a forge from a description or from clones."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from localforge.admin.verb import Verbs, verb

if TYPE_CHECKING:
    from localforge.forge import Forge


def add(verbs: Verbs) -> None:
    """Add the verb."""
    seed = verb(verbs, "seed", run, "fill a forge: accounts, repositories, issues, pull requests")
    seed.add_argument("file", type=Path, nargs="?", help="a description, or the folder of an export")
    seed.add_argument(
        "--from-clones",
        type=Path,
        nargs="+",
        metavar="PATH",
        help="instead: an organization `local` with a repository for each clone",
    )


def run(forge: "Forge", options: argparse.Namespace) -> int:
    """Plant all of it, or refuse with every mistake."""
    from localforge.seeding.planting import plant, plant_described
    from localforge.seeding.reading import described, read

    if (options.file is None) == (options.from_clones is None):
        raise ValueError("seed takes a FILE or --from-clones, one of them")
    if options.file:
        planted = plant(forge, read(options.file))
    else:
        planted = plant_described(forge, described(options.from_clones))
    print(  # noqa: T201 (the command's answer)
        f"{planted.users} users, {planted.organizations} organizations, {planted.repositories} repositories,"
        f" {planted.issues} issues, {planted.pull_requests} pull requests"
    )
    return 0
