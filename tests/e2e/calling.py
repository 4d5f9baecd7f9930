"""`penstock` as `main` runs it, in this process: quick, and an error that nobody foresaw fails the test by itself."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from penstock.bootstrap import Installation
from penstock.cli.app import run
from penstock.settings import Settings

COMMAND = (sys.executable, "-m", "penstock")
READ_BY_PENSTOCK = ("PENSTOCK_", "INFINITY_", "GITHUB_")


@dataclass(frozen=True)
class Said:
    """What one command printed."""

    code: int
    out: str
    err: str

    @property
    def document(self):
        """Standard output as the one JSON document that it is."""
        return json.loads(self.out)


class Caller:
    """Somebody at a shell without a terminal, in a folder, with an environment that says nothing."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
        self.folder = folder
        self.monkeypatch = monkeypatch
        self.capsys = capsys
        self.called = "penstock"
        for name in [name for name in os.environ if name.startswith(READ_BY_PENSTOCK)]:
            monkeypatch.delenv(name)

    def __call__(self, *words: str, expect: int | None = 0) -> Said:
        """Run it; `expect` None: whatever its exit code is."""
        self.monkeypatch.chdir(self.folder)
        self.monkeypatch.setattr(sys, "argv", [self.called, *words])
        self.capsys.readouterr()
        with _closing(self.monkeypatch):
            code = int(run())
        captured = self.capsys.readouterr()
        said = Said(code=code, out=captured.out, err=captured.err)
        assert expect in {None, code}, f"penstock {' '.join(words)}: exit {code}\n{said.out}\n{said.err}"
        return said

    def ask(self, *words: str, expect: int = 0):
        """The command's JSON document."""
        return self(*words, "--json", expect=expect).document

    def folder_of(self, name: str, **files: str) -> Path:
        """A source folder with these files; a name's `__` stands for the dot of its ending."""
        folder = self.folder / name
        for file, text in files.items():
            path = folder / file.replace("__", ".")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return folder

    def waiting(self, *sources: Path, command: str = "sed -i 's/old/new/' *.py") -> str:
        """The id of a change over these sources that waits for approval."""
        words = ("try", *map(str, sources), "--run", command)
        summary = self.ask(*words, expect=4)["summary"]
        assert summary["state"] == "WAITING_USER_APPROVAL"
        return str(summary["id"])


@contextmanager
def _closing(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Close what a command opened, as the end of its process would."""
    opened: list[Installation] = []
    begin = Installation.__init__

    def noted(home: Installation, settings: Settings) -> None:
        opened.append(home)
        begin(home, settings)

    with monkeypatch.context() as patch:
        patch.setattr(Installation, "__init__", noted)
        yield
    for home in opened:
        if "operator_hands" in vars(home):
            home.operator_hands._http.close()
        home.close()


def process(
    folder: Path, *words: str, before: tuple[str, ...] = (), seconds: float = 60
) -> subprocess.CompletedProcess[str]:
    """Penstock as a process of its own, started by the words `before` if there are any. Never with a traceback."""
    cache = str(Path(tempfile.gettempdir(), "penstock-tests-cache"))  # what is compiled once is kept for all
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "COLUMNS": "160", "XDG_CACHE_HOME": cache}
    done = subprocess.run(
        [*before, *COMMAND, *words],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done
