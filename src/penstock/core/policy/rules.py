"""The effective policy of a change, as data. Pinned at creation; a write needs the pinned and today's to allow."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from penstock.core.dependencies.facts import Ecosystem
from penstock.core.ledger import canonical, plain, sha256
from penstock.core.refs import Digest


class Mode(StrEnum):
    """Who may start, approve and merge (governance: Modes)."""

    MANUAL = "manual"
    SUPERVISED = "supervised"
    AUTONOMOUS = "autonomous"


class Tier(StrEnum):
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        return list(Tier).index(self)


class MergeMethod(StrEnum):
    MERGE = "merge"
    SQUASH = "squash"
    REBASE = "rebase"


class Separation(StrEnum):
    """May the requester approve: `auto` while exactly one allow-listed person exists, `required` never."""

    AUTO = "auto"
    REQUIRED = "required"


class Verify(StrEnum):
    """JOINT: CI jobs take siblings from the change's branches. STAGED: providers merge before dependents verify."""

    JOINT = "joint"
    STAGED = "staged"


class Reserved(StrEnum):
    """What people keep to themselves in every mode (`human_approval_required`)."""

    MERGE_TO_MAIN = "merge_to_main"
    BREAKING_CHANGES = "breaking_changes"
    SECURITY_RELATED = "security_related"


ALWAYS_PROTECTED = (
    ".github/**",
    ".circleci/**",
    ".buildkite/**",
    ".woodpecker/**",
    "Jenkinsfile",
    ".gitlab-ci.yml",
    "azure-pipelines.yml",
    ".travis.yml",
    ".gitea/**",
    ".forgejo/**",
    ".semaphore/**",
    ".tekton/**",
    ".drone.yml",
    ".cirrus.yml",
    ".cirrus.star",
    "appveyor.yml",
    ".appveyor.yml",
    "bitbucket-pipelines.yml",
    "cloudbuild.yaml",
    "cloudbuild.yml",
    "buildspec.yml",
    "buildspec.yaml",
    "action.yml",
    "action.yaml",
    "**/CODEOWNERS",
    "AGENTS.md",
    "CLAUDE.md",
    "GEMINI.md",
    "**/.claude/**",
    "**/.cursor/**",
    ".cursorrules",
    "**/.windsurf/**",
    ".windsurfrules",
    "**/.clinerules/**",
    ".clinerules",
    "**/.roo/**",
    "**/.junie/**",
    ".aider.conf.yml",
    ".mcp.json",
    ".gitmodules",
    ".gitattributes",
    ".pre-commit-config.yaml",
    ".husky/**",
    "lefthook.yml",
)
"""What others run or read as orders: CI and Actions, code owners, agent instructions, git's own files, hooks.

No change may touch them, unless a person puts them in its scope.
"""

