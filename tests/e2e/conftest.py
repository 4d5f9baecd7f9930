"""One embedded forge for all commands of a test process; whoever needs another state makes it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.e2e.calling import Caller

from penstock.adapters import embedded as embedding
from penstock.bootstrap.embedded import make_forge


@pytest.fixture(scope="session")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder whose `.penstock` has a running forge."""
    folder = tmp_path_factory.mktemp("town")
    running = embedding.ensure_running(make_forge(folder / ".penstock"))
    yield folder
    embedding.stop(running)


@pytest.fixture
def penstock(town: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Caller:
    return Caller(town, monkeypatch, capsys)


@pytest.fixture
def elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Caller]:
    """In an empty folder, without any state; a forge that a test starts there ends with it."""
    yield Caller(tmp_path, monkeypatch, capsys)
    for kept in tmp_path.rglob("embedded.json"):
        forge = embedding.find(kept.parent)
        if forge:
            embedding.stop(forge)
