"""`python -m localforge`: serve a forge, or administer its state directory."""

import argparse
import sys
from collections.abc import Sequence

from localforge.admin import accounts, checking, exporting, faults, seeding, serving, snapshots

DATABASE = "forge.sqlite"
VERBS = (serving, accounts, seeding, exporting, checking, snapshots, faults)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status (2: bad arguments, 1: refused)."""
    parser = argparse.ArgumentParser(prog="localforge", description="An embedded, GitHub-compatible forge.")
    commands = parser.add_subparsers(dest="command", required=True)
    for module in VERBS:
        module.add(commands)
    options = parser.parse_args(arguments)
    # Imported late: `--help` and a misspelled command answer at once.
    from localforge.errors import ForgeError
    from localforge.forge import Forge, StateInUseError
    from localforge.store.store import StoreVersionError

    try:
        if not options.makes and not (options.state / DATABASE).exists():
            raise FileNotFoundError(f"there is no forge in {options.state}")
        forge = Forge(options.state)
        try:
            status: int = options.run(forge, options)
        finally:
            forge.close()
    except (ValueError, OSError, StateInUseError, StoreVersionError, ForgeError) as error:
        details = "; ".join(str(entry) for entry in error.errors) if isinstance(error, ForgeError) else ""
        print(f"localforge: {error} {details}".rstrip(), file=sys.stderr)  # noqa: T201
        return 1
    return status


if __name__ == "__main__":
    sys.exit(main())
