"""`snapshot`: keep the whole forge under a name, and bring it back; served or not."""

import argparse
from typing import TYPE_CHECKING

from localforge.admin.verb import Verbs, verb

if TYPE_CHECKING:
    from localforge.forge import Forge


def add(verbs: Verbs) -> None:
    """Add the verb."""
    snapshot = verb(
        verbs, "snapshot", run, "keep the whole forge under a name and bring it back", makes=False
    )
    snapshot.add_argument("deed", choices=["take", "restore", "remove", "list"])
    snapshot.add_argument("name", nargs="?", help="of the snapshot")


def run(forge: "Forge", options: argparse.Namespace) -> int:
    """Through the door of a served forge (`serve --faults`), or directly."""
    from localforge.control import remote
    from localforge.integrity import snapshots

    if (options.name is None) != (options.deed == "list"):
        raise ValueError("snapshot take NAME, restore NAME, remove NAME, or list")
    door = remote.find(options.state)
    if door is None:
        _directly(forge, options.deed, options.name)
        names = snapshots.names(forge)
    else:
        asked = {
            "take": ("POST", "snapshots", {"name": options.name}),
            "restore": ("POST", f"snapshots/{options.name}/restore", None),
            "remove": ("DELETE", f"snapshots/{options.name}", None),
            "list": ("GET", "snapshots", None),
        }[options.deed]
        answer = door.ask(*asked)
        names = [str(name) for name in answer] if isinstance(answer, list) else []
    print("\n".join(names))  # noqa: T201 (the command's answer)
    return 0


def _directly(forge: "Forge", deed: str, name: str) -> None:
    from localforge.integrity import snapshots

    forge.claim()
    match deed:
        case "take":
            snapshots.take(forge, name)
        case "restore":
            snapshots.restore(forge, name)
        case "remove":
            snapshots.remove(forge, name)
