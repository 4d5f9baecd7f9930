"""Git references."""

from localforge.call import Answer, Call, created, no_content, ok
from localforge.errors import ConflictError, InvalidError, NotFoundError
from localforge.events import ZERO_SHA
from localforge.git import refnames
from localforge.git.directory import GitDir
from localforge.git.history import is_ancestor
from localforge.git.refnames import Ref
from localforge.guard import move_guarded
from localforge.operations import Area
from localforge.paging import page_of
from localforge.refs import Move
from localforge.render.commits import git_ref

area = Area()


@area("GET", "/repos/{owner}/{repo}/git/ref/{ref*}", "git/get-ref", needs="contents:read")
def get_ref(call: Call) -> Answer:
    """One ref, by `heads/…` or `tags/…`."""
    found = refnames.ref(call.git, "refs/" + call.params["ref"])
    if found is None:
        refuse_empty(call.git)
        raise NotFoundError
    return ok(git_ref(call.view, call.repo, found))


@area(
    "GET", "/repos/{owner}/{repo}/git/matching-refs/{ref*}", "git/list-matching-refs", needs="contents:read"
)
def list_matching_refs(call: Call) -> Answer:
    """The refs whose names begin so."""
    refuse_empty(call.git)
    prefix = "refs/" + call.params["ref"]
    found = refnames.refs(call.git, prefix) if "\0" not in prefix else []
    return page_of(call, found).answer(lambda ref: git_ref(call.view, call.repo, ref))


@area("GET", "/repos/{owner}/{repo}/git/refs", "git/list-refs", needs="contents:read")
def list_refs(call: Call) -> Answer:
    """Every ref; no longer described, and still answered."""
    refuse_empty(call.git)
    return page_of(call, refnames.refs(call.git, "refs/")).answer(
        lambda ref: git_ref(call.view, call.repo, ref)
    )


@area("POST", "/repos/{owner}/{repo}/git/refs", "git/create-ref", needs="contents:write")
def create_ref(call: Call) -> Answer:
    """A new ref at an existing object."""
    refuse_empty(call.git)
    name, sha = call.body.text("ref"), call.body.text("sha")
    if not refnames.valid(name):
        raise InvalidError("Reference name must start with 'refs/' and contain at least two slashes.")
    kind = _kind(call.git, name, sha)
    if refnames.ref(call.git, name):
        raise InvalidError("Reference already exists")
    move_guarded(call.forge, call.repo, [Move(ref=name, before=ZERO_SHA, after=sha)], call.actor)
    shown = git_ref(call.view, call.repo, Ref(name=name, sha=sha, kind=kind))
    return created(shown, location=str(shown["url"]))


@area("PATCH", "/repos/{owner}/{repo}/git/refs/{ref*}", "git/update-ref", needs="contents:write")
def update_ref(call: Call) -> Answer:
    """Move a ref forward, or anywhere with `force`."""
    name, sha = "refs/" + call.params["ref"], call.body.text("sha")
    force = call.body.maybe_flag("force") or False
    with call.forge.ref_lock(call.repo.id):
        present = refnames.ref(call.git, name)
        if present is None:
            refuse_empty(call.git)
            raise InvalidError("Reference does not exist")
        kind = _kind(call.git, name, sha)
        if not force and not is_ancestor(call.git, present.sha, sha):
            raise InvalidError("Update is not a fast forward")
        if present.sha != sha:
            move_guarded(call.forge, call.repo, [Move(ref=name, before=present.sha, after=sha)], call.actor)
    return ok(git_ref(call.view, call.repo, Ref(name=name, sha=sha, kind=kind)))


@area("DELETE", "/repos/{owner}/{repo}/git/refs/{ref*}", "git/delete-ref", needs="contents:write")
def delete_ref(call: Call) -> Answer:
    """Delete a ref; never the default branch."""
    name = "refs/" + call.params["ref"]
    with call.forge.ref_lock(call.repo.id):
        present = refnames.ref(call.git, name)
        if present is None:
            refuse_empty(call.git)
            raise InvalidError("Reference does not exist")
        if name == refnames.BRANCH + refnames.head_branch(call.git):
            raise InvalidError("Cannot delete the default branch")
        move_guarded(call.forge, call.repo, [Move(ref=name, before=present.sha, after=ZERO_SHA)], call.actor)
    return no_content()


def refuse_empty(git: GitDir) -> None:
    """409 for a repository without any ref, as the Git Data API has it."""
    if refnames.branch_sha(git, refnames.head_branch(git)) is None and not git.text(
        "for-each-ref", "--count=1"
    ):
        raise ConflictError("Git Repository is empty.")


def _kind(git: GitDir, name: str, sha: str) -> str:
    """The kind of the object that a ref shall point at; 422 when it is missing or wrong for a branch."""
    found = git.info(sha) if refnames.SHA.fullmatch(sha) else None
    if found is None:
        raise InvalidError("Object does not exist")
    if name.startswith(refnames.BRANCH) and found[1] != "commit":
        raise InvalidError("Reference update failed: a branch must point at a commit")
    return found[1]
