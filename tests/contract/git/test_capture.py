"""Capturing a folder that untrusted code wrote: what git would make of it, and nothing of it is obeyed."""

import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.contract.git.origin import REPO, Origin, git, mirrored

from penstock.adapters.git.capture import CaptureLimits
from penstock.adapters.git.mirrors import Mirrors
from penstock.adapters.git.names import means_git
from penstock.core.refs import Sha
from penstock.ports import Permanent

PLACE = 'a: "b\\c'
FILES = {"README.md": b"# widget\n", "src/widget.py": b"x = 1\n", "empty": b""}


@pytest.fixture
def origin(tmp_path: Path) -> Origin:
    origin = Origin(tmp_path / "origin")
    origin.commit({**FILES})
    return origin


@pytest.fixture
def base(origin: Origin) -> Sha:
    return Sha(git(origin.folder, "rev-parse", "HEAD"))


@pytest.fixture
def mirrors(tmp_path: Path, origin: Origin, base: Sha) -> Mirrors:
    return mirrored(tmp_path / PLACE, origin, base)


@pytest.fixture
def folder(tmp_path: Path, mirrors: Mirrors, base: Sha) -> Path:
    """A checkout of the base for somebody to work in."""
    folder = tmp_path / "work"
    folder.mkdir()
    mirrors.checkout(REPO, base, folder)
    return folder


def what_git_makes(folder: Path, place: Path) -> str:
    """The tree of `git add --all --force` on a copy, in a new repository."""
    shutil.copytree(folder, place, symlinks=True)
    git(place, "init", "--quiet")
    git(place, "add", "--all", "--force")
    return git(place, "write-tree")


def object_names(mirrors: Mirrors) -> set[str]:
    return {path.name for path in (mirrors.path_of(REPO) / "objects").rglob("*") if path.is_file()}


def test_an_untouched_checkout_is_the_base(mirrors: Mirrors, base: Sha, folder: Path) -> None:
    assert not (folder / ".git").exists()
    assert mirrors.capture(REPO, base, folder) == mirrors.tree_of(REPO, base)


def test_everything_ordinary_is_as_git_has_it(
    mirrors: Mirrors, base: Sha, folder: Path, tmp_path: Path
) -> None:
    (folder / "src/widget.py").write_bytes(b"x = 2\r\n")
    (folder / "README.md").unlink()
    (folder / "run.sh").write_bytes(b"#!/bin/sh\n")
    (folder / "run.sh").chmod(0o755)
    (folder / "link").symlink_to("src/widget.py")
    (folder / "Case").write_bytes(b"upper")
    (folder / "case").write_bytes(b"lower")
    (folder / "line\nbreak").write_bytes(b"\0binary\xff")
    (folder / "empty folder").mkdir()
    assert mirrors.capture(REPO, base, folder) == what_git_makes(folder, tmp_path / "judge")


def test_attributes_and_ignore_files_have_no_say(
    mirrors: Mirrors, base: Sha, folder: Path, tmp_path: Path
) -> None:
    (folder / ".gitattributes").write_bytes(
        b"* text eol=crlf filter=evil ident\n*.u working-tree-encoding=UTF-16\n"
    )
    (folder / ".gitignore").write_bytes(b"*\n")
    (folder / "crlf.txt").write_bytes(b"one\r\n$Id$\r\n")
    (folder / "a.u").write_bytes(b"plain")
    tree = mirrors.capture(REPO, base, folder)
    back = tmp_path / "back"
    back.mkdir()
    mirrors.checkout(REPO, tree, back)
    assert (back / "crlf.txt").read_bytes() == b"one\r\n$Id$\r\n"
    assert (back / "a.u").read_bytes() == b"plain"
    assert {path.name for path in back.iterdir()} == {path.name for path in folder.iterdir()}


def test_links_are_captured_and_never_followed(
    mirrors: Mirrors, base: Sha, folder: Path, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "key").write_bytes(b"do not read")
    (folder / "to-folder").symlink_to(secret)
    (folder / "to-file").symlink_to(secret / "key")
    shutil.rmtree(folder / "src")
    (folder / "src").symlink_to(secret)
    tree = mirrors.capture(REPO, base, folder)
    listed = git(mirrors.path_of(REPO), "ls-tree", "-r", tree)
    assert [line.split()[0] for line in listed.splitlines() if "to-" in line or "src" in line] == [
        "120000"
    ] * 3
    assert "key" not in mirrors.paths(REPO, tree)
    assert b"do not read" not in {mirrors.blob(REPO, Sha(line.split()[2])) for line in listed.splitlines()}


