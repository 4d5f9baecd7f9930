"""Which repositories are ours to work on."""

from dataclasses import dataclass
from fnmatch import fnmatchcase

from penstock.core.evidence import RepositoryFacts
from penstock.core.refs import NodeId, RepoRef
from penstock.ports import ForgeReader


def ref_of(forge: str, facts: RepositoryFacts) -> RepoRef:
    """The reference to a repository as the forge described it."""
    owner, name = facts.full_name.split("/", 1)
    return RepoRef(forge=forge, node_id=NodeId(facts.node_id), owner=owner, name=name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """An organization's or user's repositories, chosen by globs over their names. `forge` is what refs are bound to."""

    forge: str
    owner: str
    include: tuple[str, ...]
    exclude: tuple[str, ...]

    def has(self, full_name: str) -> bool:
        """Included and not excluded; names and owners are the same in any case of letters."""
        owner, _, name = full_name.lower().partition("/")
        if owner != self.owner.lower():
            return False
        included, excluded = (
            any(fnmatchcase(name, glob.lower()) for glob in globs) for globs in (self.include, self.exclude)
        )
        return included and not excluded

    def repositories(self, reader: ForgeReader) -> tuple[tuple[RepoRef, RepositoryFacts], ...]:
        return tuple(
            (ref_of(self.forge, facts), facts)
            for facts in reader.repositories(self.owner)
            if self.has(facts.full_name)
        )
