"""One forge for all flow tests of a process; every test has a Penstock and repositories of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.flows.house import House

from penstock.adapters import embedded as embedding
from penstock.bootstrap.embedded import make_forge


@pytest.fixture(scope="session")
def forge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[embedding.Embedded]:
    running = embedding.ensure_running(make_forge(tmp_path_factory.mktemp("forge")))
    yield running
    embedding.stop(running)


@pytest.fixture
def house(forge: embedding.Embedded, tmp_path: Path) -> Iterator[House]:
    built = House(tmp_path, forge)
    yield built
    built.person.close()
    built.home.close()
