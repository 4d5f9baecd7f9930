"""Fixtures: a forge that a process of its own serves."""

from collections.abc import Iterator

import pytest
from tests.forge.actions.serving import Served
from tests.forge.world import World


@pytest.fixture
def unserved(world: World) -> Iterator[Served]:
    """A forge that the test itself starts."""
    made = Served(world)
    yield made
    made.stop()


@pytest.fixture
def served(unserved: Served) -> Served:
    """A forge that is served, with its runner."""
    unserved.start()
    return unserved
