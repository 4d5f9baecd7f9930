"""`penstock policy`: judging a patch, a pull request and a change, and trying another policy."""

import subprocess
from pathlib import Path

import pytest
from tests.e2e.calling import Caller

from penstock.cli.exits import Exit

CODE = {"a__py": "old = 1\n"}
GOOD = "--- a/a.py\n+++ b/a.py\n@@ -1 +1 @@\n-old = 1\n+new = 1\n"
CI = "--- /dev/null\n+++ b/.github/workflows/x.yml\n@@ -0,0 +1 @@\n+on: push\n"


@pytest.fixture
def source(elsewhere: Caller) -> Path:
    return elsewhere.folder_of("source", **CODE)


def test_a_patch_is_judged_as_git_applies_it(elsewhere: Caller, source: Path) -> None:
    (elsewhere.folder / "good.diff").write_text(GOOD)
    said = elsewhere("policy", "check", "good.diff", "--in", str(source))
    assert "a.py  +1 -1" in said.out
    assert "Nothing stands against it" in said.out
    document = elsewhere.ask("policy", "check", "good.diff", "--in", str(source))
    assert document["answer"] == "approve"
    assert [fact["path"] for fact in document["facts"]["files"]] == ["a.py"]
    assert not (elsewhere.folder / ".penstock").exists(), "nothing is begun by looking"
    assert (source / "a.py").read_text() == CODE["a__py"]


BLOCKED = {
    "a protected path": ((CI,), (), "protected_paths"),
    "one that comes along": ((GOOD + CI,), (), ".github/workflows/x.yml"),
    "out of scope": ((GOOD,), ("--scope", "docs/**"), "in_scope"),
}


@pytest.mark.parametrize(("patch", "scope", "why"), BLOCKED.values(), ids=BLOCKED)
def test_what_is_blocked_says_why(elsewhere: Caller, source: Path, patch, scope, why) -> None:
    (elsewhere.folder / "p.diff").write_text(patch[0])
    said = elsewhere("policy", "check", "p.diff", "--in", str(source), *scope, expect=Exit.NO)
    assert why in said.out
    assert "Blocked" in said.out


WRONG = {
    "no such patch": (("none.diff", "--in", "source"), Exit.NO, "none.diff: cannot be read"),
    "no such clone": (("p.diff", "--in", "nowhere"), Exit.WRONG_USE, "is not a folder"),
    "nothing that git applies": (("p.diff", "--in", "source"), Exit.NO, "git does not apply this patch"),
}


@pytest.mark.parametrize(("words", "code", "why"), WRONG.values(), ids=WRONG)
def test_what_cannot_be_judged_is_not_approved(elsewhere: Caller, source: Path, words, code, why) -> None:
    (elsewhere.folder / "p.diff").write_text("no patch at all\n")
    said = elsewhere("policy", "check", *words, expect=code)
    assert why in said.err


def candidate(penstock: Caller, text: str) -> str:
    path = penstock.folder / "candidate.yml"
    path.write_text(f"version: 1\n{text}")
    return str(path)


def test_a_change_under_another_policy(penstock: Caller) -> None:
    name = penstock.waiting(penstock.folder_of("judged", **CODE))
    before = penstock("ledger", "show", name).out
    assert penstock.ask("policy", "check", name)["answer"] == "approve"
    tight = candidate(penstock, "safety: {protected_paths: ['*.py']}\n")
    said = penstock("policy", "simulate", name, tight, expect=Exit.NO)
    assert "protected_paths" in said.out
    document = penstock.ask("policy", "backtest", tight)
    (mine,) = [one for one in document["changes"] if one["change"] == name]
    assert (mine["answer"], mine["fate"]) == ("block", "none")
    assert document["counts"]["not_judged"] == 0
    assert "blocked" in penstock("policy", "backtest", tight).out
    assert penstock("ledger", "show", name).out == before, "nothing is recorded"


def test_a_candidate_with_a_mistake_is_refused_with_its_place(penstock: Caller) -> None:
    name = penstock.waiting(penstock.folder_of("mistaken", **CODE))
    wrong = candidate(penstock, "safety: {protected_path: []}\n")
    for words in (("simulate", name, wrong), ("backtest", wrong)):
        said = penstock("policy", *words, expect=Exit.WRONG_USE)
        assert "candidate.yml:2:" in said.err
        assert "did you mean `protected_paths`" in said.err


def test_a_pull_request_is_judged_as_its_merge(penstock: Caller) -> None:
    name = penstock.waiting(penstock.folder_of("pulled", **CODE))
    penstock("approvals", "approve", name)
    penstock("start", "--once", expect=Exit.WAITS)
    document = penstock.ask("policy", "check", "pulled#1")
    assert document["answer"] == "approve"
    assert [fact["path"] for fact in document["facts"]["files"]] == ["a.py"]
    assert "no pull request #7" in penstock("policy", "check", "pulled#7", expect=Exit.NO).err
    assert "no repository ghost" in penstock("policy", "check", "ghost#1", expect=Exit.NO).err


def test_a_patch_of_a_clone_goes_onto_its_commit(elsewhere: Caller, source: Path) -> None:
    """What is not committed is no part of it."""
    git = ("git", "-C", str(source), "-c", "user.name=a", "-c", "user.email=a@b")
    for words in (("init", "-q"), ("add", "."), ("commit", "-qm", "a")):
        subprocess.run([*git, *words], check=True, capture_output=True)
    (source / "a.py").write_text("other = 1\n")
    (elsewhere.folder / "good.diff").write_text(GOOD)
    assert elsewhere.ask("policy", "check", "good.diff", "--in", str(source))["answer"] == "approve"
