"""Every command as people and scripts use it: words, one JSON document, and the documented exit codes."""

import re
from pathlib import Path

import pytest
import typer.main
from tests.e2e.calling import Caller

from penstock import __version__
from penstock.cli import main
from penstock.cli.app import app
from penstock.cli.exits import Exit

CODE = {"a__py": "old = 1\n"}
OTHER = {"b__py": "old = 2\n"}

LOOKS = [
    ("status", r"WAITING_USER_APPROVAL \d"),
    ("changes list", "approval of every patch set"),
    ("changes list --all", "approval of every patch set"),
    ("changes show {change}", "waits for: approval of every patch set"),
    ("changes show {change} --artifacts", "# Scope"),
    ("changes diff {change}", r"(?m)^-old = 1\n\+new = 1$"),
    ("approvals list", r"content\s+acme/looked-at"),
    ("ledger show {change}", "operator asks for recipe"),
    ("ledger verify", "The ledger holds"),
    ("list-issues", "No open issue in acme"),
]
WITHOUT_JSON = {"forge", "schema", "start", "export-state", "ledger export"}
"""Commands that print a document already, or nothing that a script would read."""


@pytest.fixture(scope="session")
def looked_at(town: Path) -> dict[str, str]:
    return {}


@pytest.fixture
def change(penstock: Caller, looked_at: dict[str, str]) -> str:
    """A change that waits for approval, for tests that only look."""
    if not looked_at:
        looked_at["change"] = penstock.waiting(penstock.folder_of("looked-at", **CODE))
    return looked_at["change"]


@pytest.mark.parametrize(("words", "said"), LOOKS)
def test_a_look_in_words_and_as_one_document(penstock: Caller, change: str, words: str, said: str) -> None:
    typed = words.format(change=change).split()
    assert re.search(said, penstock(*typed).out)
    answer = penstock(*typed, "--json")
    assert answer.document is not None
    assert answer.err == ""
    assert "\x1b" not in answer.out


def test_documents_hold_what_words_say(penstock: Caller, change: str) -> None:
    (pending,) = [one for one in penstock.ask("approvals", "list")["pending"] if one["change"] == change]
    assert pending["repository"] == "acme/looked-at"
    assert penstock.ask("changes", "diff", change, "--repo", "looked-at").keys() == {"acme/looked-at"}
    nowhere = penstock.ask("changes", "diff", change, "--repo", "elsewhere", expect=Exit.NO)
    assert nowhere == {"error": f"{change} is not about elsewhere, but about acme/looked-at."}
    exported = penstock("export-state").document
    assert change in {one["summary"]["id"] for one in exported["changes"]}
    assert penstock.ask("status")["states"]["WAITING_USER_APPROVAL"] >= 1
    penstock("export-state", "state.json")
    assert '"version": 1' in (penstock.folder / "state.json").read_text()


def test_the_beginning_of_an_id_is_enough_where_it_is_the_only_one(penstock: Caller, change: str) -> None:
    assert penstock.ask("changes", "show", change[:8])["summary"]["id"] == change
    penstock.waiting(penstock.folder_of("another", **CODE))
    assert "Several changes begin with `c-`" in penstock("changes", "show", "c-", expect=Exit.NO).err


def test_everything_a_person_can_decide(penstock: Caller) -> None:
    """Approve one, take it back, send one back, go on, stop: each answer recorded once, nothing written meanwhile."""
    sources = penstock.folder_of("first", **CODE), penstock.folder_of("second", **OTHER)
    name = penstock.waiting(*sources)
    assert "recorded" in penstock("approvals", "approve", name, "--repo", "first").out
    again = penstock("approvals", "approve", name, "--repo", "first", expect=Exit.NO)
    assert "waits for content approval" in again.err
    (approval,) = penstock.ask("changes", "show", name)["approvals"]
    shown = penstock("changes", "show", name).out
    assert "approval of every patch set (1 of 2 approved)" in shown
    row = rf"{approval['id']} +content +operator +\S+ \S+ +{approval['digest'].removeprefix('sha256:')[:12]}"
    assert re.search(row, shown)
    assert penstock.ask("approvals", "revoke", name, approval["id"])[0]["recorded"] is True
    assert approval["id"] not in penstock("changes", "show", name).out
    assert len([one for one in penstock.ask("approvals", "list")["pending"] if one["change"] == name]) == 2

    both = penstock("approvals", "request-changes", name, "-m", "shorter", expect=Exit.WRONG_USE)
    assert "2 patch sets" in both.err
    assert penstock.ask("approvals", "request-changes", name, "-m", "shorter", "--repo", "first")
    penstock("start", "--once", expect=Exit.WAITS)
    shown = penstock.ask("changes", "show", name)
    assert shown["summary"]["reason"] == "same_proposal", "a recipe cannot take words into account"
    assert penstock.ask("changes", "cancel", name, "-m", "enough")[0]["verdict"]["outcome"] == "pass"
    assert "it is CANCELLED already" in penstock("changes", "cancel", name, expect=Exit.NO).out
    assert "only what has stopped can go on" in penstock("changes", "resume", name, expect=Exit.NO).out
    for judgement in ("reject", "request-changes"):
        said = penstock("approvals", judgement, name, "-m", "late", expect=Exit.NO).err
        assert "waits for content approval; it is CANCELLED" in said


