"""Opening the database, its transactions, and what its failures mean.

Failures: `database_locked`, `disk_full` and `disk_error` are Transient, nothing of the transaction was kept;
`database_corrupt`, `database_unusable`, `database_newer` and `database_foreign` are Permanent.
"""

import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, Insert, Update, create_engine, event, inspect
from sqlalchemy.dialects.sqlite import dialect as sqlite_dialect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import ConnectionPoolEntry

from penstock.adapters.store.schema import REVISION
from penstock.ports import Permanent, PortError, Transient

BUSY_SECONDS = 5.0
"""How long a writer waits for another process's transaction; ours last milliseconds."""

Value = str | int | bytes | None
_ALEMBIC = threading.Lock()
"""Alembic keeps what it is doing in module globals."""


class Database:
    """One SQLite file. Writers of this process queue on a lock, which is fair and prompt; other processes' do not."""

    def __init__(self, path: Path, *, busy_seconds: float = BUSY_SECONDS) -> None:
        self.path = path
        self._lock = threading.Lock()
        with explained(path):
            self.engine = _engine(path, busy_seconds)
            with self.engine.connect() as connection:
                migrate(connection)
            self._writer = self.engine.connect()

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One write transaction: all of it is on disk afterwards, or none of it. Begin with the write that locks."""
        with self._lock, explained(self.path), self._writer.begin():
            yield self._writer

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection for single statements. They see what is committed when each begins."""
        with explained(self.path), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """A connection whose statements all see the database as it was at the first."""
        with self.reading() as connection:
            connection.exec_driver_sql("BEGIN")
            yield connection

    def scrub(self) -> None:
        """Move the write-ahead log into the database and empty it, so that no erased text stays behind in it.

        Where another process is reading just now, what it needs stays until the next time.
        """
        with self._lock, self.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").all()

    def close(self) -> None:
        self._writer.close()
        self.engine.dispose()


class Prepared:
    """A statement that runs for every record: compiled once, then handed to the driver as it is.

    SQLAlchemy's own way from statement to driver costs several times what the statement does.
    """

    def __init__(self, statement: Insert | Update) -> None:
        compiled = statement.compile(dialect=sqlite_dialect())
        self._sql = str(compiled)
        self._names = tuple(compiled.positiontup or ())
        self._constant = {name: value for name, value in compiled.params.items() if value is not None}

    def run(self, connection: Connection, values: Mapping[str, Value]) -> int:
        """Run within the connection's transaction; the answer is how many rows it touched."""
        driver = connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection), "prepared for SQLite"  # noqa: S101
        given = {**self._constant, **values}
        return driver.execute(self._sql, [given[name] for name in self._names]).rowcount


def _engine(path: Path, busy_seconds: float) -> Engine:
    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": busy_seconds})

    @event.listens_for(engine, "connect")
    def configure(connection: sqlite3.Connection, _entry: ConnectionPoolEntry) -> None:
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA secure_delete = ON")

    return engine


def migrate(connection: Connection) -> None:
    """Bring the tables to `REVISION`. A database that is newer or not ours is refused, and left as it was."""
    tables = inspect(connection).get_table_names()
    found = None
    if "alembic_version" in tables:
        found = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    elif tables:
        raise Permanent("database_foreign", "this database was not made by Penstock; nothing was changed")
    connection.rollback()
    if found != REVISION:
        _upgrade(connection, found)


def _upgrade(connection: Connection, found: str | None) -> None:
    """All steps in one transaction: a second process that opens the database waits, then finds nothing to do."""
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", "penstock.adapters.store:migrations")
    config.attributes["connection"] = connection
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if found is not None and found not in known:
        raise Permanent(
            "database_newer",
            f"this database was made by a newer version of Penstock (schema {found}, this one knows {REVISION}); "
            "nothing was changed. Use that version, or give another state directory.",
        )
    connection.exec_driver_sql("PRAGMA journal_mode = WAL")
    connection.exec_driver_sql("BEGIN IMMEDIATE")
    with _ALEMBIC:
        command.upgrade(config, "head")
    connection.commit()


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """The database's failures as port errors, with what to do about them."""
    try:
        yield
    except (DBAPIError, sqlite3.Error) as error:
        meaning = _meaning(error.orig if isinstance(error, DBAPIError) else error, path)
        if meaning is None:
            raise
        raise meaning from error


def _meaning(cause: BaseException | None, path: Path) -> PortError | None:
    if not isinstance(cause, sqlite3.Error):
        return None
    match getattr(cause, "sqlite_errorcode", sqlite3.SQLITE_OK) & 0xFF:
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return Transient(
                "database_locked", f"another process holds {path} locked; it is tried again, nothing is lost"
            )
        case sqlite3.SQLITE_FULL:
            return Transient(
                "disk_full", f"no room left to write {path}; free some, nothing that was recorded is lost"
            )
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            return Permanent(
                "database_corrupt", f"{path} is damaged or no database ({cause}); restore it from a backup"
            )
        case sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM:
            return Permanent("database_unusable", f"{path} cannot be opened for writing ({cause})")
        case sqlite3.SQLITE_IOERR:
            return Transient("disk_error", f"the disk failed at {path} ({cause}); it is tried again")
        case _:
            return None
