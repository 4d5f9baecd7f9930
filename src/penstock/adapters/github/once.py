"""Look before writing; and where it is not known whether a write happened, look again before anything else."""

from collections.abc import Callable
from typing import TypeVar

from penstock.adapters.github.failures import Ambiguous, Refused
from penstock.ports import Clock, PortError

T = TypeVar("T")

LOOK_AGAIN = (1.0, 5.0)
"""Seconds before each further look: what was just written can take a moment to be seen."""


def once(look: Callable[[], T | None], write: Callable[[], T], clock: Clock) -> T:
    """What `look` finds, else what `write` leaves.

    After an ambiguous failure, or a refusal because it is there already (409, 422), `look` decides; if it finds
    nothing twice, apart, the failure is raised. The write itself is never repeated here.
    """
    found = look()
    if found is not None:
        return found
    try:
        return write()
    except Ambiguous as error:
        failure: PortError = error
    except Refused as error:
        if error.status not in {409, 422}:
            raise
        failure = error
    for pause in LOOK_AGAIN:
        clock.sleep(pause)
        found = look()
        if found is not None:
            return found
    raise failure