def test_a_rejection_ends_the_change(penstock: Caller) -> None:
    name = penstock.waiting(penstock.folder_of("unwanted", **CODE))
    (answer,) = penstock.ask("approvals", "reject", name, "-m", "not now")
    assert answer["recorded"] is True
    assert penstock.ask("changes", "show", name)["summary"]["state"] not in {"WAITING_USER_APPROVAL", "DONE"}
    nothing = penstock("approvals", "approve", name, expect=Exit.NO)
    assert "waits for content approval" in nothing.err


@pytest.mark.slow
def test_a_refused_recipe_is_resumed(penstock: Caller) -> None:
    shown = penstock.ask("try", str(penstock.folder_of("failing", **CODE)), "--run", "exit 3", expect=Exit.NO)
    name = shown["summary"]["id"]
    assert "exited with 3" in shown["detail"]
    assert "recorded" in penstock("changes", "resume", name).out
    penstock("start", "--once", expect=Exit.WAITS)
    assert penstock.ask("changes", "show", name)["summary"]["reason"] == "proposal_failed"


@pytest.mark.slow
def test_an_approved_change_is_carried_out_and_taken_back(penstock: Caller, change: str) -> None:
    """With exit code 4 because another change still waits."""
    name = penstock.waiting(penstock.folder_of("shipped", **CODE))
    (pending,) = [one for one in penstock.ask("approvals", "list")["pending"] if one["change"] == name]
    assert penstock.ask("approvals", "approve", name, "--digest", pending["digest"][:19])
    penstock("start", "--once", expect=Exit.WAITS)
    assert "/acme/shipped/pull/1" in penstock("changes", "show", name).out
    assert "recorded" in penstock("changes", "cancel", name, "-m", "on second thoughts").out
    assert "pull request closed, branch deleted" in penstock("start", "--once", expect=Exit.WAITS).out
    kinds = [entry["event"]["kind"] for entry in penstock.ask("ledger", "show", name)]
    assert kinds.count("E_PATCHES_APPLIED") == kinds.count("E_PR_OPENED") == 1


WRONG_USE = [
    ("nonsense", "No such command"),
    ("try", "Missing argument"),
    ("try looked-at", "Name either --recipe NAME or --run"),
    ("try looked-at --run true --recipe x", "Name either --recipe NAME or --run"),
    ("try looked-at --recipe builtin-generic", "there are: builtin-generics"),
    ("try no-such-folder --run true", "no-such-folder is not a folder"),
    ("try . --run true", "would be inside"),
    ("schema nonsense", "there are orchestrator, rules, routing-examples, policy, recipe"),
    ("start --mode automatic", "There are manual, supervised, autonomous"),
    ("--config absent.yml status", "absent.yml: cannot be read"),
    ("validate-config", "`penstock init` writes"),
    ("ledger verify absent.jsonl", "no such file"),
]
NO = [
    ("changes show c-nothing", "No change begins with `c-nothing`"),
    ("changes diff c-nothing", "No change begins with"),
    ("changes cancel c-nothing", "No change begins with"),
    ("changes resume c-nothing", "No change begins with"),
    ("approvals approve c-nothing", "No change begins with"),
    ("approvals reject c-nothing", "No change begins with"),
    ("approvals revoke c-nothing a-1", "No change begins with"),
    ("ledger show c-nothing", "No change begins with"),
    ("ledger erase sha256:00 -m because", "There is no text sha256:00"),
    ("ledger export absent/file.jsonl", "No such file or directory"),
    ("export-state absent/file.json", "No such file or directory"),
    ("process-issue looked-at#7", "has no issue 7"),
    ("process-issue 7x", "name an issue as REPOSITORY#NUMBER"),
]


