"""Wrong configuration, missing credentials, an absent forge, forged evidence: named, and nothing starts."""

import json
from pathlib import Path

import pytest
from tests.e2e.calling import Caller

from penstock.cli.exits import Exit

COMMANDS = ["status", "changes list", "approvals list", "list-issues", "start --once", "ledger verify"]

WRONG = [
    ("version: 1\nmode: autonomus\n", "wrong.yml:2:", "mode", "did you mean `autonomous`?"),
    ("version: 1\nmode: whatever\n", "wrong.yml:2:", "mode", "'manual', 'supervised' or 'autonomous'"),
    ("version: 1\nforge:\n  api_ur: x\n", "wrong.yml:3:", "forge.api_ur", "did you mean `api_url`?"),
    ("version: 1\nsaftey: {}\n", "wrong.yml:2:", "saftey", "did you mean `safety`?"),
    ("version: 1\nnothing_like_it: 3\n", "wrong.yml:2:", "nothing_like_it", "unknown key"),
    ("version: 1\ndiscovery:\n  scan_interval: '61 * * * *'\n", "wrong.yml:3:", "scan_interval", "cron"),
    ("version: 1\nforge:\n  poll_seconds: 0\n", "wrong.yml:3:", "poll_seconds", "greater than"),
    ("version: 1\nsafety:\n  max_files: many\n", "wrong.yml:3:", "max_files", "integer"),
    ("version: 2\n", "wrong.yml:1:", "version", "1"),
    ("mode: manual\n", "wrong.yml:1:", "version", ""),
    ("version: 1\nversion: 1\n", "wrong.yml:2:", "version", ""),
    ("version: [\n", "wrong.yml:2:", "", ""),
    ("version: 1\nsafety: {max_files: 1000001}\n", "wrong.yml:2:10", "safety.max_files", "1000000"),
    (f"version: 1\nsafety: {{max_files: {'9' * 5000}}}\n", "wrong.yml:2:", "safety.max_files", "19 digits"),
    ("", "wrong.yml:1:", "", ""),
    ("version: 1\n\tmode: manual\n", "wrong.yml:2:", "", ""),
]


@pytest.mark.parametrize(("text", "where", "key", "nearest"), WRONG)
def test_a_wrong_configuration_names_file_line_and_key(
    elsewhere: Caller, text: str, where: str, key: str, nearest: str
) -> None:
    (elsewhere.folder / "wrong.yml").write_text(text)
    found = elsewhere.ask("--config", "wrong.yml", "validate-config", expect=Exit.WRONG_USE)["problems"]
    assert len(found) == 1, found
    assert where in found[0]
    assert key in found[0]
    assert nearest in found[0]


def test_a_configuration_without_an_end_is_not_read_to_its_end(elsewhere: Caller) -> None:
    (problem,) = elsewhere.ask("--config", "/dev/zero", "validate-config", expect=Exit.WRONG_USE)["problems"]
    assert problem == "/dev/zero:1:1: longer than 1048576 characters"


@pytest.mark.parametrize("words", COMMANDS)
def test_nothing_starts_on_a_wrong_configuration(elsewhere: Caller, words: str) -> None:
    """All that is wrong is said at once, by every command, and no state is made."""
    elsewhere.folder_of(
        "config", orchestrator__yml="version: 1\nmode: autonomus\nsafety:\n  aproval_expires_days: 3\n"
    )
    said = elsewhere(*words.split(), expect=Exit.WRONG_USE).err
    assert "config/orchestrator.yml:2:1: mode" in said
    assert "config/orchestrator.yml:4:3: safety.aproval_expires_days" in said
    assert not (elsewhere.folder / ".penstock").exists()


def test_a_try_is_judged_by_the_configuration_that_is_named(elsewhere: Caller) -> None:
    (elsewhere.folder / "wrong.yml").write_text("version: 1\nmod: manual\n")
    source = elsewhere.folder_of("code", a__py="old = 1\n")
    said = elsewhere("--config", "wrong.yml", "try", str(source), "--run", "true", expect=Exit.WRONG_USE)
    assert "did you mean `mode`?" in said.err
    assert not (elsewhere.folder / ".penstock").exists()


def test_a_wrong_recipe_file_is_named(elsewhere: Caller) -> None:
    elsewhere("init")
    elsewhere.folder_of(
        "recipes", mine__yml="name: mine\ntitle: Mine\nrunn: 'true'\nallowed_paths: ['*']\nrun: 'true'\n"
    )
    (problem,) = elsewhere.ask("validate-config", expect=Exit.WRONG_USE)["problems"]
    assert "recipes/mine.yml:3:1: runn: unknown key; did you mean `run`?" in problem
    source = elsewhere.folder_of("code", a__py="old = 1\n")
    assert problem in elsewhere("try", str(source), "--recipe", "mine", expect=Exit.WRONG_USE).err
    assert not (elsewhere.folder / ".penstock").exists()


def test_a_missing_token_is_named(elsewhere: Caller, town: Path) -> None:
    """Which of them, for what is asked; one that is there is never shown."""
    kept = json.loads((town / ".penstock/embedded.json").read_text())
    _forge_at(elsewhere, f"http://127.0.0.1:{kept['port']}")
    for words in ("list-issues", "process-issue one#1", "start --once"):
        said = elsewhere(*words.split(), expect=Exit.WRONG_USE).err
        assert "PENSTOCK_READ_TOKEN, INFINITY_APP_TOKEN or GITHUB_TOKEN" in said
    elsewhere.monkeypatch.setenv("PENSTOCK_READ_TOKEN", kept["reader_token"])
    elsewhere("list-issues")
    said = elsewhere("start", "--once", expect=Exit.WRONG_USE).err
    assert "INFINITY_APP_TOKEN or GITHUB_TOKEN" in said
    assert kept["reader_token"] not in said


