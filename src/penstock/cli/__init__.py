"""The `penstock` command."""

import sys


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
    sys.exit(code)
