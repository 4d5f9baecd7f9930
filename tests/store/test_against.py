"""What a ledger cannot see by itself: an old state with its old seal. An earlier export shows it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from tests.clock import ManualClock
from tests.scripted import ADA, CHANGE, created

from penstock.adapters.store.proof import Proof, verify_file
from penstock.adapters.store.reading import Reader
from penstock.adapters.store.seal import open_seal
from penstock.adapters.store.store import Store, open_store
from penstock.cli import ledger
from penstock.cli.exits import Exit
from penstock.core.change import events as e
from penstock.core.change.journal import Draft
from penstock.core.refs import ChangeId
from penstock.ports import Permanent

OTHER = ChangeId("c-innocent01")
TABLES = ("ledger", "change_head", "blob")


def grow(store: Store, change: ChangeId, key: str) -> None:
    texts = store.texts()
    event = e.NeedsHuman(reason="a", repo=None, detail=texts.put(key))
    store.record(change, Draft(key=key, event=event, blobs=texts.blobs))
    store.record(change, Draft(key=f"{key}-on", event=e.Resumed(by=ADA, stale=())))


def export(store: Store, file: Path) -> Path:
    file.write_text("".join(f"{line}\n" for line in Proof(store.database, store.seal).export()))
    return file


@pytest.fixture
def grown(tmp_path: Path, clock: ManualClock) -> Iterator[Store]:
    """Two changes; `young` is an export, and so is `old` after one of them has gone on."""
    store = open_store(tmp_path, clock)
    for change, signal in ((CHANGE, "issue:1"), (OTHER, "issue:2")):
        texts = store.texts()
        store.create(change, Draft(key="created", event=created(texts, signal=signal), blobs=texts.blobs))
        grow(store, change, "first")
    export(store, tmp_path / "young")
    with store.database.writing() as connection:
        for table in TABLES:
            connection.execute(text(f"CREATE TABLE old_{table} AS SELECT * FROM {table}"))
    grow(store, CHANGE, "second")
    export(store, tmp_path / "old")
    yield store
    store.close()


def take_out(store: Store, change: ChangeId) -> None:
    with store.database.writing() as connection:
        connection.execute(text("PRAGMA defer_foreign_keys = ON"))
        for table in TABLES:
            connection.execute(text(f"DELETE FROM {table} WHERE change_id = '{change}'"))


def put_back(store: Store, change: ChangeId) -> None:
    """The change's rows as they were, with the head that was signed then."""
    take_out(store, change)
    with store.database.writing() as connection:
        for table in ("change_head", "ledger", "blob"):
            connection.execute(
                text(f"INSERT INTO {table} SELECT * FROM old_{table} WHERE change_id = '{change}'")
            )


def put_back_and_go_on(store: Store, change: ChangeId) -> None:
    put_back(store, change)
    store.reader = Reader(store.database, store.seal)
    grow(store, change, "otherwise")


def test_what_only_grew_holds_against_an_earlier_export(grown: Store, tmp_path: Path) -> None:
    proof = Proof(grown.database, grown.seal)
    assert proof.verify(tmp_path / "young").holds
    assert proof.verify(tmp_path / "old").holds
    report = verify_file(tmp_path / "old", None, tmp_path / "young")
    assert report.holds
    assert not report.self_named


@pytest.mark.parametrize(
    ("attack", "n", "says"),
    [
        (put_back, 4, "5 records in the earlier export, only 3 here"),
        (take_out, 1, "5 records in the earlier export, none here"),
        (put_back_and_go_on, 5, "its past was rewritten"),
    ],
    ids=["rolled back", "deleted", "rewritten"],
)
def test_an_old_state_with_its_old_seal_is_found(
    grown: Store, tmp_path: Path, attack: Callable[[Store, ChangeId], None], n: int, says: str
) -> None:
    attack(grown, CHANGE)
    proof = Proof(grown.database, grown.seal)
    assert proof.verify().holds, "which is why there is an export"
    (found,) = proof.verify(tmp_path / "old").breaks
    assert (found.change, found.n) == (CHANGE, n)
    assert says in found.problem
    now = export(grown, tmp_path / "now")
    assert verify_file(now, None, tmp_path / "old").breaks == (found,)
    given = ledger.Given(file=now, against=tmp_path / "old")
    assert ledger.verify(None, given, json=False) is Exit.LEDGER


def test_an_earlier_export_that_does_not_hold_proves_nothing(grown: Store, tmp_path: Path) -> None:
    cut = tmp_path / "cut"
    cut.write_text("\n".join((tmp_path / "old").read_text().splitlines()[:-1]))
    with pytest.raises(Permanent, match="was cut") as refused:
        Proof(grown.database, grown.seal).verify(cut)
    assert refused.value.code == "bad_export"


def test_an_earlier_export_of_somebody_else_is_named_so(grown: Store, tmp_path: Path) -> None:
    stranger = open_seal(tmp_path / "elsewhere", may_make=True)
    with pytest.raises(Permanent, match="sealed with another installation's key"):
        Proof(grown.database, stranger).verify(tmp_path / "old")


def test_whose_key_was_trusted_is_said(
    grown: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, public = tmp_path / "old", tmp_path / "keys/ledger.ed25519.pub"
    assert ledger.verify(None, ledger.Given(file=file), json=False) is Exit.DONE
    said = capsys.readouterr().out
    assert grown.seal.key_id in said
    assert "only because the file itself names it" in said
    assert "--key <state>/keys/ledger.ed25519.pub" in said
    assert "The ledger holds" not in said
    assert ledger.verify(None, ledger.Given(file=file, key=public), json=False) is Exit.DONE
    said = capsys.readouterr().out
    assert f"sealed by key {grown.seal.key_id}" in said
    assert "itself names" not in said
