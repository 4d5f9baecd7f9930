"""Merging a pull request: refused in GitHub's words, or a commit made and the base branch moved to it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from localforge.access import Actor, Role, names_of, role_on
from localforge.errors import ConflictError, ForgeError, InvalidError, MethodNotAllowedError
from localforge.events import ZERO_SHA
from localforge.forge import Forge
from localforge.git import refnames
from localforge.git.directory import GitDir
from localforge.git.history import Walk, is_ancestor, oldest_first
from localforge.git.merge import Conflicted, merge_trees, rebase
from localforge.git.objects import Commit, Draft, Ident, commit, write_commit
from localforge.guard import move_guarded
from localforge.json_types import Json
from localforge.moment import to_epoch
from localforge.pulls.messages import Wording, merge_message, squash_message, with_co_authors
from localforge.pulls.readiness import Readiness, readiness
from localforge.pulls.testmerge import COMMITTER
from localforge.refs import Move, move
from localforge.render.commits import ident_of
from localforge.repositories import setting
from localforge.rulesets import RULE_VIOLATIONS, Bound, bound, spares
from localforge.store import accounts, issues, pulls, repos
from localforge.store.issues import Issue
from localforge.store.pulls import Pull
from localforge.store.repos import Repository

Method = Literal["merge", "squash", "rebase"]

HEAD_MOVED = "Head branch was modified. Review and try the merge again."
BASE_MOVED = "Base branch was modified. Review and try the merge again."
NOT_MERGEABLE = "Pull Request is not mergeable"
_SWITCHES: dict[Method, tuple[str, str]] = {
    "merge": ("allow_merge_commit", "Merge commits are not allowed on this repository."),
    "squash": ("allow_squash_merge", "Squash merges are not allowed on this repository."),
    "rebase": ("allow_rebase_merge", "Rebase merges are not allowed on this repository."),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """How to merge; `sha`, when given, is where the head must be."""

    method: Method
    wording: Wording
    sha: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What a refusal depends on besides the wish. `spared`: rulesets that the caller may bypass."""

    issue: Issue
    pull: Pull
    ready: Readiness
    role: Role
    names: frozenset[str]
    spared: frozenset[int]


def refusal(repo: Repository, wish: Wish, standing: Standing) -> ForgeError | None:
    """Why the pull request is not merged this way, in GitHub's words and status; None when it is."""
    switch, words = _SWITCHES[wish.method]
    if standing.issue.state != "open" or standing.pull.merged_at:
        return MethodNotAllowedError(NOT_MERGEABLE)
    if wish.sha is not None and wish.sha != standing.pull.head_sha:
        return ConflictError(HEAD_MOVED)
    if standing.pull.draft:
        return MethodNotAllowedError("Pull Request is still a draft")
    if not setting(repo, switch):
        return MethodNotAllowedError(words)
    if not standing.ready.mergeable:
        return MethodNotAllowedError(NOT_MERGEABLE)
    reasons = unmet(wish, standing)
    return MethodNotAllowedError(" ".join(reasons)) if reasons else None


def unmet(wish: Wish, standing: Standing) -> Sequence[str]:
    """The rules of the base branch that stand against it; administrators pass unless they are bound too."""
    reasons: list[str] = []
    for one, missing in standing.ready.unmet:
        if _passes(one, standing):
            continue
        found = list(missing)
        if one.rules.linear_history and wish.method == "merge":
            found.append("This branch must not contain merge commits.")
        if one.rules.keeps_out(standing.names):
            found.append("You're not authorized to push to this branch.")
        if found and one.ruleset:
            found.insert(0, f"{RULE_VIOLATIONS} ({one.ruleset.name}).")
        reasons += found
    return list(dict.fromkeys(reasons))


def _passes(one: Bound, standing: Standing) -> bool:
    if one.ruleset:
        return one.ruleset.id in standing.spared
    return standing.role is Role.ADMIN and not one.rules.enforce_admins


def merge(forge: Forge, repo: Repository, issue: Issue, actor: Actor, wish: Wish) -> str:
    """Merge; returns the sha that the base branch is at afterwards. Raises the refusal otherwise."""
    with forge.ref_lock(repo.id):
        db = forge.store.db
        issue, pull = issues.by_id(db, issue.id), pulls.of_issue(db, issue.id)
        ready = readiness(forge, repo, issue, pull)
        sets = [one.ruleset for one, _ in ready.unmet if one.ruleset]
        standing = Standing(
            issue=issue,
            pull=pull,
            ready=ready,
            spared=frozenset(item.id for item in sets if spares(db, item, repo, actor, merging=True)),
            role=role_on(db, repo, actor.user),
            names=names_of(db, actor.account),
        )
        error = refusal(repo, wish, standing)
        if error:
            raise error
        git = forge.git(repo.id)
        base = refnames.branch_sha(git, pull.base_ref)
        if base is None:
            raise MethodNotAllowedError(BASE_MOVED)
        merged = _commit(forge, repo, standing, base, actor, wish)
        cause: dict[str, Json] = {"kind": "merge", "pull_id": pull.id, "method": wish.method}
        target = Move(ref=refnames.BRANCH + pull.base_ref, before=base, after=merged)
        move(forge, repo.id, [target], actor.account.id, cause)
        if setting(repo, "delete_branch_on_merge"):
            _delete_head(forge, repo, pull, actor)
    return merged


