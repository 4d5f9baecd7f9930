"""Files: reading them, and changing one with one commit."""

import posixpath
import time
from html import escape

from localforge.call import Answer, Call, created, ok, text
from localforge.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from localforge.events import ZERO_SHA
from localforge.git import refnames
from localforge.git.edit import Leaf, edit_tree, entry_at, malformed
from localforge.git.objects import Commit, Draft, TreeEntry, tree, write_commit, write_object
from localforge.guard import ProtectedBranchError, move_guarded
from localforge.json_types import Json
from localforge.operations import MEBIBYTE, Area
from localforge.pages.prose import to_page_html
from localforge.refs import Move
from localforge.render.commits import git_commit, ident_of
from localforge.rest.git_objects import decoded, encoded, ident_from
from localforge.urls import quoted

area = Area()

INLINE_LIMIT = MEBIBYTE
READABLE_LIMIT = 100 * MEBIBYTE
_README = ("readme.md", "readme.rst", "readme.txt", "readme")
# Where a README is looked for, the first that has one (docs.github.com, "About READMEs").
_SHELVES = (".github", "", "docs")
_MARKDOWN = frozenset({"md", "markdown", "mdown", "mkdn"})


@area("GET", "/repos/{owner}/{repo}/contents/{path*}", "repos/get-content", needs="contents:read")
def get_content(call: Call) -> Answer:
    """A file or folder at a branch, tag or sha."""
    sha, ref = _at(call)
    path = call.params["path"].strip("/")
    if malformed(path):
        raise NotFoundError
    entry = entry_at(call.git, f"{sha}^{{tree}}", path)
    if entry is None:
        raise NotFoundError
    return _folder(call, sha, ref, path) if entry.kind == "tree" else _file(call, sha, ref, path, entry)


@area("GET", "/repos/{owner}/{repo}/contents", "repos/get-content (root)", needs="contents:read")
def get_root(call: Call) -> Answer:
    """The top folder."""
    sha, ref = _at(call)
    return _folder(call, sha, ref, "")


@area("GET", "/repos/{owner}/{repo}/readme", "repos/get-readme", needs="contents:read")
def get_readme(call: Call) -> Answer:
    """The README of `.github`, of the top folder or of `docs`."""
    sha, ref = _at(call)
    for folder in _SHELVES:
        entries = {entry.name.lower(): entry for entry in tree(call.git, f"{sha}:{folder}") or ()}
        entry = next((entries[name] for name in _README if name in entries), None)
        if entry is not None:
            return _file(call, sha, ref, posixpath.join(folder, entry.name), entry)
    raise NotFoundError


@area(
    "PUT",
    "/repos/{owner}/{repo}/contents/{path*}",
    "repos/create-or-update-file-contents",
    needs="contents:write",
    body_limit=140 * MEBIBYTE,
)
def put_content(call: Call) -> Answer:
    """Create a file, or replace the one whose blob is `sha`."""
    content = decoded(call.body.text("content"))
    leaf = Leaf(mode="100644", sha=write_object(call.git, "blob", content))
    return _commit(call, leaf)


@area("DELETE", "/repos/{owner}/{repo}/contents/{path*}", "repos/delete-file", needs="contents:write")
def delete_content(call: Call) -> Answer:
    """Delete the file whose blob is `sha`."""
    call.body.text("sha")
    return _commit(call, None)


def _at(call: Call) -> tuple[str, str]:
    """The commit that `ref` means (default: the default branch), and the ref's name; 404 when there is none."""
    ref = call.query.get("ref") or refnames.head_branch(call.git)
    sha = refnames.commit_sha(call.git, ref)
    if sha is None:
        empty = not call.git.text("for-each-ref", "--count=1")
        raise NotFoundError("This repository is empty." if empty else f"No commit found for the ref {ref}")
    return sha, ref


def _links(call: Call, ref: str, path: str, entry: TreeEntry) -> dict[str, Json]:
    """Name, path, sha and every address of an entry."""
    full_name = call.view.full_name(call.repo)
    api, page = call.urls.repo(full_name), call.urls.page(full_name)
    at = quoted(path)
    url = f"{api}/contents/{at}?ref={quoted(ref)}"
    git_url, html_url, download_url = None, None, None
    if entry.kind != "commit":
        git_url = f"{api}/git/{entry.kind}s/{entry.sha}"
        html_url = f"{page}/{entry.kind}/{quoted(ref)}/{at}"
    if entry.kind == "blob":
        download_url = f"{page}/raw/{quoted(ref)}/{at}"
    return {
        "name": path.rpartition("/")[2],
        "path": path,
        "sha": entry.sha,
        "url": url,
        "html_url": html_url,
        "git_url": git_url,
        "download_url": download_url,
        "_links": {"self": url, "git": git_url, "html": html_url},
    }


def _size(call: Call, entry: TreeEntry) -> int:
    found = call.git.info(entry.sha) if entry.kind == "blob" else None
    return found[2] if found else 0


def _folder(call: Call, sha: str, ref: str, path: str) -> Answer:
    entries = sorted(tree(call.git, f"{sha}:{path}") or (), key=lambda entry: entry.name)
    kinds = {"tree": "dir", "commit": "file", "blob": "file"}
    shown: list[Json] = []
    for entry in entries:
        where = f"{path}/{entry.name}" if path else entry.name
        kind = "symlink" if entry.mode == "120000" else kinds[entry.kind]
        shown.append({**_links(call, ref, where, entry), "type": kind, "size": _size(call, entry)})
    if call.accept != "object":
        return ok(shown)
    found = call.git.info(f"{sha}:{path}")
    itself = TreeEntry(mode="040000", name=path, sha=found[0] if found else sha)
    return ok({**_links(call, ref, path, itself), "type": "dir", "size": 0, "entries": shown})


