"""Installations on an embedded forge: made, found and ended."""

from pathlib import Path

from penstock.adapters import embedded as embedding
from penstock.adapters.clock import SystemClock
from penstock.adapters.embedded import Embedded
from penstock.adapters.github import needs
from penstock.adapters.store.store import make_private, open_store
from penstock.bootstrap import Installation
from penstock.settings import Misconfigured, Settings


def has_other_state(state: Path) -> bool:
    """Does a state directory belong to an installation that works on an outside forge.

    One that was only looked at has a database without a change, and is nobody's yet.
    """
    if embedding.find(state) or not (state / "penstock.db").exists():
        return False
    return any(open_store(state, SystemClock()).heads())


def make_forge(state: Path, *, unsafe_no_sandbox: bool = False) -> Embedded:
    """A new embedded forge. Its tokens may what reading and writing need, and no more: not post a check, say."""
    make_private(state)
    return embedding.create(
        state,
        writer=needs.permissions_of(*needs.EVERY),
        reader=needs.permissions_of(*needs.READS, needs.MEMBERS),
        unsafe_no_sandbox=unsafe_no_sandbox,
    )


def embed(settings: Settings, *, unsafe_no_sandbox: bool) -> Installation:
    """An installation on its own embedded forge, which is made and started as needed. Raises Misconfigured."""
    kept = embedding.find(settings.state)
    if kept is None:
        make_forge(settings.state, unsafe_no_sandbox=unsafe_no_sandbox)
    elif unsafe_no_sandbox and not kept.unsafe_no_sandbox:
        sandboxed = f"{settings.state} was set up with the sandbox, and keeps it; --unsafe-no-sandbox needs a new one: --state"
        raise Misconfigured(problems=(sandboxed,))
    return Installation(settings)


def end_embedded(state: Path) -> bool:
    """End the embedded forge's process; False when there was none."""
    kept = embedding.find(state)
    return kept is not None and embedding.stop(kept)
