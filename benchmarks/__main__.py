"""`make bench`: what is claimed, measured on this machine, as a Markdown table."""

import sys

from benchmarks import agreement, command, fold, forge, lookalikes, policy, routing, secrets
from benchmarks.measure import machine, table


def main() -> int:
    where = machine()
    found = [
        *fold.measures(),
        *command.measures(),
        *forge.measures(),
        *routing.measures(),
        *secrets.measures(),
        *lookalikes.measures(),
        *policy.measures(),
        *agreement.measures(),
    ]
    print(f"{where}\n\n{table(found)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
