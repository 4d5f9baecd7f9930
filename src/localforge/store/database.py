"""Queries and the write transaction, on one SQLite connection."""

import sqlite3
from dataclasses import asdict
from typing import TypeAlias, TypeVar

from localforge.events import Event
from localforge.json_types import Json, encode
from localforge.moment import Clock

SqlValue: TypeAlias = "int | float | str | bytes | None"
R = TypeVar("R")


class Db:
    """Queries on one connection. A row becomes the dataclass whose fields are its columns."""

    __slots__ = ("_connection",)

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def all(self, kind: type[R], sql: str, *args: SqlValue) -> list[R]:
        """Every row of the query, as `kind`."""
        cursor = self._connection.execute(sql, args)
        names = [column[0] for column in cursor.description]
        return [kind(**dict(zip(names, row, strict=True))) for row in cursor]

    def one(self, kind: type[R], sql: str, *args: SqlValue) -> R | None:
        """The first row of the query, as `kind`, or None."""
        cursor = self._connection.execute(sql, args)
        row = cursor.fetchone()
        if row is None:
            return None
        return kind(**{column[0]: value for column, value in zip(cursor.description, row, strict=True)})

    def column(self, kind: type[R], sql: str, *args: SqlValue) -> list[R]:
        """The first column of every row; each value must be a `kind`."""
        values = [row[0] for row in self._connection.execute(sql, args)]
        if not all(isinstance(value, kind) for value in values):
            raise TypeError(f"the query gives values that are not {kind.__name__}: {sql}")
        return values

    def count(self, sql: str, *args: SqlValue) -> int:
        """The integer that the query gives (0 for no row): counts, sums, existence."""
        row = self._connection.execute(sql, args).fetchone()
        return int(row[0]) if row is not None and row[0] is not None else 0


class Tx(Db):
    """The open write transaction."""

    __slots__ = ("_clock", "emitted")

    def __init__(self, connection: sqlite3.Connection, clock: Clock) -> None:
        super().__init__(connection)
        self._clock = clock
        self.emitted = False

    def insert(self, table: str, **columns: "Json | bytes") -> int:
        """Insert a row; lists and mappings are stored as JSON. Returns its id."""
        names, marks = ", ".join(columns), ", ".join("?" * len(columns))
        statement = f"INSERT INTO {table} ({names}) VALUES ({marks})"  # noqa: S608 (names are ours)
        cursor = self._connection.execute(statement, tuple(map(_storable, columns.values())))
        return int(cursor.lastrowid or 0)

    def update(self, table: str, row_id: int, **columns: "Json | bytes") -> None:
        """Set columns of the row with this id."""
        names = ", ".join(f"{name} = ?" for name in columns)
        statement = f"UPDATE {table} SET {names} WHERE id = ?"  # noqa: S608 (names are ours)
        self._connection.execute(statement, (*map(_storable, columns.values()), row_id))

    def execute(self, sql: str, *args: SqlValue) -> int:
        """Run any statement; returns the number of rows it changed."""
        return self._connection.execute(sql, args).rowcount

    def wake(self) -> None:
        """Whoever waits for work looks again when this commits, as after an event."""
        self.emitted = True

    def emit(self, event: Event) -> int:
        """Write a domain event to the outbox; it is published when the transaction commits."""
        self.emitted = True
        return self.insert(
            "event",
            at=self._clock(),
            kind=type(event).__name__,
            repo_id=event.repo_id,
            payload=asdict(event),
        )


def _storable(value: "Json | bytes") -> SqlValue:
    if value is None or isinstance(value, int | float | str | bytes):
        return value
    return encode(value).decode()
