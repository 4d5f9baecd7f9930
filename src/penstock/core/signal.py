"""One normalized fact from outside. Poll and webhook of the same fact give the same key."""

from dataclasses import dataclass

from penstock.core.refs import RepoRef

TRUSTED_ASSOCIATIONS = frozenset({"OWNER", "MEMBER", "COLLABORATOR"})
"""GitHub's `author_association` values whose holders the organization let in itself."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestSignal:
    """A person at the command line asks for one recipe over some repositories."""

    recipe: str
    repos: tuple[RepoRef, ...]
    requester: str
    nonce: str

    @property
    def key(self) -> str:
        return f"request:{self.nonce}"


Signal = IssueSignal | RequestSignal


def claims(signal: IssueSignal, *, auto_claim: frozenset[str], ignore: frozenset[str]) -> bool:
    """Is this issue ours to work on: open, labelled for us, and not labelled away."""
    return signal.open and bool(signal.labels & auto_claim) and not signal.labels & ignore
