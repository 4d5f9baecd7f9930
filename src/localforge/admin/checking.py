"""`fsck`: do repositories and database agree?"""

import argparse
import json
from typing import TYPE_CHECKING

from localforge.admin.verb import Verbs, verb

if TYPE_CHECKING:
    from localforge.forge import Forge


def add(verbs: Verbs) -> None:
    """Add the verb."""
    about = "examine repositories and database; exit 1 when they do not agree"
    fsck = verb(verbs, "fsck", run, about, makes=False)
    fsck.add_argument("--json", action="store_true", help="the report as a document")
    fsck.add_argument("--repair", action="store_true", help="first do what a start does after a crash")
    fsck.add_argument("--sweep", action="store_true", help="first remove what killed processes left behind")


def run(forge: "Forge", options: argparse.Namespace) -> int:
    """Examine a forge that nobody serves. Unless asked to, nothing is changed."""
    from localforge.integrity.fsck import examine, sweep
    from localforge.integrity.recovery import mend
    from localforge.running import open_areas

    killed = forge.claim(looking=not options.repair)
    if options.repair:
        open_areas()
        mend(forge, killed=killed)
    if options.sweep:
        sweep(forge)
    report = examine(forge)
    answer = json.dumps(report.json(), indent=2) if options.json else "\n".join(report.lines())
    print(answer)  # noqa: T201 (the command's answer)
    return 0 if report.clean else 1
