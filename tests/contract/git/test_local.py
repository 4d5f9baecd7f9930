"""A person's clone or folder becomes a bare repository, and is neither changed nor obeyed."""

import os
import shutil
from pathlib import Path

import pytest
from tests.contract.git.origin import Origin, git

from penstock.adapters.git.local import import_source
from penstock.ports import Permanent


def snapshot(folder: Path) -> dict[str, tuple[float, bytes]]:
    return {
        str(path.relative_to(folder)): (path.lstat().st_mtime, b"" if path.is_dir() else path.read_bytes())
        for path in folder.rglob("*")
    }


@pytest.fixture
def clone(tmp_path: Path) -> Origin:
    """A clone with history and uncommitted work, whose configuration and hooks would leave a mark."""
    origin = Origin(tmp_path / "My Widget!")
    origin.commit({"a": b"1"})
    origin.commit({"a": b"2", "d/b": b"\r\n"})
    (origin.folder / "a").write_bytes(b"uncommitted")
    marker = tmp_path / "ran"
    config = origin.folder / ".git/config"
    config.write_text(
        config.read_text()
        + f"[core]\n\tfsmonitor = touch {marker}\n\thooksPath = {tmp_path}\n\tsshCommand = touch {marker}\n"
        f"[uploadpack]\n\tpackObjectsHook = touch {marker}\n[include]\n\tpath = {marker}\n"
        f'[remote "origin"]\n\turl = {tmp_path}\n\tuploadpack = touch {marker}\n\tpromisor = true\n'
    )
    return origin


def test_a_clone_is_copied_with_its_history(tmp_path: Path, clone: Origin) -> None:
    before = snapshot(clone.folder)
    imported = import_source(clone.folder, tmp_path / "bare")
    assert snapshot(clone.folder) == before
    assert not (tmp_path / "ran").exists()
    shutil.rmtree(clone.folder)
    assert (imported.name, imported.branch, imported.history) == ("My-Widget", "main", True)
    assert git(imported.bare, "log", "--format=%H", "HEAD").splitlines()[0] == imported.commit
    assert len(git(imported.bare, "log", "--format=%H", "HEAD").splitlines()) == 2
    assert git(imported.bare, "show", "main:a") == "2"
    git(imported.bare, "fsck", "--strict")


def test_a_worktree_and_a_detached_head_are_clones_too(tmp_path: Path, clone: Origin) -> None:
    config = clone.folder / ".git/config"
    config.write_text(config.read_text().partition("[core]\n\tfsmonitor")[0])
    git(clone.folder, "worktree", "add", "--quiet", "-b", "side", str(tmp_path / "tree"))
    imported = import_source(tmp_path / "tree", tmp_path / "one")
    assert (imported.branch, imported.name) == ("side", "tree")
    git(clone.folder, "checkout", "--quiet", "--force", "--detach")
    assert import_source(clone.folder, tmp_path / "two").branch == "main"


def test_a_shallow_clone_becomes_one_commit(tmp_path: Path, clone: Origin) -> None:
    git(tmp_path, "clone", "--quiet", "--depth=1", clone.url, "shallow")
    imported = import_source(tmp_path / "shallow", tmp_path / "bare")
    assert imported.history is False
    assert git(imported.bare, "log", "--format=%T", "HEAD") == clone.tree()
    git(imported.bare, "fsck", "--strict")


def test_a_folder_becomes_one_commit_twice_the_same(tmp_path: Path) -> None:
    folder = tmp_path / "source"
    (folder / "pkg").mkdir(parents=True)
    (folder / "pkg/x.py").write_bytes(b"x = 1\r\n")
    (folder / "run").write_bytes(b"#!/bin/sh\n")
    (folder / "run").chmod(0o755)
    (folder / ".gitattributes").write_bytes(b"* text=auto eol=lf\n")
    before = snapshot(folder)
    one, two = import_source(folder, tmp_path / "one"), import_source(folder, tmp_path / "two")
    assert one.commit == two.commit
    assert snapshot(folder) == before
    assert git(one.bare, "ls-tree", "-r", "--format=%(objectmode) %(path)", "HEAD").splitlines() == [
        "100644 .gitattributes",
        "100644 pkg/x.py",
        "100755 run",
    ]
    assert (one.branch, one.history) == ("main", False)


def without_objects(folder: Path) -> None:
    origin = Origin(folder)
    origin.commit({"a": b"x" * 9})
    blob = git(folder, "rev-parse", "HEAD:a")
    (folder / ".git/objects" / blob[:2] / blob[2:]).unlink()


def other_repository_inside(folder: Path) -> None:
    (folder / "sub/.git").mkdir(parents=True)


@pytest.mark.parametrize(
    ("make", "code", "says"),
    [
        (lambda folder: None, "no_source", "not a folder"),
        (lambda folder: folder.write_bytes(b""), "no_source", "not a folder"),
        (Path.mkdir, "no_source", "no files"),
        (Origin, "no_commit", "Commit something there first"),
        (without_objects, "incomplete_clone", "clone it in full"),
        (other_repository_inside, "unsafe_tree", "sub/.git"),
    ],
)
def test_what_cannot_be_taken_says_why_and_leaves_nothing(tmp_path: Path, make, code: str, says: str) -> None:
    make(tmp_path / "source")
    with pytest.raises(Permanent, match=says) as refused:
        import_source(tmp_path / "source", tmp_path / "bare")
    assert refused.value.code == code
    assert {path.name for path in tmp_path.iterdir()} <= {"source"}


def test_a_clone_of_somebody_else_is_read_all_the_same(tmp_path: Path, clone: Origin) -> None:
    """Only root can give files away; as anybody else this is one more clone."""
    for path in [clone.folder, *clone.folder.rglob("*")] if os.geteuid() == 0 else []:
        os.chown(path, 12345, 12345)
    assert import_source(clone.folder, tmp_path / "bare").history is True
