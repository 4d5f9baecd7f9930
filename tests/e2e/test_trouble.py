"""A machine that refuses: a newer, damaged, locked or read-only database, a full disk. Said, and nothing is lost."""

import json
import resource
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.e2e.calling import COMMAND, Caller, process

from penstock.bootstrap import Installation
from penstock.bootstrap.embedded import end_embedded
from penstock.cli.exits import Exit
from penstock.cli.following import Follower
from penstock.core.refs import ChangeId
from penstock.ports import Permanent
from penstock.settings import load

READS = ("status", "changes list", "approvals list", "ledger verify")
HOLD = """
import sqlite3, sys, time
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
connection.execute("UPDATE alembic_version SET version_num = version_num")
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="session")
def once(town: Path) -> dict[str, str]:
    return {}


@pytest.fixture
def kept(penstock: Caller, once: dict[str, str], tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A copy of a state directory, whose forge does not run, and a change in it that waits for approval."""
    if not once:
        once["change"] = penstock.waiting(penstock.folder_of("kept", a__py="old = 1\n"))
    state = tmp_path / "state"
    shutil.copytree(penstock.folder / ".penstock", state)
    (state / "forge.pid").unlink()
    place = state / "embedded.json"
    place.write_text(json.dumps({**json.loads(place.read_text()), "port": 0}))
    yield state, once["change"]
    end_embedded(state)


def patch_of(penstock: Caller, state: Path, name: str) -> str:
    """The name of a text that the change does not need to go on, and which can be erased without asking any forge."""
    events = [entry["event"] for entry in penstock.ask(*in_state(state, f"ledger show {name}"))]
    return str(next(event["patch_set"]["patch"] for event in events if "patch_set" in event))


def in_state(state: Path, words: str) -> tuple[str, ...]:
    return ("--state", str(state), *words.split())


