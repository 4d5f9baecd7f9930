"""`penstock policy`: judging a patch, a pull request and a change, and trying another policy."""

import re
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
    "no such patch": (("none.diff", "--in", "source"), Exit.WRONG_USE, "none.diff: cannot be read"),
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
    assert penstock("ledger", "show", name).out == before, "nothing is recorded"
    people_decide_for_all(penstock, name, tight)


def people_decide_for_all(penstock: Caller, name: str, tight: str) -> None:
    """Each in one command: a policy is promoted and taken back, autonomy granted, quarantine lifted."""
    why, today = ("--reason", "it is time"), penstock.ask("policy", "show")["digest"]
    said = penstock("policy", "promote", tight, *why, expect=Exit.WAITS).out
    assert "blocked" in said
    proposal = said.split(": proposed, and not in force")[0].split()[-1]
    assert penstock.ask("policy", "show")["digest"] == today
    assert f"{proposal}: in force from now on" in penstock("policy", "approve", proposal, *why).out
    assert f"promoted {proposal}" in penstock.ask("policy", "show")["layers"]
    assert penstock.ask("policy", "revert", *why)["promotion"]["standing"] == "taken_back"
    assert penstock.ask("policy", "show")["digest"] == today
    assert penstock.ask("autonomy", "grant", "trim-trailing-whitespace", "other", "low", *why)["recorded"]
    penstock("approvals", "reject", name)
    (penstock.folder / "quick.yml").write_text("version: 1\nautonomy: {quarantine_after: 1}\n")
    assert penstock.ask("--config", "quick.yml", "quarantine", "lift", *why)["recorded"]


def test_a_candidate_with_a_mistake_is_refused_with_its_place(penstock: Caller) -> None:
    name = penstock.waiting(penstock.folder_of("mistaken", **CODE))
    wrong = candidate(penstock, "safety: {protected_path: []}\n")
    for words in (("simulate", name, wrong), ("backtest", wrong)):
        said = penstock("policy", *words, expect=Exit.WRONG_USE)
        assert "candidate.yml:2:" in said.err
        assert "did you mean `protected_paths`" in said.err


@pytest.mark.slow
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


REQUIRED = "--- a/requirements.txt\n+++ b/requirements.txt\n@@ -1 +1 @@\n-left==1.0\n+left==1.1\n"
ADVISORY = """{"id": "PYSEC-test-1", "affected": [{"package": {"ecosystem": "PyPI", "name": "NAME"},
"ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "1.1"}]}]}]}"""
BY_HAND = "of which repository at the forge it is was not said, so no alerts were asked"
MOVED = "left 1.0 → 1.1 (requirements.txt)"
AUDITS = {
    "nobody was asked": ("", Exit.WAITS, f"? not_audited  {MOVED}: no database is configured"),
    "vulnerable": ("left", Exit.NO, f"✗ known_vulnerability  {MOVED}: PYSEC-test-1"),
    "clean": ("right", Exit.DONE, ""),
}


@pytest.mark.parametrize(("about", "code", "line"), AUDITS.values(), ids=AUDITS)
def test_what_a_patch_brings_in_is_audited_as_a_changes_is(elsewhere: Caller, about, code, line) -> None:
    source = elsewhere.folder_of("source", requirements__txt="left==1.0\n")
    (elsewhere.folder / "osv").mkdir()
    (elsewhere.folder / "osv" / "a.json").write_text(ADVISORY.replace("NAME", about))
    advisories = f"advisories: {elsewhere.folder / 'osv'}, " if about else ""
    policies = f"{{{advisories}require: [dependency_audit]}}"
    (elsewhere.folder / "own.yml").write_text(f"version: 1\npolicies: {policies}\n")
    (elsewhere.folder / "p.diff").write_text(REQUIRED)
    words = ("--config", "own.yml", "policy", "check", "p.diff", "--in", str(source))
    said = elsewhere(*words, expect=code).out
    assert line in said
    assert (BY_HAND in said) is (not about)
    assert not (elsewhere.folder / ".penstock").exists(), "nothing is begun by looking"


LAYERED = """version: 1
pr_management: {require_reviews: 2}
policies:
  forbid: [curl_pipe_sh]
  layers: [policies/team.yml]
  waivers:
    - {rule: curl_pipe_sh, paths: ["docs/**"], owner: "@ada", reason: for people, expires: 2999-12-31}
"""
INSTALL = "--- /dev/null\n+++ b/WHERE/install.sh\n@@ -0,0 +1 @@\n+curl https://x.test | sh\n"


