"""The forge in a process of its own: `python -m tests.judges.served STATE READY_FILE`.

It is `localforge serve` but for its limits, which a judge in a hurry would meet.
"""

import sys
from pathlib import Path

from tests.forge.world import ROOMY

from localforge.actions.runner import RunnerSettings
from localforge.forge import Forge
from localforge.serve import Address, House, serve


def main(state: str, ready_file: str) -> None:
    """Serve until SIGTERM."""
    forge = Forge(Path(state), ROOMY)
    serve(forge, Address(), House(ready_file=Path(ready_file), actions=RunnerSettings()))


if __name__ == "__main__":
    main(*sys.argv[1:])
