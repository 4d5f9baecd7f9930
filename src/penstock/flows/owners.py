"""Code owners of one repository's patch set: the file at its base, and the people behind it, read now."""

from collections.abc import Mapping
from dataclasses import dataclass

from penstock.core.change.model import Lane
from penstock.core.policy.owners import (
    PLACES,
    CodeOwners,
    InvalidLine,
    Owned,
    judge_owners,
    named_owners,
    owned,
    read_owners,
    to_be_asked,
)
from penstock.core.refs import RepoRef
from penstock.core.verdict import Verdict
from penstock.flows.world import World, diff_of

_NOT_READ = CodeOwners(
    invalid=(InvalidLine(line=1, problem="the file is no ordinary file of at most 1 MiB"),)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ownership:
    """Who owns what of a patch set."""

    known: CodeOwners
    groups: tuple[Owned, ...]

    @property
    def unapproved(self) -> Verdict:
        """Before anybody has approved: whom to ask, if that can be told."""
        return to_be_asked(self.known, self.groups)

    def judge(self, approvers: frozenset[str]) -> Verdict:
        """`approvers`: logins, in any case."""
        return judge_owners(self.known, self.groups, frozenset(login.lower() for login in approvers))


def ownership(world: World, lane: Lane) -> Ownership:
    """The owners of every path that the lane's patch set touches, by the file of its base commit."""
    assert lane.patch_set is not None, "only lanes that take part have owners"  # noqa: S101
    known = _file(world, lane)
    paths = [fact.path for fact in diff_of(world, lane).files]
    people = _people(world, lane.repo, named_owners(known, paths))
    return Ownership(known=known, groups=owned(known, paths, people))


def _file(world: World, lane: Lane) -> CodeOwners:
    assert lane.patch_set is not None, "only lanes that take part have owners"  # noqa: S101
    base, mirrors = lane.patch_set.base_commit, world.repositories
    there = set(mirrors.paths(lane.repo, base))
    place = next((place for place in PLACES if place in there), None)
    if place is None:
        return CodeOwners()
    content = mirrors.files(lane.repo, base, (place,)).get(place)
    return _NOT_READ if content is None else read_owners(content.decode(errors="replace"))


def _people(world: World, repo: RepoRef, owners: frozenset[str]) -> Mapping[str, frozenset[str] | None]:
    """The forge tells nobody whose address is whose, so who is named by one stays unknown."""
    found: dict[str, frozenset[str] | None] = {}
    for owner in owners:
        name = owner.removeprefix("@")
        if not owner.startswith("@"):
            found[owner] = None
        elif "/" in name:
            found[owner] = world.reader.team(repo, name)
        else:
            found[owner] = frozenset({name.lower()})
    return found
