"""What happened, in a file beside a description: one row a line, with logins and `owner/name` where a forge has ids.

Other ids are the exporting forge's own; whoever reads the file gives new ones, and everything that points at a row follows.
"""

import json
import shutil
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

from localforge.forge import Forge
from localforge.json_types import Json
from localforge.seeding.reading import DescriptionError
from localforge.seeding.tables import SUBJECTS, TABLES, Table, Translate
from localforge.store import accounts, repos
from localforge.store.database import Db, Tx

NAME = "history.jsonl"
FILES = "files"
_BATCH = 500
_BY_NAME = {table.name: table for table in TABLES}
Row = dict[str, Json]


def write(forge: Forge, folder: Path) -> None:
    """Write the history of every repository, and the files of releases and artifacts."""
    db = forge.store.db
    names = _Names(db)
    (folder / FILES).mkdir()
    with (folder / NAME).open("w", encoding="utf-8") as sink:
        for login in db.column(str, "SELECT login FROM account WHERE kind = 'Bot' ORDER BY id"):
            sink.write(json.dumps({"table": "account", "id": login}, ensure_ascii=False) + "\n")
        for table in TABLES:
            for row in _rows(db, table):
                if table.file:
                    name = f"{table.file}-{row['id']}"
                    shutil.copyfile(forge.state / "archives" / name, folder / FILES / name)
                told = {"table": table.name, **_translated(table, row, names)}
                sink.write(json.dumps(told, ensure_ascii=False) + "\n")


def _rows(db: Db, table: Table) -> Iterator[Row]:
    """The columns that a history has of a table, in its order."""
    shown = "*" if table.found_by is None else ", ".join(dict.fromkeys(("id", *table.found_by, *table.sets)))
    start = 0
    while True:
        sql = f"SELECT {shown} FROM {table.name} WHERE {table.where} ORDER BY {table.order} LIMIT ? OFFSET ?"  # noqa: S608 (ours)
        found = cast("list[Row]", db.all(cast("type[dict[str, Any]]", dict), sql, _BATCH, start))
        for row in found:
            yield {name: value for name, value in row.items() if name not in table.left_out}
        if len(found) < _BATCH:
            return
        start += _BATCH


def _translated(table: Table, row: Row, translate: Translate) -> Row:
    told = dict(row)
    for name, pointed in table.points.items():
        if told.get(name) is not None:
            told[name] = translate(pointed, told[name])
    for name, rewrite in table.rewrites.items():
        if name in told:
            told[name] = rewrite(told[name], translate)
    return told


class _Names:
    """What rows are called in a history."""

    def __init__(self, db: Db) -> None:
        self._logins = {
            number: accounts.by_id(db, number).login for number in db.column(int, "SELECT id FROM account")
        }
        stored = (repos.by_id(db, number) for number in db.column(int, "SELECT id FROM repository"))
        self._repositories = {
            repo.id: f"{self._logins[repo.owner_id]}/{repo.name}" for repo in stored if repo
        }

    def __call__(self, table: str, value: Json) -> Json:
        match table, value:
            case "account", int():
                return self._logins.get(value)
            case "repository", int():
                return self._repositories.get(value)
            case _:
                return value


class _WrongError(ValueError):
    """A line that is not as `write` writes them."""


