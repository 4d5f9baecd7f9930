"""The database: one writer, concurrent readers, and refusal of what another version wrote."""

import sqlite3
import threading
from pathlib import Path

import pytest

from localforge.forge import Forge
from localforge.moment import now
from localforge.store import accounts
from localforge.store.store import Store, StoreVersionError


def people(store: Store, logins: list[str]) -> None:
    with store.write() as tx:
        for login in logins:
            tx.insert("account", login=login, kind="User", created_at=now(), updated_at=now())


def test_writers_take_turns_and_readers_do_not_wait(tmp_path: Path) -> None:
    """A reader sees the last committed state while a transaction is open; writes of many threads all land."""
    store = Store(tmp_path / "db", now)
    people(store, ["ann"])
    with store.write() as tx:
        tx.execute("DELETE FROM account")
        found: list[accounts.Account | None] = []
        reader = threading.Thread(target=lambda: found.append(accounts.by_login(store.db, "ANN")))
        reader.start()
        reader.join(5)
        assert found[0] is not None
        assert accounts.by_login(tx, "ann") is None

    def write(part: int) -> None:
        for number in range(20):
            people(store, [f"u{part}-{number}"])

    writers = [threading.Thread(target=write, args=(part,)) for part in range(5)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert store.db.count("SELECT count(*) FROM account") == 100
    store.close()


def test_misuse_is_loud(tmp_path: Path) -> None:
    """A reader cannot write; a second transaction in one thread is an error, not a deadlock."""
    store = Store(tmp_path / "db", now)
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        store.db.count("DELETE FROM account RETURNING id")
    with store.write(), pytest.raises(RuntimeError, match="already open"), store.write():
        pass
    people(store, ["ann"])
    store.close()


def test_another_versions_database_is_refused(tmp_path: Path) -> None:
    """It says so and changes nothing."""
    Forge(tmp_path).close()
    connection = sqlite3.connect(tmp_path / "forge.sqlite")
    connection.execute("PRAGMA user_version = 999")
    connection.close()
    with pytest.raises(StoreVersionError, match="schema 999"):
        Forge(tmp_path)


def test_durability_settings(tmp_path: Path) -> None:
    """WAL, and every commit reaches the disk."""
    store = Store(tmp_path / "db", now)
    with store.write() as tx:
        assert tx.column(str, "PRAGMA journal_mode") == ["wal"]
        assert tx.count("PRAGMA synchronous") == 2
        assert tx.count("PRAGMA foreign_keys") == 1
    store.close()
