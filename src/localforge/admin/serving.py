"""`serve`: the forge behind HTTP until SIGTERM."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from localforge.admin.verb import Verbs, verb

if TYPE_CHECKING:
    from localforge.forge import Forge


def add(verbs: Verbs) -> None:
    """Add the verb."""
    serve = verb(verbs, "serve", run, "serve the forge until SIGTERM")
    serve.add_argument("--host", default="127.0.0.1")
    serve.add_argument("--port", type=int, default=0, help="0 (default): a free one")
    serve.add_argument("--no-actions", action="store_true", help="leave workflow jobs queued")
    serve.add_argument("--jobs", type=int, help="workflow jobs at a time (default: one per processor)")
    serve.add_argument(
        "--unsafe-no-sandbox",
        action="store_true",
        help="run workflow jobs without protection; their logs say so",
    )
    serve.add_argument(
        "--faults",
        action="store_true",
        help="open /_forge (faults, snapshots, fsck) to who knows the secret, which is written to forge.door in the state",
    )
    serve.add_argument("--ready-file", type=Path, help="the URL is written here once requests are taken")


def run(forge: "Forge", options: argparse.Namespace) -> int:
    """Serve until told to end."""
    from localforge.actions.runner import RunnerSettings
    from localforge.serve import Address, House, serve

    actions = RunnerSettings(slots=options.jobs, sandbox=not options.unsafe_no_sandbox)
    address = Address(host=options.host, port=options.port)
    house = House(
        ready_file=options.ready_file, actions=None if options.no_actions else actions, door=options.faults
    )
    serve(forge, address, house)
    return 0