def make_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        here = Path.cwd()
        os.chdir(path.parent)
        try:
            listener.bind(path.name)
        finally:
            os.chdir(here)


def make_repository(path: Path) -> None:
    (path / ".git").mkdir(parents=True)
    (path / ".git/config").write_text("[core]\n\tfsmonitor = touch /tmp/never\n")


def deep(path: Path) -> None:
    for _ in range(150):
        path /= "d"
        path.mkdir()
    (path / "f").write_bytes(b"")


def not_utf8(path: Path) -> None:
    (path / os.fsdecode(b"\xff")).write_bytes(b"")


@pytest.mark.parametrize(
    ("make", "code", "says"),
    [
        (make_repository, "unsafe_tree", r"\.git would be a repository"),
        (lambda f: make_repository(f / "src/vendored"), "unsafe_tree", "src/vendored/.git"),
        (lambda f: (f / ".GIT").write_bytes(b""), "unsafe_tree", "GIT"),
        (lambda f: (f / "src/git~1").mkdir(), "unsafe_tree", "git~1"),
        (lambda f: (f / ".git. . ").write_bytes(b""), "unsafe_tree", "repository"),
        (lambda f: (f / ".g\u200cit").write_bytes(b""), "unsafe_tree", "repository"),
        (lambda f: (f / ".git").symlink_to("/etc"), "unsafe_tree", "repository"),
        (lambda f: (f / ".gitmodules").symlink_to("README.md"), "unsafe_tree", "git refuses"),
        (lambda f: os.mkfifo(f / "pipe"), "unsafe_tree", "pipe is a named pipe"),
        (lambda f: make_socket(f / "sock"), "unsafe_tree", "sock is a socket"),
        (not_utf8, "unsafe_tree", "not UTF-8"),
        (deep, "unsafe_tree", "nested more than 100"),
        (lambda f: [(f / str(n)).write_bytes(b"") for n in range(60)], "too_large", "more than 50 files"),
        (lambda f: [(f / str(n)).mkdir() for n in range(60)], "too_large", "more than 50 files"),
        (lambda f: (f / "big").write_bytes(b"x" * 2001), "too_large", "big has more than"),
        (lambda f: [(f / str(n)).write_bytes(b"x" * 2000) for n in range(3)], "too_large", "together"),
    ],
)
def test_what_may_not_be_captured_is_refused_and_leaves_nothing(
    mirrors: Mirrors,
    base: Sha,
    folder: Path,
    tmp_path: Path,
    make: Callable[[Path], object],
    code: str,
    says: str,
) -> None:
    (folder / "fresh").write_bytes(b"never seen before")
    make(folder)
    before = object_names(mirrors)
    limits = CaptureLimits(files=50 if code == "too_large" else 1000, total_bytes=5000, file_bytes=2000)
    strict = Mirrors(tmp_path / PLACE, lambda: None, limits=limits)
    with pytest.raises(Permanent, match=says) as refused:
        strict.capture(REPO, base, folder)
    assert refused.value.code == code
    assert object_names(mirrors) == before
    assert not list(mirrors.path_of(REPO).glob("quarantine-*"))


@pytest.mark.parametrize(
    "name",
    [
        ".git",
        ".GIT",
        ".Git.",
        ".git ",
        "git~1",
        "GIT~1",
        ".git::$INDEX_ALLOCATION",
        "x\\.git",
        ".g\u200cit",
        "\ufeff.git",
        *("git", ".gitx", "git~2", "a.git", ".git-x", ".gitignore", "GIT", ".gi\u200bt"),
    ],
)
def test_names_are_refused_exactly_where_git_refuses_them(tmp_path: Path, name: str) -> None:
    git(tmp_path, "init", "--quiet", "--bare", "judge")
    judge = tmp_path / "judge"
    blob = git(judge, "hash-object", "-w", "--stdin")
    line = f"100644 {blob}\t{name}\0".encode()
    git(
        judge,
        "-c",
        "core.protectHFS=true",
        "-c",
        "core.protectNTFS=true",
        "update-index",
        "-z",
        "--index-info",
        stdin=line,
    )
    assert means_git(name.encode()) == (not git(judge, "ls-files", "-z"))


