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

from penstock.core.change.journal import AlreadyOpen, Appended, Draft, Duplicate, Refused
from penstock.core.change.model import Change
from penstock.core.evidence import (
    CheckFact,
    CommitFacts,
    DiffFacts,
    IssueFacts,
    PullFacts,
    RepositoryFacts,
    RequiredChecks,
)
from penstock.core.ledger import Blob, Break
from penstock.core.refs import BlobRef, ChangeId, RepoRef, Sha
from penstock.core.write import AuthorizedWrite, TreeEdit


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


Answered = Appended | Duplicate | Refused | Break | None
"""What became of an event brought from outside; None: there is no such change."""


class ChangeLog(Protocol):
    """Change logs, as people's orders and incoming signals need them."""

    def change(self, change: ChangeId) -> Change | Break | None:
        """The change as its log tells it now; a Break where the log does not hold."""
        ...

    def texts(self) -> NewTexts: ...

    def create(self, change: ChangeId, draft: Draft) -> Appended | AlreadyOpen: ...

    def record(self, change: ChangeId, draft: Draft) -> Answered: ...

    def of_signal(self, key: str) -> tuple[ChangeId, ...]:
        """Every change that this signal started, oldest first."""
        ...


class StopFlag(Protocol):
    """Told to an effect whose change no longer wants it, or whose worker lost its lease."""

    def wanted(self) -> bool:
        """Checked right before every external write."""
        ...


class ForgeReader(Protocol):
    """Reads a forge with a credential that need not be able to write. Missing things are None, never an error."""

    def viewer(self) -> str:
        """Login of the identity that reads."""
        ...

    def repositories(self, owner: str) -> tuple[RepositoryFacts, ...]:
        """Every repository of an organization or user."""
        ...

    def repository(self, repo: RepoRef) -> RepositoryFacts | None:
        """By node id where the forge can, following renames; None when it is gone."""
        ...

    def branch_head(self, repo: RepoRef, branch: str) -> Sha | None: ...

    def tag(self, repo: RepoRef, name: str) -> Sha | None: ...

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

    def issue(self, repo: RepoRef, number: int) -> IssueFacts | None: ...

    def issues(self, repo: RepoRef, labels: Iterable[str]) -> tuple[IssueFacts, ...]:
        """Open issues (not pull requests) that carry at least one of the labels."""
        ...

    def comment_with(self, repo: RepoRef, number: int, marker: str, author: str) -> int | None:
        """Id of the author's comment that contains the marker; others' comments never count (invariant 8)."""
        ...

    def pull(self, repo: RepoRef, number: int) -> PullFacts | None: ...

    def pull_of(self, repo: RepoRef, branch: str) -> PullFacts | None:
        """The newest pull request of that head branch, in any state."""
        ...

    def checks(self, repo: RepoRef, sha: Sha) -> tuple[CheckFact, ...]:
        """Check runs and commit statuses of one exact commit, the latest of each name and app."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What a write left at the forge: an object id or number, as the kind of write has one."""

    sha: Sha | None = None
    number: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NotWritten:
    """The forge or its state refused: a domain outcome. `code`: `base_moved`, `retargeted`, `head_moved`, `branch_taken`,
    `tag_taken`, `not_mergeable`, `protected`, `archived`, `renamed`, `gone`, `tree_differs`, `closed`, `forbidden`."""

    code: str
    detail: str


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
        """`onto`'s tree with every path that differs between `base` and `tree` back as in `base`.

        None if one of these paths is no longer as `tree` has it.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxResult:
    """`exit_code` None: ended by a limit, which `limit` names (`timeout`, `output`, `memory`,
    `disk`). Output is at most 256 KiB."""

    exit_code: int | None
    limit: str
    output: str
    duration_ms: int


class Sandbox(Protocol):
    """Runs untrusted commands away from everything."""

    def run(self, command: str, folder: Path, *, timeout_seconds: int) -> SandboxResult:
        """Run a shell command in `folder`, the only place it can write and keep.

        Raises Permanent `cannot_isolate` where the host cannot isolate.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipeCard:
    """What planning needs to know of a recipe. `text` is its definition, for artifacts and digests."""

    name: str
    title: str
    description: str
    complexity: int
    allowed_paths: tuple[str, ...]
    text: str


class Recipes(Protocol):
    """The recipes there are."""

    def matching(self, labels: frozenset[str], title: str) -> tuple[str, ...]:
        """Names of the recipes whose `match` fits an issue, sorted."""
        ...

    def card(self, name: str) -> RecipeCard | None: ...

    def takes_part(
        self,
        name: str,
        full_name: str,
        paths: Sequence[str],
        read: Callable[[Sequence[str]], Mapping[str, bytes]],
    ) -> bool:
        """Has this repository something for the recipe to do, as far as its `match` can tell."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Brief:
    """What a proposer is asked: which recipe, on what, and a reviewer's or diagnosis's words if there are any."""

    recipe: str
    repo: RepoRef
    base: Sha
    feedback: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposed:
    """The resulting tree (the base's own tree: nothing to change) and how it came about."""

    tree: Sha
    backend: str
    context: str
    duration_ms: int
    repeats: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposalRefused:
    """The agent's work cannot become a proposal. `code`: `failed`, `timeout`, `not_deterministic`,
    `not_idempotent`, `unsafe_tree`, `too_large`, `unknown_recipe`."""

    code: str
    detail: str


class Proposer(Protocol):
    """An agent that writes a tree. It has no credential and cannot act."""

    def propose(self, brief: Brief) -> Proposed | ProposalRefused: ...
