"""What a person sees on a terminal of 80 columns."""

import shutil

import pytest
from tests.e2e.calling import Caller
from tests.e2e.terminal import COLUMNS, at_terminal

pytestmark = pytest.mark.skipif(
    shutil.which("bwrap") is None, reason="bubblewrap is not installed on this machine"
)
HIDDEN = "x = 1;" + " " * 300 + "evil = 2"


def test_nothing_of_a_diff_is_cut_off(penstock: Caller) -> None:
    """Not what stands behind so many blanks that an editor would not show it, either."""
    folder = penstock.folder_of("wide", a__py="old = 1\n")
    name = penstock.waiting(folder, command=f"echo '{HIDDEN}' > a.py")
    code, shown = at_terminal(penstock.folder, "changes", "diff", name)
    assert code == 0
    assert max(map(len, shown.splitlines())) <= COLUMNS
    assert f"+{HIDDEN}" in shown.replace("\n↪ ", "")
