"""Noticing that any process committed: SQLite's `PRAGMA data_version`, some ten microseconds a look."""

import sqlite3

from penstock.adapters.store.database import Database, explained


class Watch:
    """For one thread, on a connection of its own: `data_version` tells of every connection's commits but its own.

    The connection is the driver's: a look is made all the time, and would take longer by SQLAlchemy than by SQLite.
    Source: https://www.sqlite.org/pragma.html#pragma_data_version
    """

    def __init__(self, database: Database) -> None:
        self._path = database.path
        with explained(self._path):
            self._connection = sqlite3.connect(self._path, isolation_level=None)
        self._seen: int | None = None

    def changed(self) -> bool:
        """Was anything committed since the last look; true at the first."""
        with explained(self._path):
            version: int = self._connection.execute("PRAGMA data_version").fetchone()[0]
        moved, self._seen = version != self._seen, version
        return moved

    def close(self) -> None:
        self._connection.close()
