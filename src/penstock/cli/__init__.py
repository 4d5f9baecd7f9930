"""The `penstock` command."""

import sys


def main() -> None:
    """Run the command line. The version is answered before anything else is imported."""
    if sys.argv[1:] in (["--version"], ["version"]):
        from penstock import __version__

        sys.stdout.write(f"penstock {__version__}\n")
        return
    from penstock.cli.app import run

    sys.exit(run())
