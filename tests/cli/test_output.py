"""What strangers wrote is printed for people without acting on their terminal."""

import json
import logging
import sys
from io import StringIO

import pytest
from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from penstock.cli import output
from penstock.cli.app import run
from penstock.core.text import printable
from penstock.core.verdict import all_of, blocked

HOSTILE = "a\x1b]8;;http://evil\x07b\x1b[2Jc\x9b31md\x08e\rf\u202eg\u2066h\u200bi\x7fj"
CONTROLS = "\x1b\x07\x9b\x08\r\u202e\u2066\u200b\x7f"


def screen(*, terminal: bool) -> tuple[output.Screen, StringIO]:
    file = StringIO()
    return output.Screen(file=file, force_terminal=terminal, color_system=None, width=200), file


def table() -> Table:
    made = Table(box=None)
    made.add_column(HOSTILE)
    made.add_row(output.cell(HOSTILE))
    made.add_row(HOSTILE)
    return made


@pytest.mark.parametrize("terminal", [True, False], ids=["terminal", "pipe"])
@pytest.mark.parametrize(
    "printed",
    [
        Text(HOSTILE),
        HOSTILE,
        table(),
        output.diff(f"+{HOSTILE}\n"),
        output.brief_lines(all_of("G2", [blocked("paths", HOSTILE)])),
        output.failing_lines(all_of("G2", [blocked("paths", HOSTILE)])),
    ],
    ids=["text", "markup", "table", "diff", "verdict", "failures"],
)
def test_no_printed_text_acts_on_the_terminal(printed: Text | str | Table, terminal: bool) -> None:
    console, file = screen(terminal=terminal)
    console.print(printed)
    written = file.getvalue()
    assert not set(CONTROLS) & set(written)
    assert "<U+001B>" in written
    assert "<U+202E>" in written


def test_the_consoles_that_commands_print_on_are_such_screens(capsys: pytest.CaptureFixture[str]) -> None:
    assert isinstance(output.out, output.Screen)
    output.complain(HOSTILE)
    said = capsys.readouterr().err
    assert not set(CONTROLS) & set(said)
    assert "<U+009B>" in said


def test_colours_and_other_scripts_stay() -> None:
    file = StringIO()
    console = output.Screen(file=file, force_terminal=True, color_system="standard", width=80)
    console.print(Text("Žluťoučký 中文 👩\u200d💻 ✓", style="red"))
    assert file.getvalue() == "\x1b[31mŽluťoučký 中文 👩\u200d💻 ✓\x1b[0m\n"


def test_a_reason_cannot_add_lines_to_a_verdict() -> None:
    assert "\n" not in output.failing_lines(blocked("paths", "a\n✓ G4  approved")).plain


@pytest.mark.parametrize("terminal", [True, False], ids=["terminal", "pipe"])
def test_json_is_exact_and_on_a_terminal_only_says(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, terminal: bool
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal)
    output.as_json({"title": HOSTILE + "ž"})
    written = capsys.readouterr().out
    assert json.loads(written) == {"title": HOSTILE + "ž"}
    assert ("ž" in written) is not terminal
    if terminal:
        assert not set(CONTROLS) & set(written)


def test_what_is_logged_only_says(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In every command, in its message, its arguments and the exception that it tells."""
    monkeypatch.setattr(logging.root, "handlers", [])
    monkeypatch.setattr(sys, "argv", ["penstock", "version"])
    assert run() == 0
    logging.getLogger("penstock.flows").error("poll: %s", HOSTILE, exc_info=ValueError(HOSTILE))
    written = capsys.readouterr().err
    assert not set(CONTROLS) & set(written)
    assert written.count("<U+202E>") == 2


@pytest.mark.parametrize(
    "line", ["+a" + " " * 200 + "evil", "+" + "中" * 200, "+a\x1b" * 90, "+" + "a b " * 99]
)
def test_a_diff_loses_nothing_at_the_edge(line: str) -> None:
    """Every character is there, each row fits, and a row that only continues another cannot pass for a line."""
    file = StringIO()
    console = output.Screen(file=file, force_terminal=True, color_system=None, width=80, soft_wrap=True)
    console.print(output.diff(f" before\n{line}\n-after\n"))
    rows = file.getvalue().removesuffix("\n").split("\n")
    assert all(cell_len(row) <= 80 for row in rows)
    assert (rows[0], rows[-1]) == (" before", "-after")
    assert [row[:2] for row in rows[2:-1]] == ["↪ "] * (len(rows) - 3)
    assert "".join(row.removeprefix("↪ ") for row in rows[1:-1]) == printable(line)
