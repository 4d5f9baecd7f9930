"""Mutations of repositories, refs and commits: `createCommitOnBranch` above all."""

import base64
import binascii

from localforge import repositories
from localforge.access import Role, can_see
from localforge.body import Body
from localforge.errors import ForbiddenError, NotFoundError
from localforge.events import ZERO_SHA, RepositoryEvent
from localforge.git import refnames
from localforge.git.directory import GitDir
from localforge.git.edit import Edits, Leaf, edit_tree, entry_at, malformed
from localforge.git.history import is_ancestor
from localforge.git.objects import Draft, write_commit, write_object
from localforge.graph.change import named, payload, permit, read
from localforge.graph.fields import Ask, Fields, QueryError
from localforge.graph.nodes import CommitNode, Person, RefNode, Repo
from localforge.graph.repositories import ref_node
from localforge.guard import move_guarded
from localforge.json_types import Json
from localforge.moment import to_epoch
from localforge.refs import Move
from localforge.render.commits import ident_of
from localforge.store import accounts, repos
from localforge.store.repos import Repository

fields = Fields()

Root = object


@fields("Mutation", "createCommitOnBranch")
def create_commit(_root: Root, ask: Ask) -> dict[str, object]:
    """One commit on top of a branch that is where the caller expects it; every file gets mode 100644."""
    given = read(ask)
    repo, branch = _branch(ask, given.object("branch") or Body({}))
    permit(ask, repo, "contents:write", Role.WRITE, content=True)
    expected = given.text("expectedHeadOid")
    message = given.object("message") or Body({})
    headline, body = message.text("headline"), message.maybe_text("body")
    git, forge = ask.view.forge.git(repo.id), ask.call.forge
    with forge.ref_lock(repo.id):
        head = refnames.branch_sha(git, branch)
        if head != expected:
            raise QueryError(
                f'Expected branch to point to "{head}" but it did not. Pull and try again.', "STALE_DATA"
            )
        edits = _edits(git, head, given.object("fileChanges") or Body({}))
        ident = ident_of(ask.view.actor.account, to_epoch(forge.clock()))
        draft = Draft(
            tree=edit_tree(git, f"{head}^{{tree}}", edits),
            parents=(head,),
            message=f"{headline}\n\n{body}" if body else headline,
            author=ident,
            committer=ident,
        )
        commit = write_commit(git, draft)
        target = Move(ref=refnames.BRANCH + branch, before=head, after=commit.sha)
        move_guarded(forge, repo, [target], ask.view.actor)
    return payload(
        given,
        commit=CommitNode(repo=repo, commit=commit),
        ref=ref_node(ask, repo, refnames.BRANCH + branch),
    )


@fields("Mutation", "createRef")
def create_ref(_root: Root, ask: Ask) -> dict[str, object]:
    """A new branch or tag."""
    given = read(ask)
    repo = named(ask, Repo, given.text("repositoryId")).repo
    permit(ask, repo, "contents:write", Role.WRITE)
    name, oid = given.text("name"), given.text("oid")
    git = ask.view.forge.git(repo.id)
    if not refnames.valid(name) or not name.startswith((refnames.BRANCH, refnames.TAG)):
        raise QueryError(f"{name[:80]} is not a valid ref name.", "UNPROCESSABLE")
    if refnames.ref(git, name):
        raise QueryError(f'A ref named "{name}" already exists in the repository.', "UNPROCESSABLE")
    _move(ask, repo, Move(ref=name, before=ZERO_SHA, after=_commit_sha(git, oid)))
    return payload(given, ref=ref_node(ask, repo, name))


@fields("Mutation", "updateRef")
def update_ref(_root: Root, ask: Ask) -> dict[str, object]:
    """Move a ref; backwards or sideways only with `force`."""
    given = read(ask)
    node = named(ask, RefNode, given.text("refId"))
    permit(ask, node.repo, "contents:write", Role.WRITE)
    git = ask.view.forge.git(node.repo.id)
    sha = _commit_sha(git, given.text("oid"))
    if not given.maybe_flag("force") and not is_ancestor(git, node.ref.sha, sha):
        raise QueryError("Update is not a fast forward", "UNPROCESSABLE")
    _move(ask, node.repo, Move(ref=node.ref.name, before=node.ref.sha, after=sha))
    return payload(given, ref=ref_node(ask, node.repo, node.ref.name))


