"""Puts the forge together: which areas serve operations, who subscribes to events, what starts and stops.

An area is listed here once; nothing else knows all of them.
"""

from importlib import import_module

from localforge.forge import Forge
from localforge.operations import Operation
from localforge.refs import recover

# Modules with an `area` of operations.
AREAS = (
    "localforge.rest.meta",
    "localforge.rest.users",
)


def operations() -> list[Operation]:
    """Every operation of every area."""
    return [operation for name in AREAS for operation in import_module(name).area.operations]


def start(forge: Forge) -> None:
    """Claim the state directory, settle what a crash left open, begin the background work."""
    forge.claim()
    recover(forge)
    forge.bus.start()


def stop(forge: Forge) -> None:
    """End the background work and close the forge."""
    forge.close()
