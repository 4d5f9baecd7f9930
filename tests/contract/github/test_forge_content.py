"""Content on the embedded forge: the tree that was approved, once, and nobody's work overwritten."""

from dataclasses import replace

import pytest
from tests.contract.github.embedded import Embedded
from tests.contract.github.setting import BOT, Going, StopAfter, authorized
from tests.forge.world import git

from penstock.adapters.github.content import INLINE
from penstock.core.evidence import FileMode
from penstock.core.write import Content, NotWritten, PlaceTag, Revert, Written
from penstock.ports import Permanent, Transient

TEXT = b"def spin():\n    return 3\n"


def put(forge: Embedded, wanted: Content) -> Written | NotWritten:
    return forge.kit.writer.apply(authorized(wanted), Going())


def test_a_new_branch_has_one_commit_with_the_approved_tree(forge: Embedded) -> None:
    wanted = forge.content({"src/widget.py": TEXT, "README.md": None, "tools/go*": b"#!/bin/sh\n"})
    written = put(forge, wanted)
    head = forge.head("penstock/c-1")
    assert written == Written(sha=head)
    commit = forge.kit.reader.commit_object(forge.repo, head)
    assert commit is not None
    assert (commit.tree.sha, [parent.sha for parent in commit.parents]) == (wanted.tree, list(wanted.parents))
    assert commit.message == wanted.message
    assert {(by.name, by.email) for by in (commit.author, commit.committer)} == {(BOT.name, BOT.email)}
    assert commit.committer.date == wanted.at.replace(microsecond=0)
    assert forge.shown(head, "tools/go") == "100755 #!/bin/sh\n"
    assert forge.wire.mutations == [
        "POST /repos/acme/widget/git/trees",
        "POST /repos/acme/widget/git/commits",
        "POST /repos/acme/widget/git/refs",
    ]


def test_what_is_no_short_text_goes_as_blobs(forge: Embedded) -> None:
    """Bytes, a NUL, and text beyond what one tree request carries."""
    files = {
        "image.png": b"\x89PNG\xff\xfe",
        "nul.txt": b"a\0b",
        "large.txt": b"x" * (INLINE + 1),
        "crlf.txt": b"a\r\nb\xc3\xa9\n",
        "empty": b"",
    }
    wanted = forge.content(files)
    assert isinstance(put(forge, wanted), Written)
    assert forge.wire.mutations.count("POST /repos/acme/widget/git/blobs") == 3
    assert forge.shown(forge.head("penstock/c-1"), "empty") == "100644 "


def test_a_folder_takes_a_files_place_and_back(forge: Embedded) -> None:
    wanted = forge.content(
        {"run.sh": None, "run.sh/inner.txt": b"x\n", "src/widget.py": None, "src*": b"y\n"}
    )
    assert isinstance(put(forge, wanted), Written)
    assert forge.shown(forge.head("penstock/c-1"), "src") == "100755 y\n"
    assert forge.wire.mutations.count("POST /repos/acme/widget/git/trees") == 2


def test_modes_that_are_no_plain_files(forge: Embedded) -> None:
    """A symbolic link and a submodule keep their modes."""
    (forge.clone / "link").symlink_to("README.md")
    (forge.clone / "sub").mkdir()
    git("init", "-q", cwd=forge.clone / "sub")
    git("commit", "-q", "--allow-empty", "-m", "Inner", cwd=forge.clone / "sub")
    wanted = forge.content({})
    modes = {edit.path: edit.mode for edit in wanted.edits}
    assert modes == {"link": FileMode.SYMLINK, "sub": FileMode.SUBMODULE}
    assert isinstance(put(forge, wanted), Written)


def test_the_same_write_again_changes_nothing(forge: Embedded) -> None:
    wanted = forge.content({"src/widget.py": TEXT})
    first = put(forge, wanted)
    before = len(forge.wire.mutations)
    assert put(forge, wanted) == first
    assert len(forge.wire.mutations) == before


def test_a_next_commit_follows_the_expected_head(forge: Embedded) -> None:
    first = forge.content({"src/widget.py": TEXT})
    head = put(forge, first)
    assert isinstance(head, Written)
    assert head.sha is not None
    second = replace(
        first,
        expected_head=head.sha,
        parents=(head.sha,),
        base_tree=first.tree,
        tree=first.base_tree,
        edits=forge.edits(first.tree, first.base_tree),
        message="Back",
    )
    written = put(forge, second)
    assert written == Written(sha=forge.head("penstock/c-1"))
    assert written != head
    assert put(forge, second) == written
    assert forge.wire.mutations[-1].startswith("PATCH")


def test_a_branch_of_somebody_else_is_left_alone(forge: Embedded) -> None:
    wanted = replace(forge.content({"src/widget.py": TEXT}), branch="feature/side")
    before = forge.head("feature/side")
    taken = put(forge, wanted)
    assert isinstance(taken, NotWritten)
    assert taken.code == "branch_taken"
    assert forge.head("feature/side") == before
    assert forge.wire.mutations == []


