"""How people stand to a repository's conversations: who can be assigned, who is what to the author."""

from functools import lru_cache

from localforge.access import Role, role_on
from localforge.git import refnames
from localforge.git.directory import GitDir
from localforge.render.view import View
from localforge.store import accounts, repos
from localforge.store.accounts import Account
from localforge.store.database import Db
from localforge.store.repos import Repository


def assignable(db: Db, repo: Repository) -> list[Account]:
    """Who can be assigned or asked for a review: owner, members and collaborators with access, by login."""
    granted = db.all(
        Account,
        "SELECT account.* FROM account JOIN collaborator ON collaborator.user_id = account.id"
        " WHERE collaborator.repo_id = ?",
        repo.id,
    )
    owner = accounts.by_id(db, repo.owner_id)
    insiders = accounts.members(db, owner.id) if owner.kind == "Organization" else [owner]
    people = {person.id: person for person in (*granted, *insiders)}
    able = [person for person in people.values() if role_on(db, repo, person) >= Role.READ]
    return sorted(able, key=lambda person: person.login.casefold())


def association(view: View, repo: Repository, author: Account) -> str:
    """`author_association`: OWNER, MEMBER, COLLABORATOR, CONTRIBUTOR (has a commit in it) or NONE."""
    if author.id == repo.owner_id:
        return "OWNER"
    if view.member_role(repo.owner_id, author.id):
        return "MEMBER"
    if repos.collaborator_role(view.db, repo.id, author.id):
        return "COLLABORATOR"
    git = view.forge.git(repo.id)
    tip = refnames.branch_sha(git, refnames.head_branch(git))
    if tip and author.email and author.email.casefold() in _authors(git, tip):
        return "CONTRIBUTOR"
    return "NONE"


@lru_cache(maxsize=128)
def _authors(git: GitDir, tip: str) -> frozenset[str]:
    """The addresses of everybody with a commit in the history of `tip`, which never changes."""
    return frozenset(git.text("log", "--format=%ae", tip).casefold().splitlines())
