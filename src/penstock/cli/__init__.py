"""The `penstock` command."""

import os
import sys
from contextlib import suppress


def main() -> None:
    """Run the command line. The version is answered before anything else is imported."""
    if sys.argv[1:] in (["--version"], ["version"]):
        from penstock import __version__

        sys.stdout.write(f"penstock {__version__}\n")
        return
    try:
        from penstock.cli.app import run

        code = run()
    except KeyboardInterrupt:  # while modules load, before there is anything to continue
        sys.stderr.write("Interrupted before anything began.\n")
        code = 130
    _leave(code)


def _leave(code: int) -> None:
    """At once: threads of the server that still run must not meet an interpreter that is being taken down."""
    with suppress(OSError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)
