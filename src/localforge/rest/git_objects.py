"""Git's objects: blobs, trees, commits and tags, written so that the same input has the same sha."""

import base64
import binascii
import time

from localforge.body import Body
from localforge.call import Answer, Call, created, ok, text
from localforge.errors import InvalidError, NotFoundError
from localforge.git import refnames
from localforge.git.directory import GitDir
from localforge.git.edit import Leaf, edit_tree, malformed
from localforge.git.objects import Draft, Ident, commit, ident_at, tag, write_commit, write_object, write_tag
from localforge.json_types import Json
from localforge.operations import MEBIBYTE, Area
from localforge.render.commits import git_commit, ident_of
from localforge.rest.git_refs import refuse_empty
from localforge.urls import node_id

area = Area()

MODES = {"100644": "blob", "100755": "blob", "120000": "blob", "040000": "tree", "160000": "commit"}
MOST_ENTRIES = 100_000


@area(
    "POST",
    "/repos/{owner}/{repo}/git/blobs",
    "git/create-blob",
    needs="contents:write",
    body_limit=140 * MEBIBYTE,
)
def create_blob(call: Call) -> Answer:
    """A blob from text or base64."""
    refuse_empty(call.git)
    content = call.body.text("content")
    encoding = call.body.choice("encoding", ("utf-8", "base64"), "utf-8")
    data = decoded(content) if encoding == "base64" else content.encode()
    sha = write_object(call.git, "blob", data)
    url = f"{_url(call)}/blobs/{sha}"
    return created({"sha": sha, "url": url}, location=url)


@area("GET", "/repos/{owner}/{repo}/git/blobs/{file_sha}", "git/get-blob", needs="contents:read")
def get_blob(call: Call) -> Answer:
    """A blob in base64, or its bytes with `Accept: …raw`."""
    sha = call.params["file_sha"]
    if not refnames.SHA.fullmatch(sha):
        raise InvalidError("The sha parameter must be exactly 40 characters and contain only [0-9a-f].")
    found = call.git.object(sha)
    if found is None or found.kind != "blob":
        refuse_empty(call.git)
        raise NotFoundError
    if call.accept == "raw":
        return text(found.data, "application/vnd.github.raw; charset=utf-8")
    return ok(
        {
            "sha": sha,
            "node_id": node_id("B", call.repo.id, sha),
            "size": len(found.data),
            "url": f"{_url(call)}/blobs/{sha}",
            "content": encoded(found.data),
            "encoding": "base64",
        }
    )


@area("POST", "/repos/{owner}/{repo}/git/trees", "git/create-tree", needs="contents:write")
def create_tree(call: Call) -> Answer:
    """A tree: entries alone, or over a base tree; an entry with `sha: null` removes its path."""
    refuse_empty(call.git)
    entries = call.body.objects("tree")
    if entries is None:
        raise InvalidError('Invalid request.\n\n"tree" wasn\'t supplied.')
    base = call.body.maybe_text("base_tree")
    if base is not None:
        found = call.git.info(f"{base}^{{tree}}") if refnames.SHA.fullmatch(base) else None
        if found is None:
            raise InvalidError("base_tree is not a valid tree oid")
        base = found[0]
    edits = dict(_edit(call.git, entry) for entry in entries)
    sha = edit_tree(call.git, base, edits)
    return created(_tree(call, sha, recursive=False), location=f"{_url(call)}/trees/{sha}")


@area("GET", "/repos/{owner}/{repo}/git/trees/{tree_sha*}", "git/get-tree", needs="contents:read")
def get_tree(call: Call) -> Answer:
    """A tree by sha, branch or tag; with `recursive`, everything below it."""
    name = call.params["tree_sha"]
    found = call.git.info(f"{name}^{{tree}}") if refnames.SHA.fullmatch(name) else None
    if found is None:
        commit_sha = refnames.commit_sha(call.git, name)
        found = call.git.info(f"{commit_sha}^{{tree}}") if commit_sha else None
    if found is None:
        refuse_empty(call.git)
        raise NotFoundError
    return ok(_tree(call, found[0], recursive=call.query.get("recursive") is not None))


@area("POST", "/repos/{owner}/{repo}/git/commits", "git/create-commit", needs="contents:write")
def create_commit(call: Call) -> Answer:
    """A commit of a tree; author and committer default to the caller, now."""
    refuse_empty(call.git)
    body, git = call.body, call.git
    message, tree_sha = body.text("message"), body.text("tree")
    parents = body.texts("parents") or []
    if not _is(git, tree_sha, "tree"):
        raise InvalidError("Tree SHA does not exist")
    if not all(_is(git, parent, "commit") for parent in parents):
        raise InvalidError("Parent SHA does not exist or is not a commit object")
    author = ident_from(body.object("author"), "author", ident_of(call.actor.account, int(time.time())))
    draft = Draft(
        tree=tree_sha,
        parents=tuple(parents),
        message=message,
        author=author,
        committer=ident_from(body.object("committer"), "committer", author),
        signature=body.maybe_text("signature"),
    )
    written = write_commit(git, draft)
    location = f"{_url(call)}/commits/{written.sha}"
    return created(git_commit(call.view, call.repo, written), location=location)


@area("GET", "/repos/{owner}/{repo}/git/commits/{commit_sha}", "git/get-commit", needs="contents:read")
def get_commit(call: Call) -> Answer:
    """A commit object."""
    sha = call.params["commit_sha"]
    found = commit(call.git, sha) if refnames.SHA.fullmatch(sha) else None
    if found is None:
        refuse_empty(call.git)
        raise NotFoundError
    return ok(git_commit(call.view, call.repo, found))