@pytest.mark.parametrize(("words", "said"), WRONG_USE)
def test_wrong_use_is_named_and_starts_nothing(penstock: Caller, change: str, words: str, said: str) -> None:
    before = penstock.ask("changes", "list", "--all")
    assert said in penstock(*words.split(), expect=Exit.WRONG_USE).err
    assert penstock.ask("changes", "list", "--all") == before


@pytest.mark.parametrize(("words", "said"), NO)
def test_what_is_not_there_is_said(penstock: Caller, change: str, words: str, said: str) -> None:
    assert said in penstock(*words.split(), expect=Exit.NO).err


@pytest.mark.parametrize(("words", "said"), [*WRONG_USE[1:6], *WRONG_USE[9:10], *NO[:8], NO[11]])
def test_with_json_a_failure_is_a_document_too(penstock: Caller, change: str, words: str, said: str) -> None:
    answer = penstock(*words.split(), "--json", expect=None)
    assert answer.code
    assert said in answer.err
    assert answer.document.keys() == {"error"}


def test_an_empty_name_is_no_change(penstock: Caller, change: str) -> None:
    """A script's variable that is empty must not cancel the only change there is."""
    assert "No change begins with ``" in penstock("changes", "cancel", "", expect=Exit.NO).err


def test_setting_up(elsewhere: Caller) -> None:
    assert "no name" in elsewhere("init", "-o", "bad name!", expect=Exit.WRONG_USE).err
    assert "Pull requests" in elsewhere("init", "-o", "example").out
    assert 'organization: "example"' in (elsewhere.folder / "config/orchestrator.yml").read_text()
    assert "--force" in elsewhere("init", expect=Exit.WRONG_USE).err
    assert elsewhere.ask("init", "--force")["written"] == "config/orchestrator.yml"
    assert "is valid" in elsewhere("validate-config").out
    assert elsewhere.ask("validate-config")["problems"] == []
    for name in ("orchestrator", "recipe"):
        assert elsewhere("schema", name).document["type"] == "object"
    assert not (elsewhere.folder / ".penstock").exists(), "setting up makes no state"


def test_the_version(elsewhere: Caller, capsys: pytest.CaptureFixture[str]) -> None:
    assert elsewhere("version").out == f"penstock {__version__}\n"
    assert elsewhere.ask("version") == {"version": __version__}
    elsewhere.monkeypatch.setattr("sys.argv", ["penstock", "--version"])
    main()
    assert capsys.readouterr().out == f"penstock {__version__}\n"


def test_a_look_at_nothing_says_what_to_do_and_makes_nothing(elsewhere: Caller) -> None:
    """In a wrong folder there is no ledger that holds, and no new key afterwards."""
    for words in (
        "status",
        "changes list",
        "changes show c-1",
        "approvals list",
        "ledger verify",
        "export-state",
    ):
        said = elsewhere(*words.split(), expect=Exit.NO).err
        assert f"There is nothing in {elsewhere.folder}/.penstock yet" in said
        assert "penstock demo" in said
    assert elsewhere.ask("status", expect=Exit.NO).keys() == {"error"}
    assert list(elsewhere.folder.iterdir()) == []
    source = elsewhere.folder_of("code", **CODE)
    elsewhere("try", str(source), "--recipe", "no-such", expect=Exit.WRONG_USE)
    assert "belongs to" not in elsewhere("try", str(source), "--run", "", expect=Exit.WRONG_USE).err


def test_every_command_takes_json() -> None:
    root = typer.main.get_group(app)
    groups = {name: getattr(command, "commands", {"": command}) for name, command in root.commands.items()}
    found = {
        f"{name} {inner}".strip(): command for name, all_ in groups.items() for inner, command in all_.items()
    }
    without = {name for name, command in found.items() if not any("--json" in p.opts for p in command.params)}
    assert without == WITHOUT_JSON
