"""What a description may say. Unknown keys are refused; `reading` adds where each mistake stands."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from pydantic import ConfigDict

STRICT = ConfigDict(extra="forbid", strict=True)
Roles = Literal["read", "triage", "write", "maintain", "admin"]


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A person."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    login: str
    name: str | None = None
    email: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Team:
    """A team; `parent` is the name of one described before it. Repositories say what it may do."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    name: str
    members: Sequence[str] = ()
    parent: str | None = None
    description: str | None = None
    secret: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Organization:
    """An organization; `members` are logins with their role, one of them `admin`."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    login: str
    members: Mapping[str, Literal["admin", "member"]]
    name: str | None = None
    description: str | None = None
    default_role: Literal["none", "read", "write", "admin"] = "read"
    teams: Sequence[Team] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Comment:
    """A comment; `author` None: the repository's owner, or its organization's first admin, as everywhere below."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    body: str
    author: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """A label beside the nine that every repository begins with, or one of these in other clothes."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    name: str
    color: str = "ededed"
    description: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Milestone:
    """A milestone, named by its title."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    title: str
    description: str | None = None
    state: Literal["open", "closed"] = "open"
    due_on: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """An issue, or `repeat` of them, numbered in `{n}`. `number` None: the next."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    title: str
    body: str | None = None
    author: str | None = None
    state: Literal["open", "closed"] = "open"
    state_reason: Literal["completed", "not_planned", "duplicate", "reopened"] | None = None
    labels: Sequence[str] = ()
    assignees: Sequence[str] = ()
    milestone: str | None = None
    comments: Sequence[Comment] = ()
    number: int | None = None
    repeat: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """A review of a pull request's head."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    author: str
    state: Literal["approved", "changes_requested", "commented"]
    body: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A release; its tag is made at the tip of the default branch where it is not there."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    tag: str
    name: str | None = None
    body: str | None = None
    author: str | None = None
    draft: bool = False
    prerelease: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Pull:
    """A pull request between two branches. What was merged says at which commits; `statuses` are of its head, by context."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    title: str
    head: str
    base: str | None = None
    body: str | None = None
    author: str | None = None
    draft: bool = False
    state: Literal["open", "closed", "merged"] = "open"
    labels: Sequence[str] = ()
    assignees: Sequence[str] = ()
    milestone: str | None = None
    comments: Sequence[Comment] = ()
    reviews: Sequence[Review] = ()
    statuses: Mapping[str, Literal["error", "failure", "pending", "success"]] = field(default_factory=dict)
    number: int | None = None
    head_sha: str | None = None
    base_sha: str | None = None
    merge_commit_sha: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """A branch with one commit `on` another (None: the default one); a file that is null is removed."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    on: str | None = None
    files: Mapping[str, str | None] = field(default_factory=dict)
    message: str = "Change"


@dataclass(frozen=True, slots=True, kw_only=True)
class Protection:
    """The protection of a branch; what is left out is not asked for. The `users` of three rules are logins, or teams as `org/slug`."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    required_checks: Sequence[str] | None = None
    strict: bool = False
    required_reviews: int | None = None
    dismiss_stale: bool = False
    code_owners: bool = False
    last_push_approval: bool = False
    bypass_users: Sequence[str] = ()
    dismissal_users: Sequence[str] | None = None
    enforce_admins: bool = False
    push_users: Sequence[str] | None = None
    linear_history: bool = False
    allow_force_pushes: bool = False
    allow_deletions: bool = False
    block_creations: bool = False
    conversation_resolution: bool = False
    lock_branch: bool = False
    allow_fork_syncing: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook:
    """A webhook."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    url: str
    events: Sequence[str] = ("push",)
    content_type: Literal["json", "form"] = "json"
    secret: str = ""
    active: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class DependencyAlert:
    """An alert of Dependabot's: a package in a manifest, and what is wrong with it."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    package: str
    ecosystem: str
    manifest: str
    ghsa: str
    summary: str
    vulnerable: str
    severity: Literal["low", "medium", "high", "critical"] = "medium"
    patched: str | None = None
    cve: str | None = None
    description: str | None = None
    scope: Literal["development", "runtime"] = "runtime"
    relationship: Literal["unknown", "direct", "transitive"] = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretAlert:
    """An alert of secret scanning's: a secret in a line of a file of the default branch."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    type: str
    secret: str
    path: str
    line: int = 1
    validity: Literal["active", "inactive", "unknown"] = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """A repository `owner/name`, or `repeat` of them, numbered in `{n}`.

    Its default branch holds inline `files`, a `folder`, or what a git `clone` has, with all its branches and tags.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    name: str
    files: Mapping[str, str] | None = None
    folder: str | None = None
    clone: str | None = None
    message: str = "Initial commit"
    private: bool = False
    archived: bool = False
    description: str | None = None
    homepage: str | None = None
    topics: Sequence[str] = ()
    default_branch: str | None = None
    settings: Mapping[str, bool | str] = field(default_factory=dict)
    collaborators: Mapping[str, Roles] = field(default_factory=dict)
    teams: Mapping[str, Roles] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    branches: Mapping[str, Branch] = field(default_factory=dict)
    protection: Mapping[str, Protection] = field(default_factory=dict)
    labels: Sequence[Label] = ()
    milestones: Sequence[Milestone] = ()
    issues: Sequence[Issue] = ()
    pull_requests: Sequence[Pull] = ()
    releases: Sequence[Release] = ()
    hooks: Sequence[Hook] = ()
    dependabot_alerts: Sequence[DependencyAlert] = ()
    secret_alerts: Sequence[SecretAlert] = ()
    repeat: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """A whole description. `history` is a file with what happened, as `export` writes it."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    users: Sequence[User] = ()
    organizations: Sequence[Organization] = ()
    repositories: Sequence[Repository] = ()
    history: str | None = None
