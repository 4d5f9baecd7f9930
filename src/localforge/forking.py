"""Forking: a copy of a repository that knows where it is from, and the network of all of them."""

from dataclasses import dataclass

from localforge import repositories
from localforge.errors import ForbiddenError
from localforge.events import ForkEvent
from localforge.forge import Forge
from localforge.repositories import setting
from localforge.store import repos
from localforge.store.accounts import Account
from localforge.store.database import Db
from localforge.store.repos import Repository

_NETWORK = """
    WITH RECURSIVE network(id) AS (
        SELECT ?1 UNION SELECT repository.id FROM repository JOIN network ON repository.parent_id = network.id
    )
    SELECT repository.* FROM repository JOIN network USING (id) WHERE owner_id = ?2 ORDER BY repository.id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """Whose the fork is to be, how it is to be called, and whether it takes the default branch alone."""

    owner: Account
    name: str
    default_branch_only: bool


def fork(forge: Forge, source: Repository, actor: Account, wish: Wish) -> Repository:
    """The fork; the one that there is where the owner has one already, as on GitHub. 403 when it is not allowed."""
    if source.private and not setting(source, "allow_forking"):
        raise ForbiddenError("The repository exists, but forking is disabled.")
    db = forge.store.db
    known = db.one(
        Repository,
        "SELECT * FROM repository WHERE owner_id = ? AND parent_id = ?",
        wish.owner.id,
        source.id,
    )
    if known:
        return known
    columns = {
        "parent_id": source.id,
        "description": source.description,
        "homepage": source.homepage,
        "settings": {"has_issues": False},
    }
    made = repositories.create(forge, wish.owner, wish.name, private=source.private, columns=dict(columns))
    made = repositories.copy(forge, made, forge.git(source.id), default_branch_only=wish.default_branch_only)
    with forge.store.write() as tx:
        tx.emit(ForkEvent(repo_id=source.id, actor_id=actor.id, fork_id=made.id))
    return made


def in_network(db: Db, repo: Repository, owner_id: int) -> list[Repository]:
    """The owner's repositories among the forks of the same source, that itself included."""
    return db.all(Repository, _NETWORK, root_of(db, repo).id, owner_id)


def root_of(db: Db, repo: Repository) -> Repository:
    """What the network began with."""
    while repo.parent_id and (above := repos.by_id(db, repo.parent_id)):
        repo = above
    return repo