def update_branch(forge: Forge, issue: Issue, actor: Actor, expected: str | None) -> None:
    """Merge the base branch into the head branch, as the actor; 422 when that is not possible."""
    pull = pulls.of_issue(forge.store.db, issue.id)
    head_repo = repos.by_id(forge.store.db, pull.head_repo_id) if pull.head_repo_id else None
    if head_repo is None or head_repo.id != pull.repo_id or issue.state != "open":
        raise InvalidError("The head branch cannot be updated.")
    with forge.ref_lock(head_repo.id):
        git = forge.git(head_repo.id)
        head, base = (refnames.branch_sha(git, name) for name in (pull.head_ref, pull.base_ref))
        if head is None or base is None:
            raise InvalidError("The head branch cannot be updated.")
        if expected is not None and expected != head:
            raise InvalidError("expected head sha didn’t match current head ref.")
        if is_ancestor(git, base, head):
            raise InvalidError("There are no new commits on the base branch.")
        result = merge_trees(git, head, base)
        if isinstance(result, Conflicted):
            raise InvalidError("merge conflict between base and head")
        now = to_epoch(forge.clock())
        draft = Draft(
            tree=result.tree,
            parents=(head, base),
            message=f"Merge branch '{pull.base_ref}' into {pull.head_ref}",
            author=ident_of(actor.account, now),
            committer=_github(now),
        )
        target = Move(ref=refnames.BRANCH + pull.head_ref, before=head, after=write_commit(git, draft).sha)
        move_guarded(forge, head_repo, [target], actor)


def _commit(forge: Forge, repo: Repository, standing: Standing, base: str, actor: Actor, wish: Wish) -> str:
    """Make what the base branch will point at."""
    git, pull, issue = forge.git(repo.id), standing.pull, standing.issue
    now = to_epoch(forge.clock())
    merger = ident_of(actor.account, now)
    if wish.method == "rebase":
        return _rebased(git, pull, base, merger)
    result = merge_trees(git, base, pull.head_sha)
    if isinstance(result, Conflicted):
        raise MethodNotAllowedError(NOT_MERGEABLE)
    if wish.method == "merge":
        owner = accounts.by_id(forge.store.db, pull.head_owner_id).login
        message = merge_message(repo, issue, pull, owner, wish.wording)
        parents: tuple[str, ...] = (base, pull.head_sha)
        author = merger
    else:
        commits = _proposed(git, pull, base)
        author = ident_of(accounts.by_id(forge.store.db, issue.author_id), now)
        message = with_co_authors(squash_message(repo, issue, commits, wish.wording), author, commits)
        parents = (base,)
    draft = Draft(tree=result.tree, parents=parents, message=message, author=author, committer=_github(now))
    return write_commit(git, draft).sha


def _rebased(git: GitDir, pull: Pull, base: str, merger: Ident) -> str:
    onto = commit(git, base)
    if onto is None:
        raise MethodNotAllowedError(BASE_MOVED)
    result = rebase(git, _proposed(git, pull, base), onto, merger)
    if isinstance(result, Conflicted):
        raise MethodNotAllowedError("This branch can't be rebased")
    return result.sha


def _proposed(git: GitDir, pull: Pull, base: str) -> list[Commit]:
    return oldest_first(git, Walk(include=(pull.head_sha,), exclude=(base,)))


def _github(seconds: int) -> Ident:
    return Ident(name=COMMITTER[0], email=COMMITTER[1], seconds=seconds)


def _delete_head(forge: Forge, repo: Repository, pull: Pull, actor: Actor) -> None:
    """Delete the merged branch, unless it is not ours, not there, protected or the default one."""
    git = forge.git(repo.id)
    head = refnames.branch_sha(git, pull.head_ref)
    if pull.head_repo_id != repo.id or head is None or pull.head_ref == refnames.head_branch(git):
        return
    rules = bound(forge, repo, refnames.BRANCH + pull.head_ref)
    if all(one.ruleset and one.rules.allow_deletions for one in rules):
        gone = Move(ref=refnames.BRANCH + pull.head_ref, before=head, after=ZERO_SHA)
        move(forge, repo.id, [gone], actor.account.id)
