"""Where the embedded forge keeps its accounts and repositories."""

import os
import stat
from pathlib import Path

import pytest

from penstock.bootstrap.embedded import make_forge


@pytest.mark.parametrize("found", [False, True])
def test_nobody_else_reads_the_forge(tmp_path: Path, found: bool) -> None:
    state = tmp_path / "deep" / "state"
    before = os.umask(0o022)
    try:
        if found:
            state.mkdir(mode=0o755, parents=True)
        make_forge(state)
    finally:
        os.umask(before)
    assert any(state.glob("forge/*.sqlite"))
    assert stat.S_IMODE(state.stat().st_mode) == 0o700
    assert stat.S_IMODE(state.parent.stat().st_mode) == 0o755, "what is above it is not ours to close"
