"""One normalized fact from outside. Poll and webhook of the same fact give the same key."""

from dataclasses import dataclass

from penstock.core.ledger import canonical, sha256
from penstock.core.refs import ChangeId, Digest, RepoRef

TRUSTED_ASSOCIATIONS = frozenset({"OWNER", "MEMBER", "COLLABORATOR"})
"""GitHub's `author_association` values whose holders the organization let in itself."""


_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's base 32: no letter that looks like another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueSignal:
    """An open issue that carries (or lost) a label which claims it. `title` and `body` are untrusted text."""

    repo: RepoRef
    number: int
    title: str
    body: str
    labels: frozenset[str]
    author: str
    author_association: str
    open: bool

    @property
    def key(self) -> str:
        return f"issue:{self.repo.node_id}:{self.number}"

    @property
    def wording(self) -> Digest:
        """What a newer version of the same signal would differ in."""
        return sha256(canonical([self.title, self.body]))


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestSignal:
    """A person at the command line asks for one recipe over some repositories."""

    recipe: str
    title: str
    repos: tuple[RepoRef, ...]
    requester: str
    nonce: str

    @property
    def key(self) -> str:
        return f"request:{self.nonce}"

    @property
    def wording(self) -> Digest:
        return sha256(canonical([self.recipe, [repo.node_id for repo in self.repos]]))


Signal = IssueSignal | RequestSignal


def claims(signal: IssueSignal, *, auto_claim: frozenset[str], ignore: frozenset[str]) -> bool:
    """Is this issue ours to work on: open, labelled for us, and not labelled away."""
    return signal.open and bool(signal.labels & auto_claim) and not signal.labels & ignore


def change_id(signal_key: str, earlier: int) -> ChangeId:
    """The id of the change that a signal starts, given how many it started before: two processes find the same."""
    number = int(sha256(canonical([signal_key, earlier])).removeprefix("sha256:"), 16)
    return ChangeId("c-" + "".join(_ALPHABET[number >> 5 * place & 31] for place in range(10)))
