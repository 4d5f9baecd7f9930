"""Everything the flows need from outside, as Protocols, and the two ways an operation can fail.

PortError
├── Transient   may work later: unreachable, rate limited, 5xx; the only one that is retried
└── Permanent   will not: no permission, gone, refused; carries what to do next
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from penstock.core.dependencies.advisories import Advisory, NotCovered
from penstock.core.dependencies.facts import Ecosystem
from penstock.core.evidence import (
    CheckFact,
    CommitFacts,
    DiffFacts,
    IssueFacts,
    PullFacts,
    RepositoryFacts,
    RequiredChecks,
    ReviewFact,
)
from penstock.core.ledger import Blob
from penstock.core.proposal import Brief, ProposalRefused, Proposed, RecipeCard
from penstock.core.refs import BlobRef, RepoRef, Sha
from penstock.core.secrets import Finding
from penstock.core.write import AuthorizedWrite, NotWritten, TreeEdit, Written

ReadFiles = Callable[[Sequence[str]], Mapping[str, bytes]]


class PortError(Exception):
    """An operation failed. `code` is stable and lower-case; the message is a sentence for a person."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Transient(PortError):
    """May work later. `retry_after` is seconds, where the other side said so."""

    def __init__(self, code: str, message: str, retry_after: float | None = None) -> None:
        super().__init__(code, message)
        self.retry_after = retry_after


class Permanent(PortError):
    """Will not work by trying again."""


class Clock(Protocol):
    def now(self) -> datetime:
        """The current time, aware, in UTC."""
        ...

    def sleep(self, seconds: float) -> None: ...


class Secrets(Protocol):
    """What looks like a secret in texts that come in or go out, and every credential that this process holds."""

    def find(self, text: str) -> tuple[Finding, ...]:
        """In order of lines; never the secret itself."""
        ...

    def redact(self, text: str) -> str:
        """The text without them: nothing is found in it again."""
        ...


class Texts(Protocol):
    """Texts of one effect: sealed when put, stored together with the event that names them."""

    def put(self, text: str) -> BlobRef: ...

    def get(self, ref: BlobRef) -> str | None:
        """A stored text; None once it is erased."""
        ...


class NewTexts(Texts, Protocol):
    """Texts that are put now, to be stored by the append that names them."""

    @property
    def blobs(self) -> tuple[Blob, ...]: ...


class StopFlag(Protocol):
    """Told to an effect whose change no longer wants it, or whose worker lost its lease."""

    def wanted(self) -> bool:
        """Checked right before every external write."""
        ...


class ForgeReader(Protocol):
    """Reads a forge with a credential that need not be able to write. Missing things are None, never an error."""

    def repositories(self, owner: str) -> tuple[RepositoryFacts, ...]:
        """Every repository of an organization or user."""
        ...

    def repository(self, repo: RepoRef) -> RepositoryFacts | None:
        """By node id where the forge can, following renames; None when it is gone."""
        ...

    def branch_head(self, repo: RepoRef, branch: str) -> Sha | None: ...
    def commit(self, repo: RepoRef, sha: Sha) -> CommitFacts | None: ...

    def required_checks(self, repo: RepoRef, branch: str) -> RequiredChecks | None:
        """What protection and rules demand; None where they could not be read (fail closed)."""
        ...

    def permission(self, repo: RepoRef, login: str) -> str | None:
        """`admin`, `maintain`, `write`, `triage`, `read` or `none`; None where it could not be read."""
        ...

    def writers(self, repo: RepoRef) -> frozenset[str] | None:
        """Logins of everybody with write permission; None where that could not be read."""
        ...

    def team(self, repo: RepoRef, name: str) -> frozenset[str] | None:
        """Lower-case logins of an `organization/team` of the repository's owner; None where it could not be read."""
        ...

    def issue(self, repo: RepoRef, number: int) -> IssueFacts | None: ...

    def issues(self, repo: RepoRef, labels: Iterable[str]) -> tuple[IssueFacts, ...]:
        """Open issues (not pull requests) that carry at least one of the labels."""
        ...

    def pull(self, repo: RepoRef, number: int) -> PullFacts | None: ...

    def reviews(self, repo: RepoRef, number: int) -> tuple[ReviewFact, ...]:
        """Submitted reviews of a pull request, then comments worded as one and never edited; each oldest first."""
        ...

    def checks(self, repo: RepoRef, sha: Sha) -> tuple[CheckFact, ...]:
        """Check runs and commit statuses of one exact commit, the latest of each name and app."""
        ...