@area("POST", "/repos/{owner}/{repo}/git/tags", "git/create-tag", needs="contents:write")
def create_tag(call: Call) -> Answer:
    """An annotated tag object; the ref that makes it a tag is created apart."""
    refuse_empty(call.git)
    body = call.body
    name, message, target = body.text("tag"), body.text("message"), body.text("object")
    kind = body.choice("type", ("commit", "tree", "blob"))
    if not refnames.valid(refnames.TAG + name):
        raise InvalidError("Tag name is not valid")
    if not _is(call.git, target, kind):
        raise InvalidError(f"Object {target} does not exist or is no {kind}")
    tagger = ident_from(body.object("tagger"), "tagger", ident_of(call.actor.account, int(time.time())))
    sha = write_tag(call.git, target=target, kind=kind, name=name, message=message, tagger=tagger)
    return created(_tag(call, sha), location=f"{_url(call)}/tags/{sha}")


@area("GET", "/repos/{owner}/{repo}/git/tags/{tag_sha}", "git/get-tag", needs="contents:read")
def get_tag(call: Call) -> Answer:
    """An annotated tag object."""
    return ok(_tag(call, call.params["tag_sha"]))


def ident_from(body: Body | None, field: str, default: Ident) -> Ident:
    """The person and time that a request names, with what it leaves out from `default`."""
    if body is None:
        return default
    name = body.maybe_text("name") or default.name
    email = body.maybe_text("email") or default.email
    date = body.maybe_text("date")
    if date is None:
        return Ident(name=name, email=email, seconds=default.seconds, zone=default.zone)
    try:
        return ident_at(name, email, date)
    except ValueError as error:
        raise InvalidError(
            f"Invalid request.\n\n{date[:40]} is not a valid date-time for {field}."
        ) from error


def decoded(content: str) -> bytes:
    """The bytes of base64 text, in which line ends are allowed; 422 when it is none."""
    try:
        return base64.b64decode("".join(content.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidError("content is not valid Base64") from error


def encoded(data: bytes) -> str:
    """Base64 in lines of 60 characters, as GitHub gives it."""
    plain = base64.b64encode(data).decode()
    return "".join(f"{plain[at : at + 60]}\n" for at in range(0, len(plain), 60))


def _url(call: Call) -> str:
    return f"{call.urls.repo(call.view.full_name(call.repo))}/git"


def _is(git: GitDir, sha: str, kind: str) -> bool:
    found = git.info(sha) if refnames.SHA.fullmatch(sha) else None
    return found is not None and found[1] == kind


def _edit(git: GitDir, entry: Body) -> tuple[str, Leaf | None]:
    """One entry of a request as a path and what it shall be."""
    path = entry.text("path")
    if malformed(path):
        raise InvalidError("tree.path contains a malformed path component")
    if "sha" in entry and entry.maybe_text("sha") is None and "content" not in entry:
        return path, None
    mode = entry.choice("mode", tuple(MODES))
    kind = MODES[mode]
    if entry.maybe_text("type") not in {None, kind}:
        raise InvalidError(f"tree.type {entry.text('type')} does not match mode {mode}")
    content, sha = entry.maybe_text("content"), entry.maybe_text("sha")
    if content is not None and sha is not None:
        raise InvalidError("Must supply either tree.sha or tree.content")
    if content is not None:
        if kind != "blob":
            raise InvalidError("tree.content is for blobs alone")
        return path, Leaf(mode=mode, sha=write_object(git, "blob", content.encode()))
    if sha is None:
        raise InvalidError("Must supply tree.sha or tree.content")
    if not refnames.SHA.fullmatch(sha) or (kind != "commit" and not _is(git, sha, kind)):
        raise InvalidError(f"tree.sha {sha[:40]} is not a valid {kind}")
    return path, Leaf(mode=mode, sha=sha)


def _tree(call: Call, sha: str, *, recursive: bool) -> dict[str, Json]:
    options = ("-r", "-t") if recursive else ()
    listing = call.git.run("ls-tree", "-l", "-z", *options, sha).decode("utf-8", "surrogateescape")
    entries: list[Json] = []
    lines = listing.split("\0")[:-1]
    for line in lines[:MOST_ENTRIES]:
        facts, _, path = line.partition("\t")
        mode, kind, entry_sha, size = facts.split()
        entry: dict[str, Json] = {"path": path, "mode": mode, "type": kind, "sha": entry_sha}
        if kind == "blob":
            entry["size"] = int(size)
        if kind != "commit":
            entry["url"] = f"{_url(call)}/{kind}s/{entry_sha}"
        entries.append(entry)
    return {
        "sha": sha,
        "url": f"{_url(call)}/trees/{sha}",
        "tree": entries,
        "truncated": len(lines) > MOST_ENTRIES,
    }


def _tag(call: Call, sha: str) -> dict[str, Json]:
    found = tag(call.git, sha) if refnames.SHA.fullmatch(sha) else None
    if found is None:
        refuse_empty(call.git)
        raise NotFoundError
    tagger = found.tagger or Ident(name="", email="", seconds=0)
    return {
        "node_id": node_id("TAG", call.repo.id, sha),
        "sha": sha,
        "url": f"{_url(call)}/tags/{sha}",
        "tag": found.name,
        "message": found.message,
        "tagger": {"name": tagger.name, "email": tagger.email, "date": tagger.date},
        "object": {
            "sha": found.object,
            "type": found.kind,
            "url": f"{_url(call)}/{found.kind}s/{found.object}",
        },
        "verification": {
            "verified": False,
            "reason": "unsigned",
            "signature": None,
            "payload": None,
            "verified_at": None,
        },
    }