@pytest.mark.parametrize(
    "words",
    [
        "list-issues",
        pytest.param("process-issue one#1", marks=pytest.mark.slow),
        pytest.param("start --once", marks=pytest.mark.slow),
    ],
)
def test_an_absent_forge_is_said(elsewhere: Caller, words: str) -> None:
    _forge_at(elsewhere, "http://127.0.0.1:9")
    elsewhere.monkeypatch.setenv("INFINITY_APP_TOKEN", "app" + "x" * 30)
    assert "127.0.0.1:9" in elsewhere(*words.split(), expect=Exit.FORGE).err


def _forge_at(caller: Caller, url: str) -> None:
    caller("init", "-o", "acme")
    path = caller.folder / "config/orchestrator.yml"
    path.write_text(path.read_text().replace("https://api.github.com", url))


@pytest.fixture
def evidence(penstock: Caller, tmp_path: Path) -> Path:
    """An export of a ledger with a change in it."""
    penstock.waiting(penstock.folder_of("evident", a__py="old = 1\n"))
    path = tmp_path / "evidence.jsonl"
    assert f"penstock ledger verify {path}" in penstock("ledger", "export", str(path)).out
    return path


NO_EXPORTS = ("", "not a ledger\n", "{}\n", "\xff\xfe\0")


def test_an_export_verifies_until_one_bit_of_it_changes(penstock: Caller, evidence: Path) -> None:
    """Every line, changed, left out or doubled, is noticed; so is a file that ends early."""
    report = penstock.ask("ledger", "verify", str(evidence))
    assert report["breaks"] == []
    assert report["changes"] >= 1
    lines = evidence.read_text().splitlines(keepends=True)
    forged = evidence.with_name("forged.jsonl")
    middle = len(lines) // 2
    for text in (
        "".join(lines).replace("operator", "somebody", 1),
        "".join(lines[:-1]),
        "".join(lines[: middle - 1]),
        "".join([*lines[:3], *lines[4:]]),
        "".join([*lines[:3], lines[3], *lines[3:]]),
        "".join([*lines[:2], lines[3], lines[2], *lines[4:]]),
        "".join(lines)[:-20],
        *NO_EXPORTS,
    ):
        forged.write_bytes(text.encode("latin-1", errors="replace"))
        said = penstock("ledger", "verify", str(forged), expect=Exit.LEDGER)
        assert "does not hold" in said.out
        assert ("this is not an export" in said.out) == (text in NO_EXPORTS)
        assert "Line(" not in said.out
        answer = penstock.ask("ledger", "verify", str(forged), expect=Exit.LEDGER)
        assert answer["breaks"] or answer["malformed"]


def test_only_the_key_that_is_named_is_trusted(penstock: Caller, evidence: Path, tmp_path: Path) -> None:
    own = penstock.folder / ".penstock/keys/ledger.ed25519.pub"
    penstock("ledger", "verify", str(evidence), "--key", str(own))
    penstock("--state", str(tmp_path), "status")
    other = tmp_path / "keys/ledger.ed25519.pub"
    penstock("ledger", "verify", str(evidence), "--key", str(other), expect=Exit.LEDGER)
    no_key = penstock("ledger", "verify", str(evidence), "--key", str(evidence), expect=Exit.WRONG_USE)
    assert "not a public key" in no_key.err


def test_a_text_that_an_open_change_needs_is_not_erased_by_mistake(penstock: Caller) -> None:
    name = penstock.waiting(
        penstock.folder_of("needed", a__py="old = 1\n"), command="sed -i 's/old/new/' a.py"
    )
    created = penstock.ask("ledger", "show", name)[0]["event"]
    said = penstock("ledger", "erase", created["policy"], "-m", "oops", expect=Exit.NO).err
    assert name in said
    assert "--force" in said
    assert penstock.ask("ledger", "verify")["erased"] == 0
    assert penstock.ask("ledger", "erase", created["policy"], "-m", "meant", "--force")["erased"] is True
    assert (
        "already" in penstock("ledger", "erase", created["policy"], "-m", "x", "--force", expect=Exit.NO).err
    )


def test_an_erased_text_is_gone_and_the_ledger_still_holds(penstock: Caller, tmp_path: Path) -> None:
    source = penstock.folder_of("private", a__py="old = 1\n")
    name = penstock.waiting(source, command="sed -i 's/old/canary/' a.py")
    (patch_set,) = [
        entry["event"]["patch_set"]
        for entry in penstock.ask("ledger", "show", name)
        if entry["event"]["kind"] == "E_PATCH_SETS_PROPOSED"
    ]
    assert "+canary = 1" in penstock("changes", "diff", name).out
    assert penstock.ask("ledger", "erase", patch_set["patch"], "-m", "personal")["erased"] is True
    penstock("ledger", "erase", patch_set["patch"], "-m", "again", expect=Exit.NO)
    assert penstock.ask("changes", "diff", name)["acme/private"] == "[erased]"
    assert "erased" in penstock("ledger", "verify").out
    path = tmp_path / "after.jsonl"
    penstock("ledger", "export", str(path))
    assert "+canary" not in path.read_text()
    assert penstock.ask("ledger", "verify", str(path))["erased"] >= 1
    assert all(json.loads(line) for line in path.read_text().splitlines())
