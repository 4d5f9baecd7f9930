"""Which repositories are ours to work on."""

from fnmatch import fnmatchcase

from penstock.core.evidence import RepositoryFacts
from penstock.core.refs import NodeId, RepoRef


def ref_of(forge: str, facts: RepositoryFacts) -> RepoRef:
    """The reference to a repository as the forge described it."""
    owner, name = facts.full_name.split("/", 1)
    return RepoRef(forge=forge, node_id=NodeId(facts.node_id), owner=owner, name=name)


def in_scope(facts: RepositoryFacts, include: tuple[str, ...], exclude: tuple[str, ...]) -> bool:
    """Included and not excluded, by globs over the repository's name."""
    name = facts.full_name.split("/", 1)[1]
    return any(fnmatchcase(name, p) for p in include) and not any(fnmatchcase(name, p) for p in exclude)
