"""`penstock try`: a change over somebody's own code, which is only ever read, and runs nothing of its own."""

import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest
from benchmarks.trial import ORDERS, RegistryUnreachable, fetch, fingerprint, rows, town
from tests.e2e.calling import Caller

from penstock.cli.exits import Exit

pytestmark = pytest.mark.skipif(
    shutil.which("bwrap") is None, reason="bubblewrap is not installed on this machine"
)
RENAME = "sed -i 's/old/new/' *.py"


def git(folder: Path, *words: str) -> str:
    """Git as a person in that folder would run it, but for their own settings."""
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}
    who = ("-c", "user.name=Someone", "-c", "user.email=someone@example.org")
    done = subprocess.run(
        ["git", *who, *words], cwd=folder, env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout


@pytest.fixture
def clone(penstock: Caller, tmp_path: Path) -> Path:
    """A clone with two commits, and work that is not committed yet."""
    folder = penstock.folder_of(f"clone-of-{tmp_path.name}", a__py="old = 0\n", README__md="Old.\n")
    git(folder, "init", "--quiet", "--initial-branch=trunk")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message=First")
    (folder / "a.py").write_text("old = 1\n")
    git(folder, "commit", "--quiet", "--all", "--message=Second")
    (folder / "a.py").write_text("old = 'not committed'\n")
    (folder / "untracked.py").write_text("old = 'unknown to git'\n")
    return folder


def hostile(folder: Path, canary: Path) -> None:
    """Everything in a clone that makes git run a command for whoever works in it."""
    script = f"#!/bin/sh\ntouch {canary}\ncat\n"
    runs = folder / ".git/runs"
    runs.write_text(script)
    runs.chmod(0o755)
    for setting in (
        "core.fsmonitor",
        "core.sshCommand",
        "core.gitProxy",
        "core.pager",
        "core.editor",
        "core.askPass",
        "core.alternateRefsCommand",
        "uploadpack.packObjectsHook",
        "diff.external",
        "filter.x.clean",
        "filter.x.smudge",
        "filter.x.process",
        "diff.x.textconv",
        "merge.x.driver",
        "credential.helper",
        "gpg.program",
    ):
        git(folder, "config", "--local", setting, str(runs))
    for name in ("rev-parse", "fetch", "log", "status"):
        git(folder, "config", "--local", f"alias.{name}", f"!{runs}")
    (folder / ".git/included").write_text(f"[core]\n\tfsmonitor = {runs}\n\thooksPath = {folder}/.git/evil\n")
    git(folder, "config", "--local", "include.path", "included")
    git(folder, "config", "--local", "filter.x.required", "true")
    (folder / ".git/info/attributes").write_text("* filter=x diff=x merge=x\n")
    for place in (folder / ".git/hooks", folder / ".git/evil"):
        place.mkdir(exist_ok=True)
        for hook in ("post-checkout", "pre-commit", "post-index-change", "reference-transaction", "pre-push"):
            (place / hook).write_text(script)
            (place / hook).chmod(stat.S_IRWXU)


def test_a_clone_and_a_folder_as_one_change_and_neither_is_touched(
    penstock: Caller, clone: Path, tmp_path: Path
) -> None:
    """What is committed is taken, with the person's own branch; no hook, filter, alias or include of theirs runs."""
    canary = tmp_path / "canary"
    hostile(clone, canary)
    folder = penstock.folder_of("plain-folder", b__py="old = 2\n")
    before = fingerprint(clone), fingerprint(folder)

    shown = penstock.ask("try", str(clone), str(folder), "--run", RENAME, expect=Exit.WAITS)

    assert (fingerprint(clone), fingerprint(folder)) == before
    assert not canary.exists()
    bases = {view["repository"].partition("/")[2]: view["base_ref"] for view in shown["repositories"]}
    assert bases == {clone.name: "trunk", "plain-folder": "main"}
    patches = penstock.ask("changes", "diff", shown["summary"]["id"])
    assert "-old = 1\n+new = 1\n" in patches[f"acme/{clone.name}"]
    assert "untracked" not in patches[f"acme/{clone.name}"]
    assert "-old = 2\n+new = 2\n" in patches["acme/plain-folder"]
    history = git(clone, "-c", "alias.log=log", "rev-list", "--count", "HEAD")
    assert history == "2\n"


def test_the_hostile_clone_would_have_run_something(clone: Path, tmp_path: Path) -> None:
    """The test above would notice: ordinary git, in that clone, runs what is planted there."""
    canary = tmp_path / "canary"
    hostile(clone, canary)
    subprocess.run(["git", "status"], cwd=clone, capture_output=True, check=False)
    assert canary.exists()


def test_a_try_says_what_to_type_next_and_the_diff_is_a_patch(penstock: Caller, tmp_path: Path) -> None:
    folder = penstock.folder_of("applied", a__py="old = 1\n")
    said = penstock("try", str(folder), "--run", RENAME, expect=Exit.WAITS).out
    assert "yours are only read" in said
    assert "Nothing was written" in said
    (typed,) = [line.split()[1:] for line in said.splitlines() if line.startswith("  penstock changes diff")]
    patch = penstock(*typed).out
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    subprocess.run(["git", "apply"], cwd=copy, input=patch, text=True, check=True)
    assert (copy / "a.py").read_text() == "new = 1\n"


def test_what_to_type_next_names_the_state_directory_that_was_named(elsewhere: Caller, town: Path) -> None:
    folder = elsewhere.folder_of("named", a__py="old = 1\n")
    state = str(town / ".penstock")
    said = elsewhere("--state", state, "try", str(folder), "--run", RENAME, expect=Exit.WAITS).out
    (typed,) = [line for line in said.splitlines() if "changes diff" in line]
    assert typed.startswith(f"  penstock --state {state} changes diff c-")


@pytest.mark.slow
def test_trying_again_takes_the_code_as_it_is_now(penstock: Caller, clone: Path) -> None:
    name = penstock.waiting(clone)
    assert "+new = 1" in penstock("changes", "diff", name).out
    (clone / "a.py").write_text("old = 3\n")
    git(clone, "commit", "--quiet", "--amend", "--all", "--message=Another second")
    again = penstock.waiting(clone)
    assert "+new = 3" in penstock("changes", "diff", again).out


@pytest.mark.slow
def test_folders_of_one_name_are_apart(penstock: Caller, tmp_path: Path) -> None:
    """Also over several tries, and a folder that is named twice is one."""
    places = [tmp_path / "left/same", tmp_path / "right/same"]
    for number, place in enumerate(places):
        place.mkdir(parents=True)
        (place / "a.py").write_text(f"old = {number}\n")
    patches = penstock.ask("changes", "diff", penstock.waiting(*places, places[0]))
    assert len(patches) == 2
    assert {"+new = 0" in patch for patch in patches.values()} == {True, False}
    alone = penstock.ask("changes", "diff", penstock.waiting(places[1]))
    assert [name for name, patch in patches.items() if "+new = 1" in patch] == list(alone)


@pytest.mark.slow
def test_bare_clones_worktrees_and_detached_heads_are_clones(
    penstock: Caller, clone: Path, tmp_path: Path
) -> None:
    git(clone, "clone", "--quiet", "--bare", ".", str(tmp_path / "bare.git"))
    git(clone, "worktree", "add", "--quiet", "--detach", str(tmp_path / "tree"))
    before = fingerprint(tmp_path / "bare.git"), fingerprint(tmp_path / "tree")
    shown = penstock.ask("changes", "diff", penstock.waiting(tmp_path / "bare.git", tmp_path / "tree"))
    assert ["+new = 1" in patch for patch in shown.values()] == [True, True]
    assert (fingerprint(tmp_path / "bare.git"), fingerprint(tmp_path / "tree")) == before


def test_inside_the_code_itself_nothing_is_made(elsewhere: Caller) -> None:
    """`penstock try .` would put its state into the folder that it promises not to touch."""
    elsewhere.folder_of(".", a__py="old = 1\n")
    before = fingerprint(elsewhere.folder)
    for path in (".", str(elsewhere.folder)):
        said = elsewhere("try", path, "--run", RENAME, expect=Exit.WRONG_USE).err
        assert "--state" in said
    assert fingerprint(elsewhere.folder) == before


def test_a_sandboxed_state_stays_sandboxed(penstock: Caller) -> None:
    """The flag is not silently without effect on a state that was set up before."""
    folder = penstock.folder_of("boxed", a__py="old = 1\n")
    words = ("try", str(folder), "--run", RENAME, "--unsafe-no-sandbox")
    assert "keeps it" in penstock(*words, expect=Exit.WRONG_USE).err


@pytest.mark.slow
def test_without_a_sandbox_only_on_order_and_on_record(elsewhere: Caller) -> None:
    folder = elsewhere.folder_of("code", a__py="old = 1\n")
    state = str(elsewhere.folder / "state")
    shown = elsewhere.ask(
        "--state", state, "try", str(folder), "--run", RENAME, "--unsafe-no-sandbox", expect=Exit.WAITS
    )
    created = elsewhere.ask("--state", state, "ledger", "show", shown["summary"]["id"])[0]
    assert created["event"]["unsafe_sandbox"] is True


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda folder: (folder / "inner/.git").mkdir(parents=True), "inner/.git would be a repository"),
        (lambda folder: os.mkfifo(folder / "pipe"), "pipe is a named pipe"),
        (lambda folder: (folder / ".git").mkdir(), "has no HEAD commit"),
        (lambda folder: None, "has no files"),
    ],
)
def test_what_cannot_be_copied_is_named(penstock: Caller, tmp_path: Path, make, said: str) -> None:
    folder = tmp_path / "source"
    folder.mkdir()
    make(folder)
    before = penstock.ask("changes", "list", "--all")
    refused = penstock("try", str(folder), "--run", RENAME, expect=None)
    assert refused.code in {Exit.NO, Exit.WRONG_USE}
    assert said in refused.err
    assert str(folder) in refused.err
    assert penstock.ask("changes", "list", "--all") == before


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_well_known_packages_get_to_approval_untouched() -> None:
    """Six source trees from the package registry, one of several thousand files, as one change for each order."""
    with town() as place:
        try:
            sources = fetch(place / "sources")
        except RegistryUnreachable as reason:
            pytest.skip(f"the package registry cannot be reached: {reason}")
        assert max(len(list(source.rglob("*"))) for source in sources) > 5000
        for order in ORDERS:
            found = rows(sources, order, place)
            assert [row.package for row in found[:-1]] == [source.name for source in sources]
            assert found[-1].changed >= 1
