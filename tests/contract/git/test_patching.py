"""What is judged is what git makes of a patch, or the patch is refused; whatever its text claims."""

import json
import subprocess
from pathlib import Path

import pytest

from penstock.adapters.git.command import Git, trusted_environment
from penstock.adapters.git.facts import diff_facts
from penstock.adapters.git.mirrors import create
from penstock.adapters.git.objects import Entry, blob_id, quarantine, read_tree, write_tree
from penstock.adapters.git.patching import apply_patch
from penstock.adapters.secrets import Secrets
from penstock.core.evidence import FileMode
from penstock.core.policy.patches import judge_policy
from penstock.core.policy.rules import Policy
from penstock.core.refs import Sha
from penstock.ports import Permanent

SECRETS = Secrets()
CORPUS = Path("../shared/corpora/diff_differential.json")
FILES = {
    "README.md": b"hello\n",
    "src/a.py": b"one\ntwo\nthree\n-- four\n++ five\nsix\n",
    ".github/workflows/ci.yml": b"on: push\njobs: {}\n",
}


def repository(folder: Path, files: dict[str, bytes]) -> tuple[Git, Sha]:
    """A bare repository with one commit of these files."""
    git = create(folder / "r.git", trusted_environment())
    with quarantine(git) as apart:
        apart.add(files.values())
        apart.promote()
    tree = write_tree(git, {p.encode(): Entry(mode=FileMode.FILE, sha=blob_id(c)) for p, c in files.items()})
    author = git.with_environment(
        GIT_AUTHOR_NAME="a", GIT_AUTHOR_EMAIL="a@b", GIT_COMMITTER_NAME="a", GIT_COMMITTER_EMAIL="a@b"
    )
    return git, Sha(author.run("commit-tree", tree, "-m", "base").decode().strip())


def test_every_outside_case_is_what_git_does_or_refused(tmp_path: Path) -> None:
    if not CORPUS.exists():
        pytest.skip("the outside cases of patches are not beside this checkout")
    git, base = repository(tmp_path, FILES)
    cases = json.loads(CORPUS.read_text())
    expected = {
        name: sorted(case["changed"]) if case["git_ok"] else "refused" for name, case in cases.items()
    }
    found = {name: judged(git, base, case["patch"].encode()) for name, case in cases.items()}
    assert len(cases) == 19
    assert found == expected


def judged(git: Git, base: Sha, patch: bytes) -> list[str] | str:
    """The paths that are judged."""
    try:
        tree = apply_patch(git, base, patch)
    except Permanent as refused:
        return "refused" if refused.code == "not_applicable" else refused.code
    return sorted(fact.path for fact in diff_facts(git, base, tree, SECRETS).files)


HIDING = {
    "a second file without a header of its own": (
        "diff --git a/src/a.py b/src/a.py\n--- a/src/a.py\n+++ b/src/a.py\n@@ -1,2 +1,2 @@\n-one\n+ONE\n two\n"
        "--- a/.github/workflows/ci.yml\n+++ b/.github/workflows/ci.yml\n@@ -1,2 +1,3 @@\n on: push\n jobs: {}\n+x: y\n"
    ),
    "another file than the header names": (
        "diff --git a/src/a.py b/src/a.py\n--- a/.github/workflows/ci.yml\n+++ b/.github/workflows/ci.yml\n"
        "@@ -1,2 +1,3 @@\n on: push\n jobs: {}\n+x: y\n"
    ),
    "a copy": (
        "diff --git a/README.md b/.github/workflows/y.yml\nsimilarity index 100%\n"
        "copy from README.md\ncopy to .github/workflows/y.yml\n"
    ),
    "a rename away": (
        "diff --git a/.github/workflows/ci.yml b/old.yml\nsimilarity index 100%\n"
        "rename from .github/workflows/ci.yml\nrename to old.yml\n"
    ),
}


@pytest.mark.parametrize("patch", HIDING.values(), ids=HIDING)
def test_a_protected_path_cannot_be_hidden_in_a_patch(tmp_path: Path, patch: str) -> None:
    git, base = repository(tmp_path, FILES)
    facts = diff_facts(git, base, apply_patch(git, base, patch.encode()), SECRETS)
    verdict = judge_policy(facts, Policy())
    assert not verdict.allows
    assert ".github/workflows" in str(verdict)


REFUSED = {
    "no patch": b"hello",
    "empty": b"",
    "outside": b"--- /dev/null\n+++ b/../x\n@@ -0,0 +1 @@\n+x\n",
    "into the repository": b"diff --git a/.git/config b/.git/config\nnew file mode 100644\n--- /dev/null\n"
    b"+++ b/.git/config\n@@ -0,0 +1 @@\n+x\n",
    "onto what is not there": b"--- a/none\n+++ b/none\n@@ -1 +1 @@\n-a\n+b\n",
    "NUL": b"\0" * 100,
}


@pytest.mark.parametrize("patch", REFUSED.values(), ids=REFUSED)
def test_what_git_does_not_apply_is_refused_whole(tmp_path: Path, patch: bytes) -> None:
    git, base = repository(tmp_path, FILES)
    before = sorted(p.name for p in (git.directory / "objects").rglob("*"))
    with pytest.raises(Permanent) as refused:
        apply_patch(git, base, patch)
    assert refused.value.code == "not_applicable"
    assert sorted(p.name for p in (git.directory / "objects").rglob("*")) == before


def test_a_patch_does_not_apply_halfway(tmp_path: Path) -> None:
    git, base = repository(tmp_path, FILES)
    patch = b"--- a/README.md\n+++ b/README.md\n@@ -1 +1 @@\n-hello\n+hi\n--- a/none\n+++ b/none\n@@ -1 +1 @@\n-a\n+b\n"
    with pytest.raises(Permanent):
        apply_patch(git, base, patch)
    assert (
        subprocess.run(["git", "-C", git.directory, "fsck"], capture_output=True, check=False).returncode == 0
    )
    assert set(read_tree(git, base)) == {path.encode() for path in FILES}
