"""Databases and keys that cannot be used, and disks that cannot take more: said plainly, and nothing is lost."""

import os
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text
from tests.clock import ManualClock
from tests.scripted import ADA, CHANGE, created

from penstock.adapters.store.database import Database
from penstock.adapters.store.proof import Proof
from penstock.adapters.store.schema import REVISION, metadata
from penstock.adapters.store.seal import KEY_FILE, Seal, open_seal
from penstock.adapters.store.store import Store, open_store
from penstock.core.change import events as e
from penstock.core.change.journal import Appended, Draft
from penstock.core.ledger import Break
from penstock.ports import Permanent, PortError, Transient


def begin(store: Store) -> None:
    texts = store.texts()
    store.create(CHANGE, Draft(key="created", event=created(texts), blobs=texts.blobs))


def stopping(store: Store, words: str = "stop") -> Draft:
    texts = store.texts()
    event = e.Cancelled(by=ADA, rollback=False, words=texts.put(words))
    return Draft(key="cancel", event=event, blobs=texts.blobs)


def refusal(state: Path) -> PortError:
    with pytest.raises(PortError) as raised:
        open_store(state, ManualClock())
    return raised.value


def test_migrations_make_the_tables_that_the_code_expects(store: Store) -> None:
    scripts = ScriptDirectory(
        str(Path(sys.modules["penstock.adapters.store.schema"].__file__ or "").parent / "migrations")
    )
    assert scripts.get_current_head() == REVISION
    with store.database.reading() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_sqlite_keeps_what_it_says_it_keeps(store: Store) -> None:
    with store.database.reading() as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "secure_delete", "busy_timeout")
        }
    full, on = 2, 1
    assert pragmas == {
        "journal_mode": "wal",
        "synchronous": full,
        "foreign_keys": on,
        "secure_delete": on,
        "busy_timeout": 5000,
    }


@pytest.mark.slow
def test_processes_that_open_a_new_state_at_once_agree(tmp_path: Path) -> None:
    """On one schema and on one key."""
    program = (
        "import sys; from pathlib import Path; from penstock.adapters.store.store import open_store;"
        "from penstock.adapters.clock import SystemClock;"
        "print(open_store(Path(sys.argv[1]), SystemClock()).seal.key_id)"
    )
    state = tmp_path / "state"
    both = [
        subprocess.Popen([sys.executable, "-c", program, str(state)], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    keys = {process.communicate(timeout=60)[0] for process in both}
    assert [process.returncode for process in both] == [0, 0]
    assert len(keys) == 1


def test_a_database_of_a_newer_version_is_left_as_it_is(tmp_path: Path, store: Store) -> None:
    begin(store)
    with store.database.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    store.close()
    path = tmp_path / "penstock.db"
    before = path.read_bytes()
    error = refusal(tmp_path)
    assert isinstance(error, Permanent)
    assert error.code == "database_newer"
    assert "9999" in str(error)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("content", "code"),
    [(b"no database at all, but long enough" * 50, "database_corrupt"), (None, "database_foreign")],
)
def test_what_is_not_our_database_is_left_as_it_is(tmp_path: Path, content: bytes | None, code: str) -> None:
    path = tmp_path / "penstock.db"
    if content is None:
        with closing(sqlite3.connect(path)) as other:
            other.execute("CREATE TABLE somebody_elses (x)")
    else:
        path.write_bytes(content)
    before = path.read_bytes()
    assert refusal(tmp_path).code == code
    assert path.read_bytes() == before


def test_a_folder_that_cannot_hold_a_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "penstock.db").mkdir()
    error = refusal(tmp_path)
    assert error.code == "database_unusable"
    assert "penstock.db" in str(error)


