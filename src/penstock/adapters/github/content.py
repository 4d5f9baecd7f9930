"""Content, through the Git Data API: blobs and tree, the tree compared, then a commit, then a ref."""

import base64
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePosixPath

from penstock.adapters.github import wire
from penstock.adapters.github.needs import WRITE_CONTENTS
from penstock.adapters.github.pen import Outcome, Pen
from penstock.adapters.github.wire import Body
from penstock.adapters.github.writing import Mutation
from penstock.core.evidence import FileMode
from penstock.core.refs import RepoRef, Sha
from penstock.core.write import Content, NotWritten, PlaceTag, TreeEdit, Written
from penstock.ports import Permanent

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
    put = pen.once(look, lambda: _point(pen, wanted, commit))
    return _too_late(pen, wanted) or put


def _too_late(pen: Pen, wanted: Content) -> NotWritten | None:
    """A request for a new branch that was held up on its way, until all was over: the branch is taken back."""
    over = _closed_pull(pen, wanted.branch) if wanted.expected_head is None else None
    if over is None:
        return None
    pen.take_back(Mutation(method="DELETE", path=pen.branch(wanted.branch), need=WRITE_CONTENTS))
    detail = f"pull request #{over.number} of {wanted.branch} was closed before the branch could be made"
    return NotWritten(code="closed", detail=detail)


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


def _closed_pull(pen: Pen, branch: str) -> wire.ListedPull | None:
    return next((pull for pull in pen.pulls(branch) if pull.state == "closed"), None)


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
    tree = wanted.base_tree
    room = INLINE
    for edits in steps_of(wanted.edits):
        entries = []
        for edit in edits:
            entry, inline = _entry(pen, wanted.repo, edit, blob, room)
            entries.append(entry)
            room -= inline
        body: Body = {"base_tree": tree, "tree": entries}
        mutation = Mutation(method="POST", path=pen.path("git", "trees"), need=WRITE_CONTENTS, body=body)
        tree = pen.send(mutation, wire.ObjectName).sha
    return tree


def steps_of(edits: tuple[TreeEdit, ...]) -> list[list[TreeEdit]]:
    """The edits as one request makes them; as two (what goes, what comes) where a file and a folder trade places,
    because what one request makes of that is nowhere documented."""
    gone = [edit for edit in edits if edit.sha is None]
    come = [edit for edit in edits if edit.sha is not None]
    trade = {edit.path for edit in gone} & _folders(come) or {edit.path for edit in come} & _folders(gone)
    return [step for step in ((gone, come) if trade else (gone + come,)) if step]


def _folders(edits: list[TreeEdit]) -> set[str]:
    return {str(folder) for edit in edits for folder in PurePosixPath(edit.path).parents}


def _entry(pen: Pen, repo: RepoRef, edit: TreeEdit, blob: BlobSource, room: int) -> tuple[Body, int]:
    """A tree entry with its explicit mode, and how many bytes of it go with the tree request itself."""
    if edit.sha is None:
        return {"path": edit.path, "mode": FileMode.FILE, "type": "blob", "sha": None}, 0
    if edit.mode is FileMode.SUBMODULE:
        return {"path": edit.path, "mode": edit.mode, "type": "commit", "sha": edit.sha}, 0
    entry = {"path": edit.path, "mode": edit.mode, "type": "blob"}
    data = blob(repo, edit.sha)
    text = _text(data) if len(data) <= room else None
    if text is None:
        return {**entry, "sha": _blob(pen, edit, data)}, 0
    return {**entry, "content": text}, len(data)


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
    path = pen.branch(wanted.branch)
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