def _file(call: Call, sha: str, ref: str, path: str, entry: TreeEntry) -> Answer:
    links = _links(call, ref, path, entry)
    if entry.kind == "commit":
        return ok({**links, "type": "submodule", "size": 0, "submodule_git_url": _submodule(call, sha, path)})
    size = _size(call, entry)
    if size > READABLE_LIMIT:
        raise ForbiddenError("This API returns blobs up to 100 MB in size.")
    blob = call.git.object(entry.sha)
    data = blob.data if blob else b""
    if entry.mode == "120000":
        target = data.decode("utf-8", "surrogateescape")
        aimed = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
        pointed = None if malformed(aimed) else entry_at(call.git, f"{sha}^{{tree}}", aimed)
        if pointed is None or pointed.mode not in {"100644", "100755"}:
            return ok({**links, "type": "symlink", "target": target, "size": size})
        return _file(call, sha, ref, aimed, pointed)
    if call.accept == "raw":
        return text(data, "application/vnd.github.raw; charset=utf-8")
    if call.accept == "html":
        return text(_rendered(path, data), "application/vnd.github.html; charset=utf-8")
    inline = size <= INLINE_LIMIT
    body = {"content": encoded(data) if inline else "", "encoding": "base64" if inline else "none"}
    return ok({**links, "type": "file", "size": size, **body})


def _rendered(path: str, data: bytes) -> str:
    """A file as HTML: Markdown as what it means, everything else as it is written."""
    content, kind = data.decode("utf-8", "replace"), posixpath.splitext(path)[1].lstrip(".").lower()
    if kind in _MARKDOWN:
        shown = (
            f'<article class="markdown-body entry-content" itemprop="text">{to_page_html(content)}</article>'
        )
    else:
        shown = f'<div class="plain"><pre style="white-space: pre-wrap">{escape(content)}</pre></div>'
    return f'<div id="file" class="{escape(kind)}" data-path="{escape(path)}">{shown}</div>'


def _submodule(call: Call, sha: str, path: str) -> str | None:
    """The submodule's address in `.gitmodules`."""
    found = call.git.object(f"{sha}:.gitmodules")
    if found is None or found.kind != "blob":
        return None
    listing = call.git.text("config", "--file", "-", "--list", stdin=found.data)
    settings = dict(line.partition("=")[::2] for line in listing.splitlines())
    names = [
        key.removesuffix(".path")
        for key, value in settings.items()
        if key.endswith(".path") and value == path
    ]
    return settings.get(f"{names[0]}.url") if names else None


def _commit(call: Call, leaf: Leaf | None) -> Answer:
    """One commit on a branch that sets or removes the path's file."""
    path = call.params["path"].strip("/")
    if malformed(path):
        raise InvalidError("path contains a malformed path component")
    message = call.body.text("message")
    branch = call.body.maybe_text("branch") or refnames.head_branch(call.git)
    ref = refnames.BRANCH + branch
    with call.forge.ref_lock(call.repo.id):
        head = refnames.branch_sha(call.git, branch)
        if head is None and (branch != refnames.head_branch(call.git) or leaf is None):
            raise NotFoundError(f"Branch {branch} not found")
        root = f"{head}^{{tree}}" if head else None
        present = entry_at(call.git, root, path) if root else None
        _check_present(call, path, present, leaf)
        if leaf and present and present.mode in {"100644", "100755"}:
            leaf = Leaf(mode=present.mode, sha=leaf.sha)
        ident = ident_of(call.actor.account, int(time.time()))
        author = ident_from(call.body.object("author"), "author", ident)
        draft = Draft(
            tree=edit_tree(call.git, root, {path: leaf}),
            parents=(head,) if head else (),
            message=message,
            author=author,
            committer=ident_from(call.body.object("committer"), "committer", ident),
        )
        written = write_commit(call.git, draft)
        try:
            move_guarded(
                call.forge, call.repo, [Move(ref=ref, before=head or ZERO_SHA, after=written.sha)], call.actor
            )
        except ProtectedBranchError as error:
            raise ConflictError(f"Could not update file: {error.message}") from error
    return _committed(call, branch, path, written, leaf, existed=present is not None)


def _check_present(call: Call, path: str, present: TreeEntry | None, leaf: Leaf | None) -> None:
    """The caller must know the file that they replace or remove: 404, 409 or 422 otherwise."""
    sha = call.body.maybe_text("sha")
    if present is None:
        if leaf is None:
            raise NotFoundError
        if sha is not None:
            raise ConflictError(f"{path} does not match {sha}")
    elif present.kind != "blob":
        raise InvalidError(f"{path} is not a file")
    elif sha is None:
        raise InvalidError('Invalid request.\n\n"sha" wasn\'t supplied.')
    elif sha != present.sha:
        raise ConflictError(f"{path} does not match {sha}")


def _committed(
    call: Call, branch: str, path: str, written: Commit, leaf: Leaf | None, *, existed: bool
) -> Answer:
    shown: dict[str, Json] = {"content": None, "commit": git_commit(call.view, call.repo, written)}
    if leaf is not None:
        entry = TreeEntry(mode=leaf.mode, name=path, sha=leaf.sha)
        shown["content"] = {
            **_links(call, branch, path, entry),
            "type": "file",
            "size": _size(call, entry),
        }
    return ok(shown) if existed else created(shown)
