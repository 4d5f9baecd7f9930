"""Names for things outside and inside: repositories, changes, objects, people."""

from dataclasses import dataclass
from typing import NewType

ChangeId = NewType("ChangeId", str)
"""`c-` and 10 lower-case characters; it names the branch `penstock/<change-id>` too."""

NodeId = NewType("NodeId", str)
"""A repository's stable id at its forge; a rename or transfer does not change it."""

Sha = NewType("Sha", str)
"""A git object id, 40 lower-case hex digits."""

Digest = NewType("Digest", str)
"""`sha256:` and 64 lower-case hex digits."""

BlobRef = NewType("BlobRef", str)
"""Digest of `salt ‖ text`: how a ledger record names a text without containing it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RepoRef:
    """A repository. Identity is (`forge`, `node_id`); `owner` and `name` are how it was last called."""

    forge: str
    node_id: NodeId
    owner: str
    name: str

    @property
    def full_name(self) -> str:
        return f"{self.owner}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who did it: an authenticated identity, never a flag."""

    login: str
    kind: str = "person"
    """`person`, `policy` (Penstock under a policy), or `timer`."""


PENSTOCK = Actor(login="penstock", kind="policy")


def branch_of(change: ChangeId) -> str:
    """The one branch a change writes in each of its repositories."""
    return f"penstock/{change}"


def revert_branch_of(change: ChangeId) -> str:
    """The branch that carries a change's inverse; no prefix of the forward one, so that git can hold both."""
    return f"penstock/{change}-revert"


def rollback_tag_of(change: ChangeId, base: Sha) -> str:
    """The tag placed on the base branch right before the merge (G-15); one for each base that a merge was tried on."""
    return f"penstock/{change}-before-{base[:10]}"
