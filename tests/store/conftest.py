"""A store in a folder of its own, on a clock that only moves when told."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.clock import ManualClock

from penstock.adapters.store.store import Store, open_store


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def store(tmp_path: Path, clock: ManualClock) -> Iterator[Store]:
    opened = open_store(tmp_path, clock)
    yield opened
    opened.close()
