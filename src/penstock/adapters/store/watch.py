"""Noticing that any process committed: SQLite's `PRAGMA data_version`, some ten microseconds a look."""

from penstock.adapters.store.database import Database, explained


class Watch:
    """For one thread, on a connection of its own: `data_version` tells of every connection's commits but its own.

    Source: https://www.sqlite.org/pragma.html#pragma_data_version
    """

    def __init__(self, database: Database) -> None:
        self._path = database.path
        self._connection = database.engine.connect()
        self._seen: int | None = None

    def changed(self) -> bool:
        """Was anything committed since the last look; true at the first."""
        with explained(self._path):
            version: int = self._connection.exec_driver_sql("PRAGMA data_version").scalar_one()
        moved, self._seen = version != self._seen, version
        return moved

    def close(self) -> None:
        self._connection.close()