class ForgeWriter(Protocol):
    """The only thing that holds a credential which can write. Looks before it writes."""

    def apply(self, write: AuthorizedWrite, stop: StopFlag) -> Written | NotWritten:
        """Idempotent: applying the same write again finds what it did before. Raises Transient `stopped`."""
        ...


class Repositories(Protocol):
    """Local bare mirrors: objects of the forge's repositories, and trees that were proposed."""

    def sync(self, repo: RepoRef, clone_url: str, refs: Sequence[str]) -> None:
        """Fetch these branches, tags or commits (full history is not promised; their trees are)."""
        ...

    def tree_of(self, repo: RepoRef, commit: Sha) -> Sha: ...

    def files(self, repo: RepoRef, commit: Sha, paths: Sequence[str]) -> Mapping[str, bytes]:
        """Contents of those regular files that exist at a commit; at most 1 MiB each."""
        ...

    def paths(self, repo: RepoRef, commit: Sha) -> tuple[str, ...]: ...

    def checkout(self, repo: RepoRef, commit: Sha, into: Path) -> None:
        """Write a commit's files below an empty folder; no repository, no links out of it."""
        ...

    def capture(self, repo: RepoRef, base: Sha, folder: Path) -> Sha:
        """The tree id of a folder that untrusted code wrote, read without following links or running git in it.
        Raises Permanent `unsafe_tree` for what may not be captured (a `.git`, devices, sockets) and `too_large`.
        """
        ...

    def facts(self, repo: RepoRef, base: Sha, tree: Sha) -> DiffFacts:
        """What differs between a commit's tree and a tree, from git's raw diff."""
        ...

    def patch(self, repo: RepoRef, base: Sha, tree: Sha) -> str:
        """The difference as text for people; judged never."""
        ...

    def edits(self, repo: RepoRef, from_tree: Sha, to_tree: Sha) -> tuple[TreeEdit, ...]: ...

    def blob(self, repo: RepoRef, sha: Sha) -> bytes: ...

    def merge_tree(self, repo: RepoRef, base: Sha, head: Sha) -> Sha | None:
        """Tree of the three-way merge of two commits, computed locally; None on conflict."""
        ...

    def inverse_tree(self, repo: RepoRef, onto: Sha, base: Sha, tree: Sha) -> Sha | None:
        """`onto` with all that differs between `base` and `tree` as in `base`; None if that is no longer as in `tree`."""
        ...

    def is_undone(self, repo: RepoRef, onto: Sha, before: Sha, after: Sha) -> bool:
        """Is nothing left in `onto` of what the commit `after` changed of the commit `before`."""
        ...


class Advisories(Protocol):
    """A database of known vulnerabilities."""

    def about(
        self, packages: frozenset[tuple[Ecosystem, str]]
    ) -> Mapping[tuple[Ecosystem, str], tuple[Advisory, ...] | NotCovered]:
        """Every advisory about each of these (ecosystem, normalized name), or why it has none to ask."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxResult:
    """`exit_code` None: the limit ended it that `limit` names (`timeout`, `output`, `memory`, `disk`). Output: 256 KiB at most."""

    exit_code: int | None
    limit: str
    output: str
    duration_ms: int


class Sandbox(Protocol):
    """Runs untrusted commands away from everything."""

    def run(self, command: str, folder: Path, *, timeout_seconds: int) -> SandboxResult:
        """A shell command in `folder`, all it can write. Raises Permanent `cannot_isolate` where the host cannot."""
        ...


class Recipes(Protocol):
    """The recipes there are."""

    def matching(self, labels: frozenset[str], title: str) -> tuple[str, ...]:
        """Names of the recipes whose `match` fits an issue, sorted."""
        ...

    def card(self, name: str) -> RecipeCard | None: ...

    def takes_part(self, name: str, full_name: str, paths: Sequence[str], read: ReadFiles) -> bool:
        """Has this repository something for the recipe to do, as far as its `match` can tell."""
        ...


class Proposer(Protocol):
    """An agent that writes a tree. It has no credential and cannot act."""

    def propose(self, brief: Brief) -> Proposed | ProposalRefused: ...