def test_a_locked_database_loses_nothing(tmp_path: Path, clock: ManualClock) -> None:
    open_store(tmp_path, clock).close()
    store = Store(
        Database(tmp_path / "penstock.db", busy_seconds=0.05), open_seal(tmp_path, may_make=False), clock
    )
    begin(store)
    with closing(sqlite3.connect(tmp_path / "penstock.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Transient) as raised:
            store.record(CHANGE, stopping(store))
        other.execute("ROLLBACK")
    assert raised.value.code == "database_locked"
    assert isinstance(store.record(CHANGE, stopping(store)), Appended)
    assert Proof(store.database, store.seal).verify().holds
    store.close()


def test_a_full_disk_loses_nothing(store: Store) -> None:
    """SQLite's own page limit gives the very error that a full disk gives."""
    begin(store)
    with store.database.writing() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(Transient) as raised:
        store.record(CHANGE, stopping(store, "words " * 20_000))
    assert raised.value.code == "disk_full"
    assert len(store.reader.entries(CHANGE)) == 1
    with store.database.writing() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 1000000")
    assert isinstance(store.record(CHANGE, stopping(store, "words " * 20_000)), Appended)
    assert Proof(store.database, store.seal).verify().holds


def test_the_key_is_its_owners_alone(tmp_path: Path, store: Store) -> None:
    path = tmp_path / KEY_FILE
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) & 0o077 == 0
    assert path.with_suffix(".ed25519.pub").read_text().startswith(store.seal.key_id)
    assert [p.name for p in path.parent.iterdir() if p.name.startswith("tmp")] == []


def test_a_ledger_without_its_key_is_not_sealed_anew(tmp_path: Path, store: Store) -> None:
    begin(store)
    store.close()
    path = tmp_path / KEY_FILE
    kept = path.read_bytes()
    path.unlink()
    error = refusal(tmp_path)
    assert error.code == "key_unusable"
    assert str(path) in str(error)
    assert not path.exists()
    path.write_bytes(b"nonsense")
    assert refusal(tmp_path).code == "key_unusable"
    path.write_bytes(kept)
    reopened = open_store(tmp_path, ManualClock())
    assert not isinstance(reopened.change(CHANGE), Break)
    reopened.close()


def test_a_ledger_under_another_key_is_not_believed(tmp_path: Path, store: Store, clock: ManualClock) -> None:
    begin(store)
    other = tmp_path / "other"
    stranger = open_seal(other, may_make=True)
    assert isinstance(stranger, Seal)
    foreign = Store(store.database, stranger, clock)
    assert isinstance(foreign.change(CHANGE), Break)
    assert isinstance(foreign.record(CHANGE, stopping(foreign)), Break)
    assert len(store.reader.entries(CHANGE)) == 1


def test_text_from_outside_may_be_broken_unicode(store: Store) -> None:
    texts = store.texts()
    pair, lone = "\ud83d\ude00", "\ud83d"
    ref = texts.put(f"a{pair}{lone}\0b")
    event = replace(created(texts), title=ref)
    store.create(CHANGE, Draft(key="created", event=event, blobs=texts.blobs))
    assert store.texts().get(ref) == "a\U0001f600\ufffd\ufffdb"


def test_a_text_that_is_not_the_recorded_one_is_not_used(store: Store) -> None:
    begin(store)
    with store.database.writing() as connection:
        connection.execute(text("UPDATE blob SET text = 'allow everything'"))
    change = store.change(CHANGE)
    assert change is not None
    assert not isinstance(change, Break)
    with pytest.raises(Permanent) as raised:
        store.texts().get(change.policy)
    assert raised.value.code == "text_broken"


@pytest.mark.parametrize("mode", [None, 0o755, 0o750, 0o777, 0o700])
def test_nobody_else_reads_the_state(tmp_path: Path, mode: int | None) -> None:
    """Whether the directory is made or found; what is in it is then out of reach whatever its own mode."""
    state = tmp_path / "state"
    before = os.umask(0o022)
    if mode is not None:
        state.mkdir()
        state.chmod(mode)
    try:
        open_store(state, ManualClock()).close()
    finally:
        os.umask(before)
    assert stat.S_IMODE(state.stat().st_mode) == 0o700
