"""What is read from a repository's files is what git says of it, and whatever is unusual is left to git."""

import shutil
import subprocess
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.forge.world import git

from localforge.git import directory, refnames
from localforge.git.batch import BatchEndedError, CatFile
from localforge.git.directory import GitDir, GitError, environment
from localforge.git.loose import LARGEST, LooseObject

HEAD, TAG = "refs/heads/main", "refs/tags/v1"
PLAIN = (HEAD, "refs/heads/feature/side", TAG)
Damage = Callable[[Path], object]


@pytest.fixture
def bare(tmp_path: Path, clone: Path) -> GitDir:
    """A bare repository whose objects and refs are all loose."""
    path = tmp_path / "bare.git"
    shutil.copytree(clone / ".git", path)
    return GitDir(path)


def both_say(bare: GitDir, name: str) -> None:
    """The answer with and without files is the same, also that there is none, and that git gives up."""
    assert told(lambda: bare.info(name)) == asked(bare, name, CatFile.info), name
    assert told(lambda: bare.object(name)) == asked(bare, name, CatFile.contents), name
    bare.close()


def told(answer: Callable[[], object]) -> object:
    try:
        return answer()
    except (GitError, BatchEndedError):
        return "git gave up"


def asked(bare: GitDir, name: str, question: Callable[[CatFile, str], object]) -> object:
    process = CatFile(bare.path, environment())
    try:
        return told(lambda: question(process, name))
    finally:
        process.close()


def object_file(path: Path, name: str) -> Path:
    sha = git("rev-parse", name, cwd=path).stdout.strip()
    file = path / "objects" / sha[:2] / sha[2:]
    file.chmod(0o644)
    return file


def sha_of(path: Path, name: str) -> str:
    return git("rev-parse", name, cwd=path).stdout.strip()


def test_no_process_for_what_is_plain(bare: GitDir, monkeypatch: pytest.MonkeyPatch) -> None:
    """Branches, tags, and objects of every kind by their sha."""
    names = [
        *PLAIN,
        *(sha_of(bare.path, name) for name in (HEAD, TAG, f"{HEAD}^{{tree}}", f"{HEAD}:README.md")),
    ]
    for name in names:
        both_say(bare, name)

    def refused(*_: object, **__: object) -> None:
        raise AssertionError("a process was asked for")

    monkeypatch.setattr(subprocess, "Popen", refused)
    assert all(bare.info(name) and bare.object(name) for name in names)
    assert refnames.ref(bare, "refs/heads/nowhere") is None
    with pytest.raises(AssertionError, match="a process"):
        bare.info("1" * 40)
    (bare.path / "packed-refs").write_text("")
    with pytest.raises(AssertionError, match="a process"):
        refnames.ref(bare, "refs/heads/nowhere")


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