def replay(forge: Forge, tx: Tx, path: Path, made: list[Path]) -> None:
    """Write the rows of a history beside what its description planted; DescriptionError with the line that is wrong.

    `made` gets the files that were written, for whoever must remove them when the transaction fails.
    """
    replayed = _Replay(forge=forge, tx=tx, files=path.parent / FILES, made=made)
    try:
        with path.open(encoding="utf-8") as source:
            for number, line in enumerate(source, 1):
                try:
                    replayed.line(json.loads(line))
                except (
                    ValueError,
                    TypeError,
                    OverflowError,
                    RecursionError,
                    OSError,
                    sqlite3.Error,
                ) as error:
                    raise DescriptionError(f"{path}:{number}: {error}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise DescriptionError(f"{path}: {error}") from error


@dataclass(slots=True, kw_only=True)
class _Replay:
    forge: Forge
    tx: Tx
    files: Path
    made: list[Path]
    ids: "defaultdict[str, dict[Json, int]]" = field(default_factory=lambda: defaultdict(dict))
    _comments: "Counter[int]" = field(default_factory=Counter)
    _columns: dict[str, frozenset[str]] = field(default_factory=dict)

    def line(self, row: Json) -> None:
        """Write one row."""
        if not isinstance(row, dict):
            raise _WrongError("a line is an object")
        name = row.pop("table", None)
        if name == "account":
            return self._bot(row)
        table = _BY_NAME.get(name) if isinstance(name, str) else None
        if table is None:
            raise _WrongError(f"a history has no table {name}")
        if unknown := row.keys() - self._known(table.name):
            raise _WrongError(f"{name} has no column {min(unknown)}")
        try:
            self._write(table, row, _translated(table, row, self))
        except KeyError as error:
            raise _WrongError(f"{name} lacks or has a wrong {error}") from error
        return None

    def _write(self, table: Table, row: Row, told: Row) -> None:
        if table.name == "reaction":
            told["subject_id"] = self(SUBJECTS[str(row["subject"])], row["subject_id"])
        if table.found_by is None:
            self._insert(table, row, told)
        else:
            self._change(table, row, told)

    def __call__(self, table: str, value: Json) -> Json:
        """The id that a row has here."""
        match table, value:
            case _, None:
                return None
            case "account", str():
                account = accounts.by_login(self.tx, value)
                found = account.id if account else None
            case "repository", str():
                owner, _, name = value.partition("/")
                repo = repos.by_name(self.tx, owner, name)
                found = repo.id if repo else None
            case "repository", _:
                return None
            case _:
                found = self.ids[table].get(value)
        if found is None:
            raise _WrongError(f"there is no {table} {value}")
        return found

    def _known(self, table: str) -> frozenset[str]:
        if table not in self._columns:
            names = self.tx.column(str, "SELECT name FROM pragma_table_info(?)", table)
            self._columns[table] = frozenset(names)
        return self._columns[table]

    def _bot(self, row: Row) -> None:
        login, at = str(row.get("id")), self.forge.clock()
        if accounts.by_login(self.tx, login) is None:
            self.tx.insert("account", login=login, kind="Bot", created_at=at, updated_at=at)

    def _insert(self, table: Table, row: Row, told: Row) -> None:
        if "id" not in table.points:
            told.pop("id", None)
        if not told:
            raise _WrongError(f"{table.name} has no columns")
        fresh = self.tx.insert(table.name, **told)
        if "id" in row:
            self.ids[table.name][row["id"]] = fresh
        if table.file:
            self._bring(table, row, fresh)

    def _bring(self, table: Table, row: Row, fresh: int) -> None:
        """Put a row's file in its place."""
        old, digest = row["id"], row.get("digest")
        if not isinstance(old, int):
            raise _WrongError("id must be a number")
        content = (self.files / f"{table.file}-{old}").read_bytes()
        if len(content) != row["size"] or (digest and digest != f"sha256:{sha256(content).hexdigest()}"):
            raise _WrongError(f"{self.files / f'{table.file}-{old}'} is not the file that was exported")
        target = self.forge.state / "archives" / f"{table.file}-{fresh}"
        target.parent.mkdir(exist_ok=True)
        self.made.append(target)
        target.write_bytes(content)

    def _change(self, table: Table, row: Row, told: Row) -> None:
        """Complete a row that the description made."""
        number = self._found(table, told)
        self.ids[table.name][row["id"]] = number
        columns = {name: told[name] for name in table.sets if told.get(name) is not None}
        if columns:
            self.tx.update(table.name, number, **columns)

    def _found(self, table: Table, told: Row) -> int:
        wanted = [told[name] for name in table.found_by or ()]
        skipped = 0
        if table.name == "issue_comment":
            skipped = self._comments[cast("int", wanted[0])]
            self._comments[cast("int", wanted[0])] += 1
        condition = " AND ".join(f"{name} = ?" for name in table.found_by or ())
        sql = f"SELECT id FROM {table.name} WHERE {condition} ORDER BY id LIMIT 1 OFFSET ?"  # noqa: S608 (ours)
        found = self.tx.column(int, sql, *cast("list[int | str]", wanted), skipped)
        if not found:
            raise _WrongError(f"the description has no such {table.name}")
        return found[0]
