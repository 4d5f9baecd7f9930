"""Opening a pull request, and opening one again."""

from dataclasses import dataclass

from localforge.errors import FieldError, InvalidError, field_error
from localforge.forge import Forge
from localforge.git import refnames
from localforge.git.directory import GitDir
from localforge.git.history import Walk, count, is_ancestor, merge_base
from localforge.issues.acting import Act
from localforge.issues.editing import insert, reopen
from localforge.pulls.testmerge import tried_in
from localforge.store import accounts, issues, pulls
from localforge.store.database import Db, Tx
from localforge.store.issues import Issue
from localforge.store.pulls import Pull
from localforge.store.repos import Repository


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A pull request to be: `head` is a branch of `head_repo`, `base` one of the repository it is opened in."""

    title: str
    body: str | None
    head_repo: Repository
    head: str
    base: str
    draft: bool
    maintainer_can_modify: bool


def refused(message: str) -> InvalidError:
    """GitHub's 422 about a pull request as a whole."""
    return InvalidError(errors=(FieldError(resource="PullRequest", code="custom", message=message),))


def open_pull(forge: Forge, repo: Repository, actor_id: int, proposal: Proposal) -> Issue:
    """Open it; InvalidError in GitHub's words when it proposes nothing or is proposed already."""
    with forge.ref_lock(repo.id):
        git = forge.git(repo.id)
        base_sha, head_sha = _ends(forge, git, proposal)
        bring(forge, proposal.head_repo.id, repo.id, head_sha)
        _check_history(git, proposal, base_sha, head_sha)
        with forge.store.write() as tx:
            _check_unique(tx, repo, proposal)
            at = forge.clock()
            text = (proposal.title, proposal.body)
            issue = insert(tx, repo_id=repo.id, is_pull=True, author_id=actor_id, text=text, at=at)
            pull_id = tx.insert(
                "pull",
                issue_id=issue.id,
                repo_id=repo.id,
                number=issue.number,
                head_repo_id=proposal.head_repo.id,
                head_owner_id=proposal.head_repo.owner_id,
                head_ref=proposal.head,
                head_sha=head_sha,
                head_pusher_id=actor_id,
                base_ref=proposal.base,
                base_sha=base_sha,
                draft=proposal.draft,
                maintainer_can_modify=proposal.maintainer_can_modify,
            )
            tried_in(tx, git, pulls.by_id(tx, pull_id))
            Act(tx=tx, issue=issue, actor_id=actor_id, at=at).tell("opened")
    return issue


def reopen_pull(forge: Forge, repo: Repository, act: Act, pull: Pull) -> None:
    """Open a closed one again; 422 when it is merged, its branches are gone, or its head was rewritten."""
    git = forge.git(repo.id)
    base_sha = refnames.branch_sha(git, pull.base_ref)
    source = forge.git(pull.head_repo_id) if pull.head_repo_id else None
    head_sha = refnames.branch_sha(source, pull.head_ref) if source else None
    if pull.merged_at or base_sha is None or head_sha is None:
        gone = pull.base_ref if base_sha is None else pull.head_ref
        why = "The pull request was merged." if pull.merged_at else f"The {gone} branch has been deleted."
        raise refused(f"state cannot be changed. {why}")
    if pull.head_repo_id:
        bring(forge, pull.head_repo_id, repo.id, head_sha)
    if not is_ancestor(git, pull.head_sha, head_sha):
        raise refused(f"state cannot be changed. The {pull.head_ref} branch was force-pushed or recreated.")
    if _taken(act.tx, pull.head_repo_id, pull.head_ref, repo.id, pull.base_ref):
        owner = accounts.by_id(act.tx, pull.head_owner_id).login
        raise refused(f"A pull request already exists for {owner}:{pull.head_ref}.")
    act.tx.update("pull", pull.id, head_sha=head_sha, base_sha=base_sha)
    reopen(act)
    tried_in(act.tx, git, pulls.by_id(act.tx, pull.id))


def move_base(forge: Forge, act: Act, pull: Pull, base: str) -> None:
    """Let an open pull request go into another branch; 422 when there is none, or it is proposed there already."""
    if act.issue.state != "open":
        raise InvalidError("Cannot change the base branch of a closed pull request.")
    git = forge.git(pull.repo_id)
    sha = refnames.branch_sha(git, base)
    if sha is None:
        raise field_error("PullRequest", "base", "invalid", f"Proposed base branch '{base}' was not found")
    if _taken(act.tx, pull.head_repo_id, pull.head_ref, pull.repo_id, base):
        pair = f"base branch '{base}' and head branch '{pull.head_ref}'"
        raise refused(f"A pull request already exists for {pair}")
    retarget(act, pull, base, sha)
    tried_in(act.tx, git, pulls.by_id(act.tx, pull.id))


def retarget(act: Act, pull: Pull, base: str, base_sha: str) -> None:
    """Write that the pull request goes into another branch."""
    act.tx.update("pull", pull.id, base_ref=base, base_sha=base_sha)
    act.change()
    act.note("base_ref_changed")
    act.tell("edited", changes={"base": {"ref": {"from": pull.base_ref}, "sha": {"from": pull.base_sha}}})


def set_draft(act: Act, pull: Pull, *, draft: bool) -> None:
    """Make it a draft, or ready for review."""
    if pull.draft != draft:
        act.tx.update("pull", pull.id, draft=draft)
        act.change()
        act.note("convert_to_draft" if draft else "ready_for_review")
        act.tell("converted_to_draft" if draft else "ready_for_review")


def bring(forge: Forge, source_id: int, target_id: int, sha: str) -> None:
    """Make a commit of a fork, with its history, an object of the repository."""
    git = forge.git(target_id)
    if source_id != target_id and git.info(sha) is None:
        source = str(forge.git_path(source_id))
        git.run("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", source, sha)


def _ends(forge: Forge, git: GitDir, proposal: Proposal) -> tuple[str, str]:
    base_sha = refnames.branch_sha(git, proposal.base)
    head_sha = refnames.branch_sha(forge.git(proposal.head_repo.id), proposal.head)
    if base_sha is None:
        raise field_error("PullRequest", "base")
    if head_sha is None:
        raise field_error("PullRequest", "head")
    return base_sha, head_sha


def _check_history(git: GitDir, proposal: Proposal, base_sha: str, head_sha: str) -> None:
    if merge_base(git, base_sha, head_sha) is None:
        raise refused(f"The {proposal.head} branch has no history in common with {proposal.base}")
    if count(git, Walk(include=(head_sha,), exclude=(base_sha,))) == 0:
        raise refused(f"No commits between {proposal.base} and {proposal.head}")


def _check_unique(tx: Tx, repo: Repository, proposal: Proposal) -> None:
    if _taken(tx, proposal.head_repo.id, proposal.head, repo.id, proposal.base):
        owner = accounts.by_id(tx, proposal.head_repo.owner_id).login
        raise refused(f"A pull request already exists for {owner}:{proposal.head}.")


def _taken(db: Db, head_repo_id: int | None, head: str, repo_id: int, base: str) -> bool:
    same_head = pulls.open_with_head(db, head_repo_id, head) if head_repo_id else []
    return any(pull.repo_id == repo_id and pull.base_ref == base for pull in same_head)


def proposed(db: Db, issue: Issue) -> tuple[Issue, Pull]:
    """The issue and the pull request as they are now."""
    return issues.by_id(db, issue.id), pulls.of_issue(db, issue.id)
