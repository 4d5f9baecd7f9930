"""Content, through the Git Data API: blobs and tree, the tree compared, then a commit, then a ref."""

import base64
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from penstock.adapters.github import wire
from penstock.adapters.github.needs import WRITE_CONTENTS
from penstock.adapters.github.pen import Outcome, Pen
from penstock.adapters.github.wire import Body
from penstock.adapters.github.writing import Mutation
from penstock.core.evidence import FileMode
from penstock.core.refs import RepoRef, Sha
from penstock.core.write import Content, PlaceTag, TreeEdit
from penstock.ports import NotWritten, Permanent, Written

BlobSource = Callable[[RepoRef, Sha], bytes]
"""The bytes of a blob, from the local mirror."""

INLINE = 1 << 20
"""Bytes of text that one tree request carries; what is beyond, or no text, is sent as blobs first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Author:
    """Whom commits are by: the bot (P-003)."""

    name: str
    email: str


def put_content(pen: Pen, wanted: Content, author: Author, blob: BlobSource) -> Outcome:
    """One commit with the approved tree as the branch's head. The same content gives the same commit."""

    def look() -> Outcome | None:
        return _head(pen, wanted, author)

    found = look()
    if found is not None:
        return found
    tree = _tree(pen, wanted, blob)
    if tree != wanted.tree:
        return NotWritten(
            code="tree_differs", detail=f"the forge made tree {tree} where {wanted.tree} was approved"
        )
    commit = _commit(pen, wanted, author)
    return pen.once(look, lambda: _point(pen, wanted, commit))


def place_tag(pen: Pen, wanted: PlaceTag) -> Outcome:
    def look() -> Outcome | None:
        at = pen.look.tag(pen.repo, wanted.tag)
        if at is None:
            return None
        if at == wanted.commit:
            return Written(sha=at)
        return NotWritten(code="tag_taken", detail=f"tag {wanted.tag} is at {at}, not at {wanted.commit}")

    def write() -> Outcome:
        return _create_ref(pen, f"refs/tags/{wanted.tag}", wanted.commit)

    return pen.once(look, write)


def _head(pen: Pen, wanted: Content, author: Author) -> Outcome | None:
    """The branch holds our commit, or somebody else's, or (None) what is expected before the write."""
    head = pen.look.branch_head(pen.repo, wanted.branch)
    if head == wanted.expected_head:
        return None
    if head is None:
        return NotWritten(code="head_moved", detail=f"branch {wanted.branch} is gone")
    if _is_ours(pen.look.commit_object(pen.repo, head), wanted, author):
        return Written(sha=head)
    if wanted.expected_head is None:
        return NotWritten(code="branch_taken", detail=f"branch {wanted.branch} exists already, at {head}")
    return NotWritten(
        code="head_moved", detail=f"branch {wanted.branch} is at {head}, not at {wanted.expected_head}"
    )


def _is_ours(commit: wire.Commit | None, wanted: Content, author: Author) -> bool:
    """Whether everything that makes a commit's id is what we would write."""
    if commit is None or commit.message.rstrip() != wanted.message.rstrip():
        return False
    at = wanted.at.replace(microsecond=0)
    return (
        commit.tree.sha == wanted.tree
        and tuple(parent.sha for parent in commit.parents) == wanted.parents
        and all(
            (by.name, by.email, by.date) == (author.name, author.email, at)
            for by in (commit.author, commit.committer)
        )
    )


def _tree(pen: Pen, wanted: Content, blob: BlobSource) -> Sha:
    if not wanted.edits:
        return wanted.base_tree
    body: Body = {"base_tree": wanted.base_tree, "tree": list(_entries(pen, wanted, blob))}
    mutation = Mutation(method="POST", path=pen.path("git", "trees"), need=WRITE_CONTENTS, body=body)
    return pen.send(mutation, wire.ObjectName).sha


def _entries(pen: Pen, wanted: Content, blob: BlobSource) -> Iterator[Body]:
    """Tree entries with explicit modes. Deletions come first, so that a folder can take a file's place."""
    room = INLINE
    for edit in sorted(wanted.edits, key=lambda edit: (edit.sha is not None, edit.path)):
        if edit.sha is None:
            yield {"path": edit.path, "mode": FileMode.FILE, "type": "blob", "sha": None}
        elif edit.mode is FileMode.SUBMODULE:
            yield {"path": edit.path, "mode": edit.mode, "type": "commit", "sha": edit.sha}
        else:
            data = blob(wanted.repo, edit.sha)
            text = _text(data) if len(data) <= room else None
            room -= len(data) if text is not None else 0
            content: Body = {"sha": _blob(pen, edit, data)} if text is None else {"content": text}
            yield {"path": edit.path, "mode": edit.mode, "type": "blob", **content}


def _text(data: bytes) -> str | None:
    """The bytes as text that JSON carries unchanged; None for what is not UTF-8 or has a NUL."""
    try:
        return None if b"\0" in data else data.decode()
    except UnicodeDecodeError:
        return None


def _blob(pen: Pen, edit: TreeEdit, data: bytes) -> Sha:
    body = {"content": base64.b64encode(data).decode(), "encoding": "base64"}
    mutation = Mutation(method="POST", path=pen.path("git", "blobs"), need=WRITE_CONTENTS, body=body)
    sha = pen.send(mutation, wire.ObjectName).sha
    if sha != edit.sha:
        raise Permanent(
            "unexpected_answer", f"{edit.path}: the forge made blob {sha} of the bytes of {edit.sha}"
        )
    return sha


def _commit(pen: Pen, wanted: Content, author: Author) -> Sha:
    by = {"name": author.name, "email": author.email, "date": _timestamp(wanted.at)}
    body: Body = {
        "message": wanted.message,
        "tree": wanted.tree,
        "parents": wanted.parents,
        "author": by,
        "committer": by,
    }
    mutation = Mutation(method="POST", path=pen.path("git", "commits"), need=WRITE_CONTENTS, body=body)
    made = pen.send(mutation, wire.Commit)
    if not _is_ours(made, wanted, author):
        raise Permanent(
            "unexpected_answer",
            f"the forge made commit {made.sha} with another tree, parents, author or message",
        )
    return made.sha


def _point(pen: Pen, wanted: Content, commit: Sha) -> Outcome:
    """The branch to our commit; never by force, so a head that moved meanwhile refuses it."""
    if wanted.expected_head is None:
        return _create_ref(pen, f"refs/heads/{wanted.branch}", commit)
    path = pen.path("git", "refs", "heads", *wanted.branch.split("/"))
    body: Body = {"sha": commit, "force": False}
    mutation = Mutation(method="PATCH", path=path, need=WRITE_CONTENTS, body=body)
    return Written(sha=pen.send(mutation, wire.Ref).object.sha)


def _create_ref(pen: Pen, ref: str, sha: Sha) -> Outcome:
    mutation = Mutation(
        method="POST", path=pen.path("git", "refs"), need=WRITE_CONTENTS, body={"ref": ref, "sha": sha}
    )
    return Written(sha=pen.send(mutation, wire.Ref).object.sha)


def _timestamp(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
