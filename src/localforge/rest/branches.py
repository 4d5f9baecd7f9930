"""Branches and tags: lists, one branch, renaming."""

from localforge.access import Role, role_on
from localforge.call import Answer, Call, created, ok
from localforge.errors import ForbiddenError, InvalidError, NotFoundError
from localforge.events import ZERO_SHA
from localforge.forge import Forge
from localforge.git import refnames
from localforge.git.objects import Commit, commit
from localforge.git.refnames import Ref
from localforge.json_types import Json
from localforge.operations import Area
from localforge.paging import page_of
from localforge.refs import SETTLERS, Move, move
from localforge.render.branches import branch_with_protection, short_branch
from localforge.render.rulesets import rules as ruleset_rules
from localforge.rulesets import binding
from localforge.store import repos
from localforge.store.database import Tx
from localforge.store.repos import RefChange
from localforge.urls import node_id

area = Area()


@area("GET", "/repos/{owner}/{repo}/branches", "repos/list-branches", needs="contents:read")
def list_branches(call: Call) -> Answer:
    """All branches, or those that are protected or not."""
    found = refnames.refs(call.git, refnames.BRANCH)
    if call.query.get("protected") is not None:
        wanted = call.query.flag("protected")
        protected = set(call.db.column(str, "SELECT branch FROM protection WHERE repo_id = ?", call.repo.id))
        found = [ref for ref in found if (ref.name.removeprefix(refnames.BRANCH) in protected) is wanted]
    return page_of(call, found).answer(lambda ref: short_branch(call.view, call.repo, ref))


@area("GET", "/repos/{owner}/{repo}/branches/{branch*}", "repos/get-branch", needs="contents:read")
def get_branch(call: Call) -> Answer:
    """One branch with its head commit."""
    name = call.params["branch"]
    return ok(branch_with_protection(call.view, call.repo, name, branch_head(call, name)))


@area(
    "POST", "/repos/{owner}/{repo}/branches/{branch*}/rename", "repos/rename-branch", needs="contents:write"
)
def rename_branch(call: Call) -> Answer:
    """Rename a branch; its protection, and HEAD where it is the default branch, follow."""
    old, new = call.params["branch"], call.body.text("new_name")
    with call.forge.ref_lock(call.repo.id):
        head = branch_head(call, old)
        is_default = old == refnames.head_branch(call.git)
        if is_default and role_on(call.db, call.repo, call.actor.user) < Role.ADMIN:
            raise ForbiddenError("Must have admin rights to Repository.")
        if not refnames.valid(refnames.BRANCH + new):
            raise InvalidError(f"{new} is not a valid branch name")
        if refnames.branch_sha(call.git, new):
            raise InvalidError("Branch already exists")
        moves = [
            Move(ref=refnames.BRANCH + old, before=head.sha, after=ZERO_SHA),
            Move(ref=refnames.BRANCH + new, before=ZERO_SHA, after=head.sha),
        ]
        cause: dict[str, Json] = {"kind": "rename", "old": old, "new": new}
        move(call.forge, call.repo.id, moves, call.actor.account.id, cause)
    return created(branch_with_protection(call.view, call.repo, new, head))


@area("GET", "/repos/{owner}/{repo}/tags", "repos/list-tags", needs="contents:read")
def list_tags(call: Call) -> Answer:
    """Tags, last name first."""
    found = refnames.refs(call.git, refnames.TAG)
    return page_of(call, found[::-1]).answer(lambda ref: _tag(call, ref))


@area(
    "GET", "/repos/{owner}/{repo}/rules/branches/{branch*}", "repos/get-branch-rules", needs="metadata:read"
)
def get_branch_rules(call: Call) -> Answer:
    """The rules of active rulesets that bind a branch, whether or not it is there."""
    view = call.view
    found = binding(call.forge, call.repo, refnames.BRANCH + call.params["branch"])
    rules = [rule for item in found for rule in ruleset_rules(view, call.repo, item)]
    return page_of(call, rules).answer(lambda rule: rule)


def branch_head(call: Call, name: str) -> Commit:
    """The commit at the head of a branch; 404 when there is none."""
    sha = refnames.branch_sha(call.git, name)
    head = commit(call.git, sha) if sha else None
    if head is None:
        raise NotFoundError("Branch not found")
    return head


def _settle_rename(forge: Forge, tx: Tx, change: RefChange) -> None:
    """The branch has its new name: HEAD and protection follow."""
    old, new = str(change.cause["old"]), str(change.cause["new"])
    if change.after == ZERO_SHA:
        return
    git = forge.git(change.repo_id)
    if refnames.head_branch(git) == old:
        git.run("symbolic-ref", "HEAD", refnames.BRANCH + new)
    protection = repos.protection_of(tx, change.repo_id, old)
    if protection:
        tx.update("protection", protection.id, branch=new)


SETTLERS["rename"] = _settle_rename


def _tag(call: Call, ref: Ref) -> dict[str, Json]:
    name = ref.name.removeprefix(refnames.TAG)
    peeled = call.git.info(f"{ref.sha}^{{commit}}")
    sha = peeled[0] if peeled else ref.sha
    url = call.urls.repo(call.view.full_name(call.repo))
    return {
        "name": name,
        "zipball_url": f"{url}/zipball/{ref.name}",
        "tarball_url": f"{url}/tarball/{ref.name}",
        "commit": {"sha": sha, "url": f"{url}/commits/{sha}"},
        "node_id": node_id("REF", call.repo.id, ref.name[:200]),
    }
