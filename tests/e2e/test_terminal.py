"""What a person sees on a terminal of 80 columns."""

import re
import shlex
import shutil
from pathlib import Path

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


TYPED = [
    "status",
    "changes list",
    "changes show no-such",
    "approvals list",
    "approvals approve {change} --digest 01234567",
    "approvals approve {change}",
    "approvals request-changes {change} -m shorter",
    "ledger export {folder}/said.jsonl",
    "ledger verify {folder}/said.jsonl",
    "ledger erase sha256:00 -m because",
    "process-issue looked#7",
    "start --mode nonsense",
    "init --force",
    "--config absent.yml validate-config",
    "try {folder} --run true",
    "try {folder}/spelt --run 'exit 3'",
]
BARE = re.compile(r"(?<!/)\bpenstock (?=[a-z]+(-[a-z]+)*\b)")


def test_every_command_that_is_said_can_be_typed(penstock: Caller, tmp_path: Path) -> None:
    """Where a shell does not find `penstock`, no line names it so."""
    name = penstock.waiting(penstock.folder_of("spelt", a__py="old = 1\n"))
    penstock.called = "/opt/tools/penstock"
    named = 0
    for words in TYPED:
        said = penstock(*shlex.split(words.format(change=name, folder=tmp_path)), expect=None)
        assert not BARE.search(said.out + said.err), words
        named += (said.out + said.err).count("/opt/tools/penstock")
    assert named >= 10
