"""Git objects: parsing commits, trees and tags, and writing objects so that the same input has the same sha."""

import hashlib
import os
import re
import tempfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from localforge.git.directory import GitDir

_IDENT = re.compile(r"(?P<name>.*?) ?<(?P<email>[^>]*)> (?P<seconds>-?\d+) (?P<zone>[+-]\d{4})", re.DOTALL)
LAST_SECOND = 253_402_300_799
EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ident:
    """Who and when: `seconds` since 1970, `zone` as git writes it (`+0200`)."""

    name: str
    email: str
    seconds: int
    zone: str = "+0000"

    @property
    def date(self) -> str:
        """The time as GitHub shows it, in UTC."""
        return datetime.fromtimestamp(self.seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def line(self) -> str:
        """The ident as git stores it; what git itself strips from names is stripped."""
        return f"{_clean(self.name)} <{_clean(self.email)}> {self.seconds} {self.zone}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """A commit, parsed. `signature` is its `gpgsig` header, `payload` what was signed."""

    sha: str
    tree: str
    parents: tuple[str, ...]
    author: Ident
    committer: Ident
    message: str
    signature: str | None = None
    payload: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A commit to be written."""

    tree: str
    parents: tuple[str, ...]
    message: str
    author: Ident
    committer: Ident
    signature: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    """An annotated tag, parsed."""

    sha: str
    object: str
    kind: str
    name: str
    tagger: Ident | None
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeEntry:
    """One entry of a tree: octal mode as git writes it (`100644`, `040000`), and a name or a path."""

    mode: str
    name: str
    sha: str

    @property
    def kind(self) -> str:
        """blob, tree or commit (a submodule)."""
        return {"040000": "tree", "160000": "commit"}.get(self.mode, "blob")


def commit(git: GitDir, sha: str) -> Commit | None:
    """The commit with this sha, or None."""
    found = git.object(sha)
    return parse_commit(found.sha, found.data) if found and found.kind == "commit" else None


def tag(git: GitDir, sha: str) -> Tag | None:
    """The annotated tag with this sha, or None."""
    found = git.object(sha)
    if found is None or found.kind != "tag":
        return None
    headers, message = _headers(found.data)
    fields = dict(headers)
    return Tag(
        sha=found.sha,
        object=fields["object"],
        kind=fields["type"],
        name=fields["tag"],
        tagger=parse_ident(fields["tagger"]) if "tagger" in fields else None,
        message=message.rstrip("\n"),
    )


def tree(git: GitDir, name: str) -> list[TreeEntry] | None:
    """The entries of a tree (a sha, or `<commit>^{tree}`), or None."""
    found = git.object(name)
    return list(parse_tree(found.data)) if found and found.kind == "tree" else None


def parse_commit(sha: str, data: bytes) -> Commit:
    """A commit from its stored bytes."""
    headers, message = _headers(data)
    fields = dict(headers)
    signature = fields.get("gpgsig")
    payload = None
    if signature is not None:
        kept = re.sub(rb"\ngpgsig .*(\n .*)*", b"", data, count=1)
        payload = kept.decode("utf-8", "replace")
    return Commit(
        sha=sha,
        tree=fields["tree"],
        parents=tuple(value for name, value in headers if name == "parent"),
        author=parse_ident(fields.get("author", "")),
        committer=parse_ident(fields.get("committer", "")),
        message=message,
        signature=signature,
        payload=payload,
    )


def parse_tree(data: bytes) -> Iterable[TreeEntry]:
    """Tree entries from their stored bytes."""
    at = 0
    while at < len(data):
        space = data.index(b" ", at)
        end = data.index(b"\0", space)
        yield TreeEntry(
            mode=data[at:space].decode().zfill(6),
            name=data[space + 1 : end].decode("utf-8", "surrogateescape"),
            sha=data[end + 1 : end + 21].hex(),
        )
        at = end + 21


def parse_ident(text: str) -> Ident:
    """An author, committer or tagger line. Times before 1970 and after 9999 become the nearest that is not."""
    match = _IDENT.fullmatch(text)
    if match is None:
        return Ident(name=text, email="", seconds=0)
    seconds = min(max(int(match["seconds"]), 0), LAST_SECOND)
    return Ident(name=match["name"], email=match["email"], seconds=seconds, zone=match["zone"])


def ident_at(name: str, email: str, date: str) -> Ident:
    """An ident at an ISO 8601 time, keeping its offset; raises ValueError when it is no time since 1970."""
    moment = datetime.fromisoformat(date)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    if moment.timestamp() < 0:
        raise ValueError(f"{date} is before 1970")
    offset = (moment.utcoffset() or timedelta()) // timedelta(minutes=1)
    sign = "-" if offset < 0 else "+"
    zone = f"{sign}{abs(offset) // 60:02}{abs(offset) % 60:02}"
    return Ident(name=name, email=email, seconds=int(moment.timestamp()), zone=zone)


def write_commit(git: GitDir, draft: Draft) -> Commit:
    """Write a commit; the same draft gives the same sha."""
    lines = [f"tree {draft.tree}", *(f"parent {parent}" for parent in draft.parents)]
    lines += [f"author {draft.author.line()}", f"committer {draft.committer.line()}"]
    if draft.signature is not None:
        lines.append("gpgsig " + draft.signature.strip().replace("\n", "\n "))
    data = "\n".join([*lines, "", draft.message]).encode("utf-8", "surrogateescape")
    return parse_commit(write_object(git, "commit", data), data)


def write_tag(git: GitDir, *, target: str, kind: str, name: str, message: str, tagger: Ident) -> str:
    """Write an annotated tag object (not its ref). Returns its sha."""
    body = message if message.endswith("\n") else message + "\n"
    lines = [f"object {target}", f"type {kind}", f"tag {name}", f"tagger {tagger.line()}", "", body]
    return write_object(git, "tag", "\n".join(lines).encode("utf-8", "surrogateescape"))


def write_tree(git: GitDir, entries: Iterable[TreeEntry]) -> str:
    """Write one tree level from entries with plain names. Returns its sha."""
    encoded = [(entry.name.encode("utf-8", "surrogateescape"), entry) for entry in entries]
    encoded.sort(key=lambda pair: pair[0] + (b"/" if pair[1].kind == "tree" else b""))
    data = b"".join(
        entry.mode.lstrip("0").encode() + b" " + name + b"\0" + bytes.fromhex(entry.sha)
        for name, entry in encoded
    )
    return write_object(git, "tree", data)


def write_object(git: GitDir, kind: str, data: bytes) -> str:
    """Write a loose object, durably and atomically. Returns its sha."""
    stored = f"{kind} {len(data)}".encode() + b"\0" + data
    sha = hashlib.sha1(stored, usedforsecurity=False).hexdigest()
    path = git.path / "objects" / sha[:2] / sha[2:]
    if not path.exists() and git.info(sha) is None:
        path.parent.mkdir(exist_ok=True)
        _write_atomically(path, zlib.compress(stored, 1))
    return sha


def _write_atomically(path: Path, content: bytes) -> None:
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix="tmp_obj_")
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fchmod(file.fileno(), 0o444)
        os.fsync(file.fileno())
    Path(temporary).rename(path)


def _headers(data: bytes) -> tuple[list[tuple[str, str]], str]:
    head, _, message = data.partition(b"\n\n")
    headers: list[tuple[str, str]] = []
    for line in head.decode("utf-8", "surrogateescape").split("\n"):
        if line.startswith(" ") and headers:
            name, value = headers[-1]
            headers[-1] = (name, f"{value}\n{line[1:]}")
        else:
            name, _, value = line.partition(" ")
            headers.append((name, value))
    return headers, message.decode("utf-8", "replace")


def _clean(text: str) -> str:
    return re.sub(r"[<>\n\0]", "", text).strip(" .,:;\"'\\")