def test_a_database_from_a_newer_version_is_left_alone(penstock: Caller, kept: tuple[Path, str]) -> None:
    state, name = kept
    with sqlite3.connect(state / "penstock.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    before = (state / "penstock.db").read_bytes()
    for words in (*READS, f"approvals approve {name}", f"changes cancel {name}"):
        said = penstock(*in_state(state, words), expect=Exit.NO).err
        assert "newer version of Penstock (schema 9999" in said
        assert "nothing was changed" in said
    assert (state / "penstock.db").read_bytes() == before


def test_a_damaged_database_is_said(penstock: Caller, kept: tuple[Path, str]) -> None:
    state, _ = kept
    for name in ("penstock.db-wal", "penstock.db-shm"):
        (state / name).unlink(missing_ok=True)
    (state / "penstock.db").write_bytes(b"no database" * 1000)
    for words in READS:
        assert "is damaged" in penstock(*in_state(state, words), expect=Exit.NO).err


@pytest.mark.parametrize("words", [*READS[:3], "export-state"])
def test_a_log_that_does_not_hold_is_named_and_never_left_out(
    penstock: Caller, kept: tuple[Path, str], words: str
) -> None:
    state, name = kept
    break_log(state, name)
    said = penstock(*in_state(state, words), expect=Exit.LEDGER)
    assert f"{name}: its log does not hold at record 2: " in said.err
    assert "Nothing waits" not in said.out
    typed = () if words == "export-state" else ("--json",)
    (broken,) = penstock(*in_state(state, words), *typed, expect=Exit.LEDGER).document["broken"]
    assert (broken["change"], broken["n"]) == (name, 2)


@pytest.mark.slow
def test_nobody_waits_for_a_change_whose_log_does_not_hold(penstock: Caller, kept: tuple[Path, str]) -> None:
    """Who follows one change is told; who follows all of them goes on with the others."""
    state, name = kept
    break_log(state, name)
    home = Installation(load(state=state))
    try:
        follower = Follower(home, (ChangeId(name),))
        follower.catch_up()
        with pytest.raises(Permanent, match="does not hold at record 2") as told:
            follower.until(lambda found: False)
        assert told.value.code == "ledger"
    finally:
        home.close()
    penstock(*in_state(state, f"changes show {name}"), expect=Exit.LEDGER)
    order = (*in_state(state, "ledger erase sha256:0"), "-m", "because")
    assert "cannot be told" in penstock(*order, expect=Exit.LEDGER).err
    assert "There is no text" in penstock(*order, "--force", expect=Exit.NO).err


def break_log(state: Path, name: str) -> None:
    with sqlite3.connect(state / "penstock.db") as connection:
        connection.execute("UPDATE ledger SET body = body || ' ' WHERE change_id = ? AND n = 2", (name,))
    connection.close()


def test_a_state_that_is_no_folder_is_said(penstock: Caller, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for words in ("status", "changes list"):
        assert str(tmp_path / "file") in penstock(*in_state(tmp_path / "file", words), expect=Exit.NO).err


def test_a_locked_database_is_read_and_loses_no_order(penstock: Caller, kept: tuple[Path, str]) -> None:
    """Another process holds a write transaction: looks go on, an order says so, and works once it is let go."""
    state, name = kept
    order = (*in_state(state, f"ledger erase {patch_of(penstock, state, name)}"), "-m", "because")
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(state / "penstock.db")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        assert "approval of every patch set" in penstock(*in_state(state, "changes list")).out
        assert "another process holds" in penstock(*order, expect=Exit.NO).err
        holder.communicate("")
    assert "Erased" in penstock(*order).out
    penstock(*in_state(state, "ledger verify"))


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap makes the read-only view")
def test_a_read_only_state_is_said(kept: tuple[Path, str]) -> None:
    state, name = kept
    read_only = ("bwrap", "--dev-bind", "/", "/", "--ro-bind", str(state), str(state), "--")
    done = process(state.parent, *in_state(state, f"approvals approve {name}"), before=read_only)
    assert done.returncode == Exit.NO
    assert f"{state}/penstock.db" in done.stderr
    source = state.parent / "code"
    source.mkdir()
    (source / "a.py").write_text("old = 1\n")
    done = process(state.parent, *in_state(state, f"try {source}"), "--run", "rm a.py", before=read_only)
    assert done.returncode == Exit.NO
    assert str(state) in done.stderr


@pytest.mark.slow
def test_files_that_may_not_grow_are_said_and_lose_nothing(penstock: Caller, kept: tuple[Path, str]) -> None:
    """A process whose files may not grow is as good as a full disk to it; another one then finds everything."""
    state, name = kept
    order = in_state(state, f"ledger erase {patch_of(penstock, state, name)}")
    done = subprocess.run(
        [*COMMAND, *order, "-m", "because"],
        preexec_fn=_may_write_little,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == Exit.NO, done.stderr
    assert "Traceback" not in done.stderr
    assert f"{state}/penstock.db" in done.stderr
    penstock(*in_state(state, "ledger verify"))
    assert "sed -i" in penstock.ask(*in_state(state, f"changes show {name}"))["summary"]["title"]
    assert "Erased" in penstock(*order, "-m", "because").out


def _may_write_little() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))


FULL = """
cp -r {state}/. {full} && cat /dev/zero >{full}/filler
for words in {words}; do
    echo "== $words" >&2
    {command} --state {full} $words; echo "code $?" >&2
done
rm {full}/filler
{command} --state {full} ledger verify
{command} --state {full} approvals approve {name}
{command} --state {full} demo --stop
"""


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap makes the small file system")
def test_a_full_disk_is_said_and_loses_nothing(kept: tuple[Path, str], tmp_path: Path) -> None:
    state, name = kept
    (tmp_path / "full").mkdir()
    words = ("status", f"approvals approve {name}", f"changes cancel {name}", "ledger export full/x.jsonl")
    quoted = " ".join(f"'{one}'" for one in words)
    script = FULL.format(state=state, full="full", words=quoted, command=" ".join(COMMAND), name=name)
    small = ("bwrap", "--dev-bind", "/", "/", "--size", str(16 << 20), "--tmpfs", str(tmp_path / "full"))
    done = subprocess.run(
        [*small, "--chdir", str(tmp_path), "sh", "-c", script], capture_output=True, text=True, check=False
    )
    assert "Traceback" not in done.stderr, done.stderr
    assert done.stderr.count("code 1") >= 3, done.stderr
    assert "penstock.db" in done.stderr
    assert "The ledger holds" in done.stdout
    assert "recorded" in done.stdout, done.stdout + done.stderr
    assert "The forge is stopped" in done.stdout
