"""Known attacks on a ledger, each by somebody who can write to its database or hand over an export."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection, Row, text
from tests.clock import ManualClock
from tests.scripted import ADA, CHANGE, created

from penstock.adapters.store.codec import encode
from penstock.adapters.store.evidence import Report, verify_export
from penstock.adapters.store.proof import Proof
from penstock.adapters.store.seal import Seal
from penstock.adapters.store.store import Store, open_store
from penstock.core.change import events as e
from penstock.core.change.journal import Appended, Draft
from penstock.core.ledger import Break, Point, link, moment
from penstock.core.refs import BlobRef, ChangeId

INNOCENT = ChangeId("c-innocent01")
FORGED = encode(e.ApprovalRevoked(approval="a1", by=ADA))


@pytest.fixture
def attacked(store: Store) -> Store:
    """A change of three records, and another one that nobody touches."""
    for change, signal in ((CHANGE, "issue:1"), (INNOCENT, "issue:2")):
        texts = store.texts()
        event = created(texts, signal=signal)
        store.create(change, Draft(key="created", event=event, blobs=texts.blobs))
        texts = store.texts()
        stopped = e.NeedsHuman(reason="a", repo=None, detail=texts.put("why a"))
        store.record(change, Draft(key="a", event=stopped, blobs=texts.blobs))
        store.record(change, Draft(key="b", event=e.Resumed(by=ADA, stale=())))
    return store


def verified(store: Store) -> Report:
    return Proof(store.database, store.seal).verify()


def with_sql(store: Store, *statements: str) -> None:
    with store.database.writing() as connection:
        connection.execute(text("PRAGMA defer_foreign_keys = ON"))
        for statement in statements:
            connection.execute(text(statement))


def test_an_untouched_ledger_holds(attacked: Store) -> None:
    report = verified(attacked)
    assert report.holds
    assert (report.changes, report.records, report.texts, report.erased) == (2, 6, 6, 0)


ATTACKS: list[tuple[str, str, int, str]] = [
    ("a time is moved", "UPDATE ledger SET at = replace(at, '2026', '2025') {n} = 2", 2, "content"),
    ("a body is changed", "UPDATE ledger SET body = replace(body, 'a', 'e') {n} = 3", 3, "content"),
    ("a key is changed", "UPDATE ledger SET key = 'other' {n} = 2", 2, "content"),
    ("a kind is changed", "UPDATE ledger SET kind = 'E_MERGED' {n} = 2", 2, "content"),
    ("a body is spelled otherwise", "UPDATE ledger SET body = body || ' ' {n} = 2", 2, "canonical"),
    ("a row is taken out", "DELETE FROM ledger {n} = 2", 2, "missing"),
    ("the tail is cut", "DELETE FROM ledger {n} = 3", 3, "tail"),
    ("the first is cut", "DELETE FROM ledger {n} = 1", 1, "missing"),
    ("the head forgets", "UPDATE change_head SET n = 2 WHERE change_id = '{c}'", 4, "head says 2"),
    ("the seal is taken off", "UPDATE change_head SET signature = '' WHERE change_id = '{c}'", 3, "sealed"),
    ("the key is renamed", "UPDATE change_head SET key_id = 'mine' WHERE change_id = '{c}'", 3, "sealed"),
    *(
        (
            f"the head's {column} is changed",
            f"UPDATE change_head SET {column} = {value} WHERE change_id = '{{c}}'",
            3,
            says,
        )
        for column, value, says in (
            ("state", "'DONE'", "says state DONE, the records INGESTED"),
            ("open", "0", "says open False, the records True"),
            ("signal", "'zz'", "says signal zz, the records issue:1"),
            ("created_at", "0", "says created_at 0, the records 1777636800000000"),
        )
    ),
    ("a seal without content", "DELETE FROM ledger WHERE change_id = '{c}'", 1, "head says 3"),
    (
        "a text is replaced",
        "UPDATE blob SET text = 'because' WHERE text = 'why a' AND change_id = '{c}'",
        2,
        "replaced",
    ),
    ("a text is gone", "DELETE FROM blob WHERE text = 'why a' AND change_id = '{c}'", 2, "missing"),
    (
        "a text is blanked",
        "UPDATE blob SET text = NULL WHERE text = 'why a' AND change_id = '{c}'",
        2,
        "erasure",
    ),
    (
        "a text is planted",
        "INSERT INTO blob SELECT 'sha256:0', '{c}', salt, text FROM blob WHERE text = 'why a' LIMIT 1",
        3,
        "no record names was planted",
    ),
]


@pytest.mark.parametrize(
    ("statement", "n", "says"), [attack[1:] for attack in ATTACKS], ids=[a[0] for a in ATTACKS]
)
def test_verify_names_the_first_bad_record(attacked: Store, statement: str, n: int, says: str) -> None:
    with_sql(attacked, statement.format(n=f"WHERE change_id = '{CHANGE}' AND n", c=CHANGE))
    (found,) = verified(attacked).breaks
    assert (found.change, found.n) == (CHANGE, n)
    assert says in found.problem


def test_records_without_a_head_are_found(attacked: Store) -> None:
    with attacked.database.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
        connection.execute(text(f"DELETE FROM change_head WHERE change_id = '{CHANGE}'"))
        connection.commit()
    (found,) = verified(attacked).breaks
    assert (found.change, found.n) == (CHANGE, 0)


def forge_row(store: Store, seal: Seal | None) -> None:
    """Append a correctly chained record; its head unsealed, or sealed with another key."""
    with store.database.writing() as connection:
        last = connection.execute(text(f"SELECT n, hash FROM change_head WHERE change_id = '{CHANGE}'")).one()
        record = link(
            Point(n=last.n, hash=last.hash),
            change=CHANGE,
            at=moment(ManualClock().now()),
            kind="E_APPROVAL_REVOKED",
            key="forged",
            body=FORGED,
        )
        _insert(connection, record.n, record.hash, str(record.at), record.prev)
        signed = seal.sign(CHANGE, record.n, record.hash) if seal else ""
        connection.execute(
            text(
                "UPDATE change_head SET n = :n, hash = :hash, signature = :seal, key_id = :id WHERE change_id = :c"
            ),
            {
                "n": record.n,
                "hash": record.hash,
                "seal": signed,
                "id": seal.key_id if seal else "none",
                "c": CHANGE,
            },
        )


def _insert(connection: Connection, n: int, digest: str, at: str, prev: str) -> None:
    connection.execute(
        text("INSERT INTO ledger VALUES (:c, :n, :at, 'E_APPROVAL_REVOKED', 'forged', :body, :prev, :hash)"),
        {"c": CHANGE, "n": n, "at": at, "body": FORGED, "prev": prev, "hash": digest},
    )


@pytest.mark.parametrize("seal", [None, Seal(Ed25519PrivateKey.generate())], ids=["no seal", "another key"])
def test_a_forged_row_is_neither_believed_nor_acted_on(
    attacked: Store, tmp_path: Path, clock: ManualClock, seal: Seal | None
) -> None:
    """Also by a process that has folded the change before, and reads on from there."""
    assert not isinstance(attacked.change(CHANGE), Break)
    forge_row(attacked, seal)
    fresh = open_store(tmp_path, clock)
    for store in (attacked, fresh):
        found = store.change(CHANGE)
        assert isinstance(found, Break)
        assert "not sealed by a trusted key" in found.problem
        assert store.record(CHANGE, Draft(key="c", event=e.Woken(by=ADA))) == found
    fresh.close()
    assert [found.n for found in verified(attacked).breaks] == [4]


def test_a_key_used_twice_is_found(attacked: Store) -> None:
    """The database forbids it, so the forger takes the constraint off, and chains and seals as if it were true."""
    seal = attacked.seal
    with attacked.database.writing() as connection:
        connection.execute(text("CREATE TABLE copy AS SELECT * FROM ledger"))
        connection.execute(text("DROP TABLE ledger"))
        connection.execute(text("ALTER TABLE copy RENAME TO ledger"))
        last = connection.execute(text(f"SELECT n, hash FROM change_head WHERE change_id = '{CHANGE}'")).one()
        point = Point(n=last.n, hash=last.hash)
        twice = link(
            point,
            change=CHANGE,
            at=moment(ManualClock().now()),
            kind="E_WOKEN",
            key="a",
            body=encode(e.Woken(by=ADA)),
        )
        connection.execute(
            text("INSERT INTO ledger VALUES (:c, :n, :at, :kind, :key, :body, :prev, :hash)"),
            {
                "c": CHANGE,
                "n": twice.n,
                "at": twice.at,
                "kind": twice.kind,
                "key": "a",
                "body": twice.body,
                "prev": twice.prev,
                "hash": twice.hash,
            },
        )
        connection.execute(
            text("UPDATE change_head SET n = :n, hash = :hash, signature = :seal WHERE change_id = :c"),
            {"n": twice.n, "hash": twice.hash, "seal": seal.sign(CHANGE, twice.n, twice.hash), "c": CHANGE},
        )
    (found,) = verified(attacked).breaks
    assert (found.n, found.problem) == (4, "its key a was used before")


def test_an_erased_text_is_erased_and_not_broken(attacked: Store, tmp_path: Path) -> None:
    texts = attacked.texts()
    secret = "an old password, " + "x" * 40
    event = e.NeedsHuman(reason="told", repo=None, detail=texts.put(secret))
    attacked.record(CHANGE, Draft(key="told", event=event, blobs=texts.blobs))
    assert on_disk(tmp_path, secret)

    erased = attacked.erase(event.detail, by=ADA, reason="it was a password")
    assert isinstance(erased, Appended)
    assert attacked.texts().get(event.detail) is None
    assert not on_disk(tmp_path, secret)
    report = verified(attacked)
    assert report.holds
    assert report.erased == 1
    attacked.erase(event.detail, by=ADA, reason="again")
    assert len(attacked.reader.entries(CHANGE)) == 5
    assert attacked.erase(BlobRef("sha256:" + "0" * 64), by=ADA, reason="none") is None

    with_sql(attacked, f"UPDATE blob SET text = 'back' WHERE ref = '{event.detail}'")
    (found,) = verified(attacked).breaks
    assert found.n == 4


def _blobs(store: Store) -> list[Row[tuple[str]]]:
    with store.database.reading() as connection:
        return list(connection.execute(text("SELECT ref FROM blob")))


def test_only_texts_that_a_record_names_are_stored(attacked: Store) -> None:
    texts = attacked.texts()
    left = texts.put("of an attempt that failed")
    event = e.NeedsHuman(reason="told", repo=None, detail=texts.put("why"))
    attacked.record(CHANGE, Draft(key="told", event=event, blobs=texts.blobs))
    assert attacked.texts().get(event.detail) == "why"
    assert left not in {row.ref for row in _blobs(attacked)}
    assert verified(attacked).holds


def on_disk(state: Path, words: str) -> bool:
    return any(words.encode() in path.read_bytes() for path in state.glob("penstock.db*"))


# Exports: what somebody who does not trust us verifies without our database.


def exported(store: Store) -> list[str]:
    return list(Proof(store.database, store.seal).export())


def test_an_export_verifies_offline(attacked: Store) -> None:
    lines = exported(attacked)
    report = verify_export(lines)
    assert report.holds
    assert (report.changes, report.records, report.texts) == (2, 6, 6)
    assert report.keys == (attacked.seal.key_id,)
    assert report.self_named
    assert verify_export(lines, {attacked.seal.key_id: attacked.seal.public}).holds
    stranger = Seal(Ed25519PrivateKey.generate())
    other = verify_export(lines, {stranger.key_id: stranger.public})
    assert [found.change for found in other.breaks] == sorted([CHANGE, INNOCENT])


def changed(lines: list[str], number: int, change: Callable[[str], str]) -> list[str]:
    return [change(line) if n == number else line for n, line in enumerate(lines)]


MALFORMED: list[tuple[str, Callable[[list[str]], list[str]], str]] = [
    ("cut", lambda lines: lines[:-1], "cut"),
    ("cut and closed", lambda lines: [*lines[:-3], lines[-1]], "its last line tells of"),
    (
        "a key given twice",
        lambda lines: changed(lines, 1, lambda s: s.replace('"line"', '"line":"head","line"', 1)),
        "line 2",
    ),
    (
        "an unknown key",
        lambda lines: changed(lines, 2, lambda s: s.replace("{", '{"also":1,', 1)),
        "line 3: not canonical",
    ),
    ("spaces", lambda lines: changed(lines, 2, lambda s: s.replace(":", ": ", 1)), "line 3: not canonical"),
    ("not JSON", lambda lines: [*lines[:3], "?", *lines[3:]], "line 4: not a line"),
    ("a change twice", lambda lines: [*lines[:-1], *lines[1:-1], lines[-1]], "a second time"),
    ("more after the end", lambda lines: [*lines, lines[1]], "something follows"),
    ("records first", lambda lines: [lines[0], lines[2]], "before any head"),
    ("a key under another's id", lambda lines: changed(lines, 0, _renamed), "is not the id of its key"),
    ("a salt that is none", lambda lines: [_salted(line) for line in lines], "not a line"),
    ("nothing", lambda lines: [], "this is not an export"),
]


def _renamed(line: str) -> str:
    keys = json.loads(line)
    keys["keys"] = dict.fromkeys(["0" * 16], *keys["keys"].values())
    return json.dumps(keys, sort_keys=True, separators=(",", ":"))


def _salted(line: str) -> str:
    return line.replace('"salt":"', '"salt":"zz')


@pytest.mark.parametrize(("attack", "says"), [m[1:] for m in MALFORMED], ids=[m[0] for m in MALFORMED])
def test_a_malformed_export_is_refused(
    attacked: Store, attack: Callable[[list[str]], list[str]], says: str
) -> None:
    report = verify_export(attack(exported(attacked)))
    assert not report.holds
    assert says in report.malformed


def test_an_altered_export_is_found(attacked: Store) -> None:
    lines = exported(attacked)
    number = next(n for n, line in enumerate(lines) if '"why a"' in line)
    report = verify_export(changed(lines, number, lambda line: line.replace("why a", "why not")))
    (found,) = report.breaks
    assert (found.n, found.problem[:19]) == (2, "a text was replaced")
