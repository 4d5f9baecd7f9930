"""One SQLite file: concurrent readers, one writer at a time, an outbox in the writer's transaction."""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from localforge.json_types import decode
from localforge.moment import Clock
from localforge.store.commits import Commits
from localforge.store.database import Db, Tx
from localforge.store.schema import DDL, SCHEMA_VERSION


class StoreVersionError(Exception):
    """The state directory was written by another version of the forge."""


class Store:
    """The forge's database. Reads run on a connection per thread; `write()` is exclusive."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._local = threading.local()
        self._open: list[sqlite3.Connection] = []
        self._open_lock = threading.Lock()
        self._write_lock = threading.RLock()
        self._writing = False
        self.on_events: Callable[[], None] = lambda: None
        self._writer = self._connect()
        self._create()
        self.commits = Commits(path, self._connect())

    def _connect(self) -> sqlite3.Connection:
        sqlite3.register_converter("BOOLEAN", lambda value: value == b"1")
        sqlite3.register_converter("JSON", decode)
        connection = sqlite3.connect(
            self._path,
            timeout=30,
            isolation_level=None,
            check_same_thread=False,
            detect_types=sqlite3.PARSE_DECLTYPES,
            cached_statements=512,
        )
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        with self._open_lock:
            self._open.append(connection)
        return connection

    def _create(self) -> None:
        version = self._writer.execute("PRAGMA user_version").fetchone()[0]
        if version not in {0, SCHEMA_VERSION}:
            raise StoreVersionError(
                f"{self._path} has schema {version}, this forge reads schema {SCHEMA_VERSION}: "
                "start the version that wrote it, or choose another state directory"
            )
        with self.write() as tx:
            for statement in DDL:
                tx.execute(statement)
            tx.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")

    @property
    def db(self) -> Db:
        """This thread's reader: sees everything committed."""
        reader: Db | None = getattr(self._local, "db", None)
        if reader is None:
            connection = self._connect()
            connection.execute("PRAGMA query_only = ON")
            reader = self._local.db = Db(connection)
        return reader

    @contextmanager
    def write(self) -> Iterator[Tx]:
        """The one write transaction: committed at the end, rolled back when anything is raised."""
        with self._write_lock:
            if self._writing:
                raise RuntimeError("a write transaction is already open in this thread: pass its Tx on")
            self._writing = True
            try:
                tx = Tx(self._writer, self._clock)
                self._writer.execute("BEGIN IMMEDIATE")
                try:
                    yield tx
                    self._writer.execute("COMMIT")
                except BaseException:
                    if self._writer.in_transaction:
                        self._writer.execute("ROLLBACK")
                    raise
            finally:
                self._writing = False
        if tx.emitted:
            self.on_events()

    @contextmanager
    def quiet(self) -> Iterator[None]:
        """Nobody writes meanwhile, and nobody is in the middle of it."""
        with self._write_lock:
            yield

    def copy_to(self, path: Path) -> None:
        """Copy the database into a new file; while `quiet`."""
        copy = sqlite3.connect(path)
        try:
            copy.execute("PRAGMA synchronous = OFF")
            self._writer.backup(copy)
        finally:
            copy.close()

    def replace_from(self, path: Path) -> None:
        """Make the database what a copy holds; while `quiet`. Every reader sees it from now on."""
        copy = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        try:
            copy.backup(self._writer)
        finally:
            copy.close()

    def close(self) -> None:
        """Close every connection; the file is then complete by itself."""
        with self._open_lock:
            for connection in self._open:
                connection.close()
            self._open.clear()
        self.commits.close()