NEVER_WRITABLE = (
    "config/orchestrator.yml",
    "config/routing/**",
    "config/routing-examples.yml",
    "config/policies/**",
    ".infinity/**",
)
"""Penstock's own policy and records."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CiPolicy:
    """What must be green. `required` adds to the forge's own rules; `expected` false says a repository has no CI."""

    expected: bool = True
    required: tuple[str, ...] = ()
    verify: Verify = Verify.JOINT
    start_timeout_seconds: int = 600
    timeout_seconds: int = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiver:
    """Lets one rule pass on some paths (globs), in somebody's name and for a reason, before a moment."""

    rule: str
    paths: tuple[str, ...]
    owner: str
    reason: str
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentPolicy:
    """Of what changed files hold: ways through one function, bytes of binary files in all, SPDX ids of licences (None: any)."""

    max_function_complexity: int = 40
    max_binary_bytes: int = 0
    licences: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Every rule that judging one change needs. Sizes are counts of files and of changed lines."""

    mode: Mode = Mode.SUPERVISED
    auto_claim_labels: tuple[str, ...] = ("bot-approved", "bot-task")
    ignore_labels: tuple[str, ...] = ("wontfix",)
    max_complexity: int = 7
    auto_fix_attempts: int = 2
    required_reviews: int = 1
    code_owners: bool = False
    """Must an owner of each changed path, as CODEOWNERS names them, have approved."""
    count_reviews: bool = False
    """Do people's reviews at the forge approve merges, and stop them."""
    merge_method: MergeMethod = MergeMethod.SQUASH
    protected_paths: tuple[str, ...] = (".env*", ".github/**", "**/CODEOWNERS")
    frozen_paths: tuple[str, ...] = ()
    """What no change may touch, whatever its scope names."""
    max_files: int = 500
    max_changed_lines: int = 20_000
    separation: Separation = Separation.AUTO
    approval_days: int = 14
    rollback_on_failure: bool = False
    """Is a change taken back whose merge breaks a check of its base branch."""
    ci: CiPolicy = CiPolicy()
    require: tuple[str, ...] = ()
    """Rules that stop a change where they would warn: `lockfile_integrity`, `dependency_audit`, `weakened_tests`, …"""
    forbid: tuple[str, ...] = ()
    """Predicates over added lines that must find nothing: `curl_pipe_sh`, …"""
    tools: tuple[tuple[str, str], ...] = ()
    """(tool, versions): what changed files may declare of it; each of them must hold."""
    waivers: tuple[Waiver, ...] = ()
    registries: tuple[tuple[Ecosystem, tuple[str, ...]], ...] = ()
    """Hosts that packages of an ecosystem may come from; without an entry, its public registry's."""
    human_approval: tuple[Reserved, ...] = tuple(Reserved)
    repository_classes: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """(class, globs over repository names): the first that fits is a repository's class."""
    contents: ContentPolicy = ContentPolicy()


def policy_digest(policy: Policy) -> Digest:
    """Of a policy as data, however it was written."""
    return sha256(canonical(plain(policy)))


def stricter(pinned: Policy, current: Policy) -> Policy:
    """What a write must meet where the policy pinned at creation and today's differ: of both, the tighter demand.

    Predicates over patches are not joined here: they are judged under each.
    """
    ci = replace(
        current.ci,
        expected=pinned.ci.expected or current.ci.expected,
        required=tuple(sorted({*pinned.ci.required, *current.ci.required})),
    )
    separated = Separation.REQUIRED in {pinned.separation, current.separation}
    return replace(
        current,
        required_reviews=max(pinned.required_reviews, current.required_reviews),
        code_owners=pinned.code_owners or current.code_owners,
        count_reviews=pinned.count_reviews and current.count_reviews,
        approval_days=min(pinned.approval_days, current.approval_days),
        separation=Separation.REQUIRED if separated else Separation.AUTO,
        human_approval=tuple(sorted({*pinned.human_approval, *current.human_approval})),
        ci=ci,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Toggles:
    """The break-glass toggles' effective values: of every holder that is set, the strictest."""

    autonomy: bool = True
    automerge: bool = True
    max_prs_per_day: int = 10
    quarantine: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """One place where toggles can be set; None is unset. `readable` false counts as stopped."""

    name: str
    autonomy: bool | None = None
    automerge: bool | None = None
    max_prs_per_day: int | None = None
    quarantine: bool | None = None
    readable: bool = True
    said: str = ""
    """Why it is not readable."""


def effective(holders: tuple[Holder, ...]) -> Toggles:
    """Ratchet: the strictest value that is set wins, the default applies only where none is (invariant 9)."""
    default = Toggles()
    ceilings = [h.max_prs_per_day for h in holders if h.max_prs_per_day is not None]
    return Toggles(
        autonomy=all(h.readable and h.autonomy is not False for h in holders),
        automerge=all(h.readable and h.automerge is not False for h in holders),
        max_prs_per_day=min(ceilings, default=default.max_prs_per_day),
        quarantine=any(h.quarantine is True for h in holders),
    )
