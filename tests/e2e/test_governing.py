"""What people decide for all, at the command line: promoting a policy, granting autonomy, lifting quarantine."""

import pytest
from tests.e2e.calling import Caller

from penstock.cli.exits import Exit

TIGHT = "version: 1\nsafety: {max_files: 5, frozen_paths: ['*.py']}\n"


@pytest.mark.slow
def test_a_person_decides_for_all_and_it_is_on_record(penstock: Caller) -> None:
    name = penstock.waiting(penstock.folder_of("governed", a__py="old = 1\n"))
    promoted(penstock, name)
    granted(penstock)
    lifted(penstock, name)
    assert penstock("ledger", "verify").code == Exit.DONE


def promoted(penstock: Caller, name: str) -> None:
    (penstock.folder / "tight.yml").write_text(TIGHT)
    (penstock.folder / "loose.yml").write_text("version: 1\nsafety: {max_files: 501}\n")
    before = penstock.ask("policy", "show")["digest"]
    loose = penstock("policy", "promote", "loose.yml", "--reason", "why not", expect=Exit.WRONG_USE)
    assert "loose.yml:2:10: safety.max_files: 501 where at most 500 is allowed (built in)" in loose.err
    assert penstock.ask("policy", "backtest", "tight.yml", "--layer")["counts"]["block"] >= 1
    proposed = penstock.ask("policy", "promote", "tight.yml", "--reason", "no code", expect=Exit.WAITS)
    proposal = proposed["answer"]["subject"]
    assert {"change": name, "answer": "block", "fate": "none", "problem": ""} in proposed["changes"]
    assert proposed["figures"]["upper_bound_ppm"] == 1_000_000, "nothing is proven yet"
    assert penstock.ask("policy", "show")["digest"] == before
    assert f"policy {proposal}  waits for approval" in penstock("status").out
    assert penstock.ask("policy", "check", name)["answer"] == "approve"
    said = penstock("policy", "approve", proposal, "--reason", "nobody else is here")
    assert f"{proposal}: in force from now on" in said.out
    shown = penstock("policy", "show").out
    assert f"promoted {proposal}:2" in shown
    assert "approved by operator, who proposed it: nobody else is here" in shown
    assert penstock.ask("policy", "show")["digest"] == proposed["figures"]["policy"]
    assert "frozen_paths" in penstock("policy", "check", name, expect=Exit.NO).out
    kept = penstock.ask("ledger", "show", "governance")[-2]["event"]["text"]
    erased = penstock("ledger", "erase", kept, "--reason", "a name", expect=Exit.NO)
    assert f"{proposal} is a policy in force and needs this text" in erased.err
    told = penstock("policy", "approve", proposal, "--reason", "twice", expect=Exit.NO)
    assert f"{proposal} is in force already" in told.out
    assert f"{proposal}: taken back" in penstock("policy", "revert", "--reason", "too tight").out
    assert penstock.ask("policy", "show")["digest"] == before
    assert penstock.ask("policy", "check", name)["answer"] == "approve"
    (one,) = penstock.ask("policy", "history")["promotions"]
    assert (one["standing"], one["taken_back"]["reason"]) == ("taken_back", "too tight")
    assert TIGHT in penstock("policy", "history", proposal).out
    assert penstock("policy", "revert", "--reason", "again", expect=Exit.NO).out == ""


def granted(penstock: Caller) -> None:
    words = ("autonomy", "grant", "trim-trailing-whitespace", "other", "low", "--reason", "it did well")
    assert penstock.ask(*words)["recorded"]
    listed = penstock("autonomy", "list").out
    assert "trim-trailing-whitespace × other × low  0 of 10 pull requests" in listed
    grant = listed.split()[0]
    assert penstock.ask("autonomy", "revoke", grant, "--reason", "enough")["recorded"]
    assert (
        f"{grant}  trim-trailing-whitespace × other × low  0 of 10 pull requests, revoked"
        in penstock("autonomy", "list").out
    )


def lifted(penstock: Caller, name: str) -> None:
    (penstock.folder / "quick.yml").write_text("version: 1\nautonomy: {quarantine_after: 1}\n")
    quarantine = ("--config", "quick.yml", "quarantine")
    assert penstock("approvals", "reject", name, "--reason", "no").code == Exit.DONE
    assert name in penstock(*quarantine, "show", expect=Exit.WAITS).out
    assert penstock.ask(*quarantine, "lift", "--reason", "it was me")["recorded"]
    assert "quarantine off" in penstock(*quarantine, "show").out
    assert penstock("quarantine", "lift", "--reason", "again", expect=Exit.NO).code == Exit.NO