@fields("Mutation", "deleteRef")
def delete_ref(_root: Root, ask: Ask) -> dict[str, object]:
    """Remove a branch or tag."""
    given = read(ask)
    node = named(ask, RefNode, given.text("refId"))
    permit(ask, node.repo, "contents:write", Role.WRITE)
    _move(ask, node.repo, Move(ref=node.ref.name, before=node.ref.sha, after=ZERO_SHA))
    return payload(given)


@fields("Mutation", "createRepository")
def create_repository(_root: Root, ask: Ask) -> dict[str, object]:
    """A new, empty repository of the viewer or of an organization they belong to."""
    given = read(ask)
    owner_id, viewer = given.maybe_text("ownerId"), ask.view.actor.account
    owner = named(ask, Person, owner_id).account if owner_id else viewer
    private = given.text("visibility") != "PUBLIC"
    if owner.id != viewer.id and accounts.member_role(ask.db, owner.id, viewer.id) is None:
        raise ForbiddenError("You need admin access to the organization before adding a repository to it.")
    _check_credential(ask, private=private)
    columns: dict[str, Json] = {
        "description": given.maybe_text("description"),
        "homepage": given.maybe_text("homepageUrl"),
        "settings": {
            "has_issues": given.maybe_flag("hasIssuesEnabled") is not False,
            "has_wiki": bool(given.maybe_flag("hasWikiEnabled")),
            "is_template": bool(given.maybe_flag("template")),
        },
    }
    forge = ask.call.forge
    repo = repositories.create(forge, owner, given.text("name"), private=private, columns=columns)
    with forge.store.write() as tx:
        tx.emit(RepositoryEvent(repo_id=repo.id, actor_id=viewer.id, action="created"))
    return payload(given, repository=Repo(repo=repo))


def _check_credential(ask: Ask, *, private: bool) -> None:
    """Making a repository takes the `repo` scope (`public_repo` for a public one), or `administration`."""
    credential = ask.view.actor.credential
    if credential is None:
        raise ForbiddenError
    if credential.scopes is None:
        allowed = credential.permissions.get("administration") == "write"
    else:
        allowed = "repo" in credential.scopes or (not private and "public_repo" in credential.scopes)
    if not allowed:
        raise ForbiddenError


def _move(ask: Ask, repo: Repository, target: Move) -> None:
    move_guarded(ask.call.forge, repo, [target], ask.view.actor)


def _commit_sha(git: GitDir, oid: str) -> str:
    sha = refnames.commit_sha(git, oid) if refnames.SHA.fullmatch(oid) else None
    if sha is None:
        raise QueryError(f"No commit exists with specified expectedHeadOid '{oid[:40]}'.", "NOT_FOUND")
    return sha


def _branch(ask: Ask, given: Body) -> tuple[Repository, str]:
    """The repository and branch that a `CommittableBranch` names, by id or by names."""
    ref_id = given.maybe_text("id")
    if ref_id:
        node = named(ask, RefNode, ref_id)
        return node.repo, node.ref.name.removeprefix(refnames.BRANCH)
    full_name = given.text("repositoryNameWithOwner")
    owner, _, name = full_name.partition("/")
    repo = repos.by_name(ask.db, owner, name)
    if repo is None or not can_see(ask.db, ask.view.actor, repo):
        raise QueryError(f"Could not resolve to a Repository with the name '{full_name}'.", "NOT_FOUND")
    branch = given.text("branchName").removeprefix(refnames.BRANCH)
    if refnames.branch_sha(ask.view.forge.git(repo.id), branch) is None:
        raise NotFoundError(f"Branch {branch} not found")
    return repo, branch


def _edits(git: GitDir, head: str, changes: Body) -> Edits:
    """The blobs written, and what is removed; a file to be removed must be there."""
    edits: dict[str, Leaf | None] = {}
    for item in changes.objects("deletions") or ():
        path = _path(item)
        if entry_at(git, f"{head}^{{tree}}", path) is None:
            raise QueryError(f"A path was requested for deletion which does not exist: {path}", "NOT_FOUND")
        edits[path] = None
    for item in changes.objects("additions") or ():
        try:
            content = base64.b64decode(item.text("contents"), validate=True)
        except (binascii.Error, ValueError) as error:
            raise QueryError("A file's contents are not Base64.", "UNPROCESSABLE") from error
        edits[_path(item)] = Leaf(mode="100644", sha=write_object(git, "blob", content))
    return edits


def _path(item: Body) -> str:
    path = item.text("path")
    if malformed(path):
        raise QueryError(f"A path is malformed: {path[:80]}", "UNPROCESSABLE")
    return path
