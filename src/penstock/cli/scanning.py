"""`penstock secrets scan`: what in a folder looks like a secret. Files are read and nothing else; links are not followed."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rich.text import Text

from penstock.bootstrap import Installation
from penstock.cli import output
from penstock.cli.exits import Exit
from penstock.core.secrets import Finding
from penstock.core.text import printable
from penstock.settings import Misconfigured

LONGEST = 64 * 1024 * 1024
"""Bytes of a file that is looked through; a longer one is named as not read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One finding, never with the secret itself."""

    path: str
    rule: str
    first: int
    last: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NotRead:
    """A file of which nothing can be said, and why."""

    path: str
    why: str


def scan(home: Installation, paths: tuple[Path, ...], *, json: bool) -> Exit:
    """1 where something was found, 4 where nothing was and something could not be read. Raises Misconfigured."""
    if gone := [str(path) for path in paths if not path.exists()]:
        raise Misconfigured(problems=tuple(f"{name}: there is nothing of that name" for name in gone))
    told = [one for path in paths for file in _files(path) for one in _told(home, file)]
    found = tuple(one for one in told if isinstance(one, Found))
    unread = tuple(one for one in told if isinstance(one, NotRead))
    if json:
        output.as_json({"found": found, "not_read": unread})
    else:
        _said(found, unread)
    return Exit.NO if found else Exit.WAITS if unread else Exit.DONE


def _files(path: Path) -> Iterator[Path | NotRead]:
    """Ordinary files, in the order of their names; git's own folders are left out. What was asked for by name is never passed over
    in silence."""
    if not path.is_dir():
        ordinary = path.is_file() and not path.is_symlink()
        yield path if ordinary else NotRead(path=str(path), why="a link, or no ordinary file")
        return
    failed: list[NotRead] = []

    def refuse(error: OSError) -> None:
        failed.append(NotRead(path=str(error.filename), why=str(error.strerror)))

    for folder, folders, names in os.walk(path, onerror=refuse):
        folders[:] = sorted(name for name in folders if name != ".git")
        yield from (Path(folder) / name for name in sorted(names))
    yield from failed


def _told(home: Installation, file: Path | NotRead) -> Iterator[Found | NotRead]:
    if isinstance(file, NotRead):
        yield file
        return
    if file.is_symlink() or not file.is_file():
        return
    name = os.fsencode(file).decode(errors="backslashreplace")
    try:
        with file.open("rb") as opened:
            content = opened.read(LONGEST + 1)
    except OSError as error:
        yield NotRead(path=name, why=str(error.strerror))
        return
    if len(content) > LONGEST:
        yield NotRead(path=name, why=f"longer than {LONGEST >> 20} MiB")
        return
    yield from (_of(name, one) for one in home.secrets.find(content.decode(errors="replace")))


def _of(path: str, found: Finding) -> Found:
    return Found(path=path, rule=found.rule, first=found.first, last=found.last)


def _said(found: tuple[Found, ...], unread: tuple[NotRead, ...]) -> None:
    for one in found:
        output.out.print(Text(f"{printable(one.path)}:{one.first}  {one.rule}"))
    for each in unread:
        output.complain(f"{printable(each.path)}: not read: {each.why}")
    if not found and not unread:
        output.say("Nothing looks like a secret.")