@pytest.fixture
def layered(elsewhere: Caller, source: Path) -> Caller:
    (elsewhere.folder / "config" / "policies").mkdir(parents=True)
    (elsewhere.folder / "config" / "orchestrator.yml").write_text(LAYERED)
    (elsewhere.folder / "config" / "policies" / "team.yml").write_text("version: 1\nsafety: {max_files: 5}\n")
    return elsewhere


def test_layers_are_shown_with_where_each_value_stands(layered: Caller) -> None:
    said = layered("policy", "show").out
    assert "built in → config/orchestrator.yml → config/policies/team.yml" in said
    assert "config/policies/team.yml:2" in said
    assert re.search(r"always protected .*\.github/", said)
    assert re.search(r"never changed .*config/orchestrator\.yml", said)
    assert "curl_pipe_sh is waived on docs/** by @ada before 3000-01-01 (config/orchestrator.yml:7)" in said
    (layered.folder / "low.yml").write_text("version: 1\npr_management: {require_reviews: 1}\n")
    told = layered("policy", "show", "low.yml", expect=Exit.WRONG_USE).err
    assert (
        "low.yml:2:17: pr_management.require_reviews: 1 where at least 2 is allowed (config/orchestrator.yml:2)"
        in told
    )
    (layered.folder / "low.yml").write_text("version: 1\npr_management: {require_reviews: 3}\n")
    document = layered.ask("policy", "show", "low.yml")
    assert document["origins"]["pr_management.require_reviews"] == "low.yml:2"
    assert document["policy"]["required_reviews"] == 3
    assert not (layered.folder / ".penstock").exists()


def test_a_patch_is_judged_under_its_repositorys_layer_and_waivers(layered: Caller, source: Path) -> None:
    for where, code in (("docs", Exit.DONE), ("tools", Exit.NO)):
        (layered.folder / "p.diff").write_text(INSTALL.replace("WHERE", where))
        said = layered("policy", "check", "p.diff", "--in", str(source), expect=code).out
        assert ("curl_pipe_sh.waived" in said) is (where == "docs")
        assert "policy: built in → config/orchestrator.yml → config/policies/team.yml" in said
    (source / ".infinity").mkdir()
    (source / ".infinity" / "policy.yml").write_text("version: 1\npolicies: {forbid: [curl_pipe_sh]}\n")
    (layered.folder / "p.diff").write_text(INSTALL.replace("WHERE", "docs"))
    said = layered("policy", "check", "p.diff", "--in", str(source), expect=Exit.NO).out
    assert "source/.infinity/policy.yml tightens" in said, "and takes the waiver back"
    (source / ".infinity" / "policy.yml").write_text("version: 1\npolicies: {forbid: [curl_pip_sh]}\n")
    (layered.folder / "p.diff").write_text(GOOD)
    said = layered("policy", "check", "p.diff", "--in", str(source), expect=Exit.WAITS).out
    assert "did you mean `curl_pipe_sh`?" in said


def test_a_configuration_is_checked_with_its_layers_and_waivers(layered: Caller) -> None:
    assert layered.ask("validate-config")["problems"] == []
    config = layered.folder / "config" / "orchestrator.yml"
    config.write_text(LAYERED.replace("2999", "2001"))
    (problem,) = layered.ask("validate-config", expect=Exit.WRONG_USE)["problems"]
    assert problem.startswith("config/orchestrator.yml:7: the waiver of curl_pipe_sh has expired")
    config.write_text(LAYERED)
    (config.parent / "policies" / "team.yml").write_text("version: 1\nsafety: {max_files: 501}\n")
    (problem,) = layered.ask("validate-config", expect=Exit.WRONG_USE)["problems"]
    assert problem.startswith("config/policies/team.yml:2:10: safety.max_files: 501 where at most 500")
    assert layered("policy", "show", expect=Exit.WRONG_USE).out == ""
    config.write_text("version: 1\npolicies: {require: ['gh_version>=2.0.0']}\n")
    (note,) = layered.ask("validate-config")["notes"]
    assert "tells gh_version >=2.0.0; it warns with every change" in note


@pytest.mark.parametrize(
    ("wanted", "said"), [(">=1.0", ""), (">=99", "git_version: >=99 is required, and this host has")]
)
def test_programs_of_the_host_are_asked_before_anything_starts(
    elsewhere: Caller, wanted: str, said: str
) -> None:
    (elsewhere.folder / "config").mkdir()
    text = f"version: 1\ndiscovery: {{organization: acme}}\npolicies: {{require: ['git_version{wanted}']}}\n"
    (elsewhere.folder / "config" / "orchestrator.yml").write_text(text)
    told = elsewhere("start", "--once", expect=None)
    assert told.code != Exit.DONE, "there is no token either"
    assert ("git_version" in told.err) is bool(said)
    assert said in told.err
