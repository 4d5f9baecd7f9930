"""What a person sees on a terminal of 80 columns."""

import re
import shlex
import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from tests.e2e.calling import Caller
from tests.e2e.terminal import COLUMNS, at_terminal

from penstock.cli import following
from penstock.cli.exits import Exit

pytestmark = pytest.mark.skipif(
    shutil.which("bwrap") is None, reason="bubblewrap is not installed on this machine"
)
HIDDEN = "x = 1;" + " " * 300 + "evil = 2"


@pytest.mark.slow
def test_nothing_of_a_diff_is_cut_off(penstock: Caller) -> None:
    """Not what stands behind so many blanks that an editor would not show it, either."""
    folder = penstock.folder_of("wide", a__py="old = 1\n")
    name = penstock.waiting(folder, command=f"echo '{HIDDEN}' > a.py")
    code, shown = at_terminal(penstock.folder, "changes", "diff", name)
    assert code == 0
    assert max(map(len, shown.splitlines())) <= COLUMNS
    assert f"+{HIDDEN}" in shown.replace("\n↪ ", "")


@pytest.mark.slow
def test_a_recipe_that_hangs_shows_how_long_and_its_limit(penstock: Caller) -> None:
    """On a terminal all the time; elsewhere after each while in which nothing was said; and a run ends at its limit."""
    folder = penstock.folder_of("hangs", a__py="old = 1\n")
    words = ("try", str(folder), "--run", "sleep 77", "--timeout", "1")
    going_on = r"running the recipe: hangs, \d+ s \(each run may take 1 s\)"
    code, shown = at_terminal(penstock.folder, *words)
    assert code == Exit.NO
    assert re.search(going_on, " ".join(shown.split()))
    penstock.monkeypatch.setattr(following, "SILENCE", timedelta(seconds=0.2))
    said = penstock(*words, expect=Exit.NO).out
    assert re.search(f"still c-.{{4}} {going_on}", said)
    assert "still running after 1 s" in said
    silent = penstock(*words, "--json", expect=Exit.NO)
    assert silent.document["summary"]["reason"] == "proposal_timeout"
    refused = penstock("try", str(folder), "--recipe", "x", "--timeout", "5", expect=Exit.WRONG_USE)
    assert "--timeout is for --run" in refused.err


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("true", "left every file as it was"),
        ("exit 3", "What it printed is above"),
        ("echo more >> a.py", "no `>>`"),
        ("date +%s%N > a.py", "no dates"),
        ("mkdir -p .github/workflows; echo x > .github/workflows/a.yml", "marks the rule that says no"),
    ],
)
def test_a_try_that_stops_says_what_to_change_and_what_to_type(
    penstock: Caller, command: str, says: str
) -> None:
    folder = penstock.folder_of("stopped", a__py="old = 1\n")
    said = penstock("try", str(folder), "--run", command, expect=Exit.NO).out
    assert says in said
    assert f"  penstock try {folder} --run 'COMMAND'" in said
    (typed,) = [line.split("#")[0].split()[1:] for line in said.splitlines() if "changes cancel" in line]
    assert "recorded" in penstock(*typed).out


@pytest.mark.slow
def test_lines_and_tables_are_folded_at_words(penstock: Caller) -> None:
    folder = penstock.folder_of("folded", a__py="old = 1\n")
    code, shown = at_terminal(penstock.folder, "try", str(folder), "--run", "echo 'new = 1' > a.py\ntrue")
    assert code == Exit.WAITS
    assert f"{folder} is acme/folded there" in shown.replace("\n", "")
    assert "Run echo 'new = 1' > a.py …" in shown
    assert "2 changed lines in 1 file\n" in shown
    long = [line for line in shown.splitlines() if "signal" in line or "propose" in line]
    assert long
    assert all(len(line) <= COLUMNS for line in long)
    assert re.search(r"signal    operator asks for .*\n {26}\S", shown)
    _, listed = at_terminal(penstock.folder, "changes", "list")
    assert re.search(r"(?m)^c-\w{10}  +WAITING_USER_APPROVAL ", listed)


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


@pytest.mark.slow
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
