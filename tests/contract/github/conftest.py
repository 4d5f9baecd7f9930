"""The embedded forge for tests that need one."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.contract.github.embedded import Embedded, embedded
from tests.forge.world import make_clone


@pytest.fixture(scope="session")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A local git clone that nobody changes."""
    return make_clone(tmp_path_factory.mktemp("clones") / "widget")


@pytest.fixture
def forge(tmp_path: Path, clone: Path) -> Iterator[Embedded]:
    with embedded(tmp_path, clone) as built:
        yield built
