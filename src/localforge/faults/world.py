"""What somebody else does to a repository at a bad moment: with their events, like any change of theirs."""

from collections.abc import Sequence

from localforge import access
from localforge.errors import NotFoundError
from localforge.forge import Forge
from localforge.git import refnames
from localforge.git.objects import Draft, Ident, commit, write_commit
from localforge.moment import to_epoch
from localforge.refs import Move, move
from localforge.repositories import change
from localforge.store import accounts, pulls
from localforge.store.database import Db
from localforge.store.repos import Repository


def rename(forge: Forge, segments: Sequence[str], name: str | None) -> None:
    """Rename the repository of a path; its old name leads to it, as on GitHub."""
    repo = _repository(forge.store.db, segments)
    if repo is None:
        return
    change(forge, repo, _somebody(forge.store.db, repo), name or f"{repo.name}-moved", {})


def archive(forge: Forge, segments: Sequence[str]) -> None:
    """Archive the repository of a path."""
    repo = _repository(forge.store.db, segments)
    if repo is not None and not repo.archived:
        change(forge, repo, _somebody(forge.store.db, repo), repo.name, {"archived": True})


def move_base(forge: Forge, segments: Sequence[str]) -> None:
    """An empty commit on the base of the pull request in a path, or on the default branch; past any protection."""
    db = forge.store.db
    repo = _repository(db, segments)
    if repo is None:
        return
    git, pull = forge.git(repo.id), None
    if len(segments) > 4 and segments[3] == "pulls" and segments[4].isdecimal():
        pull = pulls.by_number(db, repo.id, int(segments[4]))
    branch = pull.base_ref if pull else refnames.head_branch(git)
    with forge.ref_lock(repo.id):
        tip = refnames.branch_sha(git, branch)
        present = commit(git, tip) if tip else None
        if present is None:
            return
        who = Ident(name="Somebody else", email="somebody@localhost", seconds=to_epoch(forge.clock()))
        parents, words = (present.sha,), "Something else was merged first"
        draft = Draft(tree=present.tree, parents=parents, message=words, author=who, committer=who)
        target = Move(ref=refnames.BRANCH + branch, before=present.sha, after=write_commit(git, draft).sha)
        move(forge, repo.id, [target], _somebody(db, repo))


def _repository(db: Db, segments: Sequence[str]) -> Repository | None:
    """The repository of `/repos/{owner}/{repo}/…` or `/{owner}/{repo}.git/…`."""
    names = segments[1:3] if segments[:1] == ["repos"] else segments[:2]
    if len(names) < 2:
        return None
    try:
        return access.find_repo(db, names[0], names[1].removesuffix(".git"))[0]
    except NotFoundError:
        return None


def _somebody(db: Db, repo: Repository) -> int:
    """Who does it: the owner, or an administrator of the organization."""
    admins = db.column(
        int,
        "SELECT user_id FROM membership WHERE org_id = ? AND role = 'admin' ORDER BY user_id",
        repo.owner_id,
    )
    return admins[0] if admins else accounts.by_id(db, repo.owner_id).id