def test_submodules_and_links_that_lead_out_stay_as_they_were(tmp_path: Path) -> None:
    origin = Origin(tmp_path / "origin")
    origin.commit({"a": b"a"})
    for name, target in (("out", "/etc/passwd"), ("up", "../x"), ("in", "a")):
        (origin.folder / name).symlink_to(target)
    git(origin.folder, "add", "--all")
    git(origin.folder, "update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},sub/module")
    git(origin.folder, "commit", "--quiet", "--message", "links")
    base = Sha(git(origin.folder, "rev-parse", "HEAD"))
    mirrors = mirrored(tmp_path / "mirrors", origin, base)
    folder = tmp_path / "work"
    folder.mkdir()
    mirrors.checkout(REPO, base, folder)
    assert sorted(path.name for path in folder.iterdir()) == ["a", "in", "sub"]
    assert mirrors.capture(REPO, base, folder) == origin.tree()
    (folder / "sub/module/file").write_bytes(b"")
    with pytest.raises(Permanent, match="sub/module is a submodule"):
        mirrors.capture(REPO, base, folder)


@pytest.mark.parametrize(
    ("path", "target", "out"),
    [
        ("a", "b", False),
        ("d/a", "../b", False),
        ("a", "..", True),
        ("d/a", "../..", True),
        ("d/e/a", "../../x/y", False),
        ("a", "d/../b", True),
        ("a", "/b", True),
        ("a", "./b", False),
        ("d/a", "..", False),
    ],
)
def test_a_link_is_written_only_where_it_cannot_leave(
    tmp_path: Path, path: str, target: str, out: bool
) -> None:
    origin = Origin(tmp_path / "origin")
    (origin.folder / path).parent.mkdir(parents=True, exist_ok=True)
    (origin.folder / path).symlink_to(target)
    base = origin.commit_all()
    folder = tmp_path / "work"
    folder.mkdir()
    mirrored(tmp_path / "mirrors", origin, base).checkout(REPO, base, folder)
    assert (folder / path).is_symlink() is not out


def test_a_tree_made_by_hand_cannot_write_elsewhere(tmp_path: Path) -> None:
    origin = Origin(tmp_path / "origin")

    def made(kind: str, content: bytes) -> bytes:
        name = git(origin.folder, "hash-object", "-t", kind, "-w", "--stdin", "--literally", stdin=content)
        return bytes.fromhex(name)

    evil = made("blob", b"evil")
    folder_of_evil = made("tree", b"100644 b\0" + evil)
    for entries in (
        b"100644 ..\0" + evil,
        b"100644 .git\0" + evil,
        b"40000 ..\0" + folder_of_evil,
        b"120000 a\0" + made("blob", b"c") + b"40000 a\0" + folder_of_evil,
    ):
        tree = made("tree", entries).hex()
        commit = Sha(git(origin.folder, "commit-tree", tree, "-m", "x"))
        git(origin.folder, "update-ref", f"refs/heads/by-hand-{commit}", commit)
        folder = tmp_path / commit / "work"
        folder.mkdir(parents=True)
        with pytest.raises(Permanent, match="path"):
            mirrored(tmp_path / "mirrors", origin, commit).checkout(REPO, commit, folder)
        assert list(folder.parent.iterdir()) == [folder]


def test_a_checkout_needs_an_empty_folder(mirrors: Mirrors, base: Sha, folder: Path) -> None:
    with pytest.raises(Permanent, match="not empty"):
        mirrors.checkout(REPO, base, folder)


NAMES = st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=6).filter(
    lambda name: (
        name not in {".", ".."}
        and not name.lower().startswith(".git")
        and "~" not in name
        and len(name.encode()) < 40
    )
)
CONTENTS = st.tuples(st.binary(max_size=64), st.booleans())
TREES = st.recursive(
    st.dictionaries(NAMES, CONTENTS, max_size=4),
    lambda below: st.dictionaries(NAMES, CONTENTS | below, max_size=4),
    max_leaves=12,
)


def write(folder: Path, tree: dict[str, object]) -> None:
    for name, below in tree.items():
        if isinstance(below, dict):
            (folder / name).mkdir()
            write(folder / name, below)
        elif isinstance(below, tuple):
            content, executable = below
            (folder / name).write_bytes(content)
            (folder / name).chmod(0o755 if executable else 0o644)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=TREES, after=TREES)
def test_any_ordinary_tree_is_captured_as_git_would(
    tmp_path_factory: pytest.TempPathFactory, before: dict[str, object], after: dict[str, object]
) -> None:
    place = tmp_path_factory.mktemp("tree")
    origin = Origin(place / "origin")
    write(origin.folder, before)
    base = origin.commit_all()
    mirrors = mirrored(place / "mirrors", origin, base)
    work = place / "work"
    work.mkdir()
    mirrors.checkout(REPO, base, work)
    assert mirrors.capture(REPO, base, work) == origin.tree()
    shutil.rmtree(work)
    work.mkdir()
    write(work, after)
    assert mirrors.capture(REPO, base, work) == what_git_makes(work, place / "judge")
    shutil.rmtree(place)