# What somebody does to the repository, by what they do; `main` and `v1` are then asked for, and the names beside it.
DAMAGES: dict[str, tuple[Damage, tuple[str, ...]]] = {
    "a branch that points at another": (
        lambda path: git("symbolic-ref", "refs/heads/alias", HEAD, cwd=path),
        ("refs/heads/alias",),
    ),
    "a branch that is a link": (
        lambda path: (path / "refs/heads/link").symlink_to("main"),
        ("refs/heads/link",),
    ),
    "a branch that is a link out of the repository": (
        lambda path: (path / "refs/heads/out").symlink_to("/etc/hostname"),
        ("refs/heads/out",),
    ),
    "packed refs": (lambda path: git("pack-refs", "--all", cwd=path), ()),
    "packed refs and objects": (lambda path: git("gc", "-q", "--prune=now", cwd=path), ()),
    "a tag of a file": (
        lambda path: git("tag", "blob", f"{HEAD}:README.md", cwd=path),
        ("refs/tags/blob",),
    ),
    "a branch at an object that is not there": (
        lambda path: write(path / HEAD, "1" * 40 + "\n"),
        (),
    ),
    "an empty branch": (lambda path: write(path / HEAD, ""), ()),
    "a branch of no sha": (lambda path: write(path / HEAD, "no sha\n"), ()),
    "a sha without a line's end": (
        lambda path: write(path / HEAD, sha_of(path, HEAD)),
        (),
    ),
    "a sha in capitals": (lambda path: write(path / HEAD, sha_of(path, HEAD).upper() + "\n"), ()),
    "a sha with a remark": (lambda path: write(path / HEAD, sha_of(path, HEAD) + " remark\n"), ()),
    "a name that no ref may have": (
        lambda path: write(path / "refs/heads/a.lock", sha_of(path, HEAD) + "\n"),
        (
            "refs/heads/a.lock",
            "refs/heads/a.lock/b",
            "refs/heads/../heads/main",
            "refs/heads//main",
            "refs/heads/",
        ),
    ),
    "a branch below a locked name": (
        lambda path: write(path / "refs/heads/b.lock/c", sha_of(path, HEAD) + "\n"),
        ("refs/heads/b.lock/c",),
    ),
    "a name that is a folder": (lambda path: (path / "refs/heads/folder").mkdir(), ("refs/heads/folder",)),
    "expressions": (
        lambda path: path,
        (
            "refs/heads/main^{commit}",
            "refs/heads/main~1",
            "refs/heads/main:README.md",
            "refs/tags/v1^{}",
            "main",
        ),
    ),
    "an empty object": (lambda path: object_file(path, HEAD).write_bytes(b""), ()),
    "an object that is no stream": (lambda path: object_file(path, HEAD).write_bytes(b"nonsense"), ()),
    "an object of no kind": (
        lambda path: object_file(path, HEAD).write_bytes(zlib.compress(b"thing 1\0x")),
        (),
    ),
}


def test_no_ref_is_missed_in_a_linked_clone(clone: Path, tmp_path: Path) -> None:
    """Its refs lie in another folder."""
    shutil.copytree(clone, tmp_path / "clone")
    git("worktree", "add", "-q", "../linked", "feature/side", cwd=tmp_path / "clone")
    linked = directory.find(tmp_path / "linked")
    found = refnames.ref(linked, HEAD)
    linked.close()
    assert found == refnames.Ref(name=HEAD, sha=sha_of(clone, HEAD), kind="commit")


@pytest.mark.parametrize("what", DAMAGES)
def test_what_is_unusual_is_as_git_says(bare: GitDir, what: str) -> None:
    """Symbolic, packed, broken and misnamed refs; objects in packs and objects that are damaged."""
    damage, names = DAMAGES[what]
    damage(bare.path)
    for name in (*PLAIN, *names):
        both_say(bare, name)


def stored(kind: str, content: bytes, size: int | None = None, behind: bytes = b"") -> LooseObject:
    header = f"{kind} {len(content) if size is None else size}".encode() + b"\0"
    deflated = zlib.compress(header + content) + behind
    shown = len(content) if size is None else size
    return LooseObject(kind=kind, size=shown, deflated=deflated, header=len(header))


@given(st.binary(max_size=4096))
def test_bytes_come_back(content: bytes) -> None:
    """Whatever an object holds."""
    assert stored("blob", content).data() == content


@pytest.mark.parametrize(
    "damaged",
    [
        stored("blob", b"four", size=3),
        stored("blob", b"four", size=5),
        stored("blob", b"four", behind=b"more"),
        stored("blob", b"x" * (LARGEST + 1)),
    ],
    ids=["longer than it says", "shorter than it says", "something behind it", "too large"],
)
def test_no_bytes_of_a_damaged_object(damaged: LooseObject) -> None:
    """Nothing, rather than part of it."""
    assert damaged.data() is None


def test_no_bytes_of_a_stream_cut_short() -> None:
    """Also when only its checksum is missing."""
    whole = stored("blob", b"content")
    cut = LooseObject(kind="blob", size=7, deflated=whole.deflated[:-1], header=whole.header)
    assert cut.data() is None
