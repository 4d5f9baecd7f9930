"""Facts that judgements rest on, read once from git and the forge and then passed around as values."""

from dataclasses import dataclass
from enum import StrEnum

from penstock.core.dependencies.advisories import Audited
from penstock.core.dependencies.alerts import AlertsRead
from penstock.core.dependencies.facts import FilePair
from penstock.core.refs import Digest, Sha
from penstock.core.secrets import Finding
from penstock.core.sources.api import Break, Unread
from penstock.core.sources.complexity import Tangled
from penstock.core.sources.kinds import Origin
from penstock.core.sources.workflows import WorkflowFinding


class FileStatus(StrEnum):
    ADDED = "added"
    MODIFIED = "modified"
    DELETED = "deleted"
    TYPE_CHANGED = "type_changed"


class FileMode(StrEnum):
    """Git's modes for tree entries; ABSENT stands for the missing side of an addition or deletion."""

    FILE = "100644"
    EXECUTABLE = "100755"
    SYMLINK = "120000"
    SUBMODULE = "160000"
    ABSENT = "000000"


Host = tuple[tuple[str, str | None], ...]
"""(program, version) of what is on one host; None where the program tells none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hazard:
    """A predicate that a policy may forbid, and the added line (from 1) of which it holds."""

    name: str
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """A version of a tool (`node`, `python`, …) as a file has it. `range`: any version within it will do."""

    tool: str
    text: str
    range: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFact:
    """One changed path, as the raw diff of two trees tells it. Renames are a deletion and an addition."""

    path: str
    status: FileStatus
    old_mode: FileMode
    new_mode: FileMode
    old_sha: Sha | None
    new_sha: Sha | None
    additions: int
    deletions: int
    binary: bool
    hidden_characters: bool
    """An added line has bidirectional controls or invisible characters (Trojan Source)."""
    disguised: tuple[str, ...] = ()
    """Where an added line or a new name has letters that pass for others; the first few, each with its line."""
    weakened: tuple[str, ...] = ()
    """Signs that its tests say less than before."""
    unparsable: str | None = None
    """Why the new content is not valid in its language, where that can be told; else None."""
    secrets: tuple[Finding, ...] = ()
    """What looks like one on an added line of the new content, or (line 0) in a new name."""
    hazards: tuple[Hazard, ...] = ()
    """What added lines do that a policy may forbid."""
    tools: tuple[Declared, ...] = ()
    """Versions of tools that the new content declares and the old did not."""
    size: int = 0
    """Bytes of the new content."""
    licence: str = ""
    """The SPDX expression that an added file, or a changed licence's text, names; `?` for one that cannot be told."""
    language: str = ""
    """By its name or first line; empty where that tells none."""
    origin: Origin = Origin.WRITTEN
    line_ends: str = ""
    """How its line ends changed (`LF to CRLF`); empty where they did not."""
    moved: int = 0
    """Of its added lines (`additions`), those that the same patch set takes away elsewhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DiffFacts:
    """What git would produce: the raw difference between the base commit's tree and the proposed tree."""

    base_commit: Sha
    tree: Sha
    files: tuple[FileFact, ...]
    patch_digest: Digest
    """Digest of the normalized patch (no line numbers, no object ids); equal patches form a group."""
    collisions: tuple[tuple[str, str], ...] = ()
    """(new name, other name) of files or folders in the tree that differ in case or Unicode composition only."""
    dependencies: tuple[FilePair, ...] = ()
    """Manifests and lock files that differ, and those in their folders and above that go with them."""
    audits: tuple[Audited, ...] = ()
    """What advisories say of the package versions that come in; one without an entry was not audited."""
    alerts: AlertsRead | None = None
    """Whether the forge's alerts were among those, and when they were read; None: no version comes in."""
    host: Host = ()
    """What Penstock itself runs where this is judged."""
    breaking: tuple[Break, ...] = ()
    """What others may use and that is no longer as it was."""
    unread: tuple[Unread, ...] = ()
    """Source files of which it could not be told whether they break anything."""
    tangled: tuple[Tangled, ...] = ()
    """Functions that were added or made more complex, the most complex first."""
    workflows: tuple[WorkflowFinding, ...] = ()
    """What an audit finds in workflow and action files and did not find before."""
    unaudited: tuple[Unread, ...] = ()
    """Workflow and action files that could not be audited."""
    own_licence: str = ""
    """What the repository itself is under, by its root at the base; only read where a file names a licence."""

    @property
    def additions(self) -> int:
        return sum(f.additions for f in self.files)

    @property
    def deletions(self) -> int:
        return sum(f.deletions for f in self.files)

    @property
    def moved(self) -> int:
        return sum(f.moved for f in self.files)


class CheckStatus(StrEnum):
    QUEUED = "queued"
    RUNNING = "in_progress"
    COMPLETED = "completed"


GREEN = frozenset({"success", "neutral", "skipped"})
"""Conclusions that satisfy a required check (GitHub Docs, "About protected branches")."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckFact:
    """One check run or commit status on one exact commit. `app_id` None: no app vouches for it, as for a status."""

    name: str
    app_id: int | None = None
    status: CheckStatus
    conclusion: str
    url: str
    siblings: tuple[tuple[str, Sha], ...] = ()
    """(full name, commit) of each sibling repository that the job says it tested with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequiredChecks:
    """What a branch demands: rules ∪ protection ∪ configuration. `strict`: the branch must be up to date.

    `names`: from whoever reports them. `apps`: (name, app id), from that app only.
    """

    names: frozenset[str]
    apps: frozenset[tuple[str, int]] = frozenset()
    strict: bool
    approving_reviews: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryFacts:
    """A repository as the forge describes it now."""

    node_id: str
    full_name: str
    default_branch: str
    archived: bool
    clone_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PullFacts:
    """A pull request as the forge describes it now."""

    number: int
    url: str
    open: bool
    merged: bool
    merge_commit: Sha | None
    head: Sha
    head_branch: str
    base_ref: str
    author: str
    merged_by: str | None = None


class ReviewState(StrEnum):
    """What a submitted review says; a dismissed one says nothing any more."""

    APPROVED = "APPROVED"
    CHANGES_REQUESTED = "CHANGES_REQUESTED"
    COMMENTED = "COMMENTED"
    DISMISSED = "DISMISSED"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewFact:
    """One review of a pull request, or a comment there that is worded as one.

    `name` is what the pull request's page calls it. `head` is the commit it was given on, which a comment names itself;
    None where the forge does not know it. `person`: the forge says that its author is one.
    """

    name: str
    author: str
    state: ReviewState
    head: Sha | None
    person: bool
    comment: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitFacts:
    sha: Sha
    tree: Sha
    parents: tuple[Sha, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueFacts:
    number: int
    title: str
    body: str
    labels: frozenset[str]
    author: str
    author_association: str
    open: bool
    url: str
