"""How the command line calls itself: so that what it says to type can be typed."""

import sys
from pathlib import Path

import pytest

from penstock.cli import output
from penstock.cli.options import Options, command


@pytest.fixture
def found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An executable `penstock` in the only folder where a shell looks."""
    path = tmp_path / "bin/penstock"
    path.parent.mkdir()
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    monkeypatch.setenv("PATH", str(path.parent))
    return path


@pytest.mark.parametrize(
    ("called", "name"),
    [
        ("{found}", "penstock"),
        (".venv/bin/penstock", ".venv/bin/penstock"),
        ("/opt/my tools/penstock", "'/opt/my tools/penstock'"),
        ("/opt/penstock/__main__.py", f"{sys.executable} -m penstock"),
    ],
)
def test_by_its_bare_name_only_where_a_shell_finds_this_very_one(
    found: Path, monkeypatch: pytest.MonkeyPatch, called: str, name: str
) -> None:
    monkeypatch.setattr(sys, "argv", [called.format(found=found)])
    assert command() == name


def test_with_the_state_and_the_configuration_that_were_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["bin/penstock"])
    monkeypatch.setattr(Options, "state", Path("my state"))
    monkeypatch.setattr(Options, "config", Path("[a].yml"))
    typed = "bin/penstock --state 'my state' --config '[a].yml' changes list"
    output.to_type("changes list  # all [of] them")
    output.say("See `penstock changes list`.")
    output.complain("No. `penstock changes list` does.")
    said = capsys.readouterr()
    assert said.out == f"  {typed}  # all [of] them\nSee `{typed}`.\n"
    assert said.err == f"No. `{typed}` does.\n"