@pytest.mark.parametrize("expected", ["main", "gone"])
def test_a_head_that_moved_is_left_alone(forge: Embedded, expected: str) -> None:
    """Somebody pushed to the branch, or deleted it."""
    wanted = forge.content({"src/widget.py": TEXT})
    branch = "feature/side" if expected == "main" else "penstock/none"
    moved = put(forge, replace(wanted, branch=branch, expected_head=forge.head("main")))
    assert isinstance(moved, NotWritten)
    assert moved.code == "head_moved"
    assert forge.wire.mutations == []


@pytest.mark.parametrize(("exists", "code"), [(False, "branch_taken"), (True, "head_moved")])
def test_a_push_in_the_last_moment_wins(forge: Embedded, exists: bool, code: str) -> None:
    """Between our last look and our ref, somebody pushes: theirs stays, and nothing is forced."""
    theirs, base = forge.head("main"), forge.head("feature/side")

    def point(sha: str) -> None:
        with forge.owner() as olga:
            ref = {"ref": "refs/heads/penstock/c-1", "sha": sha}
            if olga.post("/repos/acme/widget/git/refs", json=ref).status_code == 422:
                moved = olga.patch("/repos/acme/widget/git/refs/heads/penstock/c-1", json={"sha": sha})
                assert moved.status_code == 200

    wanted = forge.content({"src/widget.py": TEXT})
    if exists:
        point(base)
        wanted = replace(wanted, expected_head=base, parents=(base,))
    forge.wire.before = lambda mutation: point(theirs) if "/git/refs" in mutation else None
    refused = put(forge, wanted)
    assert isinstance(refused, NotWritten)
    assert refused.code == code
    assert forge.head("penstock/c-1") == theirs


def test_a_tree_that_is_not_the_approved_one_makes_no_commit(forge: Embedded) -> None:
    wanted = forge.content({"src/widget.py": TEXT})
    other = replace(wanted, tree=wanted.base_tree)
    refused = put(forge, other)
    assert isinstance(refused, NotWritten)
    assert refused.code == "tree_differs"
    assert forge.wire.mutations == ["POST /repos/acme/widget/git/trees"]
    assert forge.kit.reader.branch_head(forge.repo, "penstock/c-1") is None


def test_bytes_that_are_not_the_blobs_are_noticed(forge: Embedded) -> None:
    """Even where the mirror lies, nothing but the approved tree is committed."""
    wanted = forge.content({"image.png": b"\xff\xfe", "text.txt": b"good"})
    forge.kit.blob = lambda _repo, _sha: b"\xff\xff"
    with pytest.raises(Permanent):
        put(forge, wanted)
    forge.kit.blob = lambda _repo, _sha: b"evil"
    refused = put(forge, replace(wanted, edits=wanted.edits[1:]))
    assert isinstance(refused, NotWritten)
    assert forge.kit.reader.branch_head(forge.repo, "penstock/c-1") is None


def test_a_stopped_write_leaves_no_branch(forge: Embedded) -> None:
    """Whichever request it is stopped before."""
    wanted = forge.content({"image.png": b"\xff", "src/widget.py": TEXT})
    for checks in range(4):
        with pytest.raises(Transient) as stopped:
            forge.kit.writer.apply(authorized(wanted), StopAfter(checks))
        assert stopped.value.code == "stopped"
        assert forge.kit.reader.branch_head(forge.repo, "penstock/c-1") is None
    assert isinstance(forge.kit.writer.apply(authorized(wanted), StopAfter(4)), Written)


def test_no_edits_need_no_tree(forge: Embedded) -> None:
    wanted = forge.content({})
    assert isinstance(put(forge, wanted), Written)
    assert not any("trees" in mutation for mutation in forge.wire.mutations)


def test_a_revert_is_content(forge: Embedded) -> None:
    wanted = forge.content({"src/widget.py": TEXT})
    names = ("repo", "branch", "expected_head", "parents", "base_tree", "tree", "edits", "message", "at")
    revert = Revert(**{name: getattr(wanted, name) for name in names})
    assert isinstance(put(forge, revert), Written)


def test_tags(forge: Embedded) -> None:
    head, other = forge.head("main"), forge.head("feature/side")
    tag = PlaceTag(repo=forge.repo, tag="penstock/c-1-before", commit=head)
    for _ in range(2):
        assert forge.kit.writer.apply(authorized(tag), Going()) == Written(sha=head)
    assert forge.wire.mutations == ["POST /repos/acme/widget/git/refs"]
    assert forge.kit.reader.tag(forge.repo, "penstock/c-1-before") == head
    taken = forge.kit.writer.apply(authorized(replace(tag, commit=other)), Going())
    assert isinstance(taken, NotWritten)
    assert taken.code == "tag_taken"
    annotated = forge.kit.reader.tag(forge.repo, "v1")
    assert annotated == other
