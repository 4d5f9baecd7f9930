"""git itself, over HTTP: clones of every kind, pushes, and refusals in words that a person reads."""

import subprocess
from pathlib import Path

from tests.forge.world import git
from tests.judges.board import Judge
from tests.judges.stage import Stage


def version() -> str:
    """Git's own."""
    return subprocess.run(["git", "--version"], capture_output=True, text=True, check=True).stdout.split()[2]


judge = Judge(name="git", version=version)


def _clone(stage: Stage, name: str, *options: str) -> Path:
    work = stage.work(f"git-{name}")
    git("clone", "-q", *options, stage.remote(stage.repository(name)), "c", cwd=work)
    return work / "c"


def _refused(stage: Stage, *arguments: str, cwd: Path) -> str:
    done = git(*arguments, cwd=cwd, check=False)
    assert done.returncode != 0, f"git {arguments} was not refused"
    return done.stderr


@judge.scenario("clone: the same objects, and fsck agrees")
def clone(stage: Stage) -> None:
    work = _clone(stage, "cloned")
    there = git("rev-parse", "main", cwd=stage.clone).stdout
    assert git("rev-parse", "HEAD", cwd=work).stdout == there
    assert "missing" not in git("fsck", "--full", "--strict", cwd=work).stdout
    assert (work / "run.sh").stat().st_mode & 0o111


@judge.scenario("shallow clone, deepened afterwards")
def shallow(stage: Stage) -> None:
    work = _clone(stage, "shallow", "--depth", "1")
    assert git("rev-list", "--count", "HEAD", cwd=work).stdout.strip() == "1"
    git("fetch", "-q", "--unshallow", cwd=work)
    assert git("rev-list", "--count", "HEAD", cwd=work).stdout.strip() == "2"


@judge.scenario("partial clone: blobs come when they are looked at")
def partial(stage: Stage) -> None:
    work = _clone(stage, "partial", "--filter=blob:none")
    old = git("rev-parse", "HEAD~1:src/widget.py", cwd=work).stdout.strip()
    missing = git("rev-list", "--objects", "--all", "--missing=print", cwd=work).stdout
    assert f"?{old}" in missing
    assert "return 1" in git("show", "HEAD~1:src/widget.py", cwd=work).stdout


@judge.scenario("one commit fetched by its id, one branch cloned alone")
def by_id(stage: Stage) -> None:
    name = stage.repository("by-id")
    side = stage.branch(name, "side", {"side.txt": "side\n"})
    work = stage.work("git-by-id")
    git("init", "-q", cwd=work)
    git("fetch", "-q", "--depth", "1", stage.remote(name), side, cwd=work)
    assert git("rev-parse", "FETCH_HEAD", cwd=work).stdout.strip() == side
    git("clone", "-q", "--single-branch", "--branch", "side", stage.remote(name), "c", cwd=work)
    assert "origin/main" not in git("branch", "-r", cwd=work / "c").stdout


@judge.scenario("push: a branch, a tag, a forced update, a deletion")
def push(stage: Stage) -> None:
    work = _clone(stage, "pushed")
    git("checkout", "-q", "-b", "topic", cwd=work)
    git("commit", "-q", "--allow-empty", "-m", "One", cwd=work)
    git("tag", "v2", cwd=work)
    git("push", "-q", "--atomic", "origin", "topic", "v2", cwd=work)
    head = git("rev-parse", "HEAD", cwd=work).stdout.strip()
    with stage.client() as olga:
        assert olga.get("/repos/acme/pushed/branches/topic").json()["commit"]["sha"] == head
        git("commit", "-q", "--amend", "--allow-empty", "-m", "Other", cwd=work)
        assert "non-fast-forward" in _refused(stage, "push", "origin", "topic", cwd=work)
        git("push", "-q", "--force-with-lease", "origin", "topic", cwd=work)
        git("push", "-q", "origin", ":topic", ":v2", cwd=work)
        assert olga.get("/repos/acme/pushed/branches/topic").status_code == 404
    assert "topic" not in git("ls-remote", "origin", cwd=work).stdout


@judge.scenario("a protected branch refuses the push and stays where it is")
def protected(stage: Stage) -> None:
    work = _clone(stage, "guarded")
    rules = {
        "required_status_checks": None,
        "enforce_admins": True,
        "required_pull_request_reviews": {"required_approving_review_count": 1},
        "restrictions": None,
    }
    with stage.client() as olga:
        assert olga.put("/repos/acme/guarded/branches/main/protection", json=rules).status_code == 200
    before = git("ls-remote", "origin", "main", cwd=work).stdout
    git("commit", "-q", "--allow-empty", "-m", "No", cwd=work)
    said = _refused(stage, "push", "origin", "main", cwd=work)
    assert "GH006: Protected branch update failed for refs/heads/main" in said
    assert "protected branch hook declined" in said
    assert "Protected branch" in _refused(stage, "push", "--force", "origin", "HEAD~2:main", cwd=work)
    assert git("ls-remote", "origin", "main", cwd=work).stdout == before


@judge.scenario("bad credentials, no credentials, somebody else's repository")
def credentials(stage: Stage) -> None:
    stage.repository("hidden", private=True)
    work = stage.work("git-credentials")
    wrong = stage.remote("acme/hidden").replace(stage.tokens["olga"], "wrong")
    assert "Authentication failed" in _refused(stage, "clone", wrong, "a", cwd=work)
    nobody = f"{stage.url}/acme/hidden.git"
    assert "could not read Username" in _refused(stage, "clone", nobody, "b", cwd=work)
    otto = stage.remote("acme/hidden", "otto")
    assert "not found" in _refused(stage, "clone", otto, "c", cwd=work)
    public = _clone(stage, "readable")
    git("commit", "-q", "--allow-empty", "-m", "No", cwd=public)
    said = _refused(stage, "push", stage.remote("acme/readable", "otto"), "main", cwd=public)
    assert "denied to otto" in said
    assert "403" in said
